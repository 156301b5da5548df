// SPDX-License-Identifier: MIT
// Programs the agent starts: with a process group, signal mask and descriptors of their own, so that nothing of the agent
// leaks into them and they can be ended as a whole.
#pragma once
#include "common/fd.h"
#include "common/result.h"

#include <string>
#include <string_view>
#include <sys/types.h>
#include <vector>

namespace emu::guest_agent {

/// Where a program's standard streams go.
enum class Stream : u8 { null, pipe, same_as_output };

struct SpawnOptions {
    std::vector<std::string> command;       ///< command[0] is looked for in PATH
    std::vector<std::string> environment;   ///< used if `own_environment`
    bool own_environment = false;
    Stream input = Stream::null, output = Stream::null, error = Stream::null;
};

/// A started program: its process, and our ends of the pipes asked for (non-blocking).
struct Spawned {
    pid_t pid = 0;
    Fd input, output, error;
};
Result<Spawned> spawn(const SpawnOptions& options);

struct Finished {
    int status = 0;        ///< as waitpid(2) gives it
    bool timed_out = false;
    std::string output;    ///< standard output and error, the first 64 KiB
    bool success() const;
    /// "exit status 3", "signal 9", "time-out".
    std::string outcome() const;
};
/// Run to the end, five minutes at most.
Result<Finished> run_program(const std::vector<std::string>& command, std::string_view input);
Result<Finished> run_program_within(const std::vector<std::string>& command, std::string_view input, int milliseconds);

} // namespace emu::guest_agent

// SPDX-License-Identifier: MIT
// execve(): programs of the guest's architecture start Emu anew, without the help of binfmt_misc; others go to the host.
#pragma once
#include "common/bytes.h"
#include "linux_user/abi.h"
#include "linux_user/options.h"

#include <optional>
#include <string>
#include <vector>

namespace emu::linux_user {

class Process;

/// "#! interpreter argument" in the first bytes of a file.
struct Interpreter {
    std::string path;
    std::optional<std::string> argument;
};
std::optional<Interpreter> parse_script(std::string_view head);

/// Is this the first part of a file that the ABI runs?
bool runs_under(const Abi& abi, ConstBytes head);

/// Environment variables that the host's loader would take for Emu's own; they travel as -E options.
struct SplitEnvironment {
    std::vector<std::string> host, guest_only;
};
SplitEnvironment split_environment(const std::vector<std::string>& environment);

/// The command line that starts Emu for a guest program with these options.
std::vector<std::string> emulator_command(const UserOptions& options, std::string_view abi_name, const std::string& program,
                                          const std::vector<std::string>& argv, const std::vector<std::string>& guest_environment);

/// The descriptor that execute() has handed on to this program under this name, else -1.
int inherited_descriptor(std::string_view name);

/// Keep a way back to Emu's own file, for after chroot and the like. Once, at the start.
void remember_emulator();
int emulator_descriptor();

/// Replace the process; returns -errno only.
s64 execute(Process& process, const std::string& path, std::vector<std::string> argv,
            const std::vector<std::string>& environment);

} // namespace emu::linux_user

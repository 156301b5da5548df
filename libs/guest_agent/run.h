// SPDX-License-Identifier: MIT
// The whole agent as a process: configuration, daemon, signals, loop.
#pragma once
#include "guest_agent/config.h"

#include <functional>

namespace emu::guest_agent {

struct Invocation {
    std::string config_file;                               ///< "": the environment's, or the default
    std::vector<std::function<void(Config&)>> changes;     ///< the command line's, over the file's
    bool list = false;                                     ///< print the names of all commands
    bool dump = false;                                     ///< print the configuration
};
/// Until a signal ends it; the exit status.
Result<int> run(const Invocation& invocation);

} // namespace emu::guest_agent

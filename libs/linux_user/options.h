// SPDX-License-Identifier: MIT
// What the user asked for on the command line, as far as the emulation needs to know.
#pragma once
#include "common/types.h"

#include <optional>
#include <string>
#include <vector>

namespace emu::linux_user {

struct UserOptions {
    std::string prefix;              ///< -L
    u64 stack_size = u64(8) << 20;   ///< -s
    std::string cpu;                 ///< -cpu; "": the first model
    std::vector<std::string> set_env, unset_env; ///< -E, -U
    std::optional<std::string> argv0; ///< -0
    std::string uname_release;       ///< -r; "": the host's
    u64 guest_base = 0;              ///< -B
    u64 reserve = 0;                 ///< -R
    std::string gdb;                 ///< -g: where to wait for gdb; "": nowhere
    u64 page_size = 0;               ///< -p; 0: the host's
    std::optional<u64> seed;         ///< -seed
    std::vector<std::string> plugins; ///< -plugin
    bool strace = false;
    bool one_insn_per_tb = false;
    bool interpreter = false;        ///< -interpreter: no translation
    std::string tier = "2";          ///< -tier: 1, 2 or "2,sync"
    std::string code_cache;          ///< -code-cache: directory for translations
    bool perf_map = false, jit_dump = false;
    u64 hot_threshold = 0;           ///< -hot-threshold; 0: the engine's own
    std::string log_items, log_file, log_filter; ///< -d, -D, -dfilter, to hand them on to programs that the guest executes

    std::string program;
    std::vector<std::string> arguments; ///< without argv[0]
};

} // namespace emu::linux_user

// SPDX-License-Identifier: MIT
// The conversation with one gdb: a packet's payload in, the answer out. Knows nothing of sockets.
#pragma once
#include "gdb/target.h"

#include <string>
#include <string_view>

namespace emu::gdb {

class Session {
public:
    explicit Session(Target& target, std::string_view os_abi = "GNU/Linux") : target_(target), os_abi_(os_abi) {}

    /// The answer; nothing where it comes later, as a stop.
    std::optional<std::string> handle(std::string_view payload);
    /// The answer to what made the target go on.
    std::string stop_reply(const StopEvent& event);
    /// The target runs, and gdb waits for a stop.
    bool running() const { return running_; }
    /// gdb has taken its leave.
    bool over() const { return over_; }
    bool acknowledges() const { return acknowledges_; }

    /// What handle() looks packets up in; the payload without the name.
    using Handler = std::optional<std::string> (Session::*)(std::string_view rest);
    struct Row {
        std::string_view name;
        Handler handler;
        bool whole = false;          ///< nothing but ':', ',' or ';' may follow the name
    };
    static std::span<const Row> table();

private:
    using Reply = std::optional<std::string>;
    Reply why_stopped(std::string_view);
    Reply read_registers(std::string_view);
    Reply write_registers(std::string_view);
    Reply read_register(std::string_view);
    Reply write_register(std::string_view);
    Reply read_memory(std::string_view);
    Reply write_memory_hex(std::string_view);
    Reply write_memory(std::string_view);
    Reply go_on(std::string_view, bool step, bool with_signal);
    Reply cont(std::string_view rest) { return go_on(rest, false, false); }
    Reply cont_signal(std::string_view rest) { return go_on(rest, false, true); }
    Reply step(std::string_view rest) { return go_on(rest, true, false); }
    Reply step_signal(std::string_view rest) { return go_on(rest, true, true); }
    Reply vcont_query(std::string_view);
    Reply vcont(std::string_view);
    Reply interrupt(std::string_view);
    Reply insert(std::string_view rest) { return change_point(rest, true); }
    Reply remove(std::string_view rest) { return change_point(rest, false); }
    Reply change_point(std::string_view, bool present);
    Reply select_thread(std::string_view);
    Reply thread_alive(std::string_view);
    Reply current_thread(std::string_view);
    Reply first_threads(std::string_view);
    Reply more_threads(std::string_view);
    Reply thread_extra(std::string_view);
    Reply supported(std::string_view);
    Reply transfer(std::string_view);
    Reply attached(std::string_view);
    Reply no_acknowledgements(std::string_view);
    Reply pass_signals(std::string_view);
    Reply catch_syscalls(std::string_view);
    Reply detach(std::string_view);
    Reply kill(std::string_view);
    Reply kill_answered(std::string_view);
    Reply start_tracking(std::string_view);

    u64 thread_for_registers();
    std::string threads_xml();

    Target& target_;
    std::string_view os_abi_;
    u64 general_ = 0, resuming_ = 0; ///< chosen by Hg and Hc; 0: any, ~0: all
    StopEvent last_;
    bool running_ = false, over_ = false, acknowledges_ = true;
};

} // namespace emu::gdb

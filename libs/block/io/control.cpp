// SPDX-License-Identifier: MIT
// Commands that do no I/O of their own: breakpoints, waiting, signals, help.
#include "block/io/commands.h"
#include "common/sizes.h"

#include <chrono>
#include <csignal>
#include <cstdlib>
#include <cstring>
#include <fmt/format.h>

namespace emu::block::io {
namespace {

bool aio_flush(Shell& shell, const Command&, const Parsed&) {
    shell.drain();
    return true;
}

bool set_break(Shell& shell, const Command&, const Parsed& parsed) {
    auto done = shell.node()->break_at(parsed.words[0], parsed.words[1]);
    return done ? true : (fmt::print("Could not set breakpoint: {}\n", std::strerror(done.error().code)), false);
}

bool remove_break(Shell& shell, const Command&, const Parsed& parsed) {
    auto done = shell.node()->remove_break(parsed.words[0]);
    return done ? true : (fmt::print("Could not remove breakpoint {}: {}\n", parsed.words[0], std::strerror(done.error().code)), false);
}

bool resume(Shell& shell, const Command&, const Parsed& parsed) {
    auto done = shell.node()->resume_break(parsed.words[0]);
    return done ? true : (fmt::print("Could not resume request: {}\n", std::strerror(done.error().code)), false);
}

bool wait_break(Shell& shell, const Command&, const Parsed& parsed) {
    auto done = shell.node()->wait_break(parsed.words[0]);
    return done ? true : (fmt::print("Could not wait for {}: {}\n", parsed.words[0], std::strerror(done.error().code)), false);
}

bool sleep(Shell&, const Command&, const Parsed& parsed) {
    auto time = parse_number(parsed.words[0]);
    if (!time) return fmt::print("{} is not a valid number\n", parsed.words[0]), false;
    std::this_thread::sleep_for(std::chrono::milliseconds(*time));
    return true;
}

bool sigraise(Shell&, const Command&, const Parsed& parsed) {
    const auto value = number(parsed.words[0]);
    if (!value) return false;
    if (*value > 64) return fmt::print("{} is not a signal number\n", parsed.words[0]), false;
    std::fflush(stdout);
    ::raise(int(*value));
    return true;
}

bool crash(Shell&, const Command&, const Parsed&) { std::abort(); }
bool quit(Shell& shell, const Command&, const Parsed&) { return shell.quit(), true; }

bool help(Shell&, const Command&, const Parsed& parsed) {
    if (parsed.words.empty()) {
        for (const Command& command : commands()) fmt::print("{}\n", one_line(command));
        fmt::print("\nUse 'help commandname' for extended help.\n");
        return true;
    }
    const Command* command = find_command(parsed.words[0]);
    if (!command) return fmt::print("command {} not found\n", parsed.words[0]), false;
    fmt::print("{}\n", one_line(*command));
    if (!command->help.empty()) fmt::print("\n{}\n", command->help);
    return true;
}

constexpr Command rows[] = {
    {"abort", "", "", 0, 0, "", "simulate a program crash using abort(3)", "", false, false, crash},
    {"aio_flush", "", "", 0, 0, "", "completes all outstanding aio requests", "", true, false, aio_flush},
    {"break", "", "", 2, 2, "event tag", "sets a breakpoint on event and tags the stopped request as tag", "", true, false, set_break},
    {"help", "?", "", 0, 1, "[command]", "help for one or all commands", "", false, false, help},
    {"quit", "q", "", 0, -1, "", "exit the program", "", false, false, quit},
    {"remove_break", "", "", 1, 1, "tag", "remove a breakpoint by tag", "", true, false, remove_break},
    {"resume", "", "", 1, 1, "tag", "resumes the request tagged as tag", "", true, false, resume},
    {"sigraise", "", "", 1, 1, "signal", "raises a signal", "", false, false, sigraise},
    {"sleep", "", "", 1, 1, "", "waits for the given value in milliseconds", "", false, false, sleep},
    {"wait_break", "", "", 1, 1, "tag", "waits for the suspension of a request", "", true, false, wait_break},
};

} // namespace

std::span<const Command> control_commands() { return rows; }

} // namespace emu::block::io

// SPDX-License-Identifier: MIT
// Trace events: what a program does, step by step, for those who look for a reason. Each is a row of trace_events.def.
//
//     EMU_TRACE(block_read, "{} at={} length={}", name(), at, length);
//
// An event that nobody asked for costs one load and one branch. Lines go to stderr, or to the file of -trace file=NAME:
// PID@SECONDS.MICROSECONDS:EVENT FIELDS.
#pragma once
#include "common/cli.h"
#include "common/result.h"
#include "common/types.h"

#include <atomic>
#include <fmt/format.h>
#include <string>
#include <string_view>

namespace emu::trace {

enum class Event : u16 {
#define EMU_TRACE_EVENT(name, fields, summary) name,
#include "common/trace_events.def"
#undef EMU_TRACE_EVENT
    count
};

namespace detail {
extern std::atomic<bool> enabled[usize(Event::count)];
void write(Event event, std::string_view text);
} // namespace detail

inline bool on(Event event) { return detail::enabled[usize(event)].load(std::memory_order_relaxed); }

template <class... T> void emit(Event event, fmt::format_string<T...> format, T&&... arguments) {
    detail::write(event, fmt::vformat(format, fmt::make_format_args(arguments...)));
}

#define EMU_TRACE(event, ...)                                                                                              \
    do {                                                                                                                   \
        if (::emu::trace::on(::emu::trace::Event::event)) ::emu::trace::emit(::emu::trace::Event::event, __VA_ARGS__);     \
    } while (0)

/// "[enable=]PATTERN,events=FILE,file=FILE": patterns of * and ?, with '-' in front they switch off; `events` names a file with
/// one pattern a line. What matches nothing is told through `warn`.
Result<void> configure(std::string_view option, const std::function<void(std::string_view)>& warn);
/// One line for each event.
std::string help();
/// The row that every tool has: -T, -trace. "help" lists the events and ends the program.
cli::Option option();

} // namespace emu::trace

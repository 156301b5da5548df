// SPDX-License-Identifier: MIT
// What Emu says, in two streams that never mix:
//  - user messages ("emu-aarch64: ...") on stderr, for the person who started the tool;
//  - the guest log, chosen with -d items and sent to stderr or to the file of -D.
//
//     if (log::enabled(log::Item::in_asm)) log::print("{:#x}: {}", pc, text);
//
// A disabled item costs one load and one branch. Each call writes whole lines with one write(2) to a descriptor opened
// for appending, so that lines of threads and of forked children do not tear, and nothing is lost in a crash.
#pragma once
#include "common/result.h"

#include <atomic>
#include <fmt/format.h>
#include <string>
#include <string_view>

namespace emu::log {

enum class Item : u32 {
    out_asm = 1u << 0,
    in_asm = 1u << 1,
    op = 1u << 2,
    op_opt = 1u << 3,
    interrupt = 1u << 4, // "int"
    exec = 1u << 5,
    cpu = 1u << 6,
    fpu = 1u << 7,
    cpu_reset = 1u << 8,
    unimp = 1u << 9,
    guest_errors = 1u << 10,
    page = 1u << 11,
    nochain = 1u << 12,
    strace = 1u << 13,
    plugin = 1u << 14,
};

namespace detail {
extern std::atomic<u32> mask;
void write_log(std::string_view text);
} // namespace detail

/// Is one of these items asked for?
template <class... I> bool enabled(Item item, I... others) {
    return (detail::mask.load(std::memory_order_relaxed) & (u32(item) | ... | u32(others))) != 0;
}

/// -d: names separated by commas, added to what is enabled; "all" and "none" as well. The error names the bad item and
/// its nearest relative, or why a known item is not to be had.
Result<void> enable(std::string_view items);
/// The text of "-d help".
std::string help();

/// -D: from now on the log goes to this file ("%d" stands for the process id); "" is stderr again.
Result<void> set_file(std::string_view path, bool append = false);
/// The descriptor of that file, kept away from the low numbers that programs use; -1 while the log is stderr.
int descriptor();

/// One or more whole lines to the log, newline added where it is missing.
template <class... T> void print(fmt::format_string<T...> format, T&&... arguments) {
    detail::write_log(fmt::vformat(format, fmt::make_format_args(arguments...)));
}
inline void write(std::string_view text) { detail::write_log(text); }

/// The name in front of user messages; tools set it once from argv[0].
void set_program(std::string_view name);
const std::string& program();

/// "emu-aarch64: text" on stderr.
void message(std::string_view text);
/// The same with "warning: " in front.
void warning(std::string_view text);
/// The text alone, for those that scripts know without the program's name.
void notice(std::string_view text);
inline void error(const Error& what) { message(what.line()); }

} // namespace emu::log

// SPDX-License-Identifier: MIT
// What an argument of a system call is: how it reaches the host's kernel and how -strace shows it. The rows of
// syscalls.def name these kinds; a wrong name does not compile.
#pragma once
#include "common/types.h"

#include <array>
#include <string_view>

namespace emu::linux_user {

enum class ArgClass : u8 {
    none,
    value,      ///< passed as it is
    int32,      ///< an int: passed as it is, shown signed
    word,       ///< a signed long: sign-extended where the guest's is narrower
    quad,       ///< 64 bits: two registers of a 32-bit ABI (gather_arguments)
    in,         ///< pointer that the kernel reads through, or only compares
    out,        ///< pointer that the kernel writes through, less than a page
    in_next,    ///< buffer whose length is the next argument ...
    out_next,
    in_prev,    ///< ... or the one before
    out_prev,
    out_ints,   ///< array of 32-bit values, their number is the argument before
    struct_in,  ///< a structure described by `format`
    struct_out,
    struct_inout,
    path,       ///< file name, looked up under -L too
    raw_path,   ///< file name that is to be made, changed or removed: not under -L
    string,     ///< any other string
};

/// How -strace shows it.
enum class Show : u8 {
    number, hex, octal, pointer, fd, at_fd, size, text, buffer, structure, flags, choice, signal, mask, wait_status,
};

struct FlagName {
    u64 value;
    std::string_view name;
};

struct ArgKind {
    std::string_view name;
    ArgClass cls;
    Show show = Show::number;
    std::string_view format = {}; ///< of structures
    const FlagName* names = nullptr; ///< of flags and choices, ends with an empty name
};

inline constexpr usize most_arguments = 6;
using ArgList = std::array<u8, most_arguments>; ///< indices into arg_kinds; 0: none

const ArgKind& arg_kind(u8 index);

/// Flags by the names of a table that ends with an empty one, joined by "|"; bits without a name in hexadecimal.
std::string flag_names(const FlagName* names, u64 value);
/// The host's flags of open(). The access mode is a number, not bits, and O_RDONLY is always shown.
std::string open_flag_names(u32 flags);

namespace detail {
// The names alone, for the compile-time look-up; arg_kind.cpp checks that the full table agrees.
inline constexpr std::string_view arg_names[] = {
#define EMU_ARG(name, ...) #name,
#include "linux_user/args.def"
#undef EMU_ARG
};
} // namespace detail

consteval u8 arg_index(std::string_view name) {
    for (usize i = 0; i < std::size(detail::arg_names); i++)
        if (detail::arg_names[i] == name) return u8(i);
    throw "no such kind of argument: see args.def";
}
consteval ArgList parse_args(std::string_view text) {
    ArgList list{};
    usize count = 0;
    while (!text.empty()) {
        usize comma = text.find(',');
        list[count++] = arg_index(text.substr(0, comma));
        text = comma == text.npos ? std::string_view() : text.substr(comma + 1);
    }
    return list;
}

} // namespace emu::linux_user

// SPDX-License-Identifier: MIT
#include "linux_user/syscall.h"

#include <algorithm>
#include <cerrno>
#include <sys/syscall.h>

namespace emu::linux_user {
namespace {

constexpr u8 descriptors_of(const ArgList& list) {
    u8 bits = 0;
    for (unsigned i = 0; i < most_arguments; i++)
        if (list[i] == arg_index("fd") || list[i] == arg_index("dirfd")) bits |= u8(1u << i);
    return bits;
}

constexpr Syscall rows[] = {
#define EMU_SYSCALL(name, handler, arguments, restart)                                                                 \
    {#name, handler, parse_args(arguments), Restart::restart, __NR_##name, 0, {}, false, descriptors_of(parse_args(arguments))},
#define EMU_SYSCALL_AS(name, host, handler, arguments, restart)                                                        \
    {#name, handler, parse_args(arguments), Restart::restart, __NR_##host, 0, {}, std::string_view(#name).ends_with("time64"), descriptors_of(parse_args(arguments))},
#define EMU_REFUSED(name, code, why) {#name, nullptr, {}, Restart::none, -1, code, why, false},
#include "linux_user/syscalls.def"
#undef EMU_SYSCALL
#undef EMU_SYSCALL_AS
#undef EMU_REFUSED
};
static_assert(std::size(rows) == usize(Sys::count));

} // namespace

const Syscall& syscall_row(Sys id) { return rows[usize(id)]; }

SyscallTable::SyscallTable(const Abi& abi) {
    u16 last = 0;
    for (const SyscallNumber& each : abi.numbers) last = std::max(last, each.number);
    rows_.resize(usize(last) + 1);
    for (const SyscallNumber& each : abi.numbers) rows_[each.number] = &syscall_row(each.id);
}

void gather_arguments(const Abi& abi, const Syscall& row, u64 (&arguments)[6]) {
    if (abi.model.word != 4) return;
    u64 registers[6];
    std::copy(std::begin(arguments), std::end(arguments), registers);
    unsigned next = 0;
    for (unsigned i = 0; i < most_arguments; i++) {
        if (arg_kind(row.arguments[i]).cls != ArgClass::quad) {
            arguments[i] = next < 6 ? registers[next++] : 0;
            continue;
        }
        if (abi.aligned_pairs) next += next & 1;
        EMU_ASSERT(next + 1 < 6);
        u64 first = registers[next], second = registers[next + 1];
        next += 2;
        arguments[i] = abi.model.order == Endian::little ? first | second << 32 : second | first << 32;
    }
}

} // namespace emu::linux_user

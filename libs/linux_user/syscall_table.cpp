// SPDX-License-Identifier: MIT
#include "linux_user/syscall.h"

#include <algorithm>
#include <cerrno>
#include <sys/syscall.h>

namespace emu::linux_user {
namespace {

constexpr Syscall rows[] = {
#define EMU_SYSCALL(name, handler, arguments, restart)                                                                 \
    {#name, handler, parse_args(arguments), Restart::restart, __NR_##name, 0, {}},
#define EMU_REFUSED(name, code, why) {#name, nullptr, {}, Restart::none, -1, code, why},
#include "linux_user/syscalls.def"
#undef EMU_SYSCALL
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

} // namespace emu::linux_user

// SPDX-License-Identifier: MIT
// The names of all system calls, see syscalls.def.
#pragma once
#include "common/types.h"

namespace emu::linux_user {

enum class Sys : u16 {
#define EMU_SYSCALL(name, ...) name,
#define EMU_SYSCALL_AS(name, ...) name,
#define EMU_REFUSED(name, ...) name,
#include "linux_user/syscalls.def"
#undef EMU_SYSCALL
#undef EMU_SYSCALL_AS
#undef EMU_REFUSED
    count
};

} // namespace emu::linux_user

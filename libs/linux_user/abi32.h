// SPDX-License-Identifier: MIT
// Structures that 32-bit ABIs have in common.
#pragma once
#include "linux_user/layout.h"

namespace emu::linux_user {

/// struct stat of i386 and arm (arch/*/include/uapi/asm/stat.h).
inline constexpr StatLayout stat_layout_32{
    .size = 64,
    .dev = {0, 4},
    .ino = {4, 4},
    .ino_low = {},
    .mode = {8, 2},
    .nlink = {10, 2},
    .uid = {12, 2},
    .gid = {14, 2},
    .rdev = {16, 4},
    .size_field = {20, 4},
    .blksize = {24, 4},
    .blocks = {28, 4},
    .atime = {32, 4},
    .atime_nsec = {36, 4},
    .mtime = {40, 4},
    .mtime_nsec = {44, 4},
    .ctime = {48, 4},
    .ctime_nsec = {52, 4},
};

/// struct stat64 where nothing is aligned to more than four bytes: i386 (arch/x86/include/uapi/asm/stat.h), and arm's old ABI, whose
/// struct oldabi_stat64 (arch/arm/kernel/sys_oabi-compat.c) is the same.
inline constexpr StatLayout stat64_layout_32{
    .size = 96,
    .dev = {0, 8},
    .ino = {88, 8},
    .ino_low = {12, 4},
    .mode = {16, 4},
    .nlink = {20, 4},
    .uid = {24, 4},
    .gid = {28, 4},
    .rdev = {32, 8},
    .size_field = {44, 8},
    .blksize = {52, 4},
    .blocks = {56, 8},
    .atime = {64, 4},
    .atime_nsec = {68, 4},
    .mtime = {72, 4},
    .mtime_nsec = {76, 4},
    .ctime = {80, 4},
    .ctime_nsec = {84, 4},
};

/// include/uapi/asm-generic/sembuf.h, with 32-bit longs.
inline constexpr SemidLayout semid_layout_32{.size = 64, .otime = {36, 8}, .ctime = {44, 8}, .nsems = {52, 4}};

} // namespace emu::linux_user

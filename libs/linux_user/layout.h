// SPDX-License-Identifier: MIT
// Structures as the guest's ABI lays them out, against how the host does.
//
// Most structures of the system-call interface have the same members everywhere and differ only in the width of `long`,
// in alignment and in byte order. They are described once, by a string with one letter a member, and converted by walking
// it with the rules of each side:
//     w  long or unsigned long        i  32 bits     h  16 bits     b  8 bits     q  64 bits
//     W  signed long: sign-extended where the guest's is narrower
//     p  pointer: guest addresses get the base added            a digit repeats the next letter ("14w")
//     n  64 bits of which only 32 count when a 32-bit ABI writes them (tv_nsec of the time64 structures)
//     t  64 bits that are two words on 32-bit ABIs, the low one first: signal masks, times of the System V IPC structures
// Structures whose members come in another order per ABI (stat) have a table of named fields instead.
#pragma once
#include "common/bytes.h"

#include <span>
#include <string_view>

namespace emu::linux_user {

/// How an ABI writes numbers.
struct DataModel {
    Endian order = Endian::little;
    unsigned word = 8;       ///< bytes of a long and of a pointer
    unsigned align64 = 8;    ///< alignment of 64-bit members in structures (4 on i386)

    bool operator==(const DataModel&) const = default;
};
inline constexpr DataModel host_model{Endian::native, sizeof(long), 8};

usize struct_size(std::string_view format, const DataModel& model);
/// `from` in one model to `to` in the other; both spans are at least struct_size. `pointer_base` is added to what comes out
/// of 'p' members, unless they are null.
void convert_struct(std::string_view format, ConstBytes from, const DataModel& from_model, Bytes to,
                    const DataModel& to_model, u64 pointer_base = 0);

/// A member of a structure with a per-ABI order: where it is and how wide. Width 0: the ABI has no such member.
struct FieldAt {
    u16 offset = 0;
    u8 width = 0;
};

/// struct stat (stat64 on 32-bit ABIs).
struct StatLayout {
    usize size;
    FieldAt dev, ino, ino_low, mode, nlink, uid, gid, rdev, size_field, blksize, blocks;
    FieldAt atime, atime_nsec, mtime, mtime_nsec, ctime, ctime_nsec;
};

/// struct semid64_ds: the two times may be spread.
struct SemidLayout {
    usize size;
    FieldAt otime, ctime, nsems; ///< after the ipc64_perm, which starts the structure
};

void put_field(Bytes to, FieldAt field, u64 value, Endian order);
u64 get_field(ConstBytes from, FieldAt field, Endian order);

/// A bit that has another value in the guest's ABI.
struct FlagPair {
    u32 guest, host;
};
/// Bits of the table are translated, all others pass unchanged.
u32 flags_to_host(std::span<const FlagPair> table, u32 flags);
u32 flags_to_guest(std::span<const FlagPair> table, u32 flags);

} // namespace emu::linux_user

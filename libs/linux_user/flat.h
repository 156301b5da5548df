// SPDX-License-Identifier: MIT
// bFLT, the format of programs for processors without memory management: text, data and bss in one piece, and a list of the
// words that hold addresses (Linux, include/linux/flat.h and fs/binfmt_flat.c). All numbers in the header are big-endian.
#pragma once
#include "linux_user/elf.h"

namespace emu::linux_user {

struct FlatImage {
    u32 entry = 0, data_start = 0, data_end = 0, bss_end = 0; ///< offsets from the beginning of the file
    u32 version = 0;
    bool position_independent = false; ///< the data begins with a table of addresses that ends with ~0
    std::vector<u8> bytes;             ///< the file up to data_end, decompressed
    std::vector<u32> relocations;      ///< as in the file
};

inline constexpr u32 flat_header_size = 64, largest_flat = 256u << 20;

bool is_flat(ConstBytes head);
/// Versions 2 and 4, either as it is, or compressed with gzip behind the header, or in its data alone.
Result<FlatImage> parse_flat(const ElfSource& source);
/// Make all addresses in it those of text (with the header before it) and data that are loaded there.
Result<void> relocate_flat(FlatImage& image, u32 text_at, u32 data_at, Endian order);

} // namespace emu::linux_user

// SPDX-License-Identifier: MIT
// The lists of all decode tables, and which one an instruction is looked up in.
#include "isa/a32/translate.h"
#include "isa/decoder.h"

namespace emu::isa::a32 {

std::span<const Table> decode_tables(Space space) {
    static const Table a32[] = {a32_dp_rows, a32_multiply_rows, a32_media_rows, a32_ldst_rows, a32_branch_rows, vfp_rows, iwmmxt_rows};
    static const Table unconditional[] = {a32_unconditional_rows, vfp_unconditional_rows, neon_three_rows, neon_two_rows,
                                                          neon_shift_rows,        neon_move_rows,         neon_v8_rows, iwmmxt_unconditional_rows};
    static const Table t32[] = {t32_dp_rows, t32_media_rows, t32_ldst_rows, t32_branch_rows};
    static const Table t16[] = {t16_rows};
    switch (space) {
    case Space::a32: return a32;
    case Space::a32_unconditional: return unconditional;
    case Space::t32: return t32;
    default: return t16;
    }
}

namespace {
Found<Insn> find_a32(u32 word, u64 features) {
    static const Decoder<Insn> decoder(decode_tables(Space::a32));
    return decoder.find(word, features);
}
Found<Insn> find_unconditional(u32 word, u64 features) {
    static const Decoder<Insn> decoder(decode_tables(Space::a32_unconditional));
    return decoder.find(word, features);
}
} // namespace

Found<Insn> decode_a32(u32 word, u64 features) { return word >> 28 == 15 ? find_unconditional(word, features) : find_a32(word, features); }

Found<Insn> decode_t32(u32& word, u64 features) {
    static const Decoder<Insn> decoder(decode_tables(Space::t32));
    // DDI 0406C A7.1: Advanced SIMD data processing has U in another place, element and structure accesses another prefix.
    if ((word & 0xef000000) == 0xef000000) {
        word = 0xf2000000 | (word >> 4 & 0x01000000) | (word & 0x00ffffff);
        return features & feature::v6t2 ? find_unconditional(word, features) : Found<Insn>();
    }
    const u32 top = word >> 24;
    if (top == 0xf9 && !(word & 0x00100000)) {
        word = 0xf4000000 | (word & 0x00ffffff);
        return features & feature::v6t2 ? find_unconditional(word, features) : Found<Insn>();
    }
    if (const Found<Insn> found = decoder.find(word, features)) return found;
    if ((top >= 0xec && top <= 0xee) && features & feature::v6t2) return find_a32(word, features);
    if ((top >= 0xfc && top <= 0xfe) && features & feature::v6t2) return find_unconditional(word, features);
    return {};
}

Found<Insn> decode_t16(u16 half, u64 features) {
    static const Decoder<Insn> decoder(decode_tables(Space::t16));
    return features & feature::thumb ? decoder.find(half, features) : Found<Insn>();
}

} // namespace emu::isa::a32

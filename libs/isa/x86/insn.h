// SPDX-License-Identifier: MIT
// One instruction, decoded: which row of the tables it is, its prefixes, and its operands as numbers. Names are those of the
// Intel SDM volume 2, chapter 2 (ModRM, SIB, REX, VEX) and appendix A (the operand letters).
#pragma once
#include "isa/x86/features.h"

#include "common/types.h"

#include <array>
#include <span>
#include <string_view>

namespace emu::isa::x86 {

class Unit;
using Semantic = void(Unit&);

/// Opcode maps. x87 is the escape opcodes D8..DF; vex_* are those behind a VEX prefix.
enum class Map : u8 { one, two, three38, three3a, vex0f, vex38, vex3a, count_ };

/// Mandatory prefix of a row: any does not look.
enum class Prefix : u8 { any, none, p66, f3, f2 };

enum RowFlag : u16 {
    any_flags = 0,
    only64 = 1, no64 = 2,
    default64 = 4,        ///< operand size 64 without REX.W in 64-bit code (push, pop, near branches)
    force64 = 8,          ///< and 66h does not change it
    lockable = 16,        ///< LOCK is allowed when the destination is memory
    vex_l0 = 32, vex_l1 = 64,   ///< only with VEX.L = 0 or 1
    w0 = 128, w1 = 256,   ///< only with (V)EX.W = 0 or 1
    and_vex = 512,        ///< the same row exists behind VEX, with a separate first source
    vex_unary = 1024,     ///< VEX.vvvv names nothing: it has to be 1111b
    vex_unary_m = 2048,   ///< the same in the form with a memory operand
    vex_integer = 4096,   ///< 256 bits only with AVX2
};

/// How an operand is found: the letters of appendix A.
enum class Kind : u8 {
    none, E, G, M, R, I, J, O, Z, X, Y, S, V, W, H, U, L, P, Q, N, B,
    fixed,       ///< a register named in the row: AL, rAX, CL ...
    one,         ///< the constant 1
};
struct OperandSpec {
    Kind kind = Kind::none;
    u8 bits = 0;          ///< 8, 16, 32, 64, 128; or one of the codes below
    u8 fixed = 0;         ///< register number
};
inline constexpr u8 size_v = 1, size_z = 2, size_y = 3, size_x = 4, size_s = 5; ///< 16/32/64, 16/32, 32/64, 128/256, sign-extended byte

struct Row {
    Map map;
    u8 opcode;
    Prefix prefix;
    s16 reg;              ///< ModRM.reg that it takes, -1: any; from 0xc0 on: the whole ModRM byte
    char mod;             ///< 'm' memory only, 'r' register only, ' ' either
    std::string_view name, operands;
    Semantic* semantic;
    u32 arg = 0;
    u16 flags = 0;
    u64 features = 0;
};

struct DecodedOperands {
    std::array<OperandSpec, 4> at{};
    u8 count = 0;
};
constexpr bool has_modrm_operand(Kind k) {
    switch (k) {
    case Kind::E: case Kind::G: case Kind::M: case Kind::R: case Kind::S: case Kind::V: case Kind::W: case Kind::U: case Kind::P:
    case Kind::Q: case Kind::N: return true;
    default: return false;
    }
}
DecodedOperands parse_operands(std::string_view text);

struct Insn {
    const Row* row = nullptr;
    const DecodedOperands* operands = nullptr;
    u8 length = 0;
    bool mode64 = true;
    bool rex = false, rex_w = false, rex_r = false, rex_x = false, rex_b = false;
    bool op16 = false;       ///< 66h
    bool addr_prefix = false;///< 67h
    bool lock = false;
    u8 rep = 0;              ///< 0, F2h or F3h
    s8 segment = -1;         ///< override
    bool vex = false, vex_l = false;
    u8 vex_v = 0;
    u8 opcode = 0, modrm = 0;
    u8 op_bits = 32, addr_bits = 64;
    // Memory operand: base and index are register numbers or none.
    static constexpr u8 no_register = 0xff, rip = 0xfe;
    u8 base = no_register, index = no_register, scale = 0;
    u8 vector_index = 0;     ///< SIB.index as a vector register (VSIB)
    s64 disp = 0;
    u64 imm = 0, imm2 = 0;   ///< sign-extended as its row says

    unsigned mod() const { return modrm >> 6; }
    unsigned reg() const { return unsigned(modrm >> 3 & 7) | (rex_r ? 8u : 0u); }
    unsigned rm() const { return unsigned(modrm & 7) | (rex_b ? 8u : 0u); }
    bool is_memory() const { return modrm < 0xc0; }
};

enum class Decoded : u8 { ok, truncated, undefined };
/// Decode the bytes at hand. truncated: the instruction goes on behind them (or is longer than 15 bytes: undefined).
Decoded decode(ConstBytes code, bool mode64, u64 features, Insn& insn);

/// Every row, for tests and listings.
std::span<const std::span<const Row>> decode_tables();

} // namespace emu::isa::x86

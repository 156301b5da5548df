// SPDX-License-Identifier: MIT
// AES, carry-less multiplication, SHA. The IR's AES steps are those of FIPS 197.
#include "isa/x86/helpers.h"
#include "isa/x86/tables.h"
#include "isa/x86/unit.h"
#include "isa/x86/vector_helper.h"

namespace emu::isa::x86 {

void check_raised(Unit& u) {
    if (!u.in_mode(mode::fp_trapped)) return;
    u.ir.exit_if(u.ir.ne(u.ir.call(helper_simd_check), u.ir.imm64(0)), {ir::ExitKind::trap, trap_simd, u.pc, 0});
    u.ir.call(helper_simd_begin);
}

Val vector_result(Unit& u, VectorOp op, Val source) {
    ir::Builder& ir = u.ir;
    ir.set(slot_vector, source);
    ir.call(helper_vector, {ir.imm64(u64(op) | (u.insn.imm & 0xff) << 8)});
    return ir.get(slot_vector);
}

void vector_call(Unit& u, VectorOp op) {
    // Everything is read before the first helper: it may fault.
    Val sources[2], results[2];
    for (unsigned h = 0; h < u.halves(); h++) sources[h] = u.vec(1, h);
    for (unsigned h = 0; h < u.halves(); h++) results[h] = vector_result(u, op, sources[h]);
    u.set_halves(results);
}

namespace {

/// AESENC, AESENCLAST, AESDEC, AESDECLAST: arg bit 0 = decrypt, bit 1 = last round.
void aes_round(Unit& u) {
    const bool decrypt = u.arg() & 1, last = u.arg() & 2;
    u.each_half([&](Val state, Val key) {
        Val v = u.ir.v1(decrypt ? Op::vaesdec : Op::vaesenc, Lane::i8, state);
        if (!last) v = u.ir.v1(decrypt ? Op::vaesimc : Op::vaesmc, Lane::i8, v);
        return u.ir.v2(Op::vxor, Lane::i64, v, key);
    });
}
void aes_inverse(Unit& u) { u.set_vec({u.ir.v1(Op::vaesimc, Lane::i8, u.vec(1))}); }

/// AESKEYGENASSIST: SubWord of words 1 and 3, and each rotated with the round constant.
void key_assist(Unit& u) {
    ir::Builder& ir = u.ir;
    Val source = u.vec(1), out = ir.vzero();
    for (unsigned i : {0u, 1u}) {
        // ShiftRows leaves four equal columns as they are.
        Val column = ir.vdup(Lane::i32, ir.vget(Type::i32, Lane::i32, source, 2 * i + 1));
        Val word = ir.vget(Type::i32, Lane::i32, ir.v1(Op::vaesenc, Lane::i8, column), 0);
        out = ir.vset(Lane::i32, out, word, 2 * i);
        out = ir.vset(Lane::i32, out, ir.xor_(ir.rotr(word, 8), ir.imm32(u32(u.insn.imm & 0xff))), 2 * i + 1);
    }
    u.set_vec({out});
}

void carryless(Unit& u) {
    const u64 imm = u.insn.imm;
    u.each_half([&](Val a, Val b) {
        auto half = [&](Val v, bool high) { return high ? u.ir.v2(Op::vzip2, Lane::i64, v, v) : v; };
        return u.ir.v2(Op::vpmull, Lane::i64, half(a, imm & 1), half(b, imm & 16), 0);
    });
}

/// arg: ir::ShaStep. SHA256RNDS2 takes its message words from XMM0.
void sha_step(Unit& u) {
    const bool rounds = ir::ShaStep(u.arg()) == ir::ShaStep::sha256rnds2;
    Val destination = u.vec(0), source = u.vec(1);
    u.set_vec({u.ir.v3(Op::vshani, Lane::i32, destination, source, rounds ? u.xmm(0) : source, u.arg() | unsigned(u.insn.imm & 3) << 4)});
}
void sha256_schedule(Unit& u) { u.set_vec({u.ir.v2(Op::vsha256su0, Lane::i32, u.vec(0), u.vec(1))}); }

constexpr auto P6 = Prefix::p66;
constexpr auto N = Prefix::none;
using namespace feature;

constexpr Row rows[] = {
    {Map::three38, 0xdb, P6, -1, ' ', "aesimc", "Vx,Wx", aes_inverse, 0, and_vex | vex_unary | vex_l0, aes},
    {Map::three38, 0xdc, P6, -1, ' ', "aesenc", "Vx,Wx", aes_round, 0, and_vex | vex_l0, aes},
    {Map::three38, 0xdd, P6, -1, ' ', "aesenclast", "Vx,Wx", aes_round, 2, and_vex | vex_l0, aes},
    {Map::three38, 0xde, P6, -1, ' ', "aesdec", "Vx,Wx", aes_round, 1, and_vex | vex_l0, aes},
    {Map::three38, 0xdf, P6, -1, ' ', "aesdeclast", "Vx,Wx", aes_round, 3, and_vex | vex_l0, aes},
    {Map::three3a, 0xdf, P6, -1, ' ', "aeskeygenassist", "Vx,Wx,Ib", key_assist, 0, and_vex | vex_unary | vex_l0, aes},
    {Map::three3a, 0x44, P6, -1, ' ', "pclmulqdq", "Vx,Wx,Ib", carryless, 0, and_vex | vex_l0, pclmul},
    {Map::three38, 0xc8, N, -1, ' ', "sha1nexte", "Vx,Wx", sha_step, u32(ir::ShaStep::sha1nexte), 0, sha},
    {Map::three38, 0xc9, N, -1, ' ', "sha1msg1", "Vx,Wx", sha_step, u32(ir::ShaStep::sha1msg1), 0, sha},
    {Map::three38, 0xca, N, -1, ' ', "sha1msg2", "Vx,Wx", sha_step, u32(ir::ShaStep::sha1msg2), 0, sha},
    {Map::three38, 0xcb, N, -1, ' ', "sha256rnds2", "Vx,Wx", sha_step, u32(ir::ShaStep::sha256rnds2), 0, sha},
    {Map::three38, 0xcc, N, -1, ' ', "sha256msg1", "Vx,Wx", sha256_schedule, 0, 0, sha},
    {Map::three38, 0xcd, N, -1, ' ', "sha256msg2", "Vx,Wx", sha_step, u32(ir::ShaStep::sha256msg2), 0, sha},
    {Map::three3a, 0xcc, N, -1, ' ', "sha1rnds4", "Vx,Wx,Ib", sha_step, u32(ir::ShaStep::sha1rnds4), 0, sha},
};

} // namespace

const std::span<const Row> table_crypto = rows;

} // namespace emu::isa::x86

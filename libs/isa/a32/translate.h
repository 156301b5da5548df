// SPDX-License-Identifier: MIT
// What a semantic function works with: the builder, where the instruction is, the guest's registers by the manual's names, and the
// condition under which the instruction takes effect.
//
// A condition that does not hold leaves either by a jump around the instruction (commit) or by keeping what was there (set_r and its
// like select). Functions that touch memory, raise flags of floating point, call helpers or leave, call commit() before anything
// else; for the others nothing is to be done. A semantic function checks for unallocated field values before it emits anything.
#pragma once
#include "isa/a32/a32.h"
#include "isa/a32/features.h"
#include "isa/pattern.h"

namespace emu::isa::a32 {

using ir::Cond;
using ir::Lane;
using ir::MemFlags;
using ir::Op;
using ir::Type;
using ir::Val;

class Unit;
using Fields = BasicFields<u32>;
using Semantic = void(Unit&, const Fields&);
using Insn = BasicRow<Semantic>;
using Line = BasicLine<Semantic>;
using Table = BasicTable<Insn>;

/// Bits of Isa::mode, all that translation depends on besides the code and the pc.
namespace mode {
using namespace aarch::fp_mode;
inline constexpr u32 big_endian = 64;        ///< data
inline constexpr u32 big_code = 128;
}

class Unit {
public:
    Unit(ir::Builder& builder, const TranslateRequest& request) : ir(builder), request_(request) {}

    ir::Builder& ir;
    u32 pc = 0;          ///< address of this instruction
    u32 raw = 0;         ///< its bits
    unsigned size = 4;   ///< and length
    bool thumb = false;
    u8 it = 0;           ///< ITSTATE of this instruction, 0 outside IT blocks
    u8 next_it = 0;      ///< of the next one
    u64 next = 0;        ///< pc where translation goes on; a followed branch changes it
    u64 skip = 0;        ///< pc of the first instruction that does not share this one's condition

    u64 features = 0;    ///< of the CPU; in the kernel's code all that there are
    bool has(u64 wanted) const { return (wanted & ~features) == 0; }
    u32 mode() const { return request_.mode; }
    bool big_endian() const { return request_.mode & mode::big_endian; }

    // --- the condition
    /// The condition of this instruction, if it is not known to hold.
    Val pred{};
    /// Leave here unless the condition holds; from now on it is known to.
    void commit() {
        if (!pred) return;
        ir.exit_if(ir.not_(pred), {ir::ExitKind::jump, 0, skip, 0});
        assumed = pred;
        pred = {};
    }
    Val assumed{};       ///< a condition that is known to hold in the rest of the unit
    Val keep_unless(Val value, Val before) { return pred ? ir.select(pred, value, before) : value; }
    void set(unsigned slot, Val value) { ir.set(slot, pred ? ir.select(pred, value, ir.get(slot)) : value); }

    // --- general registers
    u32 pc_value() const { return pc + (thumb ? 4 : 8); }
    Val r(unsigned n) { return n == 15 ? ir.imm32(pc_value()) : ir.get(slot_r0 + n); }
    Val r64(unsigned n) { return ir.zext(r(n), Type::i64); }
    /// Not for 15.
    void set_r(unsigned n, Val value) { set(slot_r0 + n, value); }

    // --- flags
    Val nzcv() { return ir.get(slot_nzcv); }
    void set_nzcv(Val token) { set(slot_nzcv, token); }
    Val carry() { return ir.test(Cond::cs, nzcv()); }
    /// N and Z of a result, C the carry if there is one; the others stay.
    void set_nz(Val result, Val carry = {}) { set_nzcv(ir.flags_logic_keeping(result, carry, nzcv())); }
    /// APSR.Q becomes 1 where the i1 is true.
    void set_q_if(Val saturated) { set(slot_q, ir.or_(ir.get(slot_q), ir.zext(saturated, Type::i32))); }
    bool in_it() const { return it != 0; }

    // --- FP and SIMD registers
    Val q(unsigned n) { return ir.get(slot_v0 + n); }
    void set_qreg(unsigned n, Val value) { set(slot_v0 + n, value); }
    /// D register n in the low half; what is above is of no meaning.
    Val d(unsigned n) { return n & 1 ? ir.v2(Op::vzip2, Lane::i64, q(n >> 1), q(n >> 1)) : q(n >> 1); }
    /// D register n in both halves.
    Val d_twice(unsigned n) { return n & 1 ? d(n) : ir.emit(Op::vcat, Type::v128, 0, q(n >> 1), q(n >> 1)); }
    /// D register n becomes the low half of value.
    void set_d(unsigned n, Val value) {
        Val old = q(n >> 1);
        set_qreg(n >> 1, n & 1 ? ir.emit(Op::vcat, Type::v128, 0, old, value)
                               : ir.vset(Lane::f64, old, ir.vget(Type::f64, Lane::f64, value, 0), 0));
    }
    Val scalar_d(unsigned n) { return ir.vget(Type::f64, Lane::f64, q(n >> 1), n & 1); }
    void set_scalar_d(unsigned n, Val value) { set_qreg(n >> 1, ir.vset(Lane::f64, q(n >> 1), value, n & 1)); }
    Val scalar_s(unsigned n) { return ir.vget(Type::f32, Lane::f32, q(n >> 2), n & 3); }
    void set_scalar_s(unsigned n, Val value) { set_qreg(n >> 2, ir.vset(Lane::f32, q(n >> 2), value, n & 3)); }
    /// The bits of S register n.
    Val s_bits(unsigned n) { return ir.vget(Type::i32, Lane::i32, q(n >> 2), n & 3); }
    void set_s_bits(unsigned n, Val value) { set_qreg(n >> 2, ir.vset(Lane::i32, q(n >> 2), value, n & 3)); }
    /// FPSCR.QC becomes set where the lanes of `exact` and `saturated` differ.
    void accumulate_saturation(Val exact, Val saturated) {
        Val differs = ir.v2(Op::vxor, Lane::i64, exact, saturated);
        ir.set(slot_fpscr_qc, ir.v2(Op::vor, Lane::i64, ir.get(slot_fpscr_qc), differs));
    }

    // --- memory
    /// base + offset as a guest address. A small offset is not wrapped to 32 bits: what it leads to outside of the guest's address
    /// space is not mapped there, so that the access faults and is repeated by the interpreter, which wraps.
    Val address(Val base, s32 offset = 0) {
        u64 k;
        if (ir.is_const(base, k)) return ir.imm64(u32(u32(k) + u32(offset)));
        return ir.add(ir.zext(base, Type::i64), ir.imm64(u64(s64(offset))));
    }
    MemFlags access(unsigned size_log2, bool sign_extend = false) const {
        return {.size_log2 = u8(size_log2), .sign_extend = sign_extend, .big_endian = big_endian()};
    }
    /// Accesses that Linux does not repair raise where they are not aligned (Arm ARM DDI 0406C A3.2.1).
    void check_alignment(Val address, unsigned bytes);
    Val load(Val address, MemFlags flags) {
        commit();
        return ir.load(Type::i32, address, flags);
    }
    Val load32(Val address) { return load(address, access(2)); }
    void store(Val address, Val value, MemFlags flags) {
        commit();
        ir.store(address, value, flags);
    }
    void store32(Val address, Val value) { store(address, value, access(2)); }

    // --- leaving
    /// The encoding is unallocated (or does not exist on this CPU): raise. Nothing may have been set before.
    void unallocated() { trap(u32(Trap::undefined), pc_key(), raw); }
    void trap(u32 code, u64 at, u64 value) {
        commit();
        ir.trap(code, at, ir.imm64(value));
    }
    /// The pc of this instruction, and of the one behind it, as unit keys.
    u64 pc_key() const { return u64(pc) | u64(thumb) | u64(it) << pc_it_shift; }
    u64 next_key() const { return u64(u32(pc + size)) | u64(thumb) | u64(next_it) << pc_it_shift; }
    u64 key(u32 address, bool to_thumb) const { return to_thumb ? address | 1u : address & ~u32(3); }
    /// Stop after this instruction: modes may have changed.
    void sync() {
        commit();
        ir.sync(next_key());
    }
    /// To a known address in an instruction set.
    void jump(u32 to, bool to_thumb) {
        commit();
        ir.jump(key(to, to_thumb));
    }
    /// BranchWritePC: stay in the instruction set.
    void branch_write_pc(Val to);
    /// BXWritePC: bit 0 chooses it. `returns`: this is how functions return.
    void bx_write_pc(Val to, bool returns = false);
    /// LoadWritePC and ALUWritePC: which of the two above depends on the architecture's version.
    void load_write_pc(Val to, bool returns = false) { has(feature::v5) ? bx_write_pc(to, returns) : branch_write_pc(to); }
    void alu_write_pc(Val to, bool returns = false) { !thumb && has(feature::v7) ? bx_write_pc(to, returns) : branch_write_pc(to); }

private:
    const TranslateRequest& request_;
};

/// The row that decodes an instruction on a CPU with these features, or null: unallocated. T32 encodings of VFP and Advanced SIMD
/// instructions are looked up as the A32 ones; `word` becomes that.
Found<Insn> decode_a32(u32 word, u64 features);
Found<Insn> decode_t32(u32& word, u64 features);
Found<Insn> decode_t16(u16 half, u64 features);
/// All tables, for tests and for naming: A32 with and without a condition, T32, T16 (in the upper half of the word).
enum class Space { a32, a32_unconditional, t32, t16 };
std::span<const Table> decode_tables(Space space);

extern const Table a32_dp_rows, a32_multiply_rows, a32_media_rows, a32_ldst_rows, a32_branch_rows, a32_unconditional_rows;
extern const Table t32_dp_rows, t32_media_rows, t32_ldst_rows, t32_branch_rows, t16_rows;
extern const Table vfp_rows, vfp_unconditional_rows, neon_three_rows, neon_two_rows, neon_shift_rows, neon_move_rows, neon_v8_rows;
extern const Table iwmmxt_rows, iwmmxt_unconditional_rows;

} // namespace emu::isa::a32

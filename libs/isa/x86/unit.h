// SPDX-License-Identifier: MIT
// What a semantic function works with: the builder, the decoded instruction, its operands by position, and the flags.
//
//     void add(Unit& u) {
//         Val a = u.read(0), b = u.read(1), sum = u.ir.add(a, b);
//         u.write(0, sum);                         // memory accesses come before the first set
//         u.flags_add(a, b, u.bits(0));
//     }
//
// Integer operands of 8, 16 and 32 bits are i32 values, zero-extended; 64-bit ones are i64.
#pragma once
#include "ir/builder.h"
#include "isa/isa.h"
#include "isa/x86/insn.h"
#include "isa/x86/x86.h"

#include <type_traits>

namespace emu::isa::x86 {

using ir::Cond;
using ir::Lane;
using ir::MemFlags;
using ir::Op;
using ir::Type;
using ir::Val;

/// Bits of Isa::mode.
namespace mode {
inline constexpr u32 rounding = 3, daz = 4, ftz = 8;   ///< MXCSR.RC as MXCSR numbers it
inline constexpr u32 code64 = 16;
inline constexpr u32 fp_trapped = 32;                  ///< some SSE exception is unmasked
inline constexpr u32 mmx = 64;                         ///< the x87 registers are in use as MMX registers
/// Where x87 instructions are done: in the host's registers, which hold the guest's (live); by helpers, this time (once) or always.
/// None of these: they are put there first.
inline constexpr u32 x87_live = 256, x87_once = 512, x87_helpers = 1024;
inline constexpr u32 segmented = 128;                  ///< 32-bit code with a base in ES, SS or DS
}

class Unit {
public:
    Unit(ir::Builder& builder, const TranslateRequest& request) : ir(builder), request_(request), mode64_(request.mode & mode::code64) {}

    ir::Builder& ir;
    Insn insn;
    u64 pc = 0;              ///< of this instruction
    u64 next = 0;            ///< of the one behind it

    bool mode64() const { return mode64_; }
    u32 mode_bits() const { return request_.mode; }
    bool mmx_mode() const { return request_.mode & mode::mmx; }
    const CpuModel& model() const { return *request_.model; }
    u32 arg() const { return insn.row->arg; }
    /// General registers in 64-bit code are 64 bits wide.
    unsigned word_bits() const { return mode64_ ? 64 : 32; }
    Type word_type() const { return mode64_ ? Type::i64 : Type::i32; }

    // --- operands by position
    const OperandSpec& spec(unsigned k) const { return insn.operands->at[k]; }
    unsigned bits(unsigned k) const;
    bool is_memory(unsigned k) const;
    Val read(unsigned k);
    void write(unsigned k, Val value);
    /// Sign-extended to the type of `bits`-wide values.
    static Type type_of(unsigned bits) { return bits == 64 ? Type::i64 : Type::i32; }
    Val imm(unsigned bits, u64 value) { return ir.imm(type_of(bits), bits == 64 ? value : value & ((u64(1) << bits) - 1)); }

    // --- registers
    Val reg(unsigned n, unsigned bits);                 ///< bits 8: with the REX rule for AH..BH
    void set_reg(unsigned n, unsigned bits, Val value);
    /// What a value was before its low `bits` or more were cut out, for those who only look at these.
    Val unmasked(Val v, unsigned bits) const;
    /// An i64 whose low `bits` are those of an i32.
    Val wide_field(Val v, unsigned bits);
    Val word(unsigned n) { return mode64_ ? ir.get(slot_gpr + n) : ir.trunc(ir.get(slot_gpr + n)); }
    void set_word(unsigned n, Val value) { ir.set(slot_gpr + n, ir.zext(value, Type::i64)); }
    Val word_imm(u64 value) { return ir.imm(word_type(), value); }

    // --- memory
    /// Base, index and displacement of the memory operand, in the address size, as i64.
    Val effective();
    /// The segment that is added to it: SS where the base is a stack register, else DS.
    unsigned data_segment() const { return insn.segment >= 0 ? unsigned(insn.segment) : insn.base == rsp || insn.base == rbp ? ss : ds; }
    /// Linear address of the memory operand, `offset` bytes on.
    Val address(s64 offset = 0);
    /// The same without the index, which is a vector (VSIB).
    Val gather_base() {
        insn.index = Insn::no_register;
        return address();
    }
    /// `segment` base plus an effective address in a register.
    Val linear(Val effective, unsigned segment);
    Val load(Val at, unsigned bits);                    ///< zero-extended to type_of(bits)
    void store(Val at, Val value, unsigned bits);
    static MemFlags access(unsigned bits);
    Val stack_address(Val pointer) { return linear(ir.zext(pointer, Type::i64), ss); }
    void push(Val value, unsigned bits);

    // --- vectors (unit_vector.cpp)
    unsigned vector_bits() const { return insn.vex && insn.vex_l ? 256 : 128; }
    unsigned halves() const { return insn.vex && insn.vex_l ? 2 : 1; }
    Val xmm(unsigned n, unsigned half = 0) { return ir.get((half ? slot_ymm_high : slot_xmm) + n); }
    void set_xmm(unsigned n, unsigned half, Val v) { ir.set((half ? slot_ymm_high : slot_xmm) + n, v); }
    /// How a whole vector in memory is accessed: misaligned ones may be refused.
    MemFlags vector_access(unsigned k) const;
    /// Of each half, where there are two: their alignment is looked at before, as a whole.
    MemFlags half_access(unsigned k) const;
    /// Half `half` of a vector operand. MMX operands come zero-extended.
    Val vec(unsigned k, unsigned half = 0);
    /// The low `bits` (32, 64) of a vector operand or of memory, as float or integer.
    Val scalar(unsigned k, Type type);
    /// Write all halves of operand 0 (a V or W); VEX forms clear what lies above.
    void set_vec(std::initializer_list<Val> by_half);
    /// As many halves as the vector has.
    void set_halves(const Val (&by_half)[2]) {
        if (halves() == 2) set_vec({by_half[0], by_half[1]});
        else set_vec({by_half[0]});
    }
    /// Each half from the first and second sources', by itself, as AVX2 does: f(a, b) or f(a, b, half). All sources are read
    /// before anything is set: memory may fault, and the destination may be a source.
    template <class F> void each_half(F f) {
        // A fault on the second half of an operand comes before anything is raised for the first.
        Val results[2], second[2];
        for (unsigned h = 0; h < halves(); h++) second[h] = vec(1, h);
        for (unsigned h = 0; h < halves(); h++) {
            Val a = first(h), b = second[h];
            if constexpr (std::is_invocable_v<F, Val, Val, unsigned>) results[h] = f(a, b, h);
            else results[h] = f(a, b);
        }
        set_halves(results);
    }
    /// Replace the low element of the destination: the rest comes from `rest` (legacy: the destination itself).
    void set_scalar(Val value, Lane lane, Val rest);
    /// First source: H behind VEX, else the destination.
    Val first(unsigned half = 0);
    /// Floats with their signs changed, but not those of NaNs, which go through arithmetic as they are.
    Val negated(Lane lane, Val v);
    bool is_mmx() const { return spec(0).kind == Kind::P || spec(0).kind == Kind::Q || spec(1).kind == Kind::Q || spec(1).kind == Kind::N; }
    Val mmx(unsigned n);
    void set_mmx(unsigned n, Val value);

    // --- flags
    Val flags() { return ir.get(slot_flags); }
    void set_flags(Val token) { ir.set(slot_flags, token); }
    void flags_add(Val a, Val b, unsigned bits) { set_flags(ir.eflags(Op::eflags_add, log_of(bits), a, b)); }
    void flags_sub(Val a, Val b, unsigned bits) { set_flags(ir.eflags(Op::eflags_sub, log_of(bits), a, b)); }
    void flags_adc(Val a, Val b, Val carry, unsigned bits) { set_flags(ir.eflags(Op::eflags_adc, log_of(bits), a, b, carry)); }
    void flags_sbb(Val a, Val b, Val borrow, unsigned bits) { set_flags(ir.eflags(Op::eflags_sbb, log_of(bits), a, b, borrow)); }
    void flags_logic(Val result, unsigned bits) { set_flags(ir.eflags(Op::eflags_logic, log_of(bits), result)); }
    /// INC and DEC of `value`.
    void flags_step(Val value, unsigned bits, bool down);
    /// UCOMIS and the like.
    void flags_float(Val a, Val b, bool signaling);
    /// The token with one flag (ir::eflag_*) replaced by an i1.
    Val with_flag(Val token, u32 flag, Val i1);
    void set_flag(u32 flag, Val i1) { set_flags(with_flag(flags(), flag, i1)); }
    /// All status flags clear.
    Val no_flags() { return ir.imm32(ir::eflag_fixed); }
    /// Condition code of Jcc, SETcc, CMOVcc.
    Val condition(unsigned cc) { return ir.test_eflags(cc, flags()); }
    Val cf() { return condition(ir::cond_b); }
    static unsigned log_of(unsigned bits) { return bits == 8 ? 0 : bits == 16 ? 1 : bits == 32 ? 2 : 3; }
    Val sign(Val value, unsigned bits);
    Val low(Val value, unsigned bits);                  ///< masked to the width
    Val extended(Val value, unsigned bits);             ///< sign-extended within its type
    Val is_zero(Val value, unsigned bits);

    bool in_mode(u32 bits) const { return request_.mode & bits; }

    // --- leaving
    void undefined();
    void trap(u32 code, u64 at, u64 value = 0) { ir.trap(code, at, ir.imm64(value)); }
    void protection() { trap(trap_general_protection, pc); }
    void jump(u64 to) { ir.jump(to); }
    void sync() { ir.sync(next); }

private:
    const TranslateRequest& request_;
    bool mode64_;
};

} // namespace emu::isa::x86

// SPDX-License-Identifier: MIT
// What a semantic function works with: the builder, where the instruction is, and the guest's registers by the manual's names.
//
//     void add_immediate(Unit& u, const Fields& f) {
//         const Type type = u.int_type(f['z']);
//         u.set_x_or_sp(f['d'], u.ir.add(u.x_or_sp(f['n'], type), u.ir.imm(type, f['i'])));
//     }
//
// A semantic function checks for unallocated field values before it emits anything, and does the memory accesses of its
// instruction before its first set.
#pragma once
#include "isa/a64/a64.h"
#include "isa/a64/features.h"
#include "isa/pattern.h"

namespace emu::isa::a64 {

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

/// Bits of Isa::mode, all that translation depends on besides the code.
namespace mode {
using namespace aarch::fp_mode;
inline constexpr u32 el1 = 1u << 8;
inline constexpr u32 fp_trapped = 1u << 9;   ///< CPACR_EL1 refuses FP and SIMD here
inline constexpr u32 uao = 1u << 10;         ///< unprivileged loads and stores are not
}

class Unit {
public:
    Unit(ir::Builder& builder, const TranslateRequest& request) : ir(builder), request_(request) {}

    ir::Builder& ir;
    u64 pc = 0;          ///< of this instruction
    u32 raw = 0;         ///< its bits
    u64 next = 0;        ///< where translation goes on; a followed branch changes it

    bool has(u64 features) const { return (features & ~request_.model->features) == 0; }
    const CpuModel& model() const { return *request_.model; }
    bool system() const { return request_.system; }
    u32 mode() const { return request_.mode; }
    bool el1() const { return request_.mode & mode::el1; }
    /// MMU view of ordinary accesses, and of the unprivileged loads and stores: 0 is EL0, 1 is EL1.
    u8 view() const { return el1() ? 1 : 0; }
    u8 unprivileged_view() const { return el1() && request_.mode & mode::uao ? 1 : 0; }

    // --- general registers; 31 is the zero register or SP as the function's name says
    static Type int_type(u32 sf) { return sf ? Type::i64 : Type::i32; }
    Val x(unsigned n) { return n == 31 ? ir.imm64(0) : ir.get(slot_x0 + n); }
    Val w(unsigned n) { return ir.trunc(x(n)); }
    Val x(unsigned n, Type type) { return type == Type::i64 ? x(n) : w(n); }
    Val x_or_sp(unsigned n) { return n == 31 ? ir.get(slot_sp) : ir.get(slot_x0 + n); }
    Val x_or_sp(unsigned n, Type type) { return type == Type::i64 ? x_or_sp(n) : ir.trunc(x_or_sp(n)); }
    /// i32 values are zero-extended.
    void set_x(unsigned n, Val value) {
        if (n != 31) ir.set(slot_x0 + n, ir.zext(value, Type::i64));
    }
    void set_x_or_sp(unsigned n, Val value) { ir.set(n == 31 ? slot_sp : slot_x0 + n, ir.zext(value, Type::i64)); }

    // --- flags
    Val nzcv() { return ir.get(slot_nzcv); }
    void set_nzcv(Val token) { ir.set(slot_nzcv, token); }
    /// Condition field of an instruction; 14 and 15 are both "always".
    Val test(unsigned cond) { return cond >= 14 ? ir.imm1(true) : ir.test(Cond(cond), nzcv()); }
    Val carry() { return ir.test(Cond::cs, nzcv()); }

    // --- FP and SIMD registers
    Val v(unsigned n) { return ir.get(slot_v0 + n); }
    void set_v(unsigned n, Val value) { ir.set(slot_v0 + n, value); }
    /// A vector result of 64 bits (q = 0) clears the upper half.
    void set_v(unsigned n, Val value, bool q) { ir.set(slot_v0 + n, q ? value : ir.vlow(value)); }
    /// Scalar in the low bits; setting it clears the rest.
    Val scalar(unsigned n, Lane lane, Type type) { return ir.vget(type, lane, v(n), 0); }
    void set_scalar(unsigned n, Val value) { set_v(n, ir.vzext(value)); }
    /// FPSR.QC becomes set where the lanes of `exact` and `saturated` differ.
    void accumulate_saturation(Val exact, Val saturated);

    // --- memory
    /// Flags of an ordinary access of 1 << size_log2 bytes at the current privilege.
    MemFlags access(unsigned size_log2, ir::Order order = ir::Order::relaxed) const {
        return {.size_log2 = u8(size_log2), .order = order, .mmu = view()};
    }

    // --- leaving
    /// The encoding is unallocated (or does not exist on this CPU): raise. Nothing may have been set before.
    void unallocated();
    void jump(u64 to) { ir.jump(to); }
    /// Stop after this instruction: modes or translations may have changed.
    void sync() { ir.sync(pc + 4); }

private:
    const TranslateRequest& request_;
};

/// The row that decodes `word` on a CPU with these features, or null: unallocated.
Found<Insn> decode(u32 word, u64 features);
/// All tables, for tests and for naming.
std::span<const Table> decode_tables();

} // namespace emu::isa::a64

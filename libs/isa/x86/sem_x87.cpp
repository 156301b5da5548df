// SPDX-License-Identifier: MIT
// x87 instructions: escape opcodes D8 to DF (SDM volume 2, appendix A.5). What they do is in x87_helpers.cpp.
#include "isa/x86/helpers.h"
#include "isa/x86/tables.h"
#include "isa/x86/unit.h"
#include "isa/x86/x87_op.h"

#include <array>

namespace emu::isa::x86 {

namespace {

u64 what(const Unit& u) {
    return u.insn.row->arg | u64(u.insn.modrm & 7) << x87_arg::index_shift | (u.insn.op16 ? x87_arg::op16 : 0);
}
Val call(Unit& u, Val condition) { return u.ir.call(helper_x87, {u.ir.imm64(what(u)), condition, u.ir.imm64(u.pc)}); }

Val native(Unit& u) { return u.ir.imm64(u.insn.opcode | u64(u.insn.modrm) << 8 | what(u) << 16); }

/// Environments and the whole state are a helper's business.
bool only_by_helper(X87Op op) {
    return op == X87Op::load_env || op == X87Op::store_env || op == X87Op::save || op == X87Op::restore;
}

/// The instruction itself, on the host's registers; no: a helper is to do it. Those are loaded with the guest's before, and
/// the code is translated anew for that.
enum class Done : u8 { no, yes };
template <class F> Done on_host(Unit& u, F emit) {
    if (u.in_mode(mode::x87_live)) {
        if (only_by_helper(x87_arg::op(u.insn.row->arg))) {
            u.ir.set(slot_x87_once, u.ir.imm32(1));
            u.ir.sync(u.pc);
        } else {
            emit();
        }
        return Done::yes;
    }
    if (u.in_mode(mode::x87_helpers | mode::x87_once)) return Done::no;
    u.ir.call(helper_x87_enter);
    u.ir.sync(u.pc);
    return Done::yes;
}
/// After a helper: what it did was for this one time.
void after_helper(Unit& u) {
    const X87Op op = x87_arg::op(u.insn.row->arg);
    // The control word says how it goes on.
    if (u.in_mode(mode::x87_once) || op == X87Op::load_control || op == X87Op::init || only_by_helper(op)) u.sync();
}

/// FLDCW that unmasks something ends the use of the host's registers.
void load_control(Unit& u) {
    ir::Builder& ir = u.ir;
    Val at = u.address(), masks = ir.imm32(x87_status::exceptions);
    Val unmasks = ir.ne(ir.and_(u.load(at, 16), masks), masks);
    ir.set(slot_x87_once, ir.zext(unmasks, Type::i32));
    ir.exit_if(unmasks, {ir::ExitKind::sync, 0, u.pc, 0});
    ir.set(slot_x87_once, ir.imm32(0));
    ir.call(native_x87_memory, {native(u), at});
}

void memory(Unit& u) {
    const Done done = on_host(u, [&] {
        if (x87_arg::op(u.insn.row->arg) == X87Op::load_control) load_control(u);
        else u.ir.call(native_x87_memory, {native(u), u.address()});
    });
    if (done == Done::yes) return;
    u.ir.call(helper_x87_memory, {u.ir.imm64(what(u)), u.address(), u.ir.imm64(u.pc)});
    after_helper(u);
}
void stack(Unit& u) {
    const Done done = on_host(u, [&] {
        const X87Op op = x87_arg::op(u.insn.row->arg);
        if (op != X87Op::wait && op != X87Op::nop) u.ir.call(native_x87, {native(u)});
    });
    if (done == Done::yes) return;
    call(u, u.ir.imm64(0));
    after_helper(u);
}

/// FCOMI and the like set ZF, PF and CF. Where a helper does it, an unmasked exception leaves them: bit 8 of the answer.
void compare_flags(Unit& u) {
    if (on_host(u, [&] { u.set_flags(u.ir.call(native_x87_compare, {native(u)})); }) == Done::yes) return;
    ir::Builder& ir = u.ir;
    Val answer = ir.trunc(call(u, ir.imm64(0)));
    Val kept = ir.ne(ir.and_(answer, ir.imm32(0x100)), ir.imm32(0));
    Val token = ir.or_(ir.shl(ir.and_(answer, ir.imm32(0x45)), 8u), u.no_flags());
    u.set_flags(ir.select(kept, u.flags(), token));
    after_helper(u);
}

/// FCMOVcc: DA has B, E, BE, U; DB their opposites. Condition codes as of Jcc.
void conditional_move(Unit& u) {
    constexpr u8 codes[] = {2, 4, 6, 10};
    const unsigned cc = codes[u.insn.modrm >> 3 & 3] | (u.insn.opcode & 1);
    const Done done = on_host(u, [&] { u.ir.call(native_x87_move_if, {native(u), u.ir.zext(u.condition(cc), Type::i64)}); });
    if (done == Done::yes) return;
    call(u, u.ir.zext(u.condition(cc), Type::i64));
    after_helper(u);
}

void status_to_ax(Unit& u) {
    const Done done = on_host(u, [&] { u.set_reg(rax, 16, u.ir.call(native_x87_status, {native(u)})); });
    if (done == Done::yes) return;
    u.set_reg(rax, 16, u.ir.trunc(call(u, u.ir.imm64(0))));
    after_helper(u);
}

using F = X87Format;
using O = X87Op;
using x87_arg::make, x87_arg::no_wait, x87_arg::op16, x87_arg::pop, x87_arg::pop2, x87_arg::to_sti, x87_arg::unchecked;
constexpr auto any = Prefix::any;

constexpr Row row(u8 opcode, s16 reg, char mod, std::string_view name, Semantic* semantic, u32 arg) {
    return {Map::one, opcode, any, reg, mod, name, "", semantic, arg, 0, feature::x87};
}

constexpr Row memory_rows[] = {
    row(0xd9, 0, 'm', "fld", memory, make(O::load, F::f32)),
    row(0xd9, 2, 'm', "fst", memory, make(O::store, F::f32)),
    row(0xd9, 3, 'm', "fstp", memory, make(O::store, F::f32, pop)),
    row(0xd9, 4, 'm', "fldenv", memory, make(O::load_env)),
    row(0xd9, 5, 'm', "fldcw", memory, make(O::load_control)),
    row(0xd9, 6, 'm', "fnstenv", memory, make(O::store_env, F::st, no_wait)),
    row(0xd9, 7, 'm', "fnstcw", memory, make(O::store_control, F::st, no_wait)),
    row(0xdb, 0, 'm', "fild", memory, make(O::load, F::i32)),
    row(0xdb, 1, 'm', "fisttp", memory, make(O::store_trunc, F::i32, pop)),
    row(0xdb, 2, 'm', "fist", memory, make(O::store, F::i32)),
    row(0xdb, 3, 'm', "fistp", memory, make(O::store, F::i32, pop)),
    row(0xdb, 5, 'm', "fld", memory, make(O::load, F::f80)),
    row(0xdb, 7, 'm', "fstp", memory, make(O::store, F::f80, pop)),
    row(0xdd, 0, 'm', "fld", memory, make(O::load, F::f64)),
    row(0xdd, 1, 'm', "fisttp", memory, make(O::store_trunc, F::i64, pop)),
    row(0xdd, 2, 'm', "fst", memory, make(O::store, F::f64)),
    row(0xdd, 3, 'm', "fstp", memory, make(O::store, F::f64, pop)),
    row(0xdd, 4, 'm', "frstor", memory, make(O::restore)),
    row(0xdd, 6, 'm', "fnsave", memory, make(O::save, F::st, no_wait)),
    row(0xdd, 7, 'm', "fnstsw", memory, make(O::store_status, F::st, no_wait)),
    row(0xdf, 0, 'm', "fild", memory, make(O::load, F::i16)),
    row(0xdf, 1, 'm', "fisttp", memory, make(O::store_trunc, F::i16, pop)),
    row(0xdf, 2, 'm', "fist", memory, make(O::store, F::i16)),
    row(0xdf, 3, 'm', "fistp", memory, make(O::store, F::i16, pop)),
    row(0xdf, 4, 'm', "fbld", memory, make(O::load, F::bcd)),
    row(0xdf, 5, 'm', "fild", memory, make(O::load, F::i64)),
    row(0xdf, 6, 'm', "fbstp", memory, make(O::store, F::bcd, pop)),
    row(0xdf, 7, 'm', "fistp", memory, make(O::store, F::i64, pop)),
};

constexpr Row register_rows[] = {
    row(0xd9, 0, 'r', "fld", stack, make(O::load)),
    row(0xd9, 1, 'r', "fxch", stack, make(O::exchange)),
    row(0xd9, 0xd0, 'r', "fnop", stack, make(O::nop)),
    row(0xd9, 3, 'r', "fstp", stack, make(O::store, F::st, pop | unchecked)),
    row(0xd9, 0xe0, 'r', "fchs", stack, make(O::chs)),
    row(0xd9, 0xe1, 'r', "fabs", stack, make(O::abs)),
    row(0xd9, 0xe4, 'r', "ftst", stack, make(O::tst)),
    row(0xd9, 0xe5, 'r', "fxam", stack, make(O::xam)),
    row(0xd9, 0xf0, 'r', "f2xm1", stack, make(O::f2xm1)),
    row(0xd9, 0xf1, 'r', "fyl2x", stack, make(O::yl2x)),
    row(0xd9, 0xf2, 'r', "fptan", stack, make(O::tan)),
    row(0xd9, 0xf3, 'r', "fpatan", stack, make(O::atan)),
    row(0xd9, 0xf4, 'r', "fxtract", stack, make(O::extract)),
    row(0xd9, 0xf5, 'r', "fprem1", stack, make(O::prem1)),
    row(0xd9, 0xf6, 'r', "fdecstp", stack, make(O::dec_top)),
    row(0xd9, 0xf7, 'r', "fincstp", stack, make(O::inc_top)),
    row(0xd9, 0xf8, 'r', "fprem", stack, make(O::prem)),
    row(0xd9, 0xf9, 'r', "fyl2xp1", stack, make(O::yl2xp1)),
    row(0xd9, 0xfa, 'r', "fsqrt", stack, make(O::sqrt)),
    row(0xd9, 0xfb, 'r', "fsincos", stack, make(O::sincos)),
    row(0xd9, 0xfc, 'r', "frndint", stack, make(O::round)),
    row(0xd9, 0xfd, 'r', "fscale", stack, make(O::scale)),
    row(0xd9, 0xfe, 'r', "fsin", stack, make(O::sin)),
    row(0xd9, 0xff, 'r', "fcos", stack, make(O::cos)),
    row(0xda, 0xe9, 'r', "fucompp", stack, make(O::ucom, F::st, pop2)),
    row(0xdb, 0xe0, 'r', "fneni", stack, make(O::nop, F::st, no_wait)),
    row(0xdb, 0xe1, 'r', "fndisi", stack, make(O::nop, F::st, no_wait)),
    row(0xdb, 0xe2, 'r', "fnclex", stack, make(O::clear, F::st, no_wait)),
    row(0xdb, 0xe3, 'r', "fninit", stack, make(O::init, F::st, no_wait)),
    row(0xdb, 0xe4, 'r', "fnsetpm", stack, make(O::nop, F::st, no_wait)),
    row(0xdb, 5, 'r', "fucomi", compare_flags, make(O::ucomi)),
    row(0xdb, 6, 'r', "fcomi", compare_flags, make(O::comi)),
    row(0xdc, 2, 'r', "fcom", stack, make(O::com)),
    row(0xdc, 3, 'r', "fcomp", stack, make(O::comp, F::st, pop)),
    row(0xdd, 0, 'r', "ffree", stack, make(O::free)),
    row(0xdd, 1, 'r', "fxch", stack, make(O::exchange)),
    row(0xdd, 2, 'r', "fst", stack, make(O::store)),
    row(0xdd, 3, 'r', "fstp", stack, make(O::store, F::st, pop)),
    row(0xdd, 4, 'r', "fucom", stack, make(O::ucom)),
    row(0xdd, 5, 'r', "fucomp", stack, make(O::ucom, F::st, pop)),
    row(0xde, 2, 'r', "fcomp", stack, make(O::comp, F::st, pop)),
    row(0xde, 0xd9, 'r', "fcompp", stack, make(O::com, F::st, pop2)),
    row(0xdf, 0, 'r', "ffreep", stack, make(O::free, F::st, pop)),
    row(0xdf, 1, 'r', "fxch", stack, make(O::exchange)),
    row(0xdf, 2, 'r', "fstp", stack, make(O::store, F::st, pop)),
    row(0xdf, 3, 'r', "fstp", stack, make(O::store, F::st, pop)),
    row(0xdf, 0xe0, 'r', "fnstsw", status_to_ax, make(O::store_status_ax, F::st, no_wait)),
    row(0xdf, 5, 'r', "fucomip", compare_flags, make(O::ucomi, F::st, pop)),
    row(0xdf, 6, 'r', "fcomip", compare_flags, make(O::comi, F::st, pop)),
    row(0x9b, -1, ' ', "fwait", stack, make(O::wait)),
};

/// The eight operations of ModRM.reg with each kind of operand; the register forms of DC and DE write st(i).
constexpr auto make_arithmetic() {
    constexpr std::string_view names[] = {"fadd", "fmul", "fcom", "fcomp", "fsub", "fsubr", "fdiv", "fdivr"};
    std::array<Row, 8 * 5 + 6 * 2 + 7 + 8> rows{};
    usize n = 0;
    for (u8 r = 0; r < 8; r++) {
        const u32 pops = O(r) == O::comp ? pop : 0;
        rows[n++] = row(0xd8, r, 'm', names[r], memory, make(O(r), F::f32, pops));
        rows[n++] = row(0xda, r, 'm', names[r], memory, make(O(r), F::i32, pops));
        rows[n++] = row(0xdc, r, 'm', names[r], memory, make(O(r), F::f64, pops));
        rows[n++] = row(0xde, r, 'm', names[r], memory, make(O(r), F::i16, pops));
        rows[n++] = row(0xd8, r, 'r', names[r], stack, make(O(r), F::st, pops));
        if (O(r) == O::com || O(r) == O::comp) continue;
        rows[n++] = row(0xdc, r, 'r', names[r], stack, make(O(r), F::st, to_sti));
        rows[n++] = row(0xde, r, 'r', names[r], stack, make(O(r), F::st, to_sti | pop));
    }
    for (u8 i = 0; i < 7; i++) rows[n++] = row(0xd9, s16(0xe8 + i), 'r', "fldconst", stack, make(O::constant));
    for (u8 i = 0; i < 4; i++) {
        rows[n++] = row(0xda, i, 'r', "fcmov", conditional_move, make(O::cmov));
        rows[n++] = row(0xdb, i, 'r', "fcmovn", conditional_move, make(O::cmov));
    }
    return rows;
}
constexpr auto arithmetic_rows = make_arithmetic();

constexpr auto all_rows = joined_rows(arithmetic_rows, memory_rows, register_rows);

} // namespace

const std::span<const Row> table_x87 = all_rows;

} // namespace emu::isa::x86

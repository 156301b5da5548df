// SPDX-License-Identifier: MIT
// Arm ARM C3.1 / C6.2: branches and exception generation.
#include "isa/a64/pauth.h"
#include "isa/a64/sem_branch_sys.h"

namespace emu::isa::a64 {

namespace {

constexpr u64 follow_distance = 1024;
constexpr unsigned follow_insns = 32;

u64 target(const Unit& u, const Fields& f) { return u.pc + (u64(f.s('i')) << 2); }

void side_exit(Unit& u, Val cond, u64 to) { u.ir.exit_if(cond, {ir::ExitKind::jump, 0, to, 0}); }

void call_indirect(Unit& u, Val to) {
    u.set_x(30, u.ir.imm64(u.pc + 4));
    u.ir.exit({ir::ExitKind::call_indirect, 0, 0, u.pc + 4}, to);
}

void trap(Unit& u, u32 code, u64 pc, u64 value) { u.ir.trap(code, pc, u.ir.imm64(value)); }

Val modifier(Unit& u, const Fields& f) { return f.arg() & pac_zero ? u.ir.imm64(0) : u.x_or_sp(f['m']); }

} // namespace

void branch_conditional(Unit& u, const Fields& f) {
    if (f['c'] >= 14) return u.jump(target(u, f));
    side_exit(u, u.test(f['c']), target(u, f));
}

void branch(Unit& u, const Fields& f) {
    const u64 to = target(u, f);
    const bool near_ahead = to > u.pc && to - u.pc <= follow_distance;
    if (near_ahead && u.ir.function().insns < follow_insns) u.next = to;
    else u.jump(to);
}

void branch_link(Unit& u, const Fields& f) {
    u.set_x(30, u.ir.imm64(u.pc + 4));
    u.ir.exit({ir::ExitKind::call, 0, target(u, f), u.pc + 4});
}

void compare_branch(Unit& u, const Fields& f) {
    const Type type = u.int_type(f['z']);
    Val t = u.x(f['t'], type), zero = u.ir.imm(type, 0);
    side_exit(u, f.arg() ? u.ir.ne(t, zero) : u.ir.eq(t, zero), target(u, f));
}

void test_branch(Unit& u, const Fields& f) {
    const u32 bit = f['b'];
    // The word form leaves the back end a shorter test.
    Val t = bit < 32 ? u.w(f['t']) : u.x(f['t']);
    const Type type = bit < 32 ? Type::i32 : Type::i64;
    Val masked = u.ir.and_(t, u.ir.imm(type, u64(1) << bit)), zero = u.ir.imm(type, 0);
    side_exit(u, f.arg() ? u.ir.ne(masked, zero) : u.ir.eq(masked, zero), target(u, f));
}

void branch_register(Unit& u, const Fields& f) { u.ir.exit({ir::ExitKind::jump_indirect, 0, 0, 0}, u.x(f['n'])); }
void branch_link_register(Unit& u, const Fields& f) { call_indirect(u, u.x(f['n'])); }
void return_register(Unit& u, const Fields& f) { u.ir.exit({ir::ExitKind::ret, 0, 0, 0}, u.x(f['n'])); }

void branch_authenticated(Unit& u, const Fields& f) {
    u.ir.exit({ir::ExitKind::jump_indirect, 0, 0, 0}, pac_auth(u, u.x(f['n']), modifier(u, f), f.arg() & pac_key));
}
void branch_link_authenticated(Unit& u, const Fields& f) { call_indirect(u, pac_auth(u, u.x(f['n']), modifier(u, f), f.arg() & pac_key)); }
void return_authenticated(Unit& u, const Fields& f) {
    u.ir.exit({ir::ExitKind::ret, 0, 0, 0}, pac_auth(u, u.x(30), u.x_or_sp(31), f.arg()));
}

// --- exceptions ----------------------------------------------------------------------------------------------------------

void supervisor_call(Unit& u, const Fields& f) { trap(u, u32(Trap::syscall), u.pc + 4, f['i']); }

void hypervisor_call(Unit& u, const Fields& f) {
    if (!u.el1()) return u.unallocated();
    trap(u, trap_hvc, u.pc + 4, f['i']);
}

void secure_monitor_call(Unit& u, const Fields& f) {
    if (!u.el1()) return u.unallocated();
    trap(u, trap_smc, u.pc + 4, f['i']);
}

void breakpoint(Unit& u, const Fields& f) { trap(u, u32(Trap::breakpoint), u.pc, f['i']); }

// Without an external debugger HLT is undefined.
void halting_breakpoint(Unit& u, const Fields&) { u.unallocated(); }
void undefined(Unit& u, const Fields&) { u.unallocated(); }

} // namespace emu::isa::a64

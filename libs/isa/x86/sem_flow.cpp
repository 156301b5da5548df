// SPDX-License-Identifier: MIT
// Branches, calls, the stack, segments, and what leaves for the environment.
#include "isa/x86/helpers.h"
#include "isa/x86/tables.h"
#include "isa/x86/unit.h"

#include <array>

namespace emu::isa::x86 {

namespace {

u64 target(const Unit& u) {
    const u64 to = u.next + u.insn.imm;
    return u.mode64() ? to : u.insn.op_bits == 16 ? u16(to) : u32(to);
}

void jcc(Unit& u) { u.ir.exit_if(u.condition(u.insn.opcode & 15), {ir::ExitKind::jump, 0, target(u), 0}); }

void jmp(Unit& u) { u.jump(target(u)); }

Val branch_target(Unit& u) {
    Val to = u.ir.zext(u.read(0), Type::i64);
    return to;
}
void jmp_indirect(Unit& u) { u.ir.exit({ir::ExitKind::jump_indirect, 0, 0, 0}, branch_target(u)); }

void call(Unit& u) {
    u.push(u.word_imm(u.next), u.insn.op_bits);
    u.ir.exit({ir::ExitKind::call, 0, target(u), u.next});
}
void call_indirect(Unit& u) {
    Val to = branch_target(u);
    u.push(u.word_imm(u.next), u.insn.op_bits);
    u.ir.exit({ir::ExitKind::call_indirect, 0, 0, u.next}, to);
}

void ret(Unit& u) {
    const unsigned bits = u.insn.op_bits;
    Val sp = u.word(rsp), to = u.load(u.stack_address(sp), bits);
    u.set_word(rsp, u.ir.add(sp, u.word_imm(bits / 8 + u64(u.insn.operands->count ? u.insn.imm & 0xffff : 0))));
    u.ir.exit({ir::ExitKind::ret, 0, 0, 0}, u.ir.zext(to, Type::i64));
}

/// LOOPNE 0, LOOPE 1, LOOP 2, JCXZ 3: the counter has the address size.
void loop(Unit& u) {
    const unsigned bits = u.insn.addr_bits;
    ir::Builder& ir = u.ir;
    Val count = u.reg(rcx, bits), taken;
    if (u.insn.opcode == 0xe3) {
        taken = u.is_zero(count, bits);
    } else {
        count = ir.sub(count, ir.imm(ir.type(count), 1));
        taken = ir.not_(u.is_zero(count, bits));
        if (u.insn.opcode == 0xe0) taken = ir.and_(taken, u.condition(ir::cond_e | 1));
        if (u.insn.opcode == 0xe1) taken = ir.and_(taken, u.condition(ir::cond_e));
        u.set_reg(rcx, bits, count);
    }
    ir.exit_if(taken, {ir::ExitKind::jump, 0, target(u), 0});
}

// --- the stack -------------------------------------------------------------------------------------------------------------------

void push(Unit& u) {
    const unsigned bits = u.insn.op_bits;
    Val v = u.read(0);
    u.push(v, bits);
}

void pop(Unit& u) {
    const unsigned bits = u.insn.op_bits;
    Val sp = u.word(rsp), v = u.load(u.stack_address(sp), bits), above = u.ir.add(sp, u.word_imm(bits / 8));
    if (u.is_memory(0)) { // an address based on the stack pointer is that after the pop
        u.store(u.address(u.insn.base == rsp ? bits / 8 : 0), v, bits);
        return u.set_word(rsp, above);
    }
    u.set_word(rsp, above);
    u.write(0, v);
}

void push_all(Unit& u) {
    const unsigned bits = u.insn.op_bits;
    Val sp = u.word(rsp);
    for (unsigned n = 0; n < 8; n++) u.store(u.stack_address(u.ir.sub(sp, u.word_imm((n + 1) * bits / 8))), u.reg(n, bits), bits);
    u.set_word(rsp, u.ir.sub(sp, u.word_imm(bits)));
}
void pop_all(Unit& u) {
    const unsigned bits = u.insn.op_bits;
    Val sp = u.word(rsp);
    std::array<Val, 8> values;
    for (unsigned n = 0; n < 8; n++) values[n] = u.load(u.stack_address(u.ir.add(sp, u.word_imm(n * bits / 8))), bits);
    for (unsigned n = 0; n < 8; n++)
        if (7 - n != rsp) u.set_reg(7 - n, bits, values[n]);
    u.set_word(rsp, u.ir.add(sp, u.word_imm(bits)));
}

void push_flags(Unit& u) {
    Val v = u.ir.call(helper_read_flags);
    u.push(u.insn.op_bits == 64 ? v : u.ir.trunc(v), u.insn.op_bits);
}
void pop_flags(Unit& u) {
    const unsigned bits = u.insn.op_bits;
    Val sp = u.word(rsp), v = u.load(u.stack_address(sp), bits);
    u.set_word(rsp, u.ir.add(sp, u.word_imm(bits / 8)));
    u.ir.call(helper_write_flags, {u.ir.zext(v, Type::i64), u.ir.imm64(bits == 16 ? 0xffff : 0xffffffff)});
}

void leave(Unit& u) {
    const unsigned bits = u.insn.op_bits;
    Val frame = u.word(rbp), v = u.load(u.stack_address(frame), bits);
    u.set_word(rsp, u.ir.add(frame, u.word_imm(bits / 8)));
    u.set_reg(rbp, bits, v);
}

void enter(Unit& u) {
    const unsigned bits = u.insn.op_bits, size = bits / 8, level = u.insn.imm2 & 31;
    ir::Builder& ir = u.ir;
    Val sp = u.word(rsp), frame = ir.sub(sp, u.word_imm(size)), old = u.reg(rbp, bits), walk = u.word(rbp);
    u.store(u.stack_address(frame), old, bits);
    Val at = frame;
    for (unsigned n = 1; n < level; n++) {
        walk = ir.sub(walk, u.word_imm(size));
        at = ir.sub(at, u.word_imm(size));
        u.store(u.stack_address(at), u.load(u.stack_address(walk), bits), bits);
    }
    if (level) {
        at = ir.sub(at, u.word_imm(size));
        u.store(u.stack_address(at), bits == 16 ? ir.resize(frame, Type::i32) : frame, bits);
    }
    u.set_word(rsp, ir.sub(at, u.word_imm(u.insn.imm & 0xffff)));
    u.set_reg(rbp, bits, bits == 64 ? frame : ir.resize(frame, Type::i32));
}

// --- segments ----------------------------------------------------------------------------------------------------------------------

const Helper helper_selector{"x86_selector", reinterpret_cast<void*>(+[](ir::StateHeader& s, u64 n) -> u64 { return static_cast<State&>(s).selector[n]; }),
                             Type::i32, 1, true};

void mov_from_segment(Unit& u) {
    if (u.insn.modrm >> 3 & 7 && (u.insn.modrm >> 3 & 7) > gs) return u.undefined();
    Val v = u.ir.call(helper_selector, {u.ir.imm64(u.insn.modrm >> 3 & 7)});
    if (u.is_memory(0)) return u.store(u.address(), v, 16);
    u.set_reg(u.insn.rm(), u.insn.op_bits, u.insn.op_bits == 64 ? u.ir.zext(v, Type::i64) : v);
}
void load_segment(Unit& u, unsigned segment, Val selector) {
    u.ir.call(helper_load_segment, {u.ir.imm64(segment), u.ir.zext(selector, Type::i64)});
}
/// Bases of ES, SS and DS are part of the mode of 32-bit code: what follows may have another.
void after_segment(Unit& u, unsigned segment) {
    if (!u.mode64() && segment < fs) u.sync();
}
void mov_to_segment(Unit& u) {
    const unsigned segment = u.insn.modrm >> 3 & 7;
    if (segment == cs || segment > gs) return u.undefined();
    load_segment(u, segment, u.is_memory(1) ? u.load(u.address(), 16) : u.reg(u.insn.rm(), 16));
    after_segment(u, segment);
}
void push_segment(Unit& u) {
    Val v = u.ir.call(helper_selector, {u.ir.imm64(u.arg())});
    u.push(u.insn.op_bits == 64 ? u.ir.zext(v, Type::i64) : v, u.insn.op_bits);
}
void pop_segment(Unit& u) {
    Val sp = u.word(rsp), v = u.load(u.stack_address(sp), 16);
    load_segment(u, u.arg(), v);
    u.set_word(rsp, u.ir.add(u.word(rsp), u.word_imm(u.insn.op_bits / 8)));
    after_segment(u, u.arg());
}
/// LDS and its like: offset and selector from memory. The selector is loaded first, so that nothing has changed when that fails.
void load_far(Unit& u) {
    const unsigned bits = u.insn.op_bits;
    Val offset = u.load(u.address(), bits), selector = u.load(u.address(bits / 8), 16);
    load_segment(u, u.arg(), selector);
    u.set_reg(u.insn.reg(), bits, offset);
    u.sync();
}
/// RDFSBASE and its like: arg bit 0 = GS, bit 1 = write.
void segment_base(Unit& u) {
    const unsigned slot = u.arg() & 1 ? slot_gs_base : slot_fs_base;
    if (u.arg() & 2) return u.ir.set(slot, u.ir.zext(u.read(0), Type::i64));
    Val v = u.ir.get(slot);
    u.write(0, u.bits(0) == 64 ? v : u.ir.trunc(v));
}

// --- the environment -----------------------------------------------------------------------------------------------------------------

void nop(Unit&) {}
void privileged(Unit& u) { u.protection(); }
void undefined(Unit& u) { u.undefined(); }
void breakpoint(Unit& u) { u.trap(u32(Trap::breakpoint), u.next); }
void debug_trap(Unit& u) { u.trap(trap_debug, u.next); }

void interrupt(Unit& u) {
    const u64 n = u.insn.imm & 0xff;
    if (n == 0x80) return u.trap(u32(Trap::syscall), u.next, 0x80);
    if (n == 3) return u.trap(u32(Trap::breakpoint), u.next);
    u.trap(trap_general_protection, u.pc, n * 8 + 2);
}
void into(Unit& u) { u.ir.exit_if(u.condition(ir::cond_o), {ir::ExitKind::trap, trap_overflow, u.next, 0}); }

void bound(Unit& u) {
    const unsigned bits = u.bits(0);
    Val v = u.extended(u.read(0), bits), low = u.extended(u.load(u.address(), bits), bits), high = u.extended(u.load(u.address(bits / 8), bits), bits);
    u.ir.exit_if(u.ir.or_(u.ir.slt(v, low), u.ir.slt(high, v)), {ir::ExitKind::trap, trap_bound, u.pc, 0});
}

/// SYSCALL leaves the return address in RCX and EFLAGS in R11 (SDM volume 2).
void syscall(Unit& u) {
    Val flags = u.ir.call(helper_read_flags);
    u.ir.set(slot_gpr + rcx, u.ir.imm64(u.next));
    u.ir.set(slot_gpr + r11, flags);
    u.trap(u32(Trap::syscall), u.next);
}

void cpuid(Unit& u) { u.ir.call(helper_cpuid); }

void rdtsc(Unit& u) {
    Val t = u.ir.call(helper_timestamp);
    u.set_reg(rax, 32, u.ir.trunc(t));
    u.set_reg(rdx, 32, u.ir.trunc(u.ir.shr(t, 32u)));
    if (u.arg()) u.set_reg(rcx, 32, u.ir.imm32(0)); // RDTSCP: IA32_TSC_AUX
}

void xgetbv(Unit& u) {
    u.ir.exit_if(u.ir.ne(u.reg(rcx, 32), u.ir.imm32(0)), {ir::ExitKind::trap, trap_general_protection, u.pc, 0});
    u.set_reg(rax, 32, u.ir.imm32(7)); // XCR0: x87, SSE, AVX
    u.set_reg(rdx, 32, u.ir.imm32(0));
}

void random(Unit& u) {
    Val v = u.ir.call(helper_random);
    u.write(0, u.bits(0) == 64 ? v : u.ir.trunc(v));
    u.set_flags(u.ir.imm32(ir::eflag_fixed | ir::eflag_cf));
}

void fence(Unit& u) { u.ir.fence(ir::Order::seq_cst); }
void lfence(Unit& u) { u.ir.fence(ir::Order::acquire); }

void ldmxcsr(Unit& u) {
    Val v = u.load(u.address(), 32);
    u.ir.exit_if(u.ir.ne(u.ir.and_(v, u.ir.imm32(0xffff0000)), u.ir.imm32(0)), {ir::ExitKind::trap, trap_general_protection, u.pc, 0});
    u.ir.call(helper_write_mxcsr, {u.ir.zext(v, Type::i64)});
    u.sync();
}
void stmxcsr(Unit& u) { u.store(u.address(), u.ir.call(helper_read_mxcsr), 32); }

/// FXSAVE, FXRSTOR, XSAVE (arg 2), XRSTOR.
void save_area(Unit& u) {
    Val at = u.address();
    const u64 align = u.arg() & 2 ? 63 : 15;
    u.ir.exit_if(u.ir.ne(u.ir.and_(at, u.ir.imm64(align)), u.ir.imm64(0)), {ir::ExitKind::trap, trap_general_protection, u.pc, 0});
    Val form = u.ir.imm64((u.insn.rex_w ? 1u : 0u) | (u.arg() & 2));
    u.ir.call(u.arg() & 1 ? helper_fxrstor : helper_fxsave, {at, form});
    if ((u.arg() & 1) || u.in_mode(mode::x87_live)) u.sync();
}

constexpr Row flow_rows[] = {
    {Map::one, 0xe9, Prefix::any, -1, ' ', "jmp", "Jz", jmp, 0, force64},
    {Map::one, 0xeb, Prefix::any, -1, ' ', "jmp", "Jb", jmp, 0, force64},
    {Map::one, 0xff, Prefix::any, 4, ' ', "jmp", "Ev", jmp_indirect, 0, force64},
    {Map::one, 0xe8, Prefix::any, -1, ' ', "call", "Jz", call, 0, force64},
    {Map::one, 0xff, Prefix::any, 2, ' ', "call", "Ev", call_indirect, 0, force64},
    {Map::one, 0xc3, Prefix::any, -1, ' ', "ret", "", ret, 0, force64},
    {Map::one, 0xc2, Prefix::any, -1, ' ', "ret", "Iw", ret, 0, force64},
    {Map::one, 0xe0, Prefix::any, -1, ' ', "loopne", "Jb", loop, 0, force64},
    {Map::one, 0xe1, Prefix::any, -1, ' ', "loope", "Jb", loop, 0, force64},
    {Map::one, 0xe2, Prefix::any, -1, ' ', "loop", "Jb", loop, 0, force64},
    {Map::one, 0xe3, Prefix::any, -1, ' ', "jcxz", "Jb", loop, 0, force64},
    {Map::one, 0x50, Prefix::any, -1, ' ', "push", "Zv", push, 0, default64},
    {Map::one, 0x58, Prefix::any, -1, ' ', "pop", "Zv", pop, 0, default64},
    {Map::one, 0x68, Prefix::any, -1, ' ', "push", "Iz", push, 0, default64},
    {Map::one, 0x6a, Prefix::any, -1, ' ', "push", "Is", push, 0, default64},
    {Map::one, 0xff, Prefix::any, 6, ' ', "push", "Ev", push, 0, default64},
    {Map::one, 0x8f, Prefix::any, 0, ' ', "pop", "Ev", pop, 0, default64},
    {Map::one, 0x60, Prefix::any, -1, ' ', "pusha", "", push_all, 0, no64},
    {Map::one, 0x61, Prefix::any, -1, ' ', "popa", "", pop_all, 0, no64},
    {Map::one, 0x9c, Prefix::any, -1, ' ', "pushf", "", push_flags, 0, default64},
    {Map::one, 0x9d, Prefix::any, -1, ' ', "popf", "", pop_flags, 0, default64},
    {Map::one, 0xc9, Prefix::any, -1, ' ', "leave", "", leave, 0, default64},
    {Map::one, 0xc8, Prefix::any, -1, ' ', "enter", "Iw,Ib", enter, 0, default64},
    {Map::one, 0x8c, Prefix::any, -1, ' ', "mov", "Ev,Sw", mov_from_segment},
    {Map::one, 0x8e, Prefix::any, -1, ' ', "mov", "Sw,Ew", mov_to_segment},
    {Map::one, 0x06, Prefix::any, -1, ' ', "push", "", push_segment, es, no64},
    {Map::one, 0x0e, Prefix::any, -1, ' ', "push", "", push_segment, cs, no64},
    {Map::one, 0x16, Prefix::any, -1, ' ', "push", "", push_segment, ss, no64},
    {Map::one, 0x1e, Prefix::any, -1, ' ', "push", "", push_segment, ds, no64},
    {Map::one, 0x07, Prefix::any, -1, ' ', "pop", "", pop_segment, es, no64},
    {Map::one, 0x17, Prefix::any, -1, ' ', "pop", "", pop_segment, ss, no64},
    {Map::one, 0x1f, Prefix::any, -1, ' ', "pop", "", pop_segment, ds, no64},
    {Map::two, 0xa0, Prefix::any, -1, ' ', "push", "", push_segment, fs, default64},
    {Map::two, 0xa1, Prefix::any, -1, ' ', "pop", "", pop_segment, fs, default64},
    {Map::two, 0xa8, Prefix::any, -1, ' ', "push", "", push_segment, gs, default64},
    {Map::two, 0xa9, Prefix::any, -1, ' ', "pop", "", pop_segment, gs, default64},
    {Map::one, 0xc4, Prefix::any, -1, 'm', "les", "Gv,Mv", load_far, es, no64},
    {Map::one, 0xc5, Prefix::any, -1, 'm', "lds", "Gv,Mv", load_far, ds, no64},
    {Map::two, 0xb2, Prefix::any, -1, 'm', "lss", "Gv,Mv", load_far, ss},
    {Map::two, 0xb4, Prefix::any, -1, 'm', "lfs", "Gv,Mv", load_far, fs},
    {Map::two, 0xb5, Prefix::any, -1, 'm', "lgs", "Gv,Mv", load_far, gs},
    {Map::one, 0x9a, Prefix::any, -1, ' ', "callf", "Iz,Iw", privileged, 0, no64},
    {Map::one, 0xea, Prefix::any, -1, ' ', "jmpf", "Iz,Iw", privileged, 0, no64},
    {Map::one, 0xff, Prefix::any, 3, 'm', "callf", "Mv", privileged},
    {Map::one, 0xff, Prefix::any, 5, 'm', "jmpf", "Mv", privileged},
    {Map::one, 0xca, Prefix::any, -1, ' ', "retf", "Iw", privileged},
    {Map::one, 0xcb, Prefix::any, -1, ' ', "retf", "", privileged},
    {Map::one, 0xcf, Prefix::any, -1, ' ', "iret", "", privileged},
    {Map::two, 0x34, Prefix::any, -1, ' ', "sysenter", "", privileged},
    {Map::two, 0xae, Prefix::f3, 0, 'r', "rdfsbase", "Ry", segment_base, 0, only64, feature::fsgsbase},
    {Map::two, 0xae, Prefix::f3, 1, 'r', "rdgsbase", "Ry", segment_base, 1, only64, feature::fsgsbase},
    {Map::two, 0xae, Prefix::f3, 2, 'r', "wrfsbase", "Ry", segment_base, 2, only64, feature::fsgsbase},
    {Map::two, 0xae, Prefix::f3, 3, 'r', "wrgsbase", "Ry", segment_base, 3, only64, feature::fsgsbase},
    {Map::one, 0xcc, Prefix::any, -1, ' ', "int3", "", breakpoint},
    {Map::one, 0xcd, Prefix::any, -1, ' ', "int", "Ib", interrupt},
    {Map::one, 0xce, Prefix::any, -1, ' ', "into", "", into, 0, no64},
    {Map::one, 0xf1, Prefix::any, -1, ' ', "int1", "", debug_trap},
    {Map::one, 0x62, Prefix::any, -1, 'm', "bound", "Gv,Mv", bound, 0, no64},
    {Map::one, 0xf4, Prefix::any, -1, ' ', "hlt", "", privileged},
    {Map::one, 0xfa, Prefix::any, -1, ' ', "cli", "", privileged},
    {Map::one, 0xfb, Prefix::any, -1, ' ', "sti", "", privileged},
    {Map::one, 0xe4, Prefix::any, -1, ' ', "in", "AL,Ib", privileged},
    {Map::one, 0xe5, Prefix::any, -1, ' ', "in", "rAX,Ib", privileged},
    {Map::one, 0xe6, Prefix::any, -1, ' ', "out", "Ib,AL", privileged},
    {Map::one, 0xe7, Prefix::any, -1, ' ', "out", "Ib,rAX", privileged},
    {Map::one, 0xec, Prefix::any, -1, ' ', "in", "AL,DX", privileged},
    {Map::one, 0xed, Prefix::any, -1, ' ', "in", "rAX,DX", privileged},
    {Map::one, 0xee, Prefix::any, -1, ' ', "out", "DX,AL", privileged},
    {Map::one, 0xef, Prefix::any, -1, ' ', "out", "DX,rAX", privileged},
    {Map::one, 0x6c, Prefix::any, -1, ' ', "insb", "", privileged},
    {Map::one, 0x6d, Prefix::any, -1, ' ', "ins", "", privileged},
    {Map::one, 0x6e, Prefix::any, -1, ' ', "outsb", "", privileged},
    {Map::one, 0x6f, Prefix::any, -1, ' ', "outs", "", privileged},
    {Map::two, 0x05, Prefix::any, -1, ' ', "syscall", "", syscall, 0, only64},
    {Map::two, 0x06, Prefix::any, -1, ' ', "clts", "", privileged},
    {Map::two, 0x08, Prefix::any, -1, ' ', "invd", "", privileged},
    {Map::two, 0x09, Prefix::any, -1, ' ', "wbinvd", "", privileged},
    {Map::two, 0x20, Prefix::any, -1, ' ', "mov", "Ry,Gy", privileged},
    {Map::two, 0x21, Prefix::any, -1, ' ', "mov", "Ry,Gy", privileged},
    {Map::two, 0x22, Prefix::any, -1, ' ', "mov", "Ry,Gy", privileged},
    {Map::two, 0x23, Prefix::any, -1, ' ', "mov", "Ry,Gy", privileged},
    {Map::two, 0x30, Prefix::any, -1, ' ', "wrmsr", "", privileged},
    {Map::two, 0x32, Prefix::any, -1, ' ', "rdmsr", "", privileged},
    {Map::two, 0x33, Prefix::any, -1, ' ', "rdpmc", "", privileged},
    {Map::two, 0x0b, Prefix::any, -1, ' ', "ud2", "", undefined},
    {Map::two, 0xb9, Prefix::any, -1, ' ', "ud1", "Gv,Ev", undefined},
    {Map::two, 0xff, Prefix::any, -1, ' ', "ud0", "Gv,Ev", undefined},
    {Map::two, 0x0d, Prefix::any, -1, 'm', "prefetchw", "Mb", nop},
    {Map::two, 0x18, Prefix::any, -1, ' ', "prefetch", "Ev", nop},
    {Map::two, 0x19, Prefix::any, -1, ' ', "nop", "Ev", nop},
    {Map::two, 0x1a, Prefix::any, -1, ' ', "nop", "Ev", nop},
    {Map::two, 0x1b, Prefix::any, -1, ' ', "nop", "Ev", nop},
    {Map::two, 0x1c, Prefix::any, -1, ' ', "nop", "Ev", nop},
    {Map::two, 0x1d, Prefix::any, -1, ' ', "nop", "Ev", nop},
    {Map::two, 0x1e, Prefix::any, -1, ' ', "nop", "Ev", nop},
    {Map::two, 0x1f, Prefix::any, -1, ' ', "nop", "Ev", nop},
    {Map::two, 0xa2, Prefix::any, -1, ' ', "cpuid", "", cpuid},
    {Map::two, 0x31, Prefix::any, -1, ' ', "rdtsc", "", rdtsc, 0},
    {Map::two, 0x01, Prefix::any, 0xf9, 'r', "rdtscp", "Ed", rdtsc, 1, 0, feature::rdtscp},
    {Map::two, 0x01, Prefix::none, 0xd0, 'r', "xgetbv", "Ed", xgetbv, 0, 0, feature::xsave},
    {Map::two, 0x01, Prefix::none, 0xd1, 'r', "xsetbv", "Ed", privileged, 0, 0, feature::xsave},
    {Map::two, 0xc7, Prefix::any, 6, 'r', "rdrand", "Ev", random, 0, 0, feature::rdrand},
    {Map::two, 0xc7, Prefix::any, 7, 'r', "rdseed", "Ev", random, 0, 0, feature::rdseed},
    {Map::two, 0xae, Prefix::none, 5, 'r', "lfence", "Ed", lfence, 0, 0, feature::sse2},
    {Map::two, 0xae, Prefix::none, 6, 'r', "mfence", "Ed", fence, 0, 0, feature::sse2},
    {Map::two, 0xae, Prefix::none, 7, 'r', "sfence", "Ed", lfence, 0, 0, feature::sse},
    {Map::two, 0xae, Prefix::any, 7, 'm', "clflush", "Mb", nop, 0, 0, feature::sse2},
    {Map::two, 0xae, Prefix::none, 2, 'm', "ldmxcsr", "Md", ldmxcsr, 0, 0, feature::sse},
    {Map::two, 0xae, Prefix::none, 3, 'm', "stmxcsr", "Md", stmxcsr, 0, 0, feature::sse},
    {Map::vex0f, 0xae, Prefix::none, 2, 'm', "vldmxcsr", "Md", ldmxcsr, 0, vex_l0 | vex_unary, feature::avx},
    {Map::vex0f, 0xae, Prefix::none, 3, 'm', "vstmxcsr", "Md", stmxcsr, 0, vex_l0 | vex_unary, feature::avx},
    {Map::two, 0xae, Prefix::none, 0, 'm', "fxsave", "Mb", save_area, 0, 0, feature::fxsr},
    {Map::two, 0xae, Prefix::none, 1, 'm', "fxrstor", "Mb", save_area, 1, 0, feature::fxsr},
    {Map::two, 0xae, Prefix::none, 4, 'm', "xsave", "Mb", save_area, 2, 0, feature::xsave},
    {Map::two, 0xae, Prefix::none, 5, 'm', "xrstor", "Mb", save_area, 3, 0, feature::xsave},
    {Map::two, 0xae, Prefix::none, 6, 'm', "xsaveopt", "Mb", save_area, 2, 0, feature::xsave},
    {Map::two, 0xc7, Prefix::none, 4, 'm', "xsavec", "Mb", save_area, 2, 0, feature::xsave},
};

constexpr auto make_jumps() {
    std::array<Row, 32> rows{};
    for (u8 cc = 0; cc < 16; cc++) {
        rows[cc] = {Map::one, u8(0x70 + cc), Prefix::any, -1, ' ', "j", "Jb", jcc, cc, force64, 0};
        rows[16 + cc] = {Map::two, u8(0x80 + cc), Prefix::any, -1, ' ', "j", "Jz", jcc, cc, force64, 0};
    }
    return rows;
}
constexpr auto jump_rows = make_jumps();

constexpr auto all_rows = joined_rows(jump_rows, flow_rows);

} // namespace

const std::span<const Row> table_system = all_rows;

} // namespace emu::isa::x86

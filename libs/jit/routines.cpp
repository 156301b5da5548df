// SPDX-License-Identifier: MIT
// The common routines: the way into translated code, the ways out, helper calls on the C++ stack, the jump cache.
#include "ir/eval.h"
#include "ir/host_x87.h"
#include "ir/memory.h"
#include "jit/backend.h"

#include <algorithm>
#include <cstddef>

namespace emu::jit {

namespace {

/// Called by Routines::eval: one pure op over the scratch area.
void eval_scratch(ir::StateHeader* state) {
    const ir::JitFrame& frame = state->frame;
    fp::Env env = *static_cast<const fp::Env*>(frame.eval_env);
    env.flags = 0;
    state->scratch[0] = ir::eval(ir::Op(frame.eval_op & 0xff), ir::Type(frame.eval_op >> 8 & 0xf), u16(frame.eval_op >> 16),
                                 ir::Type(frame.eval_op >> 12 & 0xf), state->scratch, env);
    state->fp_flags |= env.flags;
}

/// Called by Routines::memory: an access that the inline TLB probe could not do. Operands in scratch[0] and [1], result in [0].
void access_memory(ir::StateHeader* state) {
    const ir::JitFrame& frame = state->frame;
    auto& memory = *static_cast<ir::Memory*>(state->memory);
    const u16 aux = u16(frame.access_flags);
    const ir::MemFlags flags = ir::MemFlags::unpack(aux);
    switch (SlowAccess(frame.access)) {
    case SlowAccess::load: state->scratch[0] = memory.load(frame.address, flags); break;
    case SlowAccess::store: memory.store(frame.address, flags, state->scratch[0]); break;
    case SlowAccess::rmw: state->scratch[0] = {memory.rmw(frame.address, flags, ir::aux_atomic(aux), state->scratch[0].lo), 0}; break;
    case SlowAccess::cas: state->scratch[0] = memory.cas(frame.address, flags, state->scratch[0], state->scratch[1]); break;
    }
}

class RoutineEmitter {
public:
    RoutineEmitter(Assembler& as, const Backend& backend) : a_(as), backend_(backend) {}

    Routines run() {
        Routines r;
        r.enter = entry();
        emit_leaves(r);
        r.indirect = aligned();
        emit_lookup(r);
        r.return_mismatch = aligned();
        emit_mismatch(r);
        r.call_helper = aligned();
        emit_call(false);
        r.call_raising = aligned();
        emit_call(true);
        r.call_syncing = aligned();
        emit_harvest_in_place();
        emit_call(true);
        r.eval = aligned();
        emit_eval(false);
        r.eval_wide = aligned();
        emit_eval(true);
        r.memory = aligned();
        emit_memory();
        r.end = aligned();
        return r;
    }

private:
    Xbyak::Address field(usize offset) { return a_.ptr[a_.r15 + (s32(offset) - state_bias)]; }
    Xbyak::Address slot(unsigned index) { return field(backend_.slot_offset(index)); }
    u32 aligned() {
        a_.align(16);
        return a_.pos();
    }

    void move_homes(bool load) {
        for (Reg reg = 0; reg < 32; reg++) { // never in upper ones
            if (backend_.canonical.slot[reg] < 0) continue;
            const unsigned index = unsigned(backend_.canonical.slot[reg]);
            const ir::Type type = backend_.slots[index].type;
            if (is_xmm(reg)) {
                if (load) a_.movups(Assembler::x(reg), slot(index));
                else a_.movups(slot(index), Assembler::x(reg));
            } else {
                const Xbyak::Reg r = Assembler::i(reg, type == ir::Type::i64);
                if (load) a_.mov(r, slot(index));
                else a_.mov(slot(index), r);
            }
        }
    }

    /// u32 enter(StateHeader* rdi, const void* code rsi)
    u32 entry() {
        const u32 at = aligned();
        for (Reg r : saved) a_.push(Assembler::q(r));
        a_.sub(a_.rsp, 8);
        a_.lea(a_.r15, a_.ptr[a_.rdi + state_bias]);
        a_.mov(field(offsetof(ir::StateHeader, host_stack)), a_.rsp);
        a_.mov(a_.byte[a_.r15 + (s32(offsetof(ir::StateHeader, in_jit)) - state_bias)], 1);
        a_.ldmxcsr(field(offsetof(ir::StateHeader, mxcsr)));
        if (backend_.options.memory_base) a_.mov(a_.r14, field(offsetof(ir::StateHeader, memory_base)));
        with_live_x87([&](const Xbyak::Address& image) { a_.frstor(image); });
        move_homes(true);
        a_.mov(a_.rsp, field(offsetof(ir::StateHeader, jit_stack)));
        a_.jmp(a_.rsi);
        return at;
    }

    void emit_leaves(Routines& r) {
        std::vector<Fixup> to_common, to_raw;
        auto leave = [&](Leave why, std::vector<Fixup>& list) {
            a_.mov(a_.eax, u32(why));
            list.push_back(a_.jmp_forward());
        };
        r.leave_link = aligned();
        a_.mov(field(offsetof(ir::StateHeader, link_site)), a_.rax);
        leave(Leave::link, to_common);
        r.leave_poll = aligned();
        a_.mov(field(offsetof(ir::StateHeader, link_site)), a_.rax);
        leave(Leave::poll, to_common);
        r.leave_hot = aligned();
        a_.mov(field(offsetof(ir::StateHeader, link_site)), a_.rax);
        leave(Leave::hot, to_common);
        r.leave_poll_pc = aligned();
        a_.mov(field(offsetof(ir::StateHeader, pc)), a_.rax);
        leave(Leave::poll_pc, to_common);
        r.indirect_miss = aligned();
        a_.mov(a_.ecx, no_link);
        r.site_miss = a_.pos();
        a_.mov(field(offsetof(ir::StateHeader, link_site)), a_.rcx);
        a_.mov(field(offsetof(ir::StateHeader, pc)), a_.rax);
        leave(Leave::indirect, to_common);
        r.leave_fault = aligned();
        keep_upper(false); // Jit::redirect has seen to the others
        keep_high(false);
        leave(Leave::fault, to_raw);
        r.leave_raised = aligned();
        // Comes from C++ by Jit::raise, which put the state into r15.
        a_.mov(a_.rsp, a_.ptr[a_.r15 + (s32(offsetof(ir::StateHeader, jit_stack)) - state_bias)]);
        a_.add(a_.rsp, 8); // the helper call's return address
        leave(Leave::raised, to_raw);
        r.leave_stop = aligned();
        a_.mov(a_.eax, u32(Leave::stop));
        for (Fixup f : to_common) a_.bind(f);
        move_homes(false);
        for (Fixup f : to_raw) a_.bind(f);
        emit_epilogue();
    }

    /// eax = result; everything else is free.
    void emit_epilogue() {
        a_.mov(field(offsetof(ir::StateHeader, jit_stack)), a_.rsp);
        a_.mov(a_.rsp, field(offsetof(ir::StateHeader, host_stack)));
        a_.mov(a_.byte[a_.r15 + (s32(offsetof(ir::StateHeader, in_jit)) - state_bias)], 0);
        with_live_x87([&](const Xbyak::Address& image) { a_.fnsave(image); });
        a_.stmxcsr(mxcsr_place());
        a_.mov(a_.ecx, mxcsr_place());
        a_.ldmxcsr(field(offsetof(ir::StateHeader, host_mxcsr)));
        collect_flags(rcx, rdx);
        if (backend_.host().avx) a_.vzeroupper();
        a_.add(a_.rsp, 8);
        for (unsigned i = std::size(saved); i-- > 0;) a_.pop(Assembler::q(saved[i]));
        a_.ret();
    }

    /// With the place of their image, if the guest's x87 registers are in the host's. Only the host's flags are changed besides.
    template <class F> void with_live_x87(F f) {
        for (const ir::Slot& slot : backend_.slots) {
            if (slot.name != ir::host_x87_slot) continue;
            a_.cmp(a_.dword[a_.r15 + (s32(slot.offset) - state_bias)], 0);
            const Fixup skip = a_.jcc_forward(cc_e);
            f(field(slot.offset + ir::host_x87_image_at));
            a_.bind(skip);
        }
    }

    Xbyak::Address mxcsr_place() {
        return a_.dword[a_.r15 + (s32(offsetof(ir::StateHeader, frame) + offsetof(ir::JitFrame, mxcsr)) - state_bias)];
    }

    /// Or the sticky flags of the MXCSR value into fp_flags: IE DE ZE OE UE PE (bits 0-5) are invalid, denormal operand (only for
    /// guests that have it), divide by zero, overflow, underflow, inexact.
    void collect_flags(Reg mxcsr, Reg other) {
        const auto m = Assembler::d(mxcsr), t = Assembler::d(other);
        const auto flags = a_.dword[a_.r15 + (s32(offsetof(ir::StateHeader, fp_flags)) - state_bias)];
        if (backend_.options.denormal_flag) { // bit 1 to bit 6
            a_.mov(t, m);
            a_.and_(t, 2);
            a_.shl(t, 5);
            a_.or_(flags, t);
        }
        a_.mov(t, m);
        a_.and_(t, 1);
        a_.shr(m, 1);
        a_.and_(m, 0x1e);
        a_.or_(t, m);
        a_.or_(flags, t);
    }

    /// Harvest without leaving: only r9-r11 are free here, and pinned registers have been written back.
    void emit_harvest_in_place() {
        a_.stmxcsr(mxcsr_place());
        a_.mov(a_.r10d, mxcsr_place());
        a_.test(a_.r10d, 0x3f);
        const Fixup none = a_.jcc_forward(cc_e);
        collect_flags(r10, r11);
        a_.ldmxcsr(field(offsetof(ir::StateHeader, mxcsr)));
        a_.bind(none);
    }

    /// rax = guest pc, state canonical.
    void emit_lookup(const Routines& r) {
        a_.cmp(a_.dword[a_.r15 + (s32(offsetof(ir::StateHeader, poll)) - state_bias)], 0);
        a_.jcc_to(cc_ne, r.leave_poll_pc);
        const Fixup miss = emit_jump_cache_probe(a_);
        const u32 found = a_.pos();
        a_.jmp(a_.ptr[a_.rcx + 8]);
        a_.bind(miss);
        emit_jump_cache_other(a_, found);
        a_.jmp_to(r.indirect_miss);
    }

    void emit_mismatch(Routines& r) {
        a_.mov(a_.rsp, field(offsetof(ir::StateHeader, shadow_top)));
        a_.jmp_to(r.indirect);
        r.return_sentinel = aligned(); // a return to one of the keys (backend.h): the address is in rax as any other
        a_.mov(a_.rsp, field(offsetof(ir::StateHeader, shadow_top)));
        a_.jmp_to(r.indirect);
    }

    void emit_call(bool raising) {
        a_.mov(field(offsetof(ir::StateHeader, jit_stack)), a_.rsp);
        if (raising)
            for (Reg reg : {rbx, rbp, r12, r13, r14}) a_.mov(gpr_save(reg), Assembler::q(reg));
        a_.lea(a_.rdi, a_.ptr[a_.r15 - state_bias]);
        a_.mov(a_.rsp, field(offsetof(ir::StateHeader, host_stack)));
        if (backend_.host().avx) a_.vzeroupper(); // C++ may use legacy forms, which wait for high halves
        a_.call(a_.rax);
        a_.mov(a_.rsp, field(offsetof(ir::StateHeader, jit_stack)));
        a_.ret();
    }

    Xbyak::Address gpr_save(Reg reg) { return field(offsetof(ir::StateHeader, frame) + offsetof(ir::JitFrame, gpr) + 8u * reg); }
    Xbyak::Address xmm_save(Reg reg) { return field(offsetof(ir::StateHeader, frame) + offsetof(ir::JitFrame, xmm) + 16u * (reg - 16)); }

    /// As emit_eval, but the access may raise: every register is where recovery looks for it.
    void emit_memory() {
        for (Reg r = rax; r <= r14; r++)
            if (r != rsp) a_.mov(gpr_save(r), Assembler::q(r));
        for (Reg r = xmm0; r < 32; r++) a_.movups(xmm_save(r), Assembler::x(r));
        keep_upper(false);
        a_.mov(field(offsetof(ir::StateHeader, jit_stack)), a_.rsp);
        a_.lea(a_.rdi, a_.ptr[a_.r15 - state_bias]);
        a_.mov(a_.rsp, field(offsetof(ir::StateHeader, host_stack)));
        if (backend_.host().avx) a_.vzeroupper();
        a_.mov_imm(rax, u64(&access_memory));
        a_.call(a_.rax);
        a_.mov(a_.rsp, field(offsetof(ir::StateHeader, jit_stack)));
        for (Reg r = xmm0; r < 32; r++) a_.movups(Assembler::x(r), xmm_save(r));
        keep_upper(true);
        for (Reg r : {rax, rcx, rdx, rsi, rdi, r8, r9, r10, r11}) a_.mov(Assembler::q(r), gpr_save(r));
        a_.ret();
    }

    /// The upper vector registers, and the mask of a row of unchecked results (emit_float_checks.cpp).
    void keep_upper(bool load) {
        if (!backend_.host().avx512vl) return;
        for (unsigned i = 0; i < 16; i++) {
            const Xbyak::Address at = field(offsetof(ir::StateHeader, frame) + offsetof(ir::JitFrame, xmm) + 16 * (16 + i));
            const Xbyak::Xmm x(int(16 + i));
            if (load) a_.vmovups(x, at);
            else a_.vmovups(at, x);
        }
        const Xbyak::Address mask = field(offsetof(ir::StateHeader, frame) + offsetof(ir::JitFrame, row_mask));
        if (load) a_.kmovq(a_.k1, mask);
        else a_.kmovq(mask, a_.k1);
    }

    /// The high halves of the lower vector registers.
    void keep_high(bool load) {
        if (!backend_.host().avx) return;
        for (Reg r = xmm0; r < 32; r++) {
            const Xbyak::Address at = field(offsetof(ir::StateHeader, frame) + offsetof(ir::JitFrame, ymm_high) + 16u * (r - 16));
            if (load) a_.vinsertf128(Assembler::y(r), Assembler::y(r), at, 1);
            else a_.vextractf128(at, Assembler::y(r), 1);
        }
    }

    void emit_eval(bool with_high) {
        static constexpr Reg clobbered[] = {rax, rcx, rdx, rsi, rdi, r8, r9, r10, r11};
        for (Reg r : clobbered) a_.mov(gpr_save(r), Assembler::q(r));
        for (Reg r = xmm0; r < 32; r++) a_.movups(xmm_save(r), Assembler::x(r));
        keep_upper(false);
        if (with_high) keep_high(false);
        a_.mov(field(offsetof(ir::StateHeader, jit_stack)), a_.rsp);
        a_.lea(a_.rdi, a_.ptr[a_.r15 - state_bias]);
        a_.mov(a_.rsp, field(offsetof(ir::StateHeader, host_stack)));
        if (backend_.host().avx) a_.vzeroupper();
        a_.mov_imm(rax, u64(&eval_scratch));
        a_.call(a_.rax);
        a_.mov(a_.rsp, field(offsetof(ir::StateHeader, jit_stack)));
        for (Reg r = xmm0; r < 32; r++) a_.movups(Assembler::x(r), xmm_save(r));
        keep_upper(true);
        if (with_high) keep_high(true);
        for (Reg r : clobbered) a_.mov(Assembler::q(r), gpr_save(r));
        a_.ret();
    }

    static constexpr Reg saved[] = {rbx, rbp, r12, r13, r14, r15};
    Assembler& a_;
    const Backend& backend_;
};

} // namespace

Fixup emit_jump_cache_probe(Assembler& a) {
    a.mov(a.rcx, a.rax);
    a.shr(a.rcx, ir::jump_cache_bits);
    a.xor_(a.ecx, a.eax);
    a.and_(a.ecx, (1u << ir::jump_cache_bits) - 1);
    a.shl(a.ecx, 4);
    a.add(a.rcx, a.ptr[a.r15 + (s32(offsetof(ir::StateHeader, jump_cache)) - state_bias)]);
    a.cmp(a.ptr[a.rcx], a.rax);
    return a.jcc_forward(cc_ne);
}

void emit_jump_cache_other(Assembler& a, u32 found) {
    a.xor_(a.rcx, sizeof(ir::JumpCacheEntry));
    a.cmp(a.ptr[a.rcx], a.rax);
    a.jcc_to(cc_e, found);
}

Routines emit_routines(Assembler& as, const Backend& backend) { return RoutineEmitter(as, backend).run(); }

Backend::Backend(const Options& o, ir::SlotTable s) : options(o), slots(s), canonical(s.size()), lower(s.size()) {
    for (usize i = 0; i < s.size(); i++)
        if (s[i].upper) lower[s[i].upper] = u16(i), has_halves = true;
    // Registers that C++ preserves come first: helper calls need not save them.
    std::vector<Reg> gprs = {rbx, rbp, r12, r13};
    if (!o.memory_base) gprs.push_back(r14);
    for (Reg r : {r8, r9, r10, r11}) gprs.push_back(r);
    if (gprs.size() > o.pinned_gprs) gprs.resize(o.pinned_gprs);
    std::vector<Reg> xmms;
    for (Reg r = 24; r < 32 && xmms.size() < o.pinned_xmms; r++) xmms.push_back(r);

    std::vector<unsigned> order;
    for (unsigned i = 0; i < s.size(); i++)
        if (s[i].pin) order.push_back(i);
    std::stable_sort(order.begin(), order.end(), [&](unsigned a, unsigned b) { return s[a].pin < s[b].pin; });
    usize next_gpr = 0, next_xmm = 0;
    for (unsigned i : order) {
        const ir::Type type = s[i].type;
        Reg reg = no_reg;
        if ((type == ir::Type::i64 || type == ir::Type::i32) && next_gpr < gprs.size()) reg = gprs[next_gpr++];
        if (type == ir::Type::v128 && next_xmm < xmms.size()) reg = xmms[next_xmm++];
        if (reg == no_reg) continue;
        canonical.pin(i, reg);
    }
    allocatable = (gpr_mask | xmm_mask) & ~(bit_of(rsp) | bit_of(r15));
    if (o.features.avx512vl) allocatable |= upper_mask & (bit_of(32 + first_row_constant - 16) - 1);
    if (o.memory_base) allocatable &= ~bit_of(r14);
}

} // namespace emu::jit

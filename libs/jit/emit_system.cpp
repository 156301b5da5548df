// SPDX-License-Identifier: MIT
// Memory accesses of whole machines: an inline probe of the software TLB (ir/state.h), and the way out of line for what it does
// not have. A page is found if the tag for the kind of access equals the page of the access's last byte in the entry of its first
// byte: an access that crosses into the next page fails that comparison without a test of its own.
#include "jit/compiler.h"

#include <bit>

namespace emu::jit {

using ir::MemFlags;
using ir::Op;
using ir::TlbEntry;
using ir::Type;

Compiler::Probe Compiler::probe(Id address_id, MemFlags flags, bool write) {
    static_assert(sizeof(TlbEntry) == 32);
    constexpr unsigned entry_log2 = 5;
    Probe p{temp(), temp(), {}};
    const Reg tag = temp();
    const s32 last = s32(flags.bytes()) - 1;
    // An index register that a folded address uses may not be read again after the entry is computed: take the sum first.
    a.lea(a.q(p.address), a.ptr[address(address_id)]);
    if (flags.aligned && last) {
        a.test(a.d(p.address), u32(last));
        p.misses.push_back(a.jcc_forward(cc_ne));
    }
    a.lea(a.q(tag), a.ptr[a.q(p.address) + last]);
    a.mov(a.q(p.host), a.q(p.address));
    a.shr(a.q(p.host), ir::tlb_page_bits - entry_log2);
    a.and_(a.q(tag), s32(-(1 << ir::tlb_page_bits)));
    a.and_(a.d(p.host), ((1u << ir::tlb_bits) - 1) << entry_log2);
    a.add(a.q(p.host), state_at(offsetof(ir::StateHeader, tlb)));
    const s32 view = s32(flags.mmu) << (ir::tlb_bits + entry_log2);
    a.cmp(a.q(tag), a.ptr[a.q(p.host) + view + s32(write ? offsetof(TlbEntry, write) : offsetof(TlbEntry, read))]);
    p.misses.push_back(a.jcc_forward(cc_ne));
    a.mov(a.q(p.host), a.ptr[a.q(p.host) + view + s32(offsetof(TlbEntry, addend))]);
    a.add(a.q(p.host), a.q(p.address));
    unlock(tag);
    return p;
}

/// In a cold part: the access out of line.
void Compiler::call_memory(SlowAccess access, u16 aux, Reg address_reg) {
    const auto frame = [&](usize offset) { return state_at(offsetof(ir::StateHeader, frame) + offset); };
    a.mov(frame(offsetof(ir::JitFrame, address)), a.q(address_reg));
    a.mov(a.dword[frame(offsetof(ir::JitFrame, access)).getRegExp()], u32(access));
    a.mov(a.dword[frame(offsetof(ir::JitFrame, access_flags)).getRegExp()], u32(aux));
    a.call_to(backend_.routines.memory);
}

/// The return address just emitted has the same guest state as an earlier snapshot.
void Compiler::record_again(usize snapshot) {
    Snapshot s = table_.snapshots[snapshot];
    s.begin = a.pos() - 1 - start_;
    s.end = a.pos() - start_;
    table_.snapshots.push_back(s);
}

void Compiler::emit_system_load(Id id) {
    const ir::Node& n = node(id);
    const u16 aux = n.aux;
    const MemFlags flags = MemFlags::unpack(aux);
    const bool xmm = wants_xmm(n.type);
    const Probe p = probe(n.a, flags, false);
    // The value goes through a general register where it is small or in the other byte order.
    const Reg scratch = xmm && (flags.size_log2 < 2 || flags.big_endian) ? p.address : Reg(no_reg);
    record_snapshot(a.pos(), a.pos());
    const usize snapshot = table_.snapshots.size() - 1;
    const Reg to = choose_def(id);
    const u32 begin = a.pos();
    cold(p.misses, [=, this] {
        call_memory(SlowAccess::load, aux, p.address);
        record_again(snapshot);
        a.lea(a.q(p.host), scratch_at(0));
    });
    const Xbyak::RegExp at(a.q(p.host));
    if (xmm) load_xmm(to, at, flags, scratch);
    else load_gpr(to, at, flags, n.type == Type::i64);
    table_.snapshots[snapshot].begin = begin - start_;
    table_.snapshots[snapshot].end = a.pos() - start_;
    assign(id, to);
    value(id).zero_above = xmm;
}

void Compiler::emit_system_store(Id id) {
    const ir::Node& n = node(id);
    const u16 aux = n.aux;
    const MemFlags flags = MemFlags::unpack(aux);
    const unsigned size = flags.size_log2;
    const bool swap = flags.big_endian && size;
    const Id v = low_id(id, 1);
    Reg from = use(v);
    const bool xmm = is_xmm(from);
    if (swap && size == 4) {
        const Reg t = temp(true);
        move(t, from);
        a.pshufb(a.x(t), constant_address({0x08090a0b0c0d0e0f, 0x0001020304050607}));
        from = t;
    } else if (swap || (!xmm && size == 4)) {
        const Reg t = temp(!swap);
        if (!swap) a.movq(a.x(t), a.q(from));
        else if (xmm) a.movq(a.q(t), a.x(from));
        else a.mov(a.q(t), a.q(from));
        if (swap) swap_narrow(t, size);
        from = t;
    }
    const auto store = [=, this](const Xbyak::RegExp& at) {
        if (is_xmm(from)) store_xmm(at, from, size);
        else store_gpr(at, from, size);
    };
    const Probe p = probe(n.a, flags, true);
    record_snapshot(a.pos(), a.pos() + 1);
    const usize snapshot = table_.snapshots.size() - 1;
    store(Xbyak::RegExp(a.q(p.host)));
    cold(p.misses, [=, this] {
        store(scratch_at(0).getRegExp());
        call_memory(SlowAccess::store, aux, p.address);
        record_again(snapshot);
    });
    if (flags.order == ir::Order::seq_cst) a.mfence();
}

/// Read-modify-write cycles are rare in a machine's life: always out of line.
void Compiler::emit_system_atomic(Id id) {
    const ir::Node& n = node(id);
    const MemFlags flags = MemFlags::unpack(n.aux);
    const bool cas = n.op == Op::atomic_cas;
    take(rax);
    const Reg first = use(n.b), second = cas ? use(n.c) : Reg(no_reg), address_reg = temp();
    a.lea(a.q(address_reg), a.ptr[address(n.a)]);
    // cas takes its operands in memory order, rmw as numbers.
    const bool swap = cas && flags.big_endian && flags.size_log2;
    for (unsigned k = 0; k < (cas ? 2u : 1u); k++) {
        a.mov(a.q(rax), a.q(k ? second : first));
        if (swap) swap_narrow(rax, flags.size_log2);
        a.mov(scratch_at(k), a.q(rax));
    }
    call_memory(cas ? SlowAccess::cas : SlowAccess::rmw, n.aux, address_reg);
    record_snapshot(a.pos() - 1, a.pos());
    a.mov(a.q(rax), scratch_at(0));
    if (swap) swap_bytes(rax, flags.size_log2);
    extend(rax, flags, n.type == Type::i64);
    consume(id);
    assign(id, rax);
}

} // namespace emu::jit

// SPDX-License-Identifier: MIT
// Loads, stores and atomics on flat memory: the bare access, with a snapshot for the case that it faults.
#include "jit/compiler.h"

#include "common/result.h"

namespace emu::jit {

using ir::AtomicOp;
using ir::MemFlags;
using ir::Node;
using ir::Op;
using ir::Order;
using ir::Type;

// --- addresses -----------------------------------------------------------------------------------------------------------------

/// Take apart pending additions of one type into base + index * scale + displacement; false if there is more.
bool Compiler::decompose(Id id, Type type, AddressParts& parts) {
    const Node& n = node(id);
    const bool open = is_pending(id) && n.type == type;
    u64 k;
    if (open && n.op == Op::shl && !parts.index && constant(n.b, k)) {
        parts.index = n.a;
        parts.scale = 1u << k;
        return true;
    }
    if (!open || n.op != Op::add) {
        if (!parts.base) parts.base = id;
        else if (!parts.index) parts.index = id;
        else return false;
        return true;
    }
    if (!constant(n.b, k)) return decompose(n.a, type, parts) && decompose(n.b, type, parts);
    if (type == Type::i32) { // wraps, and the host's addition does too
        parts.disp = s32(u32(parts.disp) + u32(k));
        return decompose(n.a, type, parts);
    }
    if (s64(k) != s32(k) || s64(parts.disp + s64(k)) != s32(parts.disp + s64(k))) return false;
    parts.disp += s64(k);
    return decompose(n.a, type, parts);
}

/// The host address expression; its registers are locked. Narrow addresses are computed by the host with 32 bits.
Xbyak::RegExp Compiler::address(Id id) {
    AddressParts parts;
    const u64 base = backend_.options.memory_base;
    const Type type = node(id).type;
    const bool narrow = type != Type::i64;
    if (is_pending(id) && ((narrow && base) || !decompose(id, type, parts) || (base && parts.base && parts.index))) {
        parts = {};
        parts.base = id;
    }
    if (!parts.base && !parts.index) parts.base = id;
    Xbyak::RegExp exp(parts.disp);
    u64 k;
    if (!base && !parts.index && constant(parts.base, k) && s64(k + u64(parts.disp)) == s32(k + u64(parts.disp)))
        return Xbyak::RegExp(usize(k + u64(parts.disp)));
    bool low_half = narrow && (parts.disp || parts.index);
    auto part = [&](Id v) {
        if (!v || !narrow || base || !is_pending(v) || node(v).op != Op::trunc) return v;
        low_half = true;
        return node(v).a;
    };
    parts.base = part(parts.base), parts.index = part(parts.index);
    const Reg b = parts.base ? use(parts.base) : Reg(no_reg);
    const Reg i = parts.index ? use(parts.index) : Reg(no_reg);
    if (base) exp = exp + Assembler::q(r14);
    if (b != no_reg) exp = exp + Assembler::i(b, !low_half);
    if (i != no_reg) exp = exp + Assembler::i(i, !low_half) * int(parts.scale);
    return exp;
}

// --- single accesses -----------------------------------------------------------------------------------------------------------

void Compiler::load_gpr(Reg to, const Xbyak::RegExp& at, MemFlags flags, bool wide) {
    if (flags.big_endian && flags.size_log2) {
        if (host().movbe && flags.size_log2 >= 2) {
            flags.size_log2 == 3 ? a.movbe(a.q(to), a.qword[at]) : a.movbe(a.d(to), a.dword[at]);
        } else {
            MemFlags plain = flags;
            plain.big_endian = plain.sign_extend = false;
            load_gpr(to, at, plain, wide);
            swap_bytes(to, flags.size_log2);
        }
        extend(to, flags, wide);
        return;
    }
    const bool sign = flags.sign_extend;
    switch (flags.size_log2) {
    case 0: sign ? a.movsx(a.i(to, wide), a.byte[at]) : a.movzx(a.d(to), a.byte[at]); break;
    case 1: sign ? a.movsx(a.i(to, wide), a.word[at]) : a.movzx(a.d(to), a.word[at]); break;
    case 2:
        if (sign && wide) a.movsxd(a.q(to), a.dword[at]);
        else a.mov(a.d(to), a.dword[at]);
        return;
    default: a.mov(a.i(to, wide), wide ? a.qword[at] : a.dword[at]); return;
    }
}

/// Sign-extend a zero-extended value in place.
void Compiler::extend(Reg reg, MemFlags flags, bool wide) {
    if (!flags.sign_extend) return;
    switch (flags.size_log2) {
    case 0: wide ? a.movsx(a.q(reg), a.b(reg)) : a.movsx(a.d(reg), a.b(reg)); break;
    case 1: wide ? a.movsx(a.q(reg), a.w(reg)) : a.movsx(a.d(reg), a.w(reg)); break;
    case 2:
        if (wide) a.movsxd(a.q(reg), a.d(reg));
        break;
    default: break;
    }
}

/// Reverse the low bytes of a zero-extended value.
void Compiler::swap_bytes(Reg reg, unsigned size_log2) {
    switch (size_log2) {
    case 0: break;
    case 1:
        a.bswap(a.d(reg));
        a.shr(a.d(reg), 16);
        break;
    case 2: a.bswap(a.d(reg)); break;
    default: a.bswap(a.q(reg)); break;
    }
}

/// Zero-extended to 128 bits. `scratch`: a general register, for small sizes and big-endian ones.
void Compiler::load_xmm(Reg to, const Xbyak::RegExp& at, MemFlags flags, Reg scratch) {
    const auto x = a.x(to);
    if (flags.size_log2 < 2 || (flags.big_endian && flags.size_log2 < 4)) {
        load_gpr(scratch, at, flags, flags.size_log2 == 3);
        if (avx()) flags.size_log2 == 3 ? a.vmovq(x, a.q(scratch)) : a.vmovd(x, a.d(scratch));
        else flags.size_log2 == 3 ? a.movq(x, a.q(scratch)) : a.movd(x, a.d(scratch));
        return;
    }
    switch (flags.size_log2) {
    case 2: avx() ? a.vmovss(x, a.dword[at]) : a.movss(x, a.dword[at]); break;
    case 3: avx() ? a.vmovsd(x, a.qword[at]) : a.movsd(x, a.qword[at]); break;
    default:
        // A misaligned access faults by itself where it has to.
        if (flags.aligned) avx() ? a.vmovaps(x, a.ptr[at]) : a.movaps(x, a.ptr[at]);
        else avx() ? a.vmovups(x, a.ptr[at]) : a.movups(x, a.ptr[at]);
        if (flags.big_endian) a.pshufb(x, constant_address({0x08090a0b0c0d0e0f, 0x0001020304050607}));
        break;
    }
}

void Compiler::store_gpr(const Xbyak::RegExp& at, Reg from, unsigned size_log2) {
    switch (size_log2) {
    case 0: a.mov(a.byte[at], a.b(from)); break;
    case 1: a.mov(a.word[at], a.w(from)); break;
    case 2: a.mov(a.dword[at], a.d(from)); break;
    default: a.mov(a.qword[at], a.q(from)); break;
    }
}

void Compiler::store_xmm(const Xbyak::RegExp& at, Reg from, unsigned size_log2) {
    const auto x = a.x(from);
    switch (size_log2) {
    case 0: avx() ? a.vpextrb(a.byte[at], x, 0) : a.pextrb(a.byte[at], x, 0); break;
    case 1: avx() ? a.vpextrw(a.word[at], x, 0) : a.pextrw(a.word[at], x, 0); break;
    case 2: avx() ? a.vmovss(a.dword[at], x) : a.movss(a.dword[at], x); break;
    case 3: avx() ? a.vmovsd(a.qword[at], x) : a.movsd(a.qword[at], x); break;
    default: avx() ? a.vmovups(a.ptr[at], x) : a.movups(a.ptr[at], x); break;
    }
}

// --- nodes ---------------------------------------------------------------------------------------------------------------------

void Compiler::emit_load(Id id) {
    if (backend_.options.system) return emit_system_load(id);
    const Node& n = node(id);
    const MemFlags flags = MemFlags::unpack(n.aux);
    const Xbyak::RegExp at = address(n.a);
    const bool xmm = wants_xmm(n.type);
    const Reg scratch = xmm && (flags.size_log2 < 2 || flags.big_endian) ? temp() : Reg(no_reg);
    // The state before the access: what choose_def may push out of a register is still in it if the access faults.
    record_snapshot(start_, start_);
    const Id high = analysis_->high_half(id);
    const Reg to = choose_def(id, high ? xmm_mask : flags.big_endian ? lower_mask : any_bank);
    const u32 begin = a.pos();
    if (high) a.vmovups(a.y(to), a.ptr[at]);
    else if (xmm) load_xmm(to, at, flags, scratch);
    else load_gpr(to, at, flags, n.type == Type::i64);
    table_.snapshots.back().begin = begin - start_;
    table_.snapshots.back().end = a.pos() - start_;
    if (high) {
        emitted_along_ = high;
        set_joined(id);
        assign(high, to);
        set_joined(0);
        return;
    }
    assign(id, to);
    value(id).zero_above = xmm;
}

void Compiler::emit_store(Id id) {
    if (backend_.options.system) return emit_system_store(id);
    const Node& n = node(id);
    if (const Id low = analysis_->low_half(id)) {
        emitted_along_ = low;
        return store_both_halves(low, id);
    }
    const MemFlags flags = MemFlags::unpack(n.aux);
    const unsigned size = flags.size_log2;
    const bool swap = flags.big_endian && size;
    const Id v = low_id(id, 1);
    const Xbyak::RegExp at = address(n.a);
    u64 bits;
    u32 begin;
    if (constant(v, bits) && !wants_xmm(v) && !swap && (size < 3 || (size == 3 && s64(bits) == s32(bits)))) {
        begin = a.pos();
        if (size == 0) a.mov(a.byte[at], u8(bits));
        else if (size == 1) a.mov(a.word[at], u16(bits));
        else if (size == 2) a.mov(a.dword[at], u32(bits));
        else a.mov(a.qword[at], bits);
    } else if (wants_xmm(v)) {
        Reg from = swap ? use(v) : use_any(v);
        if (swap && size == 4) {
            const Reg t = temp(true);
            move(t, from);
            a.pshufb(a.x(t), constant_address({0x08090a0b0c0d0e0f, 0x0001020304050607}));
            from = t;
        }
        if (swap && size < 4) {
            const Reg t = temp();
            a.movq(a.q(t), a.x(from));
            swap_narrow(t, size);
            begin = a.pos();
            store_gpr(at, t, size);
        } else {
            begin = a.pos();
            if (flags.aligned && size == 4) avx() ? a.vmovaps(a.ptr[at], a.x(from)) : a.movaps(a.ptr[at], a.x(from));
            else store_xmm(at, from, size);
        }
    } else {
        Reg from = use(v);
        if (swap) {
            const Reg t = temp();
            a.mov(a.q(t), a.q(from));
            swap_narrow(t, size);
            from = t;
        }
        begin = a.pos();
        if (size == 4) { // an integer zero-extended to 16 bytes
            const Reg t = temp(true);
            a.movq(a.x(t), a.q(from));
            begin = a.pos();
            a.movups(a.ptr[at], a.x(t));
        } else {
            store_gpr(at, from, size);
        }
    }
    record_snapshot(begin, a.pos());
    if (flags.order == Order::seq_cst) barrier();
}

void Compiler::store_both_halves(Id low, Id high) {
    const Xbyak::RegExp at = address(node(low).a);
    const Reg from = use_both(node(low).b, node(high).b);
    const u32 begin = a.pos();
    a.vmovups(a.ptr[at], a.y(from));
    record_snapshot(begin, a.pos());
}

void Compiler::lock() {
    if (!backend_.alone) a.lock();
}

/// Stores before it are seen before loads behind it are made. A locked instruction does that sooner than MFENCE.
void Compiler::barrier() {
    if (backend_.alone) return;
    a.lock();
    a.or_(a.dword[a.rsp], 0);
}

/// Reverse the low bytes of a value with anything above them.
void Compiler::swap_narrow(Reg reg, unsigned size_log2) {
    if (size_log2 == 1) a.rol(a.w(reg), 8);
    else swap_bytes(reg, size_log2);
}

void Compiler::emit_atomic_rmw(Id id) {
    if (backend_.options.system) return emit_system_atomic(id);
    const Node& n = node(id);
    MemFlags flags = MemFlags::unpack(n.aux);
    const AtomicOp op = ir::aux_atomic(n.aux);
    const unsigned size = flags.size_log2;
    const bool swap = flags.big_endian && size;
    const bool simple = !swap && (op == AtomicOp::add || op == AtomicOp::swap);
    take(rax);
    const Reg operand = use(n.b);
    const Xbyak::RegExp at = address(n.a);
    const bool loops = !simple;
    const Reg fresh = loops ? temp() : Reg(no_reg);
    const u32 begin = a.pos();
    auto sized = [&](Reg r) -> Xbyak::Reg { return size == 0 ? Xbyak::Reg(a.b(r)) : size == 1 ? Xbyak::Reg(a.w(r)) : a.i(r, size == 3); };
    const Xbyak::Address memory = size == 0 ? a.byte[at] : size == 1 ? a.word[at] : size == 2 ? a.dword[at] : a.qword[at];
    if (simple) {
        if (op == AtomicOp::swap && backend_.alone) { // XCHG locks by itself
            MemFlags plain = flags;
            plain.sign_extend = false;
            load_gpr(rax, at, plain, size == 3);
            store_gpr(at, operand, size);
        } else {
            a.mov(a.q(rax), a.q(operand));
            if (op == AtomicOp::add) lock(), a.xadd(memory, sized(rax));
            else a.xchg(memory, sized(rax));
        }
    } else {
        MemFlags plain = flags;
        plain.sign_extend = plain.big_endian = false;
        load_gpr(rax, at, plain, size == 3);
        const u32 again = a.pos();
        // rax = what memory holds, as it is there
        a.mov(a.q(fresh), a.q(rax));
        if (swap) swap_bytes(fresh, size);
        emit_atomic_op(op, fresh, operand, size);
        if (swap) swap_narrow(fresh, size);
        if (backend_.alone) {
            store_gpr(at, fresh, size);
        } else {
            a.lock();
            a.cmpxchg(memory, sized(fresh));
            a.jcc_to(cc_ne, again);
        }
    }
    record_snapshot(begin, a.pos());
    if (size == 0) a.movzx(a.eax, a.al);
    else if (size == 1) a.movzx(a.eax, a.ax);
    else if (size == 2 && loops) a.mov(a.eax, a.eax);
    if (swap) swap_bytes(rax, size);
    extend(rax, flags, n.type == Type::i64);
    consume(id);
    assign(id, rax);
}

/// value = value OP operand, at the memory size (what is above does not matter, except that min and max start zero-extended).
void Compiler::emit_atomic_op(AtomicOp op, Reg value, Reg operand, unsigned size) {
    const bool wide = size == 3;
    const auto v = a.i(value, wide), o = a.i(operand, wide);
    switch (op) {
    case AtomicOp::swap: a.mov(v, o); return;
    case AtomicOp::add: a.add(v, o); return;
    case AtomicOp::and_: a.and_(v, o); return;
    case AtomicOp::andn: // v & ~o = (v | o) ^ o
        a.or_(v, o);
        a.xor_(v, o);
        return;
    case AtomicOp::or_: a.or_(v, o); return;
    case AtomicOp::xor_: a.xor_(v, o); return;
    default: break;
    }
    if (size == 0) a.cmp(a.b(value), a.b(operand));
    else if (size == 1) a.cmp(a.w(value), a.w(operand));
    else a.cmp(v, o);
    const Cc take_operand = op == AtomicOp::smax ? cc_l : op == AtomicOp::smin ? cc_g : op == AtomicOp::umax ? cc_b : cc_a;
    a.cmov(take_operand, value, operand, wide);
}

void Compiler::emit_atomic_cas(Id id) {
    if (backend_.options.system) return emit_system_atomic(id);
    const Node& n = node(id);
    const MemFlags flags = MemFlags::unpack(n.aux);
    const unsigned size = flags.size_log2;
    const bool swap = flags.big_endian && size;
    take(rax);
    const Reg expected = use(n.b);
    Reg desired = use(n.c);
    const Xbyak::RegExp at = address(n.a);
    if (swap) {
        const Reg t = temp();
        a.mov(a.q(t), a.q(desired));
        swap_narrow(t, size);
        desired = t;
    }
    const u32 begin = a.pos();
    a.mov(a.q(rax), a.q(expected));
    if (swap) swap_narrow(rax, size);
    lock();
    switch (size) {
    case 0: a.cmpxchg(a.byte[at], a.b(desired)); break;
    case 1: a.cmpxchg(a.word[at], a.w(desired)); break;
    case 2: a.cmpxchg(a.dword[at], a.d(desired)); break;
    default: a.cmpxchg(a.qword[at], a.q(desired)); break;
    }
    record_snapshot(begin, a.pos());
    if (size == 0) a.movzx(a.eax, a.al);
    else if (size == 1) a.movzx(a.eax, a.ax);
    else if (size == 2) a.mov(a.eax, a.eax);
    if (swap) swap_bytes(rax, size);
    extend(rax, flags, n.type == Type::i64);
    consume(id);
    assign(id, rax);
}

} // namespace emu::jit

// SPDX-License-Identifier: MIT
// Vectors: moves, permutes and bits.
#include "jit/compiler.h"

#include "common/bits.h"

#include <bit>

namespace emu::jit {

using ir::Lane;
using ir::Op;
using ir::Type;
using ir::V128;
using Src = Assembler::Src;

// --- instruction helpers ---------------------------------------------------------------------------------------------------

/// A constant; the second one is for the high half, if that is emitted too.
Src Compiler::pool(V128 low, V128 high) {
    const u32 place = a.wide_vectors ? pool_.place(low, high) : pool_.place(low);
    if (!place) failed_ = true;
    return Src::pool(place ? place : 1);
}

/// to = left OP right. Without AVX, `to` must not be `right` unless it is `left` too.
void Compiler::vec(VecOp o, Reg to, Reg left, Src right) {
    if (avx()) return a.vex_or_evex(o, to, left, right);
    if (to != left) a.movaps(a.x(to), a.x(left));
    a.sse(o, to, right);
}
void Compiler::vec_imm(VecOp o, Reg to, Reg left, Src right, unsigned imm) {
    if (avx()) {
        a.vex_or_evex(o, to, left, right, 1);
    } else {
        if (to != left) a.movaps(a.x(to), a.x(left));
        a.sse(o, to, right, 1);
    }
    a.db(int(imm));
}
/// One operand.
void Compiler::vec1(VecOp o, Reg to, Src from) {
    if (avx()) a.vex_or_evex(o, to, xmm0, from);
    else a.sse(o, to, from);
}
void Compiler::vec1_imm(VecOp o, Reg to, Src from, unsigned imm) {
    if (avx()) a.vex_or_evex(o, to, xmm0, from, 1);
    else a.sse(o, to, from, 1);
    a.db(int(imm));
}
void Compiler::vec_shift(ShiftKind kind, unsigned lane_bits, Reg to, Reg from, unsigned count) {
    if (!avx() && to != from) a.movaps(a.x(to), a.x(from));
    a.shift_lanes(avx(), kind, lane_bits, to, from, count);
}
void Compiler::vec_zero(Reg to) { vec(op::pxor, to, to, to); }
void Compiler::vec_ones(Reg to) { vec(op::pcmpeqd, to, to, to); }

/// A vector operand: register, or memory if this is its only use there.
Src Compiler::vec_src(Id id, RegMask among) {
    if (node(id).op == Op::vimm && !in_register(id)) {
        const V128 bits = f_->vectors[node(id).a];
        const bool easy = bits == V128{} || bits == V128{~u64(0), ~u64(0)};
        if (joined()) return pool(f_->vectors[node(low_operand(id)).a], bits);
        if (!easy) return pool(bits);
    }
    if (joined()) {
        const Id low = low_operand(id);
        if (follow_in_memory(low, id) && value(low).uses == 1 && value(id).uses == 1) return Src::state(slot_place(unsigned(value(low).memory)));
        return use_both(low, id);
    }
    const Value& v = value(id);
    if (v.reg == no_reg && !v.pending && v.uses == 1) {
        if (v.spill >= 0) return Src::state(s32(offsetof(ir::StateHeader, frame) + offsetof(ir::JitFrame, spill) + 16 * usize(v.spill)) - state_bias);
        if (v.memory >= 0 && f_->slots[usize(v.memory)].type == Type::v128 && backend_.slot_offset(unsigned(v.memory)) % 16 == 0)
            return Src::state(s32(backend_.slot_offset(unsigned(v.memory))) - state_bias);
    }
    return use_in(id, among);
}

/// An op that is one instruction on two registers.
bool Compiler::vec_simple(Id id, VecOp o, bool commutes) {
    const RegMask among = reach(o);
    const Reg left = use_in(node(id).a, among);
    const Src right = vec_src(node(id).b, among);
    Reg to;
    if (avx()) {
        to = def(id, among);
        a.vex_or_evex(o, to, left, right);
        return true;
    }
    if (commutes) {
        to = def(id);
        if (to == right.reg) a.sse(o, to, left);
        else vec(o, to, left, right);
        return true;
    }
    to = left == right.reg ? def(id) : def_unlike(id, right.reg);
    vec(o, to, left, right);
    return true;
}

/// The result's register, anything but `other`.
Reg Compiler::def_unlike(Id id, Reg other) { return other == no_reg ? def(id) : def_apart(id); }

// --- bits --------------------------------------------------------------------------------------------------------------------

bool Compiler::vec_logic(Id id) {
    switch (node(id).op) {
    case Op::vand: return vec_simple(id, op::pand, true);
    case Op::vor: return vec_simple(id, op::por, true);
    case Op::vxor: return vec_simple(id, op::pxor, true);
    default: break;
    }
    // a & ~b: the host negates its first operand.
    const RegMask among = reach(op::pandn);
    const Reg negated = use_in(node(id).b, among);
    const Src kept = vec_src(node(id).a, among);
    const Reg to = avx() ? def(id, among) : def_unlike(id, kept.reg);
    vec(op::pandn, to, negated, kept);
    return true;
}

bool Compiler::vec_not(Id id) {
    const Reg from = use(node(id).a), to = def_apart(id);
    vec_ones(to);
    vec(op::pxor, to, to, from);
    return true;
}

bool Compiler::vec_select(Id id) {
    if (host().avx512vl) {
        const Reg mask = use_any(node(id).a), yes = use_any(node(id).b), no = use_any(node(id).c), to = def_apart(id, any_bank);
        move(to, mask);
        a.vpternlogq(a.v(to), a.v(yes), a.v(no), 0xca);
        return true;
    }
    const Reg mask = use(node(id).a), yes = use(node(id).b), no = use(node(id).c), t = temp(true), to = def_apart(id);
    vec(op::pand, t, yes, mask);
    vec(op::pandn, to, mask, no);
    vec(op::por, to, to, t);
    return true;
}

// --- lanes and scalars ---------------------------------------------------------------------------------------------------------

/// Of lanes of 8, 32 or 64 bits.
void Compiler::top_bits(Reg to, const Xbyak::Xmm& from, unsigned lane_bits) {
    switch (lane_bits) {
    case 8: avx() ? a.vpmovmskb(a.d(to), from) : a.pmovmskb(a.d(to), from); break;
    case 32: avx() ? a.vmovmskps(a.d(to), from) : a.movmskps(a.d(to), from); break;
    default: avx() ? a.vmovmskpd(a.d(to), from) : a.movmskpd(a.d(to), from); break;
    }
}

/// Top bits of the lanes.
bool Compiler::vec_mask(Id id) {
    const unsigned bits = ir::lane_bits(ir::aux_lane(node(id).aux));
    const Reg from = use(node(id).a);
    const Reg t = bits == 16 ? temp(true) : Reg(no_reg);
    const Reg to = def(id);
    if (bits != 16) return top_bits(to, a.x(from), bits), true;
    // The words' signs survive saturation to bytes.
    if (avx()) a.vpacksswb(a.x(t), a.x(from), a.x(from));
    else a.movaps(a.x(t), a.x(from)), a.packsswb(a.x(t), a.x(t));
    top_bits(to, a.x(t), 8);
    a.and_(a.d(to), 0xff);
    return true;
}

/// Of two vectors, which may be one register.
bool Compiler::vec_masks(Id id) {
    const Lane lane = ir::aux_lane(node(id).aux);
    const unsigned bits = ir::lane_bits(lane);
    const Id low = node(id).a, high = node(id).b;
    if (bits == 16) return false;
    if (analysis_->high_half(low) == high && high) {
        const Reg from = use_both(low, high);
        return top_bits(def(id), a.y(from), bits), true;
    }
    const Reg one = use(low), other = use(high), t = temp(), to = def(id);
    top_bits(t, a.x(other), bits);
    top_bits(to, a.x(one), bits);
    a.shl(a.d(t), ir::lane_count(lane));
    a.or_(a.d(to), a.d(t));
    return true;
}

bool Compiler::vec_get(Id id) {
    const Type type = node(id).type;
    const Lane lane = ir::aux_lane(node(id).aux);
    const unsigned index = ir::aux_imm(node(id).aux), bits = ir::lane_bits(lane);
    if (ir::is_float(type)) {
        if (ir::bit_width(type) != bits) return false;
        const RegMask among = index ? lower_mask : any_bank;
        const Reg from = use_in(node(id).a, among), to = def(id, among);
        if (bits == 64 || !index) {
            index ? vec_shift(ShiftKind::right_bytes, 64, to, from, 8) : move(to, from);
        } else {
            vec_shift(ShiftKind::right_bytes, 64, to, from, index * bits / 8);
        }
        return true;
    }
    const Reg from = use_any(node(id).a), to = def(id);
    const auto x = a.x(from);
    switch (bits) {
    case 8: avx() ? a.vpextrb(a.d(to), x, u8(index)) : a.pextrb(a.d(to), x, u8(index)); break;
    case 16: avx() ? a.vpextrw(a.d(to), x, u8(index)) : a.pextrw(a.d(to), x, u8(index)); break;
    case 32:
        if (index == 0) avx() ? a.vmovd(a.d(to), x) : a.movd(a.d(to), x);
        else avx() ? a.vpextrd(a.d(to), x, u8(index)) : a.pextrd(a.d(to), x, u8(index));
        break;
    default:
        if (type == Type::i32) avx() ? a.vmovd(a.d(to), x) : a.movd(a.d(to), x); // the low half of a wide lane
        else if (index == 0) avx() ? a.vmovq(a.q(to), x) : a.movq(a.q(to), x);
        else avx() ? a.vpextrq(a.q(to), x, u8(index)) : a.pextrq(a.q(to), x, u8(index));
        if (type == Type::i32 && index) avx() ? a.vpextrd(a.d(to), x, u8(2 * index)) : a.pextrd(a.d(to), x, u8(2 * index));
        break;
    }
    return true;
}

bool Compiler::vec_set(Id id) {
    const Lane lane = ir::aux_lane(node(id).aux);
    const unsigned index = ir::aux_imm(node(id).aux), bits = ir::lane_bits(lane);
    const Type scalar = operand_type(id, 1);
    const Reg into = use(node(id).a);
    if (ir::is_float(scalar)) {
        if (ir::bit_width(scalar) != bits) return false;
        const Reg from = use(node(id).b);
        const Reg t = bits == 16 ? temp() : Reg(no_reg);
        const Reg to = def_apart(id);
        if (bits == 64) {
            if (index) {
                vec(op::punpcklqdq, to, into, from);
            } else { // low half of `from`, high half of `into`
                vec_imm(op::pblendw, to, into, from, 0x0f);
            }
        } else if (bits == 32) {
            vec_imm(op::insertps, to, into, from, index << 4);
        } else {
            avx() ? a.vpextrw(a.d(t), a.x(from), 0) : a.pextrw(a.d(t), a.x(from), 0);
            vec_imm(op::pinsrw, to, into, Src(Reg(16 + t)), index);
        }
        return true;
    }
    const Reg from = low(id, 1);
    const Reg to = def(id);
    const VecOp o = bits == 8 ? op::pinsrb : bits == 16 ? op::pinsrw : bits == 32 ? op::pinsrd : op::pinsrq;
    vec_imm(o, to, into, Src(Reg(16 + from)), index); // general registers are numbered alike
    return true;
}

bool Compiler::vec_dup(Id id) {
    const unsigned bits = ir::lane_bits(ir::aux_lane(node(id).aux));
    const Type scalar = operand_type(id, 0);
    u64 k;
    if (constant(node(id).a, k)) {
        u64 lanes = k & ones(bits);
        for (unsigned w = bits; w < 64; w *= 2) lanes |= lanes << w;
        const Reg to = def(id);
        if (!lanes) vec_zero(to);
        else if (!~lanes) vec_ones(to);
        else vec1({0, 1, 0x28}, to, pool({lanes, lanes})); // movaps
        return true;
    }
    const bool is_xmm_source = ir::is_float(scalar);
    const Reg from = is_xmm_source ? use(node(id).a) : low(id, 0);
    if (!is_xmm_source && host().avx512vl) {
        const Reg to = def(id);
        switch (bits) {
        case 8: a.vpbroadcastb(a.x(to), a.b(from)); break;
        case 16: a.vpbroadcastw(a.x(to), a.w(from)); break;
        case 32: a.vpbroadcastd(a.x(to), a.d(from)); break;
        default: a.vpbroadcastq(a.x(to), a.q(from)); break;
        }
        return true;
    }
    const Reg to = def_apart(id);
    Reg source = from;
    if (!is_xmm_source) {
        if (bits == 64) avx() ? a.vmovq(a.x(to), a.q(from)) : a.movq(a.x(to), a.q(from));
        else avx() ? a.vmovd(a.x(to), a.d(from)) : a.movd(a.x(to), a.d(from));
        source = to;
    }
    if (bits == 64) {
        vec1_imm(op::pshufd, to, source, 0x44);
    } else if (bits == 32) {
        vec1_imm(op::pshufd, to, source, 0x00);
    } else if (host().avx2) {
        bits == 16 ? a.vpbroadcastw(a.x(to), a.x(source)) : a.vpbroadcastb(a.x(to), a.x(source));
    } else {
        const u64 pattern = bits == 16 ? 0x0100010001000100 : 0;
        vec(op::pshufb, to, source, pool({pattern, pattern}));
    }
    return true;
}

bool Compiler::vec_zext(Id id) {
    const Type type = operand_type(id, 0);
    if (!ir::is_float(type)) {
        const Reg from = low(id, 0), to = def(id, any_bank);
        if (type == Type::i64) avx() ? a.vmovq(a.x(to), a.q(from)) : a.movq(a.x(to), a.q(from));
        else avx() ? a.vmovd(a.x(to), a.d(from)) : a.movd(a.x(to), a.d(from));
        return true;
    }
    const bool clean = zero_above(node(id).a, type);
    const RegMask among = clean || type == Type::f32 ? any_bank : lower_mask;
    const Reg from = use_in(node(id).a, among), to = def(id, among);
    if (clean) move(to, from);
    else if (type == Type::f64) vec1({2, 1, 0x7e}, to, from); // movq
    else if (type == Type::f32) vec_imm(op::insertps, to, from, from, 0x0e);
    else vec(op::pand, to, from, pool({0xffff, 0}));
    return true;
}

bool Compiler::vec_low(Id id) {
    const Reg from = use(node(id).a), to = def(id);
    vec1({2, 1, 0x7e}, to, from);
    return true;
}

// --- permutes ------------------------------------------------------------------------------------------------------------------

bool Compiler::vec_zip(Id id) {
    static constexpr VecOp rows[2][4] = {{op::punpcklbw, op::punpcklwd, op::punpckldq, op::punpcklqdq},
                                         {op::punpckhbw, op::punpckhwd, op::punpckhdq, op::punpckhqdq}};
    if (node(id).op == Op::vcat) return vec_simple(id, op::punpcklqdq, false);
    const unsigned log = lane_log(id);
    return vec_simple(id, rows[node(id).op == Op::vzip2][log], false);
}

unsigned Compiler::lane_log(Id id) const { return unsigned(std::countr_zero(ir::lane_bits(ir::aux_lane(node(id).aux)))) - 3; }

bool Compiler::vec_unzip(Id id) {
    const bool odd = node(id).op == Op::vuzp2;
    const unsigned log = lane_log(id);
    if (log == 3) return vec_simple(id, odd ? op::punpckhqdq : op::punpcklqdq, false);
    const Reg left = use(node(id).a), right = use(node(id).b);
    if (log == 2) {
        const Reg to = def_apart(id);
        vec_imm(op::shufps, to, left, right, odd ? 0xdd : 0x88);
        return true;
    }
    // The wanted lanes to the bottom of pairs, then packed without saturation.
    const unsigned bits = 8u << log;
    const Reg t = temp(true), to = def_apart(id);
    if (odd) {
        vec_shift(ShiftKind::right_logical, 2 * bits, to, left, bits);
        vec_shift(ShiftKind::right_logical, 2 * bits, t, right, bits);
    } else {
        const u64 mask = log == 0 ? 0x00ff00ff00ff00ff : 0x0000ffff0000ffff;
        vec(op::pand, to, left, pool({mask, mask}));
        vec(op::pand, t, right, pool({mask, mask}));
    }
    vec(log == 0 ? op::packuswb : op::packusdw, to, to, t);
    return true;
}

bool Compiler::vec_transpose(Id id) {
    const bool odd = node(id).op == Op::vtrn2;
    const unsigned log = lane_log(id), bits = 8u << log;
    if (log == 3) return vec_simple(id, odd ? op::punpckhqdq : op::punpcklqdq, false);
    const Reg left = use(node(id).a), right = use(node(id).b);
    const Reg t = temp(true), to = def_apart(id);
    // Shift one of them into the other lanes, then blend: even lanes from one, odd lanes from the other.
    Reg even = left, uneven = right;
    if (odd) {
        vec_shift(ShiftKind::right_logical, 2 * bits, t, left, bits);
        even = t;
    } else {
        vec_shift(ShiftKind::left, 2 * bits, t, right, bits);
        uneven = t;
    }
    if (log == 2) {
        vec_imm(op::blendps, to, even, uneven, a.wide_vectors ? 0xaa : 0x0a);
    } else if (log == 1) {
        vec_imm(op::pblendw, to, even, uneven, 0xaa);
    } else {
        // The shifted one has zeros in the other lanes.
        const u64 mask = 0x00ff00ff00ff00ff;
        vec(op::pand, to, odd ? right : left, pool(odd ? V128{~mask, ~mask} : V128{mask, mask}));
        vec(op::por, to, to, t);
    }
    return true;
}

bool Compiler::vec_extract(Id id) {
    const unsigned from_byte = ir::aux_imm(node(id).aux);
    const Reg lower = use(node(id).a), upper = use(node(id).b);
    const Reg to = avx() ? def(id) : def_apart(id);
    vec_imm(op::palignr, to, upper, lower, from_byte);
    return true;
}

bool Compiler::vec_reverse(Id id) {
    const unsigned group = ir::aux_imm(node(id).aux), bytes = ir::lane_bits(ir::aux_lane(node(id).aux)) / 8;
    V128 pattern;
    for (unsigned i = 0; i < 16; i++) {
        const unsigned lane = i / bytes, from = lane - lane % group + (group - 1 - lane % group);
        pattern.set_lane(i, u8(from * bytes + i % bytes));
    }
    const Reg from = use(node(id).a), to = def(id);
    vec(op::pshufb, to, from, pool(pattern));
    return true;
}

bool Compiler::vec_table(Id id) {
    if (const ir::Node& index = node(node(id).b); index.op == Op::vimm) {
        V128 picks = f_->vectors[index.a];
        for (unsigned i = 0; i < 16; i++)
            if (picks.lane<u8>(i) > 15) picks.set_lane(i, u8(0x80));
        const Reg bytes = use(node(id).a), to = def(id);
        vec(op::pshufb, to, bytes, pool(picks));
        return true;
    }
    const Reg bytes = use(node(id).a), index = use(node(id).b);
    const Reg t = temp(true), to = def_apart(id);
    vec(op::paddusb, t, index, pool({0x7070707070707070, 0x7070707070707070})); // 16 and up get the top bit, which gives 0
    vec(op::pshufb, to, bytes, t);
    return true;
}

// --- cryptography ----------------------------------------------------------------------------------------------------------------

bool Compiler::vec_aes(Id id) {
    if (!host().aes) return false;
    const Reg from = use(node(id).a);
    const Reg zero = temp(true), to = def_apart(id);
    if (node(id).op == Op::vaesimc) {
        vec1(op::aesimc, to, from);
        return true;
    }
    vec_zero(zero);
    switch (node(id).op) {
    case Op::vaesenc: vec(op::aesenclast, to, from, zero); break;
    case Op::vaesdec: vec(op::aesdeclast, to, from, zero); break;
    default: // MixColumns: a whole round after undoing its other steps
        vec(op::aesdeclast, to, from, zero);
        vec(op::aesenc, to, to, zero);
        break;
    }
    return true;
}

bool Compiler::vec_polynomial(Id id) {
    if (!host().pclmul || ir::aux_lane(node(id).aux) != Lane::i64) return false;
    const Reg left = use(node(id).a), right = use(node(id).b);
    const Reg to = def_apart(id);
    vec_imm(op::pclmulqdq, to, left, right, ir::aux_imm(node(id).aux) & 1 ? 0x11 : 0x00);
    return true;
}

/// SHA-256. The host keeps the state as {A B E F} and {C D G H} (high to low lane) and does two rounds an instruction; Arm has
/// a..d and e..h in ascending lanes and does four. xmm0 holds the host's round input.
bool Compiler::vec_sha256(Id id) {
    if (!host().sha) return false;
    const ir::Node& n = node(id);
    if (n.op == Op::vsha256su0) {
        const Reg v = use(n.a), next = use(n.b), to = def_apart(id);
        move(to, v);
        a.sha256msg1(a.x(to), a.x(next));
        return true;
    }
    if (!avx()) return false;
    if (n.op == Op::vsha256su1) {
        const Reg v = use(n.a), second = use(n.b), third = use(n.c), to = def_apart(id);
        a.vpalignr(a.x(to), a.x(third), a.x(second), 4);
        a.vpaddd(a.x(to), a.x(to), a.x(v));
        a.sha256msg2(a.x(to), a.x(third));
        return true;
    }
    take(xmm0);
    const bool first_half = n.op == Op::vsha256h;
    const Reg p = use(n.a), q = use(n.b), w = use(n.c), abef = temp(true), cdgh = temp(true), to = def_apart(id);
    const Reg low = first_half ? p : q, high = first_half ? q : p; // a..d, e..h
    a.vshufps(a.x(abef), a.x(high), a.x(low), 0x11);
    a.vshufps(a.x(cdgh), a.x(high), a.x(low), 0xbb);
    a.vmovdqa(a.x(xmm0), a.x(w));
    a.sha256rnds2(a.x(cdgh), a.x(abef));    // the state after two rounds: {cdgh, abef} trade places
    a.vpsrldq(a.x(xmm0), a.x(xmm0), 8);
    a.sha256rnds2(a.x(abef), a.x(cdgh));
    a.vshufps(a.x(to), a.x(abef), a.x(cdgh), first_half ? 0xbb : 0x11);
    return true;
}

/// SHA-1 in Arm's form. The host has the words in descending lanes, adds the constant of the rounds itself (an Arm program has
/// added it to the message) and wants E in the first word of the message.
bool Compiler::vec_sha1(Id id) {
    if (!avx() || !host().sha) return false;
    constexpr u8 reversed = 0x1b;
    const ir::Node& n = node(id);
    if (n.op == Op::vsha1h) {
        const Reg from = use(n.a), t = temp(), to = def(id);
        a.vmovd(a.d(t), a.x(from));
        a.rol(a.d(t), 30);
        a.vmovd(a.x(to), a.d(t));
        return true;
    }
    if (n.op == Op::vsha1su0) {
        const Reg d = use(n.a), second = use(n.b), third = use(n.c), to = def_apart(id);
        a.vshufpd(a.x(to), a.x(d), a.x(second), 1);
        a.vpxor(a.x(to), a.x(to), a.x(d));
        a.vpxor(a.x(to), a.x(to), a.x(third));
        return true;
    }
    if (n.op == Op::vsha1su1) {
        const Reg d = use(n.a), second = use(n.b), t = temp(true), to = def_apart(id);
        a.vpshufd(a.x(to), a.x(d), reversed);
        a.vpshufd(a.x(t), a.x(second), reversed);
        a.sha1msg2(a.x(to), a.x(t));
        a.vpshufd(a.x(to), a.x(to), reversed);
        return true;
    }
    static constexpr u32 constants[] = {0x5a827999, 0x6ed9eba1, 0x8f1bbcdc}; // FIPS 180-4, 4.2.1
    const u8 function = n.op == Op::vsha1c ? 0 : n.op == Op::vsha1p ? 1 : 2;
    const u64 less = 0u - constants[function];
    const Reg state = use(n.a), e = use(n.b), message = use(n.c), m = temp(true), t = temp(true), to = def_apart(id);
    a.vpaddd(a.x(m), a.x(message), constant_address({less | less << 32, less | less << 32}));
    a.vpshufd(a.x(m), a.x(m), reversed);
    a.vpslldq(a.x(t), a.x(e), 12);
    a.vpaddd(a.x(m), a.x(m), a.x(t));
    a.vpshufd(a.x(to), a.x(state), reversed);
    a.sha1rnds4(a.x(to), a.x(m), function);
    a.vpshufd(a.x(to), a.x(to), reversed);
    return true;
}

/// Any step of SHA in the host's own form.
bool Compiler::vec_sha_step(Id id) {
    if (!host().sha) return false;
    const ir::Node& n = node(id);
    const unsigned imm = ir::aux_imm(n.aux);
    const ir::ShaStep step = ir::ShaStep(imm & 15);
    const bool rounds = step == ir::ShaStep::sha256rnds2;
    if (rounds) take(xmm0);
    const Reg state = use(n.a), source = use(n.b), words = rounds ? use(n.c) : Reg(no_reg);
    const Reg to = def_apart(id);
    if (rounds) move(xmm0, words);
    move(to, state);
    const auto d = a.x(to), s = a.x(source);
    switch (step) {
    case ir::ShaStep::sha1rnds4: a.sha1rnds4(d, s, u8(imm >> 4 & 3)); break;
    case ir::ShaStep::sha1nexte: a.sha1nexte(d, s); break;
    case ir::ShaStep::sha1msg1: a.sha1msg1(d, s); break;
    case ir::ShaStep::sha1msg2: a.sha1msg2(d, s); break;
    case ir::ShaStep::sha256rnds2: a.sha256rnds2(d, s); break;
    case ir::ShaStep::sha256msg2: a.sha256msg2(d, s); break;
    }
    return true;
}

} // namespace emu::jit

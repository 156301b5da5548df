// SPDX-License-Identifier: MIT
// Random IR over the test guest.
#pragma once
#include "test_guest.h"

namespace test_guest {

using ir::Builder;
using ir::Lane;
using ir::MemFlags;
using ir::Op;
using ir::Rounding;
using ir::Val;

enum Chapter : u32 {
    integers = 1,
    scalar_floats = 2,
    vectors = 4,
    vector_floats = 8,
    crypto = 16,
    memory = 32,
    calls = 64,
    exits = 128,
    all_chapters = 255,
    halves = 256,   ///< the same on two halves of 256 bits
};

class Random {
public:
    explicit Random(u64 seed) : engine_(seed) {}
    u64 operator()() { return engine_(); }
    u64 below(u64 n) { return engine_() % n; }
    bool chance(unsigned percent) { return below(100) < percent; }
    template <class T> const T& of(const std::vector<T>& list) { return list[below(list.size())]; }

    u64 integer() {
        static const std::vector<u64> nice = {0, 1, 2, 3, 7, 8, 31, 32, 63, 64, 127, 128, 255, 256, 0x7fff, 0x8000, 0xffff, 0x7fffffff, 0x80000000,
                                              0xffffffff, 0x100000000, 0x7fffffffffffffff, 0x8000000000000000, ~u64(0), ~u64(0) - 1, 0xffffffff80000000};
        switch (below(4)) {
        case 0: return of(nice);
        case 1: return (*this)() >> below(64);
        case 2: return ~((*this)() >> below(64));
        default: return (*this)();
        }
    }
    u64 float_bits(unsigned width) {
        const unsigned fraction = width == 64 ? 52 : width == 32 ? 23 : 10, exponent = width - 1 - fraction;
        const u64 max = (u64(1) << exponent) - 1, bias = max >> 1, one = u64(1) << fraction;
        u64 e, f = (*this)() & (one - 1);
        switch (below(12)) {
        case 0: e = 0, f = 0; break;                       // zero
        case 1: e = 0; break;                              // denormal
        case 2: e = max, f = 0; break;                     // infinity
        case 3: e = max, f |= one >> 1; break;             // quiet NaN
        case 4: e = max, f = (f & (one / 2 - 1)) | 1; break; // signaling NaN
        case 5: e = 1, f &= 3; break;                      // about the smallest normal
        case 6: e = max - 1; break;
        case 7: e = bias + below(6), f &= ~(one / 16 - 1); break; // small numbers with few bits
        case 8: e = bias - 1 + below(3), f = 0; break;
        default: e = bias - 8 + below(16); break;
        }
        return (u64(below(2)) << (width - 1)) | e << fraction | f;
    }
    V128 vector() {
        V128 v;
        switch (below(4)) {
        case 0: return {integer(), integer()};
        case 1: return {float_bits(64), float_bits(64)};
        case 2:
            for (unsigned i = 0; i < 4; i++) v.set_lane(i, u32(float_bits(32)));
            return v;
        default:
            for (unsigned i = 0; i < 8; i++) v.set_lane(i, u16(below(2) ? integer() : float_bits(16)));
            return v;
        }
    }

private:
    std::mt19937_64 engine_;
};

class FunctionMaker {
public:
    FunctionMaker(Random& random, ir::Function& f, u32 chapters) : r_(random), chapters_(chapters), f_(f), ir_(f), exact_(f.fp.rules == &fp::rules::x86_sse) {}

    void make(unsigned insns) {
        u64 pc = f_.pc = 0x400000 + r_.below(1 << 20) * 4;
        for (unsigned i = 0; i < insns && ir_.open(); i++, pc += 4) {
            ir_.insn(pc, 0);
            pc_ = pc;
            for (unsigned k = r_.below(3) + 1; k > 0 && ir_.open(); k--) step();
            for (unsigned k = r_.below(3); k > 0 && ir_.open(); k--) set_something();
        }
        f_.end = pc;
        if (ir_.open()) final_exit();
    }

private:
    Val constant(Type type) {
        switch (type) {
        case Type::i1: return ir_.imm1(r_.below(2));
        case Type::i32: return ir_.imm32(u32(r_.integer()));
        case Type::i64: return ir_.imm64(r_.integer());
        case Type::f16: return ir_.imm(type, r_.float_bits(16));
        case Type::f32: return ir_.imm(type, r_.float_bits(32));
        case Type::f64: return ir_.imm(type, r_.float_bits(64));
        default: return r_.chance(20) ? ir_.vimm({}) : r_.chance(20) ? ir_.vimm({~u64(0), ~u64(0)}) : ir_.vimm(r_.vector());
        }
    }
    unsigned random_slot(Type type) {
        switch (type) {
        case Type::i1: return slot_b;
        case Type::i32: return r_.chance(40) ? unsigned(slot_flags) : slot_w + unsigned(r_.below(ws));
        case Type::i64: return slot_x + 1 + unsigned(r_.below(xs - 2));
        case Type::f16: return slot_h;
        case Type::f32: return slot_s;
        case Type::f64: return slot_d;
        default: return slot_v + unsigned(r_.below(vs));
        }
    }
    Val pick(Type type) {
        std::vector<Val>& pool = pool_[unsigned(type)];
        if (!pool.empty() && r_.chance(65)) {
            // Mostly recent ones.
            const usize back = r_.chance(60) ? r_.below(std::min<usize>(pool.size(), 4)) : r_.below(pool.size());
            return pool[pool.size() - 1 - back];
        }
        if (r_.chance(15)) return constant(type);
        return ir_.get(random_slot(type));
    }
    Val keep(Val v) {
        if (v) pool_[unsigned(ir_.type(v))].push_back(v);
        return v;
    }
    void set_something() {
        static const std::vector<Type> types = {Type::i64, Type::i64, Type::i64, Type::i32, Type::i1, Type::f64, Type::f32, Type::f16, Type::v128, Type::v128};
        Type type = r_.of(types);
        if (!(chapters_ & ~(integers | memory | calls | exits))) type = r_.chance(70) ? Type::i64 : Type::i32;
        unsigned slot = random_slot(type);
        if (slot == slot_flags) return;
        ir_.set(slot, pick(type));
    }

    // --- one step
    void step() {
        std::vector<u32> choices;
        for (u32 c = 1; c <= halves; c <<= 1) {
            if (!(chapters_ & c)) continue;
            const unsigned weight = c == integers ? 8 : c == memory ? 4 : c == calls ? 1 : c == exits ? 1 : c == crypto ? 1 : 4;
            for (unsigned i = 0; i < weight; i++) choices.push_back(c);
        }
        switch (r_.of(choices)) {
        case integers: r_.chance(15) ? random_op(Op::eflags_add, Op::test_eflags) : random_op(Op::add, Op::test_cond); break;
        case scalar_floats: random_op(Op::fadd, Op::bitsf); break;
        case vectors: random_op(Op::vget, Op::vursqrte); break;
        case vector_floats: random_op(Op::vfadd, Op::vfcmla); break;
        case crypto: random_op(Op::vaesenc, Op::vsha256su1); break;
        case memory: access(); break;
        case calls: call(); break;
        case exits: side_exit(); break;
        case halves: both_halves(); break;
        }
    }

    using Pair = std::array<Val, 2>;
    static unsigned random_low(Random& r) { return low_halves[r.below(std::size(low_halves))]; }
    Pair pick_pair() {
        if (!pairs_.empty() && r_.chance(60)) return pairs_[r_.chance(50) ? pairs_.size() - 1 : r_.below(pairs_.size())];
        if (r_.chance(15)) return {constant(Type::v128), constant(Type::v128)};
        if (r_.chance(10)) {
            const Val v = pick(Type::v128);
            return {v, v};
        }
        if (chapters_ & memory && r_.chance(40)) {
            const Val a = address();
            const MemFlags whole{.size_log2 = 4};
            const Val low = ir_.load(Type::v128, a, whole);
            return {low, ir_.load(Type::v128, ir_.add(a, ir_.imm64(16)), whole)};
        }
        const unsigned slot = random_low(r_);
        return {ir_.get(slot), ir_.get(slot + 1)};
    }
    /// What an instruction on 256 bits is: its operands, then both halves, then both results.
    void both_halves() {
        static const std::vector<Op> floats = {Op::vfadd, Op::vfsub, Op::vfmul, Op::vfdiv, Op::vfsqrt, Op::vfma, Op::vfceq, Op::vfcgt, Op::vfcge};
        Op op = Op(unsigned(Op::vlow) + r_.below(unsigned(Op::vrbit) - unsigned(Op::vlow) + 1));
        if (exact_ && r_.chance(50)) op = r_.of(floats);
        const std::string_view args = ir::info(op).args;
        if (ir::info(op).result != 'V' || args.find_first_not_of('V') != args.npos) return;
        const u16 aux = op >= Op::vfadd ? ir::lane_aux(r_.chance(50) ? Lane::f32 : Lane::f64) : vector_aux(op);
        Pair operands[3], result;
        for (usize k = 0; k < args.size(); k++) operands[k] = pick_pair();
        if (op == Op::vwidens || op == Op::vwidenu) operands[0][0] = operands[0][1] = pick(Type::v128);
        for (unsigned half : {0, 1}) {
            const u16 mine = op == Op::vwidens || op == Op::vwidenu ? ir::lane_aux(ir::aux_lane(aux), half) : aux;
            result[half] = ir_.emit(op, Type::v128, mine, operands[0][half], operands[1][half], operands[2][half]);
        }
        pairs_.push_back(result);
        for (Val v : result)
            if (r_.chance(20)) keep(v);
        if (chapters_ & memory && r_.chance(20)) {
            const Pair stored = pick_pair();
            const Val a = address();
            const MemFlags whole{.size_log2 = 4};
            if (r_.chance(50)) ir_.load(Type::i32, a, {.size_log2 = 0});
            ir_.store(ir_.add(a, ir_.imm64(16)), stored[1], whole);
            ir_.store(a, stored[0], whole);
        }
        const unsigned slot = random_low(r_);
        for (unsigned half : {0, 1})
            if (r_.chance(80)) ir_.set(slot + half, result[half]);
    }

    Type float_type() { return r_.chance(10) ? Type::f16 : r_.chance(50) ? Type::f32 : Type::f64; }
    Type int_type() { return r_.chance(50) ? Type::i32 : Type::i64; }
    Lane int_lane(unsigned low = 0, unsigned high = 3) { return Lane(low + r_.below(high - low + 1)); }
    Lane float_lane() { return r_.chance(10) ? Lane::f16 : r_.chance(50) ? Lane::f32 : Lane::f64; }
    Rounding rounding() { return r_.chance(40) ? Rounding::dynamic : Rounding(r_.below(5)); }

    void random_op(Op first, Op last) {
        Op op = Op(unsigned(first) + r_.below(unsigned(last) - unsigned(first) + 1));
        if (ir::effect_of(op) != ir::Effect::pure) return;
        // Common things more often.
        if (first == Op::add && r_.chance(30)) op = r_.of(std::vector<Op>{Op::add, Op::sub, Op::flags_sub, Op::flags_add, Op::flags_logic, Op::eq, Op::ult, Op::test_cond, Op::select, Op::trunc});
        const Val v = make_op(op);
        if (v && is_flag_token(op)) ir_.set(slot_flags, v);
        if (v && r_.chance(25)) {
            const Type type = ir_.type(v);
            const unsigned slot = random_slot(type);
            if (slot != slot_flags || is_flag_token(op)) ir_.set(slot, v);
        }
    }
    static bool is_flag_token(Op op) { return (op >= Op::flags_add && op <= Op::flags_logic) || op == Op::fcmp || ir::is_eflags(op); }

    /// A node of `op` with random operands.
    Val make_op(Op op) {
        const ir::OpInfo& info = ir::info(op);
        const Type i = int_type(), f = float_type(), n = r_.chance(20) ? Type::i1 : int_type();
        Type type = Type::none;
        u16 aux = 0;
        if (op == Op::select) {
            static const std::vector<Type> types = {Type::i1, Type::i32, Type::i64, Type::i64, Type::f16, Type::f32, Type::f64, Type::v128};
            type = r_.of(types);
            if (type == Type::i32 && r_.chance(50)) { // conditional compare
                const Val token = r_.chance(50) ? make_op(Op::flags_sub) : ir_.imm32(u32(r_()) & ir::flags_mask);
                const Val v = ir_.select(pick(Type::i1), make_op(Op::flags_sub), token);
                ir_.set(slot_flags, v);
                return v;
            }
            return keep(ir_.select(pick(Type::i1), pick(type), pick(type)));
        }
        if (op == Op::test_cond) return keep(ir_.test(ir::Cond(r_.below(14)), r_.chance(70) ? ir_.get(slot_flags) : last_token()));
        if (op == Op::test_eflags) return keep(ir_.test_eflags(unsigned(r_.below(16)), r_.chance(70) ? ir_.get(slot_flags) : last_token()));
        if (op >= Op::eflags_shl && op <= Op::eflags_sar) { // variable counts are not for narrow operands
            const unsigned log = unsigned(r_.below(i == Type::i64 ? 4 : 3)), width = 8u << log;
            Val count = ir_.imm(i, 1 + r_.below(width - 1));
            if (log >= 2 && r_.chance(50)) count = ir_.and_(ir_.or_(pick(i), ir_.imm(i, 1)), ir_.imm(i, width - 1));
            return keep(ir_.eflags(op, log, pick(i), count));
        }
        if (op == Op::zext || op == Op::sext) {
            const Type from = r_.chance(30) ? Type::i1 : Type::i32;
            return keep(ir_.emit(op, from == Type::i32 ? Type::i64 : i, 0, pick(from)));
        }
        if (op == Op::fbits) return keep(ir_.fbits(pick(f)));
        if (op == Op::bitsf) return keep(ir_.bitsf(f, pick(f == Type::f64 ? Type::i64 : Type::i32)));
        if (op == Op::fcvt) {
            const Type from = float_type();
            if (from == f) return {};
            return keep(ir_.emit(op, f, 0, pick(from)));
        }
        if (op == Op::fjcvt) return keep(ir_.emit(op, Type::i64, 0, pick(Type::f64)));
        if (op == Op::vget || op == Op::vset || op == Op::vdup || op == Op::vzext) return scalar_lane(op);
        if (op == Op::f2s || op == Op::f2u)
            return keep(ir_.emit(op, i, ir::fp_aux(Rounding(r_.below(5)), r_.chance(70) ? 0 : unsigned(r_.below(ir::bit_width(i)))), pick(f)));
        if (op == Op::s2f || op == Op::u2f) return keep(ir_.emit(op, f, ir::fp_aux(Rounding::dynamic, r_.chance(70) ? 0 : unsigned(r_.below(ir::bit_width(i)))), pick(i)));

        Val args[3];
        for (unsigned k = 0; k < info.args.size(); k++) {
            switch (info.args[k]) {
            case 'I': args[k] = pick(i); break;
            case 'N': args[k] = pick(n); break;
            case 'B': args[k] = pick(Type::i1); break;
            case 'W': args[k] = pick(Type::i32); break;
            case 'L': args[k] = pick(Type::i64); break;
            case 'F': args[k] = pick(f); break;
            case 'V': args[k] = pick(Type::v128); break;
            default: return {};
            }
        }
        switch (info.result) {
        case 'I': type = i; break;
        case 'N': type = n; break;
        case 'B': type = Type::i1; break;
        case 'W': type = Type::i32; break;
        case 'L': type = Type::i64; break;
        case 'F': type = f; break;
        default: type = Type::v128; break;
        }
        const unsigned width = ir::bit_width(type);
        switch (op) {
        case Op::extr: aux = u16(r_.below(width)); break;
        case Op::ubfx: case Op::sbfx: case Op::bfi: {
            const unsigned lsb = r_.chance(40) ? 0 : unsigned(r_.below(width));
            static const std::vector<unsigned> nice = {8, 16, 32, 1};
            unsigned size = r_.chance(40) ? r_.of(nice) : 1 + unsigned(r_.below(width));
            aux = ir::field_aux(lsb, std::min(size, width - lsb));
            break;
        }
        case Op::crc32: aux = u16(r_.below(2) | (1u << r_.below(4)) << 1); break;
        case Op::fcmp: case Op::eflags_comis: aux = u16(r_.below(2)); break;
        case Op::frint: aux = ir::fp_aux(rounding(), unsigned(r_.below(2))); break;
        case Op::frintw:
            if (type == Type::f16) return {};
            aux = ir::fp_aux(rounding(), r_.chance(50) ? 32 : 64);
            break;
        case Op::eflags_rotate:
            aux = u16(r_.below(i == Type::i64 ? 4 : 3) | r_.below(2) << 2);
            args[1] = ir_.get(slot_flags); // a token
            break;
        default:
            if (ir::is_eflags(op)) aux = u16(r_.below(i == Type::i64 ? 4 : 3));
            if (op >= Op::vget && op < Op::vaesenc) aux = vector_aux(op);
            break;
        }
        if (r_.chance(15) && op >= Op::shl && op <= Op::rotr) args[1] = ir_.imm(type, r_.below(width));
        return keep(ir_.emit(op, type, aux, args[0], args[1], args[2]));
    }

    Val last_token() {
        return make_op(r_.chance(30) ? Op(unsigned(Op::eflags_add) + r_.below(8)) : r_.chance(50) ? Op::flags_add : Op::flags_adc);
    }

    Val scalar_lane(Op op) {
        static const std::vector<Type> types = {Type::i32, Type::i64, Type::f16, Type::f32, Type::f64};
        const Type type = r_.of(types);
        Lane lane;
        if (type == Type::i32) lane = int_lane(0, 2);
        else if (type == Type::i64) lane = int_lane();
        else lane = ir::float_lane(ir::bit_width(type));
        const unsigned index = r_.chance(40) ? 0 : unsigned(r_.below(ir::lane_count(lane)));
        switch (op) {
        case Op::vget: return keep(ir_.vget(type, lane, pick(Type::v128), index));
        case Op::vset: return keep(ir_.vset(lane, pick(Type::v128), pick(type), index));
        case Op::vdup: return keep(ir_.vdup(lane, pick(type)));
        default: return keep(ir_.vzext(pick(type)));
        }
    }

    u16 vector_aux(Op op) {
        const Lane lane = int_lane();
        const unsigned bits = ir::lane_bits(lane);
        switch (op) {
        case Op::vext: return ir::lane_aux(Lane::i8, unsigned(r_.below(16)));
        case Op::vrev: {
            const Lane narrow = int_lane(0, 2);
            unsigned group = 2;
            while (group * ir::lane_bits(narrow) < 64 && r_.chance(50)) group *= 2;
            return ir::lane_aux(narrow, group);
        }
        case Op::vtbl: case Op::vcnt: case Op::vpmul: return ir::lane_aux(Lane::i8);
        case Op::vshl: return ir::lane_aux(lane, unsigned(r_.below(bits)));
        case Op::vshru: case Op::vshrs: case Op::vrshru: case Op::vrshrs: return ir::lane_aux(lane, 1 + unsigned(r_.below(bits)));
        case Op::vmulls: case Op::vmullu: case Op::vwidens: case Op::vwidenu: return ir::lane_aux(int_lane(0, 2), unsigned(r_.below(2)));
        case Op::vpaddls: case Op::vpaddlu: case Op::vnarrow: case Op::vqnarrows: case Op::vqnarrowu: case Op::vqnarrowsu: return ir::lane_aux(int_lane(0, 2));
        case Op::vpmull: return ir::lane_aux(r_.chance(50) ? Lane::i8 : Lane::i64, unsigned(r_.below(2)));
        case Op::vqdmulh: return ir::lane_aux(int_lane(1, 2));
        case Op::vqrdmulh: case Op::vqrdmlah: case Op::vqrdmlsh: return ir::lane_aux(int_lane(1, 2), unsigned(r_.below(2)));
        case Op::vclz: case Op::vcls: return ir::lane_aux(int_lane(0, 2));
        case Op::vurecpe: case Op::vursqrte: return ir::lane_aux(Lane::i32);
        case Op::vsdot: case Op::vudot: return ir::lane_aux(Lane::i8);
        case Op::vfrintw: return ir::vfp_aux(r_.chance(50) ? Lane::f32 : Lane::f64, rounding(), r_.chance(50) ? 32 : 64);
        case Op::vqshlvs: case Op::vqshlvu: case Op::vqrshlvs: case Op::vqrshlvu: return ir::lane_aux(lane, unsigned(r_.below(2)));
        case Op::vidot: return ir::lane_aux(Lane::i8, unsigned(r_.below(4)));
        case Op::vfmlal: return ir::lane_aux(Lane::f16, unsigned(r_.below(2)));
        case Op::vbfcvt: return ir::lane_aux(Lane::f32);
        case Op::vbfdot: return ir::lane_aux(Lane::f32, unsigned(r_.below(2)));
        case Op::vfrint: return ir::vfp_aux(float_lane(), rounding(), unsigned(r_.below(2)));
        case Op::vf2s: case Op::vf2u: {
            const Lane l = float_lane();
            return ir::vfp_aux(l, Rounding(r_.below(5)), r_.chance(70) ? 0 : unsigned(r_.below(ir::lane_bits(l))));
        }
        case Op::vs2f: case Op::vu2f: {
            const Lane l = float_lane();
            return ir::vfp_aux(l, Rounding::dynamic, r_.chance(70) ? 0 : unsigned(r_.below(ir::lane_bits(l))));
        }
        case Op::vfcadd: return ir::lane_aux(float_lane(), unsigned(r_.below(2)));
        case Op::vfcmla: return ir::lane_aux(float_lane(), unsigned(r_.below(4)));
        case Op::vfwiden: case Op::vfnarrow: return ir::lane_aux(r_.chance(30) ? Lane::f16 : Lane::f32, unsigned(r_.below(2)));
        default: return op >= Op::vfadd ? ir::lane_aux(float_lane()) : ir::lane_aux(lane);
        }
    }

    // --- memory, calls, exits
    Val address() {
        const unsigned base = r_.chance(50) ? base_pinned : base_plain;
        Val a = ir_.get(slot_x + base);
        if (r_.chance(50)) {
            Val index = ir_.ubfx(pick(Type::i64), unsigned(r_.below(8)), 9);
            if (r_.chance(50)) index = ir_.zext(ir_.trunc(index), Type::i64);
            if (r_.chance(60)) index = ir_.shl(index, unsigned(r_.below(4)));
            a = ir_.add(a, index);
        }
        if (r_.chance(50)) a = ir_.add(a, ir_.imm64(r_.below(128)));
        if (r_.chance(4)) a = ir_.add(a, ir_.imm64(TestMemory::size + r_.below(4096))); // off the end
        if (r_.chance(10)) { // base register update
            const Val next = r_.chance(50) ? a : ir_.add(ir_.get(slot_x + base), ir_.imm64(r_.below(16)));
            if (updates_++ < 3) pending_update_ = {slot_x + base, next};
        }
        return a;
    }
    void access() {
        MemFlags m;
        m.big_endian = r_.chance(20);
        m.sign_extend = r_.chance(40);
        const Val a = address();
        static const std::vector<Type> types = {Type::i32, Type::i64, Type::i64, Type::f16, Type::f32, Type::f64, Type::v128};
        const bool only_ints = !(chapters_ & ~(integers | memory | calls | exits));
        const Type type = only_ints ? int_type() : r_.of(types);
        unsigned most = type == Type::i32 ? 2 : type == Type::i64 ? 3 : 4;
        m.size_log2 = u8(r_.below(most + 1));
        if (ir::is_float(type)) m.size_log2 = u8(type == Type::f16 ? 1 : type == Type::f32 ? 2 : 3), m.sign_extend = false;
        if (type == Type::v128) m.sign_extend = false;
        switch (r_.below(ir::is_int(type) ? 7 : 5)) {
        case 0: case 1: case 2: keep(ir_.load(type, a, m)); break;
        case 3: case 4:
            if (r_.chance(10)) m.order = ir::Order::seq_cst;
            m.sign_extend = false;
            ir_.store(a, pick(type), m);
            break;
        case 5: {
            // min and max compare at the memory size: operands are as wide
            keep(ir_.atomic_rmw(ir::AtomicOp(r_.below(10)), a, pick(type), m));
            break;
        }
        default: keep(ir_.atomic_cas(a, pick(type), pick(type), m)); break;
        }
        if (pending_update_.second) ir_.set(pending_update_.first, pending_update_.second), pending_update_ = {};
    }
    void call() {
        auto i64 = [&] { return pick(Type::i64); };
        switch (r_.below(6)) {
        case 0: keep(ir_.call(helpers::mix_row, {i64(), i64(), i64()})); break;
        case 1: keep(ir_.call(helpers::mix32_row, {pick(Type::i32), pick(Type::i1)})); break;
        case 2: keep(ir_.call(helpers::look_row, {i64()})); break;
        case 3: ir_.call(helpers::change_row, {i64()}); break;
        case 4: keep(ir_.call(helpers::raise_row, {i64()})); break;
        default: keep(ir_.call(helpers::all_row, {i64(), i64(), i64(), i64()})); break;
        }
    }
    ir::Exit random_exit(bool conditional) {
        ir::Exit e;
        e.kind = ir::ExitKind(r_.below(7));
        if (conditional && (e.kind == ir::ExitKind::jump_indirect || e.kind == ir::ExitKind::call_indirect || e.kind == ir::ExitKind::ret)) e.kind = ir::ExitKind::jump;
        e.pc = r_.chance(30) ? pc_ - 4 * r_.below(8) : 0x40000000 + r_.below(1 << 20);
        if (e.kind == ir::ExitKind::call || e.kind == ir::ExitKind::call_indirect) e.ret = r_.chance(50) ? pc_ + 4 : r_();
        if (e.kind == ir::ExitKind::trap) e.code = u32(r_.below(100));
        return e;
    }
    void side_exit() {
        Val cond = pick(Type::i1);
        // Rare exits, or there is little to see after them.
        for (unsigned i = 0; i < 2; i++) cond = ir_.and_(cond, make_op(Op(unsigned(Op::eq) + r_.below(6))));
        if (r_.chance(40)) cond = make_op(r_.chance(50) ? Op::test_cond : Op(unsigned(Op::eq) + r_.below(6)));
        ir_.exit_if(cond, random_exit(true));
    }
    void final_exit() {
        const ir::Exit e = random_exit(false);
        const bool value = e.kind == ir::ExitKind::jump_indirect || e.kind == ir::ExitKind::call_indirect || e.kind == ir::ExitKind::ret ||
                           (e.kind == ir::ExitKind::trap && r_.chance(50));
        ir_.exit(e, value ? pick(Type::i64) : Val{});
    }

    Random& r_;
    u32 chapters_;
    ir::Function& f_;
    Builder ir_;
    const bool exact_;   ///< the host's own floating point
    u64 pc_ = 0;
    std::vector<Val> pool_[8];
    std::vector<Pair> pairs_;
    std::pair<unsigned, Val> pending_update_{};
    unsigned updates_ = 0;
};

} // namespace test_guest

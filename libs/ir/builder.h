// SPDX-License-Identifier: MIT
// Builds a Function. Folding, algebraic simplification, common subexpressions and get/set forwarding happen here, while
// building, so that few passes remain.
//
//     Builder ir(function);
//     Val a = ir.get(x1), b = ir.imm64(8);
//     ir.set(x0, ir.add(a, b));
//     ir.jump(pc + 4);
#pragma once
#include "ir/ir.h"

#include <initializer_list>

namespace emu::ir {

/// An SSA value: the node that computes it.
struct Val {
    Id id = 0;
    explicit operator bool() const { return id != 0; }
    bool operator==(const Val&) const = default;
};

class Builder {
public:
    /// Told of every exit before it is appended (`conditional`: exit_if) and of its value; may change it and build what goes before it.
    class Watcher {
    public:
        virtual ~Watcher() = default;
        virtual void before_exit(Builder& builder, Exit& exit, bool conditional, Val value) = 0;
    };

    explicit Builder(Function& function, Watcher* watcher = nullptr);
    Builder(const Builder&) = delete;
    Builder& operator=(const Builder&) = delete;
    ~Builder();

    Function& function() { return f_; }
    const Node& node(Val v) const { return f_.nodes[v.id]; }
    const V128& vector(Val v) const { return f_.vectors[node(v).a]; }
    Type type(Val v) const { return node(v).type; }
    /// The constant a value is, if it is an imm.
    bool is_const(Val v, u64& out) const;
    bool is_const(Val v, u64 wanted, std::nullptr_t) const { u64 x; return is_const(v, x) && x == wanted; }
    /// No exit has ended the unit yet.
    bool open() const { return open_; }

    // Constants
    Val imm(Type type, u64 bits);
    Val imm1(bool x) { return imm(Type::i1, x); }
    Val imm32(u32 x) { return imm(Type::i32, x); }
    Val imm64(u64 x) { return imm(Type::i64, x); }
    Val vimm(V128 bits);
    Val vzero() { return vimm({}); }

    // State
    Val get(unsigned slot);
    void set(unsigned slot, Val value);
    void insn(u64 pc, u32 raw);

    // Any op: types are inferred from the table and the operands. The named forms below are for reading pleasure.
    Val emit(Op op, Type type, u16 aux, Val a = {}, Val b = {}, Val c = {});
    Val op1(Op op, Val a, u16 aux = 0) { return emit(op, type(a), aux, a); }
    Val op2(Op op, Val a, Val b, u16 aux = 0) { return emit(op, type(a), aux, a, b); }
    Val op3(Op op, Val a, Val b, Val c, u16 aux = 0) { return emit(op, type(a), aux, a, b, c); }

    // Integers
    Val add(Val a, Val b) { return op2(Op::add, a, b); }
    Val sub(Val a, Val b) { return op2(Op::sub, a, b); }
    Val mul(Val a, Val b) { return op2(Op::mul, a, b); }
    Val adc(Val a, Val b, Val carry) { return op3(Op::adc, a, b, carry); }
    Val and_(Val a, Val b) { return op2(Op::and_, a, b); }
    Val or_(Val a, Val b) { return op2(Op::or_, a, b); }
    Val xor_(Val a, Val b) { return op2(Op::xor_, a, b); }
    Val andn(Val a, Val b) { return op2(Op::andn, a, b); }
    Val not_(Val a) { return op1(Op::not_, a); }
    Val neg(Val a) { return op1(Op::neg, a); }
    Val shl(Val a, Val n) { return op2(Op::shl, a, n); }
    Val shr(Val a, Val n) { return op2(Op::shr, a, n); }
    Val sar(Val a, Val n) { return op2(Op::sar, a, n); }
    Val rotr(Val a, Val n) { return op2(Op::rotr, a, n); }
    Val shl(Val a, unsigned n) { return shl(a, imm(type(a), n)); }
    Val shr(Val a, unsigned n) { return shr(a, imm(type(a), n)); }
    Val sar(Val a, unsigned n) { return sar(a, imm(type(a), n)); }
    Val rotr(Val a, unsigned n) { return rotr(a, imm(type(a), n)); }
    Val ubfx(Val a, unsigned lsb, unsigned width) { return op1(Op::ubfx, a, field_aux(lsb, width)); }
    Val sbfx(Val a, unsigned lsb, unsigned width) { return op1(Op::sbfx, a, field_aux(lsb, width)); }
    Val bfi(Val a, Val field, unsigned lsb, unsigned width) { return op2(Op::bfi, a, field, field_aux(lsb, width)); }
    Val zext(Val a, Type to) { return to == type(a) ? a : emit(Op::zext, to, 0, a); }
    Val sext(Val a, Type to) { return to == type(a) ? a : emit(Op::sext, to, 0, a); }
    Val trunc(Val a) { return type(a) == Type::i32 ? a : emit(Op::trunc, Type::i32, 0, a); }
    /// i32 or i64 to the wanted integer type: truncated or zero-extended.
    Val resize(Val a, Type to) { return to == Type::i32 ? trunc(a) : zext(a, to); }
    Val select(Val cond, Val yes, Val no) { return emit(Op::select, type(yes), 0, cond, yes, no); }
    Val eq(Val a, Val b) { return emit(Op::eq, Type::i1, 0, a, b); }
    Val ne(Val a, Val b) { return emit(Op::ne, Type::i1, 0, a, b); }
    Val ult(Val a, Val b) { return emit(Op::ult, Type::i1, 0, a, b); }
    Val ule(Val a, Val b) { return emit(Op::ule, Type::i1, 0, a, b); }
    Val slt(Val a, Val b) { return emit(Op::slt, Type::i1, 0, a, b); }
    Val sle(Val a, Val b) { return emit(Op::sle, Type::i1, 0, a, b); }

    // Flags: tokens are resolved per consumer; test() of a known producer becomes a plain compare.
    Val flags_add(Val a, Val b) { return emit(Op::flags_add, Type::i32, 0, a, b); }
    Val flags_sub(Val a, Val b) { return emit(Op::flags_sub, Type::i32, 0, a, b); }
    Val flags_adc(Val a, Val b, Val carry) { return emit(Op::flags_adc, Type::i32, 0, a, b, carry); }
    Val flags_logic(Val a) { return emit(Op::flags_logic, Type::i32, 0, a); }
    /// N and Z of `a`, C = `carry` (i1; none: as in `old`), V as in `old`. test() sees through it.
    Val flags_logic_keeping(Val a, Val carry, Val old);
    Val test(Cond cond, Val flags);

    /// A token of the eflags_ ops: `log` is log2 of the width in bytes.
    Val eflags(Op op, unsigned log, Val a, Val b = {}, Val c = {}) {
        return emit(op, Type::i32, u16(log), unmasked(a, log), b && type(b) != Type::i1 ? unmasked(b, log) : b, c);
    }
    /// Condition code of Jcc over such a token.
    Val test_eflags(unsigned condition, Val token);

    // Memory
    Val load(Type type, Val address, MemFlags flags) { return emit(type == Type::v128 ? Op::vload : Op::load, type, flags.pack(), address); }
    void store(Val address, Val value, MemFlags flags) { emit(Op::store, Type::none, flags.pack(), address, value); }
    Val atomic_rmw(AtomicOp op, Val address, Val operand, MemFlags flags) {
        return emit(Op::atomic_rmw, type(operand), atomic_aux(op, flags), address, operand);
    }
    Val atomic_cas(Val address, Val expected, Val desired, MemFlags flags) {
        return emit(Op::atomic_cas, type(expected), flags.pack(), address, expected, desired);
    }
    void fence(Order order) { emit(Op::fence, Type::none, u16(order)); }

    /// Call a helper; void helpers return an empty Val.
    Val call(const Helper& helper, std::initializer_list<Val> args = {});

    // Exits. exit_if falls through when the condition is false; the others end the unit.
    void exit_if(Val cond, const Exit& exit);
    void exit(const Exit& exit, Val value = {});
    void jump(u64 pc) { exit({ExitKind::jump, 0, pc, 0}); }
    void trap(u32 code, u64 pc, Val value = {}) { exit({ExitKind::trap, code, pc, 0}, value); }
    void sync(u64 pc) { exit({ExitKind::sync, 0, pc, 0}); }

    // Vectors: v1/v2/v3 take the op, the lane type and an immediate.
    Val v1(Op op, Lane lane, Val a, unsigned imm = 0) { return emit(op, Type::v128, lane_aux(lane, imm), a); }
    Val v2(Op op, Lane lane, Val a, Val b, unsigned imm = 0) { return emit(op, Type::v128, lane_aux(lane, imm), a, b); }
    Val v3(Op op, Lane lane, Val a, Val b, Val c, unsigned imm = 0) { return emit(op, Type::v128, lane_aux(lane, imm), a, b, c); }
    Val vget(Type to, Lane lane, Val v, unsigned index) { return emit(Op::vget, to, lane_aux(lane, index), v); }
    Val vset(Lane lane, Val v, Val x, unsigned index) { return emit(Op::vset, Type::v128, lane_aux(lane, index), v, x); }
    Val vdup(Lane lane, Val x) { return emit(Op::vdup, Type::v128, lane_aux(lane), x); }
    /// Scalar to vector with zeros above: i32, i64, f16, f32, f64.
    Val vzext(Val x) { return emit(Op::vzext, Type::v128, 0, x); }
    Val vlow(Val v) { return emit(Op::vlow, Type::v128, 0, v); }

    // Floating point
    Val bitsf(Type to, Val bits) { return emit(Op::bitsf, to, 0, bits); }
    Val fbits(Val x) { return emit(Op::fbits, type(x) == Type::f64 ? Type::i64 : Type::i32, 0, x); }
    Val fcmp(Val a, Val b, bool signaling) { return emit(Op::fcmp, Type::i32, signaling, a, b); }

    /// The value that the slot is known to hold, if any.
    Val known(unsigned slot) const { return {tables_.known[slot]}; }
    /// Were slots written that nothing is known about (so that what is not known need not be what it was at the start)?
    bool forgot() const { return forgot_; }
    /// Drop what is known about state slots (something else may have written them).
    void forget_state();

private:
    Val append(Op op, Type type, u16 aux, u32 a, u32 b, u32 c);
    Val fold(Op op, Type type, u16 aux, Val a, Val b, Val c);
    Val simplify(Op op, Type type, u16 aux, Val a, Val b, Val c);
    Val simplify_integer(Op op, Type type, u16 aux, Val a, Val b, Val c);
    Val simplify_vector(Op op, Type type, u16 aux, Val a, Val b);
    Val lookup(Op op, Type type, u16 aux, u32 a, u32 b, u32 c);
    u32 exit_index(const Exit& exit);
    Val unmasked(Val v, unsigned log) const;
    struct KeptFlags;
    bool kept_flags(Val token, KeptFlags& kept);
    Val field_source(Val v, unsigned& lsb, unsigned width);
    Val test_kept(Cond cond, const KeptFlags& kept);
    Val test_eflags_logic(unsigned condition, const Node& producer);
    Val test_eflags_sub(unsigned condition, const Node& producer);
    Val test_eflags_rotate(unsigned condition, const Node& producer);
    Val test_eflags_add(unsigned condition, const Node& producer);

    Function& f_;
    Watcher* watcher_;
    bool open_ = true, forgot_ = false;
    struct Tables {
        std::vector<Id> known;             ///< per slot: the value it holds, 0 = not known
        /// Hash table of pure nodes for common subexpressions: the newest entry of each bucket, by its number (0 is none).
        struct Entry {
            Id node;
            u32 older;
        };
        std::vector<u32> buckets;
        std::vector<Entry> entries;
    };
    Tables tables_;
    static thread_local Tables spare_;     ///< those of the thread's last builder: one is made for every unit
};

} // namespace emu::ir

// SPDX-License-Identifier: MIT
// Conditions over EFLAGS tokens, resolved where their producer is known. Of operations narrower than 32 bits the back end's
// compare of the right width is as good as anything that could be built here, unless the operands say it all.
#include "ir/builder.h"

#include <bit>

namespace emu::ir {

namespace {
constexpr unsigned wide_log = 2;   ///< from here on i32 and i64 values are as wide as the operation

/// Position of the one flag that an even condition looks at; false: it looks at several.
bool single_flag(unsigned condition, unsigned& at) {
    if (condition >= cond_l || !std::has_single_bit(eflags_masks[condition / 2])) return false;
    at = unsigned(std::countr_zero(eflags_masks[condition / 2]));
    return true;
}
} // namespace

/// What `v` was before it was masked to at least the width.
Val Builder::unmasked(Val v, unsigned log) const {
    const Node& n = node(v);
    return log < wide_log && n.op == Op::ubfx && field_lsb(n.aux) == 0 && field_width(n.aux) >= 8u << log ? Val{n.a} : v;
}

/// An even condition over the EFLAGS of a result of and, or, xor.
Val Builder::test_eflags_logic(unsigned condition, const Node& n) {
    const Val a{n.a}, zero = imm(type(a), 0);
    switch (condition) {
    case cond_o: case cond_b: return imm1(false);
    case cond_e: case cond_be: return n.aux >= wide_log ? eq(a, zero) : Val{};
    case cond_s: case cond_l: return n.aux >= wide_log ? slt(a, zero) : Val{};
    case cond_le: return n.aux >= wide_log ? sle(a, zero) : Val{};
    default: return {};
    }
}

Val Builder::test_eflags_sub(unsigned condition, const Node& n) {
    if (n.aux < wide_log) return {};
    const Val a{n.a}, b{n.b};
    switch (condition) {
    case cond_b: return ult(a, b);
    case cond_e: return eq(a, b);
    case cond_be: return ule(a, b);
    case cond_l: return slt(a, b);
    case cond_le: return sle(a, b);
    case cond_s: return is_const(b, 0, nullptr) ? slt(a, b) : Val{};
    default: return {};
    }
}

Val Builder::test_eflags_add(unsigned condition, const Node& n) {
    if (n.aux < wide_log) return {};
    const Val a{n.a};
    const bool by_one = n.op == Op::eflags_inc || n.op == Op::eflags_dec;
    auto result = [&] { return by_one ? add(a, imm(type(a), n.op == Op::eflags_inc ? 1 : ~u64(0))) : add(a, {n.b}); };
    switch (condition) {
    case cond_e: return eq(result(), imm(type(a), 0));
    case cond_s: return slt(result(), imm(type(a), 0));
    case cond_b: return by_one ? Val{} : ult(result(), a);
    default: return {};
    }
}

Val Builder::test_eflags_rotate(unsigned condition, const Node& n) {
    const Val a{n.a};
    const bool right = n.aux & 4;
    unsigned at;
    if (condition == cond_b && (n.aux & 3) >= wide_log) return right ? slt(a, imm(type(a), 0)) : ne(and_(a, imm(type(a), 1)), imm(type(a), 0));
    return condition != cond_o && condition != cond_b && single_flag(condition, at) ? test_eflags(condition, {n.b}) : Val{};
}

Val Builder::test_eflags(unsigned condition, Val token) {
    if (u64 k; is_const(token, k)) return imm1(holds_eflags(condition, u32(k)));
    const Node n = node(token);
    Val v;
    switch (n.op) {
    case Op::eflags_sub: v = test_eflags_sub(condition & ~1u, n); break;
    case Op::eflags_logic: v = test_eflags_logic(condition & ~1u, n); break;
    case Op::eflags_add: v = test_eflags_add(condition & ~1u, n); break;
    case Op::eflags_inc: case Op::eflags_dec:
        if ((condition & ~1u) == cond_b) return test_eflags(condition, {n.b});
        v = test_eflags_add(condition & ~1u, n);
        break;
    case Op::bfi: // one flag was put into an older token
        if (unsigned at; single_flag(condition & ~1u, at) && field_width(n.aux) == 1) {
            if (at != field_lsb(n.aux)) return test_eflags(condition, {n.a});
            v = ne({n.b}, imm32(0));
        }
        break;
    case Op::eflags_rotate: v = test_eflags_rotate(condition & ~1u, n); break;
    case Op::eflags_nonzero:
        if (n.aux >= wide_log && (condition & ~1u) <= cond_b) v = ne({n.a}, imm(type({n.a}), 0));
        break;
    case Op::select: return select({n.a}, test_eflags(condition, {n.b}), test_eflags(condition, {n.c}));
    default: break;
    }
    if (!v) return emit(Op::test_eflags, Type::i1, u16(condition), token);
    return condition & 1 ? not_(v) : v;
}

} // namespace emu::ir

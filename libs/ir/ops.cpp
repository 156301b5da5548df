// SPDX-License-Identifier: MIT
#include "ir/ir.h"

namespace emu::ir {

namespace {
constexpr OpInfo row(std::string_view name, char result, std::string_view args) {
    if (name.back() == '_') name.remove_suffix(1);
    return {name, result, args};
}
} // namespace

constexpr std::array<OpInfo, unsigned(Op::count_)> op_table_rows{{
#define EMU_IR_OP(name, result, args, effect, text) row(#name, #result[0], args),
#include "ir/ops.def"
#undef EMU_IR_OP
}};
const std::array<OpInfo, unsigned(Op::count_)> op_table = op_table_rows;

bool holds(Cond cond, u32 flags) {
    bool n = flags & flag_n, z = flags & flag_z, c = flags & flag_c, v = flags & flag_v, result = true;
    switch (Cond(unsigned(cond) & ~1u)) {
    case Cond::eq: result = z; break;
    case Cond::cs: result = c; break;
    case Cond::mi: result = n; break;
    case Cond::vs: result = v; break;
    case Cond::hi: result = c && !z; break;
    case Cond::ge: result = n == v; break;
    case Cond::gt: result = n == v && !z; break;
    default: return true; // al and nv
    }
    return result != bool(unsigned(cond) & 1);
}

bool holds_eflags(unsigned condition, u32 token) {
    const bool less = bool(token & eflag_sf) != bool(token & eflag_of);
    bool result = false;
    switch (condition & ~1u) {
    case cond_l: result = less; break;
    case cond_le: result = less || token & eflag_zf; break;
    default: result = token & eflags_masks[condition / 2]; break;
    }
    return result != bool(condition & 1);
}

bool raises_flags(const Node& node) {
    const Op op = node.op;
    if (op == Op::fcmp || op == Op::eflags_comis) return !(node.aux & fcmp_again);
    if (op >= Op::fadd && op < Op::vget) return op != Op::fneg && op != Op::fabs && op != Op::fbits && op != Op::bitsf;
    return op >= Op::vfadd && op < Op::vaesenc && op != Op::vfneg && op != Op::vfabs;
}

} // namespace emu::ir

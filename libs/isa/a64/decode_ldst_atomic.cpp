// SPDX-License-Identifier: MIT
// Arm ARM C4.1, "Loads and Stores": exclusive, ordered, atomic and authenticated ones.
#include "isa/a64/pauth.h"
#include "isa/a64/sem_ldst.h"
#include "isa/table_check.h"

namespace emu::isa::a64 {

namespace {
using namespace access;
constexpr u32 op(ir::AtomicOp o) { return u32(o); }

// clang-format off
constexpr Line rows[] = {
    // Exclusive
    {"stxrb",  "Ws, Wt, [Xn|SP]",     "00 001000 000 sssss 0 ..... nnnnn ttttt", store_exclusive, b},
    {"stlxrb", "Ws, Wt, [Xn|SP]",     "00 001000 000 sssss 1 ..... nnnnn ttttt", store_exclusive, b | release},
    {"ldxrb",  "Wt, [Xn|SP]",         "00 001000 010 ..... 0 ..... nnnnn ttttt", load_exclusive, b},
    {"ldaxrb", "Wt, [Xn|SP]",         "00 001000 010 ..... 1 ..... nnnnn ttttt", load_exclusive, b | acquire},
    {"stxrh",  "Ws, Wt, [Xn|SP]",     "01 001000 000 sssss 0 ..... nnnnn ttttt", store_exclusive, h},
    {"stlxrh", "Ws, Wt, [Xn|SP]",     "01 001000 000 sssss 1 ..... nnnnn ttttt", store_exclusive, h | release},
    {"ldxrh",  "Wt, [Xn|SP]",         "01 001000 010 ..... 0 ..... nnnnn ttttt", load_exclusive, h},
    {"ldaxrh", "Wt, [Xn|SP]",         "01 001000 010 ..... 1 ..... nnnnn ttttt", load_exclusive, h | acquire},
    {"stxr",   "Ws, Wt, [Xn|SP]",     "10 001000 000 sssss 0 ..... nnnnn ttttt", store_exclusive, w},
    {"stlxr",  "Ws, Wt, [Xn|SP]",     "10 001000 000 sssss 1 ..... nnnnn ttttt", store_exclusive, w | release},
    {"ldxr",   "Wt, [Xn|SP]",         "10 001000 010 ..... 0 ..... nnnnn ttttt", load_exclusive, w},
    {"ldaxr",  "Wt, [Xn|SP]",         "10 001000 010 ..... 1 ..... nnnnn ttttt", load_exclusive, w | acquire},
    {"stxr",   "Ws, Xt, [Xn|SP]",     "11 001000 000 sssss 0 ..... nnnnn ttttt", store_exclusive, x | wide},
    {"stlxr",  "Ws, Xt, [Xn|SP]",     "11 001000 000 sssss 1 ..... nnnnn ttttt", store_exclusive, x | wide | release},
    {"ldxr",   "Xt, [Xn|SP]",         "11 001000 010 ..... 0 ..... nnnnn ttttt", load_exclusive, x | wide},
    {"ldaxr",  "Xt, [Xn|SP]",         "11 001000 010 ..... 1 ..... nnnnn ttttt", load_exclusive, x | wide | acquire},
    {"stxp",   "Ws, Wt, Wu, [Xn|SP]", "1 0 001000 001 sssss 0 uuuuu nnnnn ttttt", store_exclusive_pair, w},
    {"stlxp",  "Ws, Wt, Wu, [Xn|SP]", "1 0 001000 001 sssss 1 uuuuu nnnnn ttttt", store_exclusive_pair, w | release},
    {"ldxp",   "Wt, Wu, [Xn|SP]",     "1 0 001000 011 ..... 0 uuuuu nnnnn ttttt", load_exclusive_pair, w},
    {"ldaxp",  "Wt, Wu, [Xn|SP]",     "1 0 001000 011 ..... 1 uuuuu nnnnn ttttt", load_exclusive_pair, w | acquire},
    {"stxp",   "Ws, Xt, Xu, [Xn|SP]", "1 1 001000 001 sssss 0 uuuuu nnnnn ttttt", store_exclusive_pair, x | wide},
    {"stlxp",  "Ws, Xt, Xu, [Xn|SP]", "1 1 001000 001 sssss 1 uuuuu nnnnn ttttt", store_exclusive_pair, x | wide | release},
    {"ldxp",   "Xt, Xu, [Xn|SP]",     "1 1 001000 011 ..... 0 uuuuu nnnnn ttttt", load_exclusive_pair, x | wide},
    {"ldaxp",  "Xt, Xu, [Xn|SP]",     "1 1 001000 011 ..... 1 uuuuu nnnnn ttttt", load_exclusive_pair, x | wide | acquire},

    // Ordered
    {"stlrb",  "Wt, [Xn|SP]", "00 001000 100 ..... 1 ..... nnnnn ttttt", ordered_plain, b | store | release},
    {"ldarb",  "Wt, [Xn|SP]", "00 001000 110 ..... 1 ..... nnnnn ttttt", ordered_plain, b | acquire},
    {"stllrb", "Wt, [Xn|SP]", "00 001000 100 ..... 0 ..... nnnnn ttttt", ordered_plain, b | store | release, feature::lor},
    {"ldlarb", "Wt, [Xn|SP]", "00 001000 110 ..... 0 ..... nnnnn ttttt", ordered_plain, b | acquire, feature::lor},
    {"ldaprb", "Wt, [Xn|SP]", "00 111 0 00 1 0 1 11111 1 100 00 nnnnn ttttt", ordered_plain, b | acquire, feature::lrcpc},
    {"stlrh",  "Wt, [Xn|SP]", "01 001000 100 ..... 1 ..... nnnnn ttttt", ordered_plain, h | store | release},
    {"ldarh",  "Wt, [Xn|SP]", "01 001000 110 ..... 1 ..... nnnnn ttttt", ordered_plain, h | acquire},
    {"stllrh", "Wt, [Xn|SP]", "01 001000 100 ..... 0 ..... nnnnn ttttt", ordered_plain, h | store | release, feature::lor},
    {"ldlarh", "Wt, [Xn|SP]", "01 001000 110 ..... 0 ..... nnnnn ttttt", ordered_plain, h | acquire, feature::lor},
    {"ldaprh", "Wt, [Xn|SP]", "01 111 0 00 1 0 1 11111 1 100 00 nnnnn ttttt", ordered_plain, h | acquire, feature::lrcpc},
    {"stlr",   "Wt, [Xn|SP]", "10 001000 100 ..... 1 ..... nnnnn ttttt", ordered_plain, w | store | release},
    {"ldar",   "Wt, [Xn|SP]", "10 001000 110 ..... 1 ..... nnnnn ttttt", ordered_plain, w | acquire},
    {"stllr",  "Wt, [Xn|SP]", "10 001000 100 ..... 0 ..... nnnnn ttttt", ordered_plain, w | store | release, feature::lor},
    {"ldlar",  "Wt, [Xn|SP]", "10 001000 110 ..... 0 ..... nnnnn ttttt", ordered_plain, w | acquire, feature::lor},
    {"ldapr",  "Wt, [Xn|SP]", "10 111 0 00 1 0 1 11111 1 100 00 nnnnn ttttt", ordered_plain, w | acquire, feature::lrcpc},
    {"stlr",   "Xt, [Xn|SP]", "11 001000 100 ..... 1 ..... nnnnn ttttt", ordered_plain, x | wide | store | release},
    {"ldar",   "Xt, [Xn|SP]", "11 001000 110 ..... 1 ..... nnnnn ttttt", ordered_plain, x | wide | acquire},
    {"stllr",  "Xt, [Xn|SP]", "11 001000 100 ..... 0 ..... nnnnn ttttt", ordered_plain, x | wide | store | release, feature::lor},
    {"ldlar",  "Xt, [Xn|SP]", "11 001000 110 ..... 0 ..... nnnnn ttttt", ordered_plain, x | wide | acquire, feature::lor},
    {"ldapr",  "Xt, [Xn|SP]", "11 111 0 00 1 0 1 11111 1 100 00 nnnnn ttttt", ordered_plain, x | wide | acquire, feature::lrcpc},

    // Ordered, unscaled offset
    {"stlurb",   "Wt, [Xn|SP, #i]", "00 011001 00 0 iiiiiiiii 00 nnnnn ttttt", ordered_unscaled, b | store | release, feature::lrcpc2},
    {"ldapurb",  "Wt, [Xn|SP, #i]", "00 011001 01 0 iiiiiiiii 00 nnnnn ttttt", ordered_unscaled, b | acquire, feature::lrcpc2},
    {"ldapursb", "Xt, [Xn|SP, #i]", "00 011001 10 0 iiiiiiiii 00 nnnnn ttttt", ordered_unscaled, b | sign | wide | acquire, feature::lrcpc2},
    {"ldapursb", "Wt, [Xn|SP, #i]", "00 011001 11 0 iiiiiiiii 00 nnnnn ttttt", ordered_unscaled, b | sign | acquire, feature::lrcpc2},
    {"stlurh",   "Wt, [Xn|SP, #i]", "01 011001 00 0 iiiiiiiii 00 nnnnn ttttt", ordered_unscaled, h | store | release, feature::lrcpc2},
    {"ldapurh",  "Wt, [Xn|SP, #i]", "01 011001 01 0 iiiiiiiii 00 nnnnn ttttt", ordered_unscaled, h | acquire, feature::lrcpc2},
    {"ldapursh", "Xt, [Xn|SP, #i]", "01 011001 10 0 iiiiiiiii 00 nnnnn ttttt", ordered_unscaled, h | sign | wide | acquire, feature::lrcpc2},
    {"ldapursh", "Wt, [Xn|SP, #i]", "01 011001 11 0 iiiiiiiii 00 nnnnn ttttt", ordered_unscaled, h | sign | acquire, feature::lrcpc2},
    {"stlur",    "Wt, [Xn|SP, #i]", "10 011001 00 0 iiiiiiiii 00 nnnnn ttttt", ordered_unscaled, w | store | release, feature::lrcpc2},
    {"ldapur",   "Wt, [Xn|SP, #i]", "10 011001 01 0 iiiiiiiii 00 nnnnn ttttt", ordered_unscaled, w | acquire, feature::lrcpc2},
    {"ldapursw", "Xt, [Xn|SP, #i]", "10 011001 10 0 iiiiiiiii 00 nnnnn ttttt", ordered_unscaled, w | sign | wide | acquire, feature::lrcpc2},
    {"stlur",    "Xt, [Xn|SP, #i]", "11 011001 00 0 iiiiiiiii 00 nnnnn ttttt", ordered_unscaled, x | store | wide | release, feature::lrcpc2},
    {"ldapur",   "Xt, [Xn|SP, #i]", "11 011001 01 0 iiiiiiiii 00 nnnnn ttttt", ordered_unscaled, x | wide | acquire, feature::lrcpc2},

    // Compare and swap
    {"casb", "Ws, Wt, [Xn|SP]", "00 001000 1 A 1 sssss R 11111 nnnnn ttttt", compare_swap, b, feature::lse},
    {"cash", "Ws, Wt, [Xn|SP]", "01 001000 1 A 1 sssss R 11111 nnnnn ttttt", compare_swap, h, feature::lse},
    {"cas",  "Ws, Wt, [Xn|SP]", "10 001000 1 A 1 sssss R 11111 nnnnn ttttt", compare_swap, w, feature::lse},
    {"cas",  "Xs, Xt, [Xn|SP]", "11 001000 1 A 1 sssss R 11111 nnnnn ttttt", compare_swap, x | wide, feature::lse},
    {"casp", "Ws, Wt, [Xn|SP]", "0 0 001000 0 A 1 sssss R 11111 nnnnn ttttt", compare_swap_pair, w, feature::lse},
    {"casp", "Xs, Xt, [Xn|SP]", "0 1 001000 0 A 1 sssss R 11111 nnnnn ttttt", compare_swap_pair, x | wide, feature::lse},

    // Atomic operations: zz is the size, A acquire, R release
    {"ldadd",  "Rs, Rt, [Xn|SP]", "zz 111 0 00 A R 1 sssss 0 000 00 nnnnn ttttt", atomic_operation, op(ir::AtomicOp::add), feature::lse},
    {"ldclr",  "Rs, Rt, [Xn|SP]", "zz 111 0 00 A R 1 sssss 0 001 00 nnnnn ttttt", atomic_operation, op(ir::AtomicOp::andn), feature::lse},
    {"ldeor",  "Rs, Rt, [Xn|SP]", "zz 111 0 00 A R 1 sssss 0 010 00 nnnnn ttttt", atomic_operation, op(ir::AtomicOp::xor_), feature::lse},
    {"ldset",  "Rs, Rt, [Xn|SP]", "zz 111 0 00 A R 1 sssss 0 011 00 nnnnn ttttt", atomic_operation, op(ir::AtomicOp::or_), feature::lse},
    {"ldsmax", "Rs, Rt, [Xn|SP]", "zz 111 0 00 A R 1 sssss 0 100 00 nnnnn ttttt", atomic_operation, op(ir::AtomicOp::smax), feature::lse},
    {"ldsmin", "Rs, Rt, [Xn|SP]", "zz 111 0 00 A R 1 sssss 0 101 00 nnnnn ttttt", atomic_operation, op(ir::AtomicOp::smin), feature::lse},
    {"ldumax", "Rs, Rt, [Xn|SP]", "zz 111 0 00 A R 1 sssss 0 110 00 nnnnn ttttt", atomic_operation, op(ir::AtomicOp::umax), feature::lse},
    {"ldumin", "Rs, Rt, [Xn|SP]", "zz 111 0 00 A R 1 sssss 0 111 00 nnnnn ttttt", atomic_operation, op(ir::AtomicOp::umin), feature::lse},
    {"swp",    "Rs, Rt, [Xn|SP]", "zz 111 0 00 A R 1 sssss 1 000 00 nnnnn ttttt", atomic_operation, op(ir::AtomicOp::swap), feature::lse},

    // Authenticated base; W writes the base back
    {"ldraa", "Xt, [Xn|SP, #i]", "11 111 0 00 0 i 1 iiiiiiiii W 1 nnnnn ttttt", load_pac, pac_da, feature::pauth},
    {"ldrab", "Xt, [Xn|SP, #i]", "11 111 0 00 1 i 1 iiiiiiiii W 1 nnnnn ttttt", load_pac, pac_db, feature::pauth},
};
// clang-format on
static_assert(unambiguous<Line>(rows));

} // namespace

const Table ldst_atomic_rows = table_of<rows>;

} // namespace emu::isa::a64

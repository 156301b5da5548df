// SPDX-License-Identifier: MIT
// Intel, Wireless MMX Technology Developer's Guide, chapter 4, and XScale Core Developer's Manual 2.3: coprocessors 0 and 1.
#include "common/bits.h"
#include "isa/a32/iwmmxt.h"
#include "isa/a32/translate.h"
#include "isa/table_check.h"

namespace emu::isa::a32 {

namespace {

Val word_of(Unit& u) { return u.ir.imm64(u.raw); }

void data(Unit& u, const Fields&) {
    if (!wmmx_exists(u.raw)) return u.unallocated();
    u.commit();
    u.ir.call(helper_wmmx, {word_of(u)});
}

void to_core(Unit& u, const Fields& f, const ir::Helper& helper, bool exists) {
    if (!exists || f['d'] == 15) return u.unallocated();
    u.commit();
    u.set_r(f['d'], u.ir.trunc(u.ir.call(helper, {word_of(u)})));
}
void extract(Unit& u, const Fields& f) { to_core(u, f, helper_wmmx_extract, f['z'] != 3); }
void move_mask(Unit& u, const Fields& f) { to_core(u, f, helper_wmmx_mask, f['z'] != 3); }

void insert(Unit& u, const Fields& f) {
    if (f['z'] == 3 || f['t'] == 15) return u.unallocated();
    u.commit();
    u.ir.call(helper_wmmx_insert, {word_of(u), u.r64(f['t'])});
}

/// To the flags of CPSR: the register is 15.
void flags(Unit& u, const Fields& f) {
    if (f['z'] == 3) return u.unallocated();
    u.commit();
    auto& ir = u.ir;
    Val value = ir.trunc(ir.call(helper_wmmx_flags, {word_of(u)}));
    u.set_nzcv(ir.or_(ir.and_(ir.shr(value, 16u), ir.imm32(ir::flag_n | ir::flag_z)),
                      ir.or_(ir.and_(ir.shr(value, 21u), ir.imm32(ir::flag_c)), ir.shr(ir.and_(value, ir.imm32(1u << 28)), 28u))));
}

bool is_control(u32 number) { return number <= wcasf || (number >= wcgr0 && number < wcgr0 + 4); }

void control_write(Unit& u, const Fields& f) {
    if (!is_control(f['n']) || f['t'] == 15) return u.unallocated();
    u.commit();
    u.ir.call(helper_wmmx_set_control, {u.ir.imm64(f['n']), u.r64(f['t'])});
}
void control_read(Unit& u, const Fields& f) {
    if (!is_control(f['n']) || f['t'] == 15) return u.unallocated();
    u.commit();
    u.set_r(f['t'], u.ir.trunc(u.ir.call(helper_wmmx_control, {u.ir.imm64(f['n'])})));
}

/// acc0 has 40 bits, and what is read from above them is their sign.
void pair_write(Unit& u, const Fields& f) {
    if (f['l'] == 15 || f['h'] == 15) return u.unallocated();
    u.commit();
    auto& ir = u.ir;
    u.ir.call(helper_wmmx_set, {ir.imm64(f.has('d') ? f['d'] : 0), ir.or_(u.r64(f['l']), ir.shl(u.r64(f['h']), 32))});
}
void pair_read(Unit& u, const Fields& f) {
    if (f['l'] == 15 || f['h'] == 15 || f['l'] == f['h']) return u.unallocated();
    u.commit();
    auto& ir = u.ir;
    Val value = ir.call(helper_wmmx_get, {ir.imm64(f.has('d') ? f['d'] : 0)});
    if (!f.has('d')) value = ir.sar(ir.shl(value, 24), 24u);
    u.set_r(f['l'], ir.trunc(value));
    u.set_r(f['h'], ir.trunc(ir.shr(value, 32)));
}

void multiply(Unit& u, const Fields& f) {
    const u32 which = f['o'];
    if ((which != 0 && which != 8 && which < 12) || f['m'] == 15 || f['s'] == 15) return u.unallocated();
    u.commit();
    u.ir.call(helper_wmmx_multiply, {word_of(u), u.r64(f['m']), u.r64(f['s'])});
}

/// The address of a load or store, the base written back where it is to be.
struct Place {
    Val address;
    Val base; ///< what it becomes, or none
};
Place place(Unit& u, const Fields& f, unsigned scale) {
    const s32 offset = s32(f['i'] << scale) * (f['U'] ? 1 : -1);
    Val base = u.r(f['n']);
    Place at{u.address(base, f['P'] ? offset : 0), {}};
    if (f['W']) at.base = u.ir.add(base, u.ir.imm32(u32(offset)));
    return at;
}
bool addressable(const Fields& f) { return !(f['n'] == 15 && f['W']) && (f['P'] || f['W'] || f['U']); }

void load_store(Unit& u, const Fields& f) {
    if (!addressable(f)) return u.unallocated();
    u.commit();
    const unsigned size = f.arg();
    const Place at = place(u, f, size >= 2 ? 2 : 0);
    if (f['L']) {
        Val value = u.ir.load(size == 3 ? Type::i64 : Type::i32, at.address, u.access(size));
        u.ir.call(helper_wmmx_set, {u.ir.imm64(f['d']), size == 3 ? value : u.ir.zext(value, Type::i64)});
    } else {
        Val value = u.ir.call(helper_wmmx_get, {u.ir.imm64(f['d'])});
        u.ir.store(at.address, size == 3 ? value : u.ir.trunc(value), u.access(size));
    }
    if (at.base) u.set_r(f['n'], at.base);
}

void control_load_store(Unit& u, const Fields& f) {
    if (!addressable(f) || !is_control(f['d'])) return u.unallocated();
    u.commit();
    const Place at = place(u, f, 2);
    if (f['L']) u.ir.call(helper_wmmx_set_control, {u.ir.imm64(f['d']), u.ir.zext(u.load32(at.address), Type::i64)});
    else u.store32(at.address, u.ir.trunc(u.ir.call(helper_wmmx_control, {u.ir.imm64(f['d'])})));
    if (at.base) u.set_r(f['n'], at.base);
}

using feature::iwmmxt;

// clang-format off
constexpr Line a32[] = {
    {"wmmx",    "wRd, wRn, wRm",  ".... 1110 oooo nnnn dddd 000 x ooo 0 mmmm", data, 0, iwmmxt},
    {"textrm",  "Rd, wRn, #i",    ".... 1110 zz 01 nnnn dddd 0000 0111 s iii", extract, 0, iwmmxt},
    {"tmovmsk", "Rd, wRn",        ".... 1110 zz 01 nnnn dddd 0000 0011 0000", move_mask, 0, iwmmxt},
    {"tbcst",   "wRd, Rt",        ".... 1110 0100 dddd tttt 0000 zz 01 0000", insert, 0, iwmmxt},
    {"tinsr",   "wRd, Rt, #i",    ".... 1110 0110 dddd tttt 0000 zz 01 0 iii", insert, 0, iwmmxt},
    {"tandc",   "r15",            ".... 1110 zz 01 0011 1111 0001 0011 0000", flags, 0, iwmmxt},
    {"torc",    "r15",            ".... 1110 zz 01 0011 1111 0001 0101 0000", flags, 0, iwmmxt},
    {"textrc",  "r15, #i",        ".... 1110 zz 01 0011 1111 0001 0111 0 iii", flags, 0, iwmmxt},
    {"tmcr",    "wCn, Rt",        ".... 1110 0000 nnnn tttt 0001 0001 0000", control_write, 0, iwmmxt},
    {"tmrc",    "Rt, wCn",        ".... 1110 0001 nnnn tttt 0001 0001 0000", control_read, 0, iwmmxt},
    {"tmcrr",   "wRd, RdLo, RdHi", ".... 1100 0100 hhhh llll 0000 0000 dddd", pair_write, 0, iwmmxt},
    {"tmrrc",   "RdLo, RdHi, wRd", ".... 1100 0101 hhhh llll 0000 0000 dddd", pair_read, 0, iwmmxt},
    {"tmia",    "wRd, Rm, Rs",    ".... 1110 0010 oooo ssss 000 dddd 1 mmmm", multiply, 0, iwmmxt},
    {"mia",     "acc0, Rm, Rs",   ".... 1110 0010 oooo ssss 0000 0001 mmmm", multiply, 0, feature::xscale},
    {"mar",     "acc0, RdLo, RdHi", ".... 1100 0100 hhhh llll 0000 0000 0000", pair_write, 0, feature::xscale},
    {"mra",     "RdLo, RdHi, acc0", ".... 1100 0101 hhhh llll 0000 0000 0000", pair_read, 0, feature::xscale},
    {"wldrb",   "wRd, [Rn, #i]",  ".... 110 P U 0 W L nnnn dddd 0000 iiiiiiii", load_store, 0, iwmmxt},
    {"wldrh",   "wRd, [Rn, #i]",  ".... 110 P U 1 W L nnnn dddd 0000 iiiiiiii", load_store, 1, iwmmxt},
    {"wldrw",   "wRd, [Rn, #i]",  ".... 110 P U 0 W L nnnn dddd 0001 iiiiiiii", load_store, 2, iwmmxt},
    {"wldrd",   "wRd, [Rn, #i]",  ".... 110 P U 1 W L nnnn dddd 0001 iiiiiiii", load_store, 3, iwmmxt},
};
constexpr Line unconditional[] = {
    {"wldrw",   "wCd, [Rn, #i]",  "1111 110 P U 0 W L nnnn dddd 0001 iiiiiiii", control_load_store, 0, iwmmxt},
};
// clang-format on
static_assert(unambiguous<Line>(a32));

} // namespace

const Table iwmmxt_rows = table_of<a32>;
const Table iwmmxt_unconditional_rows = table_of<unconditional>;

} // namespace emu::isa::a32

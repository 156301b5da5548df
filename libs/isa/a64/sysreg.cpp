// SPDX-License-Identifier: MIT
// System registers and instructions of EL0. Those whose use the kernel grants (CTR_EL0, DC ZVA, CNTVCT_EL0 ...) are there,
// those it keeps back (CNTPCT_EL0, PMU) are not; ID registers are what Linux emulates for EL0.
#include "isa/a64/sysreg.h"

#include "isa/a64/helpers.h"
#include "isa/a64/models.h"

#include <algorithm>
#include <vector>

namespace emu::isa::a64 {

Val read_slot(Unit& u, u32 slot) { return u.ir.zext(u.ir.get(slot), Type::i64); }
void write_slot(Unit& u, Val value, u32 slot) { u.ir.set(slot, u.ir.resize(value, u.ir.function().slots[slot].type)); }

namespace {

Val read_nzcv(Unit& u, u32) {
    auto& ir = u.ir;
    Val token = u.nzcv();
    Val nz = ir.shl(ir.and_(token, ir.imm32(ir::flag_n | ir::flag_z)), 16);
    Val c = ir.shl(ir.and_(token, ir.imm32(ir::flag_c)), 21);
    Val v = ir.shl(ir.and_(token, ir.imm32(ir::flag_v)), 28);
    return ir.zext(ir.or_(ir.or_(nz, c), v), Type::i64);
}

void write_nzcv(Unit& u, Val value, u32) {
    auto& ir = u.ir;
    Val word = ir.trunc(value);
    Val nz = ir.and_(ir.shr(word, 16), ir.imm32(ir::flag_n | ir::flag_z));
    Val c = ir.and_(ir.shr(word, 21), ir.imm32(ir::flag_c));
    Val v = ir.and_(ir.shr(word, 28), ir.imm32(ir::flag_v));
    u.set_nzcv(ir.or_(ir.or_(nz, c), v));
}

/// FPCR and FPSR are refused like the FP instructions.
bool fp_refused(Unit& u) {
    if (!(u.mode() & mode::fp_trapped)) return false;
    u.ir.trap(trap_fp_access, u.pc, u.ir.imm64(u.raw));
    return true;
}

// Everything in FPCR that exists here is part of the mode.
Val read_fpcr(Unit& u, u32) {
    fp_refused(u);
    return u.ir.imm64(aarch::control_of_mode(u.mode()));
}
void write_fpcr_register(Unit& u, Val value, u32) {
    if (fp_refused(u)) return;
    u.ir.call(helper_write_fpcr, {value});
    u.sync();
}

Val read_fpsr_register(Unit& u, u32) { return fp_refused(u) ? u.ir.imm64(0) : u.ir.call(helper_read_fpsr); }
void write_fpsr_register(Unit& u, Val value, u32) {
    if (!fp_refused(u)) u.ir.call(helper_write_fpsr, {value});
}

void write_at_el1(Unit& u, Val value, u32 slot) {
    if (!u.el1()) return u.unallocated();
    u.ir.set(slot, value);
}

Val read_counter(Unit& u, u32) { return u.ir.call(helper_counter); }
Val read_constant(Unit& u, u32 value) { return u.ir.imm64(value); }
Val read_cache_type(Unit& u, u32) { return u.ir.imm64(details(u.model()).ctr); }
Val read_midr(Unit& u, u32) { return u.ir.imm64(details(u.model()).midr); }
Val read_id(Unit& u, u32 index) { return u.ir.imm64(id_register(u.model(), index, !u.system())); }

/// RNDR, RNDRRS: Z is set if there was no random number; there always is.
Val read_random(Unit& u, u32) {
    Val value = u.ir.call(helper_random);
    u.set_nzcv(u.ir.imm32(0));
    return value;
}

/// PSTATE bits that have no effect here: kept, in bit `arg >> 8` of the register form, slot arg & 255.
Val read_pstate_bit(Unit& u, u32 arg) { return u.ir.shl(u.ir.zext(u.ir.get(arg & 255), Type::i64), arg >> 8); }
void write_pstate_bit(Unit& u, Val value, u32 arg) { u.ir.set(arg & 255, u.ir.trunc(u.ir.ubfx(value, arg >> 8, 1))); }
constexpr u32 pstate_bit(unsigned slot, unsigned bit) { return slot | bit << 8; }

void zero_block(Unit& u, Val address, u32) {
    auto& ir = u.ir;
    Val start = ir.and_(address, ir.imm64(~(dc_zva_bytes - 1)));
    for (unsigned at = 0; at < dc_zva_bytes; at += 16) ir.store(ir.add(start, ir.imm64(at)), ir.vzero(), u.access(4));
}

void nothing(Unit&, Val, u32) {}
void invalidate_code(Unit& u, Val address, u32) {
    if (!u.system()) u.ir.call(helper_invalidate_line, {address});
    u.sync();
}

constexpr u16 op(unsigned op0, unsigned op1, unsigned crn, unsigned crm, unsigned op2) { return sysreg_key(op0, op1, crn, crm, op2); }
using namespace feature;

// clang-format off
constexpr SysReg rows[] = {
    {"NZCV",        op(3, 3, 4, 2, 0), 0, read_nzcv, write_nzcv},
    {"DIT",         op(3, 3, 4, 2, 5), 0, read_pstate_bit, write_pstate_bit, pstate_bit(slot_dit, 24), dit},
    {"SSBS",        op(3, 3, 4, 2, 6), 0, read_pstate_bit, write_pstate_bit, pstate_bit(slot_ssbs, 12), ssbs},
    {"DIT",         op(0, 3, 4, 0, 2), 0, nullptr, write_pstate_bit, pstate_bit(slot_dit, 0), dit},      // immediate forms
    {"SSBS",        op(0, 3, 4, 0, 1), 0, nullptr, write_pstate_bit, pstate_bit(slot_ssbs, 0), ssbs},
    {"FPCR",        op(3, 3, 4, 4, 0), 0, read_fpcr, write_fpcr_register},
    {"FPSR",        op(3, 3, 4, 4, 1), 0, read_fpsr_register, write_fpsr_register},
    {"TPIDR_EL0",   op(3, 3, 13, 0, 2), 0, read_slot, write_slot, slot_tpidr_el0},
    {"TPIDRRO_EL0", op(3, 3, 13, 0, 3), 0, read_slot, write_at_el1, slot_tpidrro_el0},
    {"CTR_EL0",     op(3, 3, 0, 0, 1), 0, read_cache_type},
    {"DCZID_EL0",   op(3, 3, 0, 0, 7), 0, read_constant, nullptr, u32(dczid)},
    {"CNTFRQ_EL0",  op(3, 3, 14, 0, 0), 0, read_constant, nullptr, u32(counter_frequency)},
    {"CNTVCT_EL0",  op(3, 3, 14, 0, 2), 0, read_counter},
    {"RNDR",        op(3, 3, 2, 4, 0), 0, read_random, nullptr, 0, rng},
    {"RNDRRS",      op(3, 3, 2, 4, 1), 0, read_random, nullptr, 0, rng},

    {"MIDR_EL1",    op(3, 0, 0, 0, 0), 0, read_midr},
    {"MPIDR_EL1",   op(3, 0, 0, 0, 5), 0, read_constant, nullptr, 0x8000'0000},
    {"REVIDR_EL1",  op(3, 0, 0, 0, 6), 0, read_constant, nullptr, 0},

    {"IC IVAU",     op(1, 3, 7, 5, 1), 0, nullptr, invalidate_code},
    {"DC ZVA",      op(1, 3, 7, 4, 1), 0, nullptr, zero_block},
    {"DC CVAC",     op(1, 3, 7, 10, 1), 0, nullptr, nothing},
    {"DC CVAU",     op(1, 3, 7, 11, 1), 0, nullptr, nothing},
    {"DC CVAP",     op(1, 3, 7, 12, 1), 0, nullptr, nothing, 0, dpb},
    {"DC CVADP",    op(1, 3, 7, 13, 1), 0, nullptr, nothing, 0, dpb2},
    {"DC CIVAC",    op(1, 3, 7, 14, 1), 0, nullptr, nothing},
};
// clang-format on

/// ID_AA64* and the reserved numbers among them, which read as zero (op0 = 3, op1 = 0, CRn = 0, CRm = 4..7); the AArch32 ones
/// (CRm = 1..3) are zero too where no level is AArch32.
const SysReg* find_id_register(u16 key) {
    static const std::vector<SysReg> ids = [] {
        std::vector<SysReg> list;
        for (unsigned crm = 1; crm < 8; crm++)
            for (unsigned op2 = 0; op2 < 8; op2++)
                list.push_back({"ID", sysreg_key(3, 0, 0, crm, op2), 0, crm < 4 ? read_constant : read_id, nullptr,
                                crm < 4 ? 0 : id_index(crm, op2)});
        return list;
    }();
    if (key < ids.front().key || key > ids.back().key) return nullptr;
    return &ids[unsigned(key - ids.front().key)];
}

} // namespace

const std::span<const SysReg> user_registers = rows;

const SysReg* find_sysreg(const Unit& u, u16 key) {
    static const auto sorted = [] {
        std::vector<const SysReg*> all;
        for (auto table : {user_registers, system_registers})
            for (const SysReg& row : table) all.push_back(&row);
        std::stable_sort(all.begin(), all.end(), [](auto a, auto b) { return a->key < b->key; });
        return all;
    }();
    auto at = std::lower_bound(sorted.begin(), sorted.end(), key, [](const SysReg* row, u16 k) { return row->key < k; });
    const SysReg* row = at != sorted.end() && (*at)->key == key ? *at : find_id_register(key);
    if (!row || !u.has(row->features)) return nullptr;
    if (u.el1()) return row;
    // A machine's kernel does the emulation of the ID registers for EL0 itself.
    const bool identification = (key & 0x3f80) == 0 && key >> 14 == 3;
    return row->el > 0 || (identification && u.system()) ? nullptr : row;
}

} // namespace emu::isa::a64

// SPDX-License-Identifier: MIT
// Exceptions between EL0 and EL1 (Arm ARM D1.10 - D1.11, ESR_ELx D13.2.37).
#include "cpu/soft_mmu.h"
#include "cpu/vcpu.h"
#include "isa/a64/a64.h"
#include "isa/a64/models.h"
#include "isa/a64/sem_branch_sys.h"
#include "isa/a64/sys.h"

namespace emu::isa::a64 {

namespace {

// ESR.EC; the four that have a variant for "from the same level" are one less from EL0.
enum Class : u32 {
    class_unknown = 0x00,
    class_fp_access = 0x07,
    class_illegal_state = 0x0e,
    class_svc = 0x15,
    class_fetch_abort = 0x21,
    class_pc_alignment = 0x22,
    class_data_abort = 0x25,
    class_brk = 0x3c,
};

constexpr u32 vector_irq = 0x80;
constexpr u64 reset_sctlr = 0x30d0'0800;   // the bits that are one by definition
constexpr u64 sctlr_span = 1 << 23;

/// PSTATE.PAN decides which TLB entries of EL1 are right.
void set_pan(State& s, bool pan) {
    if (s.sys.pan == pan) return;
    s.sys.pan = pan;
    static_cast<cpu::Vcpu*>(s.vcpu)->mmu()->flush();
}

/// Take an exception to EL1, returning to `back`.
void enter(State& s, u64 back, u32 vector) {
    const u32 from = s.sys.el == 0 ? 0x400 : s.sys.spsel ? 0x200 : 0x000;
    s.sys.spsr_el1 = read_pstate(s);
    s.sys.elr_el1 = back;
    change_stack(s, 1, 1);
    s.sys.daif = pstate::daif;
    const auto* model = static_cast<const CpuModel*>(s.model);
    if (model->features & feature::pan && !(s.sys.sctlr_el1 & sctlr_span)) set_pan(s, true);
    s.sys.uao = 0;
    s.pc = s.sys.vbar_el1 + from + vector;
}

void synchronous(State& s, u32 exception_class, u64 syndrome) {
    s.sys.esr_el1 = u64(exception_class) << 26 | 1u << 25 | syndrome;
    enter(s, s.pc, 0);
}

void abort(State& s, u32 exception_class, u64 syndrome, u64 address) {
    s.sys.far_el1 = address;
    synchronous(s, exception_class - (s.sys.el == 0 ? 1 : 0), syndrome);
}

void return_from_exception(State& s) {
    const u32 target = u32(s.sys.spsr_el1);
    const u32 el = target >> pstate::el_shift & 3;
    const u64 pc = s.sys.elr_el1;
    s.monitor_address = no_monitor;
    if (target & pstate::aarch32 || el > 1 || (el == 0 && target & pstate::spsel)) {
        // An illegal return: PSTATE.IL makes the instruction returned to raise this.
        s.pc = pc;
        return synchronous(s, class_illegal_state, 0);
    }
    set_pan(s, target & pstate::pan);
    write_pstate(s, target);
    s.pc = pc;
}

} // namespace

void exception_return(Unit& u, const Fields&) {
    if (!u.el1()) return u.unallocated();
    u.ir.trap(trap_eret, u.pc);
}

void change_stack(State& s, u32 el, u32 spsel) {
    auto& old_bank = s.sys.el && s.sys.spsel ? s.sys.sp_el1 : s.sys.sp_el0;
    old_bank = s.sp;
    s.sys.el = el;
    s.sys.spsel = spsel;
    s.sp = el && spsel ? s.sys.sp_el1 : s.sys.sp_el0;
}

u32 read_pstate(const State& s) {
    u32 value = nzcv_from_token(s.nzcv) | u32(s.sys.daif) | u32(s.sys.el) << pstate::el_shift | u32(s.sys.spsel);
    if (s.dit) value |= pstate::dit;
    if (s.ssbs) value |= pstate::ssbs;
    if (s.sys.pan) value |= pstate::pan;
    if (s.sys.uao) value |= pstate::uao;
    return value;
}

void write_pstate(State& s, u32 value) {
    s.nzcv = token_from_nzcv(value);
    s.dit = bool(value & pstate::dit);
    s.ssbs = bool(value & pstate::ssbs);
    s.sys.pan = bool(value & pstate::pan);
    s.sys.uao = bool(value & pstate::uao);
    s.sys.daif = value & pstate::daif;
    change_stack(s, value >> pstate::el_shift & 3, value & pstate::spsel);
}

void reset_system(State& s) {
    s.sys = {};
    s.sys.el = s.sys.spsel = 1;
    s.sys.daif = pstate::daif;
    s.sys.sctlr_el1 = reset_sctlr;
}

u32 system_mode(const State& s) {
    const u32 fpen = s.sys.cpacr_el1 >> 20 & 3;
    const bool fp_trapped = fpen == 3 ? false : fpen == 1 ? s.sys.el == 0 : true;
    return (s.sys.el ? mode::el1 : 0) | (fp_trapped ? mode::fp_trapped : 0) | (s.sys.uao ? mode::uao : 0);
}

bool interrupt_enabled(const ir::StateHeader& header) { return !(static_cast<const State&>(header).sys.daif & pstate::i); }

bool take_exception(ir::StateHeader& header, u32 code, u64 value) {
    State& s = static_cast<State&>(header);
    switch (code) {
    case u32(Trap::syscall): synchronous(s, class_svc, value & 0xffff); return true;
    case u32(Trap::undefined): synchronous(s, class_unknown, 0); return true;
    case u32(Trap::breakpoint): synchronous(s, class_brk, value & 0xffff); return true;
    case u32(Trap::fetch_fault): abort(s, class_fetch_abort, s.sys.fault_status, value); return true;
    case u32(Trap::load_fault): abort(s, class_data_abort, s.sys.fault_status, value); return true;
    case u32(Trap::store_fault): abort(s, class_data_abort, s.sys.fault_status | 1 << 6, value); return true;
    case u32(Trap::misaligned):
        s.sys.far_el1 = value;
        synchronous(s, class_pc_alignment, 0);
        return true;
    case trap_alignment: abort(s, class_data_abort, 0x21, s.fault_address); return true;
    case u32(Trap::interrupt): enter(s, s.pc, vector_irq); return true;
    case trap_fp_access: synchronous(s, class_fp_access, 0x1e0'0000); return true;
    case trap_eret: return_from_exception(s); return true;
    default: return false;
    }
}

namespace {
u64 do_change_stack(ir::StateHeader& header, u64 spsel, u64, u64, u64) {
    State& s = static_cast<State&>(header);
    change_stack(s, u32(s.sys.el), spsel & 1);
    return 0;
}
} // namespace

const ir::Helper helper_change_stack{"a64_change_stack", reinterpret_cast<void*>(do_change_stack), ir::Type::none, 1, true, true, false};

} // namespace emu::isa::a64

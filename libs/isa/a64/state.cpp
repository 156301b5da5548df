// SPDX-License-Identifier: MIT
// The slot table, and the Isa value of A64.
#include "isa/a64/state.h"

#include "isa/a64/a64.h"
#include "isa/a64/helpers.h"
#include "isa/a64/models.h"
#include "isa/a64/sys.h"
#include "isa/a64/translate.h"

#include <array>
#include <random>

#pragma GCC diagnostic ignored "-Winvalid-offsetof"   // State derives from its header: fine with both compilers

namespace emu::isa::a64 {

void translate(ir::Builder& builder, const TranslateRequest& request);

namespace {

/// Hotness for the back end's pinning: what compilers use most in arguments, frames and long-lived values.
constexpr u8 pin_of_x(unsigned n) {
    constexpr u8 order[] = {0, 1, 2, 3, 8, 19, 20, 29};   // x0 is pinned first; sp takes place 5
    constexpr u8 place[] = {1, 2, 3, 4, 6, 7, 8, 9};
    for (unsigned i = 0; i < std::size(order); i++)
        if (order[i] == n) return place[i];
    return 0;
}
constexpr u8 pin_sp = 5;

constexpr std::string_view x_names[] = {"x0",  "x1",  "x2",  "x3",  "x4",  "x5",  "x6",  "x7",  "x8",  "x9",  "x10",
                                        "x11", "x12", "x13", "x14", "x15", "x16", "x17", "x18", "x19", "x20", "x21",
                                        "x22", "x23", "x24", "x25", "x26", "x27", "x28", "x29", "x30"};
constexpr std::string_view v_names[] = {"v0",  "v1",  "v2",  "v3",  "v4",  "v5",  "v6",  "v7",  "v8",  "v9",  "v10",
                                        "v11", "v12", "v13", "v14", "v15", "v16", "v17", "v18", "v19", "v20", "v21",
                                        "v22", "v23", "v24", "v25", "v26", "v27", "v28", "v29", "v30", "v31"};
constexpr std::string_view key_names[] = {"apia_lo", "apia_hi", "apib_lo", "apib_hi", "apda_lo",
                                          "apda_hi", "apdb_lo", "apdb_hi", "apga_lo", "apga_hi"};

constexpr std::string_view system_names[] = {
    "sctlr_el1",     "cpacr_el1",    "ttbr0_el1",    "ttbr1_el1",   "tcr_el1",       "mair_el1",     "amair_el1",     "vbar_el1",
    "esr_el1",       "far_el1",      "elr_el1",      "spsr_el1",    "par_el1",       "contextidr_el1", "tpidr_el1",   "afsr0_el1",
    "afsr1_el1",     "cntkctl_el1",  "mdscr_el1",    "csselr_el1",  "sp_el0",        "sp_el1",       "cntv_ctl_el0",  "cntv_cval_el0",
    "cntp_ctl_el0",  "cntp_cval_el0", "el",          "spsel",       "daif",          "pan",          "uao",           "fault_status"};
static_assert(std::size(system_names) == slot_count - slot_sys && sizeof(SystemRegs) == 8 * std::size(system_names));

constexpr auto make_slots() {
    using ir::Slot;
    using ir::Type;
    std::array<Slot, slot_count> slots{};
    for (unsigned n = 0; n < 31; n++) slots[slot_x0 + n] = {x_names[n], Type::i64, u32(offsetof(State, x) + 8 * n), pin_of_x(n)};
    slots[slot_sp] = {"sp", Type::i64, offsetof(State, sp), pin_sp};
    slots[slot_nzcv] = {"nzcv", Type::i32, offsetof(State, nzcv)};
    for (unsigned n = 0; n < 32; n++) slots[slot_v0 + n] = {v_names[n], Type::v128, u32(offsetof(State, v) + 16 * n), u8(n < 8 ? n + 1 : 0)};
    slots[slot_tpidr_el0] = {"tpidr_el0", Type::i64, offsetof(State, tpidr_el0)};
    slots[slot_tpidrro_el0] = {"tpidrro_el0", Type::i64, offsetof(State, tpidrro_el0)};
    slots[slot_monitor_address] = {"monitor_address", Type::i64, offsetof(State, monitor_address)};
    slots[slot_monitor_lo] = {"monitor_lo", Type::i64, offsetof(State, monitor_lo)};
    slots[slot_monitor_hi] = {"monitor_hi", Type::i64, offsetof(State, monitor_hi)};
    slots[slot_fpsr_qc] = {"fpsr_qc", Type::v128, offsetof(State, fpsr_qc)};
    slots[slot_fpcr] = {"fpcr", Type::i32, offsetof(State, fpcr)};
    for (unsigned n = 0; n < 10; n++) slots[slot_pac_keys + n] = {key_names[n], Type::i64, u32(offsetof(State, pac_keys) + 8 * n)};
    slots[slot_ssbs] = {"ssbs", Type::i32, offsetof(State, ssbs)};
    slots[slot_dit] = {"dit", Type::i32, offsetof(State, dit)};
    slots[slot_fault_address] = {"fault_address", Type::i64, offsetof(State, fault_address)};
    for (unsigned n = slot_sys; n < slot_count; n++) slots[n] = {system_names[n - slot_sys], Type::i64, u32(offsetof(State, sys) + 8 * (n - slot_sys))};
    return slots;
}
constexpr auto slots = make_slots();

void reset(ir::StateHeader& header, const CpuModel& model) {
    State& state = static_cast<State&>(header);
    state.model = &model;
    state.monitor_address = no_monitor;
    std::random_device device;
    for (auto& key : state.pac_keys)
        for (u64& half : key) half = u64(device()) << 32 | device();
    write_fpcr(state, 0);
    if (header.tlb) reset_system(state);
}

u32 current_mode(const ir::StateHeader& header) {
    const State& state = static_cast<const State&>(header);
    return aarch::mode_of_control(state.fpcr) | (header.tlb ? system_mode(state) : 0);
}

Isa make_isa() {
    Isa isa;
    isa.name = "aarch64";
    isa.slots = slots;
    isa.state_size = sizeof(State);
    isa.models = models;
    isa.address_mask = ~u64(0) >> 8;
    isa.reset = reset;
    isa.mode = current_mode;
    isa.fp_env = aarch::env_of_mode;
    isa.translate = translate;
    isa.walk = walk;
    isa.take_exception = take_exception;
    isa.interrupt_enabled = interrupt_enabled;
    return isa;
}

} // namespace

const ir::SlotTable slot_table = slots;
const Isa a64_isa = make_isa();

} // namespace emu::isa::a64

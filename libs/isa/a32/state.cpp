// SPDX-License-Identifier: MIT
// The slot table, and the Isa values of A32.
#include "isa/a32/state.h"

#include "isa/a32/a32.h"
#include "isa/a32/models.h"
#include "isa/a32/translate.h"

#include <array>

#pragma GCC diagnostic ignored "-Winvalid-offsetof"   // State derives from its header: fine with both compilers

namespace emu::isa::a32 {

void translate(ir::Builder& builder, const TranslateRequest& request);

namespace {

/// Hotness for the back end's pinning: arguments, the stack pointer, and what compilers allocate first.
constexpr u8 pins[15] = {1, 2, 3, 4, 6, 7, 8, 9, 0, 0, 0, 0, 10, 5, 0};

constexpr std::string_view r_names[] = {"r0", "r1", "r2", "r3", "r4", "r5", "r6", "r7", "r8", "r9", "r10", "r11", "r12", "sp", "lr"};
constexpr std::string_view q_names[] = {"q0", "q1", "q2", "q3", "q4", "q5", "q6", "q7", "q8", "q9", "q10", "q11", "q12", "q13", "q14", "q15"};

constexpr auto make_slots() {
    using ir::Slot;
    using ir::Type;
    std::array<Slot, slot_count> slots{};
    for (unsigned n = 0; n < 15; n++) slots[slot_r0 + n] = {r_names[n], Type::i32, u32(offsetof(State, r) + 4 * n), pins[n]};
    slots[slot_nzcv] = {"nzcv", Type::i32, offsetof(State, nzcv)};
    slots[slot_fp_nzcv] = {"fp_nzcv", Type::i32, offsetof(State, fp_nzcv)};
    slots[slot_q] = {"q", Type::i32, offsetof(State, q)};
    slots[slot_ge] = {"ge", Type::i32, offsetof(State, ge)};
    slots[slot_big_endian] = {"big_endian", Type::i32, offsetof(State, big_endian)};
    slots[slot_fpscr] = {"fpscr", Type::i32, offsetof(State, fpscr)};
    slots[slot_tpidrurw] = {"tpidrurw", Type::i32, offsetof(State, tpidrurw)};
    slots[slot_tpidruro] = {"tpidruro", Type::i32, offsetof(State, tpidruro)};
    slots[slot_fault_address] = {"fault_address", Type::i32, offsetof(State, fault_address)};
    slots[slot_monitor_address] = {"monitor_address", Type::i64, offsetof(State, monitor_address)};
    slots[slot_monitor_value] = {"monitor_value", Type::i64, offsetof(State, monitor_value)};
    slots[slot_fpscr_qc] = {"fpscr_qc", Type::v128, offsetof(State, fpscr_qc)};
    for (unsigned n = 0; n < 16; n++) slots[slot_v0 + n] = {q_names[n], Type::v128, u32(offsetof(State, v) + 16 * n), u8(n < 4 ? n + 1 : n >= 8 && n < 12 ? n - 3 : 0)};
    return slots;
}
constexpr auto slots = make_slots();

void reset(ir::StateHeader& header, const CpuModel& model) {
    State& state = static_cast<State&>(header);
    state.model = &model;
    state.monitor_address = no_monitor;
    write_fpscr(state, 0);
}
void reset_big(ir::StateHeader& header, const CpuModel& model) {
    reset(header, model);
    static_cast<State&>(header).big_endian = 1;
}

u32 current_mode(const ir::StateHeader& header) {
    const State& state = static_cast<const State&>(header);
    u32 m = aarch::mode_of_control(state.fpscr);
    if (state.big_endian) m |= mode::big_endian;
    if (state.big_code) m |= mode::big_code;
    return m;
}

Isa make_isa(bool big) {
    Isa isa;
    isa.name = big ? "armeb" : "arm";
    isa.slots = slots;
    isa.state_size = sizeof(State);
    isa.models = models;
    isa.address_bits = 32;
    isa.pc_mask = 0xfffffffe;
    isa.reset = big ? reset_big : reset;
    isa.mode = current_mode;
    isa.fp_env = aarch::env_of_mode;
    isa.translate = translate;
    return isa;
}

} // namespace

const ir::SlotTable slot_table = slots;
const Isa a32_isa = make_isa(false);
const Isa a32_be_isa = make_isa(true);

} // namespace emu::isa::a32

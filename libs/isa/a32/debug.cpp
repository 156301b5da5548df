// SPDX-License-Identifier: MIT
// A32 registers for debuggers (gdb's manual, "ARM Features").
#include "isa/a32/debug.h"

#include "isa/a32/a32.h"

#pragma GCC diagnostic ignored "-Winvalid-offsetof"   // State derives from its header: fine with both compilers

namespace emu::isa::a32 {
namespace {

const State& regs(const ir::StateHeader& state) { return static_cast<const State&>(state); }
State& regs(ir::StateHeader& state) { return static_cast<State&>(state); }

void get_pc(const ir::StateHeader& state, u32, Bytes value) { put_le32(value, 0, code_address(state.pc)); }
/// The instruction set stays; what was left of an IT block is given up.
void set_pc(ir::StateHeader& state, u32, ConstBytes value) {
    const u32 pc = le32(value);
    state.pc = state.pc & pc_thumb ? u64(pc | 1u) : u64(pc & ~3u);
}
void get_cpsr(const ir::StateHeader& state, u32, Bytes value) { put_le32(value, 0, read_cpsr(regs(state))); }
void set_cpsr(ir::StateHeader& state, u32, ConstBytes value) { write_cpsr(regs(state), le32(value)); }
void get_fpscr(const ir::StateHeader& state, u32, Bytes value) { put_le32(value, 0, read_fpscr(regs(state))); }
void set_fpscr(ir::StateHeader& state, u32, ConstBytes value) { write_fpscr(regs(state), le32(value)); }

constexpr u32 r(unsigned n) { return u32(offsetof(State, r) + 4 * n); }
constexpr DebugRegister core[] = {
    {.name = "r", .bits = 32, .group = "general", .offset = r(0), .count = 13, .stride = 4},
    {.name = "sp", .bits = 32, .type = "data_ptr", .group = "general", .offset = r(13)},
    {.name = "lr", .bits = 32, .group = "general", .offset = r(14)},
    {.name = "pc", .bits = 32, .type = "code_ptr", .group = "general", .get = get_pc, .set = set_pc},
    {.name = "cpsr", .bits = 32, .group = "general", .get = get_cpsr, .set = set_cpsr},
};
constexpr DebugRegister vfp[] = {
    {.name = "d", .type = "ieee_double", .group = "float", .offset = offsetof(State, v), .count = 32},
    {.name = "fpscr", .bits = 32, .group = "float", .get = get_fpscr, .set = set_fpscr},
};

constexpr DebugFeature features[] = {
    {"org.gnu.gdb.arm.core", core},
    {"org.gnu.gdb.arm.vfp", vfp},
};

u64 place(u64 pc) { return code_address(pc); }

} // namespace

extern const DebugView debug_view{.architecture = "arm", .features = features, .stack_pointer = "sp", .frame_pointer = "r11",
                                  .code_address = place, .watch_before = true};

} // namespace emu::isa::a32

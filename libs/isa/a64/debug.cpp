// SPDX-License-Identifier: MIT
// A64 registers for debuggers (gdb's manual, "AArch64 Features").
#include "isa/a64/debug.h"

#include "isa/a64/a64.h"

#include <cstring>

#pragma GCC diagnostic ignored "-Winvalid-offsetof"   // State derives from its header: fine with both compilers

namespace emu::isa::a64 {
namespace {

const State& regs(const ir::StateHeader& state) { return static_cast<const State&>(state); }
State& regs(ir::StateHeader& state) { return static_cast<State&>(state); }

void get_cpsr(const ir::StateHeader& state, u32, Bytes value) { put_le32(value, 0, nzcv_from_token(regs(state).nzcv)); }
void set_cpsr(ir::StateHeader& state, u32, ConstBytes value) { regs(state).nzcv = token_from_nzcv(le32(value)); }
void get_fpsr(const ir::StateHeader& state, u32, Bytes value) { put_le32(value, 0, read_fpsr(regs(state))); }
void set_fpsr(ir::StateHeader& state, u32, ConstBytes value) { write_fpsr(regs(state), le32(value)); }
void get_fpcr(const ir::StateHeader& state, u32, Bytes value) { put_le32(value, 0, regs(state).fpcr); }
void set_fpcr(ir::StateHeader& state, u32, ConstBytes value) { write_fpcr(regs(state), le32(value)); }

constexpr DebugRegister core[] = {
    {.name = "x", .group = "general", .offset = offsetof(State, x), .count = 31},
    {.name = "sp", .type = "data_ptr", .group = "general", .offset = offsetof(State, sp)},
    {.name = "pc", .type = "code_ptr", .group = "general", .offset = offsetof(State, pc)},
    {.name = "cpsr", .bits = 32, .type = "cpsr_flags", .group = "general", .get = get_cpsr, .set = set_cpsr},
};
constexpr DebugRegister fpu[] = {
    {.name = "v", .bits = 128, .type = "aarch64v", .group = "vector", .offset = offsetof(State, v), .count = 32, .stride = 16},
    {.name = "fpsr", .bits = 32, .group = "float", .get = get_fpsr, .set = set_fpsr},
    {.name = "fpcr", .bits = 32, .group = "float", .get = get_fpcr, .set = set_fpcr},
};
constexpr DebugRegister tls[] = {
    {.name = "tpidr", .type = "data_ptr", .group = "system", .offset = offsetof(State, tpidr_el0)},
};

constexpr std::string_view core_types = R"(<flags id="cpsr_flags" size="4">
<field name="V" start="28" end="28"/><field name="C" start="29" end="29"/>
<field name="Z" start="30" end="30"/><field name="N" start="31" end="31"/></flags>)";
// A vector register by all element types that gdb's users know it by.
constexpr std::string_view fpu_types = R"(<vector id="v2d" type="ieee_double" count="2"/>
<vector id="v2u" type="uint64" count="2"/><vector id="v2i" type="int64" count="2"/>
<vector id="v4f" type="ieee_single" count="4"/><vector id="v4u" type="uint32" count="4"/><vector id="v4i" type="int32" count="4"/>
<vector id="v8f" type="ieee_half" count="8"/><vector id="v8u" type="uint16" count="8"/><vector id="v8i" type="int16" count="8"/>
<vector id="v16u" type="uint8" count="16"/><vector id="v16i" type="int8" count="16"/>
<vector id="v1u" type="uint128" count="1"/><vector id="v1i" type="int128" count="1"/>
<union id="vnd"><field name="f" type="v2d"/><field name="u" type="v2u"/><field name="s" type="v2i"/></union>
<union id="vns"><field name="f" type="v4f"/><field name="u" type="v4u"/><field name="s" type="v4i"/></union>
<union id="vnh"><field name="f" type="v8f"/><field name="u" type="v8u"/><field name="s" type="v8i"/></union>
<union id="vnb"><field name="u" type="v16u"/><field name="s" type="v16i"/></union>
<union id="vnq"><field name="u" type="v1u"/><field name="s" type="v1i"/></union>
<union id="aarch64v"><field name="d" type="vnd"/><field name="s" type="vns"/><field name="h" type="vnh"/>
<field name="b" type="vnb"/><field name="q" type="vnq"/></union>)";

constexpr DebugFeature features[] = {
    {"org.gnu.gdb.aarch64.core", core, core_types},
    {"org.gnu.gdb.aarch64.fpu", fpu, fpu_types},
    {"org.gnu.gdb.aarch64.tls", tls},
};

} // namespace

extern const DebugView debug_view{
    .architecture = "aarch64", .features = features, .stack_pointer = "sp", .frame_pointer = "x29", .watch_before = true};

} // namespace emu::isa::a64

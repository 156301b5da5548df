// SPDX-License-Identifier: MIT
// x86 registers for debuggers (gdb's manual, "i386 Features"): the names of both modes over one state.
#include "isa/x86/debug.h"

#include "isa/x86/x86.h"

#include <algorithm>
#include <array>
#include <cstring>

#pragma GCC diagnostic ignored "-Winvalid-offsetof"   // State derives from its header: fine with both compilers

namespace emu::isa::x86 {
namespace {

const State& regs(const ir::StateHeader& state) { return static_cast<const State&>(state); }
State& regs(ir::StateHeader& state) { return static_cast<State&>(state); }

void get_eflags(const ir::StateHeader& state, u32, Bytes value) { put_le32(value, 0, read_eflags(regs(state))); }
void set_eflags(ir::StateHeader& state, u32, ConstBytes value) { write_eflags(regs(state), le32(value)); }
void get_mxcsr(const ir::StateHeader& state, u32, Bytes value) { put_le32(value, 0, read_mxcsr(regs(state))); }
void set_mxcsr(ir::StateHeader& state, u32, ConstBytes value) { write_mxcsr(regs(state), le32(value)); }
/// No system call is ever under way where a debugger looks.
void get_orig_ax(const ir::StateHeader&, u32, Bytes value) { std::fill(value.begin(), value.end(), u8(0xff)); }
void get_segment(const ir::StateHeader& state, u32 which, Bytes value) { put_le32(value, 0, regs(state).selector[which]); }

// The x87 through its FXSAVE image, which knows about MMX.
using Image = std::array<u8, 512>;
constexpr usize st_at = 32;
Image image_of(const State& state) {
    Image image{};
    fxsave(state, image.data(), true);
    return image;
}
void get_st(const ir::StateHeader& state, u32 which, Bytes value) {
    const Image image = image_of(regs(state));
    std::memcpy(value.data(), image.data() + st_at + 16 * which, 10);
}
void set_st(ir::StateHeader& state, u32 which, ConstBytes value) {
    Image image = image_of(regs(state));
    std::memcpy(image.data() + st_at + 16 * which, value.data(), 10);
    fxrstor(regs(state), image.data(), true);
}

/// The full tag word of FSAVE, two bits a register: 3 is empty, 0 anything else (gdb looks at no more).
u32 tag_word(const State& state) {
    u32 word = 0;
    for (unsigned i = 0; i < 8; i++)
        if (x87_of(state).empty >> i & 1) word |= 3u << (2 * i);
    return word;
}

enum Control : u32 { fctrl, fstat, ftag, fiseg, fioff, foseg, fooff, fop };
void get_control(const ir::StateHeader& state, u32 which, Bytes value) {
    const X87 x = x87_of(regs(state));
    const u32 values[] = {x.control, x.status, tag_word(regs(state)), u32(x.instruction >> 32), u32(x.instruction), u32(x.operand >> 32),
                          u32(x.operand), x.opcode};
    put_le32(value, 0, values[which]);
}
void set_control(ir::StateHeader& state, u32 which, ConstBytes value) {
    Image image = image_of(regs(state));
    if (which == fctrl) put_le16(image, 0, u16(le32(value)));
    else if (which == fstat) put_le16(image, 2, u16(le32(value)));
    else return;
    fxrstor(regs(state), image.data(), true);
}

constexpr DebugRegister gpr64(std::string_view name, Gpr n, std::string_view type = "int64") {
    return {.name = name, .type = type, .group = "general", .offset = u32(offsetof(State, gpr) + 8 * n)};
}
constexpr DebugRegister gpr32(std::string_view name, Gpr n, std::string_view type = "int32") {
    return {.name = name, .bits = 32, .type = type, .group = "general", .offset = u32(offsetof(State, gpr) + 8 * n)};
}
constexpr DebugRegister segment(std::string_view name, Segment n) {
    return {.name = name, .bits = 32, .type = "int32", .group = "general", .offset = n, .get = get_segment};
}
constexpr DebugRegister control(std::string_view name, Control n) {
    return {.name = name, .bits = 32, .group = "float", .offset = n, .get = get_control, .set = set_control};
}
constexpr DebugRegister flags{.name = "eflags", .bits = 32, .type = "eflags_flags", .group = "general", .get = get_eflags, .set = set_eflags};
constexpr DebugRegister stack{.name = "st", .bits = 80, .type = "i387_ext", .group = "float", .count = 8, .get = get_st, .set = set_st};
constexpr DebugRegister vectors(std::string_view name, u8 count, unsigned half, std::string_view type, std::string_view suffix = {}) {
    return {.name = name, .bits = 128, .type = type, .group = "vector", .offset = u32(offsetof(State, ymm) + 16 * half), .count = count, .stride = 32,
            .suffix = suffix};
}
constexpr DebugRegister mxcsr{.name = "mxcsr", .bits = 32, .type = "mxcsr_flags", .group = "vector", .get = get_mxcsr, .set = set_mxcsr};

constexpr DebugRegister core64[] = {
    gpr64("rax", rax), gpr64("rbx", rbx), gpr64("rcx", rcx), gpr64("rdx", rdx), gpr64("rsi", rsi), gpr64("rdi", rdi),
    gpr64("rbp", rbp, "data_ptr"), gpr64("rsp", rsp, "data_ptr"),
    {.name = "r8", .type = "int64", .group = "general", .offset = offsetof(State, gpr) + 8 * 8},
    {.name = "r9", .type = "int64", .group = "general", .offset = offsetof(State, gpr) + 8 * 9},
    {.name = "r10", .type = "int64", .group = "general", .offset = offsetof(State, gpr) + 8 * 10},
    {.name = "r11", .type = "int64", .group = "general", .offset = offsetof(State, gpr) + 8 * 11},
    {.name = "r12", .type = "int64", .group = "general", .offset = offsetof(State, gpr) + 8 * 12},
    {.name = "r13", .type = "int64", .group = "general", .offset = offsetof(State, gpr) + 8 * 13},
    {.name = "r14", .type = "int64", .group = "general", .offset = offsetof(State, gpr) + 8 * 14},
    {.name = "r15", .type = "int64", .group = "general", .offset = offsetof(State, gpr) + 8 * 15},
    {.name = "rip", .type = "code_ptr", .group = "general", .offset = offsetof(State, pc)}, flags,
    segment("cs", cs), segment("ss", ss), segment("ds", ds), segment("es", es), segment("fs", fs), segment("gs", gs),
    stack, control("fctrl", fctrl), control("fstat", fstat), control("ftag", ftag), control("fiseg", fiseg),
    control("fioff", fioff), control("foseg", foseg), control("fooff", fooff), control("fop", fop),
};
constexpr DebugRegister core32[] = {
    gpr32("eax", rax), gpr32("ecx", rcx), gpr32("edx", rdx), gpr32("ebx", rbx), gpr32("esp", rsp, "data_ptr"),
    gpr32("ebp", rbp, "data_ptr"), gpr32("esi", rsi), gpr32("edi", rdi),
    {.name = "eip", .bits = 32, .type = "code_ptr", .group = "general", .offset = offsetof(State, pc)}, flags,
    segment("cs", cs), segment("ss", ss), segment("ds", ds), segment("es", es), segment("fs", fs), segment("gs", gs),
    stack, control("fctrl", fctrl), control("fstat", fstat), control("ftag", ftag), control("fiseg", fiseg),
    control("fioff", fioff), control("foseg", foseg), control("fooff", fooff), control("fop", fop),
};
constexpr DebugRegister sse64[] = {vectors("xmm", 16, 0, "vec128"), mxcsr};
constexpr DebugRegister sse32[] = {vectors("xmm", 8, 0, "vec128"), mxcsr};
constexpr DebugRegister avx64[] = {vectors("ymm", 16, 1, "uint128", "h")};
constexpr DebugRegister avx32[] = {vectors("ymm", 8, 1, "uint128", "h")};
constexpr DebugRegister segments[] = {
    {.name = "fs_base", .group = "general", .offset = offsetof(State, fs_base)},
    {.name = "gs_base", .group = "general", .offset = offsetof(State, gs_base)},
};

constexpr DebugRegister linux64[] = {{.name = "orig_rax", .group = "system", .get = get_orig_ax}};
constexpr DebugRegister linux32[] = {{.name = "orig_eax", .bits = 32, .group = "system", .get = get_orig_ax}};

constexpr std::string_view core_types = R"(<flags id="eflags_flags" size="4">
<field name="CF" start="0" end="0"/><field name="" start="1" end="1"/><field name="PF" start="2" end="2"/>
<field name="AF" start="4" end="4"/><field name="ZF" start="6" end="6"/><field name="SF" start="7" end="7"/>
<field name="TF" start="8" end="8"/><field name="IF" start="9" end="9"/><field name="DF" start="10" end="10"/>
<field name="OF" start="11" end="11"/><field name="NT" start="14" end="14"/><field name="RF" start="16" end="16"/>
<field name="VM" start="17" end="17"/><field name="AC" start="18" end="18"/><field name="VIF" start="19" end="19"/>
<field name="VIP" start="20" end="20"/><field name="ID" start="21" end="21"/></flags>)";
constexpr std::string_view sse_types = R"(<vector id="v4f" type="ieee_single" count="4"/>
<vector id="v2d" type="ieee_double" count="2"/><vector id="v16i8" type="int8" count="16"/><vector id="v8i16" type="int16" count="8"/>
<vector id="v4i32" type="int32" count="4"/><vector id="v2i64" type="int64" count="2"/>
<union id="vec128"><field name="v4_float" type="v4f"/><field name="v2_double" type="v2d"/><field name="v16_int8" type="v16i8"/>
<field name="v8_int16" type="v8i16"/><field name="v4_int32" type="v4i32"/><field name="v2_int64" type="v2i64"/>
<field name="uint128" type="uint128"/></union>
<flags id="mxcsr_flags" size="4"><field name="IE" start="0" end="0"/><field name="DE" start="1" end="1"/>
<field name="ZE" start="2" end="2"/><field name="OE" start="3" end="3"/><field name="UE" start="4" end="4"/>
<field name="PE" start="5" end="5"/><field name="DAZ" start="6" end="6"/><field name="IM" start="7" end="7"/>
<field name="DM" start="8" end="8"/><field name="ZM" start="9" end="9"/><field name="OM" start="10" end="10"/>
<field name="UM" start="11" end="11"/><field name="PM" start="12" end="12"/><field name="FZ" start="15" end="15"/></flags>)";

constexpr DebugFeature features64[] = {
    {"org.gnu.gdb.i386.core", core64, core_types},
    {"org.gnu.gdb.i386.sse", sse64, sse_types},
    {"org.gnu.gdb.i386.linux", linux64},
    {"org.gnu.gdb.i386.segments", segments},
    {"org.gnu.gdb.i386.avx", avx64},
};
constexpr DebugFeature features32[] = {
    {"org.gnu.gdb.i386.core", core32, core_types},
    {"org.gnu.gdb.i386.sse", sse32, sse_types},
    {"org.gnu.gdb.i386.linux", linux32},
    {"org.gnu.gdb.i386.avx", avx32},
};

} // namespace

extern const DebugView debug_view_64{.architecture = "i386:x86-64", .features = features64, .stack_pointer = "rsp", .frame_pointer = "rbp"};
extern const DebugView debug_view_32{.architecture = "i386", .features = features32, .stack_pointer = "esp", .frame_pointer = "ebp"};

} // namespace emu::isa::x86

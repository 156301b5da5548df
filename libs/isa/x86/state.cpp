// SPDX-License-Identifier: MIT
// The slot table, EFLAGS and MXCSR, the FXSAVE image, and the Isa values of i386 and x86-64.
#include "isa/x86/state.h"

#include "ir/host_x87.h"
#include "isa/x86/models.h"
#include "isa/x86/unit.h"
#include "isa/x86/x86.h"
#include "isa/x86/x87_op.h"

#include <array>
#include <bit>
#include <cstring>

#pragma GCC diagnostic ignored "-Winvalid-offsetof"   // State derives from its header: fine with both compilers

namespace emu::isa::x86 {

void translate(ir::Builder& builder, const TranslateRequest& request);

namespace {

constexpr std::string_view gpr_names[] = {"rax", "rcx", "rdx", "rbx", "rsp", "rbp", "rsi", "rdi",
                                          "r8",  "r9",  "r10", "r11", "r12", "r13", "r14", "r15"};
/// Hotness for the back end's pinning: what compilers use most.
constexpr u8 gpr_pins[] = {1, 4, 3, 8, 2, 7, 6, 5, 9, 0, 0, 0, 0, 0, 0, 0};
constexpr std::string_view xmm_names[] = {"xmm0", "xmm1", "xmm2",  "xmm3",  "xmm4",  "xmm5",  "xmm6",  "xmm7",
                                          "xmm8", "xmm9", "xmm10", "xmm11", "xmm12", "xmm13", "xmm14", "xmm15"};
constexpr std::string_view ymm_names[] = {"ymm0h", "ymm1h", "ymm2h",  "ymm3h",  "ymm4h",  "ymm5h",  "ymm6h",  "ymm7h",
                                          "ymm8h", "ymm9h", "ymm10h", "ymm11h", "ymm12h", "ymm13h", "ymm14h", "ymm15h"};

constexpr std::string_view mmx_names[] = {"mm0", "mm1", "mm2", "mm3", "mm4", "mm5", "mm6", "mm7"};

constexpr auto make_slots() {
    using ir::Slot;
    using ir::Type;
    std::array<Slot, slot_count> slots{};
    for (unsigned n = 0; n < 16; n++) slots[slot_gpr + n] = {gpr_names[n], Type::i64, u32(offsetof(State, gpr) + 8 * n), gpr_pins[n]};
    slots[slot_flags] = {"flags", Type::i32, offsetof(State, flags)};
    slots[slot_df] = {"df", Type::i1, offsetof(State, df)};
    constexpr std::string_view flat_names[] = {"es_base", "cs_base", "ss_base", "ds_base"};
    for (unsigned n = 0; n < 4; n++) slots[slot_flat_base + n] = {flat_names[n], Type::i64, u32(offsetof(State, flat_base) + 8 * n)};
    slots[slot_fs_base] = {"fs_base", Type::i64, offsetof(State, fs_base)};
    slots[slot_gs_base] = {"gs_base", Type::i64, offsetof(State, gs_base)};
    for (unsigned n = 0; n < 16; n++) {
        slots[slot_xmm + n] = {xmm_names[n], Type::v128, u32(offsetof(State, ymm) + 32 * n), u8(n < 8 ? n + 1 : 0), u16(slot_ymm_high + n)};
        slots[slot_ymm_high + n] = {ymm_names[n], Type::v128, u32(offsetof(State, ymm) + 32 * n + 16)};
    }
    for (unsigned n = 0; n < 8; n++)
        slots[slot_mmx + n] = {mmx_names[n], Type::i64, u32(offsetof(State, mmx) + 8 * n)};
    slots[slot_mmx_written] = {"mmx_written", Type::i32, offsetof(State, mmx_written)};
    static_assert(offsetof(State, host_x87.image) == offsetof(State, host_x87) + ir::host_x87_image_at);
    slots[slot_host_x87] = {ir::host_x87_slot, Type::i32, offsetof(State, host_x87)};
    slots[slot_x87_once] = {"x87_once", Type::i32, offsetof(State, x87_once)};
    slots[slot_vector] = {"v0", Type::v128, offsetof(State, scratch)};
    return slots;
}
constexpr auto slots = make_slots();

struct MxcsrFlag {
    u32 guest;
    u8 flag;
};
constexpr MxcsrFlag mxcsr_flags[] = {{1, fp::invalid},  {2, fp::denormal_operand}, {4, fp::divide_by_zero},
                                     {8, fp::overflow}, {16, fp::underflow},       {32, fp::inexact}};
constexpr u32 mxcsr_sticky = 63, mxcsr_daz = 64, mxcsr_masks = 0x1f80, mxcsr_ftz = 0x8000;

void reset(ir::StateHeader& header, const CpuModel& model, bool wide) {
    State& state = static_cast<State&>(header);
    state.model = &model;
    state.x87 = X87{};
    state.mmx_mode = false;
    state.flags = ir::eflag_fixed;
    state.eflags_rest = eflags::fixed | eflags::if_;
    const u16 data = 0x2b;
    state.selector[cs] = wide ? 0x33 : 0x23;
    state.selector[ss] = data;
    if (!wide) state.selector[ds] = state.selector[es] = data;
    write_mxcsr(state, 0x1f80);
}
void reset_64(ir::StateHeader& header, const CpuModel& model) { reset(header, model, true); }
void reset_32(ir::StateHeader& header, const CpuModel& model) { reset(header, model, false); }

u32 current_mode(const State& state) {
    u32 m = state.guest_mxcsr >> 13 & mode::rounding;
    if (state.guest_mxcsr & mxcsr_daz) m |= mode::daz;
    if (state.guest_mxcsr & mxcsr_ftz) m |= mode::ftz;
    if ((state.guest_mxcsr & mxcsr_masks) != mxcsr_masks) m |= mode::fp_trapped;
    if (state.mmx_mode) m |= mode::mmx;
    // Behind an MMU no instruction of the host's will do; nor does one that may raise an exception.
    constexpr u16 all_masked = x87_status::exceptions;
    if (state.x87_once) m |= mode::x87_once;
    else if (state.host_x87.live) m |= mode::x87_live;
    else if (state.tlb || (state.x87.control & all_masked) != all_masked) m |= mode::x87_helpers;
    return m;
}
u32 mode_64(const ir::StateHeader& header) { return current_mode(static_cast<const State&>(header)) | mode::code64; }
u32 mode_32(const ir::StateHeader& header) {
    const State& s = static_cast<const State&>(header);
    const bool flat = !(s.flat_base[es] | s.flat_base[cs] | s.flat_base[ss] | s.flat_base[ds]);
    return current_mode(s) | (flat ? 0 : mode::segmented);
}

void inherit(const ir::StateHeader& from_header, ir::StateHeader& to_header) {
    const State& from = static_cast<const State&>(from_header);
    State& to = static_cast<State&>(to_header);
    std::copy(std::begin(from.selector), std::end(from.selector), to.selector);
    std::copy(std::begin(from.tls), std::end(from.tls), to.tls);
    to.ldt = from.ldt;
    to.x87 = x87_of(from);
    to.x87.host_current = false;
    to.host_x87.live = 0; // the image is not among the slots
    to.mmx_mode = from.mmx_mode;
    to.guest_mxcsr = from.guest_mxcsr;
    to.eflags_rest = from.eflags_rest;
}

/// The x87 registers come back from the host's.
bool settle(ir::StateHeader& header) {
    State& state = static_cast<State&>(header);
    if (!state.host_x87.live || state.x87_once) return false;
    take_x87_from_host(state);
    return true;
}

fp::Env fp_env(u32 m) {
    constexpr fp::Round rounding[] = {fp::Round::nearest_even, fp::Round::down, fp::Round::up, fp::Round::toward_zero};
    fp::Env env{&fp::rules::x86_sse, rounding[m & mode::rounding]};
    env.flush_inputs = m & mode::daz;
    env.flush_outputs = m & mode::ftz;
    return env;
}

Isa make_isa(bool wide) {
    Isa isa;
    isa.name = wide ? "x86_64" : "i386";
    isa.slots = slots;
    isa.state_size = sizeof(State);
    isa.models = wide ? models_64 : models_32;
    isa.address_bits = wide ? 64 : 32;
    isa.reset = wide ? reset_64 : reset_32;
    isa.mode = wide ? mode_64 : mode_32;
    isa.fp_env = fp_env;
    isa.inherit = inherit;
    isa.translate = translate;
    isa.settle = settle;
    return isa;
}

} // namespace

const Isa x86_64_isa = make_isa(true);
const Isa i386_isa = make_isa(false);

std::optional<u64> segment_base(const State& s, unsigned segment, u16 selector) {
    const unsigned index = selector >> 3u;
    constexpr unsigned code_flag = 1 << 2; // the upper bit of `contents`
    if (selector & 4) {
        if (!s.ldt || !s.ldt->entries[index].usable()) return std::nullopt;
        const Descriptor& d = s.ldt->entries[index];
        return segment == ss && d.flags & code_flag ? std::nullopt : std::optional<u64>(d.base);
    }
    if (const unsigned tls = index - State::first_tls; tls < State::tls_entries)
        return s.tls[tls].usable() ? std::optional<u64>(s.tls[tls].base) : std::nullopt;
    if (index == 0) return segment == ss && s.selector[cs] == 0x23 ? std::nullopt : std::optional<u64>(0);
    // The system's own: 32-bit code, data, 64-bit code. A stack segment can only be data.
    constexpr unsigned code32 = 4, data = 5, code64 = 6;
    const bool fine = index == data || ((index == code32 || index == code64) && segment != ss);
    return fine ? std::optional<u64>(0) : std::nullopt;
}

bool load_segment(State& s, unsigned segment, u16 selector) {
    const auto base = segment_base(s, segment, selector);
    if (!base) return false;
    s.selector[segment] = selector;
    if (segment == fs) s.fs_base = *base;
    else if (segment == gs) s.gs_base = *base;
    else s.flat_base[segment] = *base;
    return true;
}

fp::Env mode_fp_env(const State& state) { return fp_env(current_mode(state)); }

u32 read_eflags(const State& s) {
    u32 value = s.eflags_rest | (s.flags >> 8 & (eflags::status & ~eflags::of));
    if (s.flags & ir::eflag_of) value |= eflags::of;
    if (s.df) value |= eflags::df;
    return value;
}

void write_eflags(State& s, u32 value) {
    s.flags = ir::eflag_fixed | (value & eflags::status & ~eflags::of) << 8 | (value & eflags::of ? ir::eflag_of : 0);
    s.df = value & eflags::df;
    s.eflags_rest = (value & ~(eflags::status | eflags::df)) | eflags::fixed;
}

u32 fp_flags_of(u32 exceptions) {
    u32 flags = 0;
    for (auto [guest, flag] : mxcsr_flags)
        if (exceptions & guest) flags |= flag;
    return flags;
}
u32 unmasked_flags(const State& s) {
    constexpr unsigned masks_at = 7;
    return s.fp_flags & fp_flags_of(~s.guest_mxcsr >> masks_at);
}

u32 read_mxcsr(const State& s) {
    u32 value = s.guest_mxcsr;
    for (auto [guest, flag] : mxcsr_flags)
        if ((s.fp_flags | s.earlier_flags) & flag) value |= guest;
    return value;
}

void write_mxcsr(State& s, u32 value) {
    s.guest_mxcsr = value & 0xffff & ~mxcsr_sticky;
    s.fp_flags = fp_flags_of(value);
    s.earlier_flags = 0;
    // The host runs with the guest's rounding and flushing, and with every exception masked.
    s.mxcsr = mxcsr_masks | (value & (0x6000 | mxcsr_daz | mxcsr_ftz));
}

// --- FXSAVE (SDM volume 1, 10.5.1) -------------------------------------------------------------------------------------------------

namespace {
template <class T> void put(u8* to, usize at, T value) { std::memcpy(to + at, &value, sizeof value); }
template <class T> T take(const u8* from, usize at) {
    T value;
    std::memcpy(&value, from + at, sizeof value);
    return value;
}
} // namespace

void store_halves(const State& state, unsigned half, unsigned count, u8* to) {
    for (unsigned i = 0; i < count; i++) std::memcpy(to + 16 * i, &state.ymm[i].half[half], 16);
}
void load_halves(State& state, unsigned half, unsigned count, const u8* from) {
    for (unsigned i = 0; i < count; i++) std::memcpy(&state.ymm[i].half[half], from + 16 * i, 16);
}

void fxsave(const State& s, u8* to, bool wide) {
    const X87 x = x87_of(s);
    put(to, 0, x.control);
    put(to, 2, x.status);
    put(to, 4, u8(~x.empty));
    put(to, 6, u16(x.opcode & 0x7ff));
    put(to, 8, x.instruction);
    put(to, 16, x.operand);
    if (!wide) put(to, 12, u32(0)), put(to, 20, u32(0));
    put(to, 24, read_mxcsr(s));
    put(to, 28, u32(0xffff));
    for (unsigned i = 0; i < 8; i++) {
        const unsigned n = (x.top() + i) & 7;
        const bool mmx = s.mmx_mode && s.mmx_written >> n & 1;
        put(to, 32 + 16 * i, mmx ? s.mmx[n] : x.reg[n].fraction);
        put(to, 40 + 16 * i, u64(mmx ? 0xffff : x.reg[n].sign_exponent));
    }
    const unsigned count = s.selector[cs] == 0x23 ? 8 : 16;
    store_halves(s, 0, count, to + 160);
}

void fxrstor(State& s, const u8* from, bool wide) {
    X87& x = s.x87;
    s.mmx_mode = false;
    s.host_x87.live = 0;
    x.host_current = false;
    x.control = take<u16>(from, 0) | 0x40;
    x.status = take<u16>(from, 2);
    x.empty = u8(~take<u8>(from, 4));
    x.opcode = take<u16>(from, 6) & 0x7ff;
    x.instruction = wide ? take<u64>(from, 8) : take<u32>(from, 8);
    x.operand = wide ? take<u64>(from, 16) : take<u32>(from, 16);
    for (unsigned i = 0; i < 8; i++) x.st(i) = {take<u64>(from, 32 + 16 * i), take<u16>(from, 40 + 16 * i)};
    const unsigned count = s.selector[cs] == 0x23 ? 8 : 16;
    load_halves(s, 0, count, from + 160);
    write_mxcsr(s, take<u32>(from, 24));
}

} // namespace emu::isa::x86

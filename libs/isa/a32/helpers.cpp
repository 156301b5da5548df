// SPDX-License-Identifier: MIT
#include "isa/a32/helpers.h"

#include "fp/fp.h"
#include "fp/rules.h"
#include "isa/a32/features.h"
#include "isa/a32/models.h"
#include "isa/a32/translate.h"

#include <ctime>

namespace emu::isa::a32 {

namespace {
u32 fpscr_mask(const State& state) {
    const u64 features = static_cast<const CpuModel*>(state.model)->features;
    u32 mask = fpscr::mask;
    if (!(features & feature::fp16)) mask &= ~fpscr::fz16;
    if (!(features & (feature::half | feature::neon))) mask &= ~fpscr::ahp;
    return mask;
}
} // namespace

u32 read_fpscr(const State& state) {
    u32 value = state.fpscr | nzcv_from_token(state.fp_nzcv) | aarch::status_of_flags(state.fp_flags);
    if (state.fpscr_qc.lo | state.fpscr_qc.hi) value |= fpscr::qc;
    return value;
}

void write_fpscr(State& state, u32 value) {
    const bool neon = static_cast<const CpuModel*>(state.model)->features & feature::neon;
    state.fpscr = value & fpscr_mask(state);
    state.fp_nzcv = token_from_nzcv(value);
    state.fpscr_qc = {neon && value & fpscr::qc ? 1u : 0u, 0};
    state.fp_flags = aarch::flags_of_status(value);
    state.mxcsr = aarch::mxcsr_of_control(value);
}

u32 read_cpsr(const State& state) {
    const u32 it = u32(state.pc >> pc_it_shift) & 0xff;
    u32 value = nzcv_from_token(state.nzcv) | cpsr::user_mode | ge_bits(state.ge) << 16;
    if (state.q) value |= cpsr::q;
    if (state.big_endian) value |= cpsr::e;
    if (state.pc & pc_thumb) value |= cpsr::t | (it & 0xfc) << 8 | (it & 3) << 25;
    return value;
}

void write_cpsr(State& state, u32 value) {
    const u64 it = (value >> 8 & 0xfc) | (value >> 25 & 3);
    state.nzcv = token_from_nzcv(value);
    state.q = value & cpsr::q ? 1 : 0;
    state.ge = ge_mask(value >> 16);
    state.big_endian = value & cpsr::e ? 1 : 0;
    state.pc = code_address(state.pc);
    if (value & cpsr::t) state.pc = (state.pc & ~u64(1)) | pc_thumb | it << pc_it_shift;
}

namespace {

State& a32(ir::StateHeader& header) { return static_cast<State&>(header); }

u64 do_read_fpscr(ir::StateHeader& h, u64, u64, u64, u64) { return read_fpscr(a32(h)); }
u64 do_write_fpscr(ir::StateHeader& h, u64 value, u64, u64, u64) {
    write_fpscr(a32(h), u32(value));
    return 0;
}
u64 do_counter(ir::StateHeader&, u64, u64, u64, u64) {
    timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    constexpr u64 tick_ns = 1'000'000'000 / counter_frequency;
    return u64(now.tv_sec) * counter_frequency + u64(now.tv_nsec) / tick_ns;
}

/// Arm ARM FPToFixed for 16 bits: out of range is invalid and nothing else.
template <class Int, class F> Int to_fixed_16(F value, unsigned fraction, Int low, Int high, fp::Env& env) {
    const Int r = fp::to_int<Int>(value, fp::Round::toward_zero, fraction, env);
    if (r >= low && r <= high) return r;
    env.flags = (env.flags & ~fp::inexact) | fp::invalid;
    return r < low ? low : high;
}
template <class Int> u64 to_fixed(State& state, u64 bits, u64 width, unsigned fraction, Int low, Int high) {
    fp::Env env = a32_isa.fp_env(a32_isa.mode(state));
    env.flags = 0;
    Int r;
    if (width == 64) r = to_fixed_16(fp::F64{bits}, fraction, low, high, env);
    else if (width == 32) r = to_fixed_16(fp::F32{u32(bits)}, fraction, low, high, env);
    else r = to_fixed_16(fp::F16{u16(bits)}, fraction, low, high, env);
    state.fp_flags |= env.flags;
    return u32(r);
}
u64 do_to_fixed_s16(ir::StateHeader& h, u64 bits, u64 width, u64 fraction, u64) { return to_fixed<s32>(a32(h), bits, width, unsigned(fraction), -32768, 32767); }
u64 do_to_fixed_u16(ir::StateHeader& h, u64 bits, u64 width, u64 fraction, u64) { return to_fixed<u32>(a32(h), bits, width, unsigned(fraction), 0, 65535); }

u64 do_half_from_fixed(ir::StateHeader& h, u64 value, u64 is_unsigned, u64 fraction, u64) {
    fp::Env env = a32_isa.fp_env(a32_isa.mode(h));
    env.round = fp::Round::nearest_even;
    env.flags = 0;
    const fp::F16 r = is_unsigned ? fp::from_int<fp::F16>(u32(value), unsigned(fraction), env) : fp::from_int<fp::F16>(s32(u32(value)), unsigned(fraction), env);
    h.fp_flags |= env.flags;
    return r.bits;
}

} // namespace

const ir::Helper helper_read_fpscr{"a32_read_fpscr", ir::function_of(do_read_fpscr), Type::i64, 0, true, false, false};
const ir::Helper helper_write_fpscr{"a32_write_fpscr", ir::function_of(do_write_fpscr), Type::none, 1, true, true, false};
const ir::Helper helper_to_fixed_s16{"a32_to_fixed_s16", ir::function_of(do_to_fixed_s16), Type::i64, 3, true, false, false};
const ir::Helper helper_to_fixed_u16{"a32_to_fixed_u16", ir::function_of(do_to_fixed_u16), Type::i64, 3, true, false, false};
const ir::Helper helper_half_from_fixed{"a32_half_from_fixed", ir::function_of(do_half_from_fixed), Type::i64, 3, true, false, false};
const ir::Helper helper_counter{"a32_counter", ir::function_of(do_counter), Type::i64, 0, false, false, false};

} // namespace emu::isa::a32

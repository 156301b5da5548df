// SPDX-License-Identifier: MIT
#include "isa/aarch.h"

#include "fp/rules.h"

namespace emu::isa::aarch {

u32 mode_of_control(u32 control) {
    u32 mode = control >> 22 & fp_mode::rounding;
    if (control & fp_control::fz) mode |= fp_mode::flush;
    if (control & fp_control::dn) mode |= fp_mode::default_nan;
    if (control & fp_control::fz16) mode |= fp_mode::flush_f16;
    if (control & fp_control::ahp) mode |= fp_mode::alt_half;
    return mode;
}

u32 control_of_mode(u32 mode) {
    u32 control = (mode & fp_mode::rounding) << 22;
    if (mode & fp_mode::flush) control |= fp_control::fz;
    if (mode & fp_mode::default_nan) control |= fp_control::dn;
    if (mode & fp_mode::flush_f16) control |= fp_control::fz16;
    if (mode & fp_mode::alt_half) control |= fp_control::ahp;
    return control;
}

fp::Env env_of_mode(u32 mode) {
    constexpr fp::Round rounding[] = {fp::Round::nearest_even, fp::Round::up, fp::Round::down, fp::Round::toward_zero};
    fp::Env env{&fp::rules::arm, rounding[mode & fp_mode::rounding]};
    env.flush_inputs = env.flush_outputs = mode & fp_mode::flush;
    env.flush_inputs_f16 = env.flush_outputs_f16 = mode & fp_mode::flush_f16;
    env.default_nan = mode & fp_mode::default_nan;
    env.alt_half = mode & fp_mode::alt_half;
    return env;
}

u32 mxcsr_of_control(u32 control) {
    // RMode: nearest, up, down, zero. MXCSR.RC (bits 14..13): nearest, down, up, zero. All exceptions stay masked.
    constexpr u32 host_rounding[] = {0, 2, 1, 3};
    return 0x1f80 | host_rounding[control >> 22 & 3] << 13;
}

namespace {
struct FlagPair {
    u32 guest;
    u8 flag;
};
constexpr FlagPair flag_pairs[] = {
    {fp_status::ioc, fp::invalid},   {fp_status::dzc, fp::divide_by_zero}, {fp_status::ofc, fp::overflow},
    {fp_status::ufc, fp::underflow}, {fp_status::ixc, fp::inexact},        {fp_status::idc, fp::input_denormal},
};
} // namespace

u32 status_of_flags(u32 flags) {
    u32 status = 0;
    for (auto [guest, flag] : flag_pairs)
        if (flags & flag) status |= guest;
    return status;
}

u32 flags_of_status(u32 status) {
    u32 flags = 0;
    for (auto [guest, flag] : flag_pairs)
        if (status & guest) flags |= flag;
    return flags;
}

void raise_alignment(ir::Builder& ir, ir::Val faults, u32 trap, u64 pc, unsigned slot, ir::Val address) {
    // Put back after the exit, so that only the exit stores it.
    const ir::Val before = ir.get(slot);
    ir.set(slot, address);
    ir.exit_if(faults, {ir::ExitKind::trap, trap, pc, 0});
    ir.set(slot, before);
}

} // namespace emu::isa::aarch

// SPDX-License-Identifier: MIT
#include "isa/a64/helpers.h"

#include "cpu/vcpu.h"
#include "fp/rules.h"
#include "ir/memory.h"
#include "isa/a64/models.h"
#include "isa/a64/translate.h"

#include <ctime>
#include <random>

namespace emu::isa::a64 {

// --- FPCR, FPSR ----------------------------------------------------------------------------------------------------------

void write_fpcr(State& state, u32 value) {
    const auto* model = static_cast<const CpuModel*>(state.model);
    u32 mask = fpcr::mask;
    if (!(model->features & feature::fp16)) mask &= ~fpcr::fz16;
    state.fpcr = value & mask;
    state.mxcsr = aarch::mxcsr_of_control(value);
}

u32 read_fpsr(const State& state) {
    return aarch::status_of_flags(state.fp_flags) | (state.fpsr_qc.lo | state.fpsr_qc.hi ? fpsr::qc : 0);
}

void write_fpsr(State& state, u32 value) {
    state.fpsr_qc = {value & fpsr::qc ? 1u : 0u, 0};
    state.fp_flags = aarch::flags_of_status(value);
}

namespace {

State& a64(ir::StateHeader& header) { return static_cast<State&>(header); }

u64 do_read_fpsr(ir::StateHeader& h, u64, u64, u64, u64) { return read_fpsr(a64(h)); }
u64 do_write_fpsr(ir::StateHeader& h, u64 value, u64, u64, u64) {
    write_fpsr(a64(h), u32(value));
    return 0;
}
u64 do_write_fpcr(ir::StateHeader& h, u64 value, u64, u64, u64) {
    write_fpcr(a64(h), u32(value));
    return 0;
}

// --- counter, random numbers ---------------------------------------------------------------------------------------------

u64 do_counter(ir::StateHeader&, u64, u64, u64, u64) {
    timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    constexpr u64 tick_ns = 1'000'000'000 / counter_frequency;
    return u64(now.tv_sec) * counter_frequency + u64(now.tv_nsec) / tick_ns;
}

u64 do_random(ir::StateHeader&, u64, u64, u64, u64) {
    static thread_local std::random_device device;
    return u64(device()) << 32 | device();
}

// --- pairs of 64 bits ----------------------------------------------------------------------------------------------------

constexpr MemFlags pair_access(u64 view) { return {.size_log2 = 4, .order = ir::Order::seq_cst, .mmu = u8(view)}; }

/// IC IVAU in user mode: the line may have been written through another mapping of the same memory, unseen.
u64 do_invalidate_line(ir::StateHeader& h, u64 address, u64, u64, u64) {
    constexpr u64 line = 64, tag = u64(0xff) << 56;
    u64 first = address & ~tag & ~(line - 1);
    static_cast<cpu::Vcpu*>(h.vcpu)->engine().invalidate(first, first + line);
    return 0;
}

u64 do_casp(ir::StateHeader& h, u64 address, u64 registers, u64 view, u64) {
    State& s = a64(h);
    const unsigned rs = registers & 31, rt = registers >> 8 & 31;
    auto x = [&](unsigned n) { return n == 31 ? 0 : s.x[n]; };
    auto& memory = *static_cast<ir::Memory*>(h.memory);
    ir::V128 old = memory.cas(address, pair_access(view), {x(rs), x(rs + 1)}, {x(rt), x(rt + 1)});
    s.x[rs] = old.lo;
    if (rs + 1 != 31) s.x[rs + 1] = old.hi;
    return 0;
}

u64 do_stxp(ir::StateHeader& h, u64 address, u64 lo, u64 hi, u64 view) {
    State& s = a64(h);
    if (s.monitor_address != address) return 1;
    const ir::V128 expected{s.monitor_lo, s.monitor_hi};
    auto& memory = *static_cast<ir::Memory*>(h.memory);
    return memory.cas(address, pair_access(view), expected, {lo, hi}) == expected ? 0 : 1;
}

} // namespace

const ir::Helper helper_read_fpsr{"a64_read_fpsr", ir::function_of(do_read_fpsr), Type::i64, 0, true, false, false};
const ir::Helper helper_write_fpsr{"a64_write_fpsr", ir::function_of(do_write_fpsr), Type::none, 1, true, true, false};
const ir::Helper helper_write_fpcr{"a64_write_fpcr", ir::function_of(do_write_fpcr), Type::none, 1, true, true, false};
const ir::Helper helper_counter{"a64_counter", ir::function_of(do_counter), Type::i64, 0, false, false, false};
const ir::Helper helper_random{"a64_random", ir::function_of(do_random), Type::i64, 0, false, false, false};
const ir::Helper helper_invalidate_line{"a64_invalidate_line", ir::function_of(do_invalidate_line), Type::none, 1, false, false, false};
const ir::Helper helper_casp{"a64_casp", ir::function_of(do_casp), Type::none, 3, true, true, true};
const ir::Helper helper_stxp{"a64_stxp", ir::function_of(do_stxp), Type::i64, 4, true, false, true};

} // namespace emu::isa::a64

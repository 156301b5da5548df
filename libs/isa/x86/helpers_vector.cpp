// SPDX-License-Identifier: MIT
// Vector instructions as C++ functions: the operand in the scratch slot, the result too.
#include "cpu/vcpu.h"
#include "ir/memory.h"
#include "isa/x86/helpers.h"
#include "isa/x86/vector_helper.h"

#include <array>
#include <bit>
#include <cstring>
#include <xmmintrin.h>

namespace emu::isa::x86 {

using ir::StateHeader;
using ir::V128;

namespace {

State& of(StateHeader& header) { return static_cast<State&>(header); }
ir::Memory& memory(StateHeader& header) { return *static_cast<ir::Memory*>(header.memory); }

template <class T> using Lanes = std::array<T, 16 / sizeof(T)>;
template <class T> Lanes<T> split(V128 v) { return std::bit_cast<Lanes<T>>(v); }
template <class T> V128 join(const Lanes<T>& lanes) { return std::bit_cast<V128>(lanes); }

V128 min_position(V128 v) {
    const auto words = split<u16>(v);
    unsigned least = 0;
    for (unsigned i = 1; i < 8; i++)
        if (words[i] < words[least]) least = i;
    return {words[least] | u64(least) << 16, 0};
}

/// RCPPS and RSQRTPS are defined by an error bound only; the host's answer is as good as any, and what the guest's programs saw.
V128 reciprocal(V128 v, bool root) {
    const __m128 x = std::bit_cast<__m128>(v);
    return std::bit_cast<V128>(root ? _mm_rsqrt_ps(x) : _mm_rcp_ps(x));
}

// --- half precision (SDM volume 2, VCVTPH2PS and VCVTPS2PH) -------------------------------------------------------------------------

/// DAZ does not apply; of the exceptions only invalid.
V128 from_half(State& s, V128 v) {
    fp::Env env = mode_fp_env(s);
    env.flush_inputs = env.flush_outputs = false;
    const auto halves = split<u16>(v);
    Lanes<u32> out;
    for (unsigned i = 0; i < 4; i++) out[i] = fp::convert<fp::F32>(fp::F16{halves[i]}, env).bits;
    s.fp_flags |= env.flags & fp::invalid;
    return join<u32>(out);
}
/// FTZ does not apply; the immediate may choose the rounding.
V128 to_half(State& s, V128 v, unsigned imm) {
    constexpr fp::Round modes[] = {fp::Round::nearest_even, fp::Round::down, fp::Round::up, fp::Round::toward_zero};
    fp::Env env = mode_fp_env(s);
    env.flush_outputs = false;
    if (!(imm & 4)) env.round = modes[imm & 3];
    const auto floats = split<u32>(v);
    Lanes<u16> out{};
    for (unsigned i = 0; i < 4; i++) out[i] = fp::convert<fp::F16>(fp::F32{floats[i]}, env).bits;
    s.fp_flags |= env.flags & (fp::invalid | fp::overflow | fp::underflow | fp::inexact | fp::denormal_operand);
    return join<u16>(out);
}

u64 vector(StateHeader& header, u64 what) {
    State& s = of(header);
    const unsigned imm = unsigned(what >> 8 & 0xff);
    const V128 b = s.scratch;
    V128& out = s.scratch;
    switch (VectorOp(what & 0xff)) {
    case VectorOp::min_position: out = min_position(b); break;
    case VectorOp::reciprocal_f32: out = reciprocal(b, false); break;
    case VectorOp::reciprocal_root_f32: out = reciprocal(b, true); break;
    case VectorOp::from_half: out = from_half(s, b); break;
    case VectorOp::to_half: out = to_half(s, b, imm); break;
    }
    return 0;
}

// --- string comparison (SDM volume 2, 4.1) --------------------------------------------------------------------------------------------

struct StringCompare {
    unsigned imm;
    V128 first, second;
    unsigned length1, length2; ///< valid elements, at most count

    bool words() const { return imm & 1; }
    unsigned count() const { return words() ? 8 : 16; }
    s32 element(V128 v, unsigned i) const {
        if (words()) return imm & 2 ? s32(s16(split<u16>(v)[i])) : s32(split<u16>(v)[i]);
        return imm & 2 ? s32(s8(split<u8>(v)[i])) : s32(split<u8>(v)[i]);
    }
    unsigned implicit_length(V128 v) const {
        unsigned n = 0;
        while (n < count() && element(v, n)) n++;
        return n;
    }

    /// Table 4-7: is element i of the first equal to (or, in ranges, a bound of) element j of the second?
    bool equal_any(unsigned j) const {
        for (unsigned i = 0; j < length2 && i < length1; i++)
            if (element(first, i) == element(second, j)) return true;
        return false;
    }
    bool in_ranges(unsigned j) const {
        const s32 x = element(second, j);
        for (unsigned i = 0; j < length2 && i + 1 < length1; i += 2)
            if (x >= element(first, i) && x <= element(first, i + 1)) return true;
        return false;
    }
    bool equal_each(unsigned j) const {
        if (j >= length1 || j >= length2) return j >= length1 && j >= length2;
        return element(first, j) == element(second, j);
    }
    bool equal_ordered(unsigned j) const {
        for (unsigned i = 0; i < length1 && i + j < count(); i++)
            if (i + j >= length2 || element(first, i) != element(second, i + j)) return false;
        return true;
    }
    u32 result() const {
        u32 bits = 0;
        for (unsigned j = 0; j < count(); j++) {
            const unsigned kind = imm >> 2 & 3;
            const bool hit = kind == 0 ? equal_any(j) : kind == 1 ? in_ranges(j) : kind == 2 ? equal_each(j) : equal_ordered(j);
            const bool negated = imm >> 4 & 1 && (!(imm & 32) || j < length2);
            if (hit != negated) bits |= 1u << j;
        }
        return bits;
    }
};

unsigned explicit_length(u64 value, bool wide, unsigned most) {
    const s64 n = wide ? s64(value) : s64(s32(value));
    const u64 size = n < 0 ? 0 - u64(n) : u64(n);
    return unsigned(std::min<u64>(size, most));
}

u64 string_compare(StateHeader& header, u64 what, u64 reg) {
    State& s = of(header);
    StringCompare c{.imm = unsigned(what >> 8 & 0xff), .first = s.ymm[reg].half[0], .second = s.scratch, .length1 = 0, .length2 = 0};
    const bool implicit = what & 2, index = what & 1, wide = what >> 16 & 1, vex = what >> 17 & 1;
    c.length1 = implicit ? c.implicit_length(c.first) : explicit_length(s.gpr[rax], wide, c.count());
    c.length2 = implicit ? c.implicit_length(c.second) : explicit_length(s.gpr[rdx], wide, c.count());
    const u32 bits = c.result();
    s.flags = ir::eflag_fixed | (bits ? ir::eflag_cf : 0) | (bits & 1 ? ir::eflag_of : 0) | (c.length2 < c.count() ? ir::eflag_zf : 0) |
              (c.length1 < c.count() ? ir::eflag_sf : 0);
    if (index) {
        const unsigned none = c.count();
        s.gpr[rcx] = !bits ? none : c.imm & 64 ? 31 - unsigned(std::countl_zero(bits)) : unsigned(std::countr_zero(bits));
        return 0;
    }
    V128 mask{bits, 0};
    if (c.imm & 64) {
        Lanes<u8> spread;
        for (unsigned i = 0; i < 16; i++) spread[i] = bits >> (c.words() ? i / 2 : i) & 1 ? 0xff : 0;
        mask = join<u8>(spread);
    }
    s.ymm[0].half[0] = mask;
    if (vex) s.ymm[0].half[1] = {};
    return 0;
}

// --- masked moves and gathers -----------------------------------------------------------------------------------------------------------

V128& half(State& s, unsigned reg, unsigned h) { return s.ymm[reg].half[h]; }
u64 element(const V128& v, unsigned i, unsigned bytes) {
    u64 value = 0;
    std::memcpy(&value, reinterpret_cast<const u8*>(&v) + i * bytes, bytes);
    return value;
}
void set_element(V128& v, unsigned i, unsigned bytes, u64 value) { std::memcpy(reinterpret_cast<u8*>(&v) + i * bytes, &value, bytes); }

/// Elements whose mask has its top bit set. A fault leaves registers and memory as they were.
u64 masked_move(StateHeader& header, u64 what, u64 address) {
    State& s = of(header);
    const unsigned reg = what & 0xff, mask_reg = what >> 8 & 0xff, bytes = what >> 16 & 1 ? 8 : 4, halves = what >> 18 & 1 ? 2 : 1;
    const bool store = what >> 17 & 1;
    const unsigned per = 16 / bytes, count = halves * per;
    auto selected = [&](unsigned i) { return element(half(s, mask_reg, i / per), i % per, bytes) >> (8 * bytes - 1) != 0; };
    if (store) {
        // Two pages at most: both are written to, without a change, before anything is changed.
        auto touch = [&](u64 at) { memory(header).rmw(at, {.size_log2 = 0}, ir::AtomicOp::or_, 0); };
        unsigned first = 0, last = count;
        while (first < count && !selected(first)) first++;
        while (last > first && !selected(last - 1)) last--;
        if (first < last) touch(address + u64(first) * bytes), touch(address + u64(last) * bytes - 1);
    }
    V128 loaded[2] = {};
    for (unsigned h = 0; h < halves; h++)
        for (unsigned i = 0; i < per; i++) {
            if (!selected(h * per + i)) continue;
            const u64 at = address + 16 * h + bytes * i;
            const ir::MemFlags flags{.size_log2 = u8(bytes == 8 ? 3 : 2)};
            if (store) memory(header).store(at, flags, {element(half(s, reg, h), i, bytes), 0});
            else set_element(loaded[h], i, bytes, memory(header).load(at, flags).lo);
        }
    if (!store) s.ymm[reg] = {{loaded[0], loaded[1]}};
    return 0;
}

/// Each element that arrives clears its mask: a fault in the middle goes on where it was.
u64 gather(StateHeader& header, u64 what, u64 base) {
    State& s = of(header);
    const unsigned reg = what & 15, mask_reg = what >> 4 & 15, index_reg = what >> 8 & 15, scale = what >> 16 & 3;
    const unsigned bytes = what >> 12 & 1 ? 8 : 4, index_bytes = what >> 13 & 1 ? 8 : 4, halves = what >> 14 & 1 ? 2 : 1;
    const bool narrow = what >> 18 & 1;
    const unsigned count = 16 * halves / std::max(bytes, index_bytes);
    const unsigned per = 16 / bytes, index_per = 16 / index_bytes;
    // The upper bit of each mask is spread over its element first (SDM, VPGATHERDD: Operation), also where no index belongs to it.
    if (halves == 1) s.ymm[mask_reg].half[1] = {};
    for (unsigned i = 0; i < halves * per; i++) {
        V128& mask = half(s, mask_reg, i / per);
        set_element(mask, i % per, bytes, element(mask, i % per, bytes) >> (8 * bytes - 1) ? ~u64(0) : 0);
    }
    for (unsigned i = 0; i < count; i++) {
        V128& mask = half(s, mask_reg, i / per);
        if (!(element(mask, i % per, bytes) >> (8 * bytes - 1))) continue;
        const u64 raw = element(half(s, index_reg, i / index_per), i % index_per, index_bytes);
        u64 at = base + ((index_bytes == 8 ? raw : u64(s64(s32(raw)))) << scale);
        if (narrow) at = u32(at);
        const u64 value = memory(header).load(at, {.size_log2 = u8(bytes == 8 ? 3 : 2)}).lo;
        set_element(half(s, reg, i / per), i % per, bytes, value);
        set_element(mask, i % per, bytes, 0);
    }
    const unsigned filled = count * bytes; // what lies above is cleared
    for (unsigned at = filled; at < 32; at += 4) set_element(half(s, reg, at / 16), at % 16 / 4, 4, 0);
    s.ymm[mask_reg] = {};
    return 0;
}

} // namespace

const Helper helper_vector{"x86_vector", reinterpret_cast<void*>(vector), ir::Type::none, 1, true, true};
const Helper helper_string_compare{"x86_string_compare", reinterpret_cast<void*>(string_compare), ir::Type::none, 2, true, true};
const Helper helper_masked_move{"x86_masked_move", reinterpret_cast<void*>(masked_move), ir::Type::none, 2, true, true, true};
const Helper helper_gather{"x86_gather", reinterpret_cast<void*>(gather), ir::Type::none, 2, true, true, true};

} // namespace emu::isa::x86

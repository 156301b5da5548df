// SPDX-License-Identifier: MIT
#include "isa/a32/iwmmxt.h"

#include "common/bits.h"

#include <algorithm>

namespace emu::isa::a32 {
namespace {

constexpr u32 control_updated = 1, main_updated = 2; // wCon

/// An instruction of the group: fields that all of them have in one place.
struct Word {
    u32 raw;
    unsigned m() const { return raw & 15; }
    unsigned d() const { return raw >> 12 & 15; }
    unsigned n() const { return raw >> 16 & 15; }
    unsigned size() const { return raw >> 22 & 3; }      ///< 0 byte, 1 halfword, 2 word, 3 doubleword
    unsigned width() const { return 8u << size(); }
    bool bit(unsigned at) const { return raw >> at & 1; }
    unsigned operation() const { return (raw >> 5 & 7) | (raw >> 8 & 1) << 3; }
};

constexpr u64 lane(u64 value, unsigned i, unsigned width) { return value >> (i * width) & ones(width); }
constexpr s64 signed_lane(u64 value, unsigned i, unsigned width) { return sign_extend(lane(value, i, width), width); }

template <class F> u64 each(unsigned width, F f) {
    u64 result = 0;
    for (unsigned i = 0; i < 64 / width; i++) result |= (u64(f(i)) & ones(width)) << (i * width);
    return result;
}

/// N and Z of every lane: a group of four flags at the upper end of as many bits as the lane has a share of the register.
u32 flags_of(u64 value, unsigned width, bool with_n = true) {
    u32 flags = 0;
    const unsigned share = width / 2;
    for (unsigned i = 0; i < 64 / width; i++) {
        const u64 part = lane(value, i, width);
        const unsigned top = (i + 1) * share - 1;
        if (with_n && part >> (width - 1)) flags |= 1u << top;
        if (!part) flags |= 1u << (top - 1);
    }
    return flags;
}

s64 saturate_signed(s64 value, unsigned width) {
    const s64 high = s64(ones(width - 1));
    return std::clamp(value, -high - 1, high);
}
s64 saturate_unsigned(s64 value, unsigned width) { return std::clamp<s64>(value, 0, s64(ones(width))); }

/// What an operation leaves: its result, and the width of the lanes that flags are for (0: none).
struct Outcome {
    u64 value;
    unsigned flags = 0;
    bool with_n = true;
};

Outcome logical(const State& s, Word w) {
    const u64 a = s.wr[w.n()], b = s.wr[w.m()];
    const unsigned which = w.raw >> 20 & 3;
    return {which == 0 ? a | b : which == 1 ? a ^ b : which == 2 ? a & b : a & ~b, 64};
}
Outcome average(const State& s, Word w) {
    const unsigned width = w.bit(22) ? 16 : 8;
    const u64 a = s.wr[w.n()], b = s.wr[w.m()], round = w.bit(20);
    return {each(width, [&](unsigned i) { return (lane(a, i, width) + lane(b, i, width) + round) >> 1; }), width, false};
}
Outcome logical_or_average(const State& s, Word w) { return w.bit(23) ? average(s, w) : logical(s, w); }

Outcome align(const State& s, Word w) {
    const unsigned by = 8 * (w.bit(23) ? s.wcgr[w.raw >> 20 & 3] & 7 : w.raw >> 20 & 7);
    const u64 low = s.wr[w.n()], high = s.wr[w.m()];
    return {by ? low >> by | high << (64 - by) : low};
}

/// The amount is in the low bits of a wR, or in a wCGR.
Outcome shift(const State& s, Word w) {
    const unsigned width = w.width();
    const u64 value = s.wr[w.n()];
    const u32 given = w.bit(8) ? s.wcgr[w.m() - wcgr0] : u32(s.wr[w.m()]);
    const unsigned by = given & 0xff;
    const auto result = [&](unsigned i) -> u64 {
        const u64 part = lane(value, i, width);
        switch (w.raw >> 20 & 3) {
        case 0: return u64(sign_extend(part, width) >> std::min(by, width - 1));
        case 1: return by < width ? part << by : 0;
        case 2: return by < width ? part >> by : 0;
        default: return rotate_right(part, by, width);
        }
    };
    return {each(width, result), width};
}

Outcome compare(const State& s, Word w) {
    const unsigned width = w.width(), which = w.raw >> 20 & 3;
    const u64 a = s.wr[w.n()], b = s.wr[w.m()];
    return {each(width, [&](unsigned i) {
                const bool holds = which == 0   ? lane(a, i, width) == lane(b, i, width)
                                   : which == 1 ? lane(a, i, width) > lane(b, i, width)
                                                : signed_lane(a, i, width) > signed_lane(b, i, width);
                return holds ? ~u64(0) : 0;
            }), width};
}

Outcome min_max(const State& s, Word w) {
    const unsigned width = w.width();
    const u64 a = s.wr[w.n()], b = s.wr[w.m()];
    return {each(width, [&](unsigned i) {
                const bool less = w.bit(21) ? signed_lane(a, i, width) < signed_lane(b, i, width) : lane(a, i, width) < lane(b, i, width);
                return lane(less == w.bit(20) ? a : b, i, width);
            }), width};
}

Outcome add_subtract(const State& s, Word w) {
    const unsigned width = w.width(), how = w.raw >> 20 & 3;
    const bool subtract = w.bit(5);
    const u64 a = s.wr[w.n()], b = s.wr[w.m()];
    return {each(width, [&](unsigned i) {
                const s64 x = how == 3 ? signed_lane(a, i, width) : s64(lane(a, i, width));
                const s64 y = how == 3 ? signed_lane(b, i, width) : s64(lane(b, i, width));
                const s64 exact = subtract ? x - y : x + y;
                return how == 3 ? saturate_signed(exact, width) : how == 1 ? saturate_unsigned(exact, width) : exact;
            }), width};
}

/// Lanes of wRn, then of wRm, in half of their width.
Outcome pack(const State& s, Word w) {
    const unsigned from = w.width(), to = from / 2, half = 64 / from;
    return {each(to, [&](unsigned i) {
                const s64 value = signed_lane(s.wr[i < half ? w.n() : w.m()], i % half, from);
                return w.bit(21) ? saturate_signed(value, to) : saturate_unsigned(value, to);
            }), to};
}

/// WUNPCKI, of two registers, and WUNPCKE, which extends the lanes of one; of their upper or lower halves.
Outcome unpack(const State& s, Word w) {
    const unsigned width = w.width(), lanes = 64 / width, first = w.bit(5) ? 0 : lanes / 2;
    const u64 a = s.wr[w.n()], b = s.wr[w.m()];
    if (w.bit(20)) return {each(width, [&](unsigned i) { return lane(i & 1 ? b : a, first + i / 2, width); }), width};
    return {each(width * 2, [&](unsigned i) { return w.bit(21) ? u64(signed_lane(a, first + i, width)) : lane(a, first + i, width); }), width * 2};
}

Outcome multiply(const State& s, Word w) {
    const u64 a = s.wr[w.n()], b = s.wr[w.m()];
    const bool is_signed = w.bit(21);
    const auto product = [&](unsigned i) { return is_signed ? signed_lane(a, i, 16) * signed_lane(b, i, 16) : s64(lane(a, i, 16) * lane(b, i, 16)); };
    if (w.bit(23)) return {each(32, [&](unsigned i) { return product(2 * i) + product(2 * i + 1); })};
    if (!w.bit(22)) return {each(16, [&](unsigned i) { return product(i) >> (w.bit(20) ? 16 : 0); })};
    u64 sum = w.bit(20) ? 0 : s.wr[w.d()];
    for (unsigned i = 0; i < 4; i++) sum += u64(product(i));
    return {sum};
}

Outcome absolute_differences(const State& s, Word w) {
    const unsigned width = w.width();
    const u64 a = s.wr[w.n()], b = s.wr[w.m()];
    u32 sum = w.bit(20) ? 0 : u32(s.wr[w.d()]);
    for (unsigned i = 0; i < 64 / width; i++) {
        const u64 x = lane(a, i, width), y = lane(b, i, width);
        sum += u32(x > y ? x - y : y - x);
    }
    return {sum};
}

Outcome accumulate(const State& s, Word w) {
    u64 sum = 0;
    for (unsigned i = 0; i < 64 / w.width(); i++) sum += lane(s.wr[w.n()], i, w.width());
    return {sum};
}

Outcome shuffle(const State& s, Word w) {
    const u32 order = (w.raw >> 20 & 15) << 4 | (w.raw & 15);
    return {each(16, [&](unsigned i) { return lane(s.wr[w.n()], order >> (2 * i) & 3, 16); }), 16};
}

using Operation = Outcome (*)(const State&, Word);
/// By bits 7 to 5, and behind those eight the same with bit 8 set.
constexpr Operation operations[16] = {
    logical_or_average, align,                shift, compare, pack,         nullptr,      unpack,     unpack,
    multiply,           absolute_differences, shift, min_max, add_subtract, add_subtract, accumulate, shuffle,
};

void write(State& s, unsigned d, u64 value) {
    s.wr[d] = value;
    s.wcon |= main_updated;
}

State& a32(ir::StateHeader& header) { return static_cast<State&>(header); }

u64 do_execute(ir::StateHeader& h, u64 word, u64, u64, u64) {
    wmmx_execute(a32(h), u32(word));
    return 0;
}
u64 do_get(ir::StateHeader& h, u64 number, u64, u64, u64) { return a32(h).wr[number & 15]; }
u64 do_set(ir::StateHeader& h, u64 number, u64 value, u64, u64) {
    write(a32(h), number & 15, value);
    return 0;
}

u64 do_control(ir::StateHeader& h, u64 number, u64, u64, u64) {
    const State& s = a32(h);
    switch (number) {
    case wcid: return wcid_value;
    case wcon: return s.wcon;
    case wcssf: return s.wcssf;
    case wcasf: return s.wcasf;
    default: return s.wcgr[number & 3];
    }
}
/// Ones written to wCon and wCSSF clear.
u64 do_set_control(ir::StateHeader& h, u64 number, u64 value, u64, u64) {
    State& s = a32(h);
    if (number != wcid) s.wcon |= control_updated;
    switch (number) {
    case wcid: break;
    case wcon: s.wcon &= ~u32(value); break;
    case wcssf: s.wcssf &= ~u32(value); break;
    case wcasf: s.wcasf = u32(value); break;
    default: s.wcgr[number & 3] = u32(value); break;
    }
    return 0;
}

u64 do_extract(ir::StateHeader& h, u64 word, u64, u64, u64) {
    const Word w{u32(word)};
    const unsigned i = w.raw & (64 / w.width() - 1);
    return u32(w.bit(3) ? u64(signed_lane(a32(h).wr[w.n()], i, w.width())) : lane(a32(h).wr[w.n()], i, w.width()));
}
/// Here the size is in bits 7 and 6, and the registers have changed places. TBCST has bit 21 clear.
u64 do_insert(ir::StateHeader& h, u64 word, u64 value, u64, u64) {
    const Word w{u32(word)};
    const unsigned width = 8u << (w.raw >> 6 & 3), to = w.n(), index = w.raw & (64 / width - 1);
    const u64 old = a32(h).wr[to];
    write(a32(h), to, each(width, [&](unsigned i) { return !w.bit(21) || i == index ? value : lane(old, i, width); }));
    return 0;
}
u64 do_mask(ir::StateHeader& h, u64 word, u64, u64, u64) {
    const Word w{u32(word)};
    u64 mask = 0;
    for (unsigned i = 0; i < 64 / w.width(); i++) mask |= (lane(a32(h).wr[w.n()], i, w.width()) >> (w.width() - 1)) << i;
    return mask;
}
u64 do_flags(ir::StateHeader& h, u64 word, u64, u64, u64) {
    const Word w{u32(word)};
    const u32 flags = a32(h).wcasf;
    const unsigned share = w.width() / 2, groups = 64 / w.width();
    const auto group = [&](unsigned i) { return flags << (32 - (i + 1) * share) & 0xf0000000; };
    if ((w.raw >> 5 & 7) == 3) return group(w.raw & (groups - 1)); // TEXTRC
    const bool is_or = (w.raw >> 5 & 7) == 2;
    u32 result = is_or ? 0 : 0xf0000000;
    for (unsigned i = 0; i < groups; i++) result = is_or ? result | group(i) : result & group(i);
    return result;
}

/// The accumulator is wR[bits 8 to 5], or acc0 of 40 bits on CPUs without Wireless MMX.
u64 do_multiply(ir::StateHeader& h, u64 word, u64 rm, u64 rs, u64) {
    const Word w{u32(word)};
    const s64 m = s32(u32(rm)), s = s32(u32(rs));
    const auto half = [](s64 value, bool top) { return s64(s16(u16(u64(value) >> (top ? 16 : 0)))); };
    const unsigned which = w.raw >> 16 & 15;
    s64 sum;
    if (which == 0) sum = m * s;
    else if (which == 8) sum = half(m, false) * half(s, false) + half(m, true) * half(s, true);
    else sum = half(m, which & 2) * half(s, which & 1);
    State& state = a32(h);
    write(state, w.raw >> 5 & 15, state.wr[w.raw >> 5 & 15] + u64(sum));
    return 0;
}

using ir::Type;

} // namespace

bool wmmx_exists(u32 word) {
    const Word w{word};
    const unsigned size = w.size(), how = word >> 20 & 3;
    switch (w.operation()) {
    case 0: return !w.bit(23) ? size == 0 : !w.bit(21);
    case 1: return w.bit(23) ? !w.bit(22) : true;
    case 2: return size != 0;
    case 10: return size != 0 && w.m() >= wcgr0 && w.m() < wcgr0 + 4;
    case 3: return size != 3 && how != 2;
    case 4: return size != 0 && how & 1;
    case 6:
    case 7: return size != 3 && how != 3 && (how & 1 || w.m() == 0);
    case 8: return size != 3 && !(size == 2 && how & 1);
    case 9: return !w.bit(21) && size < 2;
    case 11: return size != 3;
    case 12:
    case 13: return size != 3 && how != 2;
    case 14: return size != 3 && how == 0 && w.m() == 0;
    case 15: return true;
    default: return false;
    }
}

void wmmx_execute(State& state, u32 word) {
    const Word w{word};
    const Outcome outcome = operations[w.operation()](state, w);
    write(state, w.d(), outcome.value);
    if (!outcome.flags) return;
    state.wcasf = flags_of(outcome.value, outcome.flags, outcome.with_n);
    state.wcon |= control_updated;
}

// None of the registers is a slot.
const ir::Helper helper_wmmx{"a32_wmmx", ir::function_of(do_execute), Type::none, 1, false, false, false};
const ir::Helper helper_wmmx_get{"a32_wmmx_get", ir::function_of(do_get), Type::i64, 1, false, false, false};
const ir::Helper helper_wmmx_set{"a32_wmmx_set", ir::function_of(do_set), Type::none, 2, false, false, false};
const ir::Helper helper_wmmx_control{"a32_wmmx_control", ir::function_of(do_control), Type::i64, 1, false, false, false};
const ir::Helper helper_wmmx_set_control{"a32_wmmx_set_control", ir::function_of(do_set_control), Type::none, 2, false, false, false};
const ir::Helper helper_wmmx_extract{"a32_wmmx_extract", ir::function_of(do_extract), Type::i64, 1, false, false, false};
const ir::Helper helper_wmmx_insert{"a32_wmmx_insert", ir::function_of(do_insert), Type::none, 2, false, false, false};
const ir::Helper helper_wmmx_mask{"a32_wmmx_mask", ir::function_of(do_mask), Type::i64, 1, false, false, false};
const ir::Helper helper_wmmx_flags{"a32_wmmx_flags", ir::function_of(do_flags), Type::i64, 1, false, false, false};
const ir::Helper helper_wmmx_multiply{"a32_wmmx_multiply", ir::function_of(do_multiply), Type::none, 3, false, false, false};

} // namespace emu::isa::a32

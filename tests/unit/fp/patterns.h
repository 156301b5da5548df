// SPDX-License-Identifier: MIT
// Operand patterns for floating-point tests: every interesting exponent with every interesting fraction, both signs.
#pragma once
#include "fp/format.h"

#include <vector>

namespace emu::fp {

/// About `dense` ? 400 : 150 values: zeros, denormals, the ends of the exponent range and the middle, infinities, NaNs.
template <class F> std::vector<F> patterns(bool dense = false) {
    using T = Format<F>;
    using S = typename T::Sig;
    constexpr int b = T::bias, m = T::exponent_max, p = T::fraction_bits;
    std::vector<int> exponents{0, 1, b - 1, b, b + 1, b + p, m - 2, m - 1, m};
    if (dense) exponents.insert(exponents.end(), {2, b - p - 1, b - p, b - 2, b + 2, b + p - 1, b + p + 1, m - 3});
    const S one = 1, top = T::signaling_bit, all = T::fraction_mask;
    std::vector<S> fractions{0, one, top, all, S(all - 1), S(all / 3), S(top | (one << (p / 2)))};
    if (dense) fractions.insert(fractions.end(), {S(top - 1), S(top + 1), S(all / 7), S(one << (p / 3)), S(all >> 1)});
    std::vector<F> out;
    for (int exponent : exponents) {
        if (exponent < 0 || exponent > m) continue;
        for (S fraction : fractions)
            for (bool sign : {false, true})
                out.push_back(join<F>(sign, exponent, fraction | (T::explicit_one && exponent ? T::leading_one : 0)));
    }
    return out;
}

/// A small generator of the same bits everywhere.
class Random {
public:
    explicit Random(u64 seed) : state_(seed) {}
    u64 next() {
        state_ += 0x9e3779b97f4a7c15;
        u64 z = state_;
        z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9;
        z = (z ^ (z >> 27)) * 0x94d049bb133111eb;
        return z ^ (z >> 31);
    }

private:
    u64 state_;
};

} // namespace emu::fp

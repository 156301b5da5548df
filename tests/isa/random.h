// SPDX-License-Identifier: MIT
// The random numbers of lockstep runs.
#pragma once
#include "common/types.h"

#include <bit>

namespace emu::lockstep {

/// xoshiro256**, so that a seed means the same program everywhere.
class Random {
public:
    explicit Random(u64 seed) {
        for (u64& s : s_) { // splitmix64
            seed += 0x9e3779b97f4a7c15;
            u64 z = (seed ^ seed >> 30) * 0xbf58476d1ce4e5b9;
            z = (z ^ z >> 27) * 0x94d049bb133111eb;
            s = z ^ z >> 31;
        }
    }
    u64 operator()() {
        const u64 result = std::rotl(s_[1] * 5, 7) * 9, t = s_[1] << 17;
        s_[2] ^= s_[0], s_[3] ^= s_[1], s_[1] ^= s_[2], s_[0] ^= s_[3];
        s_[2] ^= t;
        s_[3] = std::rotl(s_[3], 45);
        return result;
    }
    u64 below(u64 limit) { return (*this)() % limit; }
    bool one_in(u64 n) { return below(n) == 0; }

private:
    u64 s_[4];
};

} // namespace emu::lockstep

// SPDX-License-Identifier: MIT
#include "block/sparse_bits.h"

#include <doctest/doctest.h>
#include <random>

using namespace emu;
using namespace emu::block;

namespace {

std::vector<u8> bytes_of(const SparseBits& bits) {
    std::vector<u8> out(bits.size());
    bits.copy(0, out);
    return out;
}

struct Model {
    SparseBits bits;
    std::vector<u8> bytes;
    explicit Model(u64 size) : bits(size), bytes(size) {}
    void set(u64 first, u64 last) {
        bits.set(first, last);
        for (u64 i = first; i <= last && i / 8 < bytes.size(); i++) bytes[i / 8] |= u8(1 << (i % 8));
    }
    void fill(u64 at, u64 length, u8 value) {
        bits.fill(at, length, value);
        std::fill_n(bytes.begin() + long(at), length, value);
    }
    void put(u64 at, const std::vector<u8>& from) {
        bits.put(at, from);
        std::copy(from.begin(), from.end(), bytes.begin() + long(at));
    }
    void clear_from(u64 bit) {
        bits.clear_from(bit);
        for (u64 i = bit; i / 8 < bytes.size(); i++) bytes[i / 8] &= u8(~(1 << (i % 8)));
    }
    void resize(u64 size) {
        bits.resize(size);
        bytes.resize(size);
    }
    void check() const {
        REQUIRE(bits.size() == bytes.size());
        REQUIRE(bytes_of(bits) == bytes);
        for (u64 i = 0, run; i < bytes.size() * 8; i += run) {
            const bool is_set = bytes[i / 8] >> (i % 8) & 1;
            run = bits.alike(i);
            REQUIRE(bits.get(i) == is_set);
            REQUIRE(run > 0);
            REQUIRE(i + run <= bytes.size() * 8);
            for (u64 k = i; k < i + run; k += 1 + run / 64) REQUIRE((bytes[k / 8] >> (k % 8) & 1) == is_set);
        }
    }
};

} // namespace

TEST_CASE("sparse bits: as a plain row of bytes") {
    std::mt19937 random(1);
    auto below = [&](u64 n) { return random() % n; };
    for (int round = 0; round < 30; round++) {
        Model m(1 + below(20'000));
        for (int step = 0; step < 40; step++) {
            const u64 size = m.bytes.size(), at = below(size), length = below(size - at + 1), bit = below(size * 8);
            switch (below(6)) {
            case 0: m.set(bit, bit + below(50'000)); break;
            case 1: m.fill(at, length, below(2) ? 0xff : 0); break;
            case 2: m.put(at, std::vector<u8>(length, u8(below(3) * 127))); break;
            case 3: m.clear_from(bit); break;
            case 4: m.resize(1 + below(20'000)); break;
            default: m.set(bit, bit); break;
            }
        }
        m.check();
        SparseBits copy = m.bits;
        m.fill(0, m.bytes.size(), 0xff);
        CHECK(m.bits.uniform(0, m.bytes.size(), 0xff));
        copy = m.bits;
        CHECK(bytes_of(copy) == m.bytes);
    }
    CHECK_FALSE(SparseBits(8).get(64));
}

// SPDX-License-Identifier: MIT
// Operands of every class, and such that belong together: close to each other, or with a product at the edge of the range.
#include "vectors.h"

namespace emu::fp_vectors {
namespace {

using fp::Format;

/// Few bits set, few bits clear, or a run of ones: what makes ties and carries.
u64 sparse(Random& random, int bits) {
    const u64 mask = bits >= 64 ? ~u64(0) : (u64(1) << bits) - 1;
    u64 value = 0;
    for (u64 n = random.below(3) + 1; n; n--) value |= u64(1) << random.below(u64(bits));
    if (random.one_in(3)) value = (u64(1) << random.below(u64(bits))) - 1;
    return (random.one_in(2) ? ~value : value) & mask;
}

template <class F> F make(bool sign, s64 exponent, u64 fraction) {
    using T = Format<F>;
    if (exponent < 0) exponent = 0;
    if (exponent > T::exponent_max) exponent = T::exponent_max;
    typename T::Sig significand = fraction & u64(T::fraction_mask);
    if (T::explicit_one && exponent) significand |= T::leading_one;
    return fp::join<F>(sign, int(exponent), significand);
}

template <class F> F special(Random& random) {
    using T = Format<F>;
    const bool sign = random.one_in(2);
    const u64 all = u64(T::fraction_mask), quiet = u64(T::signaling_bit), noise = random() & (quiet - 1);
    switch (random.below(12)) {
    case 0: case 1: return make<F>(sign, 0, 0);
    case 2: case 3: return make<F>(sign, T::exponent_max, 0);
    case 4: return make<F>(sign, T::exponent_max, quiet | (random.one_in(2) ? noise : 0));
    case 5: return make<F>(sign, T::exponent_max, noise | 1);
    case 6: return make<F>(sign, T::exponent_max - 1, all);
    case 7: return make<F>(sign, 1, 0);
    case 8: return make<F>(sign, 0, 1);
    case 9: return make<F>(sign, 0, all);
    case 10: return make<F>(sign, 0, random() & all);
    default: return make<F>(sign, T::bias + s64(random.below(3)) - 1, 0);
    }
}

template <class F> F any(Random& random) {
    using T = Format<F>;
    const bool sign = random.one_in(2);
    const u64 fraction = random.one_in(2) ? random() : sparse(random, T::fraction_bits);
    const s64 few = s64(random.below(2 * T::fraction_bits));
    switch (random.below(7)) {
    case 0: case 1: return special<F>(random);
    case 2:
        if constexpr (T::explicit_one) return {random(), u16(random())};   // some of them are no numbers at all
        else return fp::from_raw<F>(typename T::Raw(random()));
    case 3: return make<F>(sign, T::bias - 3 + s64(random.below(8)), fraction);
    case 4: return make<F>(sign, T::bias - 2 + s64(random.below(68)), sparse(random, T::fraction_bits)); // integers and halves
    case 5: return make<F>(sign, few, fraction);
    default: return make<F>(sign, T::exponent_max - few, fraction);
    }
}

/// Belongs to those before it.
template <class F> F related(Random& random, F a, F b, unsigned which) {
    using T = Format<F>;
    const s64 ea = fp::split(a).exponent, eb = fp::split(b).exponent, few = s64(random.below(8)) - 4;
    const u64 fraction = random.one_in(2) ? u64(fp::split(a).fraction) ^ sparse(random, 4) : random();
    const bool sign = random.one_in(2);
    if (which == 2) return make<F>(sign, ea + eb - T::bias + few, fraction);
    switch (random.below(4)) {
    case 0: return make<F>(sign, ea + few, fraction);
    case 1: return make<F>(sign, T::bias - ea + few - s64(random.below(T::fraction_bits)), random());        // a * b is tiny
    case 2: return make<F>(sign, T::exponent_max + T::bias - ea + few, random());                            // a * b is huge
    default: return make<F>(sign, ea - T::bias + few + s64(random.below(T::fraction_bits)), random());       // so is a / b tiny
    }
}

template <class F> void fill_floats(Record& record, Random& random) {
    constexpr unsigned size = std::is_same_v<F, fp::F80> ? 10 : sizeof(F);
    for (unsigned lane = 0; lane < 16 / size; lane++) {
        F values[3];
        for (unsigned k = 0; k < 3; k++) {
            values[k] = k && random.one_in(2) ? related(random, values[0], values[k - 1], k) : any<F>(random);
            std::memcpy(record.operands[k] + lane * size, &values[k], size);
        }
    }
}

u64 integer(Random& random) {
    const u64 r = random.below(4);
    if (r == 0) return random();
    if (r == 1) return random() >> random.below(64);
    const u64 edge = sparse(random, 64);
    return r == 2 ? edge : edge + random.below(3) - 1;
}
template <class Int> void fill_integers(Record& record, Random& random) {
    for (auto& vector : record.operands)
        for (unsigned at = 0; at < 16; at += sizeof(Int)) {
            const Int value = Int(sizeof(Int) == 4 && random.one_in(2) ? integer(random) >> 32 : integer(random));
            std::memcpy(vector + at, &value, sizeof value);
        }
}

} // namespace

void fill_operands(Record& record, Kind kind, Random& random) {
    record = {};
    switch (kind) {
    case Kind::f16: return fill_floats<fp::F16>(record, random);
    case Kind::f32: return fill_floats<fp::F32>(record, random);
    case Kind::f64: return fill_floats<fp::F64>(record, random);
    case Kind::f80: return fill_floats<fp::F80>(record, random);
    case Kind::i32: return fill_integers<u32>(record, random);
    case Kind::i64: return fill_integers<u64>(record, random);
    }
}

} // namespace emu::fp_vectors

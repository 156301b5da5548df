// SPDX-License-Identifier: MIT
// A long row of bits, most of them like their neighbours, as dirty bitmaps are: stretches of equal bits take no memory, so that a
// few bytes of an image that say "all ones" cost no more than that.
#pragma once
#include "common/bytes.h"

#include <array>
#include <memory>
#include <vector>

namespace emu::block {

/// Bit n is bit n % 8 of byte n / 8. Bytes and bits behind the end read as zero and are not set.
class SparseBits {
public:
    explicit SparseBits(u64 bytes = 0) { resize(bytes); }
    SparseBits(const SparseBits& other) { *this = other; }
    SparseBits& operator=(const SparseBits& other);
    SparseBits(SparseBits&&) = default;
    SparseBits& operator=(SparseBits&&) = default;
    ~SparseBits() = default;

    u64 size() const { return size_; } ///< in bytes
    void resize(u64 bytes);

    bool get(u64 bit) const;
    /// `first` to `last`, both included.
    void set(u64 first, u64 last);
    /// All bits from this one on become zero.
    void clear_from(u64 bit);
    /// How many bits from this one on are known to be like it, at least one; far less than there are if that is quicker to say.
    u64 alike(u64 bit) const;

    /// Bytes `at` to `at + length` are all `value`, which is 0 or 0xff.
    bool uniform(u64 at, u64 length, u8 value) const;
    void fill(u64 at, u64 length, u8 value);
    void put(u64 at, ConstBytes from);
    void copy(u64 at, Bytes to) const;

private:
    static constexpr u64 piece_size = 4096;
    using Piece = std::array<u8, piece_size>;
    struct Part { ///< of a range of bytes, inside one piece
        u64 piece, inside, length;
    };
    static Part part_of(u64 at, u64 length);
    Piece& own(u64 piece);
    u8 value(u64 piece) const { return ones_[piece] ? 0xff : 0; } ///< of a piece that has no memory

    u64 size_ = 0;
    std::vector<std::unique_ptr<Piece>> pieces_;
    std::vector<bool> ones_;
};

} // namespace emu::block

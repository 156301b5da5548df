// SPDX-License-Identifier: MIT
#include "block/sparse_bits.h"

#include "common/bits.h"

#include <algorithm>

namespace emu::block {

SparseBits& SparseBits::operator=(const SparseBits& other) {
    if (this == &other) return *this;
    size_ = other.size_;
    ones_ = other.ones_;
    pieces_.clear();
    for (const auto& piece : other.pieces_) pieces_.push_back(piece ? std::make_unique<Piece>(*piece) : nullptr);
    return *this;
}

void SparseBits::resize(u64 bytes) {
    if (bytes < size_) fill(bytes, size_ - bytes, 0);
    // What a piece holds behind the end becomes visible.
    if (const u64 inside = size_ % piece_size; bytes > size_ && inside && !pieces_.empty() && (pieces_.back() || ones_.back())) {
        Piece& last = own(pieces_.size() - 1);
        std::fill(last.begin() + long(inside), last.end(), u8(0));
    }
    size_ = bytes;
    pieces_.resize((bytes + piece_size - 1) / piece_size);
    ones_.resize(pieces_.size());
}

SparseBits::Part SparseBits::part_of(u64 at, u64 length) {
    return {at / piece_size, at % piece_size, std::min(length, piece_size - at % piece_size)};
}

SparseBits::Piece& SparseBits::own(u64 piece) {
    if (!pieces_[piece]) {
        pieces_[piece] = std::make_unique<Piece>();
        pieces_[piece]->fill(value(piece));
    }
    return *pieces_[piece];
}

bool SparseBits::get(u64 bit) const {
    if (bit / 8 >= size_) return false;
    const auto [piece, inside, length] = part_of(bit / 8, 1);
    return (pieces_[piece] ? (*pieces_[piece])[inside] : value(piece)) >> (bit % 8) & 1;
}

void SparseBits::set(u64 first, u64 last) {
    if (!size_ || first / 8 >= size_) return;
    last = std::min(last, size_ * 8 - 1);
    if (first > last) return;
    auto raise = [&](u64 byte, unsigned mask) {
        if (!uniform(byte, 1, 0xff)) own(byte / piece_size)[byte % piece_size] |= u8(mask);
    };
    const unsigned head = 0xffu << (first % 8), tail = 0xffu >> (7 - last % 8);
    if (first / 8 == last / 8) return raise(first / 8, head & tail);
    raise(first / 8, head);
    fill(first / 8 + 1, last / 8 - first / 8 - 1, 0xff);
    raise(last / 8, tail);
}

void SparseBits::clear_from(u64 bit) {
    if (bit / 8 >= size_) return;
    if (bit % 8 && !uniform(bit / 8, 1, 0)) own(bit / 8 / piece_size)[bit / 8 % piece_size] &= u8(ones(unsigned(bit % 8)));
    const u64 next = (bit + 7) / 8;
    fill(next, size_ - next, 0);
}

u64 SparseBits::alike(u64 bit) const {
    if (bit / 8 >= size_) return ~u64(0) - bit;
    const auto [piece, inside, length] = part_of(bit / 8, piece_size);
    if (!pieces_[piece]) {
        u64 end = piece + 1;
        while (end < pieces_.size() && !pieces_[end] && ones_[end] == ones_[piece]) end++;
        return std::min(end * piece_size, size_) * 8 - bit;
    }
    const Piece& bytes = *pieces_[piece];
    const bool is_set = bytes[inside] >> (bit % 8) & 1;
    u64 run = 1;
    while ((bit + run) % 8 && (bytes[inside] >> ((bit + run) % 8) & 1) == is_set) run++;
    if ((bit + run) % 8) return run;
    for (u64 i = inside + 1; i < piece_size && piece * piece_size + i < size_ && bytes[i] == (is_set ? 0xff : 0); i++) run += 8;
    return run;
}

bool SparseBits::uniform(u64 at, u64 length, u8 wanted) const {
    for (Part p; length; at += p.length, length -= p.length) {
        p = part_of(at, length);
        const auto& piece = pieces_[p.piece];
        if (piece ? std::any_of(piece->begin() + long(p.inside), piece->begin() + long(p.inside + p.length), [&](u8 x) { return x != wanted; })
                  : value(p.piece) != wanted)
            return false;
    }
    return true;
}

void SparseBits::fill(u64 at, u64 length, u8 wanted) {
    for (Part p; length; at += p.length, length -= p.length) {
        p = part_of(at, length);
        if (p.length == piece_size || (!p.inside && at + p.length == size_)) {
            pieces_[p.piece].reset();
            ones_[p.piece] = wanted != 0;
        } else if (pieces_[p.piece] || value(p.piece) != wanted) {
            std::fill_n(own(p.piece).begin() + long(p.inside), p.length, wanted);
        }
    }
}

void SparseBits::put(u64 at, ConstBytes from) {
    for (u64 done = 0; done < from.size();) {
        const Part p = part_of(at + done, from.size() - done);
        const ConstBytes part = from.subspan(done, p.length);
        const u8 first = part[0];
        if ((first == 0 || first == 0xff) && std::all_of(part.begin(), part.end(), [&](u8 x) { return x == first; })) fill(at + done, p.length, first);
        else std::copy(part.begin(), part.end(), own(p.piece).begin() + long(p.inside));
        done += p.length;
    }
}

void SparseBits::copy(u64 at, Bytes to) const {
    for (u64 done = 0; done < to.size();) {
        const Part p = part_of(at + done, to.size() - done);
        const Bytes part = to.subspan(done, p.length);
        if (pieces_[p.piece]) std::copy_n(pieces_[p.piece]->begin() + long(p.inside), p.length, part.begin());
        else std::fill(part.begin(), part.end(), value(p.piece));
        done += p.length;
    }
}

} // namespace emu::block

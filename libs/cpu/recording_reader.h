// SPDX-License-Identifier: MIT
// Remembers what a translation read of the guest's code: a second look gives the same bytes, and when the translation is to be
// put to use it is known whether it is still one of what memory holds.
#pragma once
#include "isa/isa.h"

#include <array>
#include <vector>

namespace emu::cpu {

class RecordingReader final : public isa::CodeReader {
public:
    explicit RecordingReader(isa::CodeReader& source) : source_(source) {}
    bool read(u64 address, Bytes to) override;
    /// Does memory still hold what was read? Call after writes to it are being noticed.
    bool unchanged();

private:
    /// Memory is read in aligned pieces, which lie within a page. Where it ends in the middle of one (not that of a guest, but of
    /// small code in tests), the piece is shorter.
    static constexpr usize piece_size = 64;
    struct Piece {
        u64 start;
        usize size;
        std::array<u8, piece_size> bytes;
    };
    const Piece& piece(u64 start);

    isa::CodeReader& source_;
    std::vector<Piece> pieces_; ///< few, and mostly the last one is asked for
};

} // namespace emu::cpu

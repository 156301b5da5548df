// SPDX-License-Identifier: MIT
#include "cpu/recording_reader.h"

#include <algorithm>
#include <cstring>

namespace emu::cpu {

const RecordingReader::Piece& RecordingReader::piece(u64 start) {
    const auto known = std::find_if(pieces_.rbegin(), pieces_.rend(), [&](const Piece& p) { return p.start == start; });
    if (known != pieces_.rend()) return *known;
    Piece& fresh = pieces_.emplace_back();
    fresh.start = start;
    fresh.size = piece_size;
    while (fresh.size && !source_.read(start, Bytes(fresh.bytes).first(fresh.size))) fresh.size--;
    return fresh;
}

bool RecordingReader::read(u64 address, Bytes to) {
    if (!pieces_.empty()) { // mostly it is all in the last one
        const Piece& last = pieces_.back();
        if (const u64 offset = address - last.start; offset < last.size && to.size() <= last.size - offset) {
            std::memcpy(to.data(), last.bytes.data() + offset, to.size());
            return true;
        }
    }
    while (!to.empty()) {
        const u64 start = address & ~u64(piece_size - 1);
        const Piece& from = piece(start);
        const usize offset = usize(address - start), size = std::min(to.size(), piece_size - offset);
        if (offset + size > from.size) return false;
        std::copy_n(from.bytes.begin() + s64(offset), size, to.begin());
        to = to.subspan(size);
        address += size;
    }
    return true;
}

bool RecordingReader::unchanged() {
    return std::all_of(pieces_.begin(), pieces_.end(), [&](const Piece& piece) {
        std::array<u8, piece_size> now;
        return !piece.size || (source_.read(piece.start, Bytes(now).first(piece.size)) && std::equal(now.begin(), now.begin() + s64(piece.size), piece.bytes.begin()));
    });
}

} // namespace emu::cpu

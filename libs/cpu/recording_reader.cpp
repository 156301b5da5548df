// SPDX-License-Identifier: MIT
#include "cpu/recording_reader.h"

#include <algorithm>

namespace emu::cpu {

const RecordingReader::Piece* RecordingReader::piece(u64 start) {
    if (start == last_start_) return last_;
    auto [at, fresh] = pieces_.try_emplace(start);
    Piece& it = at->second;
    if (fresh) it.size = piece_size;
    while (fresh && it.size && !source_.read(start, Bytes(it.bytes).first(it.size))) it.size--;
    last_start_ = start;
    return last_ = &at->second;
}

bool RecordingReader::read(u64 address, Bytes to) {
    while (!to.empty()) {
        const u64 start = address & ~u64(piece_size - 1);
        const Piece* from = piece(start);
        const usize offset = usize(address - start), size = std::min(to.size(), piece_size - offset);
        if (offset + size > from->size) return false;
        std::copy_n(from->bytes.begin() + s64(offset), size, to.begin());
        to = to.subspan(size);
        address += size;
    }
    return true;
}

bool RecordingReader::unchanged() {
    return std::all_of(pieces_.begin(), pieces_.end(), [&](const auto& entry) {
        const auto& [start, piece] = entry;
        std::array<u8, piece_size> now;
        return !piece.size || (source_.read(start, Bytes(now).first(piece.size)) && std::equal(now.begin(), now.begin() + s64(piece.size), piece.bytes.begin()));
    });
}

} // namespace emu::cpu

// SPDX-License-Identifier: MIT
// Pieces of metadata tables in memory: read once, changed in place, written back when told. Not locked: the owner's lock
// covers it (shared for find(), exclusive for everything else).
#pragma once
#include "block/node.h"

#include <atomic>
#include <functional>
#include <memory>
#include <unordered_map>

namespace emu::block::qcow2 {

class TableCache {
public:
    struct Piece {
        u64 offset = 0;
        std::vector<u8> bytes;
        bool dirty = false;
        mutable std::atomic<u64> used{0};
    };

    /// Pieces of `piece_size` bytes, at most `capacity` bytes of them.
    TableCache(Node& file, u64 piece_size, u64 capacity);

    u64 piece_size() const { return piece_size_; }
    /// The piece if it is here.
    Piece* find(u64 offset) const;
    /// The piece, read if need be. `make_room` is called before a changed piece has to go; afterwards none may be changed.
    Result<Piece*> get(u64 offset);
    /// A piece that does not exist on storage yet: all zeroes and changed.
    Result<Piece*> fresh(u64 offset);
    void mark(Piece& piece);
    bool dirty() const { return dirty_ != 0; }
    /// Write all changed pieces, in order of their place, neighbours together.
    Result<void> write_back();
    /// Forget pieces in a range, changed or not.
    void drop(u64 offset, u64 length);
    void drop_all();
    std::function<Result<void>()> make_room;

private:
    Result<void> evict();
    Node& file_;
    u64 piece_size_;
    usize max_pieces_;
    std::unordered_map<u64, std::unique_ptr<Piece>> pieces_;
    mutable std::atomic<u64> clock_{0};
    usize dirty_ = 0;
};

/// Reads that may reach behind the end of the storage, where there are zeroes.
Result<void> read_padded(Node& file, u64 at, Bytes to);

} // namespace emu::block::qcow2

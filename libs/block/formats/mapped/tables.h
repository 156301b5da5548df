// SPDX-License-Identifier: MIT
// Parts of a map in memory. FlatTable: one table, held whole. SliceCache: any number of tables, of which a bounded amount is
// held, in slices. Both remember what changed and write it when told to.
#pragma once
#include "block/node.h"
#include "common/bytes.h"

#include <functional>
#include <list>
#include <unordered_map>

namespace emu::block {

/// A table of 32- or 64-bit numbers as it lies in the file.
class FlatTable {
public:
    FlatTable() = default;
    FlatTable(u64 at, Endian order) : at_(at), order_(order) {}
    /// Bytes read from the file; what lies behind its end is refused.
    Result<void> load(Node& file, u64 bytes);
    void assign(std::vector<u8> bytes) { bytes_ = std::move(bytes); }
    u64 at() const { return at_; }
    void move_to(u64 at);
    u64 bytes() const { return bytes_.size(); }
    ConstBytes data() const { return bytes_; }
    u32 get32(u64 index) const { return load_bytes<u32>(bytes_.data() + index * 4, order_); }
    u64 get64(u64 index) const { return load_bytes<u64>(bytes_.data() + index * 8, order_); }
    void put32(u64 index, u32 value);
    void put64(u64 index, u64 value);
    /// Grow, new bytes being `fill`; they are dirty.
    void resize(u64 bytes, u8 fill);
    bool dirty() const { return !dirty_.empty(); }
    /// Write dirty parts (and forget that they are dirty) through `write(at, bytes)`, or into `file`.
    Result<void> write_dirty(const std::function<Result<void>(u64, ConstBytes)>& write);
    Result<void> write_dirty(Node& file);
    /// Changed parts, for formats that log them: offsets in the file, whole sectors of `unit` bytes.
    static constexpr u64 unit = 4096;

private:
    void mark(u64 from, u64 length);
    u64 at_ = 0;
    Endian order_ = Endian::little;
    std::vector<u8> bytes_;
    std::vector<bool> dirty_units_;
    std::vector<u64> dirty_; ///< numbers of the units, unordered
};

/// Slices of second-level tables, least recently used ones dropped.
class SliceCache {
public:
    using Writer = std::function<Result<void>(u64 at, ConstBytes bytes)>;
    /// `slice`: bytes of one, a power of two; the tables' offsets need not be multiples of it.
    SliceCache(Node& file, u64 slice, Endian order, u64 capacity_bytes = u64(8) << 20);
    u64 slice() const { return slice_; }

    Result<u32> get32(u64 table, u64 index);
    Result<u64> get64(u64 table, u64 index);
    // Changes; `make_room` is called when nothing clean is left to drop, and must leave the cache clean.
    Result<void> put32(u64 table, u64 index, u32 value);
    Result<void> put64(u64 table, u64 index, u64 value);
    void set_make_room(std::function<Result<void>()> fn) { make_room_ = std::move(fn); }
    bool dirty() const { return dirty_count_ > 0; }
    Result<void> write_dirty(const Writer& write);
    void drop_all();

private:
    struct Slice {
        u64 at;
        std::vector<u8> bytes;
        bool dirty = false;
    };
    Result<Slice*> find(u64 at);
    template <class T> Result<T> get(u64 table, u64 index);
    template <class T> Result<void> put(u64 table, u64 index, T value);
    Node& file_;
    u64 slice_;
    Endian order_;
    usize capacity_;
    usize dirty_count_ = 0;
    std::list<Slice> slices_; ///< most recently used first
    std::unordered_map<u64, std::list<Slice>::iterator> by_offset_;
    std::function<Result<void>()> make_room_;
};

} // namespace emu::block

// SPDX-License-Identifier: MIT
// The common half of formats that map fixed-size blocks of the guest to places in a file: walks over blocks, allocation with
// copy from the backing image, zeroes, extents, and the order in which things reach the storage.
//
// Write ordering, the same for all of them: a changed map stays in memory until flush(). Then (1) all data is flushed, (2) the map
// is written, deepest level first, a flush behind each level. A crash therefore never shows a map entry whose block is not
// complete; what it can leave behind is space that no entry names.
//
// Locking: one mutex guards the map. Data is read and written outside of it. While a block is being allocated its number is
// in `busy_`; others that want to write to it wait. Space is never handed out twice in the life of a node, so that a write in
// flight cannot hit a block that has moved.
#pragma once
#include "block/image.h"

#include <condition_variable>
#include <mutex>
#include <set>

namespace emu::block {

/// Where a block of the guest is.
struct Place {
    enum class Kind : u8 {
        hole,  ///< not here: the backing image shows
        zero,
        data,  ///< plain, at `offset`
        other, ///< read through read_other() (compressed, or elsewhere)
    };
    Kind kind = Kind::hole;
    u64 offset = 0;
};

class MappedNode : public Node {
public:
    std::vector<NodePtr> children() const override { return {file_}; }
    Limits limits() const override;

protected:
    MappedNode(NodePtr file, u64 block_bytes, bool writable) : file_(std::move(file)), block_(block_bytes) {
        read_only_ = !writable;
    }

    // All of these are called with the map locked.
    virtual Result<Place> lookup(u64 index) = 0;
    /// Room for one block.
    struct Room {
        u64 offset = 0;
        bool fresh = false; ///< reads as zeroes
    };
    virtual Result<Room> reserve(u64 index);
    virtual Result<void> link(u64 index, u64 offset);   ///< the block's data is at `offset` now
    virtual Result<void> link_zero(u64 index);          ///< ENOTSUP: the format has no such state
    virtual Result<void> unlink(u64 index);             ///< a hole again; ENOTSUP likewise
    /// Write what changed in the map; data is flushed already. The last level may be left unflushed.
    virtual Result<void> commit_map() { return {}; }
    /// Before the first change to the image (marks "in use").
    virtual Result<void> begin_changes() { return {}; }
    /// What shows through holes: the backing image, for all but parts of larger images.
    virtual u64 below_size() const { return backing() ? backing()->size() : 0; }
    virtual Result<void> read_below(u64 at, Bytes to) { return read_backing(at, to); }
    /// Encryption and the like (whole sectors of 512 bytes): bytes on their way to and from the file. `at` counts in the guest.
    virtual void decode(u64 /*at*/, Bytes /*data*/) {}
    virtual void encode(u64 /*at*/, Bytes /*data*/) {}
    virtual bool encoded() const { return false; }

    /// Not locked: read from a block of kind `other`.
    virtual Result<void> read_other(u64 index, const Place& place, u64 within, Bytes to);

    Result<void> do_read(u64 at, Bytes to) override;
    Result<void> do_write(u64 at, ConstBytes from, WriteFlags flags) override;
    Result<void> do_write_zeroes(u64 at, u64 length, WriteFlags flags) override;
    Result<void> do_discard(u64 at, u64 length) override;
    Result<void> do_flush() override;
    Result<Extent> do_extent(u64 at, u64 length) override;
    Result<void> do_close() override;

    Result<void> write_data(u64 offset, u64 guest, ConstBytes from);
    /// Room at the end of the file, aligned (the file grows); what is used up is remembered in end_.
    Result<Room> reserve_at_end(u64 bytes, u64 alignment);
    /// Flush data, then the map. Locks.
    Result<void> flush_all();
    Result<void> flush_locked();
    /// For begin_changes and for formats that change metadata by themselves.
    Result<void> start_changes_locked();

    NodePtr file_;
    u64 block_;
    std::mutex map_mutex_;
    bool map_dirty_ = false, changing_ = false;
    u64 end_ = 0; ///< first byte of the file that nothing uses

private:
    struct Run {
        Place place;
        u64 length;
    };
    Result<Run> run_at(u64 at, u64 length, bool for_write);
    Result<void> write_new(u64 index, u64 within, ConstBytes from, const Place& old);
    Result<void> fill(u64 guest, u64 offset, u64 length, const Place& old, u64 index, bool fresh);
    Result<void> zero_block_part(u64 index, u64 within, u64 length, WriteFlags flags);
    std::condition_variable not_busy_;
    std::set<u64> busy_;
};

} // namespace emu::block

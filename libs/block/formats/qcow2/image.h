// SPDX-License-Identifier: MIT
// A qcow2 image as a node. The parts: image.cpp (opening, closing, flushing), map.cpp (guest to host), read.cpp, write.cpp,
// discard.cpp, size.cpp, snapshots.cpp, bitmaps.cpp, check.cpp, repair.cpp, amend.cpp, info.cpp.
//
// Locks, outermost first:
//   io_      shared by requests; exclusive for what rearranges the image (discard, snapshots, resize, repair)
//   meta_    tables and counts in memory: shared to look up, exclusive to load and to change; never held during data I/O
//
// Write ordering. A cluster is first counted, then filled, then entered in its L2 table; counts reach the storage before the
// table entries that need them (refcount blocks, refcount table, L2 tables, L1 table, with flushes between). A cluster is freed
// in memory at once but its count falls only after the entry's removal is on storage. A crash thus leaves leaks at worst.
// place() is the exception: its clusters, behind the end of the storage, are entered before they are filled. Until they are, check
// may find them outside the file.
// With lazy refcounts the dirty bit is set first instead, and counts are made anew on the next writable open.
#pragma once
#include "block/formats/qcow2/header.h"
#include "block/formats/qcow2/refcounts.h"
#include "block/formats/qcow2/table_cache.h"
#include "block/image.h"
#include "crypto/sectors.h"

#include <atomic>
#include <condition_variable>
#include <list>
#include <shared_mutex>
#include <unordered_set>

namespace emu::block::qcow2 {

// L1 and L2 entries ("L1 table entry", "L2 table entry").
inline constexpr u64 offset_mask = 0x00fffffffffffe00, flag_copied = u64(1) << 63, flag_compressed = u64(1) << 62, flag_zero = 1;
inline constexpr unsigned subclusters_per_cluster = 32;

struct L2Entry {
    u64 descriptor = 0, bitmap = 0;
};
enum class State : u8 { unallocated, zero, data, compressed };
/// A run of guest bytes that are stored alike and in one piece.
struct Run {
    State state = State::unallocated;
    u64 length = 0;
    u64 host = 0;           ///< data: where it is; zero: reserved cluster, or 0; compressed: the descriptor
    bool reserved = false;  ///< a host cluster exists although it is not read
};

struct Snapshot {
    u64 l1_offset = 0;
    u32 l1_size = 0;
    SnapshotInfo info;
    std::vector<u8> unknown_extra; ///< extra data behind what we know
};

struct Bitmap {
    std::string name;
    u64 table_offset = 0;
    u32 table_size = 0, flags = 0;
    u8 type = 1, granularity_bits = 16;
    std::vector<u8> extra;
    SparseBits bits;         ///< when loaded
    bool loaded = false, changed = false;
};
inline constexpr u32 bitmap_in_use = 1, bitmap_auto = 2;

/// What overlaps are looked for before a write.
struct Options {
    bool lazy_refcounts = false;
    bool pass_discard_request = true, pass_discard_snapshot = true, pass_discard_other = false, discard_no_unref = false;
    bool check_overlaps = true;
    u64 l2_cache_bytes = u64(32) << 20, refcount_cache_bytes = u64(4) << 20;
};

class Image final : public Node {
public:
    Image(NodePtr file, Header header, Options options);
    ~Image() override;
    static Result<NodePtr> open(NodePtr file, OpenArgs& args);

    std::string_view driver() const override { return "qcow2"; }
    Limits limits() const override;
    std::vector<NodePtr> children() const override;
    Result<std::vector<u8>> pack_cluster(ConstBytes plain) const override;
    Result<void> write_packed(u64 at, ConstBytes packed) override;
    Result<ImageInfo> info() override;
    Result<CheckResult> check(CheckMode mode) override;
    Result<void> change_backing(std::string_view file, std::string_view format) override;
    Result<void> make_empty() override;
    Result<void> amend(AmendArgs& args) override;
    Result<void> snapshot_create(std::string_view name) override;
    Result<void> snapshot_apply(std::string_view id_or_name) override;
    Result<void> snapshot_delete(std::string_view id_or_name) override;
    Result<void> snapshot_load(std::string_view id_or_name) override;
    Result<std::vector<BitmapInfo>> bitmaps() override;
    Result<void> bitmap_action(const BitmapAction& action) override;
    Result<SparseBits> bitmap_bits(std::string_view name) override;
    Result<void> vmstate_read(u64 at, Bytes to) override;
    Result<void> vmstate_write(u64 at, ConstBytes from) override;

    const Header& header() const { return h_; }
    u64 bitmaps_size(u64 new_size) const;

protected:
    u64 do_size() const override { return virtual_size_.load(std::memory_order_relaxed); }
    Result<void> do_read(u64 at, Bytes to) override;
    Result<void> do_write(u64 at, ConstBytes from, WriteFlags flags) override;
    Result<void> do_write_zeroes(u64 at, u64 length, WriteFlags flags) override;
    Result<bool> do_place(u64 at, u64 length) override;
    Result<void> do_discard(u64 at, u64 length) override;
    Result<void> do_flush() override;
    Result<Extent> do_extent(u64 at, u64 length) override;
    Result<void> do_truncate(u64 size, Preallocation preallocation) override;
    Result<void> do_close() override;

private:
    friend class Checker;
    friend Result<void> create(NodePtr file, CreateArgs& args);

    // Geometry.
    u64 cluster() const { return u64(1) << h_.cluster_bits; }
    u64 cluster_down(u64 x) const { return x & ~(cluster() - 1); }
    u64 cluster_up(u64 x) const { return (x + cluster() - 1) & ~(cluster() - 1); }
    u64 subcluster() const { return h_.extended_l2() ? cluster() / subclusters_per_cluster : cluster(); }
    u64 l1_index(u64 at) const { return at >> (h_.cluster_bits + l2_bits_); }
    u64 l2_index(u64 at) const { return (at >> h_.cluster_bits) & ((u64(1) << l2_bits_) - 1); }
    Node& data() const { return data_file_ ? *data_file_ : *file_; }

    // Opening and header (image.cpp).
    Result<void> load(OpenArgs& args);
    Result<void> open_data_file(OpenArgs& args);
    Result<void> open_cipher(OpenArgs& args);
    Result<void> load_l1(u64 offset, u32 entries, std::vector<u64>& to);
    Result<void> write_header();
    Result<void> set_incompatible(u64 bits, bool on);
    Result<void> mark_dirty();
    Result<void> first_change(); ///< before the image changes for the first time after opening
    Result<void> write_out();     ///< tables in order, without the last flush; meta_ held
    Result<void> flush_all();     ///< write_out, flush, counts of what was freed; meta_ held
    Result<void> write_l1();
    Result<void> apply_frees();
    void punch_hole();
    void free_later(u64 offset, u64 length);
    tl::unexpected<Error> corrupt(std::string_view why);
    Result<void> check_overlap(u64 offset, u64 length);
    void note_metadata();

    // Guest to host (map.cpp); meta_ held.
    Result<TableCache::Piece*> l2_piece(u64 at, bool load);
    Result<L2Entry> entry_at(u64 at, bool load, bool& missing);
    L2Entry entry_in(const TableCache::Piece& piece, u64 at) const;
    void put_entry(TableCache::Piece& piece, u64 at, L2Entry entry);
    Result<TableCache::Piece*> writable_l2(u64 at);
    Result<Run> classify(L2Entry entry, u64 at, u64 length) const;
    Result<std::optional<Run>> run_at(u64 at, u64 length, bool load);
    Result<Run> lookup(u64 at, u64 length);
    void free_entry(L2Entry entry);
    u64 compressed_offset(u64 descriptor) const;
    u64 compressed_length(u64 descriptor) const;

    // Reading (read.cpp).
    Result<void> read_run(const Run& run, u64 at, Bytes to);
    Result<void> read_compressed(u64 descriptor, u64 inside, Bytes to);
    Result<void> read_guest(u64 at, Bytes to);

    // Writing (write.cpp).
    struct Flight {
        u64 start, end; ///< guest bytes, whole clusters
    };
    struct Allocation {
        u64 start = 0, end = 0; ///< guest bytes, whole clusters
        u64 host = 0;
        bool fresh = false;     ///< counted for this write; else clusters that were there already
        bool blank = false;     ///< behind the end of the storage: reads as zeroes
        u64 head = 0, tail = 0; ///< what must be copied before and behind the data, in bytes
        bool whole = false;     ///< all subclusters become data
    };
    Result<std::optional<Run>> writable_run(u64 at, u64 length, bool load);
    Result<Allocation> allocate_for(u64 at, u64 length);
    Result<void> plan_copies(Allocation& a, u64 at, u64 end);
    Result<bool> reads_zero(u64 at, u64 length);
    Result<u64> clusters_to_allocate(u64 at, u64 length, Allocation& a);
    Result<void> fill(const Allocation& a, u64 at, ConstBytes from);
    Result<void> link(const Allocation& a, u64 at, u64 length);
    /// The number of the sector that initialisation vectors count from: LUKS counts in the storage, AES in the disk.
    u64 cipher_sector(u64 host, u64 guest) const { return (h_.crypt == CryptMethod::luks ? host : guest) / 512; }
    Result<void> write_data(u64 host, u64 guest, ConstBytes from);
    Result<void> write_new(u64 at, ConstBytes& from);
    Result<void> write_compressed(u64 at, ConstBytes from);
    Result<void> put_packed(u64 at, ConstBytes packed);
    void land(std::list<Flight>::iterator flight);
    bool flying(u64 start, u64 end) const;

    Result<void> zero_clusters(u64 at, u64 length, bool unmap);
    Result<void> zero_one(u64 at, u64 length, bool unmap);
    Result<void> discard_clusters(u64 at, u64 length, bool keep_zero);
    Result<bool> has_allocation(u64 at, u64 length);
    u64 skip_empty_l1(u64 at, u64 end) const;

    // Size (size.cpp).
    Result<void> grow_l1(u64 entries);
    Result<void> preallocate(u64 from, u64 to, Preallocation mode);
    Result<void> shrink(u64 size);
    Result<void> resize(u64 size, Preallocation preallocation);

    // Amending (amend.cpp).
    Result<void> expand_zeroes(const std::function<void(u64, u64)>& progress);
    Result<void> downgrade(const std::function<void(u64, u64)>& progress);
    Result<void> change_refcount_order(u32 order);
    Result<void> amend_version(AmendArgs& args);

    // Snapshots (snapshots.cpp).
    Result<void> load_snapshots();
    Result<void> write_snapshots();
    Result<Snapshot*> find_snapshot(std::string_view id_or_name);
    Result<void> update_counts(const std::vector<u64>& l1, s64 delta);
    Result<void> fix_copied_flags();

    // Bitmaps (bitmaps.cpp).
    Result<void> load_bitmaps();
    Result<void> load_bits(Bitmap& bitmap);
    Result<void> store_bits(Bitmap& bitmap);
    Result<void> write_bitmap_directory();
    Result<void> start_bitmaps();
    Result<void> store_bitmaps();
    void note_write(u64 at, u64 length);
    Bitmap* find_bitmap(std::string_view name);
    Result<void> free_bits(Bitmap& bitmap);

    NodePtr file_, data_file_;
    Header h_;
    Options options_;
    unsigned l2_bits_;
    std::atomic<u64> virtual_size_;
    std::unique_ptr<crypto::SectorCipher> cipher_;
    std::string key_secret_; ///< the id of the secret that opened it
    Context* context_ = nullptr; ///< outlives the image
    std::atomic<bool> corruption_said_ = false; ///< readers side by side may find it
    bool untrusted_ = false, no_io_ = false;

    mutable std::shared_mutex io_;
    mutable std::shared_mutex meta_;
    std::vector<u64> l1_;
    std::vector<bool> l1_dirty_; ///< by sector of 64 entries
    bool any_l1_dirty_ = false;
    TableCache l2_;
    Refcounts counts_;
    std::vector<std::pair<u64, u64>> frees_;
    std::pair<u64, u64> hole_{}; ///< freed clusters that still take up storage
    bool joining_holes_ = false;
    u64 free_clusters_ = 0;
    std::list<Flight> flights_;
    std::condition_variable_any landed_;
    std::atomic<bool> changed_{false}; ///< first_change() has been
    std::mutex change_mutex_;
    std::unordered_set<u64> metadata_; ///< host clusters of tables, for overlap checks
    std::atomic<bool> metadata_noted_{false};

    std::vector<Snapshot> snapshots_;
    u64 snapshots_bytes_ = 0;
    bool snapshot_loaded_ = false;
    std::vector<Bitmap> bitmaps_;
    std::atomic<bool> tracking_{false}; ///< some bitmap records writes
    std::mutex bitmap_mutex_;
};

/// Writes an empty image; also used by convert's one-pass output.
Result<void> create(NodePtr file, CreateArgs& args);
Result<Measure> measure(u64 size, CreateArgs& args, Node* source);
/// From create options, for create, measure and amend.
Result<Header> plan_header(u64 size, KeyValues& options);

} // namespace emu::block::qcow2

// SPDX-License-Identifier: MIT
// A node of the block graph: a range of bytes that can be read, written and asked about.
//
// Protocols (file, nbd, ssh ...) are leaves, formats (qcow2, vmdk ...) stand on one or more children, filters on one.
// Calls block; they may come from any number of threads at once, and a driver makes itself re-entrant with locks as fine as
// it needs. Parallelism, batching and progress live above (libs/block/ops), the host's I/O engines below (protocols/file).
//
// Every call is checked against the node's size before a driver sees it: use the non-virtual read(), write() ...; drivers
// override the do_...() functions. Requests need no alignment from the caller; where a node's Limits ask for one, the
// non-virtual functions bounce or read-modify-write.
#pragma once
#include "block/sparse_bits.h"
#include "common/json.h"
#include "common/result.h"
#include "common/types.h"

#include <atomic>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace emu::block {

class Node;
struct AmendArgs;
using NodePtr = std::shared_ptr<Node>;

/// What a write must do beyond changing the bytes. Combine with |.
enum class WriteFlags : u32 {
    none = 0,
    fua = 1,         ///< on stable storage when the call returns (the base flushes; drivers that know better: heeds_fua())
    may_unmap = 2,   ///< write_zeroes: deallocating is welcome
    no_fallback = 4, ///< write_zeroes: fail with ENOTSUP rather than write a buffer of zeroes
    compressed = 8,  ///< write: store compressed; whole clusters only
};
constexpr WriteFlags operator|(WriteFlags a, WriteFlags b) { return WriteFlags(u32(a) | u32(b)); }
constexpr WriteFlags operator-(WriteFlags a, WriteFlags b) { return WriteFlags(u32(a) & ~u32(b)); }
constexpr bool has(WriteFlags set, WriteFlags flag) { return (u32(set) & u32(flag)) != 0; }

/// How a range is stored. `data` and `zero` as `map` prints them: data = reads from storage of this chain,
/// zero = reads as zeroes for certain.
struct Extent {
    u64 length = 0;          ///< > 0, at most what was asked for
    bool data = false;
    bool zero = false;
    bool allocated = false;  ///< decided by this layer, not by its backing node
    bool compressed = false;
    std::optional<u64> offset = {};  ///< where the bytes lie in `file`, when they lie there plainly
    const Node* file = nullptr;      ///< the node that `offset` counts in
};

enum class Preallocation : u8 { off, metadata, falloc, full };
Result<Preallocation> parse_preallocation(std::string_view text);
std::string_view preallocation_name(Preallocation mode);

enum class DetectZeroes : u8 { off, on, unmap };

/// What requests a node likes. All powers of two; 0 = no limit.
struct Limits {
    u32 request_alignment = 1;  ///< reads and writes must be multiples of it (O_DIRECT, encryption)
    u64 cluster_size = 0;       ///< unit of allocation; what compressed writes must cover whole
    u64 max_transfer = 0;
    u64 zero_alignment = 1;     ///< write_zeroes below it is written as data
    u64 discard_alignment = 1;
    bool can_write_compressed = false;
    bool only_compressed = false; ///< copies are best written as compressed clusters, whether asked for or not
    bool can_pack = false;      ///< pack_cluster() and write_packed() work
    bool fast_zero = false;     ///< write_zeroes(no_fallback) works
    bool zero_after_create = false; ///< a fresh image reads as zeroes
    bool growable = false;      ///< storage: writes behind the end make it longer
};

struct SnapshotInfo {
    std::string id, name;
    u64 vm_state_size = 0, vm_clock_nsec = 0, disk_size = 0;
    s64 date_sec = 0;
    u32 date_nsec = 0;
    std::optional<u64> icount;
};

struct BitmapInfo {
    std::string name;
    u64 granularity = 0;
    bool enabled = false, inconsistent = false, persistent = true;
};

/// One step of `bitmap`: what to do to the named bitmap of this node.
struct BitmapAction {
    enum class Kind : u8 { add, remove, clear, enable, disable, merge };
    Kind kind = Kind::add;
    std::string name;
    u64 granularity = 0;       ///< add: 0 chooses
    Node* source = nullptr;    ///< merge: the node of the other bitmap (may be this one)
    std::string source_name;
};

/// What `info` prints of one node beside its backing file. `specific` is the format-specific object
/// ({"type":..., "data":...}) or null.
struct ImageInfo {
    std::optional<u64> cluster_size;
    bool encrypted = false, compressed = false, dirty = false;
    u64 vm_state_offset = 0; ///< where the machine state area would begin in the space of the disk; 0: there is none
    std::vector<SnapshotInfo> snapshots;
    Json specific;
};

/// A zone of a zoned block device; all numbers in bytes. Condition and type as the kernel numbers them (linux/blkzoned.h).
struct Zone {
    u64 start = 0, length = 0, capacity = 0, write_pointer = 0;
    u8 condition = 0, type = 0;
};
enum class ZoneAction : u8 { open, close, finish, reset };

/// Result of a consistency check; counters as `check --output=json` prints them.
struct CheckResult {
    u64 corruptions = 0, leaks = 0, check_errors = 0, corruptions_fixed = 0, leaks_fixed = 0;
    std::optional<u64> image_end_offset, total_clusters, allocated_clusters, fragmented_clusters, compressed_clusters;
    std::vector<std::string> messages; ///< one per problem, for people
};
struct CheckMode {
    bool fix_leaks = false, fix_errors = false;
};

class Node {
public:
    virtual ~Node() = default;
    Node(const Node&) = delete;

    /// Name of the driver: "qcow2", "file".
    virtual std::string_view driver() const = 0;
    /// Size in bytes now. Need not be a multiple of anything.
    u64 size() const { return do_size(); }
    virtual Limits limits() const { return {}; }
    bool read_only() const { return read_only_; }
    /// What people call the image (a path, a URL or json:{...}); for messages and `info`.
    const std::string& name() const { return name_; }

    Result<void> read(u64 at, Bytes to);
    Result<void> write(u64 at, ConstBytes from, WriteFlags flags = WriteFlags::none);
    Result<void> write_zeroes(u64 at, u64 length, WriteFlags flags = WriteFlags::none);
    /// For writers of a new image that keep an order only because places are given out in it: settle where [at, at + length) will
    /// lie. True: from now on the bytes may be written in any order, and until then the range reads as before or as zeroes.
    /// False: nothing has happened, the write itself must keep its order.
    Result<bool> place(u64 at, u64 length);
    /// Give the range back to the storage below. Advisory: a node that cannot succeeds and does nothing.
    Result<void> discard(u64 at, u64 length);
    /// All writes that have returned are on stable storage when this returns.
    Result<void> flush();
    /// The extent that starts at `at`; `length` > 0, [at, at + length) within the node.
    Result<Extent> extent(u64 at, u64 length);
    Result<void> truncate(u64 size, Preallocation preallocation = Preallocation::off);
    /// Write out caches, clear dirty marks, here and in the children; call it before the last reference goes, so that
    /// errors are seen. Later calls do nothing.
    Result<void> close();

    /// Children for walks of the graph: the storage child first. A filter or format has one, protocols have none.
    virtual std::vector<NodePtr> children() const { return {}; }
    NodePtr backing() const { return backing_; }
    void set_backing(NodePtr node) { backing_ = std::move(node); }
    /// The backing file as the image records it; "" if it has none.
    const std::string& backing_file() const { return backing_file_; }
    const std::string& backing_format() const { return backing_format_; }
    /// A node that passes the bytes of its child through (filters): `map`, depth and backing look below it.
    virtual Node* filtered() const { return nullptr; }
    /// Bytes that the image takes on its storage, if known.
    virtual std::optional<u64> allocated_size() const;
    /// The host file whose bytes these are, one to one, or -1.
    virtual int native_fd() const { return -1; }

    /// Compression apart from writing, so that it can be done on all processors while writes stay in order. The packed form of
    /// a cluster (a short last one counts as filled up with zeroes), empty where it would not be smaller; ENOTSUP where the format
    /// has no such pair of functions.
    virtual Result<std::vector<u8>> pack_cluster(ConstBytes plain) const;
    virtual Result<void> write_packed(u64 at, ConstBytes packed);

    virtual Result<ImageInfo> info();
    /// ENOTSUP where the format has none.
    virtual Result<CheckResult> check(CheckMode mode);
    /// Record another backing file (name and format) in the image's header; "" for none.
    virtual Result<void> change_backing(std::string_view file, std::string_view format);
    /// Forget all contents of this layer, so that the backing node shows through (after commit).
    virtual Result<void> make_empty();
    /// Change creation options of an existing image; the keys are the driver's amend options.
    virtual Result<void> amend(AmendArgs& args);

    // Internal snapshots and dirty bitmaps; ENOTSUP where the format has none.
    virtual Result<void> snapshot_create(std::string_view name);
    virtual Result<void> snapshot_apply(std::string_view id_or_name);
    virtual Result<void> snapshot_delete(std::string_view id_or_name);
    /// Show the contents of an internal snapshot, read-only, from now on.
    virtual Result<void> snapshot_load(std::string_view id_or_name);
    virtual Result<std::vector<BitmapInfo>> bitmaps();
    virtual Result<void> bitmap_action(const BitmapAction& action);
    /// The dirty bits of a bitmap, one per granularity, lowest bit of the first byte first.
    virtual Result<SparseBits> bitmap_bits(std::string_view name);
    /// The machine state area of formats that have one; offsets count from its start.
    virtual Result<void> vmstate_read(u64 at, Bytes to);
    virtual Result<void> vmstate_write(u64 at, ConstBytes from);

    // Zoned devices; ENOTSUP where the storage has no zones. Filters pass these on.
    /// At most `most` zones from the one that holds `at` on.
    virtual Result<std::vector<Zone>> zones(u64 at, usize most);
    virtual Result<void> zone_action(ZoneAction action, u64 at, u64 length);
    /// Write where the zone that holds `at` goes on; says where that was.
    virtual Result<u64> zone_append(u64 at, ConstBytes from);

    /// A place in a format's code that tests can interrupt: formats tell their storage child, blkdebug listens.
    virtual Result<void> event(std::string_view) { return {}; }
    /// Breakpoints at such places, by a tag. Passed down the storage children; ENOTSUP where nobody listens.
    virtual Result<void> break_at(std::string_view event, std::string_view tag);
    virtual Result<void> remove_break(std::string_view tag);
    virtual Result<void> resume_break(std::string_view tag);
    virtual Result<void> wait_break(std::string_view tag);

protected:
    Node() = default;
    // The range is aligned as limits() asks and within the node (rounded up to that alignment); lengths are > 0.
    virtual u64 do_size() const = 0;
    virtual Result<void> do_read(u64 at, Bytes to) = 0;
    virtual Result<void> do_write(u64 at, ConstBytes from, WriteFlags flags);           ///< default: EROFS
    virtual Result<void> do_write_zeroes(u64 at, u64 length, WriteFlags flags);          ///< default: ENOTSUP, written as data
    virtual Result<bool> do_place(u64 at, u64 length);                                   ///< default: false
    virtual Result<void> do_discard(u64 at, u64 length);                                 ///< default: nothing
    virtual Result<void> do_flush();                                                     ///< default: flush of the first child
    virtual Result<Extent> do_extent(u64 at, u64 length);                                ///< default: all data, at no known place
    virtual Result<void> do_truncate(u64 size, Preallocation preallocation);             ///< default: ENOTSUP
    virtual Result<void> do_close();                                                     ///< default: nothing
    /// do_write and do_write_zeroes heed WriteFlags::fua: no flush is needed for it. Filters that pass flags on may say so.
    virtual bool heeds_fua() const { return false; }

    /// What the backing node has there, zeroes beyond its end or where there is none.
    Result<void> read_backing(u64 at, Bytes to);

    bool read_only_ = true;
    std::string name_;
    std::string backing_file_, backing_format_;
    friend class Opener;

private:
    Result<void> check_write(u64 at, u64 length) const;
    Result<void> write_bytes(u64 at, ConstBytes from, WriteFlags flags);
    Result<void> write_aligned(u64 at, ConstBytes from, WriteFlags flags);
    Result<void> write_zero_buffers(u64 at, u64 length, WriteFlags flags);
    WriteFlags inner_flags(WriteFlags flags) const;
    Result<void> finish_write(WriteFlags flags);

    NodePtr backing_;
    bool writethrough_ = false, unmap_ = false, growable_ = false;
    DetectZeroes detect_zeroes_ = DetectZeroes::off;
    std::atomic<bool> closed_{false};
    std::mutex modify_; ///< read-modify-write of unaligned ends
};

/// Is every byte zero? (SIMD; short-circuits.)
bool is_zero(ConstBytes bytes);

} // namespace emu::block

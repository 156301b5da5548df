// SPDX-License-Identifier: MIT
// Opening, closing and flushing; the header on storage.
#include "block/formats/qcow2/image.h"

#include "block/formats/qcow2/luks.h"
#include "block/formats/qcow2/stream.h"
#include "common/bits.h"
#include "common/bytes.h"

#include <algorithm>
#include <bit>
#include <cerrno>
#include <cstring>
#include <fmt/format.h>
#include <utility>

namespace emu::block::qcow2 {
namespace {

constexpr u64 l1_sector = 64; ///< entries of 8 bytes in 512

u64 piece_bytes(const Header& h) { return std::min<u64>(h.cluster_size(), 65536); }

Result<void> take_cache_sizes(KeyValues& o, Options& out) {
    const auto total = EMU_TRY(o.take_size("cache-size"));
    if (auto bytes = EMU_TRY(o.take_size("l2-cache-size"))) out.l2_cache_bytes = *bytes;
    else if (total) out.l2_cache_bytes = std::max<u64>(*total / 5 * 4, 65536);
    if (auto bytes = EMU_TRY(o.take_size("refcount-cache-size"))) out.refcount_cache_bytes = *bytes;
    constexpr u64 most = u64(1) << 40;
    if (out.l2_cache_bytes > most || out.refcount_cache_bytes > most) return fail(EINVAL, "the cache size is too large");
    for (std::string_view ignored : {"l2-cache-entry-size", "cache-clean-interval"}) EMU_TRY(o.take_size(ignored));
    return {};
}

Result<Options> take_options(KeyValues& o, const Header& h) {
    Options out;
    out.lazy_refcounts = h.compatible & compat_lazy_refcounts;
    if (auto on = EMU_TRY(o.take_bool("lazy-refcounts"))) out.lazy_refcounts = *on;
    if (out.lazy_refcounts && h.version < 3)
        return fail(EINVAL, "Lazy refcounts require a qcow2 image with at least qemu 1.1 compatibility level");
    if (auto on = EMU_TRY(o.take_bool("pass-discard-request"))) out.pass_discard_request = *on;
    if (auto on = EMU_TRY(o.take_bool("pass-discard-snapshot"))) out.pass_discard_snapshot = *on;
    if (auto on = EMU_TRY(o.take_bool("pass-discard-other"))) out.pass_discard_other = *on;
    if (auto on = EMU_TRY(o.take_bool("discard-no-unref"))) out.discard_no_unref = *on;
    std::optional<std::string> overlap = o.take("overlap-check.template");
    if (auto given = o.take("overlap-check")) overlap = given;
    if (overlap) {
        if (*overlap != "none" && *overlap != "constant" && *overlap != "cached" && *overlap != "all")
            return fail(EINVAL, fmt::format("Unsupported value '{}' for qcow2 option 'overlap-check'. Allowed are any of the following: none, constant, cached, all", *overlap));
        out.check_overlaps = *overlap != "none";
    }
    KeyValues switches = o.take_group("overlap-check");
    for (std::string_view known : {"main-header", "active-l1", "active-l2", "refcount-table", "refcount-block", "snapshot-table", "inactive-l1", "inactive-l2", "bitmap-directory"})
        EMU_TRY(switches.take_bool(known));
    EMU_CHECK(switches.finish("an overlap-check switch"));
    EMU_CHECK(take_cache_sizes(o, out));
    return out;
}

} // namespace

Image::Image(NodePtr file, Header header, Options options)
    : file_(std::move(file)), h_(std::move(header)), options_(options), l2_bits_(unsigned(std::countr_zero(h_.l2_entries()))),
      virtual_size_(h_.size), l2_(*file_, piece_bytes(h_), options.l2_cache_bytes), counts_(*file_, h_, options.refcount_cache_bytes) {
    l2_.make_room = [this] { return write_out(); };
    backing_file_ = h_.backing_file;
    backing_format_ = h_.backing_format;
}

Image::~Image() { (void)close(); }

Limits Image::limits() const {
    Limits out{.cluster_size = cluster(), .zero_alignment = subcluster(), .discard_alignment = cluster(), .can_write_compressed = !data_file_, .can_pack = !data_file_ && h_.crypt == CryptMethod::none,
               .fast_zero = h_.version >= 3, .zero_after_create = !cipher_ && (!data_file_ || data_file_->limits().zero_after_create)};
    if (cipher_) out.request_alignment = 512;
    return out;
}

std::vector<NodePtr> Image::children() const {
    std::vector<NodePtr> out{file_};
    if (data_file_) out.push_back(data_file_);
    return out;
}

Result<NodePtr> Image::open(NodePtr file, OpenArgs& args) {
    if (!file) return fail(EINVAL, "A block device must be specified for \"file\"");
    Header h = EMU_TRY(read_header(*file));
    Options options = EMU_TRY(take_options(args.options, h));
    if (h.incompatible & incompat_corrupt && args.writable && !args.for_check)
        return fail(EACCES, "qcow2: Image is corrupt; cannot be opened read/write");
    auto image = std::make_shared<Image>(std::move(file), std::move(h), options);
    EMU_CHECK(image->load(args));
    return NodePtr(image);
}

Result<void> Image::load(OpenArgs& args) {
    context_ = args.context;
    untrusted_ = args.context && args.context->untrusted;
    no_io_ = args.no_io;
    read_only_ = !args.writable;
    EMU_CHECK(load_l1(h_.l1_offset, h_.l1_size, l1_));
    l1_dirty_.resize(l1_.size() / l1_sector + 1);
    EMU_CHECK(open_data_file(args));
    if (auto table = counts_.load(); !table && !args.for_check) return table;
    if (auto loaded = load_snapshots(); !loaded && !(args.for_check && args.writable)) return loaded;
    if (auto loaded = load_bitmaps(); !loaded && !args.for_check) return loaded;
    EMU_CHECK(open_cipher(args));
    counts_.on_free = [this](u64 offset) {
        l2_.drop(offset, cluster());
        if (data_file_ || !options_.pass_discard_request) return;
        if (hole_.second && hole_.first + hole_.second == offset) hole_.second += cluster();
        else {
            punch_hole();
            hole_ = {offset, cluster()};
        }
        if (!joining_holes_) punch_hole();
    };
    if (!args.writable) return {};
    if (h_.incompatible & incompat_dirty && !args.for_check) { // the last writer did not finish: count anew
        CheckResult result = EMU_TRY(in("ERROR: the image was not closed properly, and repairing it failed", check({.fix_leaks = true, .fix_errors = true})));
        if (result.corruptions) return fail(EIO, "the image was not closed properly and could not be repaired");
    }
    return {};
}

Result<void> Image::open_data_file(OpenArgs& args) {
    const bool given = args.options.has("data-file") || std::any_of(args.options.items().begin(), args.options.items().end(),
                                                                    [](const KeyValue& kv) { return kv.key.starts_with("data-file."); });
    if (!h_.has_data_file()) {
        if (given) return fail(EINVAL, "'data-file' can only be set for images with an external data file");
        return {};
    }
    if (args.no_io && !given) {
        data_file_ = nullptr; // only the header is asked for
        return {};
    }
    if (untrusted_ && !given) return fail(EPERM, fmt::format("an untrusted image names the data file '{}'", h_.data_file.value_or("")));
    if (!given && !h_.data_file) return fail(EINVAL, "'data-file' is required for this image");
    std::string name;
    if (!given) name = EMU_TRY(backing_path(args.name.empty() ? file_->name() : args.name, *h_.data_file));
    data_file_ = EMU_TRY(open_child(args, "data-file", name, ChildKind::storage));
    return {};
}

Result<void> Image::open_cipher(OpenArgs& args) {
    const auto format = args.options.take("encrypt.format");
    const auto secret = args.options.take("encrypt.key-secret");
    if (h_.crypt == CryptMethod::none) {
        if (format) return fail(EINVAL, fmt::format("No encryption in image header, but options specified format '{}'", *format));
        return {};
    }
    const std::string_view recorded = h_.crypt == CryptMethod::aes ? "aes" : "luks";
    if (format && *format != recorded)
        return fail(EINVAL, fmt::format("Header reported '{}' encryption format but options specify '{}'", recorded, *format));
    if (args.no_io || (args.for_check && !secret)) return {};
    if (!secret) return fail(EINVAL, "Parameter 'encrypt.key-secret' is required for cipher");
    key_secret_ = *secret;
    const std::vector<u8> key = EMU_TRY(args.context->secret(*secret));
    cipher_ = h_.crypt == CryptMethod::aes ? EMU_TRY(crypto::legacy_aes(key)) : EMU_TRY(open_luks(*file_, *h_.crypto, key));
    return {};
}

Result<void> Image::load_l1(u64 offset, u32 entries, std::vector<u64>& to) {
    const u64 bytes = u64(entries) * 8, there = file_->size();
    if (bytes && !in_range(offset, 1, there)) return fail(EINVAL, "Could not read L1 table: it lies behind the end of the file");
    // A table that ends behind the end of the file is zero there; memory is for what exists.
    std::vector<u8> raw(std::min(bytes, there - std::min(there, offset)));
    if (!raw.empty()) EMU_CHECK(file_->read(offset, raw));
    if (raw.size() < bytes && raw.size() + cluster() <= bytes) return fail(EINVAL, "Could not read L1 table: it lies behind the end of the file");
    to.assign(entries, 0);
    for (usize i = 0; i < raw.size() / 8; i++) to[i] = be64(raw, i * 8);
    return {};
}

Result<void> Image::write_header() {
    std::vector<u8> bytes = EMU_TRY(encode_header(h_));
    usize used = bytes.size();
    while (used > 512 && is_zero(ConstBytes(bytes).subspan(used - 512, 512))) used -= 512;
    used = std::min<usize>(bytes.size(), used + 512); // and zeroes behind what an older, longer header left
    return file_->write(0, ConstBytes(bytes).first(std::max<usize>(used, std::min<usize>(bytes.size(), 4096))));
}

Result<void> Image::set_incompatible(u64 bits, bool on) {
    const u64 wanted = on ? h_.incompatible | bits : h_.incompatible & ~bits;
    if (wanted == h_.incompatible || h_.version < 3) return {};
    EMU_CHECK(file_->flush());
    h_.incompatible = wanted;
    u8 field[8];
    put_be64(field, 0, wanted);
    EMU_CHECK(file_->write(72, field)); // incompatible_features
    return file_->flush();
}

Result<void> Image::mark_dirty() { return set_incompatible(incompat_dirty, true); }

Result<void> Image::first_change() {
    if (changed_.load(std::memory_order_acquire)) return {};
    std::lock_guard guard(change_mutex_);
    if (changed_) return {};
    if (snapshot_loaded_) return fail(EPERM, "a snapshot is loaded; it cannot be written");
    std::unique_lock lock(meta_);
    const u64 known = h_.autoclear & autoclear_known;
    if (known != h_.autoclear) { // what an unknown feature knew about the image is about to become untrue
        h_.autoclear = known;
        EMU_CHECK(write_header());
    }
    EMU_CHECK(start_bitmaps());
    if (options_.lazy_refcounts) EMU_CHECK(mark_dirty());
    changed_.store(true, std::memory_order_release);
    return {};
}

tl::unexpected<Error> Image::corrupt(std::string_view why) {
    if (!read_only_ && h_.version >= 3) (void)set_incompatible(incompat_corrupt, true);
    const std::string text = fmt::format("qcow2: {}{}", read_only_ ? "Image is corrupt: " : "Marking image as corrupt: ", why);
    if (!context_) return fail(EIO, text);
    if (!corruption_said_.exchange(true)) context_->notice(fmt::format("{}; further {}corruption events will be suppressed", text, read_only_ ? "non-fatal " : ""));
    return fail(EIO, std::strerror(EIO));
}

void Image::note_metadata() {
    metadata_noted_ = true;
    metadata_.clear();
    for (u64 entry : l1_)
        if (entry & offset_mask) metadata_.insert((entry & offset_mask) >> h_.cluster_bits);
    for (u64 entry : counts_.table())
        if (entry & ~u64(511)) metadata_.insert(entry >> h_.cluster_bits);
}

Result<void> Image::check_overlap(u64 offset, u64 length) {
    if (!options_.check_overlaps || data_file_) return {};
    struct Area {
        const char* name;
        u64 offset, length;
    };
    const Area areas[] = {
        {"qcow2_header", 0, cluster()},
        {"active L1 table", h_.l1_offset, u64(l1_.size()) * 8},
        {"refcount table", counts_.table_offset(), counts_.table_bytes()},
        {"snapshot table", h_.snapshots_offset, snapshots_bytes_},
    };
    for (const Area& a : areas)
        if (a.length && offset < a.offset + a.length && a.offset < offset + length)
            return corrupt(fmt::format("Preventing invalid write on metadata (overlaps with {})", a.name));
    if (!metadata_noted_) note_metadata();
    for (u64 at = offset >> h_.cluster_bits; at <= (offset + length - 1) >> h_.cluster_bits; at++)
        if (metadata_.count(at))
            return corrupt("Preventing invalid write on metadata (overlaps with active L2 table or refcount block)");
    return {};
}

Result<void> Image::write_l1() {
    if (!any_l1_dirty_) return {};
    EMU_CHECK(file_->event("l1_update"));
    std::vector<u8> raw;
    for (usize first = 0; first < l1_dirty_.size();) {
        if (!l1_dirty_[first]) {
            first++;
            continue;
        }
        usize end = first;
        while (end < l1_dirty_.size() && l1_dirty_[end]) end++;
        const usize from = first * l1_sector, to = std::min<usize>(end * l1_sector, l1_.size());
        raw.resize((to - from) * 8);
        for (usize i = from; i < to; i++) put_be64(raw, (i - from) * 8, l1_[i]);
        if (!raw.empty()) EMU_CHECK(file_->write(h_.l1_offset + from * 8, raw));
        for (; first < end; first++) l1_dirty_[first] = false;
    }
    any_l1_dirty_ = false;
    return {};
}

Result<void> Image::write_out() {
    auto point_header = [this](u64 offset, u32 clusters) -> Result<void> {
        h_.refcount_table_offset = offset;
        h_.refcount_table_clusters = clusters;
        metadata_noted_ = false;
        EMU_CHECK(write_header());
        return file_->flush();
    };
    if (!options_.lazy_refcounts && (counts_.blocks_dirty() || counts_.table_dirty())) {
        EMU_CHECK(file_->event("refblock_update_part"));
        EMU_CHECK(counts_.write_blocks());
        EMU_CHECK(file_->flush());
        while (counts_.table_dirty()) {
            EMU_CHECK(counts_.write_table(point_header));
            EMU_CHECK(counts_.write_blocks()); // the old table's clusters, if it moved
            EMU_CHECK(file_->flush());
        }
    }
    if (l2_.dirty()) {
        EMU_CHECK(file_->event("l2_update"));
        EMU_CHECK(l2_.write_back());
    }
    if (any_l1_dirty_) {
        EMU_CHECK(file_->flush());
        EMU_CHECK(write_l1());
    }
    return {};
}

void Image::free_later(u64 offset, u64 length) {
    if (!length) return;
    if (!frees_.empty() && frees_.back().first + frees_.back().second == offset && !(offset & (cluster() - 1))) frees_.back().second += length;
    else frees_.emplace_back(offset, length);
    free_clusters_ += (length >> h_.cluster_bits) + 1;
}

/// Give the storage of freed clusters back: one call for neighbours, since each may wait for the host's journal.
void Image::punch_hole() {
    const auto [offset, length] = std::exchange(hole_, {});
    if (length) (void)file_->discard(offset, length);
}

Result<void> Image::apply_frees() {
    Result<void> result;
    joining_holes_ = true;
    for (const auto& [offset, length] : std::exchange(frees_, {}))
        if (auto done = counts_.change(offset, length, -1); !done && result) result = corrupt(done.error().text);
    joining_holes_ = false;
    punch_hole();
    free_clusters_ = 0;
    return result;
}

Result<void> Image::flush_all() {
    EMU_CHECK(write_out());
    EMU_CHECK(file_->flush());
    if (data_file_) EMU_CHECK(data_file_->flush());
    return apply_frees();
}

Result<void> Image::do_flush() {
    EMU_CHECK(file_->event("flush_to_os"));
    {
        std::shared_lock lock(meta_);
        const bool clean = !counts_.blocks_dirty() && !counts_.table_dirty() && !l2_.dirty() && !any_l1_dirty_ && frees_.empty();
        if (clean) {
            lock.unlock();
            EMU_CHECK(file_->flush());
            return data_file_ ? data_file_->flush() : Result<void>();
        }
    }
    std::unique_lock lock(meta_);
    return flush_all();
}

Result<void> Image::do_close() {
    if (read_only_ || !file_) return {};
    std::unique_lock io(io_);
    std::unique_lock lock(meta_);
    if (tracking_) EMU_CHECK(store_bitmaps());
    EMU_CHECK(flush_all());
    options_.lazy_refcounts = false; // now the counts are wanted
    EMU_CHECK(flush_all());
    EMU_CHECK(file_->flush());
    if (h_.incompatible & incompat_dirty) EMU_CHECK(set_incompatible(incompat_dirty, false));
    // Whole clusters, so that no reader meets the end of the file inside one.
    const u64 there = file_->size();
    if (changed_ && file_->limits().growable && there != cluster_up(there)) EMU_CHECK(file_->truncate(cluster_up(there)));
    return {};
}

Result<void> Image::change_backing(std::string_view file, std::string_view format) {
    if (data_file_ && h_.autoclear & autoclear_raw_data_file && !file.empty())
        return fail(EINVAL, "Cannot set backing file for an image with a raw external data file");
    if (file.size() > 1023) return fail(EINVAL, "Backing file name too long");
    if (format.size() >= 16) return fail(EINVAL, "Backing format name too long");
    EMU_CHECK(first_change());
    std::unique_lock lock(meta_);
    h_.backing_file = file;
    h_.backing_format = format;
    EMU_CHECK(write_header());
    backing_file_ = file;
    backing_format_ = format;
    return file_->flush();
}

namespace {

int probe(ConstBytes head, std::string_view) {
    if (head.size() < 8 || be32(head, 0) != magic) return 0;
    return be32(head, 4) >= 2 ? 100 : 0; // versions to come are refused, not guessed to be raw
}

constexpr auto text = CreateOption::Kind::string;
constexpr auto size_kind = CreateOption::Kind::size;
constexpr auto number = CreateOption::Kind::number;
constexpr auto flag = CreateOption::Kind::flag;

constexpr CreateOption qcow2_options[] = {
    {"encryption", flag, "Encrypt the image with format 'aes'. (Deprecated in favor of encrypt.format=aes)"},
    {"encrypt.format", text, "Encrypt the image, format choices: 'aes', 'luks'"},
    {"encrypt.key-secret", text, "ID of secret providing qcow AES key or LUKS passphrase"},
    {"encrypt.cipher-alg", text, "Name of encryption cipher algorithm"},
    {"encrypt.cipher-mode", text, "Name of encryption cipher mode"},
    {"encrypt.ivgen-alg", text, "Name of IV generator algorithm"},
    {"encrypt.ivgen-hash-alg", text, "Name of IV generator hash algorithm"},
    {"encrypt.hash-alg", text, "Name of encryption hash algorithm"},
    {"encrypt.iter-time", number, "Time to spend in PBKDF in milliseconds", {}, true},
    {"encrypt.state", text, "Select new state of affected keyslots (active/inactive)", {}, true, true},
    {"encrypt.keyslot", number, "Select a single keyslot to modify explicitly", {}, true, true},
    {"encrypt.old-secret", text, "Select all keyslots that match this password", {}, true, true},
    {"encrypt.new-secret", text, "New secret to set in the matching keyslots. Empty string to erase", {}, true, true},
    {"cluster_size", size_kind, "qcow2 cluster size", "65536"},
    {"extended_l2", flag, "Extended L2 tables", "off"},
    {"preallocation", text, "Preallocation mode (allowed values: off, metadata, falloc, full)"},
    {"compression_type", text, "Compression method used for image cluster compression", "zlib"},
    {"size", size_kind, "Virtual disk size", {}, true},
    {"compat", text, "Compatibility level (v2 [0.10] or v3 [1.1])", {}, true},
    {"backing_file", text, "File name of a base image", {}, true},
    {"backing_fmt", text, "Image format of the base image", {}, true},
    {"data_file", text, "File name of an external data file", {}, true},
    {"data_file_raw", flag, "The external data file must stay valid as a raw image", {}, true},
    {"lazy_refcounts", flag, "Postpone refcount updates", "off", true},
    {"refcount_bits", number, "Width of a reference count entry in bits", "16", true},
};
constexpr CreateOption qcow2_open_options[] = {
    {"lazy-refcounts", flag, "postpone updates of reference counts"},
    {"pass-discard-request", flag, "give back what the user discards", "on"},
    {"pass-discard-snapshot", flag, "give back what deleted snapshots held", "on"},
    {"pass-discard-other", flag, "give back what is freed otherwise", "off"},
    {"discard-no-unref", flag, "keep clusters that are discarded", "off"},
    {"overlap-check", text, "what writes are checked against: none, constant, cached, all", "cached"},
    {"cache-size", size_kind, "memory for L2 tables and reference counts together"},
    {"l2-cache-size", size_kind, "memory for L2 tables", "32M"},
    {"l2-cache-entry-size", size_kind, "accepted; pieces of 64 KiB are kept"},
    {"refcount-cache-size", size_kind, "memory for reference counts", "4M"},
    {"cache-clean-interval", number, "accepted; the caches stay bounded by their size"},
    {"encrypt.format", text, "aes or luks"},
    {"encrypt.key-secret", text, "id of the secret"},
    {"data-file", text, "the external data file, in place of the recorded one"},
};

} // namespace

} // namespace emu::block::qcow2

namespace emu::block {
extern const Driver qcow2_driver{.name = "qcow2", .probe = qcow2::probe, .open = qcow2::Image::open, .create = qcow2::create,
                                 .create_options = qcow2::qcow2_options, .open_options = qcow2::qcow2_open_options,
                                 .measure = qcow2::measure, .stream = qcow2::stream, .has_backing = true, .summary = "QEMU copy-on-write image, version 2 and 3"};
} // namespace emu::block

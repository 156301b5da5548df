// SPDX-License-Identifier: MIT
// Writes: in place where a cluster is ours alone, otherwise into new clusters that are entered in the tables once they are full.
#include "block/formats/qcow2/codec.h"
#include "block/formats/qcow2/image.h"
#include "common/bits.h"

#include <algorithm>
#include <cerrno>
#include <cstring>

namespace emu::block::qcow2 {
namespace {

constexpr u64 max_allocation = u64(4) << 20;  ///< bytes that one round of a write allocates
constexpr u64 max_joined_write = u64(256) << 10;

} // namespace

/// The part at `at` that can be written where it is; length 0 if there is none; nothing if the table is not cached.
Result<std::optional<Run>> Image::writable_run(u64 at, u64 length, bool load) {
    auto run = EMU_TRY(run_at(at, length, load));
    if (!run) return std::optional<Run>();
    if (run->state != State::data) return std::optional<Run>(Run{});
    // The run must be of clusters that no snapshot shares.
    TableCache::Piece* piece = EMU_TRY(l2_piece(at, load));
    if (!piece) return std::optional<Run>();
    const u64 l1 = l1_[l1_index(at)];
    u64 owned = 0;
    while (l1 & flag_copied && owned < run->length && entry_in(*piece, at + owned).descriptor & flag_copied)
        owned = std::min(run->length, cluster_down(at + owned) + cluster() - at);
    run->length = owned;
    return run;
}

bool Image::flying(u64 start, u64 end) const {
    return std::any_of(flights_.begin(), flights_.end(), [&](const Flight& f) { return start < f.end && f.start < end; });
}

void Image::land(std::list<Flight>::iterator flight) {
    flights_.erase(flight);
    landed_.notify_all();
}

Result<bool> Image::reads_zero(u64 at, u64 length) {
    while (length) {
        const Run run = *EMU_TRY(run_at(at, length, true));
        const u64 below = backing() ? backing()->size() : 0;
        if (run.state != State::zero && (run.state != State::unallocated || at < below)) return false;
        at += run.length;
        length -= run.length;
    }
    return true;
}

/// How many clusters from that of `at` on need a new place, and whether they have one already that is only not read.
Result<u64> Image::clusters_to_allocate(u64 at, u64 length, Allocation& a) {
    const u64 first = cluster_down(at), end = cluster_up(at + length);
    const u64 l1_end = align_down(first, u64(1) << (h_.cluster_bits + l2_bits_)) + (u64(1) << (h_.cluster_bits + l2_bits_));
    u64 count = 0, next_host = 0;
    for (u64 c = first; c < std::min(end, l1_end) && count << h_.cluster_bits < std::max(max_allocation, cluster()); c += cluster()) {
        if (flying(c, c + cluster())) break;
        TableCache::Piece* piece = EMU_TRY(l2_piece(c, true));
        const L2Entry entry = entry_in(*piece, c);
        const u64 host = entry.descriptor & offset_mask;
        const bool plain = !(entry.descriptor & flag_compressed);
        const bool own = plain && entry.descriptor & flag_copied && (host || data_file_);
        if (own && !h_.extended_l2() && !(entry.descriptor & flag_zero)) break;      // writable in place
        if (own && h_.extended_l2() && c != first && u32(entry.bitmap) == ~u32(0)) break;
        if (count == 0) {
            a.fresh = !own;
            a.host = next_host = host;
        }
        if (own == a.fresh || (own && host != next_host)) break;
        next_host += cluster();
        count++;
    }
    return count;
}

Result<void> Image::plan_copies(Allocation& a, u64 at, u64 end) {
    const u64 unit = subcluster();
    a.head = at & (unit - 1);
    a.tail = align_up(end, unit) - end;
    if (!h_.extended_l2()) return {};
    const L2Entry first = entry_in(*EMU_TRY(l2_piece(a.start, true)), a.start);
    const L2Entry last = entry_in(*EMU_TRY(l2_piece(a.end - cluster(), true)), a.end - cluster());
    auto has_data = [](const L2Entry& e) { return e.descriptor & flag_compressed || u32(e.bitmap); };
    if (a.fresh) {
        // What the old cluster held goes along whole.
        if (has_data(first)) a.head = at - a.start;
        if (has_data(last)) a.tail = a.end - end;
        a.whole = has_data(first) || has_data(last);
        if (a.whole) {
            a.head = at - a.start;
            a.tail = a.end - end;
        }
        return {};
    }
    // Subclusters that are data already stay; others may be written in them meanwhile.
    auto is_data = [&](const L2Entry& e, u64 place) { return e.bitmap >> ((place & (cluster() - 1)) / unit) & 1; };
    if (a.head && is_data(first, at)) a.head = 0;
    if (a.tail && is_data(last, end - 1)) a.tail = 0;
    return {};
}

/// Places for the clusters from `at` on; meta_ is held exclusively and the cluster of `at` is not in flight.
Result<Image::Allocation> Image::allocate_for(u64 at, u64 length) {
    (void)EMU_TRY(writable_l2(at));
    Allocation a{.start = cluster_down(at)};
    u64 count = EMU_TRY(clusters_to_allocate(at, length, a));
    if (!count) return corrupt("an entry that is neither ours nor to be replaced");
    a.end = a.start + (count << h_.cluster_bits);
    EMU_CHECK(plan_copies(a, at, std::min(at + length, a.end)));
    if (!a.fresh) return a;
    EMU_CHECK(file_->event("cluster_alloc"));
    if (data_file_) {
        a.host = a.start;
    } else {
        a.host = EMU_TRY(counts_.allocate(count));
        if (auto clear = check_overlap(a.host, count << h_.cluster_bits); !clear) return fail(std::move(clear.error()));
    }
    const Limits below = data().limits();
    a.blank = below.growable && below.zero_after_create && a.host >= data().size();
    if (a.blank && !cipher_) {
        // Nothing to copy where both old and new place read as zeroes.
        if (a.head && EMU_TRY(reads_zero(at - a.head, a.head))) a.head = 0;
        const u64 end = std::min(at + length, a.end);
        if (a.tail && end < virtual_size_ && EMU_TRY(reads_zero(end, std::min(a.tail, virtual_size_ - end)))) a.tail = 0;
        else if (end >= virtual_size_) a.tail = 0;
    }
    return a;
}

Result<void> Image::write_data(u64 host, u64 guest, ConstBytes from) {
    EMU_CHECK(file_->event("write_aio"));
    if (h_.crypt == CryptMethod::none) return data().write(host, from);
    if (!cipher_) return fail(EINVAL, "the image is encrypted, and no secret was given");
    std::vector<u8> secret(from.begin(), from.end());
    cipher_->encrypt(cipher_sector(host, guest), secret);
    return data().write(host, secret);
}

/// Contents of an allocation: the data, and around it what was there before.
Result<void> Image::fill(const Allocation& a, u64 at, ConstBytes from) {
    const u64 begin = at - a.head, total = a.head + from.size() + a.tail;
    const u64 host = a.host + (begin - a.start);
    if (!a.head && !a.tail) return write_data(host, at, from);
    EMU_CHECK(file_->event("cow_read"));
    auto copy = [&](u64 place, Bytes to) -> Result<void> {
        std::memset(to.data(), 0, to.size());
        const u64 limit = std::max<u64>(virtual_size_, at); // machine state lies behind the disk
        if (place >= limit) return {};
        return read_guest(place, to.first(std::min<u64>(to.size(), place < virtual_size_ ? virtual_size_ - place : to.size())));
    };
    if (total <= max_joined_write) {
        std::vector<u8> joined(total);
        const Bytes all(joined);
        if (a.head) EMU_CHECK(copy(begin, all.first(a.head)));
        std::memcpy(joined.data() + a.head, from.data(), from.size());
        if (a.tail) EMU_CHECK(copy(at + from.size(), all.last(a.tail)));
        EMU_CHECK(file_->event("cow_write"));
        return write_data(host, begin, joined);
    }
    std::vector<u8> side(std::max(a.head, a.tail));
    if (a.head) {
        EMU_CHECK(copy(begin, Bytes(side).first(a.head)));
        EMU_CHECK(write_data(host, begin, ConstBytes(side).first(a.head)));
    }
    EMU_CHECK(write_data(host + a.head, at, from));
    if (!a.tail) return {};
    EMU_CHECK(copy(at + from.size(), Bytes(side).first(a.tail)));
    return write_data(host + a.head + from.size(), at + from.size(), ConstBytes(side).first(a.tail));
}

/// Enter an allocation in the tables. meta_ is held exclusively.
Result<void> Image::link(const Allocation& a, u64 at, u64 length) {
    for (u64 c = a.start; c < a.end; c += cluster()) {
        TableCache::Piece* piece = EMU_TRY(writable_l2(c));
        const L2Entry old = entry_in(*piece, c);
        L2Entry entry{(a.host + (c - a.start)) | flag_copied, 0};
        if (h_.extended_l2()) {
            const u64 from = std::max(at, c) - c, to = std::min(at + length, c + cluster()) - c;
            const unsigned first = unsigned(from / subcluster()), last = unsigned((to - 1) / subcluster());
            const u64 touched = ones(last - first + 1) << first;
            entry.bitmap = a.fresh && (old.descriptor & flag_compressed) ? 0 : old.bitmap;
            entry.bitmap = a.whole ? 0xffffffff : (entry.bitmap | touched) & ~(touched << 32);
        }
        put_entry(*piece, c, entry);
        if (a.fresh) free_entry(old);
    }
    return {};
}

Result<void> Image::write_new(u64 at, ConstBytes& from) {
    std::unique_lock lock(meta_);
    const u64 first = cluster_down(at);
    if (flying(first, first + cluster())) {
        landed_.wait(lock, [&] { return !flying(first, first + cluster()); });
        return {};
    }
    if (EMU_TRY(writable_run(at, from.size(), true))->length) return {}; // somebody was faster
    const Allocation a = EMU_TRY(allocate_for(at, from.size()));
    const ConstBytes part = from.first(std::min<u64>(from.size(), a.end - at));
    auto flight = flights_.insert(flights_.end(), Flight{a.start, a.end});
    lock.unlock();
    auto filled = fill(a, at, part);
    lock.lock();
    if (filled) filled = link(a, at, part.size());
    if (!filled && a.fresh && !data_file_) (void)counts_.change(a.host, a.end - a.start, -1);
    land(flight);
    if (!filled) return filled;
    from = from.subspan(part.size());
    if (free_clusters_ > 65536) return flush_all();
    return {};
}

Result<void> Image::do_write(u64 at, ConstBytes from, WriteFlags flags) {
    EMU_CHECK(first_change());
    if (tracking_) note_write(at, from.size());
    std::shared_lock io(io_);
    if (has(flags, WriteFlags::compressed)) return write_compressed(at, from);
    while (!from.empty()) {
        std::optional<Run> run;
        {
            std::shared_lock lock(meta_);
            run = EMU_TRY(writable_run(at, from.size(), false));
        }
        if (!run) {
            std::unique_lock lock(meta_);
            run = EMU_TRY(writable_run(at, from.size(), true));
        }
        if (run->length) {
            if (options_.check_overlaps && !data_file_) {
                if (!metadata_noted_) {
                    std::unique_lock lock(meta_);
                    if (!metadata_noted_) note_metadata();
                }
                std::shared_lock lock(meta_);
                EMU_CHECK(check_overlap(run->host, run->length));
            }
            EMU_CHECK(write_data(run->host, at, from.first(run->length)));
            at += run->length;
            from = from.subspan(run->length);
            continue;
        }
        const usize before = from.size();
        EMU_CHECK(write_new(at, from));
        at += before - from.size();
    }
    return {};
}

/// Only where the new clusters read as zeroes and nothing is to be copied: they can be entered before they are written.
Result<bool> Image::do_place(u64 at, u64 length) {
    if (cipher_ || data_file_ || tracking_) return false;
    EMU_CHECK(first_change());
    std::shared_lock io(io_);
    std::unique_lock lock(meta_);
    for (const u64 end = at + length; at < end;) {
        const u64 first = cluster_down(at);
        if (flying(first, first + cluster())) return false;
        if (const u64 there = EMU_TRY(writable_run(at, end - at, true))->length) {
            at += there;
            continue;
        }
        const Allocation a = EMU_TRY(allocate_for(at, end - at));
        if (!a.fresh) return false;
        if (!a.blank || a.head || a.tail) {
            EMU_CHECK(counts_.change(a.host, a.end - a.start, -1));
            return false;
        }
        const u64 part = std::min(end, a.end) - at;
        EMU_CHECK(link(a, at, part));
        at += part;
    }
    return true;
}

Result<std::vector<u8>> Image::pack_cluster(ConstBytes plain) const {
    if (plain.size() == cluster()) return EMU_TRY(compress(h_.compression, plain)).value_or(std::vector<u8>());
    std::vector<u8> padded(plain.begin(), plain.end());
    padded.resize(cluster());
    return EMU_TRY(compress(h_.compression, padded)).value_or(std::vector<u8>());
}

Result<void> Image::write_packed(u64 at, ConstBytes packed) {
    EMU_CHECK(first_change());
    if (tracking_) note_write(at, cluster());
    std::shared_lock io(io_);
    return put_packed(at, packed);
}

Result<void> Image::put_packed(u64 at, ConstBytes packed) {
    std::unique_lock lock(meta_);
    landed_.wait(lock, [&] { return !flying(at, at + cluster()); });
    (void)EMU_TRY(writable_l2(at));
    EMU_CHECK(file_->event("write_compressed"));
    const u64 host = EMU_TRY(counts_.allocate_bytes(packed.size()));
    EMU_CHECK(check_overlap(host, packed.size()));
    auto flight = flights_.insert(flights_.end(), Flight{at, at + cluster()});
    lock.unlock();
    auto written = file_->write(host, packed);
    lock.lock();
    land(flight);
    if (!written) {
        (void)counts_.change(host, packed.size(), -1);
        return written;
    }
    TableCache::Piece* piece = EMU_TRY(writable_l2(at));
    const L2Entry old = entry_in(*piece, at);
    const u64 sectors = ((host + packed.size() - 1) >> 9) - (host >> 9);
    put_entry(*piece, at, {flag_compressed | sectors << (62 - (h_.cluster_bits - 8)) | host, 0});
    free_entry(old);
    return {};
}

Result<void> Image::write_compressed(u64 at, ConstBytes from) {
    if (data_file_) return fail(ENOTSUP, "Compression is not supported with external data files");
    if (cipher_) return fail(ENOTSUP, "Compression and encryption not supported at the same time");
    if (at & (cluster() - 1)) return fail(EINVAL, "a compressed write must begin with a cluster");
    while (!from.empty()) {
        const ConstBytes part = from.first(std::min<u64>(from.size(), cluster()));
        if (part.size() < cluster() && at + part.size() != virtual_size_) return fail(EINVAL, "a compressed write must cover whole clusters");
        const std::vector<u8> packed = EMU_TRY(pack_cluster(part));
        if (packed.empty()) { // would not be shorter: a plain cluster
            ConstBytes rest = part;
            while (!rest.empty()) EMU_CHECK(write_new(at + (part.size() - rest.size()), rest));
        } else {
            EMU_CHECK(put_packed(at, packed));
        }
        at += part.size();
        from = from.subspan(part.size());
    }
    return {};
}

} // namespace emu::block::qcow2

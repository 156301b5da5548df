// SPDX-License-Identifier: MIT
// The log (section 2.3): a ring of entries of 4 KiB sectors. An entry is a header, descriptors (an update of a 4 KiB sector of the
// file, or a range of zeroes), and a data sector for each update. The entries that count are the sequence with the highest
// number that is whole from its tail to its head.
#include "block/formats/vhdx/format.h"

#include "common/bits.h"
#include "common/bytes.h"

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <fmt/format.h>

namespace emu::block::vhdx {

namespace {

constexpr usize entry_header = 64, descriptor_bytes = 32, entry_checksum_at = 4;
constexpr u64 max_log = u64(256) << 20; ///< the largest log that is taken into account; ours have 1 MiB

struct Entry {
    u64 sequence = 0, length = 0, tail = 0, position = 0, flushed = 0, last = 0;
    u32 descriptors = 0;
};

/// Reads the ring: positions count from the log's start and wrap.
class Ring {
public:
    Ring(Node& file, const Header& header) : file_(file), at_(header.log_at), bytes_(header.log_bytes), id_(header.log) {}
    u64 bytes() const { return bytes_; }
    Result<void> read(u64 position, Bytes to) {
        for (u64 done = 0; done < to.size();) {
            const u64 from = (position + done) % bytes_, part = std::min<u64>(bytes_ - from, to.size() - done);
            EMU_CHECK(file_.read(at_ + from, to.subspan(done, part)));
            done += part;
        }
        return {};
    }
    /// The entry at a position, if there is a whole one. Errors are those of the storage.
    Result<std::optional<Entry>> entry(u64 position) {
        std::array<u8, entry_header> head;
        EMU_CHECK(read(position, head));
        const ByteView h{ConstBytes(head)};
        if (!h.starts_with("loge")) return std::optional<Entry>();
        Entry e{.sequence = h.u64_at(16), .length = h.u32_at(8), .tail = h.u32_at(12), .position = position,
                .flushed = h.u64_at(48), .last = h.u64_at(56), .descriptors = h.u32_at(24)};
        if (!std::equal(id_.begin(), id_.end(), head.begin() + 32)) return std::optional<Entry>();
        if (e.length == 0 || e.length % log_sector || e.length > bytes_ || e.tail % log_sector || e.tail >= bytes_ || e.sequence == 0)
            return std::optional<Entry>();
        if (entry_header + u64(e.descriptors) * descriptor_bytes > e.length) return std::optional<Entry>();
        std::vector<u8> whole(e.length);
        EMU_CHECK(read(position, whole));
        if (le32(whole, entry_checksum_at) != checksum(whole, entry_checksum_at)) return std::optional<Entry>();
        return std::optional<Entry>(e);
    }

private:
    Node& file_;
    u64 at_, bytes_;
    Guid id_;
};

/// The entries from `head`'s tail up to it, if they are all there.
Result<std::vector<Entry>> sequence_of(Ring& ring, const Entry& head) {
    std::vector<Entry> entries;
    u64 position = head.tail, expected = 0;
    for (u64 walked = 0; walked <= ring.bytes();) {
        const auto e = EMU_TRY(ring.entry(position));
        if (!e || (!entries.empty() && e->sequence != expected)) return std::vector<Entry>();
        entries.push_back(*e);
        if (e->position == head.position) return entries;
        expected = e->sequence + 1;
        walked += e->length;
        position = (position + e->length) % ring.bytes();
    }
    return std::vector<Entry>();
}

Result<std::vector<Entry>> active_sequence(Ring& ring) {
    // Only heads of sequences matter, so the highest number that has a whole sequence wins.
    std::vector<Entry> found;
    for (u64 position = 0; position < ring.bytes();) {
        const auto e = EMU_TRY(ring.entry(position));
        if (e) found.push_back(*e);
        position += e ? e->length : log_sector; // entries do not overlap
    }
    std::sort(found.begin(), found.end(), [](const Entry& a, const Entry& b) { return a.sequence > b.sequence; });
    if (found.size() > 64) found.resize(64);
    for (const Entry& head : found) {
        auto entries = EMU_TRY(sequence_of(ring, head));
        if (!entries.empty()) return entries;
    }
    return std::vector<Entry>();
}

Result<void> apply(Node& file, Ring& ring, const Entry& e) {
    std::vector<u8> whole(e.length);
    EMU_CHECK(ring.read(e.position, whole));
    const ByteView view{ConstBytes(whole)};
    if (file.size() < e.flushed) return fail(EIO, "VHDX file is shorter than its log says: it was cut");
    u64 data = align_up(entry_header + u64(e.descriptors) * descriptor_bytes, log_sector);
    for (u32 i = 0; i < e.descriptors; i++) {
        const ByteView d = *view.sub(entry_header + u64(i) * descriptor_bytes, descriptor_bytes);
        const u64 at = d.u64_at(16);
        if (d.u64_at(24) != e.sequence || at % log_sector || at > u64(INT64_MAX) / 2) return fail(EINVAL, "VHDX log descriptor is damaged");
        if (d.starts_with("zero")) {
            const u64 length = d.u64_at(8);
            if (length % log_sector || length > u64(INT64_MAX) / 2) return fail(EINVAL, "VHDX log descriptor is damaged");
            if (at + length > file.size()) EMU_CHECK(file.truncate(at + length));
            EMU_CHECK(file.write_zeroes(at, length));
            continue;
        }
        const auto s = view.sub(data, log_sector);
        data += log_sector;
        if (!d.starts_with("desc") || !s || !s->starts_with("data") || s->u32_at(4) != u32(e.sequence >> 32) ||
            s->u32_at(4092) != u32(e.sequence))
            return fail(EINVAL, "VHDX log data is damaged");
        std::vector<u8> sector(s->bytes().begin(), s->bytes().end());
        std::copy_n(d.bytes().begin() + 8, 8, sector.begin());    // leading bytes
        std::copy_n(d.bytes().begin() + 4, 4, sector.end() - 4);  // trailing bytes
        if (at + log_sector > file.size()) EMU_CHECK(file.truncate(at + log_sector));
        EMU_CHECK(file.write(at, sector));
    }
    if (e.last > file.size() && e.last < u64(INT64_MAX) / 2) EMU_CHECK(file.truncate(e.last));
    return {};
}

} // namespace

Result<bool> replay(Node& file, const Header& header) {
    if (is_null(header.log)) return false;
    if (header.log_bytes > max_log || !in_range(header.log_at, header.log_bytes, file.size())) return fail(EINVAL, "the VHDX log lies outside the file");
    Ring ring(file, header);
    const auto entries = EMU_TRY(active_sequence(ring));
    if (entries.empty()) return fail(EINVAL, "VHDX log is in use, but holds nothing that is whole");
    for (const Entry& e : entries) EMU_CHECK(apply(file, ring, e));
    EMU_CHECK(file.flush());
    return true;
}

usize LogWriter::max_sectors() const {
    // Half the log: one sector of header and descriptors (there is room for 126), the rest data.
    return usize(std::min<u64>(126, bytes_ / 2 / log_sector - 1));
}

Result<void> LogWriter::append(Node& file, const std::vector<std::pair<u64, std::vector<u8>>>& sectors) {
    EMU_ASSERT(!sectors.empty() && sectors.size() <= max_sectors());
    const u64 length = log_sector * (1 + sectors.size());
    if (next_ + length > bytes_) next_ = 0;
    std::vector<u8> entry(length);
    const Bytes h(entry);
    std::memcpy(entry.data(), "loge", 4);
    put_le32(h, 8, u32(length));
    put_le32(h, 12, u32(next_)); // a sequence of its own: what came before is in place
    put_le64(h, 16, sequence_);
    put_le32(h, 24, u32(sectors.size()));
    std::copy(id_.begin(), id_.end(), entry.begin() + 32);
    put_le64(h, 48, file.size());
    put_le64(h, 56, file.size());
    for (usize i = 0; i < sectors.size(); i++) {
        const auto& [at, bytes] = sectors[i];
        EMU_ASSERT(bytes.size() == log_sector && at % log_sector == 0);
        const Bytes d = h.subspan(entry_header + i * descriptor_bytes, descriptor_bytes);
        std::memcpy(d.data(), "desc", 4);
        std::memcpy(d.data() + 4, bytes.data() + log_sector - 4, 4);
        std::memcpy(d.data() + 8, bytes.data(), 8);
        put_le64(d, 16, at);
        put_le64(d, 24, sequence_);
        const Bytes s = h.subspan(log_sector * (1 + i), log_sector);
        std::copy(bytes.begin(), bytes.end(), s.begin());
        std::memcpy(s.data(), "data", 4);
        put_le32(s, 4, u32(sequence_ >> 32));
        put_le32(s, log_sector - 4, u32(sequence_));
    }
    put_le32(h, entry_checksum_at, checksum(entry, entry_checksum_at));
    EMU_CHECK(file.write(at_ + next_, entry));
    next_ = (next_ + length) % bytes_;
    sequence_++;
    return {};
}

} // namespace emu::block::vhdx

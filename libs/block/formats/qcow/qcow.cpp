// SPDX-License-Identifier: MIT
// QCOW version 1: two levels of tables of big-endian 64-bit offsets.
//
//   0 magic, 4 version (1), 8 backing name: offset, 16 length, 20 its time, 24 image size, 32 cluster bits, 33 second-level bits,
//   36 encryption (0 none, 1 AES), 40 first-level table
//
// An entry with bit 63 is a compressed cluster: raw deflate (12-bit window), its length in the cluster_bits bits below bit 63, its
// offset in the rest. AES encrypts sectors by their number in the guest; compressed clusters are stored in the clear.
//
// Write ordering: data, flush, second level, flush, first level, flush. A crash leaks space at the end of the file.
#include "block/formats/mapped/two_level.h"
#include "block/start.h"
#include "common/bits.h"
#include "common/checked.h"
#include "crypto/sectors.h"

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstring>
#include <fmt/format.h>
#include <zlib.h>

namespace emu::block {
namespace {

constexpr u32 magic = 0x514649fb;
constexpr u64 header_bytes = 48, max_name = 1023;
constexpr u64 compressed_flag = u64(1) << 63;
constexpr int window_bits = -12;

struct Header {
    u64 name_at = 0, size = 0, l1 = 0;
    u32 name_bytes = 0, crypt = 0;
    unsigned cluster_bits = 12, l2_bits = 9;
    u64 l1_entries() const {
        const unsigned shift = cluster_bits + l2_bits;
        return (size + (u64(1) << shift) - 1) >> shift;
    }
};

Result<Header> parse(Node& file) {
    std::array<u8, header_bytes> bytes;
    EMU_CHECK(read_start(file, bytes));
    const ByteView h(bytes, Endian::big);
    if (h.u32_at(0) != magic) return fail(EINVAL, "Image not in qcow format");
    if (file.size() < header_bytes) return fail(EINVAL, "file too short for a qcow header");
    if (h.u32_at(4) != 1) return fail(ENOTSUP, fmt::format("qcow (v{}) does not support qcow version {}", 1, h.u32_at(4)));
    Header out;
    out.name_at = h.u64_at(8);
    out.name_bytes = h.u32_at(16);
    out.size = h.u64_at(24);
    out.cluster_bits = h.u8_at(32);
    out.l2_bits = h.u8_at(33);
    out.crypt = h.u32_at(36);
    out.l1 = h.u64_at(40);
    if (out.size <= 1) return fail(EINVAL, "Image size is too small (must be at least 2 bytes)");
    if (out.size > u64(INT64_MAX) / 2) return fail(EINVAL, "Image too large");
    if (out.cluster_bits < 9 || out.cluster_bits > 16) return fail(EINVAL, "Cluster size must be between 512 and 64k");
    if (out.l2_bits < 9 - 3 || out.l2_bits > 16 - 3) return fail(EINVAL, "L2 table size must be between 512 and 64k");
    if (out.crypt > 1) return fail(EINVAL, fmt::format("invalid encryption method {} in qcow header", out.crypt));
    if (out.l1 < header_bytes || out.l1_entries() * 8 > (u64(1) << 31)) return fail(EINVAL, "qcow first-level table is impossible");
    if (out.name_at && (out.name_bytes > max_name || !in_range(out.name_at, out.name_bytes, file.size())))
        return fail(EINVAL, "Backing file name too long");
    return out;
}

TwoLevelShape shape_of(const Header& h) {
    TwoLevelShape s;
    s.block_bytes = u64(1) << h.cluster_bits;
    s.l1_at = h.l1;
    s.l1_entries = h.l1_entries();
    s.l2_entries = u64(1) << h.l2_bits;
    s.order = Endian::big;
    s.table_alignment = s.block_bytes;
    return s;
}

class QcowNode final : public TwoLevelNode {
public:
    QcowNode(NodePtr file, const Header& header, bool writable, std::unique_ptr<crypto::SectorCipher> cipher)
        : TwoLevelNode(std::move(file), shape_of(header), writable), h_(header), cipher_(std::move(cipher)) {}

    Result<void> load() {
        EMU_CHECK(load_l1());
        end_ = file_->size();
        if (!h_.name_at || !h_.name_bytes) return {};
        backing_file_.resize(h_.name_bytes);
        EMU_CHECK(file_->read(h_.name_at, Bytes(reinterpret_cast<u8*>(backing_file_.data()), backing_file_.size())));
        if (backing_file_.find('\0') != std::string::npos) return fail(EINVAL, "Backing file name contains a NUL");
        return {};
    }
    std::string_view driver() const override { return "qcow"; }
    Limits limits() const override {
        Limits out = TwoLevelNode::limits();
        if (h_.crypt) out.request_alignment = 512;
        out.can_write_compressed = !h_.crypt;
        return out;
    }
    Result<ImageInfo> info() override {
        ImageInfo out;
        out.cluster_size = block_;
        out.encrypted = h_.crypt != 0;
        return out;
    }
    Result<void> make_empty() override;

protected:
    u64 do_size() const override { return h_.size; }
    Result<Place> lookup(u64 index) override {
        const u64 raw = EMU_TRY(entry(index));
        if (raw == 0) return Place{};
        if (raw & compressed_flag) return Place{Place::Kind::other, raw};
        if (raw > u64(INT64_MAX) - block_) return fail(EIO, "qcow cluster at an impossible offset");
        if (h_.crypt && !cipher_) return fail(EPERM, "the image is encrypted and was opened without its secret");
        return Place{Place::Kind::data, raw};
    }
    Result<Room> reserve(u64) override { return reserve_at_end(block_, block_); }
    Result<void> link(u64 index, u64 offset) override { return set_entry(index, offset); }
    bool encoded() const override { return h_.crypt != 0; }
    void decode(u64 at, Bytes data) override { cipher_->decrypt(at / 512, data); }
    void encode(u64 at, Bytes data) override { cipher_->encrypt(at / 512, data); }
    Result<void> read_other(u64 index, const Place& place, u64 within, Bytes to) override;
    Result<void> do_write(u64 at, ConstBytes from, WriteFlags flags) override;

private:
    Result<void> write_compressed(u64 index, ConstBytes cluster);
    Header h_;
    std::unique_ptr<crypto::SectorCipher> cipher_;
};

Result<void> QcowNode::read_other(u64 index, const Place& place, u64 within, Bytes to) {
    const unsigned shift = 63 - h_.cluster_bits;
    const u64 at = place.offset & ones(shift), length = (place.offset >> shift) & (block_ - 1);
    if (!in_range(at, length, file_->size())) return fail(EIO, fmt::format("compressed qcow cluster {} lies outside the file", index));
    std::vector<u8> packed(length), plain(block_);
    EMU_CHECK(file_->read(at, packed));
    z_stream z = {};
    if (inflateInit2(&z, window_bits) != Z_OK) return fail(ENOMEM, "zlib failed");
    z.next_in = packed.data();
    z.avail_in = uInt(packed.size());
    z.next_out = plain.data();
    z.avail_out = uInt(plain.size());
    const int status = inflate(&z, Z_FINISH);
    inflateEnd(&z);
    // The stored length may be cut to what the decoder needs to fill a cluster.
    if ((status != Z_STREAM_END && status != Z_BUF_ERROR) || z.avail_out) return fail(EIO, fmt::format("compressed qcow cluster {} is damaged", index));
    std::memcpy(to.data(), plain.data() + within, to.size());
    return {};
}

Result<void> QcowNode::write_compressed(u64 index, ConstBytes cluster) {
    std::vector<u8> plain(cluster.begin(), cluster.end()), packed(block_);
    plain.resize(block_);
    z_stream z = {};
    if (deflateInit2(&z, Z_DEFAULT_COMPRESSION, Z_DEFLATED, window_bits, 9, Z_DEFAULT_STRATEGY) != Z_OK) return fail(ENOMEM, "zlib failed");
    z.next_in = plain.data();
    z.avail_in = uInt(plain.size());
    z.next_out = packed.data();
    z.avail_out = uInt(packed.size() - 1);
    const int status = deflate(&z, Z_FINISH);
    deflateEnd(&z);
    if (status != Z_STREAM_END) return TwoLevelNode::do_write(index * block_, cluster, WriteFlags::none);
    packed.resize(block_ - 1 - z.avail_out);
    u64 at;
    {
        std::lock_guard lock(map_mutex_);
        at = end_;
        if (at + packed.size() > ones(63 - h_.cluster_bits)) return fail(EFBIG, "qcow image is full");
        if (at + packed.size() > file_->size()) EMU_CHECK(file_->truncate(at + packed.size()));
        end_ += packed.size();
    }
    EMU_CHECK(file_->write(at, packed));
    std::lock_guard lock(map_mutex_);
    return set_entry(index, compressed_flag | u64(packed.size()) << (63 - h_.cluster_bits) | at);
}

Result<void> QcowNode::do_write(u64 at, ConstBytes from, WriteFlags flags) {
    if (h_.crypt && !cipher_) return fail(EPERM, "the image is encrypted and was opened without its secret");
    if (!has(flags, WriteFlags::compressed)) return TwoLevelNode::do_write(at, from, flags);
    if (at % block_ || (from.size() % block_ && at + from.size() != h_.size)) return fail(EINVAL, "compressed writes must be whole clusters");
    for (u64 done = 0; done < from.size(); done += block_)
        EMU_CHECK(write_compressed((at + done) / block_, from.subspan(done, std::min<u64>(block_, from.size() - done))));
    return {};
}

Result<void> QcowNode::make_empty() {
    std::lock_guard lock(map_mutex_);
    EMU_CHECK(flush_locked());
    EMU_CHECK(file_->write_zeroes(h_.l1, shape_.l1_entries * 8));
    EMU_CHECK(file_->flush());
    l2_.drop_all();
    EMU_CHECK(load_l1());
    end_ = h_.l1 + shape_.l1_entries * 8;
    return file_->truncate(end_);
}

int probe(ConstBytes head, std::string_view) { return head.size() >= 8 && be32(head) == magic && be32(head, 4) == 1 ? 100 : 0; }

Result<NodePtr> open(NodePtr file, OpenArgs& args) {
    const Header header = EMU_TRY(parse(*file));
    const auto format = args.options.take("encrypt.format"), secret = args.options.take("encrypt.key-secret");
    std::unique_ptr<crypto::SectorCipher> cipher;
    if (format && *format != "aes") return fail(EINVAL, "Header reported 'aes' encryption format but options specify '" + *format + "'");
    if (!header.crypt && (format || secret)) return fail(EINVAL, "No encryption in image header, but options specified format 'aes'");
    if (header.crypt && !args.no_io) {
        if (!secret) return fail(EINVAL, "Parameter 'encrypt.key-secret' is required for cipher");
        std::vector<u8> password = EMU_TRY(args.context->secret(*secret));
        cipher = EMU_TRY(crypto::legacy_aes(password));
        crypto::wipe(password);
    }
    auto node = std::make_shared<QcowNode>(std::move(file), header, args.writable, std::move(cipher));
    EMU_CHECK(node->load());
    return NodePtr(std::move(node));
}

Result<void> create(NodePtr file, CreateArgs& args) {
    Header h;
    h.size = align_up(args.size, u64(512));
    if (h.size == 0) return fail(EINVAL, "Image size is too small, cannot be zero length");
    if (args.size > u64(INT64_MAX) / 2) return fail(EINVAL, "Image too large");
    const std::string backing = args.options.take("backing_file").value_or("");
    args.options.take("backing_fmt"); // the format cannot record it
    auto encrypt = args.options.take("encrypt.format");
    const auto secret = args.options.take("encrypt.key-secret");
    if (EMU_TRY(args.options.take_bool("encryption")).value_or(false)) encrypt = "aes";
    if (encrypt && *encrypt != "aes") return fail(EINVAL, fmt::format("Unknown encryption format '{}', expected 'aes'", *encrypt));
    if (encrypt && !secret) return fail(EINVAL, "Parameter 'encrypt.key-secret' is required for cipher");
    if (encrypt) EMU_TRY(args.context->secret(*secret));
    if (backing.size() > max_name) return fail(EINVAL, "backing file name is too long");
    u64 behind = header_bytes;
    if (!backing.empty()) {
        h.name_at = behind;
        h.name_bytes = u32(backing.size());
        behind += backing.size();
        h.cluster_bits = 9; // small clusters, so that little has to be copied from the backing file
        h.l2_bits = 12;
    }
    h.l1 = align_up(behind, u64(8));
    if (h.l1_entries() * 8 > (u64(1) << 31)) return fail(EINVAL, "Image too large");
    std::vector<u8> bytes(usize(h.l1), 0);
    const Bytes b(bytes);
    put_be32(b, 0, magic);
    put_be32(b, 4, 1);
    put_be64(b, 8, h.name_at);
    put_be32(b, 16, h.name_bytes);
    put_be64(b, 24, h.size);
    b[32] = u8(h.cluster_bits);
    b[33] = u8(h.l2_bits);
    put_be32(b, 36, encrypt ? 1 : 0);
    put_be64(b, 40, h.l1);
    std::copy(backing.begin(), backing.end(), bytes.begin() + long(header_bytes));
    EMU_CHECK(file->truncate(h.l1 + h.l1_entries() * 8));
    EMU_CHECK(file->write_zeroes(0, h.l1 + h.l1_entries() * 8));
    EMU_CHECK(file->write(0, bytes));
    return file->flush();
}

constexpr CreateOption qcow_options[] = {
    {"size", CreateOption::Kind::size, "Virtual disk size"},
    {"backing_file", CreateOption::Kind::string, "File name of a base image"},
    {"backing_fmt", CreateOption::Kind::string, "Format of the backing image"},
    {"encryption", CreateOption::Kind::flag, "Encrypt the image with format 'aes'. (Deprecated in favor of encrypt.format=aes)"},
    {"encrypt.format", CreateOption::Kind::string, "Encrypt the image, format choices: 'aes'"},
    {"encrypt.key-secret", CreateOption::Kind::string, "ID of the secret that provides the AES encryption key"},
};
constexpr CreateOption qcow_open_options[] = {
    {"encrypt.format", CreateOption::Kind::string, "Encryption format; 'aes'"},
    {"encrypt.key-secret", CreateOption::Kind::string, "ID of the secret that provides the AES encryption key"},
};

} // namespace

extern const Driver qcow_driver{.name = "qcow", .probe = probe, .open = open, .create = create, .create_options = qcow_options,
                                .open_options = qcow_open_options, .has_backing = true,
                                .summary = "the old version 1 of qcow2"};

} // namespace emu::block

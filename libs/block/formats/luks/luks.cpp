// SPDX-License-Identifier: MIT
// LUKS (version 1) as an image format: the header and its key slots, and behind them the encrypted disk, sector by sector. The
// header may be a file of its own (detached). Sectors are en- and decrypted by the threads that read and write them.
//
// Write ordering: none beyond the storage's; the header changes only by amend, as libs/crypto/luks.cpp says.
#include "block/formats/luks/luks_options.h"
#include "block/image.h"
#include "common/bits.h"
#include "common/checked.h"

#include <algorithm>
#include <cerrno>
#include <fmt/format.h>
#include <mutex>

namespace emu::block {
namespace {

constexpr u64 sector = crypto::SectorCipher::sector;
constexpr u64 piece = u64(256) << 10; ///< what is encrypted and written at a time: stays in the second-level cache

class NodeStorage final : public crypto::LuksStorage {
public:
    explicit NodeStorage(Node& node) : node_(node) {}
    Result<void> read(u64 at, Bytes to) override { return node_.read(at, to); }
    Result<void> write(u64 at, ConstBytes from) override { return node_.write(at, from); }
    Result<void> flush() override { return node_.flush(); }

private:
    Node& node_;
};

class LuksNode final : public Node {
public:
    LuksNode(NodePtr file, NodePtr header, crypto::Luks luks, crypto::SecretBytes master,
             std::unique_ptr<crypto::SectorCipher> cipher, bool writable)
        : file_(std::move(file)), header_(std::move(header)), luks_(std::move(luks)), master_(std::move(master)),
          cipher_(std::move(cipher)) {
        read_only_ = !writable;
    }
    std::string_view driver() const override { return "luks"; }
    Limits limits() const override {
        Limits out;
        out.request_alignment = u32(std::max<u64>(sector, file_->limits().request_alignment));
        return out;
    }
    std::vector<NodePtr> children() const override { return header_ ? std::vector{file_, header_} : std::vector{file_}; }
    Result<ImageInfo> info() override {
        ImageInfo out;
        out.encrypted = true;
        Json data = luks_info(luks_);
        if (header_) data.set("detached-header", true);
        out.specific = Json::object().set("type", "luks").set("data", std::move(data));
        return out;
    }
    Result<void> amend(AmendArgs& args) override {
        std::lock_guard lock(amend_);
        NodeStorage storage(header_ ? *header_ : *file_);
        return amend_luks(luks_, storage, args, "", cipher_ ? &master_ : nullptr);
    }

protected:
    u64 do_size() const override {
        const u64 there = file_->size();
        return there > luks_.payload_offset ? align_down(there - luks_.payload_offset, sector) : 0;
    }
    Result<void> unlocked() const {
        return cipher_ ? Result<void>() : fail(EPERM, "the image was opened without its secret");
    }
    Result<void> do_read(u64 at, Bytes to) override {
        EMU_CHECK(unlocked());
        EMU_CHECK(file_->read(luks_.payload_offset + at, to));
        cipher_->decrypt(at / sector, to);
        return {};
    }
    Result<void> do_write(u64 at, ConstBytes from, WriteFlags flags) override {
        EMU_CHECK(unlocked());
        std::vector<u8> room(std::min<u64>(piece, from.size()));
        for (u64 done = 0; done < from.size(); done += piece) {
            const ConstBytes part = from.subspan(done, std::min<u64>(piece, from.size() - done));
            const Bytes secret = Bytes(room).first(part.size());
            cipher_->encrypt((at + done) / sector, secret, part);
            EMU_CHECK(file_->write(luks_.payload_offset + at + done, secret, flags));
        }
        return {};
    }
    Result<void> do_discard(u64, u64) override { return {}; } // would tell which sectors are in use
    Result<void> do_truncate(u64 size, Preallocation preallocation) override {
        const auto end = checked_add(align_up(std::min(size, u64(INT64_MAX)), sector), luks_.payload_offset);
        if (size > u64(INT64_MAX) || !end || *end > u64(INT64_MAX)) return fail(EFBIG, "The requested file size is too large");
        return file_->truncate(*end, preallocation);
    }

private:
    NodePtr file_, header_;
    crypto::Luks luks_;
    crypto::SecretBytes master_;
    std::unique_ptr<crypto::SectorCipher> cipher_;
    std::mutex amend_;
};

int probe(ConstBytes head, std::string_view) { return crypto::Luks::probe(head) ? 100 : 0; }

Result<NodePtr> open(NodePtr file, OpenArgs& args) {
    NodePtr header;
    const auto& items = args.options.items();
    const bool detached = std::any_of(items.begin(), items.end(), [](const KeyValue& kv) { return kv.key == "header" || kv.key.starts_with("header."); });
    if (detached) header = EMU_TRY(open_child(args, "header", "", ChildKind::storage));
    Node& place = header ? *header : *file;
    NodeStorage storage(place);
    crypto::Luks luks = EMU_TRY(crypto::Luks::read(storage, place.size()));
    if (!header && luks.payload_offset < crypto::Luks::header_bytes)
        return fail(EINVAL, "the LUKS header has no payload of its own; it is a detached one (header=)");
    crypto::SecretBytes master;
    std::unique_ptr<crypto::SectorCipher> cipher;
    if (!args.no_io) {
        const crypto::SecretBytes secret = EMU_TRY(take_key_secret(args.options, "key-secret", *args.context));
        master = EMU_TRY(luks.unlock(storage, secret.bytes(), nullptr, args.context->untrusted ? u64(1) << 26 : 0xffffffff));
        cipher = EMU_TRY(luks.cipher(master.bytes()));
    } else {
        args.options.take("key-secret");
    }
    return NodePtr(std::make_shared<LuksNode>(std::move(file), std::move(header), std::move(luks), std::move(master),
                                              std::move(cipher), args.writable));
}

Result<void> create(NodePtr file, CreateArgs& args) {
    crypto::LuksCreate options = EMU_TRY(take_luks_create(args.options, ""));
    options.detached = EMU_TRY(args.options.take_bool("detached-header")).value_or(false);
    const std::string mode_text = args.options.take("preallocation").value_or("off");
    const Preallocation mode = EMU_TRY(parse_preallocation(mode_text));
    if (mode == Preallocation::metadata) return fail(EINVAL, "Unsupported preallocation mode 'metadata'");
    const crypto::SecretBytes secret = EMU_TRY(take_key_secret(args.options, "key-secret", *args.context));
    const u64 header = crypto::Luks::header_size(options.scheme);
    if (args.size > u64(INT64_MAX) - header - sector) return fail(EFBIG, "The requested file size is too large");
    // A detached header stands alone; the file with the payload is made by whoever wants one.
    EMU_CHECK(file->truncate(options.detached ? header : header + align_up(args.size, sector), options.detached ? Preallocation::off : mode));
    NodeStorage storage(*file);
    crypto::SecretBytes master;
    EMU_TRY(crypto::Luks::create(storage, options, secret.bytes(), master));
    return {};
}

Result<Measure> measure(u64 size, CreateArgs& args, Node* source) {
    if (!args.options.take("key-secret")) return fail(EINVAL, "Parameter 'key-secret' is required for cipher");
    const crypto::LuksCreate options = EMU_TRY(take_luks_create(args.options, ""));
    const auto total = checked_add(source ? source->size() : size, crypto::Luks::header_size(options.scheme));
    if (!total) return fail(EFBIG, "The image size is too large");
    return Measure{.required = *total, .fully_allocated = *total, .bitmaps = {}};
}

constexpr CreateOption luks_options[] = {
    {"size", CreateOption::Kind::size, "Virtual disk size"},
    {"key-secret", CreateOption::Kind::string, "ID of the secret that provides the keyslot passphrase"},
    {"cipher-alg", CreateOption::Kind::string, "Name of encryption cipher algorithm"},
    {"cipher-mode", CreateOption::Kind::string, "Name of encryption cipher mode"},
    {"ivgen-alg", CreateOption::Kind::string, "Name of IV generator algorithm"},
    {"ivgen-hash-alg", CreateOption::Kind::string, "Name of IV generator hash algorithm"},
    {"hash-alg", CreateOption::Kind::string, "Name of encryption hash algorithm"},
    {"iter-time", CreateOption::Kind::number, "Time to spend in PBKDF in milliseconds", {}, true},
    {"detached-header", CreateOption::Kind::flag, "Create a detached LUKS header"},
    {"preallocation", CreateOption::Kind::string, "Preallocation mode (allowed values: off, falloc, full)"},
    {"state", CreateOption::Kind::string, "Select new state of affected keyslots (active/inactive)", {}, true, true},
    {"keyslot", CreateOption::Kind::number, "Select a single keyslot to modify explicitly", {}, true, true},
    {"old-secret", CreateOption::Kind::string, "Select all keyslots that match this password", {}, true, true},
    {"new-secret", CreateOption::Kind::string, "New secret to set in the matching keyslots. Empty string to erase", {}, true, true},
};
constexpr CreateOption luks_open_options[] = {
    {"key-secret", CreateOption::Kind::string, "ID of the secret that provides the keyslot passphrase"},
    {"header", CreateOption::Kind::string, "the image of a detached header"},
};

} // namespace

extern const Driver luks_driver{.name = "luks", .probe = probe, .open = open, .create = create, .create_options = luks_options,
                                .open_options = luks_open_options, .measure = measure,
                                .summary = "Linux unified key setup, version 1"};

} // namespace emu::block

// SPDX-License-Identifier: MIT
// Disks of a Sheepdog cluster. A disk is an inode (its header, and for each 4 MiB the id of the disk that holds that object) and
// objects. What another disk (an earlier snapshot) holds is copied before it is written; the server does that on request.
#include "block/image.h"
#include "block/protocols/pool.h"
#include "block/protocols/sheepdog_wire.h"
#include "block/protocols/url.h"
#include "common/bits.h"
#include "common/sizes.h"

#include <algorithm>
#include <atomic>
#include <cerrno>
#include <cstring>
#include <fmt/format.h>
#include <shared_mutex>

namespace emu::block {
namespace {

using namespace sheepdog;

constexpr usize max_connections = 4;
constexpr u64 default_object = u64(4) << 20;

struct Names {
    Address address;
    std::string disk, tag;
    u32 snapshot = 0;
    bool is_snapshot() const { return snapshot || !tag.empty(); }
};

std::vector<u8> name_block(const Names& n) {
    std::vector<u8> out(2 * name_size);
    std::copy(n.disk.begin(), n.disk.end(), out.begin());
    std::copy(n.tag.begin(), n.tag.end(), out.begin() + name_size);
    return out;
}

Result<void> good(const Result<Answer>& answer, std::string_view what) {
    if (!answer) return fail(answer.error());
    return answer->result == ok ? Result<void>() : fail(error_of(answer->result, what));
}

class SheepdogNode final : public Node {
public:
    SheepdogNode(Names names, u32 id) : names_(std::move(names)), id_(id), pool_(max_connections, [this] { return Connection::open(names_.address); }) {}
    ~SheepdogNode() override { (void)SheepdogNode::do_close(); }
    Result<void> load(bool writable);
    std::string_view driver() const override { return "sheepdog"; }
    Limits limits() const override { return {.fast_zero = false, .zero_after_create = true, .growable = true}; }
    std::optional<u64> allocated_size() const override {
        std::shared_lock lock(mutex_);
        return u64(std::count_if(holders_.begin(), holders_.end(), [](u32 id) { return id != 0; })) * object_;
    }

protected:
    u64 do_size() const override { return size_; }
    Result<void> do_read(u64 at, Bytes to) override;
    Result<void> do_write(u64 at, ConstBytes from, WriteFlags flags) override;
    Result<void> do_flush() override;
    Result<Extent> do_extent(u64 at, u64 length) override;
    Result<void> do_truncate(u64 size, Preallocation preallocation) override;
    Result<void> do_close() override;

private:
    u64 object_id(u32 holder, u64 index) const { return u64(holder) << 32 | index; }
    u32 holder(u64 index) const {
        std::shared_lock lock(mutex_);
        return holders_[usize(index)];
    }
    Result<Answer> call(Op op, u16 flags, const Object& what, ConstBytes from, Bytes to);
    Result<void> grow(u64 size);
    Result<void> first_write(u64 index, u32 before, u64 inside, ConstBytes from);

    Names names_;
    u32 id_;
    Pool<Connection> pool_;
    u8 copies_ = 0, policy_ = 0;
    u64 object_ = default_object;
    std::atomic<u64> size_{0};
    mutable std::shared_mutex mutex_; ///< of holders_
    std::mutex making_;               ///< one object is made at a time, and the disk made larger
    std::vector<u32> holders_;
    bool locked_ = false;
};

Result<Answer> SheepdogNode::call(Op op, u16 flags, const Object& what, ConstBytes from, Bytes to) {
    auto connection = EMU_TRY(pool_.take());
    auto answer = connection->object(op, flags, what, from, to);
    if (!answer) connection.broken();
    return answer;
}

Result<void> SheepdogNode::load(bool writable) {
    locked_ = writable;
    std::vector<u8> raw(inode::objects);
    const u64 place = vdi_bit | u64(id_) << 32;
    EMU_CHECK(good(call(Op::read, 0, {.id = place}, {}, raw), "reading the inode"));
    const u64 shift = raw[inode::block_shift] ? raw[inode::block_shift] : 22;
    if (shift < 12 || shift > 31) return fail(EINVAL, fmt::format("the inode says objects of 2^{} bytes", shift));
    object_ = u64(1) << shift;
    size_ = le64(raw, inode::size);
    const u64 count = (size_ + object_ - 1) / object_;
    if (count > inode::max_objects) return fail(EINVAL, "the inode says a disk that is too large");
    copies_ = raw[inode::copies];
    policy_ = u8(le16(raw, inode::copy_policy));
    if (writable && le64(raw, inode::snap_time)) return fail(EROFS, "a snapshot cannot be written");
    raw.assign(usize(count * 4), 0);
    if (count) EMU_CHECK(good(call(Op::read, 0, {.id = place, .offset = inode::objects}, {}, raw), "reading the inode"));
    holders_.resize(usize(count));
    for (usize i = 0; i < holders_.size(); i++) holders_[i] = le32(raw, i * 4);
    return {};
}

Result<void> SheepdogNode::do_read(u64 at, Bytes to) {
    while (!to.empty()) {
        const u64 index = at / object_, inside = at % object_, length = std::min<u64>(to.size(), object_ - inside);
        const Bytes part = to.first(usize(length));
        if (const u32 who = holder(index)) EMU_CHECK(good(call(Op::read, 0, {.id = object_id(who, index), .offset = inside}, {}, part), "reading an object"));
        else std::memset(part.data(), 0, part.size());
        at += length;
        to = to.subspan(usize(length));
    }
    return {};
}

/// An object that this disk does not have yet, made with these bytes in it; then the inode learns of it.
Result<void> SheepdogNode::first_write(u64 index, u32 before, u64 inside, ConstBytes from) {
    Object what{.id = object_id(id_, index), .copied_from = before ? object_id(before, index) : 0, .copies = copies_, .copy_policy = policy_, .offset = inside};
    EMU_CHECK(good(call(Op::create_and_write, u16(flag_write | (before ? flag_cow : 0)), what, from, {}), "making an object"));
    std::array<u8, 4> entry{};
    put_le32(entry, 0, id_);
    const Object place{.id = vdi_bit | u64(id_) << 32, .copies = copies_, .copy_policy = policy_, .offset = inode::objects + index * 4};
    EMU_CHECK(good(call(Op::write, flag_write, place, entry, {}), "writing the inode"));
    std::unique_lock lock(mutex_);
    holders_[usize(index)] = id_;
    return {};
}

Result<void> SheepdogNode::do_write(u64 at, ConstBytes from, WriteFlags) {
    if (at + from.size() > size_) EMU_CHECK(grow(at + from.size()));
    while (!from.empty()) {
        const u64 index = at / object_, inside = at % object_, length = std::min<u64>(from.size(), object_ - inside);
        const ConstBytes part = from.first(usize(length));
        bool done = false;
        if (holder(index) != id_) {
            std::lock_guard lock(making_);
            if (const u32 before = holder(index); before != id_) {
                EMU_CHECK(first_write(index, before, inside, part));
                done = true;
            }
        }
        if (!done)
            EMU_CHECK(good(call(Op::write, flag_write, {.id = object_id(id_, index), .copies = copies_, .copy_policy = policy_, .offset = inside}, part, {}), "writing an object"));
        at += length;
        from = from.subspan(usize(length));
    }
    return {};
}

Result<void> SheepdogNode::do_flush() {
    const auto answer = call(Op::flush_vdi, 0, {.id = vdi_bit | u64(id_) << 32}, {}, {});
    if (answer && answer->result == invalid) return {}; // a server without a cache
    return good(answer, "flushing");
}

Result<Extent> SheepdogNode::do_extent(u64 at, u64 length) {
    const u64 end = std::min(at + length, size_.load());
    std::shared_lock lock(mutex_);
    const bool there = holders_[usize(at / object_)] != 0;
    u64 to = align_down(at, object_) + object_;
    while (to < end && (holders_[usize(to / object_)] != 0) == there) to += object_;
    return Extent{.length = std::min(to, end) - at, .data = there, .zero = !there, .allocated = true};
}

Result<void> SheepdogNode::do_truncate(u64 size, Preallocation preallocation) {
    if (preallocation != Preallocation::off) return fail(ENOTSUP, fmt::format("Unsupported preallocation mode '{}'", preallocation_name(preallocation)));
    if (size < size_) return fail(ENOTSUP, "disks of a cluster cannot be made shorter");
    return grow(size);
}

/// At least so large: others may write at the end too.
Result<void> SheepdogNode::grow(u64 size) {
    const u64 count = (size + object_ - 1) / object_;
    if (count > inode::max_objects) return fail(EFBIG, "the cluster takes no disk of that size");
    std::lock_guard making(making_);
    if (size <= size_) return {};
    std::array<u8, 8> field{};
    put_le64(field, 0, size);
    const Object place{.id = vdi_bit | u64(id_) << 32, .copies = copies_, .copy_policy = policy_, .offset = inode::size};
    EMU_CHECK(good(call(Op::write, flag_write, place, field, {}), "writing the inode"));
    std::unique_lock lock(mutex_);
    if (holders_.size() < count) holders_.resize(usize(count));
    size_ = size;
    return {};
}

Result<void> SheepdogNode::do_close() {
    if (!std::exchange(locked_, false)) return {};
    auto connection = EMU_TRY(pool_.take());
    const std::vector<u8> name(names_.disk.c_str(), names_.disk.c_str() + names_.disk.size() + 1);
    return good(connection->disk(Op::release_vdi, flag_write, {.base_id = id_}, name), "releasing the disk");
}

Result<Names> take_names(KeyValues& o) {
    Names n;
    const auto disk = o.take("vdi");
    if (!disk || disk->empty()) return fail(EINVAL, "Parameter 'vdi' is missing");
    n.disk = *disk;
    n.tag = o.take("tag").value_or("");
    if (n.disk.size() >= name_size || n.tag.size() >= name_size) return fail(EINVAL, "a name of a disk is shorter than 256 bytes");
    n.snapshot = u32(std::min<u64>(EMU_TRY(o.take_number("snap-id")).value_or(0), 0xffffffff));
    if (n.snapshot && !n.tag.empty()) return fail(EINVAL, "snap-id and tag are mutually exclusive");
    const std::string type = o.take("server.type").value_or("inet");
    if (type == "unix") {
        n.address.path = o.take("server.path").value_or("");
        if (n.address.path.empty()) return fail(EINVAL, "Parameter 'server.path' is missing");
    } else if (type != "inet") {
        return fail(EINVAL, fmt::format("Invalid parameter '{}'", type));
    }
    n.address.host = o.take("server.host").value_or("localhost");
    n.address.port = o.take("server.port").value_or("7000");
    return n;
}

Result<NodePtr> open(NodePtr, OpenArgs& args) {
    Names names = EMU_TRY(take_names(args.options));
    if (args.writable && names.is_snapshot()) return fail(EROFS, "a snapshot cannot be written");
    auto connection = EMU_TRY(Connection::open(names.address));
    const Op op = args.writable ? Op::lock_vdi : Op::get_vdi_info;
    const Answer found = EMU_TRY(connection->disk(op, flag_write, {.snapshot = names.snapshot}, name_block(names)));
    if (found.result != ok) return fail(error_of(found.result, fmt::format("disk '{}'", names.disk)));
    auto node = std::make_shared<SheepdogNode>(std::move(names), found.disk_id);
    EMU_CHECK(node->load(args.writable));
    return NodePtr(node);
}

/// "#4" is a snapshot's number, "#name" its tag.
void add_snapshot(KeyValues& out, std::string_view text) {
    if (text.empty()) return;
    const auto id = parse_number(text);
    out.add(id ? "snap-id" : "tag", text);
}

/// sheepdog[+tcp|+unix]://[HOST[:PORT]]/DISK[?socket=PATH][#SNAPSHOT], and sheepdog:[HOST:PORT:]DISK[:SNAPSHOT].
Result<KeyValues> parse_name(std::string_view name) {
    KeyValues out;
    const usize scheme = name.find("://");
    if (scheme == std::string_view::npos) {
        std::vector<std::string> parts(1);
        for (char c : name.substr(name.find(':') + 1)) c == ':' ? (void)parts.emplace_back() : parts.back().push_back(c);
        if (parts.size() > 2) {
            out.add("server.host", parts[0]);
            out.add("server.port", parts[1]);
            parts.erase(parts.begin(), parts.begin() + 2);
        }
        if (parts[0].empty()) return fail(EINVAL, fmt::format("'{}' names no disk", name));
        out.add("vdi", parts[0]);
        if (parts.size() > 1) add_snapshot(out, parts[1]);
        return out;
    }
    const usize hash = name.find('#');
    Url url = EMU_TRY(Url::parse(name.substr(0, hash)));
    const auto socket = url.query.take("socket");
    EMU_CHECK(url.query.finish("socket"));
    if ((url.scheme == "sheepdog+unix") != socket.has_value()) return fail(EINVAL, "a socket belongs to sheepdog+unix://, and to nothing else");
    if (url.path.size() < 2) return fail(EINVAL, fmt::format("'{}' names no disk", name));
    if (socket) {
        out.add("server.type", "unix");
        out.add("server.path", *socket);
    } else if (!url.host.empty()) {
        out.add("server.host", url.host);
        if (!url.port.empty()) out.add("server.port", url.port);
    }
    out.add("vdi", url.path.substr(1));
    if (hash != std::string_view::npos) add_snapshot(out, EMU_TRY(percent_decode(name.substr(hash + 1))));
    return out;
}

Result<void> create(NodePtr, CreateArgs& args) {
    KeyValues options = EMU_TRY(parse_name(args.name));
    const Names names = EMU_TRY(take_names(options));
    if (names.is_snapshot()) return fail(EINVAL, "a snapshot cannot be made by its name");
    if (args.size > default_object * inode::max_objects) return fail(EFBIG, "the cluster takes no disk of that size");
    auto connection = EMU_TRY(Connection::open(names.address));
    std::vector<u8> block = name_block(names);
    block.resize(name_size);
    auto made = connection->disk(Op::new_vdi, flag_write, {.size = args.size}, block);
    // As with files: what exists is made anew, if it is large enough to be.
    if (made && made->result == exists) return fail(EEXIST, fmt::format("Image {} already exists", names.disk));
    return good(made, fmt::format("disk '{}'", names.disk));
}

constexpr std::string_view prefixes[] = {"sheepdog", "sheepdog+tcp", "sheepdog+unix"};
constexpr CreateOption create_options[] = {{"size", CreateOption::Kind::size, "Virtual disk size"}};
constexpr CreateOption open_options_rows[] = {
    {"vdi", CreateOption::Kind::string, "name of the disk"},
    {"snap-id", CreateOption::Kind::number, "number of a snapshot of it"},
    {"tag", CreateOption::Kind::string, "name of a snapshot of it"},
    {"server.type", CreateOption::Kind::string, "inet or unix", "inet"},
    {"server.host", CreateOption::Kind::string, "a node of the cluster", "localhost"},
    {"server.port", CreateOption::Kind::string, "its port", "7000"},
    {"server.path", CreateOption::Kind::string, "its UNIX socket"},
};

} // namespace

extern const Driver sheepdog_driver{.name = "sheepdog", .kind = Driver::Kind::protocol, .open = open, .parse_name = parse_name, .prefixes = prefixes,
                                    .create = create, .create_options = create_options, .open_options = open_options_rows, .network = true,
                                    .summary = "disks of a Sheepdog cluster"};

} // namespace emu::block

// SPDX-License-Identifier: MIT
// The block driver "nbd": an export of some server as storage.
#include "block/image.h"
#include "common/sizes.h"
#include "nbd/channel.h"
#include "nbd/libnbd.h"
#include "nbd/name.h"
#include "nbd/wire.h"

#include <algorithm>
#include <cerrno>
#include <fmt/format.h>

namespace emu::nbd {
namespace {

using namespace block;

constexpr unsigned default_connections = 4;
constexpr unsigned busy_enough = 2; ///< requests on every connection before another one is made
constexpr auto status_lifetime = std::chrono::milliseconds(200);

struct Settings {
    Target target;
    std::string context = "base:allocation";
    std::chrono::seconds reconnect_delay{0}, open_timeout{0};
    unsigned connections = default_connections;
};

/// Extents of the last block status; a walk over the image asks about neighbours.
class StatusCache {
public:
    void clear() {
        std::lock_guard lock(mutex_);
        runs_.clear();
    }
    void set(u64 at, std::vector<std::pair<u64, u32>> runs) {
        std::lock_guard lock(mutex_);
        at_ = at;
        runs_ = std::move(runs);
        until_ = std::chrono::steady_clock::now() + status_lifetime;
    }
    std::optional<std::pair<u64, u32>> find(u64 at) {
        std::lock_guard lock(mutex_);
        if (at < at_ || std::chrono::steady_clock::now() > until_) return std::nullopt;
        u64 place = at_;
        for (const auto& [length, flags] : runs_) {
            if (at < place + length) return std::pair(place + length - at, flags);
            place += length;
        }
        return std::nullopt;
    }

private:
    std::mutex mutex_;
    u64 at_ = 0;
    std::vector<std::pair<u64, u32>> runs_;
    std::chrono::steady_clock::time_point until_{};
};

struct StatusRequest {
    const std::string* context;
    std::vector<std::pair<u64, u32>> runs;
};
int take_status(void* data, const char* context, u64, u32* entries, usize count, int*) {
    auto& request = *static_cast<StatusRequest*>(data);
    if (*request.context != context) return 0;
    for (usize i = 0; i + 1 < count; i += 2)
        if (entries[i]) request.runs.emplace_back(entries[i], entries[i + 1]);
    return 0;
}

nbd_completion_callback completion(Channel::Waiter& waiter) { return {Channel::complete, &waiter, nullptr}; }

class NbdNode final : public Node {
public:
    NbdNode(Settings settings, std::unique_ptr<Channel> first, bool writable);
    std::string_view driver() const override { return "nbd"; }
    Limits limits() const override { return limits_; }

protected:
    u64 do_size() const override { return size_; }
    Result<void> do_read(u64 at, Bytes to) override;
    Result<void> do_write(u64 at, ConstBytes from, WriteFlags flags) override;
    Result<void> do_write_zeroes(u64 at, u64 length, WriteFlags flags) override;
    Result<void> do_discard(u64 at, u64 length) override;
    Result<void> do_flush() override;
    Result<Extent> do_extent(u64 at, u64 length) override;
    Result<void> do_close() override;

private:
    Result<void> request(const Channel::Start& start);
    std::shared_ptr<Channel> pick();
    Result<void> replace(const std::shared_ptr<Channel>& lost);

    Settings settings_;
    u64 size_;
    Limits limits_;
    unsigned most_ = 1;
    bool can_flush_, can_trim_, can_zero_, can_fast_zero_, has_status_;
    std::mutex mutex_;
    std::vector<std::shared_ptr<Channel>> channels_;
    bool growing_ = false;
    StatusCache status_;
};

NbdNode::NbdNode(Settings settings, std::unique_ptr<Channel> first, bool) : settings_(std::move(settings)) {
    nbd_handle* h = first->handle();
    size_ = u64(std::max<s64>(0, library().nbd_get_size(h)));
    can_flush_ = library().nbd_can_flush(h) == 1;
    can_trim_ = library().nbd_can_trim(h) == 1;
    can_zero_ = library().nbd_can_zero(h) == 1;
    can_fast_zero_ = library().nbd_can_fast_zero(h) == 1;
    has_status_ = library().nbd_can_meta_context(h, settings_.context.c_str()) == 1;
    if (library().nbd_can_multi_conn(h) == 1 && settings_.target.kind != Target::Kind::fd)
        most_ = settings_.connections;
    const s64 minimum = library().nbd_get_block_size(h, LIBNBD_SIZE_MINIMUM),
              maximum = library().nbd_get_block_size(h, LIBNBD_SIZE_MAXIMUM);
    if (minimum > 1 && minimum <= 65536 && (minimum & (minimum - 1)) == 0) limits_.request_alignment = u32(minimum);
    limits_.max_transfer = max_payload;
    if (maximum > 0 && u64(maximum) < limits_.max_transfer)
        limits_.max_transfer =
            std::max<u64>(u64(maximum) & ~u64(limits_.request_alignment - 1), limits_.request_alignment);
    limits_.fast_zero = can_fast_zero_;
    channels_.push_back(std::move(first));
}

/// The least busy connection; one more where all have enough to do and the server lets them see each other's writes.
std::shared_ptr<Channel> NbdNode::pick() {
    std::unique_lock lock(mutex_);
    auto best = *std::min_element(channels_.begin(), channels_.end(),
                                  [](const auto& a, const auto& b) { return a->busy() < b->busy(); });
    if (best->busy() < busy_enough || channels_.size() >= most_ || growing_) return best;
    growing_ = true;
    lock.unlock();
    auto more = Channel::open(settings_.target, settings_.context, {});
    lock.lock();
    growing_ = false;
    if (!more) {
        most_ = unsigned(channels_.size()); // the server takes no more
        return best;
    }
    channels_.push_back(std::move(*more));
    return channels_.back();
}

Result<void> NbdNode::replace(const std::shared_ptr<Channel>& lost) {
    std::lock_guard lock(mutex_);
    const auto at = std::find(channels_.begin(), channels_.end(), lost);
    if (at == channels_.end()) return {}; // somebody else was faster
    status_.clear();
    if (channels_.size() > 1) {
        channels_.erase(at);
        return {};
    }
    auto fresh = EMU_TRY(Channel::open(settings_.target, settings_.context, settings_.reconnect_delay));
    if (library().nbd_get_size(fresh->handle()) != s64(size_))
        return fail(EIO, "the export has another size after the connection was lost");
    *at = std::move(fresh);
    return {};
}

/// Every request may be repeated: it does the same again.
Result<void> NbdNode::request(const Channel::Start& start) {
    const auto deadline = std::chrono::steady_clock::now() + settings_.reconnect_delay;
    for (bool first = true;; first = false) {
        std::shared_ptr<Channel> channel = pick();
        auto done = channel->run(start);
        if (done || done.error().code != ENOTCONN) return done;
        const bool again = settings_.reconnect_delay.count() && std::chrono::steady_clock::now() < deadline;
        auto replaced = replace(channel);
        if (settings_.target.kind == Target::Kind::fd || (!again && !first)) return fail(EIO, done.error().text);
        if (!replaced) return fail(EIO, fmt::format("{}; {}", done.error().text, replaced.error().text));
        if (!again) return fail(EIO, done.error().text);
    }
}

Result<void> NbdNode::do_read(u64 at, Bytes to) {
    return request([&](nbd_handle* h, Channel::Waiter& w) {
        return library().nbd_aio_pread(h, to.data(), to.size(), at, completion(w), 0);
    });
}
Result<void> NbdNode::do_write(u64 at, ConstBytes from, WriteFlags) {
    status_.clear();
    auto done = request([&](nbd_handle* h, Channel::Waiter& w) {
        return library().nbd_aio_pwrite(h, from.data(), from.size(), at, completion(w), 0);
    });
    status_.clear();
    return done;
}
Result<void> NbdNode::do_write_zeroes(u64 at, u64 length, WriteFlags flags) {
    if (!can_zero_ || (has(flags, WriteFlags::no_fallback) && !can_fast_zero_))
        return fail(ENOTSUP, "the server cannot write zeroes");
    u32 wire = has(flags, WriteFlags::may_unmap) ? 0 : LIBNBD_CMD_FLAG_NO_HOLE;
    if (has(flags, WriteFlags::no_fallback)) wire |= LIBNBD_CMD_FLAG_FAST_ZERO;
    const u64 step = (u64(1) << 31) & ~u64(limits_.request_alignment - 1);
    for (u64 done = 0; done < length; done += step)
        EMU_CHECK(request([&](nbd_handle* h, Channel::Waiter& w) {
            return library().nbd_aio_zero(h, std::min(step, length - done), at + done, completion(w), wire);
        }));
    status_.clear();
    return {};
}
Result<void> NbdNode::do_discard(u64 at, u64 length) {
    if (!can_trim_) return {};
    const u64 step = u64(1) << 31;
    for (u64 done = 0; done < length; done += step)
        EMU_CHECK(request([&](nbd_handle* h, Channel::Waiter& w) {
            return library().nbd_aio_trim(h, std::min(step, length - done), at + done, completion(w), 0);
        }));
    status_.clear();
    return {};
}
Result<void> NbdNode::do_flush() {
    if (!can_flush_) return {};
    return request([](nbd_handle* h, Channel::Waiter& w) { return library().nbd_aio_flush(h, completion(w), 0); });
}

Result<Extent> NbdNode::do_extent(u64 at, u64 length) {
    Extent out{.length = length, .data = true, .allocated = true, .offset = at, .file = this};
    if (!has_status_) return out;
    auto known = status_.find(at);
    if (!known) {
        // As much as one answer may hold: the neighbours are asked about next.
        const u64 ask = std::min<u64>(size_ - at, u64(1) << 31);
        StatusRequest status{&settings_.context, {}};
        EMU_CHECK(request([&](nbd_handle* h, Channel::Waiter& w) {
            status.runs.clear();
            return library().nbd_aio_block_status(h, ask, at, nbd_extent_callback{take_status, &status, nullptr},
                                                  completion(w), 0);
        }));
        if (status.runs.empty()) return fail(EIO, "the server sent no block status");
        known = status.runs.front();
        status_.set(at, std::move(status.runs));
    }
    out.length = std::min(length, known->first);
    out.data = !(known->second & state_hole);
    out.zero = known->second & state_zero;
    return out;
}

Result<void> NbdNode::do_close() {
    std::lock_guard lock(mutex_);
    // The last one stays for those who ask after the end.
    channels_.resize(1);
    return {};
}

Result<Target> take_target(OpenArgs& args) {
    KeyValues& o = args.options;
    if (auto name = o.take("filename")) {
        const KeyValues named = EMU_TRY(parse_name(*name));
        for (const KeyValue& kv : named.items())
            if (!o.has(kv.key)) o.add(kv.key, kv.value);
    }
    Target out;
    // The flat spellings of old.
    auto take = [&](std::string_view key) {
        return o.take("server." + std::string(key)).value_or(o.take(key).value_or(""));
    };
    std::string type = o.take("server.type").value_or("");
    out.path = take("path");
    out.host = take("host");
    out.port = take("port");
    const std::string fd = o.take("server.str").value_or("");
    if (type.empty()) type = !out.path.empty() ? "unix" : "inet";
    out.export_name = o.take("export").value_or("");
    out.tls_required = EMU_TRY(o.take_bool("tls")).value_or(false);
    if (type == "unix") {
        out.kind = Target::Kind::unix;
        if (out.path.empty()) return fail(EINVAL, "one of path and host must be specified");
    } else if (type == "inet") {
        if (out.host.empty()) return fail(EINVAL, "one of path and host must be specified");
    } else if (type == "vsock") {
        out.kind = Target::Kind::vsock;
        if (out.port.empty()) out.port = "10809";
    } else if (type == "fd") {
        out.kind = Target::Kind::fd;
        auto number = parse_number(fd);
        if (!number || *number > 0x7fffffff) return fail(EINVAL, fmt::format("'{}' is no descriptor", fd));
        out.fd = int(*number);
    } else
        return fail(
            Error{EINVAL, fmt::format("Invalid parameter '{}' for server.type", type), "inet, unix, vsock, fd"});
    if (out.export_name.size() > max_string) return fail(EINVAL, "the export's name is too long");
    return out;
}

Result<NodePtr> open_nbd(NodePtr, OpenArgs& args) {
    Settings settings;
    KeyValues& o = args.options;
    settings.target = EMU_TRY(take_target(args));
    if (auto id = o.take("tls-creds")) {
        auto creds =
            std::static_pointer_cast<const crypto::TlsCreds>(args.context->object(*id, crypto::TlsCreds::class_name));
        if (!creds) return fail(ENOENT, fmt::format("No TLS credentials with id '{}'", *id));
        settings.target.tls = ClientTls{creds, o.take("tls-hostname").value_or("")};
    }
    if (auto bitmap = o.take("x-dirty-bitmap")) settings.context = *bitmap;
    settings.reconnect_delay = std::chrono::seconds(EMU_TRY(o.take_number("reconnect-delay")).value_or(0));
    settings.open_timeout = std::chrono::seconds(EMU_TRY(o.take_number("open-timeout")).value_or(0));
    settings.connections =
        unsigned(std::clamp<u64>(EMU_TRY(o.take_number("multi-conn")).value_or(default_connections), 1, 16));
    const bool own_context = settings.context != "base:allocation";
    auto first = EMU_TRY(Channel::open(settings.target, settings.context, settings.open_timeout));
    if (own_context && library().nbd_can_meta_context(first->handle(), settings.context.c_str()) != 1)
        return fail(EINVAL, fmt::format("requested x-dirty-bitmap {} not found", settings.context));
    if (args.writable && library().nbd_is_read_only(first->handle()) == 1)
        return fail(EACCES, "request on read-only export: the server does not allow writes");
    return NodePtr(std::make_shared<NbdNode>(std::move(settings), std::move(first), args.writable));
}

/// The export is there already, or it is not ours to make.
Result<void> create_nbd(NodePtr, CreateArgs&) { return {}; }

constexpr std::string_view prefixes[] = {"nbd",      "nbds",      "nbd+tcp",   "nbds+tcp",
                                         "nbd+unix", "nbds+unix", "nbd+vsock", "nbds+vsock"};
constexpr CreateOption open_options[] = {
    {"server.type", CreateOption::Kind::string, "inet, unix, vsock or fd", "inet"},
    {"server.host", CreateOption::Kind::string, "host name or address; the CID of vsock"},
    {"server.port", CreateOption::Kind::string, "port", "10809"},
    {"server.path", CreateOption::Kind::string, "path of the UNIX socket"},
    {"server.str", CreateOption::Kind::number, "number of the connected descriptor, with server.type=fd"},
    {"export", CreateOption::Kind::string, "name of the export"},
    {"tls", CreateOption::Kind::flag, "require TLS, without credentials of our own", "off"},
    {"tls-creds", CreateOption::Kind::string, "id of a tls-creds object with a client endpoint"},
    {"tls-hostname", CreateOption::Kind::string, "name expected in the server's certificate"},
    {"x-dirty-bitmap", CreateOption::Kind::string, "metadata context that block status is taken from",
     "base:allocation"},
    {"reconnect-delay", CreateOption::Kind::number, "seconds that requests wait for a lost connection", "0"},
    {"open-timeout", CreateOption::Kind::number, "seconds to try to connect for", "0"},
    {"multi-conn", CreateOption::Kind::number, "most connections to a server that allows several", "4"},
};

} // namespace
} // namespace emu::nbd

namespace emu::block {
extern const Driver nbd_driver;
const Driver nbd_driver{.name = "nbd",
                        .kind = Driver::Kind::protocol,
                        .open = nbd::open_nbd,
                        .parse_name = nbd::parse_name,
                        .prefixes = nbd::prefixes,
                        .create = nbd::create_nbd,
                        .open_options = nbd::open_options,
                        .network = true,
                        .summary = "exports of NBD servers"};
} // namespace emu::block

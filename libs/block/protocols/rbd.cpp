// SPDX-License-Identifier: MIT
// Images of a Ceph cluster (RADOS block devices), through librados and librbd, which take requests of many threads by themselves.
//
//     rbd:pool[/namespace]/image[@snapshot][:id=user][:conf=path][:key=value...]     a backslash takes the next character as it is
#include "block/image.h"
#include "common/library.h"
#include "common/bits.h"
#include "common/checked.h"

#include <algorithm>
#include <atomic>
#include <cerrno>
#include <cstring>
#include <fmt/format.h>
#include <rados/librados.h>
#include <rbd/librbd.h>

namespace emu::block {
namespace {

#define EMU_RADOS_API(X)                                                                                               \
    X(rados_create) X(rados_conf_read_file) X(rados_conf_set) X(rados_connect) X(rados_shutdown) X(rados_ioctx_create) X(rados_ioctx_destroy)         \
    X(rados_ioctx_set_namespace)
#define EMU_RBD_API(X)                                                                                                 \
    X(rbd_open) X(rbd_open_read_only) X(rbd_close) X(rbd_stat) X(rbd_get_size) X(rbd_create) X(rbd_read) X(rbd_write) X(rbd_discard)                  \
    X(rbd_write_zeroes) X(rbd_flush) X(rbd_resize) X(rbd_diff_iterate2) X(rbd_encryption_load)
EMU_LIBRARY_API(RadosApi, EMU_RADOS_API, "librados.so.2")
EMU_LIBRARY_API(RbdApi, EMU_RBD_API, "librbd.so.1")

struct Settings {
    std::string pool, space, image, snapshot, conf, user, server, key;
    std::vector<std::pair<std::string, std::string>> pairs;
    std::string encryption; ///< "", "luks", "luks2"
    std::string passphrase;
};

tl::unexpected<Error> failed(int status, std::string_view what) {
    return fail(-status, fmt::format("{}: {}", what, std::strerror(-status)));
}

class Cluster {
public:
    static Result<std::unique_ptr<Cluster>> connect(const Settings& s) {
        auto out = std::unique_ptr<Cluster>(new Cluster(*EMU_TRY(RadosApi::get())));
        EMU_CHECK(out->start(s));
        return out;
    }
    ~Cluster() {
        if (io_) api_.rados_ioctx_destroy(io_);
        if (cluster_) api_.rados_shutdown(cluster_);
    }
    Cluster(const Cluster&) = delete;
    rados_ioctx_t io() const { return io_; }

private:
    explicit Cluster(const RadosApi& api) : api_(api) {}
    Result<void> start(const Settings& s) {
        int status = api_.rados_create(&cluster_, s.user.empty() ? nullptr : s.user.c_str());
        if (status < 0) return failed(status, "error initializing");
        status = api_.rados_conf_read_file(cluster_, s.conf.empty() ? nullptr : s.conf.c_str());
        if (status < 0 && !s.conf.empty()) return failed(status, "error reading conf file " + s.conf);
        if (!s.server.empty()) EMU_CHECK(set("mon_host", s.server));
        if (!s.key.empty()) EMU_CHECK(set("key", s.key));
        for (const auto& [key, value] : s.pairs) EMU_CHECK(set(key, value));
        status = api_.rados_connect(cluster_);
        if (status < 0) return failed(status, "error connecting");
        status = api_.rados_ioctx_create(cluster_, s.pool.c_str(), &io_);
        if (status < 0) return failed(status, "error opening pool " + s.pool);
        if (!s.space.empty()) api_.rados_ioctx_set_namespace(io_, s.space.c_str());
        return {};
    }
    Result<void> set(const std::string& key, const std::string& value) {
        const int status = api_.rados_conf_set(cluster_, key.c_str(), value.c_str());
        return status < 0 ? Result<void>(failed(status, "invalid conf option " + key)) : Result<void>();
    }
    const RadosApi& api_;
    rados_t cluster_ = nullptr;
    rados_ioctx_t io_ = nullptr;
};

class RbdNode final : public Node {
public:
    RbdNode(const RbdApi& api, std::unique_ptr<Cluster> cluster) : api_(api), cluster_(std::move(cluster)) {}
    ~RbdNode() override {
        if (image_) api_.rbd_close(image_);
    }
    Result<void> open(const Settings& s, bool writable) {
        const char* snapshot = s.snapshot.empty() ? nullptr : s.snapshot.c_str();
        const int status = writable ? api_.rbd_open(cluster_->io(), s.image.c_str(), &image_, snapshot)
                                    : api_.rbd_open_read_only(cluster_->io(), s.image.c_str(), &image_, snapshot);
        if (status < 0) return failed(status, "error reading header from " + s.image);
        if (!s.encryption.empty()) EMU_CHECK(unlock(s));
        rbd_image_info_t info = {};
        if (const int stat = api_.rbd_stat(image_, &info, sizeof info); stat < 0) return failed(stat, "error reading the image's properties");
        object_ = info.obj_size;
        return read_size();
    }
    std::string_view driver() const override { return "rbd"; }
    Limits limits() const override {
        Limits out;
        out.cluster_size = object_;
        out.discard_alignment = is_power_of_two(object_) ? object_ : 1;
        out.growable = true;
        return out;
    }
    Result<ImageInfo> info() override {
        ImageInfo out;
        out.cluster_size = object_;
        return out;
    }

protected:
    u64 do_size() const override { return size_; }
    Result<void> do_read(u64 at, Bytes to) override {
        const ssize_t got = api_.rbd_read(image_, at, to.size(), reinterpret_cast<char*>(to.data()));
        if (got < 0) return failed(int(got), "RBD read");
        std::fill(to.begin() + got, to.end(), u8(0));
        return {};
    }
    Result<void> do_write(u64 at, ConstBytes from, WriteFlags) override {
        EMU_CHECK(reach(at + from.size()));
        const ssize_t put = api_.rbd_write(image_, at, from.size(), reinterpret_cast<const char*>(from.data()));
        return put < 0 ? Result<void>(failed(int(put), "RBD write")) : Result<void>();
    }
    Result<void> do_write_zeroes(u64 at, u64 length, WriteFlags flags) override {
        EMU_CHECK(reach(at + length));
        const ssize_t put = api_.rbd_write_zeroes(image_, at, length, has(flags, WriteFlags::may_unmap) ? 0 : int(RBD_WRITE_ZEROES_FLAG_THICK_PROVISION), 0);
        return put < 0 ? Result<void>(failed(int(put), "RBD write zeroes")) : Result<void>();
    }
    Result<void> do_discard(u64 at, u64 length) override {
        const int status = api_.rbd_discard(image_, at, length);
        return status < 0 ? Result<void>(failed(status, "RBD discard")) : Result<void>();
    }
    Result<void> do_flush() override {
        const int status = api_.rbd_flush(image_);
        return status < 0 ? Result<void>(failed(status, "RBD flush")) : Result<void>();
    }
    Result<Extent> do_extent(u64 at, u64 length) override {
        // The first run of objects that exist decides: what is before it is zeroes.
        struct Found {
            u64 at, start = ~u64(0), end = 0;
        } found{.at = at};
        const auto note = [](uint64_t offset, size_t bytes, int exists, void* opaque) -> int {
            Found& f = *static_cast<Found*>(opaque);
            if (!exists) return 0;
            if (f.start == ~u64(0)) {
                f.start = offset;
                f.end = offset + bytes;
                return 0;
            }
            if (offset > f.end) return -9000; // enough is known
            f.end = std::max<u64>(f.end, offset + bytes);
            return 0;
        };
        const int status = api_.rbd_diff_iterate2(image_, nullptr, at, length, 1, 1, note, &found);
        if (status < 0 && status != -9000) return Extent{.length = length, .data = true, .allocated = true, .offset = at, .file = this};
        const bool data = found.start <= at;
        const u64 end = data ? found.end : found.start == ~u64(0) ? at + length : found.start;
        return Extent{.length = std::clamp<u64>(end - at, 1, length), .data = data, .zero = !data, .allocated = true, .offset = at, .file = this};
    }
    Result<void> do_truncate(u64 size, Preallocation mode) override {
        if (mode != Preallocation::off) return fail(ENOTSUP, fmt::format("Unsupported preallocation mode '{}'", preallocation_name(mode)));
        std::lock_guard lock(resizing_);
        return resize(size);
    }

private:
    Result<void> unlock(const Settings& s) {
        int status;
        if (s.encryption == "luks") {
            rbd_encryption_luks1_format_options_t how = {RBD_ENCRYPTION_ALGORITHM_AES256, s.passphrase.data(), s.passphrase.size()};
            status = api_.rbd_encryption_load(image_, RBD_ENCRYPTION_FORMAT_LUKS1, &how, sizeof how);
        } else {
            rbd_encryption_luks2_format_options_t how = {RBD_ENCRYPTION_ALGORITHM_AES256, s.passphrase.data(), s.passphrase.size()};
            status = api_.rbd_encryption_load(image_, RBD_ENCRYPTION_FORMAT_LUKS2, &how, sizeof how);
        }
        return status < 0 ? Result<void>(failed(status, "encryption load fail")) : Result<void>();
    }
    Result<void> read_size() {
        uint64_t bytes = 0;
        if (const int status = api_.rbd_get_size(image_, &bytes); status < 0) return failed(status, "error reading image size");
        size_ = bytes;
        return {};
    }
    Result<void> resize(u64 size) {
        if (const int status = api_.rbd_resize(image_, size); status < 0) return failed(status, "Failed to resize file");
        size_ = size;
        return {};
    }
    /// Formats grow their storage by writing behind its end; images here grow when told to. Others may be at it too.
    Result<void> reach(u64 end) {
        if (end <= size_) return {};
        std::lock_guard lock(resizing_);
        return end <= size_ ? Result<void>() : resize(end);
    }

    const RbdApi& api_;
    std::unique_ptr<Cluster> cluster_;
    rbd_image_t image_ = nullptr;
    u64 object_ = 0;
    std::atomic<u64> size_{0};
    std::mutex resizing_;   ///< size_ changes with it
};

/// Up to one of `stops`, backslashes taken off.
std::string next_part(std::string_view& text, std::string_view stops, char* stop) {
    std::string out;
    usize i = 0;
    for (; i < text.size() && stops.find(text[i]) == std::string_view::npos; i++) {
        if (text[i] == '\\' && i + 1 < text.size()) i++;
        out += text[i];
    }
    *stop = i < text.size() ? text[i] : '\0';
    text.remove_prefix(std::min(i + 1, text.size()));
    return out;
}

Result<KeyValues> parse_rbd_name(std::string_view name) {
    if (!name.starts_with("rbd:")) return fail(EINVAL, "File name must start with 'rbd:'");
    std::string_view rest = name.substr(4);
    KeyValues out;
    char stop = 0;
    out.add("pool", next_part(rest, "/", &stop));
    if (!stop) return fail(EINVAL, "Pool name is required");
    std::string image = next_part(rest, "/@:", &stop);
    if (stop == '/') {
        out.add("namespace", image);
        image = next_part(rest, "@:", &stop);
    }
    out.add("image", image);
    if (stop == '@') out.add("snapshot", next_part(rest, ":", &stop));
    unsigned pairs = 0;
    while (stop == ':' && !rest.empty()) {
        const std::string key = next_part(rest, "=", &stop);
        if (!stop) return fail(EINVAL, fmt::format("conf option {} has no value", key));
        const std::string value = next_part(rest, ":", &stop);
        if (key == "conf" || key == "id") {
            out.add(key == "id" ? "user" : "conf", value);
            continue;
        }
        out.add(fmt::format("keyvalue-pairs.{}", pairs++), key + "=" + value);
    }
    return out;
}

Result<Settings> take_settings(KeyValues& o, Context& context) {
    Settings s;
    const auto pool = o.take("pool"), image = o.take("image");
    if (!pool || pool->empty()) return fail(EINVAL, "Parameter 'pool' is missing");
    if (!image || image->empty()) return fail(EINVAL, "Parameter 'image' is missing");
    s.pool = *pool;
    s.image = *image;
    s.space = o.take("namespace").value_or("");
    s.snapshot = o.take("snapshot").value_or("");
    s.conf = o.take("conf").value_or("");
    s.user = o.take("user").value_or("");
    for (unsigned i = 0;; i++) {
        const auto host = o.take(fmt::format("server.{}.host", i)), port = o.take(fmt::format("server.{}.port", i));
        o.take(fmt::format("server.{}.type", i));
        if (!host) break;
        s.server += fmt::format("{}{}{}", s.server.empty() ? "" : ";", *host, port ? ":" + *port : "");
    }
    for (unsigned i = 0;; i++) {
        const auto pair = o.take(fmt::format("keyvalue-pairs.{}", i));
        if (!pair) break;
        const usize equal = pair->find('=');
        s.pairs.emplace_back(pair->substr(0, equal), equal == std::string::npos ? "" : pair->substr(equal + 1));
    }
    if (const auto id = o.take("key-secret")) {
        const std::vector<u8> bytes = EMU_TRY(context.secret(*id));
        s.key.assign(bytes.begin(), bytes.end());
    }
    s.encryption = o.take("encrypt.format").value_or("");
    if (s.encryption.empty()) return s;
    if (s.encryption != "luks" && s.encryption != "luks2") return fail(EINVAL, fmt::format("Invalid parameter '{}' for encrypt.format", s.encryption));
    const auto id = o.take("encrypt.key-secret");
    if (!id) return fail(EINVAL, "Parameter 'encrypt.key-secret' is missing");
    const std::vector<u8> bytes = EMU_TRY(context.secret(*id));
    s.passphrase.assign(bytes.begin(), bytes.end());
    return s;
}

Result<NodePtr> open_rbd(NodePtr, OpenArgs& args) {
    const Settings settings = EMU_TRY(take_settings(args.options, *args.context));
    if (args.writable && !settings.snapshot.empty()) return fail(EROFS, "a snapshot can only be opened read-only");
    const RbdApi& api = *EMU_TRY(RbdApi::get());
    auto node = std::make_shared<RbdNode>(api, EMU_TRY(Cluster::connect(settings)));
    EMU_CHECK(node->open(settings, args.writable));
    return NodePtr(std::move(node));
}

Result<void> create_rbd(NodePtr, CreateArgs& args) {
    KeyValues options = EMU_TRY(parse_rbd_name(args.name));
    const Settings settings = EMU_TRY(take_settings(options, *args.context));
    if (!settings.snapshot.empty()) return fail(EINVAL, "Invalid file name: a snapshot cannot be created this way");
    const u64 object = EMU_TRY(args.options.take_size("cluster_size")).value_or(0);
    if (object && (!is_power_of_two(object) || object < 4096 || object > (u64(1) << 25))) return fail(EINVAL, "obj size needs to be power of 2, 4K to 32M");
    int order = 0;
    while (object && (u64(1) << order) < object) order++;
    const RbdApi& api = *EMU_TRY(RbdApi::get());
    const auto cluster = EMU_TRY(Cluster::connect(settings));
    const int status = api.rbd_create(cluster->io(), settings.image.c_str(), args.size, &order);
    return status < 0 ? Result<void>(failed(status, "error rbd create")) : Result<void>();
}

constexpr std::string_view prefixes[] = {"rbd"};
constexpr CreateOption create_options[] = {
    {"size", CreateOption::Kind::size, "Virtual disk size"},
    {"cluster_size", CreateOption::Kind::size, "RBD object size"},
};
constexpr CreateOption rbd_options[] = {
    {"pool", CreateOption::Kind::string, "Rados pool name"},
    {"namespace", CreateOption::Kind::string, "Rados namespace name in the pool"},
    {"image", CreateOption::Kind::string, "Image name in the pool"},
    {"snapshot", CreateOption::Kind::string, "Ceph snapshot name"},
    {"conf", CreateOption::Kind::string, "Rados config file location"},
    {"user", CreateOption::Kind::string, "Rados id name"},
    {"key-secret", CreateOption::Kind::string, "secret that holds the user's key"},
    {"server.0.host", CreateOption::Kind::string, "a monitor; more are server.1 ..."},
    {"encrypt.format", CreateOption::Kind::string, "luks or luks2: the library decrypts"},
    {"encrypt.key-secret", CreateOption::Kind::string, "secret that holds the passphrase"},
};

} // namespace

extern const Driver rbd_driver{.name = "rbd", .kind = Driver::Kind::protocol, .open = open_rbd, .parse_name = parse_rbd_name, .prefixes = prefixes,
                               .create = create_rbd, .create_options = create_options, .open_options = rbd_options, .network = true,
                               .summary = "an image of a Ceph cluster"};

} // namespace emu::block

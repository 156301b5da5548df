// SPDX-License-Identifier: MIT
// Files on Gluster volumes, through libgfapi, which takes requests of many threads by itself.
#include "block/image.h"
#include "common/library.h"
#include "block/protocols/url.h"
#include "common/checked.h"
#include "common/sizes.h"

#include <algorithm>
#include <atomic>
#include <cerrno>
#include <cstring>
#include <fcntl.h>
#include <fmt/format.h>
#include <glusterfs/api/glfs.h>
#include <sys/stat.h>

namespace emu::block {
namespace {

#define EMU_GLUSTER_API(X)                                                                                             \
    X(glfs_new) X(glfs_set_volfile_server) X(glfs_set_logging) X(glfs_init) X(glfs_fini) X(glfs_open) X(glfs_creat) X(glfs_close) X(glfs_fstat)       \
    X(glfs_pread) X(glfs_pwrite) X(glfs_fsync) X(glfs_ftruncate) X(glfs_discard) X(glfs_zerofill) X(glfs_lseek)
EMU_LIBRARY_API(GlusterApi, EMU_GLUSTER_API, "libgfapi.so.0")

struct Server {
    std::string transport = "tcp", host;
    unsigned port = 24007;
};
struct Settings {
    std::string volume, path, logfile = "-";
    std::vector<Server> servers;
    unsigned debug = 4;
};

/// A volume and one open file on it.
class Volume {
public:
    static Result<std::unique_ptr<Volume>> open(const GlusterApi& api, const Settings& s, int flags) {
        auto out = std::unique_ptr<Volume>(new Volume(api, s.volume));
        EMU_CHECK(out->start(s, flags));
        return out;
    }
    ~Volume() {
        if (file_) api.glfs_close(file_);
        if (volume_) api.glfs_fini(volume_);
    }
    Volume(const Volume&) = delete;
    glfs_fd_t* file() const { return file_; }
    const GlusterApi& api;

private:
    Volume(const GlusterApi& a, const std::string& name) : api(a), volume_(a.glfs_new(name.c_str())) {}
    Result<void> start(const Settings& s, int flags) {
        if (!volume_) return fail(errno, "Gluster: no memory for a volume");
        for (const Server& server : s.servers) {
            if (api.glfs_set_volfile_server(volume_, server.transport.c_str(), server.host.c_str(), server.transport == "unix" ? 0 : int(server.port)) < 0)
                return fail_errno(errno, "Gluster server");
        }
        if (api.glfs_set_logging(volume_, s.logfile.c_str(), int(s.debug)) < 0) return fail_errno(errno, "Gluster log file");
        if (api.glfs_init(volume_) != 0) {
            const int code = errno ? errno : EIO;
            return fail(code, fmt::format("Gluster connection for volume {}, path {} failed to connect: {}", s.volume, s.path, std::strerror(code)));
        }
        file_ = flags & O_CREAT ? api.glfs_creat(volume_, s.path.c_str(), flags, S_IRUSR | S_IWUSR) : api.glfs_open(volume_, s.path.c_str(), flags);
        if (!file_) return fail_errno(errno, fmt::format("Gluster file {}", s.path));
        return {};
    }
    glfs_t* volume_;
    glfs_fd_t* file_ = nullptr;
};

class GlusterNode final : public Node {
public:
    GlusterNode(std::unique_ptr<Volume> volume, u64 size) : v_(std::move(volume)), size_(size) {}
    std::string_view driver() const override { return "gluster"; }
    Limits limits() const override { return {.growable = true}; }
    std::optional<u64> allocated_size() const override {
        struct stat found = {};
        if (v_->api.glfs_fstat(v_->file(), &found) != 0) return std::nullopt;
        return u64(found.st_blocks) * 512;
    }

protected:
    u64 do_size() const override { return size_; }
    Result<void> do_read(u64 at, Bytes to) override {
        while (!to.empty()) {
            const ssize_t got = v_->api.glfs_pread(v_->file(), to.data(), to.size(), off_t(at), 0, nullptr);
            if (got < 0) return fail_errno(errno, "Gluster read");
            if (got == 0) return fail(EIO, "the file on the Gluster volume has become shorter");
            at += u64(got);
            to = to.subspan(usize(got));
        }
        return {};
    }
    Result<void> do_write(u64 at, ConstBytes from, WriteFlags) override {
        while (!from.empty()) {
            const ssize_t put = v_->api.glfs_pwrite(v_->file(), from.data(), from.size(), off_t(at), 0, nullptr, nullptr);
            if (put <= 0) return fail_errno(put ? errno : EIO, "Gluster write");
            at += u64(put);
            from = from.subspan(usize(put));
        }
        grow(at);
        return {};
    }
    Result<void> do_write_zeroes(u64 at, u64 length, WriteFlags) override {
        if (v_->api.glfs_zerofill(v_->file(), off_t(at), off_t(length)) < 0) return fail_errno(errno == EOPNOTSUPP ? ENOTSUP : errno, "Gluster zerofill");
        grow(at + length);
        return {};
    }
    Result<void> do_discard(u64 at, u64 length) override {
        if (v_->api.glfs_discard(v_->file(), off_t(at), usize(length)) < 0 && errno != EOPNOTSUPP && errno != ENOSYS) return fail_errno(errno, "Gluster discard");
        return {};
    }
    Result<void> do_flush() override {
        return v_->api.glfs_fsync(v_->file(), nullptr, nullptr) < 0 ? Result<void>(fail_errno(errno, "Gluster fsync")) : Result<void>();
    }
    Result<Extent> do_extent(u64 at, u64 length) override {
        Extent out{.length = length, .data = true, .allocated = true, .offset = at, .file = this};
        std::lock_guard lock(seek_); // the file's position is one for all
        const off_t data = v_->api.glfs_lseek(v_->file(), off_t(at), SEEK_DATA);
        if (data < 0 && errno != ENXIO) return out; // the volume cannot tell
        if (data < 0 || u64(data) > at) {
            out.data = false;
            out.zero = true;
            out.length = data < 0 ? length : std::min(length, u64(data) - at);
            return out;
        }
        const off_t hole = v_->api.glfs_lseek(v_->file(), off_t(at), SEEK_HOLE);
        if (hole > data) out.length = std::min(length, u64(hole) - at);
        return out;
    }
    Result<void> do_truncate(u64 size, Preallocation mode) override {
        if (mode != Preallocation::off) return fail(ENOTSUP, fmt::format("Unsupported preallocation mode '{}'", preallocation_name(mode)));
        if (v_->api.glfs_ftruncate(v_->file(), off_t(size), nullptr, nullptr) < 0) return fail_errno(errno, "Could not resize file");
        size_ = size;
        return {};
    }

private:
    void grow(u64 end) {
        u64 was = size_;
        while (was < end && !size_.compare_exchange_weak(was, end)) {}
    }
    std::unique_ptr<Volume> v_;
    std::atomic<u64> size_;
    std::mutex seek_;
};

Result<KeyValues> parse_gluster_name(std::string_view name) {
    const Url url = EMU_TRY(Url::parse(name));
    KeyValues out;
    const usize plus = url.scheme.find('+');
    const std::string transport = plus == std::string::npos ? "tcp" : url.scheme.substr(plus + 1);
    const usize start = url.path.find_first_not_of('/');
    const usize slash = start == std::string::npos ? start : url.path.find('/', start);
    if (slash == std::string::npos || slash + 1 == url.path.size())
        return fail(Error{EINVAL, "invalid URI", "gluster[+transport]://[host[:port]]/volume/path[?socket=...]"});
    out.add("volume", url.path.substr(start, slash - start));
    out.add("path", url.path.substr(slash + 1));
    if (transport == "unix") {
        const auto socket = url.query.get("socket");
        if (!socket) return fail(EINVAL, "gluster+unix names need ?socket=");
        out.add("server.0.type", "unix");
        out.add("server.0.path", *socket);
        return out;
    }
    out.add("server.0.type", "inet"); // RDMA is no transport of Gluster any more
    out.add("server.0.host", url.host.empty() ? "localhost" : url.host);
    if (!url.port.empty()) out.add("server.0.port", url.port);
    return out;
}

Result<Settings> take_settings(KeyValues& o) {
    Settings s;
    const auto volume = o.take("volume"), path = o.take("path");
    if (!volume || !path) return fail(EINVAL, "gluster: 'volume' and 'path' are needed");
    s.volume = *volume;
    s.path = *path;
    s.debug = unsigned(std::min<u64>(EMU_TRY(o.take_number("debug")).value_or(4), 9));
    s.logfile = o.take("logfile").value_or("-");
    for (unsigned i = 0;; i++) {
        KeyValues one = o.take_group(fmt::format("server.{}", i));
        if (one.empty()) break;
        const std::string type = one.take("type").value_or("inet");
        Server server;
        if (type == "unix") {
            server.transport = "unix";
            server.host = one.take("path").value_or("");
        } else if (type == "inet" || type == "tcp") {
            server.host = one.take("host").value_or("localhost");
            if (const auto port = one.take("port")) server.port = unsigned(std::min<u64>(EMU_TRY(parse_number(*port)), 65535));
        } else {
            return fail(EINVAL, fmt::format("gluster: server.{}.type is inet or unix", i));
        }
        EMU_CHECK(one.finish("type, host, port, path"));
        s.servers.push_back(std::move(server));
    }
    if (s.servers.empty()) return fail(EINVAL, "gluster: please provide 'server' option with valid fields in array of servers");
    return s;
}

Result<NodePtr> open_gluster(NodePtr, OpenArgs& args) {
    const Settings settings = EMU_TRY(take_settings(args.options));
    const GlusterApi& api = *EMU_TRY(GlusterApi::get());
    auto volume = EMU_TRY(Volume::open(api, settings, (args.writable ? O_RDWR : O_RDONLY) | (args.cache.direct ? O_DIRECT : 0)));
    struct stat found = {};
    if (api.glfs_fstat(volume->file(), &found) != 0) return fail_errno(errno, "Gluster fstat");
    return NodePtr(std::make_shared<GlusterNode>(std::move(volume), u64(found.st_size)));
}

Result<void> create_gluster(NodePtr, CreateArgs& args) {
    KeyValues options = EMU_TRY(parse_gluster_name(args.name));
    const Settings settings = EMU_TRY(take_settings(options));
    const std::string mode = args.options.take("preallocation").value_or("off");
    if (mode != "off" && mode != "full") return fail(ENOTSUP, fmt::format("Unsupported preallocation mode '{}'", mode));
    const GlusterApi& api = *EMU_TRY(GlusterApi::get());
    auto volume = EMU_TRY(Volume::open(api, settings, O_WRONLY | O_CREAT | O_TRUNC));
    if (api.glfs_ftruncate(volume->file(), off_t(args.size), nullptr, nullptr) < 0) return fail_errno(errno, "Could not resize file");
    if (mode == "full" && api.glfs_zerofill(volume->file(), 0, off_t(args.size)) < 0) return fail_errno(errno, "Could not zerofill the file");
    return {};
}

constexpr std::string_view prefixes[] = {"gluster", "gluster+tcp", "gluster+unix", "gluster+rdma"};
constexpr CreateOption create_options[] = {
    {"size", CreateOption::Kind::size, "Virtual disk size"},
    {"preallocation", CreateOption::Kind::string, "Preallocation mode (allowed values: off, full)"},
};
constexpr CreateOption gluster_options[] = {
    {"volume", CreateOption::Kind::string, "name of the volume"},
    {"path", CreateOption::Kind::string, "path of the image on it"},
    {"server.0.type", CreateOption::Kind::string, "inet or unix; more servers are server.1 ..."},
    {"server.0.host", CreateOption::Kind::string, "a server of the volume"},
    {"server.0.port", CreateOption::Kind::number, "its port", "24007"},
    {"server.0.path", CreateOption::Kind::string, "its socket"},
    {"debug", CreateOption::Kind::number, "how much the library says: 0 to 9", "4"},
    {"logfile", CreateOption::Kind::string, "where it says it", "-"},
};

} // namespace

extern const Driver gluster_driver{.name = "gluster", .kind = Driver::Kind::protocol, .open = open_gluster, .parse_name = parse_gluster_name,
                                   .prefixes = prefixes, .create = create_gluster, .create_options = create_options, .open_options = gluster_options,
                                   .network = true, .summary = "a file on a Gluster volume"};

} // namespace emu::block

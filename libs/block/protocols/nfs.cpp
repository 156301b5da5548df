// SPDX-License-Identifier: MIT
// Files of an NFS server, through libnfs: no mount and no root is needed. A context serves one thread at a time; there are as many
// as requests run at once, up to a few.
#include "block/image.h"
#include "common/library.h"
#include "block/protocols/pool.h"
#include "block/protocols/url.h"
#include "common/checked.h"
#include "common/sizes.h"

#include <algorithm>
#include <atomic>
#include <cerrno>
#include <fcntl.h>
#include <fmt/format.h>
#include <sys/time.h>
#include <nfsc/libnfs.h>

namespace emu::block {
namespace {

#define EMU_NFS_API(X)                                                                                                 \
    X(nfs_init_context) X(nfs_destroy_context) X(nfs_get_error) X(nfs_mount) X(nfs_open) X(nfs_creat) X(nfs_close) X(nfs_fstat64) X(nfs_pread)        \
    X(nfs_pwrite) X(nfs_fsync) X(nfs_ftruncate) X(nfs_set_uid) X(nfs_set_gid) X(nfs_set_tcp_syncnt) X(nfs_set_readahead) X(nfs_set_pagecache)         \
    X(nfs_set_debug) X(nfs_get_readmax) X(nfs_get_writemax)
EMU_LIBRARY_API(NfsApi, EMU_NFS_API, "libnfs.so.13", "libnfs.so.14")

constexpr usize max_connections = 4;

struct Settings {
    std::string host, folder, file; ///< folder: what is mounted; file with its leading '/'
    std::optional<u64> uid, gid, syncnt, readahead, pagecache, debug;
    int flags = O_RDONLY;
};

class Mount {
public:
    static Result<std::unique_ptr<Mount>> make(const NfsApi& api, const Settings& s, int flags) {
        auto out = std::unique_ptr<Mount>(new Mount(api));
        EMU_CHECK(out->open(s, flags));
        return out;
    }
    ~Mount() {
        if (file_) api_.nfs_close(nfs_, file_);
        if (nfs_) api_.nfs_destroy_context(nfs_);
    }
    Mount(const Mount&) = delete;

    Result<u64> size(u64* allocated = nullptr) {
        struct nfs_stat_64 found = {};
        if (const int status = api_.nfs_fstat64(nfs_, file_, &found); status < 0) return fail(error(status, "Failed to fstat file"));
        if (allocated) *allocated = found.nfs_used;
        return found.nfs_size;
    }
    Result<void> read(u64 at, Bytes to) {
        while (!to.empty()) {
            const int got = api_.nfs_pread(nfs_, file_, at, std::min<u64>(to.size(), most_read_), to.data());
            if (got < 0) return fail(error(got, "read failed"));
            if (got == 0) return fail(EIO, "the file on the NFS server has become shorter");
            at += u64(got);
            to = to.subspan(usize(got));
        }
        return {};
    }
    Result<void> write(u64 at, ConstBytes from) {
        while (!from.empty()) {
            const int put = api_.nfs_pwrite(nfs_, file_, at, std::min<u64>(from.size(), most_write_), from.data());
            if (put <= 0) return fail(error(put ? put : -EIO, "write failed"));
            at += u64(put);
            from = from.subspan(usize(put));
        }
        return {};
    }
    Result<void> flush() {
        const int status = api_.nfs_fsync(nfs_, file_);
        return status < 0 ? Result<void>(fail(error(status, "fsync failed"))) : Result<void>();
    }
    Result<void> truncate(u64 size) {
        const int status = api_.nfs_ftruncate(nfs_, file_, size);
        return status < 0 ? Result<void>(fail(error(status, "Failed to truncate file"))) : Result<void>();
    }

private:
    explicit Mount(const NfsApi& api) : api_(api), nfs_(api.nfs_init_context()) {}
    Error error(int status, std::string_view what) {
        const char* text = api_.nfs_get_error(nfs_);
        return {status < 0 ? -status : EIO, fmt::format("{}: {}", what, text && *text ? text : "no answer"), {}};
    }
    Result<void> open(const Settings& s, int flags) {
        if (!nfs_) return fail(ENOMEM, "Failed to init NFS context");
        if (s.uid) api_.nfs_set_uid(nfs_, int(*s.uid));
        if (s.gid) api_.nfs_set_gid(nfs_, int(*s.gid));
        if (s.syncnt) api_.nfs_set_tcp_syncnt(nfs_, int(*s.syncnt));
        if (s.readahead) api_.nfs_set_readahead(nfs_, u32(*s.readahead));
        if (s.pagecache) api_.nfs_set_pagecache(nfs_, u32(*s.pagecache));
        if (s.debug) api_.nfs_set_debug(nfs_, int(*s.debug));
        int status = api_.nfs_mount(nfs_, s.host.c_str(), s.folder.c_str());
        if (status < 0) return fail(error(status, "Failed to mount nfs share"));
        status = flags & O_CREAT ? api_.nfs_creat(nfs_, s.file.c_str(), 0600, &file_) : api_.nfs_open(nfs_, s.file.c_str(), flags, &file_);
        if (status < 0) return fail(error(status, "Failed to open file"));
        most_read_ = std::max<u64>(api_.nfs_get_readmax(nfs_), 4096);
        most_write_ = std::max<u64>(api_.nfs_get_writemax(nfs_), 4096);
        return {};
    }

    const NfsApi& api_;
    struct nfs_context* nfs_;
    struct nfsfh* file_ = nullptr;
    u64 most_read_ = 4096, most_write_ = 4096;
};

class NfsNode final : public Node {
public:
    NfsNode(const NfsApi& api, Settings settings)
        : s_(std::move(settings)), pool_(max_connections, [&api, this] { return Mount::make(api, s_, s_.flags); }) {}
    Result<void> connect() {
        auto mount = EMU_TRY(pool_.take());
        size_ = EMU_TRY(mount->size());
        return {};
    }
    std::string_view driver() const override { return "nfs"; }
    Limits limits() const override { return {.growable = true}; }

protected:
    u64 do_size() const override { return size_; }
    template <class Fn> Result<void> with_mount(Fn fn) {
        auto mount = EMU_TRY(pool_.take());
        return fn(*mount);
    }
    Result<void> do_read(u64 at, Bytes to) override {
        return with_mount([&](Mount& m) { return m.read(at, to); });
    }
    Result<void> do_write(u64 at, ConstBytes from, WriteFlags) override {
        EMU_CHECK(with_mount([&](Mount& m) { return m.write(at, from); }));
        u64 was = size_;
        while (was < at + from.size() && !size_.compare_exchange_weak(was, at + from.size())) {}
        return {};
    }
    Result<void> do_flush() override {
        return with_mount([&](Mount& m) { return m.flush(); });
    }
    Result<void> do_truncate(u64 size, Preallocation mode) override {
        if (mode != Preallocation::off) return fail(ENOTSUP, fmt::format("Unsupported preallocation mode '{}'", preallocation_name(mode)));
        EMU_CHECK(with_mount([&](Mount& m) { return m.truncate(size); }));
        size_ = size;
        return {};
    }

private:
    Settings s_;
    Pool<Mount> pool_;
    std::atomic<u64> size_{0};
};

struct Row {
    std::string_view query, option;
    std::optional<u64> Settings::*field;
    u64 most;
};
constexpr Row rows[] = {
    {"uid", "user", &Settings::uid, 0x7fffffff},
    {"gid", "group", &Settings::gid, 0x7fffffff},
    {"tcp-syncnt", "tcp-syn-count", &Settings::syncnt, 255},
    {"readahead", "readahead-size", &Settings::readahead, 1 << 20},
    {"pagecache", "page-cache-size", &Settings::pagecache, 8 << 20},
    {"debug", "debug", &Settings::debug, 2},
};

Result<KeyValues> parse_nfs_name(std::string_view name) {
    const Url url = EMU_TRY(Url::parse(name));
    KeyValues out;
    if (url.scheme != "nfs") return fail(EINVAL, "URI scheme must be 'nfs'");
    if (url.host.empty()) return fail(EINVAL, "missing hostname in URI");
    if (url.path.empty()) return fail(EINVAL, "missing file path in URI");
    out.add("server.host", url.host);
    out.add("path", url.path);
    for (const KeyValue& kv : url.query.items()) {
        const auto row = std::find_if(std::begin(rows), std::end(rows), [&](const Row& r) { return r.query == kv.key; });
        if (row == std::end(rows)) return fail(EINVAL, fmt::format("Unknown NFS parameter name: {}", kv.key));
        if (!parse_number(kv.value)) return fail(EINVAL, fmt::format("Illegal value for NFS parameter: {}", kv.key));
        out.add(row->option, kv.value);
    }
    return out;
}

Result<Settings> take_settings(KeyValues& o, Context& context) {
    Settings s;
    const auto host = o.take("server.host"), path = o.take("path");
    const std::string type = o.take("server.type").value_or("inet");
    if (type != "inet") return fail(EINVAL, fmt::format("Invalid parameter '{}' for server.type", type));
    if (!host) return fail(EINVAL, "Parameter 'server.host' is missing");
    if (!path || path->empty()) return fail(EINVAL, "No path was specified");
    const usize slash = path->rfind('/');
    if (slash == std::string::npos || slash + 1 == path->size()) return fail(EINVAL, "Invalid URL specified");
    s.host = *host;
    s.folder = slash ? path->substr(0, slash) : "/";
    s.file = path->substr(slash);
    for (const Row& row : rows) {
        const auto number = EMU_TRY(o.take_number(row.option));
        if (number && *number > row.most) {
            context.warn(fmt::format("Truncating NFS {} to {}", row.option, row.most));
            s.*row.field = row.most;
        } else if (number) {
            s.*row.field = number;
        }
    }
    return s;
}

Result<NodePtr> open_nfs(NodePtr, OpenArgs& args) {
    Settings settings = EMU_TRY(take_settings(args.options, *args.context));
    settings.flags = args.writable ? O_RDWR : O_RDONLY;
    if (args.cache.direct && settings.readahead) return fail(EINVAL, "Cannot enable NFS readahead if cache.direct = on");
    const NfsApi& api = *EMU_TRY(NfsApi::get());
    auto node = std::make_shared<NfsNode>(api, std::move(settings));
    EMU_CHECK(node->connect());
    return NodePtr(std::move(node));
}

Result<void> create_nfs(NodePtr, CreateArgs& args) {
    KeyValues options = EMU_TRY(parse_nfs_name(args.name));
    const Settings settings = EMU_TRY(take_settings(options, *args.context));
    const NfsApi& api = *EMU_TRY(NfsApi::get());
    auto mount = EMU_TRY(Mount::make(api, settings, O_RDWR | O_CREAT));
    return mount->truncate(args.size);
}

constexpr std::string_view prefixes[] = {"nfs"};
constexpr CreateOption create_options[] = {{"size", CreateOption::Kind::size, "Virtual disk size"}};
constexpr CreateOption nfs_options[] = {
    {"server.host", CreateOption::Kind::string, "the server"},
    {"path", CreateOption::Kind::string, "path of the image on the server"},
    {"user", CreateOption::Kind::number, "UID to show the server"},
    {"group", CreateOption::Kind::number, "GID to show the server"},
    {"tcp-syn-count", CreateOption::Kind::number, "SYNs to send before giving up"},
    {"readahead-size", CreateOption::Kind::size, "bytes to read ahead"},
    {"page-cache-size", CreateOption::Kind::size, "pages to keep"},
    {"debug", CreateOption::Kind::number, "how much libnfs says: 0 to 2"},
};

} // namespace

extern const Driver nfs_driver{.name = "nfs", .kind = Driver::Kind::protocol, .open = open_nfs, .parse_name = parse_nfs_name, .prefixes = prefixes,
                               .create = create_nfs, .create_options = create_options, .open_options = nfs_options, .network = true,
                               .summary = "a file of an NFS server"};

} // namespace emu::block

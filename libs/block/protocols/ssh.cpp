// SPDX-License-Identifier: MIT
// Files of another host over SFTP, through libssh. A session serves one thread at a time; there are as many as requests run at
// once, up to a few. Reads are pipelined: many requests are under way before the first answer is awaited.
//
// Authentication: an agent's keys, then the user's own key files, then the password, if there is one.
#include "block/image.h"
#include "common/library.h"
#include "block/protocols/pool.h"
#include "block/protocols/url.h"
#include "common/checked.h"
#include "common/sizes.h"

#include <algorithm>
#include <atomic>
#include <cerrno>
#include <deque>
#include <fcntl.h>
#include <fmt/format.h>
#include <libssh/libssh.h>
#include <libssh/sftp.h>
#include <strings.h>

namespace emu::block {
namespace {

#define EMU_SSH_API(X)                                                                                                 \
    X(ssh_new) X(ssh_free) X(ssh_disconnect) X(ssh_options_set) X(ssh_options_parse_config) X(ssh_connect) X(ssh_get_error) X(ssh_session_is_known_server) \
    X(ssh_get_server_publickey) X(ssh_get_publickey_hash) X(ssh_clean_pubkey_hash) X(ssh_key_free) X(ssh_userauth_none) X(ssh_userauth_list)              \
    X(ssh_userauth_publickey_auto) X(ssh_userauth_password) X(sftp_new) X(sftp_free) X(sftp_init) X(sftp_get_error) X(sftp_open) X(sftp_close)            \
    X(sftp_fstat) X(sftp_attributes_free) X(sftp_setstat) X(sftp_seek64) X(sftp_read) X(sftp_async_read) X(sftp_async_read_begin) X(sftp_write)         \
    X(sftp_fsync) X(sftp_extension_supported) X(ssh_get_hexa) X(ssh_string_free_char)
EMU_LIBRARY_API(SshApi, EMU_SSH_API, "libssh.so.4")

constexpr usize max_sessions = 4;
constexpr u32 piece = 32 << 10; ///< what every server takes in one request (the protocol's section 3)
constexpr usize in_flight = 64;

struct Settings {
    std::string host, user, path, password, host_key_mode = "known_hosts", host_key_type, host_key;
    unsigned port = 22;
    int flags = O_RDONLY;
    mode_t mode = 0644;
};

class Session {
public:
    static Result<std::unique_ptr<Session>> make(const SshApi& api, const Settings& settings, int flags) {
        auto out = std::unique_ptr<Session>(new Session(api, settings));
        EMU_CHECK(out->connect());
        EMU_CHECK(out->open(flags));
        return out;
    }
    ~Session() {
        if (file_) api_.sftp_close(file_);
        if (sftp_) api_.sftp_free(sftp_);
        if (session_) {
            api_.ssh_disconnect(session_);
            api_.ssh_free(session_);
        }
    }
    Session(const Session&) = delete;

    Result<u64> size() {
        sftp_attributes found = api_.sftp_fstat(file_);
        if (!found) return fail(sftp_error("failed to read file attributes"));
        const u64 bytes = found->size;
        api_.sftp_attributes_free(found);
        return bytes;
    }
    Result<void> read(u64 at, Bytes to);
    Result<void> write(u64 at, ConstBytes from) {
        if (api_.sftp_seek64(file_, at) < 0) return fail(sftp_error("seek failed"));
        while (!from.empty()) {
            const ssize_t put = api_.sftp_write(file_, from.data(), std::min<usize>(from.size(), piece));
            if (put <= 0) return fail(sftp_error("write failed"));
            from = from.subspan(usize(put));
        }
        return {};
    }
    Result<void> flush() {
        if (!api_.sftp_extension_supported(sftp_, "fsync@openssh.com", "1")) return {}; // the protocol has no other way
        return api_.sftp_fsync(file_) < 0 ? Result<void>(fail(sftp_error("fsync failed"))) : Result<void>();
    }
    Result<void> truncate(u64 size) {
        sftp_attributes_struct wanted = {};
        wanted.flags = SSH_FILEXFER_ATTR_SIZE;
        wanted.size = size;
        if (api_.sftp_setstat(sftp_, s_.path.c_str(), &wanted) < 0) return fail(sftp_error("failed to resize"));
        return {};
    }

private:
    Session(const SshApi& api, const Settings& settings) : api_(api), s_(settings), session_(api.ssh_new()) {}
    Error ssh_error(std::string_view what, int code = EIO) {
        return {code, fmt::format("{}: {}", what, api_.ssh_get_error(session_)), {}};
    }
    Error sftp_error(std::string_view what);
    Result<void> connect();
    Result<void> check_host();
    Result<void> check_fingerprint();
    Result<void> authenticate();
    Result<void> open(int flags);

    const SshApi& api_;
    const Settings& s_;
    ssh_session session_ = nullptr;
    sftp_session sftp_ = nullptr;
    sftp_file file_ = nullptr;
};

Error Session::sftp_error(std::string_view what) {
    struct Row {
        int status, code;
        std::string_view text;
    };
    static constexpr Row rows[] = {{SSH_FX_NO_SUCH_FILE, ENOENT, "No such file or directory"}, {SSH_FX_NO_SUCH_PATH, ENOENT, "No such file or directory"},
                                   {SSH_FX_PERMISSION_DENIED, EACCES, "Permission denied"}, {SSH_FX_OP_UNSUPPORTED, ENOTSUP, "the server cannot do it"},
                                   {SSH_FX_WRITE_PROTECT, EROFS, "Read-only file system"}, {SSH_FX_EOF, EIO, "unexpected end of the file"}};
    const int status = api_.sftp_get_error(sftp_);
    for (const Row& row : rows) {
        if (row.status == status) return {row.code, fmt::format("{}: {}", what, row.text), {}};
    }
    return {EIO, fmt::format("{}: {} (SFTP status {})", what, api_.ssh_get_error(session_), status), {}};
}

Result<void> Session::check_fingerprint() {
    ssh_key key = nullptr;
    if (api_.ssh_get_server_publickey(session_, &key) != SSH_OK) return fail(ssh_error("failed to read remote host key"));
    const ssh_publickey_hash_type type = s_.host_key_type == "md5" ? SSH_PUBLICKEY_HASH_MD5 : s_.host_key_type == "sha1" ? SSH_PUBLICKEY_HASH_SHA1
                                                                                                                       : SSH_PUBLICKEY_HASH_SHA256;
    unsigned char* hash = nullptr;
    size_t length = 0;
    const int status = api_.ssh_get_publickey_hash(key, type, &hash, &length);
    api_.ssh_key_free(key);
    if (status < 0) return fail(EIO, "failed to compute the hash of the remote host key");
    std::string theirs;
    for (size_t i = 0; i < length; i++) theirs += fmt::format("{:02x}", hash[i]);
    api_.ssh_clean_pubkey_hash(&hash);
    std::string wanted;
    for (char c : s_.host_key) {
        if (c != ':') wanted += char(c >= 'A' && c <= 'F' ? c - 'A' + 'a' : c);
    }
    if (wanted == theirs) return {};
    return fail(EPERM, fmt::format("remote host key fingerprint '{}:{}' does not match host_key_check '{}:{}'", s_.host_key_type, theirs, s_.host_key_type, s_.host_key));
}

Result<void> Session::check_host() {
    if (s_.host_key_mode == "none") return {};
    if (s_.host_key_mode == "hash") return check_fingerprint();
    switch (api_.ssh_session_is_known_server(session_)) {
    case SSH_KNOWN_HOSTS_OK: return {};
    case SSH_KNOWN_HOSTS_CHANGED: return fail(EPERM, "host key does not match the one in known_hosts; this may be a possible attack");
    case SSH_KNOWN_HOSTS_OTHER: return fail(EPERM, "host key for this server not found, another type exists");
    case SSH_KNOWN_HOSTS_UNKNOWN: return fail(EPERM, "no host key was found in known_hosts");
    case SSH_KNOWN_HOSTS_NOT_FOUND: return fail(ENOENT, "known_hosts file not found");
    case SSH_KNOWN_HOSTS_ERROR: break;
    }
    return fail(ssh_error("error while checking the host"));
}

Result<void> Session::authenticate() {
    if (api_.ssh_userauth_none(session_, nullptr) == SSH_AUTH_SUCCESS) return {};
    const int methods = api_.ssh_userauth_list(session_, nullptr);
    // The function for keys asks the agent first.
    if ((methods & SSH_AUTH_METHOD_PUBLICKEY) && api_.ssh_userauth_publickey_auto(session_, nullptr, "") == SSH_AUTH_SUCCESS) return {};
    if ((methods & SSH_AUTH_METHOD_PASSWORD) && !s_.password.empty() &&
        api_.ssh_userauth_password(session_, nullptr, s_.password.c_str()) == SSH_AUTH_SUCCESS)
        return {};
    return fail(EPERM, "failed to authenticate using publickey authentication and the identities held by your ssh-agent, or by password");
}

Result<void> Session::connect() {
    if (!session_) return fail(ENOMEM, "no memory for an SSH session");
    const int port = int(s_.port), no_delay = 1;
    api_.ssh_options_set(session_, SSH_OPTIONS_HOST, s_.host.c_str());
    if (!s_.user.empty() && api_.ssh_options_set(session_, SSH_OPTIONS_USER, s_.user.c_str()) < 0) return fail(ssh_error("failed to set the user", EINVAL));
    api_.ssh_options_set(session_, SSH_OPTIONS_PORT, &port);
    api_.ssh_options_set(session_, SSH_OPTIONS_NODELAY, &no_delay);
    api_.ssh_options_parse_config(session_, nullptr);
    if (api_.ssh_connect(session_) != SSH_OK) return fail(ssh_error("failed to establish SSH session"));
    EMU_CHECK(check_host());
    EMU_CHECK(authenticate());
    sftp_ = api_.sftp_new(session_);
    if (!sftp_) return fail(ssh_error("failed to create sftp handle"));
    if (api_.sftp_init(sftp_) < 0) return fail(sftp_error("failed to initialize sftp handle"));
    return {};
}

Result<void> Session::open(int flags) {
    file_ = api_.sftp_open(sftp_, s_.path.c_str(), flags, s_.mode);
    if (!file_) return fail(sftp_error(fmt::format("failed to open remote file '{}'", s_.path)));
    return {};
}

Result<void> Session::read(u64 at, Bytes to) {
    struct Asked {
        u64 at;
        u32 length, id;
    };
    std::deque<Asked> asked;
    u64 next = 0;
    const auto take = [&](const Asked& a) -> Result<void> {
        for (u32 done = 0; done < a.length;) {
            int got;
            if (done == 0) {
                do got = api_.sftp_async_read(file_, to.data() + a.at, a.length, a.id);
                while (got == SSH_AGAIN);
            } else { // the server gave less than was asked for
                api_.sftp_seek64(file_, at + a.at + done);
                got = int(api_.sftp_read(file_, to.data() + a.at + done, a.length - done));
            }
            if (got <= 0) return fail(sftp_error("read failed"));
            done += u32(got);
        }
        return {};
    };
    while (next < to.size() || !asked.empty()) {
        if (next < to.size() && asked.size() < in_flight) {
            const u32 length = u32(std::min<u64>(piece, to.size() - next));
            api_.sftp_seek64(file_, at + next);
            const int id = api_.sftp_async_read_begin(file_, length);
            if (id < 0) return fail(sftp_error("read failed"));
            asked.push_back({next, length, u32(id)});
            next += length;
            continue;
        }
        EMU_CHECK(take(asked.front()));
        asked.pop_front();
    }
    return {};
}

class SshNode final : public Node {
public:
    SshNode(const SshApi& api, Settings settings, bool writable)
        : s_(std::move(settings)), pool_(max_sessions, [&api, this] { return Session::make(api, s_, s_.flags); }) {
        s_.flags = writable ? O_RDWR : O_RDONLY;
    }
    Result<void> connect() {
        auto session = EMU_TRY(pool_.take());
        size_ = EMU_TRY(session->size());
        return {};
    }
    std::string_view driver() const override { return "ssh"; }
    Limits limits() const override { return {.growable = true}; }

protected:
    u64 do_size() const override { return size_; }
    /// A session that failed may have answers under way: it is closed.
    template <class Fn> Result<void> with_session(Fn fn) {
        auto session = EMU_TRY(pool_.take());
        auto done = fn(*session);
        if (!done) session.broken();
        return done;
    }
    Result<void> do_read(u64 at, Bytes to) override {
        return with_session([&](Session& s) { return s.read(at, to); });
    }
    Result<void> do_write(u64 at, ConstBytes from, WriteFlags) override {
        EMU_CHECK(with_session([&](Session& s) { return s.write(at, from); }));
        u64 was = size_;
        while (was < at + from.size() && !size_.compare_exchange_weak(was, at + from.size())) {}
        return {};
    }
    Result<void> do_flush() override {
        return with_session([&](Session& s) { return s.flush(); });
    }
    Result<void> do_truncate(u64 size, Preallocation mode) override {
        if (mode != Preallocation::off) return fail(ENOTSUP, fmt::format("Unsupported preallocation mode '{}'", preallocation_name(mode)));
        EMU_CHECK(with_session([&](Session& s) { return s.truncate(size); }));
        size_ = size;
        return {};
    }

private:
    Settings s_;
    Pool<Session> pool_;
    std::atomic<u64> size_{0};
};

Result<void> set_host_key_check(std::string_view text, KeyValues& out) {
    if (text == "no" || text == "yes") {
        out.add("host-key-check.mode", text == "no" ? "none" : "known_hosts");
        return {};
    }
    const usize colon = text.find(':');
    const std::string_view type = text.substr(0, colon);
    if (colon == std::string_view::npos || (type != "md5" && type != "sha1" && type != "sha256")) return fail(EINVAL, fmt::format("unknown host_key_check setting ({})", text));
    out.add("host-key-check.mode", "hash");
    out.add("host-key-check.type", type);
    out.add("host-key-check.hash", text.substr(colon + 1));
    return {};
}

Result<KeyValues> parse_ssh_name(std::string_view name) {
    const Url url = EMU_TRY(Url::parse(name));
    KeyValues out;
    if (url.scheme != "ssh") return fail(EINVAL, "URI scheme must be 'ssh'");
    if (url.host.empty()) return fail(EINVAL, "missing hostname in URI");
    if (url.path.empty()) return fail(EINVAL, "missing remote path in URI");
    if (url.has_password) return fail(EINVAL, "a password in the URL is visible to everyone: use password-secret");
    out.add("server.host", url.host);
    if (!url.port.empty()) out.add("server.port", url.port);
    if (!url.user.empty()) out.add("user", url.user);
    out.add("path", url.path);
    for (const KeyValue& kv : url.query.items()) {
        if (kv.key == "host_key_check") EMU_CHECK(set_host_key_check(kv.value, out));
        else return fail(EINVAL, fmt::format("ssh URLs have no parameter '{}'", kv.key));
    }
    return out;
}

Result<Settings> take_settings(KeyValues& o, Context& context) {
    Settings s;
    const auto host = o.take("server.host"), plain_host = o.take("host"), path = o.take("path");
    if (!host && !plain_host) return fail(EINVAL, "No hostname was specified");
    if (!path) return fail(EINVAL, "No path was specified");
    s.host = host.value_or(plain_host.value_or(""));
    s.path = *path;
    const auto port = o.take("server.port"), plain_port = o.take("port");
    if (port || plain_port) {
        const auto number = parse_number(port ? *port : *plain_port);
        if (!number || *number == 0 || *number > 65535) return fail(EINVAL, "Use only numeric port value");
        s.port = unsigned(*number);
    }
    s.user = o.take("user").value_or("");
    s.host_key_mode = o.take("host-key-check.mode").value_or("known_hosts");
    s.host_key_type = o.take("host-key-check.type").value_or("sha256");
    s.host_key = o.take("host-key-check.hash").value_or("");
    if (s.host_key_mode != "none" && s.host_key_mode != "known_hosts" && s.host_key_mode != "hash")
        return fail(EINVAL, fmt::format("Invalid parameter '{}' for host-key-check.mode", s.host_key_mode));
    if (s.host_key_mode == "hash" && s.host_key.empty()) return fail(EINVAL, "host-key-check.hash is missing");
    if (const auto id = o.take("password-secret")) {
        const std::vector<u8> bytes = EMU_TRY(context.secret(*id));
        s.password.assign(bytes.begin(), bytes.end());
    }
    return s;
}

Result<NodePtr> open_ssh(NodePtr, OpenArgs& args) {
    Settings settings = EMU_TRY(take_settings(args.options, *args.context));
    const SshApi& api = *EMU_TRY(SshApi::get());
    auto node = std::make_shared<SshNode>(api, std::move(settings), args.writable);
    EMU_CHECK(node->connect());
    return NodePtr(std::move(node));
}

Result<void> create_ssh(NodePtr, CreateArgs& args) {
    KeyValues options = EMU_TRY(parse_ssh_name(args.name));
    const Settings settings = EMU_TRY(take_settings(options, *args.context));
    const SshApi& api = *EMU_TRY(SshApi::get());
    auto session = EMU_TRY(Session::make(api, settings, O_RDWR | O_CREAT | O_TRUNC));
    return args.size ? session->truncate(args.size) : Result<void>();
}

constexpr std::string_view prefixes[] = {"ssh"};
constexpr CreateOption create_options[] = {{"size", CreateOption::Kind::size, "Virtual disk size"}};
constexpr CreateOption ssh_options[] = {
    {"server.host", CreateOption::Kind::string, "host to connect to"},
    {"server.port", CreateOption::Kind::number, "its port", "22"},
    {"path", CreateOption::Kind::string, "path of the image there"},
    {"user", CreateOption::Kind::string, "user to log in as; the local user's name if not given"},
    {"password-secret", CreateOption::Kind::string, "secret that holds the password, for servers that take no key"},
    {"host-key-check.mode", CreateOption::Kind::string, "none, known_hosts or hash", "known_hosts"},
    {"host-key-check.type", CreateOption::Kind::string, "md5, sha1 or sha256"},
    {"host-key-check.hash", CreateOption::Kind::string, "the hash of the host's key that is expected"},
};

} // namespace

extern const Driver ssh_driver{.name = "ssh", .kind = Driver::Kind::protocol, .open = open_ssh, .parse_name = parse_ssh_name, .prefixes = prefixes,
                               .create = create_ssh, .create_options = create_options, .open_options = ssh_options, .network = true,
                               .summary = "a file of another host, over SFTP"};

} // namespace emu::block

// SPDX-License-Identifier: MIT
// Images on web and FTP servers, read only, through libcurl. A read is a request for a range of bytes; small reads fetch `readahead`
// bytes, which are kept for the reads that follow. Every thread that reads uses a connection of its own, so that callers which read
// in parallel transfer in parallel.
#include "block/image.h"
#include "common/library.h"
#include "block/protocols/pool.h"
#include "common/checked.h"

#include <algorithm>
#include <cerrno>
#include <charconv>
#include <cstring>
#include <curl/curl.h>
#include <fmt/format.h>
#include <list>
#include <strings.h>

namespace emu::block {
namespace {

#define EMU_CURL_API(X)                                                                                                \
    X(curl_global_init) X(curl_easy_init) X(curl_easy_cleanup) X(curl_easy_setopt) X(curl_easy_perform) X(curl_easy_getinfo) X(curl_easy_strerror)
// The header turns these two into macros that check argument types.
#undef curl_easy_setopt
#undef curl_easy_getinfo
EMU_LIBRARY_API(CurlApi, EMU_CURL_API, "libcurl-gnutls.so.4", "libcurl.so.4")

constexpr usize max_connections = 16;
constexpr u64 default_readahead = 256 << 10, max_readahead = u64(64) << 20;
constexpr usize kept_ranges = 8;
constexpr int attempts = 3;

struct Settings {
    std::string url, user, password, proxy_user, proxy_password, cookie;
    u64 readahead = default_readahead;
    long timeout = 5;
    bool verify = true, force_range = false;
    bool http() const { return url.starts_with("http"); }
};

/// What the header lines of the last response said.
struct Headers {
    bool accept_ranges = false;
    std::optional<u64> total; ///< of "Content-Range: bytes 0-0/total"
    bool encoded = false;     ///< Content-Encoding: not the bytes of the file
};

class Connection {
public:
    static Result<std::unique_ptr<Connection>> make(const CurlApi& api, const Settings& settings) {
        auto out = std::unique_ptr<Connection>(new Connection(api, settings));
        if (!out->easy_) return fail(ENOMEM, "no memory for a connection");
        out->prepare();
        return out;
    }
    ~Connection() {
        if (easy_) api_.curl_easy_cleanup(easy_);
    }
    Connection(const Connection&) = delete;

    /// Size of the file, and whether ranges of it can be asked for.
    Result<u64> size();
    Result<void> range(u64 at, Bytes to);

private:
    Connection(const CurlApi& api, const Settings& settings) : api_(api), s_(settings), easy_(api.curl_easy_init()) {}
    template <class T> void set(CURLoption option, T value) { api_.curl_easy_setopt(easy_, option, value); }
    void prepare();
    Result<void> perform(std::string_view what);
    long status() const {
        long code = 0;
        api_.curl_easy_getinfo(easy_, CURLINFO_RESPONSE_CODE, &code);
        return code;
    }
    static size_t on_body(char* data, size_t size, size_t count, void* self);
    static size_t on_header(char* data, size_t size, size_t count, void* self);

    const CurlApi& api_;
    const Settings& s_;
    CURL* easy_;
    Headers headers_;
    Bytes to_;
    usize got_ = 0;
    bool too_much_ = false;
    char error_[CURL_ERROR_SIZE] = {};
};

void Connection::prepare() {
    set(CURLOPT_URL, s_.url.c_str());
    set(CURLOPT_NOSIGNAL, 1L);
    set(CURLOPT_FOLLOWLOCATION, 1L);
    set(CURLOPT_MAXREDIRS, 10L);
    // Never a file of this host, whatever a server's redirection says.
#if LIBCURL_VERSION_NUM >= 0x075500
    set(CURLOPT_PROTOCOLS_STR, "http,https,ftp,ftps");
    set(CURLOPT_REDIR_PROTOCOLS_STR, s_.http() ? "http,https" : "ftp,ftps");
#else
    set(CURLOPT_PROTOCOLS, long(CURLPROTO_HTTP | CURLPROTO_HTTPS | CURLPROTO_FTP | CURLPROTO_FTPS));
    set(CURLOPT_REDIR_PROTOCOLS, s_.http() ? long(CURLPROTO_HTTP | CURLPROTO_HTTPS) : long(CURLPROTO_FTP | CURLPROTO_FTPS));
#endif
    // A time-out is for a server that says nothing, however long the file is.
    set(CURLOPT_CONNECTTIMEOUT, s_.timeout);
    set(CURLOPT_LOW_SPEED_LIMIT, 1L);
    set(CURLOPT_LOW_SPEED_TIME, s_.timeout);
    set(CURLOPT_SSL_VERIFYPEER, s_.verify ? 1L : 0L);
    set(CURLOPT_SSL_VERIFYHOST, s_.verify ? 2L : 0L);
    set(CURLOPT_FAILONERROR, 1L);
    set(CURLOPT_ERRORBUFFER, error_);
    set(CURLOPT_WRITEFUNCTION, &Connection::on_body);
    set(CURLOPT_WRITEDATA, this);
    set(CURLOPT_HEADERFUNCTION, &Connection::on_header);
    set(CURLOPT_HEADERDATA, this);
    if (!s_.cookie.empty()) set(CURLOPT_COOKIE, s_.cookie.c_str());
    if (!s_.user.empty()) set(CURLOPT_USERNAME, s_.user.c_str());
    if (!s_.password.empty()) set(CURLOPT_PASSWORD, s_.password.c_str());
    if (!s_.proxy_user.empty()) set(CURLOPT_PROXYUSERNAME, s_.proxy_user.c_str());
    if (!s_.proxy_password.empty()) set(CURLOPT_PROXYPASSWORD, s_.proxy_password.c_str());
}

size_t Connection::on_body(char* data, size_t size, size_t count, void* self) {
    Connection& c = *static_cast<Connection*>(self);
    const usize length = size * count, room = c.to_.size() - c.got_, take = std::min(length, room);
    if (take) std::memcpy(c.to_.data() + c.got_, data, take);
    c.got_ += take;
    // A server that ignores the range sends the whole file: stop it.
    c.too_much_ |= take < length;
    return take < length ? 0 : length;
}

size_t Connection::on_header(char* data, size_t size, size_t count, void* self) {
    Connection& c = *static_cast<Connection*>(self);
    std::string_view line(data, size * count);
    while (!line.empty() && (line.back() == '\r' || line.back() == '\n' || line.back() == ' ')) line.remove_suffix(1);
    if (line.starts_with("HTTP/")) c.headers_ = {}; // of the response behind a redirection
    const usize colon = line.find(':');
    if (colon == std::string_view::npos) return size * count;
    const std::string name(line.substr(0, colon));
    std::string_view value = line.substr(colon + 1);
    while (!value.empty() && value.front() == ' ') value.remove_prefix(1);
    if (::strcasecmp(name.c_str(), "Accept-Ranges") == 0) c.headers_.accept_ranges = value == "bytes";
    if (::strcasecmp(name.c_str(), "Content-Encoding") == 0) c.headers_.encoded = value != "identity";
    if (::strcasecmp(name.c_str(), "Content-Range") == 0) {
        const usize slash = value.find('/');
        u64 total = 0;
        if (slash != std::string_view::npos && std::from_chars(value.data() + slash + 1, value.data() + value.size(), total).ec == std::errc()) c.headers_.total = total;
    }
    return size * count;
}

Result<void> Connection::perform(std::string_view what) {
    headers_ = {};
    got_ = 0;
    too_much_ = false;
    error_[0] = 0;
    const CURLcode code = api_.curl_easy_perform(easy_);
    if (code == CURLE_OK) return {};
    if (too_much_) return fail(EIO, fmt::format("{}: the server sent more than was asked for", what));
    const long http = status();
    const int number = code == CURLE_OPERATION_TIMEDOUT ? ETIMEDOUT : http == 404 || code == CURLE_REMOTE_FILE_NOT_FOUND ? ENOENT
                       : http == 401 || http == 403 || code == CURLE_LOGIN_DENIED || code == CURLE_PEER_FAILED_VERIFICATION ? EACCES : EIO;
    return fail(number, fmt::format("CURL: {}: {}", what, error_[0] ? error_ : api_.curl_easy_strerror(code)));
}

Result<u64> Connection::size() {
    set(CURLOPT_NOBODY, 1L);
    auto asked = perform("Error opening file");
    set(CURLOPT_NOBODY, 0L);
    set(CURLOPT_HTTPGET, 1L);
    curl_off_t length = -1;
    if (asked) api_.curl_easy_getinfo(easy_, CURLINFO_CONTENT_LENGTH_DOWNLOAD_T, &length);
    if (!s_.http()) {
        EMU_CHECK(std::move(asked));
        return length < 0 ? Result<u64>(fail(EIO, "Server didn't report file size.")) : Result<u64>(u64(length));
    }
    if (asked && length >= 0 && (headers_.accept_ranges || s_.force_range) && !headers_.encoded) return u64(length);
    // Some servers refuse HEAD (signed links), or do not advertise what they can: one byte tells.
    u8 byte[1] = {};
    to_ = byte;
    set(CURLOPT_RANGE, "0-0");
    auto tried = perform("Error opening file");
    if (tried && status() == 206 && headers_.total && !headers_.encoded) return *headers_.total;
    if (length == 0) return u64(0);
    if (!tried && !too_much_) return fail(std::move((asked ? tried : asked).error()));
    return fail(ENOTSUP, "Server does not support 'range' (byte ranges).");
}

Result<void> Connection::range(u64 at, Bytes to) {
    const std::string text = fmt::format("{}-{}", at, at + to.size() - 1);
    set(CURLOPT_RANGE, text.c_str());
    to_ = to;
    EMU_CHECK(perform("Error reading"));
    if (s_.http() && status() != 206) return fail(EIO, fmt::format("the server answered a range request with status {}", status()));
    if (got_ != to.size()) return fail(EIO, fmt::format("the server sent {} of {} bytes", got_, to.size()));
    return {};
}

class CurlNode final : public Node {
public:
    CurlNode(std::string_view driver, const CurlApi& api, Settings settings)
        : driver_(driver), s_(std::move(settings)), pool_(max_connections, [&api, this] { return Connection::make(api, s_); }) {}
    Result<void> connect() {
        auto connection = EMU_TRY(pool_.take());
        size_ = EMU_TRY(connection->size());
        return {};
    }
    std::string_view driver() const override { return driver_; }

protected:
    u64 do_size() const override { return size_; }
    Result<void> do_read(u64 at, Bytes to) override {
        while (!to.empty()) {
            if (const usize done = from_kept(at, to)) {
                at += done;
                to = to.subspan(done);
                continue;
            }
            if (to.size() >= s_.readahead) return fetch(at, to);
            Range fresh{at, std::make_shared<std::vector<u8>>(usize(std::min(s_.readahead, size_ - at)))};
            EMU_CHECK(fetch(at, *fresh.bytes));
            std::lock_guard lock(mutex_);
            kept_.push_front(std::move(fresh));
            if (kept_.size() > kept_ranges) kept_.pop_back();
        }
        return {};
    }

private:
    struct Range {
        u64 at = 0;
        std::shared_ptr<std::vector<u8>> bytes;
    };
    usize from_kept(u64 at, Bytes to) {
        std::lock_guard lock(mutex_);
        for (auto it = kept_.begin(); it != kept_.end(); ++it) {
            if (at < it->at || at - it->at >= it->bytes->size()) continue;
            const usize from = usize(at - it->at), length = std::min(to.size(), it->bytes->size() - from);
            std::memcpy(to.data(), it->bytes->data() + from, length);
            kept_.splice(kept_.begin(), kept_, it);
            return length;
        }
        return 0;
    }
    Result<void> fetch(u64 at, Bytes to) {
        for (int attempt = 1;; attempt++) {
            auto connection = EMU_TRY(pool_.take());
            auto done = connection->range(at, to);
            if (done) return done;
            connection.broken();
            if (attempt == attempts || done.error().code != EIO) return done;
        }
    }

    std::string_view driver_;
    Settings s_;
    Pool<Connection> pool_;
    u64 size_ = 0;
    std::mutex mutex_;
    std::list<Range> kept_; ///< the one used last first
};

Result<std::string> secret_text(OpenArgs& args, std::string_view key) {
    const auto id = args.options.take(key);
    if (!id) return std::string();
    const std::vector<u8> bytes = EMU_TRY(args.context->secret(*id));
    return std::string(bytes.begin(), bytes.end());
}

Result<Settings> take_settings(OpenArgs& args) {
    Settings s;
    KeyValues& o = args.options;
    const auto url = o.take("url");
    if (!url) return fail(EINVAL, "curl block driver requires an 'url' option");
    s.url = *url;
    s.readahead = EMU_TRY(o.take_size("readahead")).value_or(default_readahead);
    if (s.readahead % 512 || s.readahead == 0 || s.readahead > max_readahead)
        return fail(EINVAL, fmt::format("readahead must be a multiple of 512, up to 64M, not {}", s.readahead));
    const u64 timeout = EMU_TRY(o.take_number("timeout")).value_or(5);
    if (timeout == 0 || timeout > 100'000) return fail(EINVAL, "timeout parameter is too large or negative");
    s.timeout = long(timeout);
    s.verify = EMU_TRY(o.take_bool("sslverify")).value_or(true);
    s.force_range = EMU_TRY(o.take_bool("force-range")).value_or(false);
    s.user = o.take("username").value_or("");
    s.proxy_user = o.take("proxy-username").value_or("");
    s.password = EMU_TRY(secret_text(args, "password-secret"));
    s.proxy_password = EMU_TRY(secret_text(args, "proxy-password-secret"));
    s.cookie = o.take("cookie").value_or("");
    if (o.has("cookie-secret")) {
        if (!s.cookie.empty()) return fail(EINVAL, "curl driver cannot handle both cookie and cookie secret");
        s.cookie = EMU_TRY(secret_text(args, "cookie-secret"));
    }
    return s;
}

Result<NodePtr> open_as(OpenArgs& args, std::string_view scheme) {
    if (args.writable) return fail(EACCES, "curl block device does not support writes");
    Settings settings = EMU_TRY(take_settings(args));
    if (!settings.url.starts_with(std::string(scheme) + "://")) return fail(EINVAL, fmt::format("the URL '{}' is not of the protocol {}", settings.url, scheme));
    const CurlApi& api = *EMU_TRY(CurlApi::get());
    static const CURLcode started = api.curl_global_init(CURL_GLOBAL_ALL);
    if (started != CURLE_OK) return fail(EIO, "libcurl does not start");
    auto node = std::make_shared<CurlNode>(scheme, api, std::move(settings));
    EMU_CHECK(node->connect());
    return NodePtr(std::move(node));
}
Result<NodePtr> open_http(NodePtr, OpenArgs& args) { return open_as(args, "http"); }
Result<NodePtr> open_https(NodePtr, OpenArgs& args) { return open_as(args, "https"); }
Result<NodePtr> open_ftp(NodePtr, OpenArgs& args) { return open_as(args, "ftp"); }
Result<NodePtr> open_ftps(NodePtr, OpenArgs& args) { return open_as(args, "ftps"); }

Result<KeyValues> parse_url_name(std::string_view name) {
    KeyValues out;
    out.add("url", name);
    return out;
}

constexpr std::string_view http_prefix[] = {"http"}, https_prefix[] = {"https"}, ftp_prefix[] = {"ftp"}, ftps_prefix[] = {"ftps"};
constexpr CreateOption curl_options[] = {
    {"url", CreateOption::Kind::string, "URL of the image"},
    {"readahead", CreateOption::Kind::size, "bytes that a small read fetches", "256k"},
    {"timeout", CreateOption::Kind::number, "seconds without an answer after which a request fails", "5"},
    {"username", CreateOption::Kind::string, "name to log in with"},
    {"password-secret", CreateOption::Kind::string, "secret that holds the password"},
    {"proxy-username", CreateOption::Kind::string, "name to log in to the proxy with"},
    {"proxy-password-secret", CreateOption::Kind::string, "secret that holds the proxy's password"},
    {"sslverify", CreateOption::Kind::flag, "check the server's certificate", "on"},
    {"cookie", CreateOption::Kind::string, "cookie to send"},
    {"cookie-secret", CreateOption::Kind::string, "secret that holds the cookie"},
    {"force-range", CreateOption::Kind::flag, "try ranges though the server does not advertise them", "off"},
};

} // namespace

extern const Driver http_driver{.name = "http", .kind = Driver::Kind::protocol, .open = open_http, .parse_name = parse_url_name, .prefixes = http_prefix,
                                .open_options = curl_options, .read_only = true, .network = true, .summary = "a file on a web server"};
extern const Driver https_driver{.name = "https", .kind = Driver::Kind::protocol, .open = open_https, .parse_name = parse_url_name, .prefixes = https_prefix,
                                 .open_options = curl_options, .read_only = true, .network = true, .summary = "a file on a web server, over TLS"};
extern const Driver ftp_driver{.name = "ftp", .kind = Driver::Kind::protocol, .open = open_ftp, .parse_name = parse_url_name, .prefixes = ftp_prefix,
                               .open_options = curl_options, .read_only = true, .network = true, .summary = "a file on an FTP server"};
extern const Driver ftps_driver{.name = "ftps", .kind = Driver::Kind::protocol, .open = open_ftps, .parse_name = parse_url_name, .prefixes = ftps_prefix,
                                .open_options = curl_options, .read_only = true, .network = true, .summary = "a file on an FTP server, over TLS"};

} // namespace emu::block

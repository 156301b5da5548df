// SPDX-License-Identifier: MIT
// What of the command line does not go together.
#include "common/log.h"
#include "nbd/wire.h"
#include "options.h"

#include <cerrno>
#include <fmt/format.h>

namespace emu::nbd_tool {
namespace {

Result<void> check_list(const Options& o) {
    if (o.images) return fail(EINVAL, "List mode is incompatible with a file name");
    const bool exporting = o.export_name || o.description || o.offset || o.persistent || !o.bitmaps.empty() ||
                           o.allocation_depth || o.read_only || o.snapshot || o.load_snapshot || o.shared != 1 ||
                           !o.format.empty() || o.image_opts || o.untrusted || !o.exports.empty();
    if (exporting) return fail(EINVAL, "List mode is incompatible with export settings");
    if (o.fork || !o.pid_file.empty() || o.connect)
        return fail(EINVAL, "List mode is incompatible with --fork, --pid-file and -c");
    return {};
}

/// `what` is the refusal up to the value.
Result<void> check_choice(std::string_view text, std::string_view what, std::initializer_list<std::string_view> good) {
    std::string names;
    for (std::string_view each : good) {
        if (each == text) return {};
        names += (names.empty() ? "" : ", ") + std::string(each);
    }
    return fail(Error{EINVAL, fmt::format("{}{}{}", what, text, what.back() == '`' || what.back() == '\'' ? "'" : ""), names});
}

tl::unexpected<Error> wrong_count() {
    return fail(EINVAL, fmt::format("Invalid number of arguments\nTry `{} --help' for more information.", log::program()));
}

Result<void> check_image(const Options& o) {
    if (o.images > 1 || (!o.images && o.exports.empty())) return wrong_count();
    if (!o.images && (o.export_name || o.description || o.offset || !o.bitmaps.empty() || o.load_snapshot || !o.format.empty() || o.image_opts))
        return fail(EINVAL, "-x, -D, -o, -B, -l, -f and --image-opts are for FILE; an --export has keys of its own");
    if (o.image_opts && !o.format.empty()) return fail(EINVAL, "--image-opts and -f are mutually exclusive");
    if (o.cache)
        EMU_CHECK(check_choice(*o.cache, "Invalid cache mode `", {"none", "writeback", "writethrough", "directsync", "unsafe"}));
    if (o.aio) EMU_CHECK(check_choice(*o.aio, "Invalid aio mode '", {"threads", "native", "io_uring"}));
    if (o.discard) EMU_CHECK(check_choice(*o.discard, "Invalid discard mode `", {"ignore", "off", "unmap", "on"}));
    if (o.detect_zeroes) EMU_CHECK(check_choice(*o.detect_zeroes, "Failed to parse detect_zeroes mode: invalid parameter value: ", {"off", "on", "unmap"}));
    const bool direct = o.cache && (*o.cache == "none" || *o.cache == "directsync");
    if (o.aio == "native" && !direct) return fail(EINVAL, "aio=native needs cache=none or cache=directsync");
    const bool unmaps = o.discard && (*o.discard == "unmap" || *o.discard == "on");
    if (o.detect_zeroes == "unmap" && !unmaps)
        return fail(EINVAL, "setting detect-zeroes to unmap is not allowed without setting discard operation to unmap");
    if (o.snapshot && o.read_only)
        return fail(EINVAL, "-s and -r do not go together: a snapshot is there to be written to");
    return {};
}

} // namespace

Result<void> check(const Options& o) {
    if (o.disconnect) return {};
    if (!o.tls_hostname.empty() && o.tls_creds.empty())
        return fail(EINVAL, "--tls-hostname is not permitted without --tls-creds");
    if (!o.tls_authz.empty() && o.tls_creds.empty())
        return fail(EINVAL, "--tls-authz is not permitted without --tls-creds");
    if (!o.tls_hostname.empty() && !o.list) return fail(EINVAL, "--tls-hostname is for clients, that is with -L");
    if (!o.tls_authz.empty() && o.list) return fail(EINVAL, "--tls-authz is for servers, not with -L");
    if (!o.tls_creds.empty() && o.connect)
        return fail(EINVAL, "the kernel's client knows no TLS: -c and --tls-creds do not go together");
    if (!o.selinux_label.empty()) return fail(ENOTSUP, "--selinux-label: emu-nbd is built without SELinux");
    if (o.socket && (o.port || o.bind)) return fail(EINVAL, "-k excludes -p and -b");
    if (o.socket && (o.socket->empty() || o.socket->front() != '/'))
        return fail(EINVAL, "socket path must be absolute");
    if (o.connect && (o.port || o.bind)) return fail(EINVAL, "-c excludes -p and -b");
    for (const auto& text : {o.export_name, o.description})
        if (text && text->size() > nbd::max_string)
            return fail(EINVAL, fmt::format("{} '{}...' too long, at most {} bytes",
                                            text == o.export_name ? "export name" : "description", text->substr(0, 32),
                                            nbd::max_string));
    return o.list ? check_list(o) : check_image(o);
}

} // namespace emu::nbd_tool

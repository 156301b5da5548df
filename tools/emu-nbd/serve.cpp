// SPDX-License-Identifier: MIT
// Serving the images until the end.
#include "options.h"

#include "common/daemon.h"
#include "common/log.h"
#include "common/signals.h"
#include "common/sizes.h"
#include "common/trace.h"
#include "nbd/address.h"
#include "nbd/kernel.h"
#include "nbd/server.h"
#include "nbd/tls.h"

#include <csignal>
#include <cstdlib>
#include <fmt/format.h>
#include <malloc.h>
#include <sys/socket.h>

namespace emu::nbd_tool {
namespace {

/// A socket's name goes away with its server.
struct SocketName {
    std::string path;
    ~SocketName() {
        if (!path.empty()) ::unlink(path.c_str());
    }
};

Result<u16> port_of(const Options& o) {
    if (!o.port) return nbd::default_port;
    auto number = parse_number(*o.port);
    if (!number || !*number || *number > 65535)
        return fail(Error{EINVAL, fmt::format("Invalid port number '{}'", *o.port), "1 to 65535"});
    return u16(*number);
}

Result<void> listen(const Options& o, nbd::Server& server, SocketName& name, Fd activated) {
    if (activated) {
        if (o.port || o.bind || o.socket || o.connect)
            return fail(EINVAL, "sockets come from socket activation: -p, -b, -k and -c do not go with it");
        return server.listen(std::move(activated));
    }
    if (o.connect) return {};
    if (o.socket) {
        Fd socket = EMU_TRY(nbd::listen_unix(*o.socket));
        name.path = *o.socket;
        return server.listen(std::move(socket));
    }
    const u16 port = EMU_TRY(port_of(o));
    std::vector<Fd> sockets = EMU_TRY(nbd::listen_tcp(o.bind.value_or(""), port));
    for (Fd& each : sockets) EMU_CHECK(server.listen(std::move(each)));
    return {};
}

/// The kernel's client talks to us through a pair of sockets.
Result<std::thread> attach_kernel(nbd::KernelDevice& device, nbd::Server& server, const Options& o, EventLoop& loop) {
    int ends[2];
    if (::socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends) != 0) return fail_errno(errno, "socketpair");
    server.adopt(Fd(ends[0]));
    nbd::Target target{.kind = nbd::Target::Kind::fd, .fd = ends[1], .export_name = o.export_name.value_or("")};
    EMU_CHECK(device.attach(target));
    return std::thread([&device, &loop] {
        if (auto end = device.run(); !end) log::error(end.error());
        loop.stop();
    });
}

std::function<void(std::string_view)> logger(const Options& o) {
    if (!o.verbose && !trace::on(trace::Event::nbd_server)) return {};
    return [loud = o.verbose](std::string_view text) {
        EMU_TRACE(nbd_server, "{}", text);
        if (loud) log::message(text);
    };
}

Result<nbd::TlsServer> tls_server(const Options& o, objects::Table& table) {
    nbd::TlsServer out;
    if (o.tls_creds.empty()) return out;
    out.creds = EMU_TRY(in("Failed to get TLS creds", find_creds(o, table, crypto::TlsRole::server)));
    if (o.tls_authz.empty()) return out;
    out.authz = std::static_pointer_cast<const crypto::Authz>(table.object(o.tls_authz, crypto::Authz::class_name));
    if (!out.authz) return fail(ENOENT, fmt::format("No authorization object with id '{}'", o.tls_authz));
    return out;
}

/// What one reply has had is for the next: to give it back to the host means to have every page of it again by a fault. Connections
/// bound what they hold (max_charge), and no more than they held at once stays.
void keep_buffers() {
    ::mallopt(M_MMAP_THRESHOLD, 32 << 20);
    ::mallopt(M_TRIM_THRESHOLD, 64 << 20);
}

Result<int> run(const Options& o, objects::Table& table, std::optional<Daemon>& daemon, Fd activated) {
    nbd::raise_descriptor_limit();
    keep_buffers();
    const nbd::TlsServer tls = EMU_TRY(tls_server(o, table));
    std::optional<nbd::KernelDevice> device;
    if (o.connect) device = EMU_TRY(nbd::KernelDevice::open(*o.connect));
    const auto served = EMU_TRY(make_exports(o, table));
    nbd::Exports exports;
    for (const auto& each : served) exports.add(each);
    auto loop = EMU_TRY(EventLoop::create());
    auto stop = EMU_TRY(StopOnSignals::create(*loop, {SIGHUP}));
    nbd::ServerOptions settings{.max_clients = unsigned(std::min<u64>(o.shared, 1u << 20)),
                                .persistent = o.persistent,
                                .handshake_limit = std::chrono::seconds(o.handshake_limit),
                                .idle_limit = std::chrono::seconds(o.idle_limit),
                                .log = logger(o)};
    nbd::Server server(std::move(exports), settings, *loop, tls.creds ? &tls : nullptr);
    EMU_CHECK(server.start());
    SocketName name;
    EMU_CHECK(listen(o, server, name, std::move(activated)));
    std::thread kernel;
    if (device) kernel = EMU_TRY(attach_kernel(*device, server, o, *loop));
    if (daemon)
        EMU_CHECK(daemon->ready(o.pid_file));
    else if (!o.pid_file.empty())
        EMU_CHECK(write_pid_file(o.pid_file));
    auto ended = loop->run();
    if (kernel.joinable()) {
        (void)nbd::disconnect_device(*o.connect);
        kernel.join();
    }
    server.stop();
    EMU_CHECK(std::move(ended));
    Result<int> status = 0;
    for (const auto& each : served) { // all of them, whatever becomes of one
        if (auto flushed = in("flush", each->node().flush()); !flushed) status = fail(std::move(flushed.error()));
        if (auto closed = in("close", each->node().close()); !closed) status = fail(std::move(closed.error()));
    }
    return status;
}

} // namespace

Result<int> serve(const Options& o) {
    objects::Table table(log::warning, log::notice);
    EMU_CHECK(make_objects(o, table));
    table.untrusted = o.untrusted;
    Fd activated = EMU_TRY(nbd::activated_socket());
    std::optional<Daemon> daemon;
    if (o.fork || (o.connect && !o.verbose)) daemon = EMU_TRY(Daemon::start());
    return run(o, table, daemon, std::move(activated));
}

} // namespace emu::nbd_tool

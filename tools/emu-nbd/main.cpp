// SPDX-License-Identifier: MIT
// emu-nbd: serve a disk image to NBD clients. The options; what they do is in serve.cpp and list.cpp.
#include "common/cli.h"
#include "common/sizes.h"
#include "common/trace.h"
#include "nbd/kernel.h"
#include "options.h"

#include <cerrno>
#include <cstdio>
#include <fmt/format.h>

using namespace emu;

namespace {

cli::Target into(std::optional<std::string>& value) {
    return [&](std::string_view text) -> Result<void> {
        value = std::string(text);
        return {};
    };
}
cli::Target number_or(u64& value, std::string_view what) {
    return [&value, what](std::string_view text) -> Result<void> {
        const auto number = parse_number(text);
        if (!number) return fail(EINVAL, fmt::format("Invalid {} '{}'", what, text));
        return value = *number, Result<void>();
    };
}
cli::Target size_or(u64& value, std::string_view what) {
    return [&value, what](std::string_view text) -> Result<void> {
        const auto size = parse_size(text);
        if (!size) return fail(EINVAL, fmt::format("Invalid {} '{}'", what, text));
        return value = *size, Result<void>();
    };
}
cli::Target removed_partition() {
    return [](std::string_view) -> Result<void> {
        return fail(Error{EINVAL, "-P is gone",
                          "use --image-opts driver=raw,offset=OFFSET,size=SIZE,file.driver=...,file.filename=FILE"});
    };
}
cli::Target cache_once(nbd_tool::Options& o, bool by_name) {
    return [&o, by_name](std::string_view text) -> Result<void> {
        if (o.cache) return fail(EINVAL, "-n and --cache can only be specified once");
        o.cache = by_name ? std::string(text) : "none";
        return {};
    };
}

std::vector<cli::Option> option_rows(nbd_tool::Options& o) {
    using cli::into_number;
    return {
        {"p,port", "port", "TCP port to listen on, or to connect to with -L (default: 10809)", "", into(o.port)},
        {"b,bind", "address", "address to listen on (default: all), or to connect to with -L (default: localhost)", "",
         into(o.bind)},
        {"k,socket", "path", "listen on (with -L: connect to) the UNIX socket with this absolute path", "",
         into(o.socket)},
        {"e,shared", "count", "clients at a time, 0 for any number (default: 1)", "", number_or(o.shared, "shared device number")},
        {"t,persistent", "", "go on when the last client has left", "", cli::into(o.persistent)},
        {"x,export-name", "name", "name of the export (default: the empty one)", "", into(o.export_name)},
        {"export", "file,name=NAME,...", "serve this image too, under its own name; may be repeated, and FILE left out", "",
         cli::into(o.exports)},
        {"D,description", "text", "description of the export", "", into(o.description)},
        {"handshake-limit", "seconds", "time that a client has until it uses an export, 0 for any (default: 10)", "",
         into_number(o.handshake_limit)},
        {"idle-limit", "seconds", "drop clients that ask for nothing for so long, 0 for never (default: 0)", "",
         into_number(o.idle_limit)},
        {"o,offset", "bytes", "where the export begins in the image; suffixes k M G T", "", size_or(o.offset, "offset")},
        {"P,partition", "number", "removed: use --image-opts with the driver raw, offset and size", "",
         removed_partition()},
        {"A,allocation-depth", "", "offer the metadata context qemu:allocation-depth", "",
         cli::into(o.allocation_depth)},
        {"B,bitmap", "name", "offer the dirty bitmap as a metadata context; may be repeated", "", cli::into(o.bitmaps)},
        {"f,format", "format", "format of the image (default: probed)", "", cli::into(o.format)},
        {"r,read-only", "", "refuse writes", "", cli::into(o.read_only)},
        {"s,snapshot", "", "keep writes in a temporary file that is thrown away", "", cli::into(o.snapshot)},
        {"l,load-snapshot", "snapshot",
         "serve an internal snapshot, read-only: ID, NAME, snapshot.id=ID or snapshot.name=NAME", "",
         into(o.load_snapshot)},
        {"n,nocache", "", "the same as --cache=none", "", cache_once(o, false)},
        {"cache", "mode", "none, writeback, writethrough, directsync or unsafe (default: writeback)", "",
         cache_once(o, true)},
        {"aio", "mode", "threads, native or io_uring (default: threads)", "", into(o.aio)},
        {"discard", "mode", "what to do with trimmed ranges: ignore or unmap (default: ignore)", "", into(o.discard)},
        {"detect-zeroes", "mode", "find zeroes in what is written: off, on or unmap (default: off)", "",
         into(o.detect_zeroes)},
        {"image-opts", "", "FILE is a list of image options, not a name", "", cli::into(o.image_opts)},
        {"object", "object", "TYPE,id=ID,...: make an object such as a secret; may be repeated; help lists the types",
         "", cli::into(o.objects)},
        {"untrusted", "", "the image comes from a stranger: follow no backing file, data file or network reference in it", "",
         cli::into(o.untrusted)},
        {"tls-creds", "id", "serve TLS only, with these credentials", "", cli::into(o.tls_creds)},
        {"tls-hostname", "name", "name expected in the server's certificate, with -L", "", cli::into(o.tls_hostname)},
        {"tls-authz", "id", "ask this authorization object about the client's certificate", "", cli::into(o.tls_authz)},
        trace::option(),
        {"v,verbose", "", "say on stderr who comes, goes and errs", "", cli::into(o.verbose)},
        {"fork", "", "go to the background when clients can connect", "", cli::into(o.fork)},
        {"pid-file", "file", "write the process id there when clients can connect", "", cli::into(o.pid_file)},
        {"selinux-label", "label", "label of the socket; not built in", "", cli::into(o.selinux_label)},
        {"c,connect", "device", "have the kernel's client serve the image as this device, /dev/nbdN", "",
         into(o.connect)},
        {"d,disconnect", "device", "end the kernel's client of this device", "", into(o.disconnect)},
        {"L,list", "", "list the exports of another server", "", cli::into(o.list)},
        {"V", "", "show the version and exit", "", cli::into(o.version)},
    };
}

Result<int> act(const nbd_tool::Options& o, const std::string& name) {
    if (o.version) {
        std::printf("%s version %s\n", name.c_str(), EMU_VERSION);
        return 0;
    }
    for (const std::string& object : o.objects)
        if (object == "help" || object == "?") {
            std::fputs(objects::Table().help().c_str(), stdout);
            return 0;
        }
    EMU_CHECK(nbd_tool::check(o));
    if (o.disconnect) {
        EMU_CHECK(nbd::disconnect_device(*o.disconnect));
        std::printf("%s disconnected\n", o.disconnect->c_str());
        return 0;
    }
    return o.list ? nbd_tool::list(o) : nbd_tool::serve(o);
}

} // namespace

int main(int argc, char** argv) {
    const std::string name = cli::program_name(argc, argv, "emu-nbd");
    nbd_tool::Options options;
    cli::Tool tool{.name = name, .summary = "serve disk images over the network, by the NBD protocol"};
    tool.options = option_rows(options);
    tool.grouped_letters = true;
    tool.wording = cli::Tool::Wording::getopt;
    tool.after_refusal = name + ": Try `" + name + " --help' for more information.";
    tool.positionals = {{"file", "the image to serve",
                         [&](std::string_view image) -> Result<void> {
                             options.image = image, options.images++;
                             return {};
                         },
                         false, true}};
    tool.action = [&] { return act(options, name); };
    return cli::run(tool, argc, argv);
}

// SPDX-License-Identifier: MIT
// What the command line of emu-nbd asks for.
#pragma once
#include "common/result.h"
#include "crypto/tls.h"
#include "nbd/export.h"
#include "objects/table.h"

#include <optional>
#include <string>
#include <vector>

namespace emu::nbd_tool {

struct Options {
    std::optional<std::string> port, bind, socket, connect, disconnect;
    u64 shared = 1, offset = 0, handshake_limit = 10, idle_limit = 0;
    bool persistent = false, verbose = false, read_only = false, snapshot = false, nocache = false, image_opts = false;
    bool allocation_depth = false, list = false, fork = false;
    std::optional<std::string> cache, aio, discard, detect_zeroes, load_snapshot, description, export_name;
    std::vector<std::string> bitmaps, objects, exports;
    std::string format, tls_creds, tls_hostname, tls_authz, pid_file, selinux_label, image;
    unsigned images = 0; ///< names of images that were given; `image` is the last
    bool version = false, untrusted = false;
};

/// What cannot go together.
Result<void> check(const Options& options);
/// Open the image, and serve it until the end.
Result<int> serve(const Options& options);
/// All images that are served, opened: FILE by the options, and each --export by its own.
Result<std::vector<std::shared_ptr<nbd::Export>>> make_exports(const Options& options, objects::Table& table);
/// Print another server's exports.
Result<int> list(const Options& options);

/// The objects of --object.
Result<void> make_objects(const Options& options, objects::Table& table);
/// The credentials of --tls-creds.
Result<std::shared_ptr<const crypto::TlsCreds>> find_creds(const Options& options, objects::Table& table,
                                                           crypto::TlsRole role);

} // namespace emu::nbd_tool

// SPDX-License-Identifier: MIT
// What a driver is: one row that says its name, its options, and how it probes, opens and creates. Each format, protocol and
// filter is one file or folder below libs/block that defines its row; drivers.def lists the rows, sorted by name.
#pragma once
#include "block/node.h"
#include "common/keyval.h"

#include <functional>
#include <span>

namespace emu::block {

/// Everything that opening images may consult: secrets, throttle groups, credentials, the user's wishes for the whole run.
class Context;

/// Cache modes of `-t`: writeback = {}, none = {.direct}, unsafe = {.no_flush}, writethrough = {.writethrough} ...
struct CacheMode {
    bool direct = false, no_flush = false, writethrough = false;
};
/// `-t` spelling to mode: none writeback writethrough directsync unsafe.
Result<CacheMode> parse_cache_mode(std::string_view text);

/// How one node is to be opened. Options of the generic part (driver, node-name, cache.*, read-only, discard, detect-zeroes,
/// force-share, backing, file) are taken out of `options` before the driver sees it; what a driver leaves is refused by name.
struct OpenArgs {
    bool writable = false;
    bool force_share = false;      ///< take no locks
    bool for_check = false;        ///< open damaged images that are otherwise refused
    bool no_io = false;            ///< only the header is of interest (encrypted images open without their secret)
    bool no_backing = false;
    CacheMode cache;
    bool unmap = false;            ///< discard=unmap
    KeyValues options;             ///< the driver's own, dotted: "encrypt.key-secret=s0"
    std::string name;              ///< what the user calls it
    Context* context = nullptr;    ///< never null in a driver's hands
    const struct OpenChain* chain = nullptr; ///< the names being opened around this one, for loops and depth
};

/// One creation or amendment option, for `-o help`, defaults and the "Formatting ..." line. The rows of a driver stand in
/// the order in which that line prints them; "size" has a row like any other.
struct CreateOption {
    enum class Kind : u8 { string, size, number, flag };
    std::string_view name;
    Kind kind = Kind::string;
    std::string_view help;
    std::string_view default_text = {}; ///< empty: not set unless given
    bool amendable = false;
    bool amend_only = false;            ///< has no meaning when an image is made
};

struct CreateArgs {
    std::string name;              ///< path or URL of the image to make
    u64 size = 0;
    KeyValues options;             ///< the driver's create options, defaults filled in, `size` taken out
    Context* context = nullptr;
};

struct AmendArgs {
    KeyValues options;
    bool force = false;
    Context* context = nullptr;
    std::function<void(u64 done, u64 total)> progress;
};

/// `measure`: bytes needed for an image of that size.
struct Measure {
    u64 required = 0, fully_allocated = 0;
    std::optional<u64> bitmaps;
};

struct StreamArgs;

struct Driver {
    enum class Kind : u8 { format, protocol, filter };
    std::string_view name;
    Kind kind = Kind::format;
    /// 0..100: how sure the driver is, from the first bytes (2 KiB at most) and the file name. Null: never probed.
    int (*probe)(ConstBytes head, std::string_view file_name) = nullptr;
    /// Formats and filters: `file` is the child, opened as `args` wants it. Protocols, and formats with `no_file`: null.
    Result<NodePtr> (*open)(NodePtr file, OpenArgs& args) = nullptr;
    /// Protocols: turn a name with this driver's prefix ("ssh://...", "nbd:...") into options. Null: the rest of the name is
    /// the option "filename".
    Result<KeyValues> (*parse_name)(std::string_view name) = nullptr;
    std::span<const std::string_view> prefixes = {}; ///< "nbd", "nbd+unix": what stands before the ':'
    /// Formats: write a fresh image into the (already created, empty, writable) `file`; protocols: create the file itself.
    Result<void> (*create)(NodePtr file, CreateArgs& args) = nullptr;
    std::span<const CreateOption> create_options = {};
    std::span<const CreateOption> open_options = {}; ///< for help and the manual
    Result<Measure> (*measure)(u64 size, CreateArgs& args, Node* source) = nullptr;
    /// Write an image front to back, into a pipe. ENOTSUP: not with these options. See stream.h.
    Result<NodePtr> (*stream)(StreamArgs& args) = nullptr;
    bool has_backing = false;   ///< images of this format may have a backing file
    bool read_only = false;     ///< nodes of this driver cannot be written
    bool network = false;       ///< reaches beyond this host's files: never followed with Context::untrusted
    std::string_view summary = {};
};

/// All rows, sorted by name.
std::span<const Driver* const> drivers();
const Driver* find_driver(std::string_view name); ///< null: none
/// The format that a user names, or EINVAL.
Result<const Driver*> find_format(std::string_view name);

} // namespace emu::block

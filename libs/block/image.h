// SPDX-License-Identifier: MIT
// Opening and creating images by the names people give them: a path, "json:{...}", a URL, "driver:rest", or (image options) a
// key=value list. Formats are probed where none is named; backing chains are followed, loops and excessive depth refused.
#pragma once
#include "block/driver.h"

namespace emu::block {

/// Shared by all opens of one run of a tool (or one machine).
class Context {
public:
    virtual ~Context() = default;
    /// The bytes of `--object secret,id=...`.
    virtual Result<std::vector<u8>> secret(std::string_view id) = 0;
    /// Any other `--object` by id; null where there is none. `type` is a class name of the object's owner.
    virtual std::shared_ptr<void> object(std::string_view id, std::string_view type) = 0;
    /// One line for the user's eyes; tools print it with their prefix.
    virtual void warn(std::string_view text) = 0;
    /// A line that users and scripts know as it is, without a tool's name.
    virtual void notice(std::string_view text) { warn(text); }
    /// A node that `blockdev` options name instead of describing it; null where there is none.
    virtual NodePtr node(std::string_view) { return nullptr; }
    bool untrusted = false; ///< follow no backing, external data or network reference; bound metadata
};

struct OpenRequest {
    std::string name;          ///< file name, or the option list if image_opts
    bool image_opts = false;
    std::string format;        ///< empty: probe
    bool writable = false, force_share = false, for_check = false, no_io = false;
    bool no_backing = false;   ///< leave the backing chain alone
    CacheMode cache;
    bool unmap = false;
    std::string backing_name;  ///< open this as backing instead of the recorded one, if set
    KeyValues options;         ///< more options of the node, as `emu-io -o` gives them
    Context* context = nullptr;
};

/// Errors say why; what the image is called is for the caller to say.
Result<NodePtr> open_image(const OpenRequest& request);
/// A node from blockdev-style options ("driver" is required).
Result<NodePtr> open_options(KeyValues options, OpenArgs args);

/// For drivers with several children. The child is described by the options below "key." in `args.options`, by a node's name
/// or an image name in the option `key` itself, or, where neither is given, by `fallback` (a name; "" makes the child missing an
/// error). `image`: probe its format and follow its backing files; otherwise the child is bare storage.
enum class ChildKind : u8 { storage, image };
Result<NodePtr> open_child(OpenArgs& args, std::string_view key, std::string_view fallback, ChildKind kind);

/// A window on a node: `length` bytes from `offset` on.
Result<NodePtr> sub_range(NodePtr node, u64 offset, u64 length);

struct CreateRequest {
    std::string name, format;
    std::optional<u64> size;          ///< absent: the backing image's
    std::string backing, backing_format;
    bool no_open_backing = false;     ///< -u
    KeyValues options;                ///< -o
    Context* context = nullptr;
};
/// Returns the "Formatting ..." line through `announce` before anything is made. Existing files are overwritten as their
/// protocol's create does.
Result<void> create_image(CreateRequest request, const std::function<void(const std::string&)>& announce = {});
/// What is wrong with a request before anything is opened or made.
Result<void> check_create(const CreateRequest& request);
/// Make the (empty) storage object of that name: a file of length 0, an export that exists already ...
Result<void> create_storage(std::string_view name, u64 size, Context* context);

/// "-o help" of a format together with the protocol that `name` means.
std::string create_help(const Driver& format, std::string_view name);

/// The same for the options that can be changed later; "" where the format has none.
std::string amend_help(const Driver& format);

/// The full name of a backing file that `image` records as `recorded` (relative names count from the image's folder).
Result<std::string> backing_path(std::string_view image, std::string_view recorded);

/// The protocol that a name means, and its options.
struct Protocol {
    const Driver* driver = nullptr;
    KeyValues options;
};
Result<Protocol> protocol_of(std::string_view name);

/// Format by contents: the best probe; raw if nothing else is sure.
Result<const Driver*> probe_format(Node& file);

} // namespace emu::block

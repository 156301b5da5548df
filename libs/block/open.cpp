// SPDX-License-Identifier: MIT
// Building the nodes that a name or a set of options describes.
#include "block/guard.h"
#include "block/image.h"
#include "common/trace.h"

#include <algorithm>
#include <cerrno>
#include <fmt/format.h>

namespace emu::block {

struct OpenChain {
    std::string name;
    unsigned depth = 0;
    const OpenChain* up = nullptr;
};

namespace {

constexpr unsigned max_depth = 200;

Result<KeyValues> parse_json_name(std::string_view name) {
    auto tree = parse_json(name.substr(5), {.bytes = 1u << 20, .depth = 64});
    if (!tree) return fail(std::move(tree.error()).in("Could not parse the JSON options"));
    if (!tree->as_object()) return fail(EINVAL, "Invalid JSON object given");
    return flatten(*tree);
}

} // namespace

class Opener {
public:
    static Result<NodePtr> named(std::string_view name, KeyValues more, std::string_view format, OpenArgs args, ChildKind kind);
    static Result<NodePtr> described(KeyValues options, OpenArgs args, ChildKind kind);

private:
    struct Generic {
        std::string driver;
        std::optional<std::string> backing;
        KeyValues backing_options;
        DetectZeroes detect_zeroes = DetectZeroes::off;
    };
    static Result<Generic> take_generic(OpenArgs& args);
    static Result<NodePtr> protocol(const Driver& driver, OpenArgs args, const Generic& generic);
    static Result<NodePtr> format(const Driver* driver, NodePtr file, OpenArgs args, Generic generic);
    static Result<void> open_backing(Node& node, const Driver& driver, const OpenArgs& args, Generic& generic);
    static Result<NodePtr> finish(Result<NodePtr> node, const Driver& driver, const OpenArgs& args, const Generic& generic);
    static std::string name_for(const KeyValues& options, const Driver& driver, const NodePtr& file);
};

Result<Opener::Generic> Opener::take_generic(OpenArgs& args) {
    Generic out;
    KeyValues& o = args.options;
    out.driver = o.take("driver").value_or("");
    o.take("node-name");
    if (auto on = EMU_TRY(o.take_bool("cache.direct"))) args.cache.direct = *on;
    if (auto on = EMU_TRY(o.take_bool("cache.no-flush"))) args.cache.no_flush = *on;
    if (auto on = EMU_TRY(o.take_bool("cache.writeback"))) args.cache.writethrough = !*on;
    if (auto on = EMU_TRY(o.take_bool("read-only")); on && *on) args.writable = false;
    EMU_TRY(o.take_bool("auto-read-only"));
    if (auto on = EMU_TRY(o.take_bool("force-share"))) args.force_share = *on;
    if (auto text = o.take("discard")) {
        if (*text != "unmap" && *text != "ignore" && *text != "on" && *text != "off") return fail(EINVAL, "Invalid discard option");
        args.unmap = *text == "unmap" || *text == "on";
    }
    if (auto text = o.take("detect-zeroes")) {
        if (*text == "on") out.detect_zeroes = DetectZeroes::on;
        else if (*text == "unmap") out.detect_zeroes = DetectZeroes::unmap;
        else if (*text != "off") return fail(EINVAL, fmt::format("Invalid parameter '{}'", *text));
        if (out.detect_zeroes == DetectZeroes::unmap && !args.unmap)
            return fail(EINVAL, "setting detect-zeroes to unmap is not allowed without setting discard operation to unmap");
    }
    out.backing = o.take("backing");
    out.backing_options = o.take_group("backing");
    return out;
}

Result<NodePtr> Opener::finish(Result<NodePtr> opened, const Driver& driver, const OpenArgs& args, const Generic& generic) {
    if (!opened) return opened;
    if (!args.options.empty())
        return fail(EINVAL, fmt::format("Block {} '{}' does not support the option '{}'",
                                        driver.kind == Driver::Kind::protocol ? "protocol" : "format", driver.name,
                                        args.options.items().front().key));
    Node& node = **opened;
    if (node.name_.empty()) node.name_ = args.name;
    node.read_only_ = !args.writable;
    // Protocols flush for themselves; above them only the top of a chain has to.
    node.writethrough_ = args.cache.writethrough && args.writable && driver.kind != Driver::Kind::protocol;
    node.unmap_ = args.unmap;
    node.detect_zeroes_ = generic.detect_zeroes;
    EMU_TRACE(block_open, "{} {} writable={}", driver.name, node.name_, args.writable);
    return opened;
}

Result<NodePtr> Opener::protocol(const Driver& driver, OpenArgs args, const Generic& generic) {
    if (args.writable && driver.read_only) return fail(EACCES, fmt::format("Driver '{}' can only be opened read-only", driver.name));
    if (args.context->untrusted && driver.network && args.chain && args.chain->depth)
        return fail(EPERM, fmt::format("an untrusted image refers to '{}'", args.name));
    args.unmap = true; // what the node above passes down is meant
    NodePtr node = EMU_TRY(finish(driver.open(nullptr, args), driver, args, generic));
    node->growable_ = true;
    return node;
}

std::string Opener::name_for(const KeyValues& options, const Driver& driver, const NodePtr& file) {
    // Options that shape the contents make a name of its own; the storage's name will do otherwise.
    if (file && options.empty()) return file->name();
    Json tree = options.tree().value_or(Json::object());
    tree.set("driver", driver.name);
    if (file) tree.set("file", Json::object().set("driver", file->driver()).set("filename", Json(file->name())));
    return "json:" + tree.dump();
}

Result<NodePtr> Opener::format(const Driver* driver, NodePtr file, OpenArgs args, Generic generic) {
    const bool guessed = !driver && file;
    if (guessed) {
        driver = EMU_TRY(probe_format(*file));
        if (args.context->untrusted && driver->network) return fail(EPERM, "an untrusted image is of a network format");
    }
    if (!driver) return fail(EINVAL, "a driver is required");
    if (args.writable && driver->read_only)
        return fail(EACCES, fmt::format("Driver '{}' can only be opened read-only", driver->name));
    if (args.name.empty()) args.name = name_for(args.options, *driver, file);
    NodePtr node = EMU_TRY(finish(driver->open(file, args), *driver, args, generic));
    if (driver->has_backing) EMU_CHECK(open_backing(*node, *driver, args, generic));
    else if (generic.backing && !generic.backing->empty()) return fail(EINVAL, "Driver doesn't support backing files");
    if (!guessed || !args.writable || driver->name != "raw") return node;
    args.context->notice(fmt::format("WARNING: Image format was not specified for '{}' and probing guessed raw.\n"
                                   "         Automatically detecting the format is dangerous for raw images, write operations on block 0 will be restricted.\n"
                                   "         Specify the 'raw' format explicitly to remove the restrictions.", args.name));
    const bool unmap = node->unmap_;
    node = guard_guess(std::move(node));
    node->unmap_ = unmap;
    return node;
}

Result<void> Opener::open_backing(Node& node, const Driver&, const OpenArgs& args, Generic& generic) {
    const bool given = generic.backing || !generic.backing_options.empty();
    if (args.no_backing && !given) return {};
    if (generic.backing && generic.backing->empty()) return {};
    if (!given && node.backing_file_.empty()) return {};
    OpenArgs below = args;
    below.options = {};
    below.writable = false;
    below.for_check = false;
    below.unmap = false;
    below.name.clear();
    if (generic.backing && args.context->node(*generic.backing)) {
        node.set_backing(args.context->node(*generic.backing));
        return {};
    }
    if (!generic.backing_options.empty() && generic.backing_options.has("driver")) {
        node.set_backing(EMU_TRY(in("Could not open backing file", described(std::move(generic.backing_options), below, ChildKind::image))));
        return {};
    }
    if (args.context->untrusted && !given)
        return fail(EPERM, fmt::format("an untrusted image names the backing file '{}'", node.backing_file_));
    std::string name = generic.backing ? *generic.backing : EMU_TRY(backing_path(node.name_, node.backing_file_));
    auto opened = named(name, std::move(generic.backing_options), generic.backing ? "" : node.backing_format_, below, ChildKind::image);
    if (!opened) return fail(std::move(opened.error()).in("Could not open backing file"));
    node.set_backing(*opened);
    return {};
}

Result<NodePtr> Opener::named(std::string_view name, KeyValues more, std::string_view wanted, OpenArgs args, ChildKind kind) {
    const unsigned depth = args.chain ? args.chain->depth + 1 : 0;
    auto put_context = [&](Result<NodePtr> result) -> Result<NodePtr> { // what the user named is said by the tools, each in its way
        const std::string text = fmt::format("Could not open '{}'", name);
        if (!result && depth && !result.error().text.starts_with(text)) return fail(std::move(result.error()).in(text));
        return result;
    };
    OpenChain link{std::string(name), depth, args.chain};
    if (link.depth > max_depth) return fail(ELOOP, fmt::format("Backing chain of '{}' is deeper than {} images", name, max_depth));
    for (const OpenChain* up = args.chain; up; up = up->up)
        if (up->name == name) return fail(ELOOP, fmt::format("Backing file '{}' creates an infinite loop.", name));
    args.chain = &link;
    if (name.starts_with("json:")) {
        auto parsed = parse_json_name(name);
        if (!parsed) return put_context(fail(std::move(parsed.error())));
        KeyValues options = std::move(*parsed);
        for (const KeyValue& kv : more.items()) options.add(kv.key, kv.value);
        if (!wanted.empty() && !options.has("driver")) options.add("driver", wanted);
        return put_context(described(std::move(options), std::move(args), kind));
    }
    const Driver* driver = nullptr;
    if (!wanted.empty() && !(driver = find_driver(wanted))) return put_context(fail(EINVAL, fmt::format("Unknown driver '{}'", wanted)));
    args.options = std::move(more);
    auto open = [&]() -> Result<NodePtr> {
        Protocol below = EMU_TRY(protocol_of(name));
        OpenArgs storage = args;
        storage.options = std::move(below.options);
        const KeyValues file_options = args.options.take_group("file");
        for (const KeyValue& kv : file_options.items()) storage.options.add(kv.key, kv.value);
        storage.name = name;
        Generic generic;
        if (kind == ChildKind::storage || (driver && driver->kind == Driver::Kind::protocol)) {
            for (const KeyValue& kv : args.options.items()) storage.options.add(kv.key, kv.value);
            generic = EMU_TRY(take_generic(storage));
            return protocol(driver && driver->kind == Driver::Kind::protocol ? *driver : *below.driver, storage, generic);
        }
        generic = EMU_TRY(take_generic(args));
        storage.cache = args.cache;
        storage.writable = args.writable;
        storage.force_share = args.force_share;
        Generic none = EMU_TRY(take_generic(storage));
        NodePtr file = below.driver->kind == Driver::Kind::protocol ? EMU_TRY(protocol(*below.driver, storage, none))
                                                                    : EMU_TRY(format(below.driver, nullptr, storage, none));
        if (below.driver->kind == Driver::Kind::filter && !driver) return file;
        if (!driver && !generic.driver.empty() && !(driver = find_driver(generic.driver)))
            return fail(EINVAL, fmt::format("Unknown driver '{}'", generic.driver));
        args.name = name.starts_with("file:") ? name.substr(5) : name;
        return format(driver, file, args, std::move(generic));
    };
    return put_context(open());
}

Result<NodePtr> Opener::described(KeyValues options, OpenArgs args, ChildKind kind) {
    args.options = std::move(options);
    args.name.clear();
    if (!args.options.has("driver") && args.options.has("filename")) {
        const std::string name = *args.options.take("filename");
        return named(name, std::move(args.options), "", args, kind);
    }
    Generic generic = EMU_TRY(take_generic(args));
    const Driver* driver = nullptr;
    if (!generic.driver.empty() && !(driver = find_driver(generic.driver)))
        return fail(EINVAL, fmt::format("Unknown driver '{}'", generic.driver));
    if (driver && driver->kind == Driver::Kind::protocol) {
        auto plain = args.options.get("filename");
        args.name = plain && args.options.items().size() == 1 ? *plain : "";
        if (args.name.empty()) {
            Json tree = args.options.tree().value_or(Json::object());
            args.name = "json:" + tree.set("driver", Json(generic.driver)).dump();
        }
        return protocol(*driver, args, generic);
    }
    NodePtr file;
    if (args.options.has("file") || std::any_of(args.options.items().begin(), args.options.items().end(),
                                                [](const KeyValue& kv) { return kv.key.starts_with("file."); }))
        file = EMU_TRY(open_child(args, "file", "", driver && driver->kind == Driver::Kind::filter ? ChildKind::image : ChildKind::storage));
    if (!file && !driver) return fail(EINVAL, "Must specify either driver or file");
    NodePtr node = EMU_TRY(format(driver, file, args, std::move(generic)));
    node->growable_ = kind == ChildKind::storage;
    return node;
}

Result<NodePtr> open_options(KeyValues options, OpenArgs args) { return Opener::described(std::move(options), std::move(args), ChildKind::image); }

Result<NodePtr> open_child(OpenArgs& args, std::string_view key, std::string_view fallback, ChildKind kind) {
    OpenArgs below = args;
    auto name = args.options.take(key);
    below.options = {};
    below.name.clear();
    KeyValues described = args.options.take_group(key);
    if (name) {
        if (NodePtr node = args.context->node(*name)) return node;
        return Opener::named(*name, std::move(described), "", below, kind);
    }
    if (!described.empty()) return Opener::described(std::move(described), below, kind);
    if (fallback.empty()) return fail(EINVAL, fmt::format("A block device must be specified for \"{}\"", key));
    return Opener::named(fallback, {}, "", below, kind);
}

Result<NodePtr> open_image(const OpenRequest& request) {
    OpenArgs args{.writable = request.writable, .force_share = request.force_share, .for_check = request.for_check,
                  .no_io = request.no_io, .no_backing = request.no_backing, .cache = request.cache, .unmap = request.unmap,
                  .context = request.context};
    EMU_ASSERT(args.context);
    if (args.writable && args.force_share) return fail(EINVAL, "force-share=on can only be used with read-only images");
    KeyValues more = request.options;
    if (!request.backing_name.empty()) more.add("backing", request.backing_name);
    if (!request.image_opts) return Opener::named(request.name, std::move(more), request.format, args, ChildKind::image);
    KeyValues options = EMU_TRY(KeyValues::parse(request.name));
    for (const KeyValue& kv : more.items()) options.add(kv.key, kv.value);
    return Opener::described(std::move(options), args, ChildKind::image);
}

} // namespace emu::block

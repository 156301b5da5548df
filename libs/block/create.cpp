// SPDX-License-Identifier: MIT
// Making images: options checked against the driver's table, the "Formatting" line, storage first and the format into it.
#include "block/image.h"
#include "common/sizes.h"

#include <algorithm>
#include <cerrno>
#include <fmt/format.h>

namespace emu::block {
namespace {

constexpr u64 max_size = u64(1) << 63;

const CreateOption* find_option(std::span<const CreateOption> rows, std::string_view name) {
    auto at = std::find_if(rows.begin(), rows.end(), [&](const CreateOption& row) { return row.name == name; });
    return at == rows.end() ? nullptr : &*at;
}

/// The value as the line prints it, or an error for a value of the wrong kind.
Result<std::string> canonical(const CreateOption& row, const std::string& text) {
    switch (row.kind) {
    case CreateOption::Kind::flag: {
        auto on = parse_switch(text);
        if (!on) return fail(EINVAL, fmt::format("Parameter '{}' expects 'on' or 'off'", row.name));
        return std::string(*on ? "on" : "off");
    }
    case CreateOption::Kind::size: {
        auto bytes = parse_size(text);
        if (!bytes) return fail(EINVAL, fmt::format("Parameter '{}' expects a non-negative number below 2^64\nOptional suffix k, M, G, T, P or E means kilo-, mega-, giga-, tera-, peta-\nand exabytes, respectively.", row.name));
        return std::to_string(*bytes);
    }
    case CreateOption::Kind::number: {
        auto number = parse_number(text);
        if (!number) return fail(EINVAL, fmt::format("Parameter '{}' expects a number", row.name));
        return std::to_string(*number);
    }
    case CreateOption::Kind::string: break;
    }
    return text;
}

std::string quoted(const std::string& text) {
    if (text.find_first_of(" '\"=,") == std::string::npos && !text.empty()) return text;
    std::string out = "'";
    for (char c : text) out += c == '\'' ? std::string("'\\''") : std::string(1, c);
    return out + "'";
}

struct Plan {
    const Driver* format = nullptr;
    Protocol protocol;
    std::vector<const CreateOption*> rows; ///< the format's, then the protocol's that it does not have
};

Result<Plan> plan_for(const CreateRequest& request) {
    Plan plan;
    plan.format = EMU_TRY(find_format(request.format));
    plan.protocol = EMU_TRY(protocol_of(request.name));
    if (!plan.format->create)
        return fail(ENOTSUP, fmt::format("Format driver '{}' does not support image creation", request.format));
    if (!plan.protocol.driver->create)
        return fail(ENOTSUP, fmt::format("Protocol driver '{}' does not support image creation", plan.protocol.driver->name));
    for (const CreateOption& row : plan.format->create_options)
        if (!row.amend_only) plan.rows.push_back(&row);
    for (const CreateOption& row : plan.protocol.driver->create_options)
        if (!find_option(plan.format->create_options, row.name)) plan.rows.push_back(&row);
    return plan;
}

/// Backing options in one place; returns the backing image's size where it is wanted.
Result<std::optional<u64>> settle_backing(CreateRequest& request, const Plan& plan) {
    if (auto given = request.options.take("backing_file"); given && request.backing.empty()) {
        request.backing = *given;
        if (given->empty() && plan.format->has_backing) return fail(EINVAL, "Expected backing file name, got empty string");
    }
    if (auto given = request.options.take("backing_fmt"); given && request.backing_format.empty()) request.backing_format = *given;
    if (request.backing.empty()) {
        if (!request.backing_format.empty() && !plan.format->has_backing)
            return fail(EINVAL, fmt::format("Backing format not supported for file format '{}'", request.format));
        return std::optional<u64>();
    }
    if (!plan.format->has_backing) return fail(EINVAL, fmt::format("Backing file not supported for file format '{}'", request.format));
    if (request.no_open_backing && !request.backing_format.empty() && !find_driver(request.backing_format))
        return fail(EINVAL, fmt::format("Unknown backing file format '{}'", request.backing_format));
    if (request.backing == request.name) return fail(EINVAL, "Error: Trying to create an image with the same filename as the backing file");
    if (request.no_open_backing && request.backing_format.empty()) return fail(EINVAL, "Backing file specified without backing format");
    if (request.no_open_backing) return std::optional<u64>();
    const std::string path = EMU_TRY(backing_path(request.name, request.backing));
    OpenRequest open{.name = path, .format = request.backing_format, .context = request.context};
    open.force_share = false;
    auto node = open_image(open);
    if (!node) return fail(node.error().code, node.error().text + "\nCould not open backing image.");
    if (request.backing_format.empty())
        return fail(EINVAL, fmt::format("Backing file specified without backing format\nDetected format of {}.", (*node)->driver()));
    const u64 size = (*node)->size();
    EMU_CHECK((*node)->close());
    return std::optional<u64>(size);
}

/// The options in table order with defaults, as pairs and as text.
Result<std::string> settle_options(const CreateRequest& request, const Plan& plan, u64 size, KeyValues& settled) {
    KeyValues given = request.options;
    std::string line;
    for (const CreateOption* row : plan.rows) {
        std::optional<std::string> value = given.take(row->name);
        if (row->name == "size") value = std::to_string(size);
        else if (row->name == "backing_file") value = request.backing.empty() ? std::nullopt : std::optional(request.backing);
        else if (row->name == "backing_fmt") value = request.backing_format.empty() ? std::nullopt : std::optional(request.backing_format);
        if (!value && !row->default_text.empty()) value = std::string(row->default_text);
        if (!value) continue;
        const std::string text = EMU_TRY(canonical(*row, *value));
        if (row->name != "size") settled.add(row->name, text);
        line += fmt::format(" {}={}", row->name, quoted(text));
    }
    if (!given.empty()) return fail(EINVAL, fmt::format("Invalid parameter '{}'", given.items().front().key));
    return line;
}

} // namespace

Result<void> create_storage(std::string_view name, u64 size, Context* context) {
    Protocol protocol = EMU_TRY(protocol_of(name));
    if (!protocol.driver->create)
        return fail(ENOTSUP, fmt::format("Protocol driver '{}' does not support image creation", protocol.driver->name));
    CreateArgs args{.name = std::string(name), .size = size, .options = {}, .context = context};
    return protocol.driver->create(nullptr, args);
}

Result<void> check_create(const CreateRequest& request) {
    const Plan plan = EMU_TRY(plan_for(request));
    if (!plan.format->has_backing && (!request.backing.empty() || request.options.has("backing_file")))
        return fail(EINVAL, fmt::format("Backing file not supported for file format '{}'", request.format));
    if (!plan.format->has_backing && (!request.backing_format.empty() || request.options.has("backing_fmt")))
        return fail(EINVAL, fmt::format("Backing file format not supported for file format '{}'", request.format));
    for (const KeyValue& kv : request.options.items())
        if (std::none_of(plan.rows.begin(), plan.rows.end(), [&](auto* row) { return row->name == kv.key; }))
            return fail(EINVAL, fmt::format("Invalid parameter '{}'", kv.key));
    return {};
}

Result<void> create_image(CreateRequest request, const std::function<void(const std::string&)>& announce) {
    const Plan plan = EMU_TRY(plan_for(request));
    auto settle = [&]() -> Result<void> {
        const auto text = request.options.take("size");
        if (text && request.size) return fail(EINVAL, "The image size must be specified only once");
        if (text) request.size = EMU_TRY(parse_size(*text));
        auto backing_size = EMU_TRY(settle_backing(request, plan));
        if (!request.size) request.size = backing_size;
        if (!request.size) return fail(EINVAL, "Image creation needs a size parameter");
        if (*request.size >= max_size) return fail(EINVAL, "Image size must be less than 8 EiB!");
        return {};
    };
    EMU_CHECK(settle());
    CreateArgs args{.name = request.name, .size = *request.size, .options = {}, .context = request.context};
    const std::string line = EMU_TRY(settle_options(request, plan, *request.size, args.options));
    if (announce) announce(fmt::format("Formatting '{}', fmt={}{}", request.name, request.format, line));
    if (request.backing.empty() && !request.backing_format.empty()) return fail(EINVAL, "Backing format cannot be used without backing file");
    CreateArgs storage{.name = request.name, .size = 0, .options = {}, .context = request.context};
    if (plan.format->name == "raw") storage.size = (args.size + 511) / 512 * 512;
    for (const CreateOption& row : plan.protocol.driver->create_options)
        if (!find_option(plan.format->create_options, row.name))
            if (auto value = args.options.take(row.name)) storage.options.add(row.name, *value);
    EMU_CHECK(plan.protocol.driver->create(nullptr, storage));
    OpenArgs open{.writable = true, .cache = {.no_flush = true}, .context = request.context};
    KeyValues options = plan.protocol.options;
    options.add("driver", plan.protocol.driver->name);
    NodePtr file = EMU_TRY(open_options(std::move(options), open));
    EMU_CHECK(plan.format->create(file, args));
    return file->close();
}

namespace {

std::string option_lines(std::vector<const CreateOption*> rows) {
    std::sort(rows.begin(), rows.end(), [](auto* a, auto* b) { return a->name < b->name; });
    static constexpr std::string_view kinds[] = {"<str>", "<size>", "<num>", "<bool (on/off)>"};
    std::string out;
    for (const CreateOption* row : rows) {
        const std::string left = fmt::format("  {}={}", row->name, kinds[unsigned(row->kind)]);
        out += row->help.empty() ? left + "\n" : fmt::format("{:<24} - {}\n", left, row->help);
    }
    return out;
}

} // namespace

std::string create_help(const Driver& format, std::string_view name) {
    std::vector<const CreateOption*> rows;
    for (const CreateOption& row : format.create_options)
        if (!row.amend_only) rows.push_back(&row);
    bool protocol_rows = false;
    if (auto protocol = protocol_of(name); !name.empty() && protocol) {
        protocol_rows = true;
        for (const CreateOption& row : protocol->driver->create_options)
            if (!find_option(format.create_options, row.name)) rows.push_back(&row);
    }
    std::string out = (protocol_rows ? "Supported options:\n" : fmt::format("Supported {} options:\n", format.name)) + option_lines(rows);
    if (!protocol_rows)
        out += "\nThe protocol level may support further options.\nSpecify the target filename to include those options.\n";
    return out;
}

std::string amend_help(const Driver& format) {
    std::vector<const CreateOption*> rows;
    for (const CreateOption& row : format.create_options)
        if (row.amendable) rows.push_back(&row);
    return option_lines(rows);
}

} // namespace emu::block

// SPDX-License-Identifier: MIT
#include "guest_agent/protocol.h"

#include "common/base64.h"

#include <cmath>
#include <fmt/format.h>

namespace emu::guest_agent {

namespace {

struct KindRow {
    Kind kind;
    std::string_view name; ///< as errors call it
    bool (*fits)(const Json&);
};
bool is_string(const Json& json) { return json.as_string() != nullptr; }
bool is_array(const Json& json) { return json.as_array() != nullptr; }
constexpr KindRow kinds[] = {
    {Kind::integer, "integer", [](const Json& json) { return bool(json.to_s64()); }},
    {Kind::boolean, "boolean", [](const Json& json) { return bool(json.to_bool()); }},
    {Kind::string, "string", is_string},
    {Kind::base64, "string", is_string},
    {Kind::strings, "array", is_array},
    {Kind::objects, "array", is_array},
    {Kind::any, "any", [](const Json&) { return true; }},
};

tl::unexpected<Error> mistyped(std::string_view name, std::string_view kind) {
    return fail(EINVAL, fmt::format("Invalid parameter type for '{}', expected: {}", name, kind));
}

Result<void> check_object(std::span<const Parameter> parameters, const Json& object, const std::string& prefix);

Result<void> check_value(const Parameter& parameter, const Json& value, const std::string& name) {
    for (const KindRow& row : kinds)
        if (row.kind == parameter.kind && !row.fits(value)) return mistyped(name, row.name);
    if (parameter.kind == Kind::base64) EMU_CHECK(in(name, base64_decode(*value.as_string())));
    if (parameter.kind != Kind::strings && parameter.kind != Kind::objects) return {};
    usize index = 0;
    for (const Json& item : *value.as_array()) {
        const std::string item_name = fmt::format("{}[{}]", name, index++);
        if (parameter.kind == Kind::strings && !item.as_string()) return mistyped(item_name, "string");
        if (parameter.kind == Kind::strings) continue;
        if (!item.as_object()) return mistyped(item_name, "object");
        EMU_CHECK(check_object(parameter.members, item, item_name + "."));
    }
    return {};
}

Result<void> check_object(std::span<const Parameter> parameters, const Json& object, const std::string& prefix) {
    for (const Parameter& parameter : parameters) {
        const std::string name = prefix + std::string(parameter.name);
        const Json* value = object.find(parameter.name);
        if (!value && parameter.optional) continue;
        if (!value) return fail(EINVAL, fmt::format("Parameter '{}' is missing", name));
        EMU_CHECK(check_value(parameter, *value, name));
    }
    for (const auto& [name, value] : *object.as_object()) {
        bool known = false;
        for (const Parameter& parameter : parameters) known |= parameter.name == name;
        if (!known) return fail(EINVAL, fmt::format("Parameter '{}{}' is unexpected", prefix, name));
    }
    return {};
}

/// One code point of valid UTF-8; moves `at` behind it.
u32 next_code_point(std::string_view text, usize& at) {
    const u8 first = u8(text[at++]);
    const unsigned more = first >= 0xf0 ? 3 : first >= 0xe0 ? 2 : first >= 0xc0 ? 1 : 0;
    if (!more) return first < 0x80 ? first : 0xfffd;
    u32 value = first & (0x3f >> more);
    for (unsigned i = 0; i < more; i++) {
        if (at == text.size() || (u8(text[at]) & 0xc0) != 0x80) return 0xfffd; // replacement character
        value = value << 6 | (u8(text[at++]) & 0x3f);
    }
    return value;
}

void put_string(std::string& out, std::string_view text) {
    static constexpr std::string_view letters = "\"\\\b\f\n\r\t", names = "\"\\bfnrt";
    out += '"';
    for (usize at = 0; at < text.size();) {
        u32 code = next_code_point(text, at);
        const usize named = code < 0x80 ? letters.find(char(code)) : letters.npos;
        if (named != letters.npos) out += '\\', out += names[named];
        else if (code >= 0x20 && code < 0x7f) out += char(code);
        else if (code < 0x10000) out += fmt::format("\\u{:04X}", code);
        else out += fmt::format("\\u{:04X}\\u{:04X}", 0xd7c0 + (code >> 10), 0xdc00 + (code & 0x3ff)); // RFC 8259 section 7
    }
    out += '"';
}

void put(std::string& out, const Json& json) {
    std::string_view separator;
    if (const auto* text = json.as_string()) return put_string(out, *text);
    if (const auto* array = json.as_array()) {
        out += '[';
        for (const Json& item : *array) out += separator, put(out, item), separator = ", ";
        out += ']';
    } else if (const auto* object = json.as_object()) {
        out += '{';
        for (const auto& [name, value] : *object) out += separator, put_string(out, name), out += ": ", put(out, value), separator = ", ";
        out += '}';
    } else {
        out += json.dump();
    }
}

} // namespace

Result<void> check_arguments(std::span<const Parameter> parameters, const Json& arguments) { return check_object(parameters, arguments, ""); }

s64 Arguments::integer(std::string_view name, s64 otherwise) const {
    const Json* value = find(name);
    return value ? *value->to_s64() : otherwise;
}
bool Arguments::boolean(std::string_view name, bool otherwise) const {
    const Json* value = find(name);
    return value ? *value->to_bool() : otherwise;
}
std::string Arguments::string(std::string_view name, std::string_view otherwise) const {
    const Json* value = find(name);
    return value ? *value->as_string() : std::string(otherwise);
}
std::string Arguments::bytes(std::string_view name) const {
    const Json* value = find(name);
    return value ? *base64_decode(*value->as_string()) : std::string();
}
std::vector<std::string> Arguments::strings(std::string_view name) const {
    std::vector<std::string> list;
    if (const Json* value = find(name))
        for (const Json& item : *value->as_array()) list.push_back(*item.as_string());
    return list;
}
std::vector<Arguments> Arguments::objects(std::string_view name) const {
    std::vector<Arguments> list;
    if (const Json* value = find(name))
        for (const Json& item : *value->as_array()) list.emplace_back(item);
    return list;
}

Result<Request> parse_request(std::string_view text, std::optional<Json>& id) {
    auto parsed = parse_json(text, request_limits);
    if (!parsed) return fail(EINVAL, "JSON parse error, " + parsed.error().text);
    const Json json = std::move(*parsed);
    if (!json.as_object()) return fail(EINVAL, "QMP input must be a JSON object");
    if (const Json* value = json.find("id")) id = *value;
    Request request;
    const Json* execute = nullptr;
    for (const auto& [name, value] : *json.as_object()) {
        if (name == "execute") {
            if (!value.as_string()) return fail(EINVAL, "QMP input member 'execute' must be a string");
            execute = &value;
        } else if (name == "arguments") {
            if (!value.as_object()) return fail(EINVAL, "QMP input member 'arguments' must be an object");
            request.arguments = value;
        } else if (name != "id") {
            return fail(EINVAL, fmt::format("QMP input member '{}' is unexpected", name));
        }
    }
    if (!execute) return fail(EINVAL, "QMP input lacks member 'execute'");
    request.command = *execute->as_string();
    request.id = id;
    return request;
}

std::string to_line(const Json& json) {
    std::string line;
    put(line, json);
    line += '\n';
    return line;
}

std::string success_line(Json value, const std::optional<Json>& id) {
    Json reply;
    reply.set("return", std::move(value));
    if (id) reply.set("id", *id);
    return to_line(reply);
}

std::string error_line(const Error& error, const std::optional<Json>& id) {
    Json about, reply;
    about.set("class", error.code == ENOSYS ? "CommandNotFound" : "GenericError").set("desc", error.line());
    if (id) reply.set("id", *id);
    reply.set("error", std::move(about));
    return to_line(reply);
}

} // namespace emu::guest_agent

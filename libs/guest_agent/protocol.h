// SPDX-License-Identifier: MIT
// Requests and replies: {"execute": NAME, "arguments": {...}, "id": ANY} answered by {"return": ...} or {"error": {"class":
// ..., "desc": ...}}; and what a command's arguments may be.
#pragma once
#include "common/json.h"
#include "common/result.h"

#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace emu::guest_agent {

/// Texts from the host: 48 MiB of file contents in Base64 and a little around it.
inline constexpr JsonLimits request_limits{.bytes = usize(66) << 20, .depth = 64, .members = 1024};

enum class Kind : u8 {
    integer,
    boolean,
    string,
    base64,   ///< a string; the value is what it encodes
    strings,  ///< an array of strings
    objects,  ///< an array of objects with `members`
    any,      ///< the handler looks itself
};

/// An argument, or a member of the objects in an argument.
struct Parameter {
    std::string_view name;
    Kind kind;
    bool optional = false;
    std::span<const Parameter> members = {};
};
/// Check values against their description: missing and mistyped ones in the order of `parameters`, then unexpected ones.
Result<void> check_arguments(std::span<const Parameter> parameters, const Json& arguments);

/// Arguments that have been checked: reading one that is described as that kind does not fail.
class Arguments {
public:
    explicit Arguments(const Json& object) : object_(&object) {}
    bool has(std::string_view name) const { return object_->find(name) != nullptr; }
    const Json* find(std::string_view name) const { return object_->find(name); }
    s64 integer(std::string_view name, s64 otherwise = 0) const;
    bool boolean(std::string_view name, bool otherwise = false) const;
    std::string string(std::string_view name, std::string_view otherwise = {}) const;
    std::string bytes(std::string_view name) const;
    std::vector<std::string> strings(std::string_view name) const;
    std::vector<Arguments> objects(std::string_view name) const;

private:
    const Json* object_;
};

struct Request {
    std::string command;
    Json arguments = Json::object();
    std::optional<Json> id;
};
/// The id is taken wherever there is one, so that an error can carry it too.
Result<Request> parse_request(std::string_view text, std::optional<Json>& id);

/// One line as clients of such agents know it: a space after ':' and ',', nothing but ASCII.
std::string to_line(const Json& json);
std::string success_line(Json value, const std::optional<Json>& id);
/// ENOSYS stands for commands that are not there or disabled.
std::string error_line(const Error& error, const std::optional<Json>& id);

} // namespace emu::guest_agent

// SPDX-License-Identifier: MIT
// Files by handle.
#include "guest_agent/handlers.h"

#include "common/base64.h"

#include <fmt/format.h>

namespace emu::guest_agent {

namespace {

struct Whence {
    std::string_view name;
    s64 number; ///< of the protocol, whatever SEEK_* is
    int value;
};
constexpr Whence whences[] = {{"set", 0, SEEK_SET}, {"cur", 1, SEEK_CUR}, {"end", 2, SEEK_END}};

Result<int> whence_of(const Json& json) {
    const auto number = json.to_s64();
    const std::string* name = json.as_string();
    if (!number && !name) return fail(EINVAL, "Invalid parameter type for 'whence', expected: integer");
    for (const Whence& each : whences)
        if (name ? each.name == *name : each.number == *number) return each.value;
    if (name) return fail(EINVAL, fmt::format("Parameter 'whence' does not accept value '{}'", *name));
    return fail(EINVAL, fmt::format("invalid whence code {}", *number));
}

} // namespace

Result<Json> file_open(Agent& agent, const Arguments& arguments) {
    return Json(EMU_TRY(agent.files().open(arguments.string("path"), arguments.string("mode", "r"))));
}

Result<Json> file_close(Agent& agent, const Arguments& arguments) {
    EMU_CHECK(agent.files().close(arguments.integer("handle")));
    return Json::object();
}

Result<Json> file_read(Agent& agent, const Arguments& arguments) {
    auto read = EMU_TRY(agent.files().read(arguments.integer("handle"), arguments.integer("count", 4096)));
    Json answer;
    answer.set("count", u64(read.bytes.size())).set("buf-b64", base64_encode(read.bytes)).set("eof", read.eof);
    return answer;
}

Result<Json> file_write(Agent& agent, const Arguments& arguments) {
    const std::string bytes = arguments.bytes("buf-b64");
    const s64 count = arguments.integer("count", s64(bytes.size()));
    if (count < 0 || count > s64(bytes.size())) return fail(EINVAL, fmt::format("value '{}' is invalid for argument count", count));
    const usize written = EMU_TRY(agent.files().write(arguments.integer("handle"), std::string_view(bytes).substr(0, usize(count))));
    Json answer;
    answer.set("count", u64(written)).set("eof", false);
    return answer;
}

Result<Json> file_seek(Agent& agent, const Arguments& arguments) {
    const int whence = EMU_TRY(whence_of(*arguments.find("whence")));
    const s64 position = EMU_TRY(agent.files().seek(arguments.integer("handle"), arguments.integer("offset"), whence));
    Json answer;
    answer.set("position", position).set("eof", false);
    return answer;
}

Result<Json> file_flush(Agent& agent, const Arguments& arguments) {
    EMU_CHECK(agent.files().flush(arguments.integer("handle")));
    return Json::object();
}

} // namespace emu::guest_agent

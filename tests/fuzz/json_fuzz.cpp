// SPDX-License-Identifier: MIT
// Any bytes as JSON, as a JSON stream and as an option string: no crash, and what is accepted survives a round trip.
#include "common/json.h"
#include "common/keyval.h"

#include <cstdlib>

using namespace emu;

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    std::string_view text(reinterpret_cast<const char*>(data), size);
    if (auto json = parse_json(text, {.bytes = 1 << 16, .depth = 32})) {
        auto again = parse_json(json->dump());
        if (!again || again->dump() != json->dump()) std::abort();
    }
    JsonFramer framer({.bytes = 1 << 12, .depth = 16});
    framer.feed(text, [](std::string_view object) { (void)parse_json(object); }, [](Error error) { if (error.text.empty()) std::abort(); });
    if (auto options = KeyValues::parse(text, "file")) {
        auto again = KeyValues::parse(options->text());
        if (!again || again->items() != options->items()) std::abort();
        (void)options->tree();
    }
    return 0;
}

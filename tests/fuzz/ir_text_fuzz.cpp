// SPDX-License-Identifier: MIT
// Any text as IR: refused, or a unit that passes the verifier and prints to text that parses to the same text.
#include "ir/state.h"
#include "ir/text.h"

#include <cstdlib>
#include <string_view>

using namespace emu;

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    static const ir::Slot slots[] = {{"r0", ir::Type::i64, 0, 0}, {"f", ir::Type::i32, 8, 0}, {"v0", ir::Type::v128, 16, 0}};
    auto function = ir::parse({reinterpret_cast<const char*>(data), size}, slots);
    if (!function) return 0;
    std::string text = ir::print(*function);
    auto again = ir::parse(text, slots);
    if (!again || ir::print(*again) != text) std::abort();
    return 0;
}

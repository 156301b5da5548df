// SPDX-License-Identifier: MIT
// Any bytes as a Bochs growing image.
#include "block_image.h"

using namespace emu;
using namespace emu::block;

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    static const fuzz::Subject subject{.format = "bochs"};
    return fuzz::run(subject, data, size);
}

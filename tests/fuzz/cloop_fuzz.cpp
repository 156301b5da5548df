// SPDX-License-Identifier: MIT
// Any bytes as a compressed loop image.
#include "block_image.h"

using namespace emu;
using namespace emu::block;

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    static const fuzz::Subject subject{.format = "cloop"};
    return fuzz::run(subject, data, size);
}

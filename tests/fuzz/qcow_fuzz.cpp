// SPDX-License-Identifier: MIT
// Any bytes as a version 1 qcow image.
#include "block_image.h"

using namespace emu;
using namespace emu::block;

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    static const fuzz::Subject subject{.format = "qcow", .templates = {{3 << 20, ""}}};
    return fuzz::run(subject, data, size);
}

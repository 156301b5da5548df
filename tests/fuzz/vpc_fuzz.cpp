// SPDX-License-Identifier: MIT
// Any bytes as a VHD image.
#include "block_image.h"

using namespace emu;
using namespace emu::block;

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    static const fuzz::Subject subject{.format = "vpc", .templates = {{5 << 20, "force_size=on"}, {1 << 20, "subformat=fixed,force_size=on"}}};
    return fuzz::run(subject, data, size);
}

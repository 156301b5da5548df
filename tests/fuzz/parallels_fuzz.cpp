// SPDX-License-Identifier: MIT
// Any bytes as a Parallels image.
#include "block_image.h"

using namespace emu;
using namespace emu::block;

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    static const fuzz::Subject subject{.format = "parallels", .templates = {{5 << 20, "cluster_size=64k"}, {6 << 20, ""}}};
    return fuzz::run(subject, data, size);
}

// SPDX-License-Identifier: MIT
// Any bytes as a VMDK image; descriptors that name other files are refused, as untrusted ones.
#include "block_image.h"

using namespace emu;
using namespace emu::block;

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    static const fuzz::Subject subject{.format = "vmdk", .templates = {{5 << 20, ""}, {5 << 20, "zeroed_grain=on"}, {5 << 20, "subformat=streamOptimized"}}};
    return fuzz::run(subject, data, size);
}

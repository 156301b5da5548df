// SPDX-License-Identifier: MIT
// Any bytes as a LUKS image.
#include "block_image.h"

using namespace emu;
using namespace emu::block;

namespace {
/// Key derivation may take as long as the header says; here it may not. Iterations: at 164 and in each slot.
void limit_work(std::vector<u8>& image) {
    if (image.size() < 592) return;
    for (usize at = 164; at < 592; at = at == 164 ? 212 : at + 48) {
        if (be32(image, at) > 2000) put_be32(image, at, 1000);
    }
}
} // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    static const fuzz::Subject subject{.format = "luks", .open_options = "key-secret=s0", .templates = {{1 << 20, "key-secret=s0,iter-time=1"}}, .fix = limit_work};
    return fuzz::run(subject, data, size);
}

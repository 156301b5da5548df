// SPDX-License-Identifier: MIT
// Any bytes as a VHDX image, with the checksums of headers, tables and log entries put right.
#include "block_image.h"
#include "block/formats/vhdx/format.h"

using namespace emu;
using namespace emu::block;

namespace {
void seal_at(std::vector<u8>& image, u64 at, u64 length) {
    if (!in_range(at, length, image.size())) return;
    put_le32(Bytes(image).subspan(usize(at)), 4, vhdx::checksum(ConstBytes(image).subspan(usize(at), usize(length)), 4));
}
void seal(std::vector<u8>& image) {
    for (u64 at : {vhdx::header_1_at, vhdx::header_2_at}) seal_at(image, at, vhdx::header_bytes);
    for (u64 at : {vhdx::region_1_at, vhdx::region_2_at}) seal_at(image, at, vhdx::region_bytes);
    for (u64 at = vhdx::MiB; at + vhdx::log_sector <= image.size() && at < 2 * vhdx::MiB; at += vhdx::log_sector) {
        const ByteView head(ConstBytes(image).subspan(usize(at), 64));
        if (head.starts_with("loge") && head.u32_at(8) <= (u64(1) << 20)) seal_at(image, at, head.u32_at(8));
    }
}
} // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    static const fuzz::Subject subject{.format = "vhdx", .templates = {{5 << 20, "block_size=1M"}, {3 << 20, "block_size=1M,subformat=fixed"}}, .grid = 4, .fix = seal};
    return fuzz::run(subject, data, size);
}

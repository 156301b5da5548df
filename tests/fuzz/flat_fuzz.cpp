// SPDX-License-Identifier: MIT
// Any bytes as a bFLT program: refused, or accepted and relocated inside of itself.
#include "linux_user/flat.h"

#include <cstdlib>

using namespace emu;

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    auto image = linux_user::parse_flat(linux_user::elf_source(ConstBytes(data, size)));
    if (!image) {
        if (image.error().text.empty()) std::abort();
        return 0;
    }
    if (image->bytes.size() != image->data_end || image->data_start > image->data_end || image->data_end > image->bss_end) std::abort();
    if (image->entry >= image->data_start) std::abort();
    (void)linux_user::relocate_flat(*image, 0x10000, 0x200000, Endian::little);
    return 0;
}

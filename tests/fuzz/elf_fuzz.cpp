// SPDX-License-Identifier: MIT
// Any bytes as an ELF executable: refused, or accepted with segments that lie in order within file and address space.
#include "linux_user/elf.h"

#include <cstdlib>

using namespace emu;

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    for (u64 page : {u64(4096), u64(65536)})
        for (u64 limit : {u64(1) << 32, u64(1) << 46}) {
            auto image = linux_user::parse_elf(linux_user::elf_source(ConstBytes(data, size)), page, limit);
            if (!image) {
                if (image.error().text.empty() || image.error().text.find('\n') != std::string::npos) std::abort();
                continue;
            }
            u64 end = 0;
            for (const auto& segment : image->segments) {
                if (segment.address < end || segment.file_size > segment.memory_size) std::abort();
                if (!in_range(segment.offset, segment.file_size, size)) std::abort();
                if (!in_range(segment.address, segment.memory_size, limit)) std::abort();
                end = segment.address + segment.memory_size;
            }
            if (image->low > image->high || image->high > limit || image->high < end) std::abort();
        }
    return 0;
}

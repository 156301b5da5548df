// SPDX-License-Identifier: MIT
// Any bytes as a file whose format nobody has named: every driver is asked, and the surest opens it. The input is k, bytes...: they are
// followed by k * 4 KiB of zeroes.
#include "block_image.h"

using namespace emu;
using namespace emu::block;

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    static fuzz::Quiet context;
    if (!size) return 0;
    std::vector<u8> image(data + 1, data + size);
    image.resize(image.size() + data[0] * usize(4096));
    fuzz::most_allowed = fuzz::in_use + fuzz::memory_limit;
    {
        auto file = std::make_shared<fuzz::Storage>(image, false);
        const Result<const Driver*> driver = probe_format(*file);
        if (!driver) std::abort(); // raw takes anything
        OpenArgs args{.name = "image", .context = &context};
        if (auto node = (*driver)->open(file, args)) fuzz::look(**node);
        else if (node.error().text.empty()) std::abort();
    }
    fuzz::most_allowed = ~usize(0);
    return 0;
}

// SPDX-License-Identifier: MIT
// Any bytes as a qcow2 image.
#include "block_image.h"

using namespace emu;
using namespace emu::block;

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    static const fuzz::Subject subject{.format = "qcow2",
                                       .templates = {{5 << 20, "cluster_size=4096"}, {3 << 20, ""}, {3 << 20, "cluster_size=16k,extended_l2=on"},
                                                     {1 << 20, "cluster_size=512,compat=0.10"}, {2 << 20, "cluster_size=4096,lazy_refcounts=on,refcount_bits=64"}}};
    return fuzz::run(subject, data, size);
}

// SPDX-License-Identifier: MIT
#include "block/formats/qcow2/codec.h"
#include "block/formats/qcow2/image.h"

#include <algorithm>
#include <cerrno>
#include <cstring>

namespace emu::block::qcow2 {

Result<void> Image::read_compressed(u64 descriptor, u64 inside, Bytes to) {
    EMU_CHECK(file_->event("read_compressed"));
    const u64 offset = compressed_offset(descriptor), length = compressed_length(descriptor);
    if (offset >= file_->size()) return fail(EIO, "a compressed cluster lies behind the end of the image file");
    thread_local std::vector<u8> packed, whole;
    packed.resize(length);
    EMU_CHECK(read_padded(*file_, offset, packed));
    if (inside == 0 && to.size() == cluster()) return decompress(h_.compression, packed, to);
    whole.resize(cluster());
    EMU_CHECK(decompress(h_.compression, packed, whole));
    std::memcpy(to.data(), whole.data() + inside, to.size());
    return {};
}

Result<void> Image::read_run(const Run& run, u64 at, Bytes to) {
    switch (run.state) {
    case State::zero: std::memset(to.data(), 0, to.size()); return {};
    case State::unallocated:
        EMU_CHECK(file_->event("read_backing_aio"));
        return read_backing(at, to);
    case State::compressed: return read_compressed(run.host, at & (cluster() - 1), to);
    case State::data: break;
    }
    EMU_CHECK(file_->event("read_aio"));
    EMU_CHECK(read_padded(data(), run.host, to));
    if (h_.crypt == CryptMethod::none) return {};
    if (!cipher_) return fail(EINVAL, "the image is encrypted, and no secret was given");
    cipher_->decrypt(cipher_sector(run.host, at), to);
    return {};
}

Result<void> Image::read_guest(u64 at, Bytes to) {
    while (!to.empty()) {
        const Run run = EMU_TRY(lookup(at, to.size()));
        EMU_CHECK(read_run(run, at, to.first(run.length)));
        at += run.length;
        to = to.subspan(run.length);
    }
    return {};
}

Result<void> Image::do_read(u64 at, Bytes to) {
    std::shared_lock io(io_);
    return read_guest(at, to);
}

} // namespace emu::block::qcow2

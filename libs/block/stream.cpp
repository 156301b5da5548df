// SPDX-License-Identifier: MIT
#include "block/stream.h"

#include <algorithm>
#include <cerrno>

namespace emu::block {

StreamNode::StreamNode(StreamArgs args) : size_(args.size), sink_(std::move(args.sink)) {
    read_only_ = false;
    name_ = std::move(args.name);
}

Result<void> StreamNode::do_read(u64, Bytes) { return fail(ESPIPE, "what went into a pipe cannot be read"); }

Result<void> StreamNode::in_order(u64 at, u64 length) {
    if (at < next_) return fail(ESPIPE, "a pipe is written front to back");
    next_ = at + length;
    return {};
}

Result<void> StreamNode::do_write(u64 at, ConstBytes from, WriteFlags) {
    EMU_CHECK(in_order(at, from.size()));
    return take(at, from);
}

Result<void> StreamNode::do_close() { return failed_ ? Result<void>() : finish(); }

Result<void> StreamNode::put(ConstBytes bytes) {
    if (bytes.empty()) return {};
    auto done = sink_(bytes);
    failed_ = !done;
    return done;
}

Result<void> StreamNode::put_zeroes(u64 length) {
    static const std::vector<u8> zeroes(1u << 20);
    for (u64 step; length; length -= step) {
        step = std::min<u64>(length, zeroes.size());
        EMU_CHECK(put(ConstBytes(zeroes).first(usize(step))));
    }
    return {};
}

} // namespace emu::block

// SPDX-License-Identifier: MIT
#include "nbd/output.h"

#include <algorithm>

namespace emu::nbd {

void Output::add(Reply&& reply) {
    for (Segment& segment : reply) {
        pending_ += segment.size();
        segments_.push_back(std::move(segment));
    }
    reply.clear();
}

void Output::add(std::vector<u8>&& bytes) {
    if (bytes.empty()) return;
    Segment& segment = segments_.emplace_back();
    segment.data = Buffer(bytes.size());
    std::copy(bytes.begin(), bytes.end(), segment.data.data());
    pending_ += bytes.size();
}

void Output::advance(u64 count, Sent& sent) {
    pending_ -= count;
    done_ += count;
    while (!segments_.empty() && done_ >= segments_.front().size()) {
        const Segment& front = segments_.front();
        done_ -= front.size();
        if (front.last) {
            sent.charge += front.charge;
            sent.replies++;
        }
        segments_.pop_front();
    }
}

/// True if anything went out.
Result<bool> Output::send_memory(Stream& stream) {
    std::array<iovec, 64> parts;
    usize count = 0;
    u64 skip = done_;
    bool file_follows = false;
    auto add = [&](const u8* bytes, u64 size) {
        const u64 cut = std::min(skip, size);
        skip -= cut;
        if (size > cut) parts[count++] = {const_cast<u8*>(bytes) + cut, usize(size - cut)};
    };
    for (const Segment& segment : segments_) {
        if (count + 2 > parts.size() || file_follows) break;
        add(segment.head.data(), segment.head_size);
        if (segment.file >= 0)
            file_follows = true;
        else
            add(segment.data.data(), segment.data.size());
    }
    auto sent = EMU_TRY(stream.write({parts.data(), count}, file_follows));
    moved_ = sent.value_or(0);
    return sent.has_value();
}

Result<bool> Output::send_file(Stream& stream) {
    const Segment& front = segments_.front();
    const u64 done = done_ - front.head_size, left = front.file_length - done;
    auto sent = EMU_TRY(stream.send_file(front.file, front.file_at + done, usize(left)));
    if (sent && *sent == 0) { // the last sector of a file that ends within it, or was cut since: zeroes
        static constexpr std::array<u8, 4096> zeroes{};
        const iovec part{const_cast<u8*>(zeroes.data()), usize(std::min<u64>(left, zeroes.size()))};
        sent = EMU_TRY(stream.write({&part, 1}, false));
    }
    moved_ = sent.value_or(0);
    return sent.has_value();
}

Result<Output::Sent> Output::send(Stream& stream) {
    Sent sent;
    while (!segments_.empty()) {
        const Segment& front = segments_.front();
        const bool in_file = front.file >= 0 && done_ >= front.head_size;
        if (!EMU_TRY(in_file ? send_file(stream) : send_memory(stream))) break;
        advance(moved_, sent);
    }
    return sent;
}

} // namespace emu::nbd

// SPDX-License-Identifier: MIT
#include "linux_user/descriptor_sets.h"

#include <algorithm>
#include <cerrno>

namespace emu::linux_user {
namespace {
constexpr int most_descriptors = 1 << 20; // the kernel looks no further than a process has
}

s64 DescriptorSets::load(const Call& call, int count, const u64 (&at)[3]) {
    if (count < 0) return -EINVAL;
    const unsigned word = call.abi.model.word, bits = word * 8;
    words_ = (usize(std::min(count, most_descriptors)) + bits - 1) / bits;
    for (unsigned i = 0; i < 3; i++) {
        at_[i] = at[i];
        if (!at[i]) continue;
        std::vector<u8> guest(words_ * word);
        if (!call.copy_in(guest.data(), at[i], guest.size())) return -EFAULT;
        sets_[i].assign(words_ + 1, 0); // never empty; the host reads whole words of its own
        for (usize w = 0; w < words_; w++) {
            const u64 value = get_field(guest, {u16(w * word), u8(word)}, call.abi.model.order);
            sets_[i][w * bits / 64] |= value << (w * bits % 64);
        }
    }
    return 0;
}

bool DescriptorSets::store(const Call& call) const {
    const unsigned word = call.abi.model.word, bits = word * 8;
    for (unsigned i = 0; i < 3; i++) {
        if (!at_[i]) continue;
        std::vector<u8> guest(words_ * word);
        for (usize w = 0; w < words_; w++)
            put_field(guest, {u16(w * word), u8(word)}, sets_[i][w * bits / 64] >> (w * bits % 64), call.abi.model.order);
        if (!call.copy_out(at_[i], guest.data(), guest.size())) return false;
    }
    return true;
}

} // namespace emu::linux_user

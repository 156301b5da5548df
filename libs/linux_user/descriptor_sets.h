// SPDX-License-Identifier: MIT
// The three sets of select(): arrays of longs, in the guest's width and order, as the host's.
#pragma once
#include "linux_user/syscall.h"

#include <vector>

namespace emu::linux_user {

class DescriptorSets {
public:
    /// Sets of `count` descriptors at the three addresses, of which any may be null. 0 or -errno.
    s64 load(const Call& call, int count, const u64 (&at)[3]);
    /// What the host is to get.
    u64 host(unsigned i) const { return sets_[i].empty() ? 0 : host_pointer(sets_[i].data()); }
    bool store(const Call& call) const;

private:
    usize words_ = 0; ///< of the guest's
    u64 at_[3] = {};
    std::vector<u64> sets_[3];
};

} // namespace emu::linux_user

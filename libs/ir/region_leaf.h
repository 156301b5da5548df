// SPDX-License-Identifier: MIT
// Functions so little that regions have their code in place of calls to them: few instructions that call nothing and come back.
#pragma once
#include "ir/region.h"

#include <map>

namespace emu::ir {

struct Leaf {
    std::vector<u64> blocks;   ///< where they begin, the function itself first; none: the code is no leaf
    unsigned insns = 0;
};

class Leaves {
public:
    explicit Leaves(const RegionRequest& request) : request_(request) {}
    /// The code at `pc`. What of it was never executed (RegionRequest::wanted) does not count.
    const Leaf& at(u64 pc);

private:
    Leaf find(u64 pc) const;
    const RegionRequest& request_;
    std::map<u64, Leaf> known_;
};

} // namespace emu::ir

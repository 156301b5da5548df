// SPDX-License-Identifier: MIT
#include "isa/superblock.h"

#include <algorithm>

namespace emu::isa {

void note_range(ir::Function& function, u64 first, u64 last) {
    if (!function.ranges.empty() && function.ranges.back().second == first) function.ranges.back().second = last;
    else function.ranges.emplace_back(first, last);
    function.end = std::max(function.end, last);
}

void drop_unreached(ir::Function& function) {
    for (usize n = function.nodes.size(); n-- > 1;) {
        const ir::Node& node = function.nodes[n];
        if (node.op == ir::Op::insn) return;
        if (node.op == ir::Op::exit) return function.nodes.resize(n + 1);
    }
}

} // namespace emu::isa

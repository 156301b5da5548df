// SPDX-License-Identifier: MIT
#include "ir/region_leaf.h"

#include <algorithm>

namespace emu::ir {

namespace {

constexpr usize most_blocks = 4;
constexpr unsigned most_insns = 32;

struct Look final : Builder::Watcher {
    std::vector<u64> ways;
    bool returns = false, suits = true;
    void before_exit(Builder&, Exit& exit, bool conditional, Val) override {
        switch (exit.kind) {
        case ExitKind::jump: ways.push_back(exit.pc); break;
        case ExitKind::ret:
            returns = true;
            suits &= !conditional;
            break;
        case ExitKind::trap: case ExitKind::sync: suits &= conditional; break;
        default: suits = false; break;
        }
    }
};

} // namespace

const Leaf& Leaves::at(u64 pc) {
    auto [at, fresh] = known_.try_emplace(pc);
    if (fresh) at->second = find(pc);
    return at->second;
}

Leaf Leaves::find(u64 pc) const {
    Leaf leaf{{pc}, 0};
    // Where a block begins, the one before it ends: again until no more are found.
    for (usize known = 0; known != leaf.blocks.size();) {
        known = leaf.blocks.size();
        leaf.insns = 0;
        std::vector<u64> leaders = leaf.blocks;
        std::sort(leaders.begin(), leaders.end());
        Look look;
        for (usize i = 0; i < leaf.blocks.size(); i++) {
            Function function = request_.function_at(leaf.blocks[i]);
            Builder builder(function, &look);
            request_.translate(builder, leaf.blocks[i], leaders, most_insns + 1);
            leaf.insns += function.insns;
            if (!look.suits || leaf.insns > most_insns) return {};
            for (u64 to : look.ways) {
                if (std::find(leaf.blocks.begin(), leaf.blocks.end(), to) != leaf.blocks.end() || !request_.wanted(to)) continue;
                if (leaf.blocks.size() == most_blocks) return {};
                leaf.blocks.push_back(to);
            }
        }
        if (!look.returns) return {};
    }
    return leaf;
}

} // namespace emu::ir

// SPDX-License-Identifier: MIT
#include "ir/region_flow.h"

#include "common/result.h"

#include <algorithm>

namespace emu::ir {

namespace {

template <class F> void for_each_operand(const Function& f, const Node& n, F visit) {
    if (n.op == Op::call) {
        for (unsigned k = 0; k < f.helpers[n.a]->args; k++) visit(f.extra[n.b + k]);
        return;
    }
    if (n.op == Op::exit && n.b) visit(n.b);
    const u32 fields[3] = {n.a, n.b, n.c};
    for (unsigned k = 0; k < 3; k++)
        if (is_operand(n.op, k)) visit(fields[k]);
}

const Exit& exit_of(const Function& f, const Node& n) { return f.exits[n.op == Op::exit_if ? n.b : n.a]; }

bool stays(const Exit& exit) { return exit.block && exit.kind == ExitKind::jump; }
/// A return that stays if its value is the expected one.
bool may_stay(const Exit& exit) { return exit.block && exit.kind == ExitKind::ret; }

} // namespace

std::vector<u32> successors(const Region& region, u32 index) {
    std::vector<u32> result;
    const Function& f = region.blocks[index]->function;
    for (const Node& n : f.nodes) {
        if (n.op != Op::exit_if && n.op != Op::exit) continue;
        const Exit& exit = exit_of(f, n);
        if (!exit.block) continue;
        result.push_back(exit.block - 1);
        if (const u32 way_out = region.blocks[exit.block - 1]->way_out) result.push_back(way_out - 1);
    }
    return result;
}

// --- order and loops -------------------------------------------------------------------------------------------------------

void order_blocks(Region& region) {
    // Reverse postorder; the way a block ends is visited last and so comes right behind it.
    const usize count = region.blocks.size();
    std::vector<u8> seen(count);
    std::vector<u32> post;
    struct Frame {
        u32 block;
        std::vector<u32> next;
        usize at;
    };
    std::vector<Frame> stack;
    auto visit = [&](u32 block) {
        if (seen[block]) return;
        seen[block] = 1;
        stack.push_back({block, successors(region, block), 0});
    };
    // The region may be entered in the middle of a loop. Its blocks are best seen from where the outermost loop begins, mostly the
    // lowest address; what only the entry leads to comes before them.
    u32 root = 0;
    for (u32 i = 1; i < count; i++) {
        const RegionBlock &block = *region.blocks[i], &best = *region.blocks[root];
        if (block.around || block.outer || block.landing || block.call) continue;
        if (root == 0 || block.function.pc < best.function.pc) root = i;
    }
    auto walk = [&](u32 from) {
        visit(from);
        while (!stack.empty()) {
            Frame& top = stack.back();
            if (top.at < top.next.size()) {
                visit(top.next[top.at++]);
                continue;
            }
            post.push_back(top.block);
            stack.pop_back();
        }
    };
    walk(root);
    if (root && seen[0]) { // a call in the loop returns to the entry, which still has to be the first
        std::fill(seen.begin(), seen.end(), 0);
        post.clear();
    }
    walk(0);
    std::reverse(post.begin(), post.end());
    std::vector<u32> place(count);
    std::vector<std::unique_ptr<RegionBlock>> ordered;
    for (u32 old : post) {
        place[old] = u32(ordered.size());
        ordered.push_back(std::move(region.blocks[old]));
    }
    region.blocks = std::move(ordered);
    auto move = [&](u32& block) {
        if (block) block = place[block - 1] + 1;
    };
    move(region.callee);
    for (auto& block : region.blocks) {
        move(block->way_out);
        for (Exit& exit : block->function.exits) move(exit.block);
    }
    for (u32 i = 0; i < region.blocks.size(); i++)
        if (region.blocks[i]->landing) region.landing = i + 1;
}

void find_loops(Region& region) {
    const u32 count = u32(region.blocks.size());
    std::vector<std::vector<u32>> to(count), from(count);
    for (u32 i = 0; i < count; i++) {
        to[i] = successors(region, i);
        for (u32 t : to[i]) from[t].push_back(i);
    }
    // In this order a jump to a block not behind the jumping one closes a loop.
    std::vector<std::vector<bool>> bodies;
    for (u32 head = 0; head < count; head++) {
        std::vector<bool> body(count);
        std::vector<u32> work;
        for (u32 source : from[head])
            if (source >= head) work.push_back(source);
        if (work.empty()) continue;
        body[head] = true;
        while (!work.empty()) {
            const u32 block = work.back();
            work.pop_back();
            if (body[block] || block < head) continue; // ways into the middle are none of the loop
            body[block] = true;
            for (u32 source : from[block]) work.push_back(source);
        }
        bodies.push_back(std::move(body));
    }
    // Larger ones first: parents before children.
    auto size = [](const std::vector<bool>& body) { return std::count(body.begin(), body.end(), true); };
    std::stable_sort(bodies.begin(), bodies.end(), [&](const auto& a, const auto& b) { return size(a) > size(b); });
    region.loops.assign(1, {});
    for (const auto& body : bodies) {
        RegionLoop loop;
        const u32 any = u32(std::find(body.begin(), body.end(), true) - body.begin());
        loop.parent = region.blocks[any]->loop;
        loop.depth = region.loops[loop.parent].depth + 1;
        for (u32 i = 0; i < count; i++)
            if (body[i] && region.blocks[i]->loop == loop.parent) region.blocks[i]->loop = u32(region.loops.size());
        region.loops.push_back(std::move(loop));
    }
}

// --- liveness --------------------------------------------------------------------------------------------------------------

namespace {

class Liveness {
public:
    explicit Liveness(Region& region) : region_(region) {}

    void run() {
        for (auto& block : region_.blocks) block->live.assign(region_.slots.size(), false);
        for (bool changed = true; changed;) {
            changed = false;
            for (u32 i = u32(region_.blocks.size()); i-- > 0;) changed |= walk(i, false);
        }
        for (u32 i = 0; i < region_.blocks.size(); i++) walk(i, true);
        // A return does not know which landing it comes to.
        live_.assign(region_.slots.size(), false);
        add_landings();
        for (auto& block : region_.blocks)
            if (block->landing) block->live = live_;
    }

private:
    void add(const std::vector<bool>& live) {
        for (usize s = 0; s < live_.size(); s++)
            if (live[s]) live_[s] = true;
    }
    /// What is live at any of the landings.
    void add_landings() {
        for (const auto& block : region_.blocks)
            if (block->landing) add(block->live);
    }

    void all_isa_slots() { std::fill_n(live_.begin(), region_.isa_slots, true); }

    void leave(u32 index, u64 pc, const Exit& exit) {
        if (!stays(exit) || Region::polls(index, pc, exit)) all_isa_slots();
        if (stays(exit) || may_stay(exit)) return add(region_.blocks[exit.block - 1]->live);
        if (!exit.inner) return;
        if (exit.kind == ExitKind::call) return add(region_.blocks[region_.callee - 1]->live);
        add_landings();
    }

    /// One block backwards; true if more is live at its start than was known.
    bool walk(u32 index, bool prune) {
        RegionBlock& block = *region_.blocks[index];
        Function& f = block.function;
        live_.assign(region_.slots.size(), false);
        used_.assign(f.nodes.size(), false);
        u64 pc = f.pc;
        std::vector<u64> pcs(f.nodes.size());
        for (Id id = 1; id < f.nodes.size(); id++) {
            if (f.nodes[id].op == Op::insn) pc = f.nodes[id].imm();
            pcs[id] = pc;
        }
        for (Id id = Id(f.nodes.size()) - 1; id > 0; id--) {
            Node& n = f.nodes[id];
            if (n.op == Op::set) {
                if (live_[n.a]) {
                    live_[n.a] = false;
                    used_[n.b] = true;
                } else if (prune) {
                    n = {Op::imm, Type::i32, 0, 0, 0, 0};
                }
                continue;
            }
            if (n.op == Op::get) {
                if (used_[id]) live_[n.a] = true;
                continue;
            }
            if (n.op == Op::call && f.helpers[n.a]->writes_state) std::fill_n(live_.begin(), region_.isa_slots, false);
            if (effect_of(n.op) == Effect::exit) leave(index, pcs[id], exit_of(f, n));
            else if (may_leave(f, n)) all_isa_slots();
            const bool needed = effect_of(n.op) != Effect::pure || used_[id] || raises_flags(n);
            if (needed) for_each_operand(f, n, [&](Id operand) { used_[operand] = true; });
        }
        bool changed = false;
        if (block.outer) std::fill_n(live_.begin(), region_.isa_slots, true);
        for (usize s = 0; s < live_.size(); s++)
            if (live_[s] && !block.live[s]) block.live[s] = changed = true;
        return changed;
    }

    Region& region_;
    std::vector<bool> live_, used_;
};

} // namespace

void find_live_slots(Region& region) { Liveness(region).run(); }

// --- weights -----------------------------------------------------------------------------------------------------------------

void weigh_slots(Region& region) {
    constexpr u32 step = 8, most = 8 * 8 * 8 * 8;
    for (RegionLoop& loop : region.loops) {
        loop.weight.assign(region.slots.size(), 0);
        loop.changed.assign(region.slots.size(), false);
    }
    std::vector<u32> own(region.slots.size());
    std::vector<bool> is_upper(region.slots.size());
    for (const Slot& slot : region.slots)
        if (slot.upper) is_upper[slot.upper] = true;
    for (const auto& block : region.blocks) {
        const Function& f = block->function;
        std::fill(own.begin(), own.end(), 0);
        auto slot_behind = [&](Id id) {
            while (f.nodes[id].op == Op::zext || f.nodes[id].op == Op::trunc || f.nodes[id].op == Op::vget) id = f.nodes[id].a;
            return f.nodes[id].op == Op::get ? int(f.nodes[id].a) : -1;
        };
        for (const Node& n : f.nodes) {
            // A high half that is cleared, as most instructions on 128 bits do, does not want a register.
            if (n.op == Op::set && !(is_upper[n.a] && f.nodes[n.b].op == Op::vimm)) own[n.a]++;
            if (n.op == Op::zext || n.op == Op::trunc || n.op == Op::vget) continue;
            for_each_operand(f, n, [&](Id operand) {
                if (const int slot = slot_behind(operand); slot >= 0) own[unsigned(slot)]++;
            });
        }
        u32 factor = 1;
        for (u32 l = block->loop;; l = region.loops[l].parent) {
            RegionLoop& loop = region.loops[l];
            for (usize s = 0; s < own.size(); s++) loop.weight[s] += own[s] * factor;
            for (const Node& n : f.nodes) {
                if (n.op == Op::set) loop.changed[n.a] = true;
                if (n.op == Op::call && f.helpers[n.a]->writes_state) std::fill_n(loop.changed.begin(), region.isa_slots, true);
            }
            if (l == 0) break;
            if (factor < most) factor *= step;
        }
    }
    // What is left for calls may change anything before it is returned from: outer blocks take the slots from the canonical state.
    for (const auto& block : region.blocks) {
        if (!block->outer) continue;
        for (u32 l = block->loop;; l = region.loops[l].parent) {
            std::fill_n(region.loops[l].changed.begin(), region.isa_slots, true);
            if (l == 0) break;
        }
    }
}

// --- text and verification -------------------------------------------------------------------------------------------------

std::string print(const Region& region) {
    std::string text;
    for (usize i = 0; i < region.blocks.size(); i++) {
        const RegionBlock& block = *region.blocks[i];
        text += "block " + std::to_string(i) + (block.outer ? " outer" : "") + (block.call ? " inlined " + std::to_string(block.call) : "") + " loop " + std::to_string(block.loop) + " depth " +
                std::to_string(region.loops[block.loop].depth) + "\n" + print(block.function);
    }
    return text;
}

namespace {

/// What is wrong with an exit of a block; empty: nothing.
std::string_view check_exit(const Region& region, const RegionBlock& from, const Exit& exit) {
    const bool call = exit.kind == ExitKind::call || exit.kind == ExitKind::call_indirect;
    if (!exit.block) return exit.inlined && (!from.call || exit.kind != ExitKind::call) ? "exit from an inlined call that is not there" : "";
    if (exit.block > region.blocks.size()) return "no such block";
    if (!call && exit.kind != ExitKind::jump && !(exit.inlined && exit.kind == ExitKind::ret)) return "exit that cannot go to a block";
    const RegionBlock& to = *region.blocks[exit.block - 1];
    if ((call && !exit.inner) != to.outer || (call && exit.inner) != to.landing || (call ? exit.ret : exit.pc) != to.function.pc) return "exit to a block that does not expect it";
    if (exit.inlined ? !from.call == !to.call : from.call != to.call) return "exit to the code of another call";
    return "";
}

} // namespace

std::string verify(const Region& region) {
    if (region.blocks.empty() || !region.blocks[0]->outer) return "a region is entered by an outer block";
    for (usize i = 0; i < region.blocks.size(); i++) {
        const RegionBlock& block = *region.blocks[i];
        const Function& f = block.function;
        if (std::string wrong = verify(f); !wrong.empty()) return "block " + std::to_string(i) + ": " + wrong;
        if (f.mode != region.mode || f.slots.data() != region.slots.data()) return "block of another region";
        if (block.call && (block.outer || block.landing)) return "inlined code that others come to";
        for (const Exit& exit : f.exits)
            if (const std::string_view wrong = check_exit(region, block, exit); !wrong.empty()) return std::string(wrong);
    }
    return {};
}

} // namespace emu::ir

// SPDX-License-Identifier: MIT
#include "ir/region.h"

#include <doctest/doctest.h>

#include <algorithm>

using namespace emu;
using namespace emu::ir;

TEST_CASE("region: a block that is simpler with what is known goes no further than without") {
    // 0: r0 = 1    4: fault if r0 = 0; r0 = r0 + 1    8: to 4 if r1, else on. A block ends behind what may leave it.
    const std::vector<Slot> slots = {{"r0", Type::i64, 1024, 0}, {"r1", Type::i64, 1032, 0}};
    RegionRequest request;
    request.slots = slots;
    request.whole = true;
    request.wanted = [](u64 pc) { return pc <= 8; };
    request.translate = [](Builder& ir, u64 pc, std::span<const u64>, unsigned most) {
        for (; ir.open(); pc += 4) {
            Function& f = ir.function();
            if (f.insns == most || !f.exits.empty()) {
                ir.jump(pc);
                break;
            }
            ir.insn(pc, 0);
            if (pc == 0) {
                ir.set(0, ir.imm64(1));
            } else if (pc == 4) {
                ir.exit_if(ir.eq(ir.get(0), ir.imm64(0)), {ExitKind::trap, 1, pc, 0});
                ir.set(0, ir.add(ir.get(0), ir.imm64(1)));
            } else {
                ir.exit_if(ir.ne(ir.get(1), ir.imm64(0)), {ExitKind::jump, 0, 4, 0});
                ir.jump(pc + 4);
            }
        }
    };
    const auto region = build_region(request);
    REQUIRE(region);
    unsigned seen = 0;
    for (const auto& block : region->blocks)
        if (block->function.pc == 4) {
            CHECK(block->function.insns == 1);
            seen++;
        }
    CHECK(seen == 2); // where r0 is known, and where it is not
}

TEST_CASE("region: flags of a number that is only in a vector register from one block to the next") {
    // 0: v0 = x = low half of r0; flags of x - 3; r0 = r0 * r0; to 0 if r1
    const std::vector<Slot> slots = {{"r0", Type::i64, 1024, 0}, {"r1", Type::i64, 1032, 0}, {"nzcv", Type::i32, 1040, 0}, {"v0", Type::v128, 1056, 0}};
    RegionRequest request;
    request.slots = slots;
    request.wanted = [](u64 pc) { return pc == 0; };
    request.translate = [](Builder& ir, u64 pc, std::span<const u64>, unsigned) {
        ir.insn(pc, 0);
        const Val r0 = ir.get(0), x = ir.trunc(r0);
        ir.set(3, ir.vzext(x));
        ir.set(2, ir.flags_sub(x, ir.imm32(3)));
        ir.set(0, ir.mul(r0, r0));
        ir.exit_if(ir.ne(ir.get(1), ir.imm64(0)), {ExitKind::jump, 0, 0, 0});
        ir.jump(4);
    };
    const auto region = build_region(request);
    REQUIRE(region);
    CHECK(verify(*region) == "");
}

TEST_CASE("region: flags that are a constant in the first round") {
    // 0: r0 = 0    4: flags of r0 - 5; r0 = r0 + 1; to 12 if r1    8: r1 = r0    12: to 4 if the flags say equal; to 4 if r1
    const std::vector<Slot> slots = {{"r0", Type::i64, 1024, 0}, {"r1", Type::i64, 1032, 0}, {"nzcv", Type::i32, 1040, 0}};
    RegionRequest request;
    request.slots = slots;
    request.whole = true;
    request.wanted = [](u64 pc) { return pc <= 12; };
    request.translate = [](Builder& ir, u64 pc, std::span<const u64> leaders, unsigned) {
        for (const u64 first = pc; ir.open(); pc += 4) {
            if (pc != first && std::find(leaders.begin(), leaders.end(), pc) != leaders.end()) return ir.jump(pc);
            ir.insn(pc, 0);
            const auto if_r1 = [&](u64 to) { ir.exit_if(ir.ne(ir.get(1), ir.imm64(0)), {ExitKind::jump, 0, to, 0}); };
            switch (pc) {
            case 0: ir.set(0, ir.imm64(0)); break;
            case 4: {
                const Val r0 = ir.get(0);
                ir.set(2, ir.flags_sub(r0, ir.imm64(5)));
                ir.set(0, ir.add(r0, ir.imm64(1)));
                if_r1(12);
                break;
            }
            case 8: ir.set(1, ir.get(0)); break;
            case 12:
                ir.exit_if(ir.test(Cond::eq, ir.get(2)), {ExitKind::jump, 0, 4, 0});
                if_r1(4);
                break;
            default: ir.trap(0, pc); break;
            }
        }
    };
    const auto region = build_region(request);
    REQUIRE(region);
    CHECK(verify(*region) == "");
}

namespace {

/// 0: to 12 if r0 is 0    4: r0 = r0 - 1; call 0    8: r1 = r1 + r0    12: flags of r0 - r1; return to r2. `other` is called at 8.
RegionRequest recursive(std::span<const Slot> slots, u64 other) {
    RegionRequest request;
    request.slots = slots;
    request.wanted = [](u64 pc) { return pc <= 12; };
    request.translate = [other](Builder& ir, u64 pc, std::span<const u64> leaders, unsigned) {
        for (const u64 first = pc; ir.open(); pc += 4) {
            if (pc != first && std::find(leaders.begin(), leaders.end(), pc) != leaders.end()) return ir.jump(pc);
            ir.insn(pc, 0);
            switch (pc) {
            case 0: ir.exit_if(ir.eq(ir.get(0), ir.imm64(0)), {ExitKind::jump, 0, 12, 0}); break;
            case 4:
                ir.set(0, ir.sub(ir.get(0), ir.imm64(1)));
                ir.set(2, ir.imm64(8));
                ir.exit({ExitKind::call, 0, 0, 8});
                break;
            case 8:
                ir.set(1, ir.add(ir.get(1), ir.get(0)));
                if (other) ir.exit({ExitKind::call, 0, other, 12});
                break;
            default:
                ir.set(3, ir.flags_sub(ir.get(0), ir.get(1)));
                ir.exit({ExitKind::ret, 0, 0, 0}, ir.get(2));
            }
        }
    };
    return request;
}

} // namespace

TEST_CASE("region: a function that calls itself") {
    const std::vector<Slot> slots = {{"r0", Type::i64, 1024, 0}, {"r1", Type::i64, 1032, 0}, {"r2", Type::i64, 1048, 0}, {"nzcv", Type::i32, 1040, 0}};
    const auto region = build_region(recursive(slots, 0));
    REQUIRE(region);
    CHECK(verify(*region) == "");
    REQUIRE(region->callee);
    REQUIRE(region->landing);
    CHECK(region->blocks[0]->outer);
    CHECK(region->blocks[0]->function.insns == 0);
    CHECK(region->blocks[region->callee - 1]->function.pc == 0);
    unsigned calls = 0, returns = 0;
    for (const auto& block : region->blocks)
        for (const Exit& exit : block->function.exits) {
            if (exit.kind == ExitKind::call) {
                CHECK(exit.inner);
                const RegionBlock& landing = *region->blocks[exit.block - 1];
                CHECK(landing.landing);
                REQUIRE(landing.way_out);
                const RegionBlock& out = *region->blocks[landing.way_out - 1];
                CHECK(out.function.pc == 8);
                CHECK(out.function.exits[0] == Exit{ExitKind::jump, 0, 8, 0});
                CHECK(out.live == landing.live);
                CHECK_FALSE(landing.live[3]); // all returns say what the flags are of
                calls++;
            }
            if (exit.kind != ExitKind::ret) continue;
            CHECK(exit.inner);
            returns++;
        }
    CHECK(calls == 1);
    CHECK(returns >= 1);
}

TEST_CASE("region: a function that calls others too is left alone") {
    const std::vector<Slot> slots = {{"r0", Type::i64, 1024, 0}, {"r1", Type::i64, 1032, 0}, {"r2", Type::i64, 1048, 0}, {"nzcv", Type::i32, 1040, 0}};
    CHECK_FALSE(build_region(recursive(slots, 4096)));
}

namespace {

/// A loop with two calls to a leaf, whose address it has from r2, or from memory at r4:
///     100: r0 = r0 + 1; call 40    104: call 40    108: to 100 if r0 is not r3    112: trap
///     40: to 200 if r1 is 0    44: r1 = r1 + r0; to 52 if r3 is 0    48: r0 = r0 * 3    52: return
struct LeafCode {
    std::vector<Slot> slots = {{"r0", Type::i64, 1024, 0}, {"r1", Type::i64, 1032, 0}, {"r2", Type::i64, 1040, 0},
                               {"r3", Type::i64, 1048, 0}, {"r4", Type::i64, 1056, 0}};
    RegionRequest request;
    bool by_memory = false, calls = false;   ///< the return address, the "leaf" at 48

    LeafCode() {
        request.pc = 100;
        request.slots = slots;
        request.wanted = [](u64 pc) { return pc <= 112 && pc != 44 && pc != 48; };
        request.translate = [this](Builder& ir, u64 pc, std::span<const u64> leaders, unsigned most) {
            for (const u64 first = pc; ir.open(); pc += 4) {
                const bool leader = pc != first && std::find(leaders.begin(), leaders.end(), pc) != leaders.end();
                if (leader || ir.function().insns == most) return ir.jump(pc);
                ir.insn(pc, 0);
                ir.function().ranges.push_back({pc, pc + 4});
                one(ir, pc);
            }
        };
    }
    void call(Builder& ir, u64 to, u64 back) const {
        if (by_memory) ir.store(ir.get(4), ir.imm64(back), {});
        else ir.set(2, ir.imm64(back));
        ir.exit({ExitKind::call, 0, to, back});
    }
    void one(Builder& ir, u64 pc) const {
        const Val zero = ir.imm64(0);
        switch (pc) {
        case 40: ir.exit_if(ir.eq(ir.get(1), zero), {ExitKind::jump, 0, 200, 0}); break;
        case 44:
            ir.set(1, ir.add(ir.get(1), ir.get(0)));
            ir.exit_if(ir.eq(ir.get(3), zero), {ExitKind::jump, 0, 52, 0});
            break;
        case 48:
            if (calls) call(ir, 300, 52);
            else ir.set(0, ir.mul(ir.get(0), ir.imm64(3)));
            break;
        case 52: ir.exit({ExitKind::ret, 0, 0, 0}, by_memory ? ir.load(Type::i64, ir.get(4), {}) : ir.get(2)); break;
        case 100:
            ir.set(0, ir.add(ir.get(0), ir.imm64(1)));
            call(ir, 40, 104);
            break;
        case 104: call(ir, 40, 108); break;
        case 108: ir.exit_if(ir.ne(ir.get(0), ir.get(3)), {ExitKind::jump, 0, 100, 0}); break;
        default: ir.trap(0, pc); break;
        }
    }
};

/// All exits of a kind, with the blocks that they are in.
std::vector<std::pair<const RegionBlock*, Exit>> exits_of(const Region& region, ExitKind kind) {
    std::vector<std::pair<const RegionBlock*, Exit>> found;
    for (const auto& block : region.blocks)
        for (const Exit& exit : block->function.exits)
            if (exit.kind == kind) found.push_back({block.get(), exit});
    return found;
}

bool has_block(const Region& region, u32 call, u64 pc) {
    return std::any_of(region.blocks.begin(), region.blocks.end(), [&](const auto& b) { return b->call == call && b->function.pc == pc; });
}

} // namespace

TEST_CASE("region: calls to a leaf are inlined, each with a copy of its code") {
    LeafCode code;
    const auto region = build_region(code.request);
    REQUIRE(region);
    CHECK(verify(*region) == "");
    for (u32 call : {1u, 2u})
        for (u64 pc : {40, 52}) CHECK(has_block(*region, call, pc));
    CHECK_FALSE(has_block(*region, 0, 40));
    CHECK_FALSE(has_block(*region, 3, 40));
    CHECK(exits_of(*region, ExitKind::ret).empty()); // the address is known
    unsigned in = 0, out = 0;
    for (usize i = 0; i < region->blocks.size(); i++)
        for (const Exit& exit : region->blocks[i]->function.exits) {
            if (exit.kind != ExitKind::jump || !exit.inlined) continue;
            const RegionBlock& to = *region->blocks[exit.block - 1];
            (to.call ? in : out)++;
            if (to.call) CHECK(exit.ret == (to.call == 1 ? 104 : 108));
            else CHECK(to.function.pc == (region->blocks[i]->call == 1 ? 104 : 108));
            CHECK_FALSE(Region::polls(u32(i), 1000, exit));
        }
    CHECK(in >= 2);
    CHECK(out >= 2);
    for (u64 pc = 40; pc < 56; pc += 4) // overwritten, it takes the region along
        CHECK(std::find(region->ranges.begin(), region->ranges.end(), std::pair<u64, u64>(pc, pc + 4)) != region->ranges.end());
}

TEST_CASE("region: the cold side of an inlined leaf is a call, which nothing of the region comes back from") {
    LeafCode code;
    const auto region = build_region(code.request);
    REQUIRE(region);
    const auto calls = exits_of(*region, ExitKind::call);
    CHECK(calls.size() >= 2);
    for (const auto& [block, exit] : calls) {
        CHECK(exit == Exit{.kind = ExitKind::call, .pc = 200, .ret = u64(block->call == 1 ? 104 : 108), .inlined = true});
        CHECK(block->call);
    }
    for (usize i = 1; i < region->blocks.size(); i++) CHECK_FALSE(region->blocks[i]->outer);
}

TEST_CASE("region: a return address from memory is compared with the call's") {
    LeafCode code;
    code.by_memory = true;
    const auto region = build_region(code.request);
    REQUIRE(region);
    CHECK(verify(*region) == "");
    const auto returns = exits_of(*region, ExitKind::ret);
    REQUIRE(returns.size() >= 2);
    for (const auto& [block, exit] : returns) {
        CHECK(exit.inlined);
        CHECK(exit.pc == (block->call == 1 ? 104 : 108));
        REQUIRE(exit.block);
        CHECK(region->blocks[exit.block - 1]->function.pc == exit.pc);
    }
    CHECK(print(*region).find("ret pc=0x68") != std::string::npos);
}

TEST_CASE("region: calls that do not fit, or lead to more calls, are left") {
    LeafCode full;
    full.request.max_blocks = 5; // one of the two fits
    const auto half = build_region(full.request);
    REQUIRE(half);
    CHECK(verify(*half) == "");
    CHECK(has_block(*half, 1, 40));
    CHECK_FALSE(has_block(*half, 2, 40));
    const auto calls = exits_of(*half, ExitKind::call);
    CHECK(std::any_of(calls.begin(), calls.end(), [](const auto& c) { return c.second.pc == 40 && c.second.ret == 108 && !c.second.inlined; }));

    LeafCode deep;
    deep.calls = true;
    const auto region = build_region(deep.request);
    REQUIRE(region);
    CHECK_FALSE(has_block(*region, 1, 40));
}

TEST_CASE("region: a function that calls itself and a leaf") {
    const std::vector<Slot> slots = {{"r0", Type::i64, 1024, 0}, {"r1", Type::i64, 1032, 0}, {"r2", Type::i64, 1048, 0}, {"nzcv", Type::i32, 1040, 0}};
    RegionRequest request = recursive(slots, 4096);
    request.wanted = [](u64 pc) { return pc <= 12 || pc == 4096; };
    request.translate = [inner = request.translate](Builder& ir, u64 pc, std::span<const u64> leaders, unsigned most) {
        if (pc != 4096) return inner(ir, pc, leaders, most);
        ir.insn(pc, 0);
        ir.set(0, ir.add(ir.get(0), ir.imm64(2)));
        ir.exit({ExitKind::ret, 0, 0, 0}, ir.get(1));
    };
    const auto region = build_region(request);
    REQUIRE(region);
    CHECK(verify(*region) == "");
    CHECK(region->callee);
    CHECK(has_block(*region, 1, 4096));
    for (const auto& [block, exit] : exits_of(*region, ExitKind::ret)) {
        CHECK(exit.inner == !block->call);
        CHECK(exit.inlined == !!block->call);
    }
}

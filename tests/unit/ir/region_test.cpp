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

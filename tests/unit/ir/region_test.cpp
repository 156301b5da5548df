// SPDX-License-Identifier: MIT
#include "ir/region.h"

#include <doctest/doctest.h>

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

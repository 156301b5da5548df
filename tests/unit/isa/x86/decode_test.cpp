// SPDX-License-Identifier: MIT
#include "isa/x86/insn.h"

#include <algorithm>
#include <doctest/doctest.h>
#include <string>
#include <vector>

using namespace emu;
using namespace emu::isa::x86;

namespace {

constexpr u64 all_features = ~u64(0);

/// The plainest encoding of a row: registers 0 and 1, or memory at [rax] where only memory is allowed.
std::vector<u8> encode(const Row& row, const DecodedOperands& operands) {
    std::vector<u8> out;
    const bool vex = row.map == Map::vex0f || row.map == Map::vex38 || row.map == Map::vex3a;
    if (vex) {
        const u8 map = row.map == Map::vex0f ? 1 : row.map == Map::vex38 ? 2 : 3;
        const u8 pp = row.prefix == Prefix::p66 ? 1 : row.prefix == Prefix::f3 ? 2 : row.prefix == Prefix::f2 ? 3 : 0;
        out = {0xc4, u8(0xe0 | map), u8((row.flags & w1 ? 0x80 : 0) | 0x78 | (row.flags & vex_l1 ? 4 : 0) | pp)};
    } else {
        if (row.prefix == Prefix::p66) out.push_back(0x66);
        if (row.prefix == Prefix::f3) out.push_back(0xf3);
        if (row.prefix == Prefix::f2) out.push_back(0xf2);
        if (row.flags & w1) out.push_back(0x48);
        if (row.map != Map::one) out.push_back(0x0f);
        if (row.map == Map::three38) out.push_back(0x38);
        if (row.map == Map::three3a) out.push_back(0x3a);
    }
    out.push_back(row.opcode);
    const bool modrm = row.reg != -1 || row.mod != ' ' ||
                       std::any_of(operands.at.begin(), operands.at.end(), [](auto& o) { return has_modrm_operand(o.kind); });
    if (row.reg >= 0xc0) out.push_back(u8(row.reg));
    else if (modrm) out.push_back(u8((row.mod == 'm' ? 0 : 0xc0) | (row.reg >= 0 ? row.reg << 3 : 8)));
    out.resize(std::max<usize>(out.size(), 15));
    return out;
}

Insn decoded(std::vector<u8> bytes, bool mode64 = true) {
    Insn insn;
    CHECK(decode(bytes, mode64, all_features, insn) == Decoded::ok);
    return insn;
}

} // namespace

TEST_CASE("every row is reached by its own encoding") {
    unsigned rows = 0;
    for (auto table : decode_tables())
        for (const Row& row : table) {
            const DecodedOperands operands = parse_operands(row.operands);
            const bool mode64 = !(row.flags & no64);
            Insn insn;
            CAPTURE(std::string(row.name));
            CAPTURE(row.opcode);
            REQUIRE(decode(encode(row, operands), mode64, all_features, insn) == Decoded::ok);
            CHECK((insn.row->semantic == row.semantic));
            CHECK(insn.row->name == row.name);
            rows++;
        }
    CHECK(rows > 900);
}

TEST_CASE("lengths, prefixes and addresses") {
    CHECK(decoded({0x90}).length == 1);
    Insn mov = decoded({0x48, 0x8b, 0x84, 0x8b, 0x78, 0x56, 0x34, 0x12}); // mov rax, [rbx + rcx * 4 + 0x12345678]
    CHECK(mov.length == 8);
    CHECK(mov.base == 3);
    CHECK(mov.index == 1);
    CHECK(mov.scale == 2);
    CHECK(mov.disp == 0x12345678);
    CHECK(mov.op_bits == 64);
    Insn relative = decoded({0x8b, 0x05, 0xfc, 0xff, 0xff, 0xff}); // mov eax, [rip - 4]
    CHECK(relative.base == Insn::rip);
    CHECK(relative.disp == -4);
    CHECK(decoded({0x8b, 0x05, 0xfc, 0xff, 0xff, 0xff}, false).base == Insn::no_register);
    CHECK(decoded({0x66, 0xb8, 0x34, 0x12}).length == 4);
    CHECK(decoded({0x48, 0xb8, 1, 2, 3, 4, 5, 6, 7, 8}).imm == 0x0807060504030201);
    CHECK(decoded({0x67, 0x8b, 0x00}, false).addr_bits == 16);
}

TEST_CASE("what does not exist is refused, what is cut off is asked for") {
    Insn insn;
    auto outcome = [&](std::vector<u8> bytes, bool mode64 = true) { return decode(bytes, mode64, all_features, insn); };
    CHECK(outcome({}) == Decoded::truncated);
    CHECK(outcome({0x0f}) == Decoded::truncated);
    CHECK(outcome({0x8b, 0x84}) == Decoded::truncated);
    CHECK(outcome({0x06}) == Decoded::undefined);                          // push es in 64-bit code
    CHECK(outcome({0xf0, 0x89, 0xc8}) == Decoded::undefined);              // LOCK on a register
    CHECK(outcome(std::vector<u8>(16, 0x66)) == Decoded::undefined);       // longer than 15 bytes
    CHECK(outcome({0xc5, 0xf0, 0x28, 0xc0}) == Decoded::undefined);        // VEX.vvvv names nothing in vmovaps
    CHECK(decode(std::vector<u8>{0x0f, 0x58, 0xc1}, true, 0, insn) == Decoded::undefined); // addps without SSE
}

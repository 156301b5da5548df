// SPDX-License-Identifier: MIT
#include "isa/debug.h"

#include "isa/a64/a64.h"
#include "isa/a64/debug.h"
#include "isa/x86/debug.h"
#include "isa/x86/x86.h"

#include <doctest/doctest.h>
#include <memory>

using namespace emu;
using namespace emu::isa;

TEST_CASE("debug: A64 registers by number and name, as gdb numbers them") {
    const RegisterFile file(a64::debug_view, Endian::little);
    auto state = std::make_unique<a64::State>();
    CHECK(file.count() == 31 + 3 + 32 + 2 + 1);
    CHECK(file.name(30) == "x30");
    CHECK(file.name(32) == "pc");
    state->x[30] = 0x1234;
    std::array<u8, 16> value{};
    file.read(*state, 30, value);
    CHECK(le64(value) == 0x1234);
    put_le32(value, 0, 0xa0000000); // N and C
    file.write(*state, *file.find("cpsr"), value);
    CHECK(a64::nzcv_from_token(state->nzcv) == 0xa0000000);
    CHECK(!file.find("rax"));
}

TEST_CASE("debug: big-endian guests show their registers so") {
    const RegisterFile file(a64::debug_view, Endian::big);
    auto state = std::make_unique<a64::State>();
    state->x[0] = 1;
    std::array<u8, 8> value{};
    file.read(*state, 0, value);
    CHECK(be64(value) == 1);
    put_be64(value, 0, 7);
    file.write(*state, 0, value);
    CHECK(state->x[0] == 7);
}

TEST_CASE("debug: x86 flags, x87 stack and 32-bit halves") {
    const RegisterFile wide(x86::debug_view_64, Endian::little), narrow(x86::debug_view_32, Endian::little);
    auto state = std::make_unique<x86::State>();
    state->gpr[x86::rbx] = 0x1122334455667788;
    std::array<u8, 16> value{};
    wide.read(*state, *wide.find("rbx"), value);
    CHECK(le64(value) == 0x1122334455667788);
    narrow.read(*state, *narrow.find("ebx"), value);
    CHECK(le32(value) == 0x55667788);
    put_le32(value, 0, 0x246); // PF, ZF and what is always there
    wide.write(*state, *wide.find("eflags"), value);
    CHECK((state->flags & ir::eflag_zf) != 0);
    CHECK(x86::read_eflags(*state) == 0x246);
    state->x87.st(1) = {0x8000000000000000, 0x3fff};
    wide.read(*state, *wide.find("st1"), value);
    CHECK(le64(value) == 0x8000000000000000);
    CHECK(le16(value, 8) == 0x3fff);
    CHECK(wide.find("ymm15h"));
    CHECK(!narrow.find("ymm8h"));
}

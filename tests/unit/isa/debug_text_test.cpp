// SPDX-License-Identifier: MIT
#include "isa/debug_text.h"

#include "isa/a64/a64.h"
#include "isa/a64/debug.h"
#include "isa/x86/debug.h"
#include "isa/x86/x86.h"

#include <doctest/doctest.h>
#include <memory>

using namespace emu;
using namespace emu::isa;

TEST_CASE("debug_text: general registers, four of 64 bits a line") {
    const RegisterFile file(x86::debug_view_64, Endian::little);
    auto state = std::make_unique<x86::State>();
    state->gpr[x86::rbx] = 0x1122334455667788;
    const std::string text = registers_text(file, *state, false);
    CHECK(text.starts_with("RAX=0000000000000000 RBX=1122334455667788 RCX=0000000000000000 RDX=0000000000000000\nRSI="));
    CHECK(text.find("\nR8 =0000000000000000 ") != text.npos);
    CHECK(text.find("EFLAGS=00000002") != text.npos);
    CHECK(text.find("XMM0") == text.npos);
    CHECK(text.find("ORIG_RAX") == text.npos);
    CHECK(text.ends_with('\n'));
}

TEST_CASE("debug_text: vectors and the x87 on request") {
    const RegisterFile wide(x86::debug_view_64, Endian::little), a64_file(a64::debug_view, Endian::little);
    auto state = std::make_unique<x86::State>();
    state->ymm[1].half[0] = {0x0123456789abcdef, 0xfedcba9876543210};
    state->x87.st(0) = {0x8000000000000000, 0x3fff};
    const std::string text = registers_text(wide, *state, true);
    CHECK(text.find("XMM1=fedcba98765432100123456789abcdef") != text.npos);
    CHECK(text.find("ST0=3fff8000000000000000") != text.npos);
    auto arm = std::make_unique<a64::State>();
    arm->v[31] = {1, 2};
    CHECK(registers_text(a64_file, *arm, true).find("V31=00000000000000020000000000000001") != text.npos);
}

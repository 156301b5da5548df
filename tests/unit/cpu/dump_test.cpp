// SPDX-License-Identifier: MIT
#include "cpu/dump.h"

#include <doctest/doctest.h>

using namespace emu;

TEST_CASE("dump: host and guest code are disassembled, what is no instruction is shown as bytes") {
    const u8 host[] = {0x48, 0x01, 0xd8, 0xc3};
    CHECK(cpu::disassemble_host(host, 0x1000) == "0x000000001000: 4801d8               add     rax, rbx\n"
                                                 "0x000000001003: c3                   ret\n");
    const u8 guest[] = {0x20, 0x00, 0x02, 0x8b, 0xff, 0xff, 0xff, 0xff};
    isa::Isa isa;
    isa.name = "aarch64";
    CHECK(cpu::disassemble_guest(isa, guest, 0x400000) == "0x000000400000: 2000028b             add     x0, x1, x2\n"
                                                          "0x000000400004: ffffffff             ?\n");
    isa.name = "unknown";
    CHECK(cpu::disassemble_guest(isa, ConstBytes(guest).first(4), 0) == "0x000000000000: 2000028b             ?\n");
}

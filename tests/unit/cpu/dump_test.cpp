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
    isa.name = "arm";
    isa.pc_mask = 0xfffffffe;
    const u8 thumb[] = {0x08, 0x44, 0x70, 0x47};
    CHECK(cpu::disassemble_guest(isa, thumb, 0x8000, 0x8001) == "0x000000008000: 0844                 add     r0, r1\n"
                                                                "0x000000008002: 7047                 bx      lr\n");
    const u8 arm[] = {0x01, 0x00, 0x80, 0xe0};
    CHECK(cpu::disassemble_guest(isa, arm, 0x8000, 0x8000) == "0x000000008000: 010080e0             add     r0, r0, r1\n");
    isa.name = "unknown";
    CHECK(cpu::disassemble_guest(isa, ConstBytes(guest).first(4), 0) == "0x000000000000: 2000028b             ?\n");
}

TEST_CASE("dump: ranges of addresses in three forms, what is none is refused") {
    for (const char* good : {"", "0x1000..0x1fff", "0x1000+0x1000", "0x1fff-4096", "1..1,0xffffffffffffffff+1,0-1"}) CHECK(cpu::set_dump_filter(good));
    for (const char* bad : {"1", "1..", "..1", "1.2", "1+0", "2..1", "-1", "1-3", "0xffffffffffffffff+2", "18446744073709551616+1", "1+-1", " 1+1", "1..2,"})
        CHECK_FALSE(cpu::set_dump_filter(bad));
    CHECK(cpu::set_dump_filter(""));
}

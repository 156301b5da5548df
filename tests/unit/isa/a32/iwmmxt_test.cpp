// SPDX-License-Identifier: MIT
// Wireless MMX: what the Developer's Guide says that the operations give, in encodings that GNU as makes.
#include "isa/a32/iwmmxt.h"
#include "run.h"

#include <doctest/doctest.h>
#include <string>

using namespace emu;
using test::A32;

namespace {

struct Row {
    std::string text;
    u32 word;         ///< of wr1, wr2, wr3
    u64 n, m, result; ///< wr2, wr3; wr1, which is 0x100 before
};
const Row rows[] = {
    {"waddb", 0xee021183, 0x01ff7f80, 0x01017f80, 0x0200fe00},
    {"waddbus", 0xee121183, 0x01ff7f80, 0x01017f80, 0x02fffeff},
    {"waddbss", 0xee321183, 0x01ff7f80, 0x01017f80, 0x02007f80},
    {"waddhss", 0xee721183, 0x7fff8000, 0x0001ffff, 0x7fff8000},
    {"waddwus", 0xee921183, 0xffffffff00000001, 0x0000000200000003, 0xffffffff00000004},
    {"wsubbus", 0xee1211a3, 0x0005, 0x0106, 0},
    {"wsubwss", 0xeeb211a3, 0x80000000, 1, 0x80000000},
    {"wcmpeqb", 0xee021063, 0x0102, 0x0103, 0xffffffffffffff00},
    {"wcmpgtub", 0xee121063, 0x80, 0x01, 0xff},
    {"wcmpgtsb", 0xee321063, 0x80, 0x01, 0},
    {"wcmpgtsw", 0xeeb21063, 0x80000000'00000002, 0x00000000'00000001, 0xffffffff},
    {"wmaxub", 0xee021163, 0x80, 0x01, 0x80},
    {"wmaxsb", 0xee221163, 0x80, 0x01, 0x01},
    {"wminsw", 0xeeb21163, 0x80000000, 1, 0x80000000},
    {"wavg2b", 0xee821003, 0x02, 0x03, 0x02},
    {"wavg2br", 0xee921003, 0x02, 0x03, 0x03},
    {"wand", 0xee221003, 0xf0f0, 0xff00, 0xf000},
    {"wandn", 0xee321003, 0xf0f0, 0xff00, 0x00f0},
    {"wxor", 0xee121003, 0xf0f0, 0xff00, 0x0ff0},
    {"waligni #5", 0xee521023, 0x8877665544332211, 0xffeeddccbbaa9988, 0xccbbaa9988887766},
    {"wsllh", 0xee521043, 0x0001000180018001, 15, 0x8000800080008000},
    {"wsllh by 16", 0xee521043, 0x0001000180018001, 16, 0},
    {"wsrah by 40", 0xee421043, 0x7fff0000ffff8000, 40, 0x00000000ffffffff},
    {"wsrad by 4", 0xeec21043, 0x8000000000000000, 4, 0xf800000000000000},
    {"wrord by 8", 0xeef21043, 0x0123456789abcdef, 8, 0xef0123456789abcd},
    {"wpackhss", 0xee721083, 0x7fff8000007fff80, 0x0001000200030004, 0x010203047f807f80},
    {"wpackhus", 0xee521083, 0x7fff8000007fff80, 0x0001000200030004, 0x01020304ff007f00},
    {"wpackdss", 0xeef21083, 0x7fffffffffffffff, 0xffffffffffffffff, 0xffffffff7fffffff},
    {"wunpckehub", 0xee0210c0, 0x8001ff0200000000, 0, 0x0080000100ff0002},
    {"wunpckehsb", 0xee2210c0, 0x8001ff0200000000, 0, 0xff800001ffff0002},
    {"wunpckelub", 0xee0210e0, 0x80010203, 0, 0x0080000100020003},
    {"wunpckihb", 0xee1210c3, 0x4433221100000000, 0x8877665500000000, 0x8844773366225511},
    {"wunpckilw", 0xee9210e3, 0x11111111'22222222, 0x33333333'44444444, 0x44444444'22222222},
    {"wmulul", 0xee021103, 0xffff, 0xffff, 0x0001},
    {"wmulum", 0xee121103, 0xffff, 0xffff, 0xfffe},
    {"wmulsm", 0xee321103, 0xffff, 0x0001, 0xffff},
    {"wmadds", 0xeea21103, 0x0001ffff, 0x00020003, 0xffffffff},
    {"wmaddu", 0xee821103, 0x0001ffff, 0x00020003, 0x0002ffff},
    {"wmacs", 0xee621103, 0xffff, 0x0101, 0xffffffffffffffff},
    {"wmacuz", 0xee521103, 0xffffffffffffffff, 0xffffffffffffffff, 0x3fff80004},
    {"wsadb", 0xee021123, 0x0102030405060708, 0x0807060504030201, 0x120},
    {"wsadhz", 0xee521123, 0xffff, 0x0001, 0xfffe},
    {"waccb", 0xee0211c0, 0x0102030405060708, 0, 36},
    {"wshufh #0x1b", 0xee1211eb, 0x0001000200030004, 0, 0x0004000300020001},
};

} // namespace

TEST_CASE("wireless mmx: results of the data processing operations") {
    for (const Row& row : rows) {
        CAPTURE(row.text);
        A32 cpu("pxa270");
        cpu->wr[1] = 0x100;
        cpu->wr[2] = row.n;
        cpu->wr[3] = row.m;
        cpu.arm({row.word});
        CHECK(cpu->wr[1] == row.result);
        CHECK((cpu->wcon & 2) == 2);
    }
}

TEST_CASE("wireless mmx: flags of lanes, and their way to CPSR") {
    A32 cpu("pxa270");
    cpu->wr[2] = 0x8000000000000001;
    cpu.arm({0xee021183}); // waddb wr1, wr2, wr3
    CHECK(cpu->wcasf == 0x84444440);
    cpu.arm({0xee13f150}); // torcb
    CHECK((isa::a32::read_cpsr(*cpu) >> 28) == 0xc);
    cpu.arm({0xee13f130}); // tandcb
    CHECK((isa::a32::read_cpsr(*cpu) >> 28) == 0);
    cpu.arm({0xee13f171}); // textrcb #1
    CHECK((isa::a32::read_cpsr(*cpu) >> 28) == 4);
}

TEST_CASE("wireless mmx: core registers and memory") {
    A32 cpu("pxa270");
    cpu->r[2] = 0x80c1;
    cpu.arm({0xee412050}); // tbcsth wr1, r2
    CHECK(cpu->wr[1] == 0x80c180c180c180c1);
    cpu.arm({0xee612015}); // tinsrb wr1, r2, #5
    CHECK(cpu->wr[1] == 0x80c1c1c180c180c1);
    cpu.arm({0xee11307f}); // textrmsb r3, wr1, #7
    CHECK(cpu->r[3] == 0xffffff80);
    cpu.arm({0xee113030}); // tmovmskb r3, wr1
    CHECK(cpu->r[3] == 0xff);
    cpu->r[3] = 5, cpu->r[2] = u32(-7);
    cpu->wr[1] = 100;
    cpu.arm({0xee203032}); // tmia wr1, r2, r3
    CHECK(cpu->wr[1] == 65);
    cpu.arm({0xec532001}); // tmrrc r2, r3, wr1
    CHECK(cpu->r[2] == 65);
    CHECK(cpu->r[3] == 0);
    cpu->r[2] = cpu.data_address();
    cpu.data()[0] = 0x11223344, cpu.data()[1] = 0x55667788;
    cpu.arm({0xecf21102}); // wldrd wr1, [r2], #8
    CHECK(cpu->wr[1] == 0x5566778811223344);
    CHECK(cpu->r[2] == cpu.data_address() + 8);
    cpu.arm({0xed021101}); // wstrw wr1, [r2, #-4]
    CHECK(cpu.data()[1] == 0x11223344);
    cpu->wcssf = 0xff;
    cpu->r[3] = 0x0f;
    cpu.arm({0xee023110}); // tmcr wcssf, r3: ones clear
    CHECK(cpu->wcssf == 0xf0);
}

TEST_CASE("wireless mmx: what does not exist is undefined, and all of it on other CPUs") {
    for (u32 word : {0xee521143u /* shift by wR3 as if it were a control register */, 0xee121043u /* wsllb */, 0xeed21183u /* waddd */}) {
        A32 cpu("pxa270");
        CHECK(cpu.arm({word}).kind == ir::ExitKind::trap);
    }
    A32 other("pxa255"), newest("max");
    CHECK(other.arm({0xee021183}).kind == ir::ExitKind::trap);
    CHECK(newest.arm({0xee021183}).kind == ir::ExitKind::trap);
}

TEST_CASE("xscale: the 40-bit accumulator") {
    A32 cpu("pxa255");
    cpu->r[2] = 0xfffffff9, cpu->r[3] = 5;
    cpu.arm({0xec432000, 0xee203012, 0xec532000}); // mar acc0, r2, r3; mia acc0, r2, r3; mra r2, r3, acc0
    CHECK(cpu->r[2] == 0xffffffd6);
    CHECK(cpu->r[3] == 0x5);
    cpu->r[2] = 0x00020003, cpu->r[3] = 0x00050007;
    cpu->wr[0] = 0xff00000000;
    cpu.arm({0xee283012, 0xec532000}); // miaph
    CHECK(cpu->r[2] == 31);
    CHECK(cpu->r[3] == 0xffffffff);
}

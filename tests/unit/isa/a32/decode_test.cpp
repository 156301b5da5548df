// SPDX-License-Identifier: MIT
#include "isa/a32/translate.h"
#include "isa/decoder.h"

#include <doctest/doctest.h>

using namespace emu;
using namespace emu::isa;
using a32::Insn;
using a32::Space;

namespace {

constexpr u64 all = ~u64(0);
constexpr Space spaces[] = {Space::a32, Space::a32_unconditional, Space::t32, Space::t16};

std::string_view arm(u32 word, u64 features = all) {
    const Insn* row = a32::decode_a32(word, features);
    return row ? row->name() : "";
}
std::string_view thumb(u32 word, u64 features = all) {
    const Insn* row = word >> 16 ? a32::decode_t32(word, features) : a32::decode_t16(u16(word), features);
    return row ? row->name() : "";
}

} // namespace

TEST_CASE("a32 decoder: no two rows of an instruction set are ambiguous") {
    for (Space space : spaces)
        for (const std::string& pair : ambiguities(a32::decode_tables(space))) FAIL_CHECK(pair);
}

TEST_CASE("a32 decoder: a filled row matches itself") {
    for (Space space : spaces)
        for (auto table : a32::decode_tables(space))
            for (const Insn& row : table) {
                CHECK(row.pattern.matches(row.fill(0xdeadbeef)));
                CHECK(row.pattern.matches(row.fill(~0u)));
            }
}

TEST_CASE("a32 decoder: rows carry the manual's names") {
    CHECK(arm(0xe3a00001) == "mov");
    CHECK(arm(0xe1a00211) == "mov");       // lsl r0, r1, r2
    CHECK(arm(0xe0000291) == "mul");
    CHECK(arm(0xe5900004) == "ldr");
    CHECK(arm(0xe1d000b0) == "ldrh");
    CHECK(arm(0xe8bd8010) == "ldm");
    CHECK(arm(0xe12fff1e) == "bx");
    CHECK(arm(0xee300b01) == "vadd");
    CHECK(arm(0xee300b01, 0) == "");
    CHECK(arm(0xf2000d40) == "vadd.f");
    CHECK(arm(0xf57ff05b) == "dmb");
    CHECK(arm(0xf4200a0f) == "vld");
    CHECK(arm(0xfe000a00) == "vsel");
    CHECK(arm(0xe7f000f0) == "udf");
}

TEST_CASE("t32 decoder: 16 and 32 bits, VFP and SIMD by their A32 forms") {
    CHECK(thumb(0x2001) == "mov");
    CHECK(thumb(0xbf08) == "it");
    CHECK(thumb(0xbf00) == "nop");
    CHECK(thumb(0xb510) == "push");
    CHECK(thumb(0xdf00) == "svc");
    CHECK(thumb(0xf8d00004) == "ldr");
    CHECK(thumb(0xf000f800) == "bl");
    CHECK(thumb(0xf000e800) == "blx");
    CHECK(thumb(0xe8d0f001) == "tbb");
    CHECK(thumb(0xee300b01) == "vadd");
    CHECK(thumb(0xef000d40) == "vadd.f");
    CHECK(thumb(0xf9200a0f) == "vld");
    CHECK(thumb(0xfb90f0f1) == "sdiv");
    CHECK(thumb(0xf000f800, a32::feature::thumb) == "bl");   // before Thumb-2 too
    CHECK(thumb(0xf8d00004, a32::feature::thumb) == "");
}

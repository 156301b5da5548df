// SPDX-License-Identifier: MIT
#include "isa/a64/translate.h"
#include "isa/decoder.h"

#include <doctest/doctest.h>

using namespace emu;
using namespace emu::isa;
using a64::Insn;

namespace {

constexpr u64 all = ~u64(0);

std::string_view name(u32 word, u64 features = all) {
    const Insn* row = a64::decode(word, features);
    return row ? row->name() : "";
}

} // namespace

TEST_CASE("pattern: letters become fields, joined in the order written") {
    constexpr Insn row{"tbz", "", "b 011011 0 bbbbb iiiiiiiiiiiiii ttttt"};
    const auto f = row.fields(0xb6f7fff3); // b = 1:11110, i = all ones but the last
    CHECK(f['b'] == 0b111110);
    CHECK(f['t'] == 19);
    CHECK(f.s('i') == -1 - (f['i'] == 0x3fff ? 0 : 1));
    CHECK(f.width('b') == 6);
    CHECK_FALSE(f.has('z'));
    CHECK(row.pattern.specificity() == 7);
}

TEST_CASE("pattern: a filled row matches itself") {
    for (auto table : a64::decode_tables())
        for (const Insn& row : table) {
            CHECK(row.pattern.matches(row.fill(0xdeadbeef)));
            CHECK(row.pattern.matches(row.fill(~0u)));
        }
}

TEST_CASE("decoder: no two rows are ambiguous") {
    for (const std::string& pair : ambiguities(a64::decode_tables())) FAIL_CHECK(pair);
}

TEST_CASE("decoder: the two-level table finds what a search through all rows finds") {
    std::vector<const Insn*> rows;
    for (auto table : a64::decode_tables())
        for (const Insn& row : table) rows.push_back(&row);
    u64 random = 88172645463325252;
    auto next = [&] {
        random ^= random << 13, random ^= random >> 7, random ^= random << 17;
        return u32(random >> 16);
    };
    for (unsigned i = 0; i < 200000; i++) {
        const u32 word = i % 2 ? next() : rows[next() % rows.size()]->fill(next());
        const Insn* best = nullptr;
        for (const Insn* row : rows)
            if (row->pattern.matches(word) && (!best || goes_before(*row, *best))) best = row;
        REQUIRE(a64::decode(word, all).row == best);
    }
}

TEST_CASE("decoder: rows of missing features fall back to the general row") {
    CHECK(name(0xd503233f) == "paciasp");
    CHECK(name(0xd503233f, 0) == "hint");
    CHECK(name(0xd503201f) == "hint");      // nop
    CHECK(name(0xd503207f) == "wfi");
    CHECK(name(0xd500401f) == "cfinv");
    CHECK(name(0xd500401f, 0) == "msr");    // refused by the PSTATE form
    CHECK(name(0x88e0fc00, 0) == "");       // casal
    CHECK(name(0x88e0fc00) == "cas");
}

TEST_CASE("decoder: rows carry the manual's names") {
    CHECK(name(0x91000420) == "add");
    CHECK(name(0xf94003e0) == "ldr");
    CHECK(name(0x3dc00000) == "ldr");
    CHECK(name(0xa9bf7bfd) == "stp");
    CHECK(name(0x54000040) == "b.");
    CHECK(name(0xd65f03c0) == "ret");
    CHECK(name(0xd4000001) == "svc");
    CHECK(name(0x9bc17c00) == "umulh");
    CHECK(name(0xf8bfc020) == "ldapr");
    CHECK(name(0) == "udf");
    CHECK(name(0xffffffff) == "");
}

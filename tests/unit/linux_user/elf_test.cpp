// SPDX-License-Identifier: MIT
#include "linux_user/elf.h"

#include <cerrno>
#include <doctest/doctest.h>
#include <sys/mman.h>

using namespace emu;
using namespace emu::linux_user;

namespace {

constexpr u64 page = 4096, limit = u64(1) << 46;

struct Load {
    u64 offset, address, file_size, memory_size;
    u32 flags = 5, type = 1;
    u64 align = 4096;
};

/// An ELF file of either class and byte order with these program headers.
std::vector<u8> elf(bool is64, Endian order, std::vector<Load> loads, usize size = 0x3000) {
    std::vector<u8> file(size);
    Bytes bytes(file);
    const u8 ident[] = {0x7f, 'E', 'L', 'F', u8(is64 ? 2 : 1), u8(order == Endian::little ? 1 : 2), 1, 0};
    std::copy(std::begin(ident), std::end(ident), file.begin());
    auto word = [&](usize at, u64 value) {
        if (is64)
            store<u64>(bytes, at, value, order);
        else
            store<u32>(bytes, at, u32(value), order);
    };
    store<u16>(bytes, 16, 2, order);
    store<u16>(bytes, 18, 183, order);
    word(24, 0x401000);
    word(is64 ? 32 : 28, is64 ? 64 : 52);
    store<u16>(bytes, is64 ? 54 : 42, is64 ? 56 : 32, order);
    store<u16>(bytes, is64 ? 56 : 44, u16(loads.size()), order);
    usize at = is64 ? 64 : 52;
    for (const Load& load : loads) {
        store<u32>(bytes, at, load.type, order);
        store<u32>(bytes, at + (is64 ? 4 : 24), load.flags, order);
        word(at + (is64 ? 8 : 4), load.offset);
        word(at + (is64 ? 16 : 8), load.address);
        word(at + (is64 ? 32 : 16), load.file_size);
        word(at + (is64 ? 40 : 20), load.memory_size);
        word(at + (is64 ? 48 : 28), load.align);
        at += is64 ? 56 : 32;
    }
    return file;
}
Result<ElfImage> parse(const std::vector<u8>& file) { return parse_elf(elf_source(ConstBytes(file)), page, limit); }
std::string refusal(const std::vector<u8>& file) {
    auto image = parse(file);
    REQUIRE_FALSE(image);
    CHECK(image.error().code == ENOEXEC);
    return image.error().text;
}
const std::vector<Load> two{{0, 0x400000, 0x1800, 0x1800}, {0x1800, 0x402800, 0x100, 0x5000, 6}};

} // namespace

TEST_CASE("elf: both classes and byte orders read the same") {
    for (bool is64 : {false, true})
        for (Endian order : {Endian::little, Endian::big}) {
            auto image = parse(elf(is64, order, two));
            REQUIRE(image);
            CHECK(image->header.is64 == is64);
            CHECK(image->header.order == order);
            CHECK(image->header.machine == 183);
            CHECK(image->header.entry == 0x401000);
            REQUIRE(image->segments.size() == 2);
            CHECK(image->segments[0].prot == (PROT_READ | PROT_EXEC));
            CHECK(image->segments[1].prot == (PROT_READ | PROT_WRITE));
            CHECK(image->segments[1].memory_size == 0x5000);
            CHECK(image->low == 0x400000);
            CHECK(image->high == 0x408000);
            CHECK(image->headers_address == 0x400000 + (is64 ? 64u : 52u));
            CHECK_FALSE(image->executable_stack);
        }
}
TEST_CASE("elf: interpreter and stack flags are found") {
    auto file = elf(true, Endian::little, {two[0], {0x1000, 0, 10, 10, 4, 3}, {0, 0, 0, 0, 7, 0x6474e551}});
    std::copy_n("/lib/ld.so", 10, file.begin() + 0x1000);
    CHECK(refusal(file) == "invalid ELF file: bad interpreter name"); // not terminated
    file[0x1009] = 0;
    auto image = parse(file);
    REQUIRE(image);
    CHECK(image->interpreter == "/lib/ld.s");
    CHECK(image->executable_stack);
    CHECK(refusal(elf(true, Endian::little, {two[0], {0x2ffe, 0, 10, 10, 4, 3}})) ==
          "invalid ELF file: truncated in its interpreter name");
    CHECK(refusal(elf(true, Endian::little, {two[0], {0, 0, u64(1) << 40, 10, 4, 3}})) ==
          "invalid ELF file: bad interpreter name");
}
TEST_CASE("elf: overlapping segments are refused") {
    CHECK(refusal(elf(true, Endian::little, {{0, 0x400000, 0x100, 0x2000}, {0x1000, 0x401000, 0x100, 0x100}})) ==
          "invalid ELF file: overlapping segments");
    CHECK(refusal(elf(true, Endian::little, {two[0], two[0]})) == "invalid ELF file: overlapping segments");
    // Sharing a page is not overlapping: linkers do it.
    CHECK(parse(elf(true, Endian::little, {{0, 0x400000, 0x100, 0x100}, {0x200, 0x400200, 0x100, 0x100}})));
}
TEST_CASE("elf: truncated files are refused wherever they end") {
    auto file = elf(true, Endian::little, two);
    for (usize size : {usize(0), usize(3), usize(4), usize(15), usize(16), usize(63), usize(64), usize(100), usize(0x1700), usize(0x18ff)}) {
        CAPTURE(size);
        auto shorter = file;
        shorter.resize(size);
        auto image = parse(shorter);
        REQUIRE_FALSE(image);
        CHECK(image.error().code == ENOEXEC);
    }
    file.resize(0x1900);
    CHECK(parse(file));
}
TEST_CASE("elf: absurd sizes are refused") {
    using Loads = std::vector<Load>;
    for (const Loads& loads : {Loads{{0, 0x400000, 0x100, u64(1) << 60}}, Loads{{0, ~u64(0) - 0xfff, 0x100, 0x1000}},
                               Loads{{0, limit - page, 0x100, 2 * page}}, Loads{{~u64(0) - 0xfff, 0x400000, 0x1000, 0x1000}},
                               Loads{{0, 0x400000, 0x200, 0x100}}, Loads{{0x123, 0x400000, 0x100, 0x100}},
                               Loads{{0, 0x400000, 0x100, 0x100, 5, 1, 0x1001}}, Loads{}, Loads{{0, 0x400000, 0, 0}}})
        CHECK(refusal(elf(true, Endian::little, loads)).starts_with("invalid ELF file: "));
}
TEST_CASE("elf: headers that are none are refused") {
    auto change = [](usize at, u8 value) {
        auto file = elf(true, Endian::little, two);
        file[at] = value;
        return refusal(file);
    };
    CHECK(change(0, 0) == "not an ELF file");
    CHECK(change(4, 3) == "invalid ELF file: unknown class 3");
    CHECK(change(5, 0) == "invalid ELF file: unknown byte order 0");
    CHECK(change(6, 2) == "invalid ELF file: unknown version 2");
    CHECK(change(16, 1) == "invalid ELF file: not an executable");
    CHECK(change(54, 32) == "invalid ELF file: bad program header size");
    CHECK(change(57, 0xff) == "invalid ELF file: too many program headers");
    CHECK(change(39, 0xff) == "invalid ELF file: truncated in its program headers");
}
TEST_CASE("elf: machines have names") {
    CHECK(elf_machine_name(183) == "aarch64");
    CHECK(elf_machine_name(999) == "machine 999");
}

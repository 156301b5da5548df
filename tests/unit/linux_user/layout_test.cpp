// SPDX-License-Identifier: MIT
#include "linux_user/layout.h"

#include <array>
#include <doctest/doctest.h>
#include <sys/resource.h>
#include <sys/statfs.h>
#include <sys/sysinfo.h>
#include <sys/timex.h>

using namespace emu;
using namespace emu::linux_user;

namespace {
constexpr DataModel arm{Endian::little, 4, 8}, i386{Endian::little, 4, 4}, mips64be{Endian::big, 8, 8};
}

TEST_CASE("layout: sizes follow the alignment rules of each model") {
    CHECK(struct_size("WW", host_model) == 16);
    CHECK(struct_size("WW", arm) == 8);
    CHECK(struct_size("iq", arm) == 16);
    CHECK(struct_size("iq", i386) == 12);
    CHECK(struct_size("bhi", arm) == 8);
    CHECK(struct_size("18w", host_model) == sizeof(rusage));
    CHECK(struct_size("7wii7w", host_model) == sizeof(struct statfs));
    CHECK(struct_size("10whh2wi", host_model) == sizeof(struct sysinfo));
}
TEST_CASE("layout: members change width, sign and byte order") {
    std::array<u8, 16> host{};
    std::array<u8, 8> narrow{};
    put_le32(narrow, 0, 5);
    put_le32(narrow, 4, u32(-3));
    convert_struct("wW", narrow, arm, host, host_model);
    CHECK(le64(host, 0) == 5);
    CHECK(le64(host, 8) == u64(-3));
    std::array<u8, 8> back{};
    convert_struct("wW", host, host_model, back, arm);
    CHECK(back == narrow);
    std::array<u8, 16> big{};
    convert_struct("wW", host, host_model, big, mips64be);
    CHECK(be64(big, 8) == u64(-3));
}
TEST_CASE("layout: pointers get the base, null stays null") {
    std::array<u8, 16> guest{}, host{};
    put_le64(guest, 0, 0x1000);
    convert_struct("pp", guest, host_model, host, host_model, 0x10000);
    CHECK(le64(host, 0) == 0x11000);
    CHECK(le64(host, 8) == 0);
}
TEST_CASE("layout: flags that swap places are translated both ways") {
    constexpr FlagPair table[] = {{0x4000, 0x10000}, {0x8000, 0x20000}, {0x10000, 0x4000}};
    CHECK(flags_to_host(table, 0x4001) == 0x10001);
    CHECK(flags_to_host(table, 0x14000) == 0x14000);
    CHECK(flags_to_host(table, 0x10000) == 0x4000);
    for (u32 flags : {0u, 1u, 0x4000u, 0x8000u, 0x1c000u, 0x80001u})
        CHECK(flags_to_guest(table, flags_to_host(table, flags)) == flags);
}
TEST_CASE("layout: times of 64 bits in 32-bit ABIs") {
    // struct __kernel_timespec: only half of tv_nsec counts.
    std::array<u8, 16> guest{}, host{};
    put_le64(guest, 0, u64(-2));
    put_le64(guest, 8, 0xdeadbeef'00000007);
    convert_struct("qn", guest, i386, host, host_model);
    CHECK(le64(host, 0) == u64(-2));
    CHECK(le64(host, 8) == 7);
    // struct shmid64_ds: times in two words.
    CHECK(struct_size("6ihh2ww3t2i3w", i386) == 84);
    CHECK(struct_size("6ihh2ww3t2i3w", arm) == 84);
    CHECK(struct_size("6ihh2ww3t2i3w", host_model) == 112);
}

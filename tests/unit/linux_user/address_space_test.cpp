// SPDX-License-Identifier: MIT
#include "linux_user/address_space.h"

#include "common/fd.h"
#include "linux_user/host_asm.h"

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <doctest/doctest.h>
#include <sys/mman.h>
#include <sys/shm.h>
#include <unistd.h>
#include <vector>

using namespace emu;
using namespace emu::linux_user;

namespace {
constexpr int rw = PROT_READ | PROT_WRITE, anonymous = MAP_PRIVATE | MAP_ANONYMOUS;
constexpr u64 page = 4096;

std::unique_ptr<AddressSpace> open_space() {
    auto space = AddressSpace::create({});
    REQUIRE(space);
    return std::move(*space);
}
std::unique_ptr<AddressSpace> reserved_space() {
    auto space = AddressSpace::create({.reserve = u64(64) << 20, .address_bits = 32});
    REQUIRE(space);
    return std::move(*space);
}
/// Both ways of keeping guest memory must behave the same.
template <class F> void in_both(F&& test) {
    SUBCASE("open") { test(*open_space()); }
    SUBCASE("reserved") { test(*reserved_space()); }
}
} // namespace

TEST_CASE("space: mappings without a wish are placed high, apart and zeroed") {
    in_both([](AddressSpace& space) {
        s64 a = space.map(0, 3 * page + 1, rw, anonymous, -1, 0), b = space.map(0, page, rw, anonymous, -1, 0);
        REQUIRE(a > 0);
        REQUIRE(b > 0);
        CHECK(b + s64(page) <= a);
        CHECK(u64(a) + 4 * page <= space.limit());
        CHECK(*space.host(u64(a)) == 0);
        *space.host(u64(a) + 4 * page - 1) = 7;
        CHECK(space.find(u64(a))->end == u64(a) + 4 * page);
    });
}
TEST_CASE("space: a free wish is granted, a taken one is not, and MAP_FIXED replaces") {
    in_both([](AddressSpace& space) {
        u64 wish = 0x200000;
        CHECK(space.map(wish, page, rw, anonymous, -1, 0) == s64(wish));
        *space.host(wish) = 1;
        CHECK(space.map(wish, page, rw, anonymous, -1, 0) != s64(wish));
        CHECK(space.map(wish, page, rw, anonymous | MAP_FIXED_NOREPLACE, -1, 0) == -EEXIST);
        CHECK(*space.host(wish) == 1);
        CHECK(space.map(wish - page, 3 * page, rw, anonymous | MAP_FIXED, -1, 0) == s64(wish - page));
        CHECK(*space.host(wish) == 0);
        CHECK(space.find(wish)->start == wish - page);
    });
}
TEST_CASE("space: nonsense is refused as Linux refuses it") {
    in_both([](AddressSpace& space) {
        CHECK(space.map(0, 0, rw, anonymous, -1, 0) == -EINVAL);
        CHECK(space.map(0, page, rw, anonymous, -1, 1) == -EINVAL);
        CHECK(space.map(0x1001, page, rw, anonymous | MAP_FIXED, -1, 0) == -EINVAL);
        CHECK(space.map(0, ~u64(0), rw, anonymous, -1, 0) == -ENOMEM);
        CHECK(space.map(~u64(0) << 12, page, rw, anonymous | MAP_FIXED, -1, 0) == -ENOMEM);
        CHECK(space.map(0, page, rw, MAP_PRIVATE, 999, 0) == -EBADF);
        CHECK(space.unmap(0x1001, page) == -EINVAL);
        CHECK(space.unmap(0x200000, 0) == -EINVAL);
        CHECK(space.unmap(0x200000, page) == 0);
        CHECK(space.protect(0x200000, page, rw) == -ENOMEM);
        CHECK(space.remap(0x200000, page, 2 * page, 0, 0) == -EFAULT);
        CHECK(space.advise(0x200000, page, MADV_DONTNEED) == -ENOMEM);
    });
}
TEST_CASE("space: the guest cannot map over the emulator") {
    auto space = open_space();
    // A mapping of "Emu's" inside the guest's range: a wish goes elsewhere, a demand is refused, and both leave it alone.
    u64 mine = 0x5f400000; // below the sanitizers' own memory
    REQUIRE(mmap(reinterpret_cast<void*>(mine), page, rw, anonymous | MAP_FIXED_NOREPLACE, -1, 0) ==
            reinterpret_cast<void*>(mine));
    *reinterpret_cast<u8*>(mine) = 42;
    CHECK(space->map(mine, page, rw, anonymous | MAP_FIXED, -1, 0) == -ENOMEM);
    CHECK(space->map(mine - page, page, rw, anonymous | MAP_FIXED, -1, 0) == s64(mine - page));
    CHECK(space->map(mine - page, 2 * page, rw, anonymous | MAP_FIXED, -1, 0) == -ENOMEM);
    CHECK(space->map(mine, page, rw, anonymous, -1, 0) != s64(mine));
    CHECK(space->unmap(mine - page, 3 * page) == 0);
    CHECK(*reinterpret_cast<u8*>(mine) == 42);
    CHECK(space->map(u64(&mine) & ~(page - 1), page, rw, anonymous | MAP_FIXED, -1, 0) == -ENOMEM);
    munmap(reinterpret_cast<void*>(mine), page);
}
TEST_CASE("space: executable is only readable on the host") {
    CHECK(host_protection(PROT_EXEC) == PROT_READ);
    CHECK(host_protection(PROT_READ | PROT_WRITE | PROT_EXEC) == rw);
    CHECK(host_protection(PROT_NONE) == PROT_NONE);
}
TEST_CASE("space: unmapping makes holes that can be mapped again") {
    in_both([](AddressSpace& space) {
        u64 a = u64(space.map(0, 8 * page, rw, anonymous, -1, 0));
        CHECK(space.unmap(a + 2 * page, 2 * page) == 0);
        CHECK_FALSE(space.find(a + 2 * page));
        CHECK(space.find(a + 4 * page));
        u8 byte;
        *space.host(a) = 5;
        CHECK(host::safe_copy(&byte, space.host(a), 1) == 0);
        CHECK(space.map(a + 2 * page, page, PROT_READ, anonymous, -1, 0) == s64(a + 2 * page));
    });
}
TEST_CASE("space: mremap grows in place, moves, shrinks and goes where it is told") {
    in_both([](AddressSpace& space) {
        u64 a = u64(space.map(0x300000, 4 * page, rw, anonymous, -1, 0));
        std::strcpy(reinterpret_cast<char*>(space.host(a)), "moved");
        CHECK(space.remap(a, 4 * page, 6 * page, 0, 0) == s64(a));
        *space.host(a + 6 * page - 1) = 1;
        REQUIRE(space.map(a + 6 * page, page, rw, anonymous | MAP_FIXED, -1, 0) == s64(a + 6 * page));
        CHECK(space.remap(a, 6 * page, 8 * page, 0, 0) == -ENOMEM);
        s64 b = space.remap(a, 6 * page, 100 * page, MREMAP_MAYMOVE, 0);
        REQUIRE(b > 0);
        CHECK(b != s64(a));
        CHECK(std::strcmp(reinterpret_cast<char*>(space.host(u64(b))), "moved") == 0);
        *space.host(u64(b) + 100 * page - 1) = 1;
        CHECK_FALSE(space.find(a));
        CHECK(space.remap(u64(b), 100 * page, 2 * page, 0, 0) == b);
        CHECK_FALSE(space.find(u64(b) + 2 * page));
        u64 to = 0x800000;
        CHECK(space.remap(u64(b), 2 * page, 3 * page, MREMAP_MAYMOVE | MREMAP_FIXED, to) == s64(to));
        CHECK(std::strcmp(reinterpret_cast<char*>(space.host(to)), "moved") == 0);
        CHECK(space.remap(to, 3 * page, 3 * page, MREMAP_MAYMOVE | MREMAP_FIXED, to + page) == -EINVAL);
        CHECK(space.remap(to, page, page, 0x100, 0) == -EINVAL);
    });
}
TEST_CASE("space: the break grows and shrinks, and stops at the next mapping") {
    in_both([](AddressSpace& space) {
        space.start_break(0x400123);
        CHECK(space.set_break(0) == 0x400123);
        CHECK(space.set_break(0x410000) == 0x410000);
        *space.host(0x401000) = 9;
        *space.host(0x40ffff) = 9;
        CHECK(space.set_break(0x402000) == 0x402000);
        CHECK_FALSE(space.find(0x402000));
        REQUIRE(space.map(0x420000, page, rw, anonymous | MAP_FIXED, -1, 0) == 0x420000);
        CHECK(space.set_break(0x430000) == 0x402000);
        CHECK(space.set_break(0x100) == 0x402000);
        CHECK(space.set_break(~u64(0)) == 0x402000);
    });
}
TEST_CASE("space: System V segments attach and detach") {
    in_both([](AddressSpace& space) {
        int id = shmget(IPC_PRIVATE, 3 * page, IPC_CREAT | 0600);
        REQUIRE(id >= 0);
        s64 a = space.attach_shared(id, 0, 0), b = space.attach_shared(id, 0x500000, 0);
        shmctl(id, IPC_RMID, nullptr);
        REQUIRE(a > 0);
        CHECK(b == 0x500000);
        *space.host(u64(a)) = 77;
        CHECK(*space.host(0x500000) == 77);
        CHECK(space.attach_shared(id, 0x501000, 0) == -EINVAL);
        CHECK(space.detach_shared(u64(a)) == 0);
        CHECK(space.detach_shared(u64(a)) == -EINVAL);
        CHECK(space.detach_shared(0x500000) == 0);
        CHECK_FALSE(space.find(0x500000));
        CHECK(space.attach_shared(-1, 0, 0) == -EINVAL);
    });
}
TEST_CASE("space: pages with translated code lose write permission until they are written") {
    in_both([](AddressSpace& space) {
        u64 a = u64(space.map(0, 4 * page, rw | PROT_EXEC, anonymous, -1, 0));
        space.watch(a + 100, a + page + 1);
        // What the kernel writes for the guest would fail now...
        int zero = open("/dev/zero", O_RDONLY);
        CHECK(::read(zero, space.host(a), 1) == -1);
        CHECK(::read(zero, space.host(a + 2 * page), 1) == 1);
        // ... unless it is announced, and writes of the guest itself are repaired.
        space.prepare_write(a + page - 1, 2);
        CHECK(::read(zero, space.host(a), 1) == 1);
        CHECK(::read(zero, space.host(a + page), 1) == 1);
        space.watch(a, a + 4);
        CHECK(::read(zero, space.host(a), 1) == -1);
        CHECK(space.handle_write_fault(u64(space.host(a))));
        CHECK(::read(zero, space.host(a), 1) == 1);
        CHECK_FALSE(space.handle_write_fault(u64(&zero)));
        close(zero);
    });
}
TEST_CASE("space: making pages writable keeps the watch on their code") {
    auto space = open_space();
    u64 a = u64(space->map(0, 2 * page, PROT_READ | PROT_EXEC, anonymous, -1, 0));
    space->watch(a, a + 4);
    CHECK(space->protect(a, 2 * page, rw) == 0);
    int zero = open("/dev/zero", O_RDONLY);
    CHECK(::read(zero, space->host(a), 1) == -1);
    CHECK(::read(zero, space->host(a + page), 1) == 1);
    CHECK(space->handle_write_fault(u64(space->host(a))));
    CHECK(::read(zero, space->host(a), 1) == 1);
    CHECK(space->protect(a, page, PROT_READ) == 0);
    CHECK_FALSE(space->handle_write_fault(u64(space->host(a))));
    close(zero);
}
TEST_CASE("space: code is fetched only where the guest may execute") {
    auto space = open_space();
    u64 a = u64(space->map(0, 2 * page, rw | PROT_EXEC, anonymous, -1, 0));
    std::memcpy(space->host(a), "code", 4);
    u8 bytes[4];
    CHECK(space->read(a, bytes));
    CHECK(std::memcmp(bytes, "code", 4) == 0);
    CHECK(space->protect(a + page, page, rw) == 0);
    CHECK(space->read(a + page - 4, bytes));
    CHECK_FALSE(space->read(a + page - 3, bytes));
    CHECK_FALSE(space->read(0, bytes));
    CHECK_FALSE(space->read(~u64(0) - 1, bytes));
}
TEST_CASE("space: impossible bases and sizes are refused in words") {
    CHECK_FALSE(AddressSpace::create({.base = 123}));
    CHECK_FALSE(AddressSpace::create({.base = u64(1) << 46, .reserve = u64(1) << 60}));
    CHECK_FALSE(AddressSpace::create({.base = ~u64(0) << 12}));
    auto tiny = AddressSpace::create({.reserve = 5});
    REQUIRE_FALSE(tiny);
    CHECK(tiny.error().text == "cannot reserve 0x5 bytes for the guest");
}

TEST_CASE("space: a 32-bit program cannot unmap all that an address can say") {
    auto space = AddressSpace::create({.address_bits = 32});
    REQUIRE(space);
    const s64 at = (*space)->map(0, page, rw, anonymous, -1, 0);
    REQUIRE(at > 0);
    CHECK((*space)->unmap(0, 0xffffffff) == -EINVAL);
    CHECK((*space)->unmap(0xfffff000, page) == -EINVAL);
    CHECK((*space)->find(u64(at)));
    CHECK((*space)->unmap(0, 0xffffe000) == 0);
    CHECK_FALSE((*space)->find(u64(at)));
}

TEST_CASE("space: fresh memory has its pages, unless the guest wants them later") {
    // Kernels before 5.14 do not know MADV_POPULATE_WRITE (23).
    void* probe = mmap(nullptr, page, rw, anonymous, -1, 0);
    const bool known = madvise(probe, page, 23) == 0;
    munmap(probe, page);
    if (!known) {
        MESSAGE("skipped: this kernel has no MADV_POPULATE_WRITE");
        return;
    }
    in_both([](AddressSpace& space) {
        auto resident = [&](int flags, u64 size) {
            const s64 at = space.map(0, size, rw, flags, -1, 0);
            REQUIRE(at > 0);
            std::vector<u8> pages(usize(size / page));
            REQUIRE(mincore(space.host(u64(at)), size, pages.data()) == 0);
            return std::count_if(pages.begin(), pages.end(), [](u8 p) { return p & 1; });
        };
        CHECK(resident(anonymous, 16 * page) == 16);
        CHECK(resident(anonymous | MAP_NORESERVE, 16 * page) == 0);
        CHECK(resident(MAP_SHARED | MAP_ANONYMOUS, 16 * page) == 0);
        CHECK(resident(anonymous, u64(16) << 20) == 0);
    });
}

TEST_CASE("space: the data of a program's file has its pages, and they are the program's own") {
    const Fd file{memfd_create("data", 0)};
    REQUIRE(file.get() >= 0);
    const std::vector<u8> bytes(3 * page, 0x5a);
    REQUIRE(write(file.get(), bytes.data(), bytes.size()) == s64(bytes.size()));
    in_both([&](AddressSpace& space) {
        const s64 at = space.map(0, 5 * page, rw, MAP_PRIVATE, file.get(), 0); // two pages more than the file has
        REQUIRE(at > 0);
        u8* memory = space.host(u64(at));
        CHECK(memory[3 * page - 1] == 0x5a);
        memory[0] = 1;
        u8 first = 0;
        REQUIRE(pread(file.get(), &first, 1, 0) == 1);
        CHECK(first == 0x5a);
    });
}

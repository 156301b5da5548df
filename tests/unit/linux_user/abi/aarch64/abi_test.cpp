// SPDX-License-Identifier: MIT
#include "linux_user/abi/aarch64/abi.h"

#include "isa/a64/a64.h"
#include "linux_user/strace.h"
#include "linux_user/syscall.h"
#include "linux_user/thread.h"

#include <cerrno>
#include <cstring>
#include <doctest/doctest.h>
#include <fcntl.h>
#include <sys/mman.h>

using namespace emu;
using namespace emu::linux_user;

TEST_CASE("aarch64: every system call number is converted or refused with a reason") {
    SyscallTable table(aarch64::abi);
    unsigned converted = 0, refused = 0;
    for (u64 number = 0; number <= 450; number++) {
        // The holes of the generic table: numbers of architectures, and of calls that only 32-bit ones have.
        bool hole = (number >= 244 && number < 260) || (number >= 295 && number < 424) || number == 38 + 1000;
        if (number == 415) hole = true;
        const Syscall* row = table.find(number);
        CAPTURE(number);
        if (hole && !row) continue;
        REQUIRE(row);
        if (row->handler)
            converted++;
        else {
            refused++;
            CHECK(row->refused > 0);
            CHECK_FALSE(row->reason.empty());
        }
    }
    CHECK(converted == 280);
    CHECK(refused == 26);
    CHECK(table.find(9999) == nullptr);
}
TEST_CASE("aarch64: numbers are those of the kernel's header") {
    SyscallTable table(aarch64::abi);
    CHECK(table.find(63)->name == "read");
    CHECK(table.find(56)->name == "openat");
    CHECK(table.find(220)->name == "clone");
    CHECK(table.find(222)->name == "mmap");
    CHECK(table.find(139)->name == "rt_sigreturn");
    CHECK(table.find(439)->name == "faccessat2");
}
TEST_CASE("aarch64: open flags trade places") {
    auto host = [](u32 flags) { return flags_to_host(aarch64::abi.open_flags, flags); };
    CHECK(host(040000) == O_DIRECTORY);
    CHECK(host(0100000) == O_NOFOLLOW);
    CHECK(host(0200000) == O_DIRECT);
    CHECK(host(O_CREAT | O_WRONLY | O_CLOEXEC) == (O_CREAT | O_WRONLY | O_CLOEXEC));
    CHECK(host(020040000) == O_TMPFILE);
    for (u32 flags : {0u, 040000u, 0700000u, 02100002u}) CHECK(flags_to_guest(aarch64::abi.open_flags, host(flags)) == flags);
}

namespace {
struct Frames {
    std::unique_ptr<AddressSpace> space = std::move(*AddressSpace::create({}));
    u64 top = u64(space->map(0, 65536, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0)) + 65536;
    isa::a64::State state{};
    FrameRequest request;
    Frames() {
        isa::a64::a64_isa.reset(state, isa::a64::a64_isa.models.front());
        for (unsigned i = 0; i < 31; i++) state.x[i] = 0x1000 + i;
        for (unsigned i = 0; i < 32; i++) state.v[i] = {i, ~u64(i)};
        state.sp = top - 24;
        state.pc = 0x400100;
        state.nzcv = isa::a64::token_from_nzcv(0xa0000000);
        request.signal = SIGUSR1;
        request.action = {0x400800, SA_SIGINFO, 0, 0};
        request.saved_mask = 0x1234;
        request.stack_pointer = state.sp;
        request.return_address = 0x7000;
    }
};
} // namespace

TEST_CASE("aarch64: a signal frame restores all registers and the mask") {
    Frames f;
    isa::a64::State before = f.state;
    REQUIRE(aarch64::push_frame(f.state, *f.space, f.request));
    CHECK(f.state.pc == 0x400800);
    CHECK(f.state.x[0] == SIGUSR1);
    CHECK(f.state.x[30] == 0x7000);
    CHECK(f.state.sp % 16 == 0);
    CHECK(f.state.x[1] == f.state.sp);
    CHECK(f.state.x[2] == f.state.sp + 128);
    // The frame record above leads to the interrupted function's.
    CHECK(f.state.x[29] == f.state.sp + 4688);
    CHECK(load_bytes<u64>(f.space->host(f.state.x[29]), Endian::little) == 0x1000 + 29);
    u64 frame = f.state.sp;
    isa::a64::a64_isa.reset(f.state, isa::a64::a64_isa.models.back());
    f.state.sp = frame;
    FrameRestore restore;
    REQUIRE(aarch64::pop_frame(f.state, *f.space, restore));
    CHECK(std::memcmp(f.state.x, before.x, sizeof before.x) == 0);
    CHECK(std::memcmp(f.state.v, before.v, sizeof before.v) == 0);
    CHECK(f.state.sp == before.sp);
    CHECK(f.state.pc == before.pc);
    CHECK(f.state.nzcv == before.nzcv);
    CHECK(restore.mask == 0x1234);
}
TEST_CASE("aarch64: frames that do not fit or are broken are refused") {
    install_fault_handlers();
    Frames f;
    FrameRestore restore;
    f.request.stack_pointer = 0x3000;
    CHECK_FALSE(aarch64::push_frame(f.state, *f.space, f.request));
    f.request.stack_pointer = f.top - 65536 + 100; // runs into what is not mapped
    CHECK_FALSE(aarch64::push_frame(f.state, *f.space, f.request));
    f.request.stack_pointer = f.top;
    REQUIRE(aarch64::push_frame(f.state, *f.space, f.request));
    u8* records = f.space->host(f.state.sp) + 592;
    store_bytes<u32>(records + 4, 0xffffff0, Endian::little);
    CHECK_FALSE(aarch64::pop_frame(f.state, *f.space, restore));
    store_bytes<u32>(records + 4, 0, Endian::little);
    CHECK_FALSE(aarch64::pop_frame(f.state, *f.space, restore));
    f.state.sp += 8;
    CHECK_FALSE(aarch64::pop_frame(f.state, *f.space, restore));
    f.state.sp = 0;
    CHECK_FALSE(aarch64::pop_frame(f.state, *f.space, restore));
}
TEST_CASE("aarch64: a system call restarts with the register it overwrote") {
    isa::a64::State state{};
    state.pc = 0x1004;
    state.x[0] = 99;
    aarch64::abi.restart(state, 63, 5);
    CHECK(state.pc == 0x1000);
    CHECK(state.x[0] == 5);
}
TEST_CASE("strace: results are shown as strace shows them") {
    const Syscall& read = syscall_row(Sys::read);
    CHECK(strace_result(read, 5) == "5");
    CHECK(strace_result(read, -ENOENT) == "-1 ENOENT (No such file or directory)");
    CHECK(strace_result(read, interrupted) == "? ERESTARTSYS (To be restarted)");
    CHECK(strace_result(syscall_row(Sys::mmap), 0x7000) == "0x7000");
}

// SPDX-License-Identifier: MIT
#include "linux_user/siginfo.h"

#include <array>
#include <doctest/doctest.h>

using namespace emu;
using namespace emu::linux_user;

namespace {
constexpr DataModel i386{Endian::little, 4, 4};
}

TEST_CASE("siginfo: a 32-bit ABI has the union at 12, with narrower members") {
    SignalInfo info{};
    info.si_signo = SIGCHLD;
    info.si_code = CLD_EXITED;
    info.si_pid = 7;
    info.si_uid = 8;
    info.si_status = 9;
    info.si_utime = 10;
    info.si_stime = 11;
    std::array<u8, siginfo_size> bytes;
    put_siginfo(bytes, info, i386);
    for (unsigned i = 0; i < 5; i++) CHECK(le32(bytes, 12 + i * 4) == 7 + i);
}
TEST_CASE("siginfo: faults and queued values survive both ways") {
    SignalInfo info{};
    info.si_signo = SIGSEGV;
    info.si_code = SEGV_MAPERR;
    info.si_addr = reinterpret_cast<void*>(0xfffff000);
    std::array<u8, siginfo_size> bytes;
    put_siginfo(bytes, info, i386);
    CHECK(le32(bytes, 12) == 0xfffff000);
    info = {};
    info.si_signo = SIGUSR1;
    info.si_code = SI_QUEUE;
    info.si_pid = 1;
    info.si_value.sival_ptr = reinterpret_cast<void*>(0x12345678);
    put_siginfo(bytes, info, i386);
    CHECK(le32(bytes, 20) == 0x12345678);
    CHECK(get_siginfo(bytes, i386).si_value.sival_ptr == info.si_value.sival_ptr);
}

// SPDX-License-Identifier: MIT
// Documentation/arm/kernel_user_helpers.rst: fixed addresses in the vector page with code that every program may call. The
// instructions it is made of exist here whatever the CPU is (isa/a32/translate.cpp).
#include "linux_user/abi/arm/abi.h"
#include "linux_user/address_space.h"

#include <cerrno>
#include <cstring>
#include <sys/mman.h>

namespace emu::linux_user::arm {

namespace {

constexpr u64 page_at = 0xffff0000, page_size = 0xf000;

// r0 = expected value, or a pointer to it; r1 = new one; r2 = where. Returns 0 and C set if it was changed.
constexpr u32 cmpxchg64[] = {
    0xe92d40f0,   // push {r4, r5, r6, r7, lr}
    0xe1c040d0,   // ldrd r4, r5, [r0]
    0xe1c160d0,   // ldrd r6, r7, [r1]
    0xf57ff05b,   // dmb ish
    0xe1b20f9f,   // ldrexd r0, r1, [r2]
    0xe0303004,   // eors r3, r0, r4
    0x00313005,   // eorseq r3, r1, r5
    0x01a23f96,   // strexdeq r3, r6, r7, [r2]
    0x03330001,   // teqeq r3, #1
    0x0afffff9,   // beq the ldrexd
    0xf57ff05b,   // dmb ish
    0xe2730000,   // rsbs r0, r3, #0
    0xe8bd80f0,   // pop {r4, r5, r6, r7, pc}
};
constexpr u32 memory_barrier[] = {
    0xf57ff05b,   // dmb ish
    0xe12fff1e,   // bx lr
};
constexpr u32 cmpxchg[] = {
    0xf57ff05b,   // dmb ish
    0xe1923f9f,   // ldrex r3, [r2]
    0xe0533000,   // subs r3, r3, r0
    0x01823f91,   // strexeq r3, r1, [r2]
    0x03330001,   // teqeq r3, #1
    0x0afffffa,   // beq the ldrex
    0xe2730000,   // rsbs r0, r3, #0
    0xeaffffef,   // b memory_barrier
};
constexpr u32 get_tls[] = {
    0xee1d0f70,   // mrc p15, 0, r0, c13, c0, 3
    0xe12fff1e,   // bx lr
};
constexpr u32 version[] = {5};

struct Function {
    u32 at;
    std::span<const u32> words;
};
constexpr Function functions[] = {
    {0xf60, cmpxchg64}, {0xfa0, memory_barrier}, {0xfc0, cmpxchg}, {0xfe0, get_tls}, {0xffc, version},
};

} // namespace

Result<void> map_user_helpers(AddressSpace& space) {
    s64 at = space.map(page_at, page_size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED_NOREPLACE, -1, 0, RegionKind::vectors);
    if (at < 0) return fail_errno(int(-at), "cannot map the kernel's user helpers");
    for (const Function& function : functions)
        std::memcpy(space.host(page_at + function.at), function.words.data(), function.words.size_bytes());
    space.protect(page_at, page_size, PROT_READ | PROT_EXEC);
    return {};
}

} // namespace emu::linux_user::arm

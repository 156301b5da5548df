// SPDX-License-Identifier: MIT
// The loop of tlb_probe.sh: x1 points to 64 bytes of zeros. BENCH is 1 for independent loads, 2 for loads that each need the one
// before, 3 for stores; eight of them a turn, 2^24 turns.
bench_loop:
        mov     w2, #1 << 24
        mov     x3, #0
1:
#if BENCH == 1
        ldr     x4, [x1]
        ldr     x5, [x1, #8]
        ldr     x6, [x1, #16]
        ldr     x7, [x1, #24]
        ldr     x4, [x1, #32]
        ldr     x5, [x1, #40]
        ldr     x6, [x1, #48]
        ldr     x7, [x1, #56]
#elif BENCH == 2
        .rept   8
        ldr     x3, [x1, x3]
        .endr
#else
        str     x3, [x1]
        str     x3, [x1, #8]
        str     x3, [x1, #16]
        str     x3, [x1, #24]
        str     x3, [x1, #32]
        str     x3, [x1, #40]
        str     x3, [x1, #48]
        str     x3, [x1, #56]
#endif
        subs    w2, w2, #1
        b.ne    1b
        ret

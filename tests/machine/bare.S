// SPDX-License-Identifier: MIT
// A bare-metal A64 program for the test machine: turns the MMU on with mixed block and page mappings, takes data aborts on
// purpose, serves a timer interrupt while it computes, prints what it found and powers off. Everything it prints is
// independent of when the interrupts arrive.
//
// Physical map: RAM at 0x40000000 (this program at its start), console at 0x09000000 (write a byte), power at 0x09000008
// (write the exit code), timer at 0x0a000000 (write: period in microseconds; 8: write to acknowledge).

        .equ    console, 0x09000000
        .equ    timer, 0x0a000000
        .equ    tables, 0x40100000
        .equ    stack_top, 0x40180000
        .equ    alias, 0x40400000               // virtual page backed by the physical page at `backing`
        .equ    readonly, 0x40401000            // the same physical page, read-only
        .equ    backing, 0x40300000
        .equ    ticks_wanted, 20

        .text
        .global _start
_start:
        ldr     x0, =stack_top
        mov     sp, x0
        bl      build_tables
        ldr     x0, =vectors
        msr     vbar_el1, x0
        ldr     x0, =0xff04                     // attribute 0: device nGnRE, 1: normal memory
        msr     mair_el1, x0
        ldr     x0, =0x200803519                // T0SZ 25 (39 bits), 4 KiB granule, inner shareable, write-back, EPD1
        msr     tcr_el1, x0
        ldr     x0, =tables
        msr     ttbr0_el1, x0
        isb
        mrs     x0, sctlr_el1
        orr     x0, x0, #1
        msr     sctlr_el1, x0
        isb
        adr     x0, text_mmu
        bl      puts

#ifdef BENCH
        // tests/bench/tlb_probe.sh: nothing but the loop it measures.
        ldr     x1, =alias
        bl      bench_loop
        mov     w1, #0
        b       power_off
#endif
        // The alias and its read-only twin show the same memory.
        ldr     x1, =alias
        ldr     x2, =readonly
        ldr     x3, =0x1122334455667788
        str     x3, [x1, #0x7f8]
        ldr     x4, [x2, #0x7f8]
        cmp     x3, x4
        b.ne    broken
        // An access that crosses from one virtual page into the next one.
        add     x5, x1, #0xffc
        ldr     x4, [x5]                        // alias page's end, read-only page's start: both are `backing`
        str     xzr, [x1]
        adr     x0, text_alias
        bl      puts

        // Deliberate aborts: the handler counts them, notes the class, and skips the instruction.
        mov     x20, #0
        ldr     x1, =readonly
        str     x1, [x1]                        // permission fault
        ldr     x1, =0x40500000
        ldr     x1, [x1]                        // translation fault, level 2
        ldr     x1, =0x40402000
        ldr     x1, [x1]                        // translation fault, level 3
        adr     x0, text_aborts
        bl      puts
        mov     x0, x20
        bl      puthex
        mov     x0, x21
        bl      puthex

        // Ticks interrupt a computation that goes through memory.
        mov     x22, #0                         // ticks, counted by the handler
        ldr     x0, =timer
        mov     w1, #200
        str     w1, [x0]
        msr     daifclr, #2
        mov     x23, #0                         // rounds
        mov     x24, #0                         // checksum of the first 100 rounds
rounds: bl      checksum
        cmp     x23, #100
        b.hs    1f
        eor     x24, x24, x0
        ror     x24, x24, #7
1:      add     x23, x23, #1
        cmp     x23, #100
        b.lo    rounds
        cmp     x22, #ticks_wanted
        b.lo    rounds
        msr     daifset, #2
        adr     x0, text_sum
        bl      puts
        mov     x0, x24
        bl      puthex
        adr     x0, text_ticks
        bl      puts
        mov     x0, #ticks_wanted
        bl      puthex
        mov     w1, #0
        b       power_off
broken: adr     x0, text_broken
        bl      puts
        mov     w1, #1
power_off:
        ldr     x0, =console
        str     w1, [x0, #8]
1:      wfi
        b       1b

// Write 4 KiB of a linear congruential sequence, read it back in another order; x0 = sum
checksum:
        ldr     x1, =alias
        mov     x2, x23
        ldr     x3, =6364136223846793005
        mov     x4, #0
1:      madd    x2, x2, x3, x3
        str     x2, [x1, x4]
        add     x4, x4, #8
        cmp     x4, #4096
        b.lo    1b
        mov     x0, #0
        mov     x4, #4096
2:      sub     x4, x4, #16
        add     x7, x1, x4
        ldp     x5, x6, [x7]
        eor     x0, x0, x5
        ror     x6, x6, #13
        add     x0, x0, x6
        cbnz    x4, 2b
        ret

// x0 = text
puts:   ldr     x9, =console
1:      ldrb    w10, [x0], #1
        cbz     w10, 2f
        strb    w10, [x9]
        b       1b
2:      ret

// x0 = number, printed as 16 hexadecimal digits and a newline
puthex: ldr     x9, =console
        mov     x11, #60
1:      lsr     x10, x0, x11
        and     x10, x10, #15
        cmp     x10, #10
        add     x12, x10, #'0'
        add     x10, x10, #'a' - 10
        csel    x10, x12, x10, lo
        strb    w10, [x9]
        subs    x11, x11, #4
        b.pl    1b
        mov     w10, #'\n'
        strb    w10, [x9]
        ret

// Level 1 at `tables`: entry 0 maps the devices by a 1 GiB block, entry 1 leads to level 2 at +0x1000, whose entries 0 and 1
// map RAM by 2 MiB blocks and whose entry 2 leads to level 3 at +0x2000 with two pages.
build_tables:
        ldr     x1, =tables
        mov     x2, #0x401                      // block, attribute 0, access flag
        str     x2, [x1]
        add     x3, x1, #0x1000
        orr     x2, x3, #3                      // table
        str     x2, [x1, #8]
        ldr     x2, =0x40000705                 // block, attribute 1, inner shareable, access flag
        str     x2, [x3]
        ldr     x2, =0x40200705
        str     x2, [x3, #8]
        add     x4, x1, #0x2000
        orr     x2, x4, #3
        str     x2, [x3, #16]
        ldr     x2, =backing + 0x707            // page, attribute 1
        str     x2, [x4]
        ldr     x2, =backing + 0x787            // the same, read-only at EL1 (AP[2])
        str     x2, [x4, #8]
        dsb     sy
        ret

#ifdef BENCH
#include "../bench/tlb_probe.h"
#endif

        .balign 2048
vectors:
        .rept   4                               // from the current level with SP_EL0: none
        .balign 128
        b       unexpected
        .endr
        .balign 128
        b       synchronous
        .balign 128
        b       interrupt
        .rept   10
        .balign 128
        b       unexpected
        .endr

synchronous:
        stp     x0, x1, [sp, #-16]!
        add     x20, x20, #1
        mrs     x0, esr_el1
        eor     x21, x0, x21, ror #9            // class, write flag and fault status of all aborts
        mrs     x0, far_el1
        eor     x21, x0, x21, ror #9
        mrs     x0, elr_el1
        add     x0, x0, #4
        msr     elr_el1, x0
        ldp     x0, x1, [sp], #16
        eret

interrupt:
        stp     x0, x1, [sp, #-16]!
        add     x22, x22, #1
        ldr     x0, =timer
        str     w1, [x0, #8]
        ldp     x0, x1, [sp], #16
        eret

unexpected:
        adr     x0, text_unexpected
        bl      puts
        mov     w1, #2
        b       power_off

text_mmu:       .asciz  "mmu on\n"
text_alias:     .asciz  "alias ok\n"
text_aborts:    .asciz  "aborts, mix of syndromes and addresses\n"
text_sum:       .asciz  "sum of 100 rounds\n"
text_ticks:     .asciz  "ticks\n"
text_broken:    .asciz  "alias broken\n"
text_unexpected: .asciz "unexpected exception\n"
        .ltorg

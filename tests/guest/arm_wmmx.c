// SPDX-License-Identifier: MIT
// Wireless MMX in a program for Linux: signal handlers have registers of their own.
#include <signal.h>
#include <stdint.h>
#include <stdio.h>

// tmcrr wr1, r2, r3 and tmrrc r2, r3, wr1
static void set(uint64_t value) {
    register uint32_t low __asm__("r2") = (uint32_t)value;
    register uint32_t high __asm__("r3") = (uint32_t)(value >> 32);
    __asm__ volatile(".inst 0xec432001" : : "r"(low), "r"(high));
}
static uint64_t get(void) {
    register uint32_t low __asm__("r2");
    register uint32_t high __asm__("r3");
    __asm__ volatile(".inst 0xec532001" : "=r"(low), "=r"(high));
    return (uint64_t)high << 32 | low;
}

static volatile int handled;
static void handler(int number) {
    set(~0ull);
    handled = number;
}

int main(void) {
    signal(SIGUSR1, handler);
    set(0x0123456789abcdefull);
    raise(SIGUSR1);
    if (handled != SIGUSR1 || get() != 0x0123456789abcdefull) return printf("%llx\n", (unsigned long long)get()), 1;
    __asm__ volatile(".inst 0xee511181"); // waddhus wr1, wr1, wr1
    puts(get() == 0x02468aceffffffffull ? "ok" : "wrong sum");
    return 0;
}

// SPDX-License-Identifier: MIT
// Atomic and ordered accesses of aarch64 at odd addresses: which fault, with what, and that nothing was done.
#define _GNU_SOURCE
#include <setjmp.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/auxv.h>

static sigjmp_buf back;
static volatile int code, signal_number;
static void* volatile where;

static void on_fault(int number, siginfo_t* info, void* context) {
    (void)context;
    signal_number = number;
    code = info->si_code;
    where = info->si_addr;
    siglongjmp(back, 1);
}

static _Alignas(64) unsigned char memory[64];

/// 1: it faulted as it should, 0: it went through, -1: something else happened.
static int try_access(void (*access)(void*), unsigned offset) {
    if (sigsetjmp(back, 1) == 0) {
        access(memory + offset);
        return 0;
    }
    return signal_number == SIGBUS && code == BUS_ADRALN && where == memory + offset ? 1 : -1;
}

static void ldar(void* p) { uint64_t v; __asm__ volatile("ldar %0, [%1]" : "=r"(v) : "r"(p) : "memory"); }
static void stlr(void* p) { __asm__ volatile("stlr %w0, [%1]" : : "r"(7), "r"(p) : "memory"); }
static void stlrh(void* p) { __asm__ volatile("stlrh %w0, [%1]" : : "r"(7), "r"(p) : "memory"); }
static void ldxr(void* p) { uint64_t v; __asm__ volatile("ldxr %0, [%1]" : "=r"(v) : "r"(p) : "memory"); }
static void stxr(void* p) { uint32_t s; __asm__ volatile("stxr %w0, %1, [%2]" : "=&r"(s) : "r"(5ull), "r"(p) : "memory"); }
static void ldxp(void* p) { uint64_t a, b; __asm__ volatile("ldxp %0, %1, [%2]" : "=r"(a), "=r"(b) : "r"(p) : "memory"); }
static void stxp(void* p) { uint32_t s; __asm__ volatile("stxp %w0, %1, %1, [%2]" : "=&r"(s) : "r"(5ull), "r"(p) : "memory"); }
static void ldadd(void* p) { __asm__ volatile(".arch_extension lse\n ldadd %w0, wzr, [%1]" : : "r"(1), "r"(p) : "memory"); }
static void cas(void* p) { __asm__ volatile(".arch_extension lse\n cas %0, %0, [%1]" : : "r"(0ull), "r"(p) : "memory"); }
static void casp(void* p) {
    __asm__ volatile(".arch_extension lse\n mov x0, 0\n mov x1, 0\n casp x0, x1, x0, x1, [%0]" : : "r"(p) : "memory", "x0", "x1");
}

static const struct {
    const char* name;
    void (*access)(void*);
    unsigned bytes;
} table[] = {{"ldar", ldar, 8}, {"stlr", stlr, 4}, {"stlrh", stlrh, 2}, {"ldxr", ldxr, 8}, {"stxr", stxr, 8}, {"ldxp", ldxp, 16},
             {"stxp", stxp, 16}, {"ldadd", ldadd, 4}, {"cas", cas, 8}, {"casp", casp, 16}};

int main(void) {
    const int lse2 = getauxval(AT_HWCAP) >> 25 & 1; // HWCAP_USCAT
    struct sigaction action = {.sa_sigaction = on_fault, .sa_flags = SA_SIGINFO};
    sigaction(SIGBUS, &action, 0);
    sigaction(SIGSEGV, &action, 0);
    int bad = 0;
    for (unsigned i = 0; i < sizeof table / sizeof table[0]; i++)
        for (unsigned offset = 0; offset < 32; offset++) {
            const unsigned bytes = table[i].bytes;
            const int expected = lse2 ? offset % 16 + bytes > 16 : offset % bytes != 0;
            memset(memory, 0, sizeof memory);
            const int got = try_access(table[i].access, offset);
            int touched = 0;
            for (unsigned k = 0; k < sizeof memory; k++) touched |= memory[k];
            if (got != expected || (got && touched)) {
                printf("%s at %u: %d instead of %d%s\n", table[i].name, offset, got, expected, touched ? ", memory changed" : "");
                bad = 1;
            }
        }
    if (!bad) puts("ok");
    return bad;
}

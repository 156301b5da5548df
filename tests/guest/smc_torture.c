// SPDX-License-Identifier: MIT
// Self-modifying code: two threads patch small functions while both keep calling them, in the ways a program may: a branch
// or an immediate replaced in place by one aligned store, a whole body rewritten while nobody is in it, code on the page of
// the data it changes, code seen through a second mapping. No update may get lost: after the writer has synchronised
// (arm64: DC CVAU, IC IVAU, barriers; the reader has its own ISB, or CPUID) the new code is what runs.
//     smc_torture [SECONDS]      (2 unless told; half an hour: smc_torture 1800)
#define _GNU_SOURCE
#include <pthread.h>
#include <stdatomic.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <time.h>
#include <unistd.h>

typedef uintptr_t (*function)(uintptr_t);

enum { functions = 8, words = 64, page = 4096 };
static uint32_t *code, *alias;           // `functions` pieces of `words` instructions; alias: another view of the same memory
static _Atomic uint64_t wanted[functions]; // what each returns at least: versions only grow
static atomic_bool stop;
static _Atomic uint64_t patches, calls, lost;

static void lose(const char *what, unsigned number, uint64_t got, uint64_t before) {
    if (lost++ < 10) printf("%s %u: %llu after %llu was there\n", what, number, (unsigned long long)got, (unsigned long long)before);
}
static void synchronise(void *first, size_t bytes) { __builtin___clear_cache((char *)first, (char *)first + bytes); }

// What differs by machine: a loop of as many rounds as the argument says, hot enough to be compiled again, that ends with the
// version as its result; a part of that version replaced by one store; a function that only returns a number; and what a reader
// does before it calls code that may have changed.
#if defined(__aarch64__)
static uint32_t movz(unsigned value) { return 0xd2800000 | (value & 0xffff) << 5; }
static uint32_t movk16(unsigned value) { return 0xf2a00000 | (value & 0xffff) << 5; }
enum { ret = 0xd65f03c0, nop = 0xd503201f };
static void write_body(uint32_t *p, uint64_t version) {
    *p++ = 0xb4000080;                   // cbz  x0, +4 words
    *p++ = 0xd1000400;                   // sub  x0, x0, #1
    *p++ = 0xb5ffffe0;                   // cbnz x0, -1 word
    *p++ = nop;
    *p++ = movz(version & 0xffff);
    *p++ = movk16(version >> 16);
    *p++ = ret;
}
static void write_number(uint32_t *p, unsigned number) { p[0] = movz(number), p[1] = ret; }
#elif defined(__arm__)
static uint32_t mov_half(unsigned value) { return (value & 0xf000) << 4 | (value & 0xfff); }
enum { movw = 0xe3000000, movt = 0xe3400000, ret = 0xe12fff1e };
static void write_body(uint32_t *p, uint64_t version) {
    *p++ = 0xe3500000;                   // cmp  r0, #0
    *p++ = 0x0a000001;                   // beq  +3 words
    *p++ = 0xe2500001;                   // subs r0, r0, #1
    *p++ = 0x1afffffd;                   // bne  -1 word
    *p++ = movw | mov_half(version & 0xffff);
    *p++ = movt | mov_half(version >> 16);
    *p++ = ret;
}
static void write_number(uint32_t *p, unsigned number) { p[0] = movw | mov_half(number & 0xffff), p[1] = ret; }
#else
static void write_body(uint32_t *p, uint64_t version) {
#ifdef __x86_64__
    static const uint8_t start[12] = {0x48, 0x89, 0xf9, 0xe3, 4, 0xff, 0xc9, 0x75, 0xfc, 0x90, 0x90, 0xb8};   // mov %rdi, %rcx; jrcxz;
#else
    static const uint8_t start[12] = {0x8b, 0x4c, 0x24, 4, 0xe3, 4, 0xff, 0xc9, 0x75, 0xfc, 0x90, 0xb8};      // mov 4(%esp), %ecx; jecxz;
#endif
    memcpy(p, start, sizeof start);      // dec %ecx; jnz -4; nop; mov $..., %eax
    p[3] = (uint32_t)version;
    p[4] = 0xc3;                         // ret
}
static void write_number(uint32_t *p, unsigned number) { p[0] = 0xb8 | number << 8, p[1] = number >> 24 | 0xc300; }
#endif

static void patch(uint32_t *at, uint64_t version) {
#if defined(__aarch64__)
    if (version & 0xffff) __atomic_store_n(&at[4], movz(version & 0xffff), __ATOMIC_RELAXED);
    else write_body(at, version); // two instructions change: see below
#elif defined(__arm__)
    if (version & 0xffff) __atomic_store_n(&at[4], movw | mov_half(version & 0xffff), __ATOMIC_RELAXED);
    else write_body(at, version);
#else
    __atomic_store_n(&at[3], (uint32_t)version, __ATOMIC_RELAXED);
#endif
}

static uint64_t call(unsigned k, unsigned rounds) {
#if defined(__aarch64__) || defined(__arm__)
    __asm__ volatile("isb" ::: "memory");
#else
    unsigned a = 0, b, c = 0, d;
    __asm__ volatile("cpuid" : "+a"(a), "=b"(b), "+c"(c), "=d"(d) : : "memory");
#endif
    return ((function)(uintptr_t)(code + k * words))(rounds);
}

// Even functions belong to thread 0, odd ones to thread 1: one writer each, both read all.
static void *work(void *which) {
    const unsigned me = (unsigned)(uintptr_t)which;
    uint64_t random = 88172645463325252ull + me;
    while (!stop) {
        random ^= random << 13, random ^= random >> 7, random ^= random << 17;
        const unsigned k = random % functions;
        if (k % 2 == me && random >> 60 < 6) {
            const uint64_t version = wanted[k] + 1;
            uint32_t *view = random >> 59 & 1 ? alias : code;
            patch(view + k * words, version);
            synchronise(code + k * words, words * 4);
            wanted[k] = version;
            patches++;
        }
        const uint64_t before = wanted[k], got = call(k, random >> 40 & 63 ? random >> 50 & 7 : 5000);
        // When the high half changes, a reader may see either instruction first.
        if (got < before && got + 0x10000 > before && (before & 0xffff) > 8) lose("function", k, got, before);
        calls++;
    }
    return NULL;
}

// One thread, its own code and data on one page: every store is one into translated code.
static void same_page(unsigned rounds) {
    uint32_t *p = mmap(NULL, page, PROT_READ | PROT_WRITE | PROT_EXEC, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    for (unsigned i = 1; i <= rounds; i++) {
        write_number(p, i);
        p[512] = i;
        synchronise(p, 8);
        const uint64_t got = ((function)(uintptr_t)p)(0);
        if (got != i || p[512] != i) lose("same page, round", i, got, i);
    }
    munmap(p, page);
}

int main(int argc, char **argv) {
    const double seconds = argc > 1 ? atof(argv[1]) : 2;
    const int fd = memfd_create("code", 0);
    if (fd < 0 || ftruncate(fd, page)) return 1;
    code = mmap(NULL, page, PROT_READ | PROT_WRITE | PROT_EXEC, MAP_SHARED, fd, 0);
    alias = mmap(NULL, page, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
    for (unsigned k = 0; k < functions; k++) write_body(code + k * words, wanted[k] = 16);
    synchronise(code, page);
    same_page(2000);
    pthread_t threads[2];
    for (uintptr_t t = 0; t < 2; t++) pthread_create(&threads[t], NULL, work, (void *)t);
    usleep((useconds_t)(seconds * 1e6));
    stop = 1;
    for (unsigned t = 0; t < 2; t++) pthread_join(threads[t], NULL);
    for (unsigned k = 0; k < functions; k++)
        if (call(k, 3) != wanted[k]) lose("in the end function", k, call(k, 3), wanted[k]);
    printf("%llu patches, %llu calls, %llu lost\n", (unsigned long long)patches, (unsigned long long)calls, (unsigned long long)lost);
    puts(lost ? "bad" : "ok");
    return lost != 0;
}

// SPDX-License-Identifier: MIT
// Self-modifying code: two threads patch small functions while both keep calling them, in the ways a program may: a branch
// or an immediate replaced in place by one aligned store, a whole body rewritten while nobody is in it, code on the page of
// the data it changes, code seen through a second mapping. No update may get lost: after the writer has synchronised
// (DC CVAU, IC IVAU, barriers; the reader has its own ISB) the new code is what runs.
//     smc_torture [SECONDS]      (2 unless told; half an hour: smc_torture 1800)
#define _GNU_SOURCE
#include <pthread.h>
#include <stdatomic.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <time.h>
#include <unistd.h>

typedef uint64_t (*function)(uint64_t);

enum { functions = 8, words = 64, page = 4096 };
static uint32_t *code, *alias;           // `functions` pieces of `words` instructions; alias: another view of the same memory
static _Atomic uint64_t wanted[functions]; // what each returns at least: versions only grow
static atomic_bool stop;
static _Atomic uint64_t patches, calls, lost;

static void lose(const char *what, unsigned number, uint64_t got, uint64_t before) {
    if (lost++ < 10) printf("%s %u: %llu after %llu was there\n", what, number, (unsigned long long)got, (unsigned long long)before);
}
static void synchronise(void *first, size_t bytes) { __builtin___clear_cache((char *)first, (char *)first + bytes); }
static uint32_t movz(unsigned reg, unsigned value) { return 0xd2800000 | (value & 0xffff) << 5 | reg; }
static uint32_t movk16(unsigned reg, unsigned value) { return 0xf2a00000 | (value & 0xffff) << 5 | reg; }
enum { ret = 0xd65f03c0, nop = 0xd503201f };

// A loop of x0 rounds that ends with x0 = version: hot enough to be compiled again.
static void write_body(uint32_t *at, uint64_t version) {
    uint32_t *p = at;
    *p++ = 0xb4000080;                   // cbz  x0, +4 words
    *p++ = 0xd1000400;                   // sub  x0, x0, #1
    *p++ = 0xb5ffffe0;                   // cbnz x0, -1 word
    *p++ = nop;
    *p++ = movz(0, version & 0xffff);
    *p++ = movk16(0, version >> 16);
    *p++ = ret;
}
static void patch_low(uint32_t *at, uint64_t version) { __atomic_store_n(&at[4], movz(0, version & 0xffff), __ATOMIC_RELAXED); }

static uint64_t call(unsigned k, uint64_t rounds) {
    __asm__ volatile("isb" ::: "memory");
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
            if ((version & 0xffff) == 0) write_body(view + k * words, version); // two instructions change: see below
            else patch_low(view + k * words, version);
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
        p[0] = movz(0, i), p[1] = ret;
        p[512] = i;
        synchronise(p, 8);
        const uint64_t got = ((function)(uintptr_t)p)(0);
        if (got != (i & 0xffff) || p[512] != i) lose("same page, round", i, got, i);
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

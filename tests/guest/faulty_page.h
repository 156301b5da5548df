// SPDX-License-Identifier: MIT
// For guest programs that check what happens when a function is left by a fault: a page that is taken away meanwhile.
#pragma once
#include <setjmp.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

static int failures;
#define SAME(x, y) ((x) == (y) ? 0 : (failures++, printf("line %d: %s\n", __LINE__, #x)))

static sigjmp_buf away;
static volatile unsigned char *page;
static size_t page_size;
static atomic_int faults;
static volatile int mends;   ///< faults are mended and gone on from, else left by a jump to `away`
static void fault(int sig) {
    (void)sig;
    faults++;
    if (!mends) siglongjmp(away, 1);
    mprotect((void *)(uintptr_t)page, page_size, PROT_READ | PROT_WRITE);
}

/// `work`(n) reads the page: again and again, with a fault each time.
static void fault_rounds(uint32_t (*work)(uint32_t), uint32_t n) {
    struct sigaction on_fault = {.sa_handler = fault, .sa_flags = SA_NODEFER};
    sigaction(SIGSEGV, &on_fault, 0);
    page_size = (size_t)sysconf(_SC_PAGESIZE);
    page = mmap(0, page_size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    memset((void *)(uintptr_t)page, 5, page_size);
    const uint32_t expected = work(n);
    for (int round = 0; round < 40; round++) {
        mends = round & 1;
        mprotect((void *)(uintptr_t)page, page_size, PROT_NONE);
        const int before = faults;
        if (!sigsetjmp(away, 1)) SAME(work(n), expected);
        SAME(faults, before + 1);
        mprotect((void *)(uintptr_t)page, page_size, PROT_READ | PROT_WRITE);
        SAME(work(n), expected);
    }
}

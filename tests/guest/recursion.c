// SPDX-License-Identifier: MIT
// Functions that call themselves: hot, deep, left by signals, faults and longjmp, and while their code is written to. Each result
// is compared with that of the same function calling itself through a pointer, which is no call of itself to a translator.
#define _GNU_SOURCE
#include "faulty_page.h"

#include <pthread.h>
#include <stdlib.h>
#include <sys/time.h>

#define SELF __attribute__((noinline, noclone, optimize("no-optimize-sibling-calls"), section("functions")))
#define AGAIN __attribute__((noinline, noclone))

// --- integers
SELF static uint32_t fib(uint32_t n) { return n < 2 ? n : fib(n - 1) + fib(n - 2); }
AGAIN static uint32_t fib_again(uint32_t n);
static uint32_t (*volatile fib_by)(uint32_t) = fib_again;
AGAIN static uint32_t fib_again(uint32_t n) { return n < 2 ? n : fib_by(n - 1) + fib_by(n - 2); }

SELF static uint32_t ackermann(uint32_t m, uint32_t n) { return !m ? n + 1 : ackermann(m - 1, n ? ackermann(m, n - 1) : 1); }

/// Carries and comparisons before and after calls.
SELF static uint64_t wide(uint64_t a, uint64_t b, uint32_t n) {
    if (!n) return a > b ? a - b : b - a;
    const uint64_t sum = a + b, carry = sum < a, below = wide(sum, a ^ (b << 7), n - 1);
    return below < a ? below + carry + wide(b, below, n / 2) : below - carry - n;
}
AGAIN static uint64_t wide_again(uint64_t a, uint64_t b, uint32_t n);
static uint64_t (*volatile wide_by)(uint64_t, uint64_t, uint32_t) = wide_again;
AGAIN static uint64_t wide_again(uint64_t a, uint64_t b, uint32_t n) {
    if (!n) return a > b ? a - b : b - a;
    const uint64_t sum = a + b, carry = sum < a, below = wide_by(sum, a ^ (b << 7), n - 1);
    return below < a ? below + carry + wide_by(b, below, n / 2) : below - carry - n;
}

// --- floating point: numbers that live across calls
SELF static double tree(double x, float y, int n) {
    if (!n) return x - y;
    const double left = tree(x * 0.75, y + 1, n - 1);
    return left > 0 ? left * x + tree(y, (float)left, n / 2) : tree(x + left, y, n / 3) - left * y;
}
AGAIN static double tree_again(double x, float y, int n);
static double (*volatile tree_by)(double, float, int) = tree_again;
AGAIN static double tree_again(double x, float y, int n) {
    if (!n) return x - y;
    const double left = tree_by(x * 0.75, y + 1, n - 1);
    return left > 0 ? left * x + tree_by(y, (float)left, n / 2) : tree_by(x + left, y, n / 3) - left * y;
}

// --- loops around and inside, as sorting has them
SELF static void quick(int *v, int n) {
    while (n > 1) {
        const int pivot = v[n / 2];
        int i = 0, k = n - 1;
        for (;; i++, k--) {
            while (v[i] < pivot) i++;
            while (v[k] > pivot) k--;
            if (i >= k) break;
            const int t = v[i];
            v[i] = v[k], v[k] = t;
        }
        quick(v, i);
        v += i, n -= i;
        if (i == 0) v++, n--;
    }
}
static void sorts(void) {
    static int v[5000];
    for (unsigned round = 0; round < 8; round++) {
        uint32_t x = round + 1, sum = 0, after = 0;
        for (int i = 0; i < 5000; i++) x = x * 1664525 + 1013904223, v[i] = (int)(x >> 8) % 3000, sum += (uint32_t)v[i];
        quick(v, 5000);
        for (int i = 0; i < 5000; i++) after += (uint32_t)v[i];
        SAME(after, sum);
        for (int i = 1; i < 5000; i++)
            if (v[i - 1] > v[i]) return (void)(failures++, printf("not sorted\n"));
    }
}

// --- deeper than any stack of return addresses
SELF static uint32_t deep(uint32_t n) { return n ? deep(n - 1) * 3 + n : 7; }
static uint32_t deep_loop(uint32_t n) {
    uint32_t r = 7;
    for (uint32_t i = 1; i <= n; i++) r = r * 3 + i;
    return r;
}

// --- left by other ways than returns
static jmp_buf out;
static void leave(int n) { longjmp(out, n); }
static void (*volatile leave_by)(int) = leave;
SELF static int jumps(int n, int to) {
    if (n == to) leave_by(n);
    return n > to ? 0 : jumps(n + 1, to) + jumps(n + 2, to);
}
/// Reads what may not be read, at some depth.
SELF static uint32_t reads(uint32_t n) { return n ? reads(n - 1) + (uint32_t)page[n % 16] * n + reads(n / 4) : 1; }

static atomic_uint ticks;
static void tick(int sig) { (void)sig, ticks++; }

static void signals(void) {
    fault_rounds(reads, 60);
    struct sigaction on_tick = {.sa_handler = tick, .sa_flags = SA_RESTART};
    sigaction(SIGALRM, &on_tick, 0);
    const struct itimerval often = {{0, 700}, {0, 700}}, never = {{0, 0}, {0, 0}};
    setitimer(ITIMER_REAL, &often, 0);
    const uint32_t f = fib_again(18);
    for (int round = 0; round < 200 || (ticks < 30 && round < 20000); round++) SAME(fib(18), f);
    setitimer(ITIMER_REAL, &never, 0);
    SAME(ticks >= 30, 1);
}

// --- while somebody writes to their code, though nothing new
static atomic_bool stop;
extern char __start_functions[], __stop_functions[];
static void *writer(void *unused) {
    (void)unused;
    const uintptr_t first = (uintptr_t)__start_functions & -page_size, last = ((uintptr_t)__stop_functions + page_size - 1) & -page_size;
    if (mprotect((void *)first, last - first, PROT_READ | PROT_WRITE | PROT_EXEC)) return (void *)1;
    while (!stop) {
        volatile char *at = (volatile char *)(uintptr_t)fib;
        *at = *at;
        usleep(400);
    }
    return 0;
}

int main(void) {
    for (int round = 0; round < 3; round++) {
        SAME(fib(22), fib_again(22));
        SAME(ackermann(2, 200), 403u);
        for (uint32_t n = 0; n < 24; n++) SAME(wide(n * 0x123456789abcdefull, ~(uint64_t)n << 40, n), wide_again(n * 0x123456789abcdefull, ~(uint64_t)n << 40, n));
        for (int n = 0; n < 60; n++) {
            const double a = tree(n * 0.37, (float)n - 20, n), b = tree_again(n * 0.37, (float)n - 20, n);
            SAME(memcmp(&a, &b, sizeof a), 0);
        }
        SAME(deep(60000), deep_loop(60000));
    }
    sorts();
    for (volatile int depth = 1; depth < 400; depth++) {
        const int came = setjmp(out);
        if (!came) jumps(0, depth);
        SAME(came, depth);
    }
    signals();
    pthread_t thread;
    pthread_create(&thread, 0, writer, 0);
    const uint32_t f = fib_again(20);
    for (int round = 0; round < 150; round++) SAME(fib(20), f);
    stop = 1;
    void *result;
    pthread_join(thread, &result);
    SAME(result, (void *)0);
    puts(failures ? "failed" : "ok");
    return failures != 0;
}

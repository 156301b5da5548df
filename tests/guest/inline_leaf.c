// SPDX-License-Identifier: MIT
// Little functions that call nothing, from hot loops: with branches and several returns, left by faults, signals and longjmp, with a
// side that is taken late and calls others, with return addresses that they change, and while their code is written to. Results are
// compared with those of the same functions called through pointers, which a translator does not see through.
#define _GNU_SOURCE
#include "faulty_page.h"

#include <pthread.h>
#include <stdlib.h>
#include <sys/time.h>

#define LEAF __attribute__((noipa))
#define LOOP __attribute__((noipa))

// --- branches, several returns, a loop, wide and floating-point results
LEAF static uint32_t clamp(uint32_t x, uint32_t low, uint32_t high) { return x < low ? low : x > high ? high : x; }
LEAF static int sign(int64_t x) {
    if (x > 0) return 1;
    if (x < 0) return -1;
    return 0;
}
LEAF static uint32_t ones(uint32_t x) {
    uint32_t n = 0;
    for (; x; x &= x - 1) n++;
    return n;
}
LEAF static uint64_t add_carry(uint64_t a, uint64_t b, uint64_t *carry) {
    const uint64_t sum = a + b + *carry;
    *carry = *carry ? sum <= a : sum < a;
    return sum;
}
LEAF static double between(double a, double b, double t) { return a < b ? a + (b - a) * t : b; }
LEAF static float half(float x) { return x * 0.5f; }

static uint32_t (*volatile clamp_by)(uint32_t, uint32_t, uint32_t) = clamp;
static int (*volatile sign_by)(int64_t) = sign;
static uint32_t (*volatile ones_by)(uint32_t) = ones;
static uint64_t (*volatile add_carry_by)(uint64_t, uint64_t, uint64_t *) = add_carry;
static double (*volatile between_by)(double, double, double) = between;
static float (*volatile half_by)(float) = half;

/// The same loop with calls that are known and with others. Several sites, one behind the other and in a loop inside.
#define SUM(name, clamp, sign, ones, add_carry, between, half)                                    \
    LOOP static uint64_t name(uint32_t seed, int rounds) {                                        \
        uint64_t sum = seed, carry = 0;                                                           \
        double d = seed;                                                                          \
        float f = (float)seed;                                                                    \
        for (int i = 0; i < rounds; i++) {                                                        \
            seed = seed * 1664525 + 1013904223;                                                   \
            sum += clamp(seed, 1u << 28, 3u << 30);                                               \
            sum = add_carry(sum, (uint64_t)seed << 32, &carry);                                   \
            for (int k = i & 3; k >= 0; k--) sum += ones(seed >> k) + (uint64_t)sign((int64_t)sum * k); \
            d = between(d, (double)(sum & 0xffff), 0.25);                                         \
            f = half(f) + (float)(int)clamp(seed & 7, 1, 5);                                      \
            if (sign((int32_t)seed) < 0) sum ^= carry + 5;                                        \
        }                                                                                         \
        uint64_t bits;                                                                            \
        memcpy(&bits, &d, 8);                                                                     \
        return sum ^ bits ^ (uint64_t)(f * 1024);                                                 \
    }
SUM(sum, clamp, sign, ones, add_carry, between, half)
SUM(sum_again, clamp_by, sign_by, ones_by, add_carry_by, between_by, half_by)

// --- a function that calls itself besides
LOOP static uint32_t tree(uint32_t n) { return n < 2 ? clamp(n, 1, 7) : tree(n - 1) + tree(n - 2) * ones(n) + clamp(n * 3, 5, 20); }
LOOP static uint32_t tree_again(uint32_t n);
static uint32_t (*volatile tree_by)(uint32_t) = tree_again;
LOOP static uint32_t tree_again(uint32_t n) {
    return n < 2 ? clamp_by(n, 1, 7) : tree_by(n - 1) + tree_by(n - 2) * ones_by(n) + clamp_by(n * 3, 5, 20);
}

// --- a side that was never taken while the loop became hot, and calls others
static volatile uint32_t rare = ~0u;
LEAF static uint32_t deeper(uint32_t x) { return x ? x + clamp(x, 3, 9) : ones(x ^ rare); }
LEAF static uint32_t others(uint32_t x) { return deeper(x) * 2 + deeper(x / 2) + sum(x, 3) % 1000; }
LEAF static uint32_t sided(uint32_t x) { return __builtin_expect(x == rare, 0) ? others(x) + x : x * 3 + 1; }
static uint32_t (*volatile sided_by)(uint32_t) = sided;
LOOP static uint32_t sides(uint32_t n) {
    uint32_t total = 0;
    for (uint32_t i = 0; i < n; i++) total = total * 5 + sided(i) + sided(i & 15);
    return total;
}
LOOP static uint32_t sides_again(uint32_t n) {
    uint32_t total = 0;
    for (uint32_t i = 0; i < n; i++) total = total * 5 + sided_by(i) + sided_by(i & 15);
    return total;
}

// --- in assembly: skips(n) adds up n ones, but for those that a leaf skips by its return address; last(n) loops until a leaf that it
// calls returns to its caller; rotated(n) adds up n ones, n - 1 and so on, where a loop begins behind the call; patched() returns a number
uint32_t skips(uint32_t n), last(uint32_t n), rotated(uint32_t n), patched(void);
#if defined(__aarch64__)
asm("skips:  mov x2, x30\n mov w1, w0\n mov w0, #0\n"
    "1:      cbz w1, 2f\n bl skipper\n add w0, w0, #1\n sub w1, w1, #1\n b 1b\n"
    "2:      ret x2\n"
    "skipper: tst w1, #7\n b.ne 1f\n add x30, x30, #4\n"
    "1:      ret\n"
    "last:   mov x2, x30\n mov w1, w0\n mov w0, #0\n"
    "1:      add w0, w0, #1\n bl drops\n b 1b\n"
    "drops:  subs w1, w1, #1\n b.eq 1f\n ret\n"
    "1:      mov x30, x2\n ret\n"
    "rotated: mov x2, x30\n mov w1, w0\n mov w0, #0\n"
    "1:      mov w3, w1\n b 3f\n"
    "2:      bl steps\n"
    "3:      cbnz w3, 2b\n subs w1, w1, #1\n b.ne 1b\n ret x2\n"
    "steps:  add w0, w0, #1\n sub w3, w3, #1\n ret\n"
    ".pushsection leafcode, \"ax\", %progbits\n .balign 65536\n"
    "patched: mov w0, #0\n ret\n .balign 65536\n .popsection\n");
static void patch(uint32_t value) { *(volatile uint32_t *)(uintptr_t)patched = 0x52800000 | (value & 0xffff) << 5; }
#elif defined(__arm__)
asm(".pushsection .text\n .arm\n .balign 4\n .type skips, %function\n .type last, %function\n"
    "skips:  mov r2, lr\n mov r1, r0\n mov r0, #0\n"
    "1:      cmp r1, #0\n bxeq r2\n bl skipper\n add r0, r0, #1\n sub r1, r1, #1\n b 1b\n"
    "skipper: tst r1, #7\n addeq lr, lr, #4\n bx lr\n"
    "last:   mov r2, lr\n mov r1, r0\n mov r0, #0\n"
    "1:      add r0, r0, #1\n bl drops\n b 1b\n"
    "drops:  subs r1, r1, #1\n moveq lr, r2\n bx lr\n .type rotated, %function\n"
    "rotated: mov r2, lr\n mov r1, r0\n mov r0, #0\n"
    "1:      mov r3, r1\n b 3f\n"
    "2:      bl steps\n"
    "3:      cmp r3, #0\n bne 2b\n subs r1, r1, #1\n bne 1b\n bx r2\n"
    "steps:  add r0, r0, #1\n sub r3, r3, #1\n bx lr\n .popsection\n"
    ".pushsection leafcode, \"ax\", %progbits\n .arm\n .balign 65536\n .type patched, %function\n"
    "patched: movw r0, #0\n bx lr\n .balign 65536\n .popsection\n");
static void patch(uint32_t value) { *(volatile uint32_t *)(uintptr_t)patched = 0xe3000000 | (value & 0xf000) << 4 | (value & 0xfff); }
#else
#ifdef __x86_64__
#define ARGUMENT "mov %edi, %ecx\n"
#define TOP "(%rsp)"
#define ADD "addq"
#define DROP "add $8, %rsp\n"
#else
#define ARGUMENT "mov 4(%esp), %ecx\n"
#define TOP "(%esp)"
#define ADD "addl"
#define DROP "add $4, %esp\n"
#endif
asm("skips: " ARGUMENT "xor %eax, %eax\n"
    "1:      test %ecx, %ecx\n jz 2f\n call skipper\n add $1, %eax\n sub $1, %ecx\n jmp 1b\n"
    "2:      ret\n"
    "skipper: test $7, %ecx\n jnz 1f\n " ADD " $3, " TOP "\n"
    "1:      ret\n"
    "last: " ARGUMENT "xor %eax, %eax\n"
    "1:      add $1, %eax\n call drops\n jmp 1b\n"
    "drops:  sub $1, %ecx\n jz 1f\n ret\n"
    "1:      " DROP "ret\n"
    "rotated: " ARGUMENT "xor %eax, %eax\n"
    "1:      mov %ecx, %edx\n jmp 3f\n"
    "2:      call steps\n"
    "3:      test %edx, %edx\n jnz 2b\n sub $1, %ecx\n jnz 1b\n ret\n"
    "steps:  add $1, %eax\n sub $1, %edx\n ret\n"
    ".pushsection leafcode, \"ax\", @progbits\n .balign 65536\n nop\n nop\n nop\n"
    "patched: mov $0x12345678, %eax\n ret\n .balign 65536\n .popsection\n");
static void patch(uint32_t value) { *(volatile uint32_t *)((uintptr_t)patched + 1) = value; }
#endif

// --- faults and signals inside
LEAF static uint32_t reads(volatile unsigned char *at, uint32_t x) { return x & 1 ? *at + x : x; }
LOOP static uint32_t reads_all(uint32_t n) {
    uint32_t total = 0;
    for (uint32_t i = 0; i < n; i++) total = total * 3 + reads(&page[i % 64], i);
    return total;
}

static atomic_uint ticks;
static volatile int jumps;
static void tick(int sig) {
    (void)sig;
    ticks++;
    if (jumps) siglongjmp(away, 1);
}

static void signals(void) {
    fault_rounds(reads_all, 5000);
    struct sigaction on_tick = {.sa_handler = tick, .sa_flags = SA_RESTART};
    sigaction(SIGALRM, &on_tick, 0);
    const struct itimerval often = {{0, 700}, {0, 700}}, never = {{0, 0}, {0, 0}};
    const uint64_t s = sum_again(3, 1000);
    setitimer(ITIMER_REAL, &often, 0);
    for (int round = 0; round < 60 || (ticks < 30 && round < 100000); round++) SAME(sum(3, 1000), s), SAME(rotated(200), 20100u);
    SAME(ticks >= 30, 1);
    for (volatile int round = 0; round < 30; round++) {
        if (!sigsetjmp(away, 1)) {
            jumps = 1;
            for (;;) SAME(sum(3, 1000), s), SAME(rotated(200), 20100u);
        }
        jumps = 0;
        SAME(sum(3, 1000), s);
    }
    setitimer(ITIMER_REAL, &never, 0);
}

// --- code that is overwritten
static void publish(uint32_t value) {
    patch(value);
    __builtin___clear_cache((char *)(uintptr_t)patched, (char *)(uintptr_t)patched + 16);
}
LOOP static uint32_t patched_all(uint32_t n) {
    uint32_t total = 0;
    for (uint32_t i = 0; i < n; i++) total += patched();
    return total;
}
/// The highest of n; 0 if one was lower than the one before.
LOOP static uint32_t patched_rises(uint32_t n) {
    uint32_t before = 0;
    for (uint32_t i = 0; i < n; i++) {
        const uint32_t now = patched();
        if (now < before) return 0;
        before = now;
    }
    return before;
}
static void *writer(void *unused) {
    (void)unused;
    for (uint32_t i = 1000; i < 1300; i++) publish(i), usleep(300);
    return 0;
}
static void overwritten(void) {
    const uintptr_t at = (uintptr_t)patched & -page_size;
    if (mprotect((void *)at, page_size, PROT_READ | PROT_WRITE | PROT_EXEC)) return (void)(failures++, printf("not writable\n"));
    for (uint32_t i = 1; i < 60; i++) {
        publish(i);
        SAME(patched_all(3000), i * 3000);
    }
    publish(1000);
    pthread_t thread;
    pthread_create(&thread, 0, writer, 0);
    while (patched() < 1299) SAME(patched_rises(5000) >= 1000, 1);
    pthread_join(thread, 0);
    SAME(patched_all(1000), 1299000u);
}

int main(void) {
    page_size = (size_t)sysconf(_SC_PAGESIZE);
    for (uint32_t round = 0; round < 4; round++) {
        SAME(sum(round, 4000), sum_again(round, 4000));
        SAME(tree(16), tree_again(16));
        SAME(skips(8000), 7000u);
        SAME(last(6000), 6000u);
        SAME(rotated(300), 45150u);
    }
    sides(20000);
    for (uint32_t at = 0; at < 400; at += 7) {
        rare = at;
        SAME(sides(400), sides_again(400));
    }
    rare = 3; // every sixteenth time
    SAME(sides(20000), sides_again(20000));
    signals();
    overwritten();
    puts(failures ? "failed" : "ok");
    return failures != 0;
}

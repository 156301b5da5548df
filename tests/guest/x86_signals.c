// SPDX-License-Identifier: MIT
// What a signal handler of x86 finds in its frame and may change there, faults that the processor raises, segments, threads; for
// 64-bit and 32-bit programs. Says the same on real processors.
#define _GNU_SOURCE
#include <asm/ldt.h>
#include <fenv.h>
#include <pthread.h>
#include <setjmp.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <time.h>
#include <ucontext.h>
#include <unistd.h>

static int bad;
#define CHECK(what) do { if (!(what)) { printf("line %d: %s\n", __LINE__, #what); bad = 1; } } while (0)

#ifdef __x86_64__
enum { ip = REG_RIP, ax = REG_RAX, trap = REG_TRAPNO, cr2 = REG_CR2 };
#define R "r"
#else
enum { ip = REG_EIP, ax = REG_EAX, trap = REG_TRAPNO };
#define R "e"
#endif

static volatile int last_signal, last_code, last_trap, skip;
static volatile uintptr_t last_address, last_cr2;
static void on_fault(int signal, siginfo_t *info, void *context) {
    ucontext_t *uc = context;
    last_signal = signal;
    last_code = info->si_code;
    last_address = (uintptr_t)info->si_addr;
    last_trap = (int)uc->uc_mcontext.gregs[trap];
#ifdef __x86_64__
    last_cr2 = (uintptr_t)uc->uc_mcontext.gregs[cr2];
#else
    last_cr2 = uc->uc_mcontext.cr2;
#endif
    uc->uc_mcontext.gregs[ip] += skip;
    uc->uc_mcontext.gregs[ax] = 4711;
}
/// The instruction of `bytes` bytes raises the signal, and is skipped; the handler leaves 4711 in eax. ebx points to nothing, ecx to
/// read-only memory, edx to a misaligned vector.
#define RAISES(signal, code, bytes, text) do { \
    int out; \
    skip = bytes, last_signal = 0; \
    __asm__ volatile(text : "=a"(out) : "b"(0x123000), "c"(read_only), "d"(misaligned), "0"(0) : "memory", "cc"); \
    CHECK(out == 4711 && last_signal == (signal) && last_code == (code)); \
    if (last_code != (code) || last_signal != (signal)) printf("    signal %d code %d\n", last_signal, last_code); \
} while (0)

static sigjmp_buf back;
static void on_fpe(int signal, siginfo_t *info, void *context) {
    (void)signal, (void)context;
    last_code = info->si_code;
    siglongjmp(back, 1);
}

static void spoil(int signal) {
    last_signal = signal;
    __asm__ volatile("xorps %%xmm7, %%xmm7; fninit; fldz; fldz" : : : "xmm7", "memory");
    __asm__ volatile("fninit");
}

static void registers_survive(int flags) {
    static const float in[4] = {1, 2, 3, 4};
    float out[4];
    long double x = 0;
    unsigned short before, after;
    struct sigaction action = {.sa_handler = spoil, .sa_flags = flags};
    sigaction(SIGUSR1, &action, NULL);
    const int pid = getpid(), tid = (int)syscall(SYS_gettid);
    long result = SYS_tgkill;
    __asm__ volatile("fnstcw %0" : "=m"(before));
    __asm__ volatile("fld1; fldpi; movups %[in], %%xmm7\n\t"
#ifdef __x86_64__
                     "syscall\n\t"
#else
                     "int $0x80\n\t"
#endif
                     "movups %%xmm7, %[out]; faddp; fstpt %[x]"
                     : "+a"(result), [out] "=m"(out), [x] "=m"(x)
#ifdef __x86_64__
                     : [in] "m"(in), "D"(pid), "S"(tid), "d"(SIGUSR1) : "rcx", "r11", "xmm7", "memory");
#else
                     : [in] "m"(in), "b"(pid), "c"(tid), "d"(SIGUSR1) : "xmm7", "memory");
#endif
    __asm__ volatile("fnstcw %0" : "=m"(after));
    CHECK(result == 0 && last_signal == SIGUSR1 && !memcmp(in, out, sizeof in) && before == after);
    CHECK(x > 4.14L && x < 4.15L);
}

static volatile double zero;
static volatile long double wide_zero;
static void floating_point(void) {
    struct sigaction action = {.sa_sigaction = on_fpe, .sa_flags = SA_SIGINFO};
    sigaction(SIGFPE, &action, NULL);
    last_code = 0;
    if (!sigsetjmp(back, 1)) {
        feenableexcept(FE_DIVBYZERO);
        __asm__ volatile("divsd %1, %0" : : "x"(1.0), "m"(zero));
    }
    CHECK(last_code == FPE_FLTDIV);
    last_code = 0;
    if (!sigsetjmp(back, 1)) {
        feenableexcept(FE_INVALID);
        wide_zero = wide_zero / wide_zero;
        __asm__ volatile("fwait");
    }
    CHECK(last_code == FPE_FLTINV);
    fesetenv(FE_DFL_ENV);
    wide_zero = 1 / wide_zero; // masked again
    last_code = 0;
    if (!sigsetjmp(back, 1)) __asm__ volatile("idivl %2" : : "a"(1), "d"(0), "r"(0) : "cc");
    CHECK(last_code == FPE_INTDIV);
}

static void segments(void) {
#ifndef __x86_64__
    static int there = 12345;
    struct user_desc area = {.entry_number = -1u, .base_addr = (unsigned)&there, .limit = 0xfffff, .seg_32bit = 1, .limit_in_pages = 1, .useable = 1};
    CHECK(syscall(SYS_set_thread_area, &area) == 0);
    int value, old;
    __asm__ volatile("movl %%fs, %1; movl %2, %%fs; movl %%fs:0, %0; movl %1, %%fs" : "=r"(value), "=&r"(old) : "r"(area.entry_number * 8 + 3));
    CHECK(value == 12345);
    area.entry_number = 5;
    CHECK(syscall(SYS_modify_ldt, 1, &area, sizeof area) == 0);
    __asm__ volatile("movl %%ds, %1; movl %2, %%ds; movl 0, %0; movl %1, %%ds" : "=r"(value), "=&r"(old) : "r"(5 * 8 + 7));
    CHECK(value == 12345);
#endif
}

// A new thread has its maker's control words, and an x87 of its own.
static void *beginning(void *unused) {
    uint16_t x87;
    uint32_t mxcsr;
    const long long from = 0x123456789abcdll;
    long long to = 0;
    __asm__ volatile("fnstcw %0; stmxcsr %1" : "=m"(x87), "=m"(mxcsr));
    CHECK(x87 == 0xf7f && (mxcsr & 0x7f80) == 0x5f80);
    __asm__ volatile("fildll %1; fistpll %0" : "=m"(to) : "m"(from));
    CHECK(to == from);
    return unused;
}
static void threads(void) {
    const uint16_t up = 0xf7f, normal = 0x37f;
    const uint32_t sse_up = 0x5f80, sse_normal = 0x1f80;
    volatile long double sum = 0;
    pthread_t thread;
    __asm__ volatile("fldcw %0; ldmxcsr %1" : : "m"(up), "m"(sse_up));
    for (int i = 0; i < 3; i++) sum += i; // in the processor's registers, if ever
    if (pthread_create(&thread, NULL, beginning, NULL) || pthread_join(thread, NULL)) bad = 1;
    __asm__ volatile("fldcw %0; ldmxcsr %1" : : "m"(normal), "m"(sse_normal));
    CHECK(sum == 3);
}

int main(void) {
    threads();
    static char area[64] __attribute__((aligned(16)));
    void *misaligned = area + 1, *read_only = mmap(NULL, 4096, PROT_READ, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    struct sigaction action = {.sa_sigaction = on_fault, .sa_flags = SA_SIGINFO};
    sigaction(SIGSEGV, &action, NULL);
    sigaction(SIGILL, &action, NULL);
    sigaction(SIGTRAP, &action, NULL);

    RAISES(SIGSEGV, SEGV_MAPERR, 2, "movb (%%" R "bx), %%al");
    CHECK(last_address == 0x123000 && last_cr2 == 0x123000 && last_trap == 14);
    RAISES(SIGSEGV, SEGV_ACCERR, 2, "movb %%al, (%%" R "cx)");
    CHECK(last_address == (uintptr_t)read_only && last_trap == 14);
    RAISES(SIGSEGV, SI_KERNEL, 3, "movaps (%%" R "dx), %%xmm0");
    CHECK(last_trap == 13);
    RAISES(SIGSEGV, SI_KERNEL, 1, "hlt");
    RAISES(SIGSEGV, SI_KERNEL, 2, "int $0x99");
    RAISES(SIGILL, ILL_ILLOPN, 2, "ud2");
    CHECK(last_trap == 6);
    RAISES(SIGTRAP, SI_KERNEL, 0, "int3");
    CHECK(last_trap == 3);
    registers_survive(SA_SIGINFO);
    registers_survive(0);
    floating_point();
    segments();
#ifdef __x86_64__
    // The vsyscall page: not every kernel still has it, but every one that has tells the time.
    if (!sigsetjmp(back, 1)) {
        struct sigaction away = {.sa_sigaction = on_fpe, .sa_flags = SA_SIGINFO};
        sigaction(SIGSEGV, &away, NULL);
        time_t now = time(NULL), then = ((time_t (*)(time_t *))0xffffffffff600400)(NULL);
        CHECK(then >= now && then - now < 5);
    }
#endif
    puts(bad ? "failed" : "ok");
    return bad;
}

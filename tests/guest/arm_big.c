// SPDX-License-Identifier: MIT
// A big-endian Arm program without a C library: data, a signal handler, the kernel's helper functions.
static long call(long number, long a, long b, long c, long d) {
    register long r0 __asm__("r0") = a;
    register long r1 __asm__("r1") = b;
    register long r2 __asm__("r2") = c;
    register long r3 __asm__("r3") = d;
    register long r7 __asm__("r7") = number;
    __asm__ volatile("svc 0" : "+r"(r0) : "r"(r1), "r"(r2), "r"(r3), "r"(r7) : "memory");
    return r0;
}
static volatile int handled;
__attribute__((noinline)) static void handler(int number) { handled = number; }
static volatile unsigned word = 0x11223344;

__attribute__((used)) static void run(void) {
    struct {
        void (*handler)(int);
        unsigned long flags;
        void (*restorer)(void);
        unsigned mask[2];
    } action = {handler, 0, 0, {0, 0}};
    if (*(volatile unsigned char*)&word != 0x11) call(1, 2, 0, 0, 0);
    if (call(174, 10, (long)&action, 0, 8)) call(1, 3, 0, 0, 0); // rt_sigaction
    action.flags = 4; // SA_SIGINFO
    if (call(174, 12, (long)&action, 0, 8)) call(1, 3, 0, 0, 0);
    const long self = call(20, 0, 0, 0, 0);
    call(37, self, 10, 0, 0);
    if (handled != 10) call(1, 4, 0, 0, 0);
    call(37, self, 12, 0, 0);
    if (handled != 12) call(1, 5, 0, 0, 0);
    int (*const exchange)(int, int, volatile int*) = (int (*)(int, int, volatile int*))0xffff0fc0;
    if (exchange(12, 77, &handled) || handled != 77) call(1, 6, 0, 0, 0);
    call(4, 1, (long)"ok\n", 3, 0);
    call(1, 0, 0, 0, 0);
}
__attribute__((naked, used)) void _start(void) { __asm__ volatile("b run"); }

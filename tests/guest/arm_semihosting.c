// SPDX-License-Identifier: MIT
// A program for a bare Arm processor, whose machine does its input and output (Arm: Semihosting for AArch32 and AArch64).
// Freestanding; as Arm and as Thumb code.
enum { OPEN = 1, CLOSE, WRITEC, WRITE0, WRITE, READ, READC, ISERROR, ISTTY, SEEK, FLEN = 12, TMPNAM, REMOVE, RENAME, CLOCK, TIME, SYSTEM, ERRNO,
       GET_CMDLINE = 0x15, HEAPINFO, EXIT = 0x18, EXIT_EXTENDED = 0x20, ELAPSED = 0x30, TICKFREQ };

static long host(long operation, const void* parameter) {
    register long r0 __asm__("r0") = operation;
    register const void* r1 __asm__("r1") = parameter;
#ifdef __thumb__
    __asm__ volatile("svc 0xab" : "+r"(r0) : "r"(r1) : "memory");
#else
    __asm__ volatile("svc 0x123456" : "+r"(r0) : "r"(r1) : "memory");
#endif
    return r0;
}
static unsigned length(const char* s) {
    unsigned n = 0;
    while (s[n]) n++;
    return n;
}
static void finish(long status) {
    const long block[] = {0x20026, status};
    host(EXIT_EXTENDED, block);
}
static void check(int good, const char* what) {
    if (good) return;
    host(WRITE0, what);
    host(WRITEC, "\n");
    finish(1);
}
static long open_file(const char* name, int mode) {
    const long block[] = {(long)name, mode, length(name)};
    return host(OPEN, block);
}
#define CALL(operation, ...) host(operation, (const long[]){__VA_ARGS__})
#define CHECK(what) check(what, #what)

__attribute__((used)) static void run(void) {
    static char text[64];
    const char a[] = "semihosted.txt", b[] = "moved.txt";
    long out = open_file(":tt", 4), in = open_file(":tt", 0);
    CHECK(out > 0 && in > 0);
    CHECK(CALL(WRITE, out, (long)"line\n", 5) == 0);
    CHECK(CALL(READ, in, (long)text, 3) == 0 && text[0] == 'a' && text[2] == 'c');
    CHECK(host(READC, 0) == 'd');
    CHECK(CALL(READ, in, (long)text, 8) == 7); // one is left, then nothing
    long file = open_file(a, 6);
    CHECK(file > 0 && CALL(WRITE, file, (long)"0123456789", 10) == 0);
    CHECK(CALL(FLEN, file) == 10 && CALL(ISTTY, file) == 0);
    CHECK(CALL(SEEK, file, 7) == 0 && CALL(READ, file, (long)text, 8) == 5 && text[1] == '8');
    CHECK(CALL(CLOSE, file) == 0 && CALL(CLOSE, file) == -1 && CALL(ERRNO, 0) == 9);
    CHECK(CALL(RENAME, (long)a, length(a), (long)b, length(b)) == 0);
    CHECK(open_file(a, 0) == -1 && CALL(ERRNO, 0) == 2);
    CHECK(CALL(REMOVE, (long)b, length(b)) == 0 && CALL(REMOVE, (long)b, length(b)) != 0);
    CHECK(CALL(ISERROR, -3) != 0 && CALL(ISERROR, 3) == 0);
    CHECK(CALL(TMPNAM, (long)text, 7, sizeof text) == 0 && text[0] == '/');
    long line[] = {(long)text, sizeof text};
    CHECK(host(GET_CMDLINE, line) == 0 && line[1] == (long)length(text));
    host(WRITE0, text);
    static long heap[4];
    CALL(HEAPINFO, (long)heap);
    CHECK(heap[1] - heap[0] >= 1 << 20 && (unsigned long)heap[2] > (unsigned long)heap[0]);
    *(volatile char*)heap[0] = 1;
    *(volatile char*)(heap[1] - 1) = 1;
    unsigned ticks[2] = {0, 0}, later[2] = {0, 0};
    CHECK(host(TICKFREQ, 0) > 0 && host(ELAPSED, ticks) == 0 && host(ELAPSED, later) == 0 && (later[1] > ticks[1] || later[0] >= ticks[0]));
    CHECK(host(TIME, 0) > 1000000000 && host(CLOCK, 0) >= 0);
    CHECK(CALL(SYSTEM, (long)"exit 5", 6) == 5);
    CHECK(host(0x99, 0) == -1);
    CHECK(CALL(WRITE, 99, (long)text, 4) == 4 && CALL(WRITE, out, 8, 4) == 4); // no such handle, no such memory
    host(WRITE0, " ok\n");
    finish(3);
}
// The stack is where HEAPINFO says, as crt0 of such programs has it; the entry point of Linux will do.
__attribute__((naked, used)) void _start(void) { __asm__ volatile("b run"); }

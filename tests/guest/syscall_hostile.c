// SPDX-License-Identifier: MIT
// Random system calls of all kinds, also those that tear up this program's own memory, in children that may well die of it. What
// a child must not do is die as only a broken emulator does; the test looks at that. Arguments: seed, seconds.
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

static uint64_t seed;
static uint64_t rnd(void) {
    seed ^= seed << 13;
    seed ^= seed >> 7;
    return seed ^= seed << 17;
}

// What ends or copies the program, signals others, or stops it for good.
static const int left_out[] = {SYS_exit, SYS_exit_group, SYS_clone, SYS_clone3, SYS_kill, SYS_tkill, SYS_tgkill, SYS_rt_sigqueueinfo,
                               SYS_rt_tgsigqueueinfo, SYS_pidfd_send_signal, SYS_reboot, SYS_execve, SYS_execveat, SYS_setitimer,
#ifdef SYS_fork
                               SYS_fork, SYS_vfork, SYS_pause,
#endif
#ifdef SYS_alarm
                               SYS_alarm,
#endif
                               SYS_rt_sigsuspend, SYS_rt_sigtimedwait};
static int skipped(long number) {
    for (unsigned i = 0; i < sizeof left_out / sizeof *left_out; i++)
        if (left_out[i] == number) return 1;
    return 0;
}

static char *pages; // four, then a hole
static uint64_t value(void) {
    const uint64_t at = (uintptr_t)pages;
    switch (rnd() % 18) {
    case 0: return 0;
    case 1: return rnd() % 8;
    case 2: return ~0ull;
    case 3: return 8;
    case 4: return 0xffffffffffff0000ull + rnd() % 65536;
    case 5: return 1ull << (rnd() % 64);
    case 6: return at + rnd() % 64;
    case 7: return at + 4 * 4096 - rnd() % 64;
    case 8: return at + 4 * 4096;
    case 9: return (uintptr_t)&skipped;
    case 10: return 0x7fffffffffffull - rnd() % 0x10000000;
    case 11: return rnd();
    case 12: return -100 + rnd() % 200;
    case 13: return at + 4096 * (rnd() % 4);
    case 14: return 4096 * (rnd() % 8);
    case 15: return (1ull << (rnd() % 32)) - rnd() % 3;
    case 16: return at + rnd() % (4 * 4096);
    default: return rnd() % 4096;
    }
}

static void fill(void) {
    for (unsigned i = 0; i < 4 * 4096 / 8; i++) ((uint64_t *)pages)[i] = rnd() % 3 ? 0 : value();
    strcpy(pages + 64 * (rnd() % 64), "x/y");
}

static void child(void) {
    int ends[2];
    struct rlimit few = {1 << 20, 1 << 20}, none = {0, 0};
    setsid();
    setrlimit(RLIMIT_FSIZE, &few);
    setrlimit(RLIMIT_CORE, &none);
    int null = open("/dev/null", O_RDWR);
    dup2(null, 0), dup2(null, 1);
    socketpair(AF_UNIX, SOCK_STREAM, 0, ends);
    pipe(ends);
    memfd_create("x", 0);
    open("/proc/self/status", O_RDONLY);
    open(".", O_RDONLY);
    socket(AF_INET, SOCK_DGRAM, 0);
    alarm(1);
    for (int i = 0; i < 60; i++) {
        long number = rnd() % 460;
        if (skipped(number)) continue;
        if (i % 8 == 0) fill();
        uint64_t a[6];
        for (int k = 0; k < 6; k++) a[k] = value();
        // Memory that is really taken stays small.
#ifndef SYS_mmap
#define SYS_mmap SYS_mmap2
#endif
        if (number == SYS_mmap || number == SYS_mremap || number == SYS_brk)
            for (int k = 1; k < 3; k++)
                if (a[k] > 1 << 24 && a[k] < 1ull << 47) a[k] &= 0xffffff;
        syscall(number, a[0], a[1], a[2], a[3], a[4], a[5]);
    }
    _exit(0);
}

int main(int argc, char **argv) {
    const uint64_t first = argc > 1 ? strtoull(argv[1], 0, 0) : 1;
    const time_t end = time(0) + (argc > 2 ? atoi(argv[2]) : 5);
    unsigned long ways[130] = {0}, count = 0;
    pages = mmap((void *)0x10000000, 5 * 4096, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED_NOREPLACE, -1, 0);
    mprotect(pages + 4 * 4096, 4096, PROT_NONE);
    unshare(CLONE_NEWIPC | CLONE_NEWNET | CLONE_NEWNS);
    if (getuid() == 0 && (setgid(65534) || setuid(65534))) return 1;
    for (; time(0) < end; count++) {
        const uint64_t this = first * 0x9e3779b97f4a7c15ull + count;
        pid_t pid = fork();
        if (pid == 0) {
            seed = (this ^ this >> 31) * 0xbf58476d1ce4e5b9ull | 1;
            child();
        }
        int status = 0;
        for (int i = 0; waitpid(pid, &status, WNOHANG) == 0; i++) {
            if (i == 3000) kill(pid, SIGKILL);
            usleep(1000);
        }
        // Nobody calls abort, and nothing divides by zero.
        const int signal = WIFSIGNALED(status) ? WTERMSIG(status) : 0;
        ways[signal]++;
        if (signal == SIGABRT || signal == SIGFPE) {
            printf("seed %llu, child %lu: signal %d\n", (unsigned long long)first, count, signal);
            return 1;
        }
    }
    printf("%lu children:", count);
    for (int i = 0; i < 65; i++)
        if (ways[i]) printf(" %lu of %d", ways[i], i);
    printf("\nok\n");
    return 0;
}

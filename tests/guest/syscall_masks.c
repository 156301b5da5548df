// SPDX-License-Identifier: MIT
// Signal masks in structures: what sigaction(2) reads and writes, byte by byte, and what holds while a handler runs.
#define _GNU_SOURCE
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

static int blocked[3];
static void handler(int signal) {
    sigset_t now;
    sigprocmask(SIG_SETMASK, NULL, &now);
    blocked[0] = sigismember(&now, SIGUSR2), blocked[1] = sigismember(&now, SIGRTMAX), blocked[2] = sigismember(&now, SIGHUP);
    (void)signal;
}

int main(void) {
    struct sigaction action, old;
    memset(&action, 0, sizeof action);
    action.sa_handler = handler;
    sigaddset(&action.sa_mask, SIGUSR2);
    sigaddset(&action.sa_mask, SIGRTMAX);
    sigaction(SIGUSR1, &action, NULL);
    sigaction(SIGUSR1, NULL, &old);
    raise(SIGUSR1);
    printf("%d %d %d %d %d %d\n", sigismember(&old.sa_mask, SIGUSR2), sigismember(&old.sa_mask, SIGRTMAX), sigismember(&old.sa_mask, SIGHUP), blocked[0],
           blocked[1], blocked[2]);
    // The kernel's structure: handler, flags, restorer, and a mask of 64 bits in longs.
    unsigned char raw[64];
    memset(raw, 0xaa, sizeof raw);
    syscall(SYS_rt_sigaction, SIGUSR1, NULL, raw, 8);
    unsigned end = sizeof raw;
    while (end && raw[end - 1] == 0xaa) end--;
    printf("%d\n", end == 3 * sizeof(long) + 8);
    return 0;
}

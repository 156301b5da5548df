// SPDX-License-Identifier: MIT
// Every system call with the same few kinds of nonsense: prints "number pattern result" where the result is ok, an errno, or
// the signal that ended it. The same program run natively says what is right.
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

enum { patterns = 9, last_number = 451 };

// What ends, copies or restarts the program, or signals others.
static const int left_out[] = {
    SYS_exit, SYS_exit_group, SYS_clone, SYS_clone3, SYS_kill, SYS_tkill, SYS_rt_sigreturn, SYS_restart_syscall, SYS_reboot,
#ifdef SYS_fork
    SYS_fork, SYS_vfork,
#endif
};
static int skipped(long number) {
    for (unsigned i = 0; i < sizeof left_out / sizeof *left_out; i++)
        if (left_out[i] == number) return 1;
    return 0;
}

static int* results; // of one number: 0 ok, errno, or -1 not done
static char* page;   // the last one before a hole
static int null;

static void try_all(int number) {
    const unsigned long bad = 8, huge = 1ul << 62, path = (unsigned long)page, edge = (unsigned long)page + 4092, fd = (unsigned long)null;
    const unsigned long table[patterns][6] = {
        {0, 0, 0, 0, 0, 0},
        {-1ul, -1ul, -1ul, -1ul, -1ul, -1ul},
        {bad, bad, bad, bad, bad, bad},
        {edge, edge, edge, edge, edge, edge},
        {fd, bad, bad, bad, bad, bad},
        {path, bad, bad, bad, bad, bad},
        {-100ul, path, bad, bad, bad, bad},
        {fd, path, huge, huge, huge, huge},
        {1ul << 63, fd, 1ul << 63, 3, 1ul << 63, 8},
    };
    for (int i = 0; i < patterns; i++) {
        const unsigned long* a = table[i];
        strcpy(page, "/dev/null");
        alarm(1);
        long result = syscall(number, a[0], a[1], a[2], a[3], a[4], a[5]);
        int error = errno;
        alarm(0);
        results[i] = result == -1 ? error : 0;
    }
}

int main(int argc, char** argv) {
    int first = argc > 1 ? atoi(argv[1]) : 0, last = argc > 2 ? atoi(argv[2]) : last_number - 1;
    page = mmap((void*)0x10000000, 2 * 4096, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED_NOREPLACE, -1, 0);
    mprotect(page + 4096, 4096, PROT_NONE); // a hole that nothing gets mapped into
    results = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    null = open("/dev/null", O_RDWR);
    unshare(CLONE_NEWIPC); // queues and segments go with this
    if (getuid() == 0 && (setgid(65534) || setuid(65534))) return 1;
    struct rlimit limit = {0, 0};
    setrlimit(RLIMIT_CORE, &limit);
    setvbuf(stdout, NULL, _IOLBF, 0);
    for (int number = first; number <= last; number++) {
        if (skipped(number)) continue;
        for (int i = 0; i < patterns; i++) results[i] = -1;
        pid_t child = fork();
        if (child == 0) {
            setsid();
            dup2(null, 0), dup2(null, 1), dup2(null, 2);
            try_all(number);
            _exit(0);
        }
        int status = 0;
        // Some masks keep SIGALRM away too.
        for (int i = 0; waitpid(child, &status, WNOHANG) == 0; i++) {
            if (i == 3000) kill(child, SIGKILL);
            usleep(1000);
        }
        for (int i = 0; i < patterns; i++) {
            printf("%d %d ", number, i);
            if (results[i] == 0) printf("ok\n");
            else if (results[i] > 0) printf("errno %d\n", results[i]);
            else printf("ended %#x\n", status & 0xff7f);
            if (results[i] < 0) break;
        }
    }
    return 0;
}

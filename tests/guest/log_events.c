// SPDX-License-Identifier: MIT
// Does what the items of the log tell of: signals, faults, calls that nobody has, frames that are none.
#define _GNU_SOURCE
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/ptrace.h>
#include <sys/syscall.h>
#include <unistd.h>

#if defined(__aarch64__)
static void undefined(void) { __asm__ volatile(".inst 0"); }
static void return_from_nowhere(void) { __asm__ volatile("mov x0, #16; mov sp, x0; mov x8, #139; svc #0"); }
#elif defined(__x86_64__)
static void undefined(void) { __asm__ volatile("ud2"); }
static void return_from_nowhere(void) { __asm__ volatile("mov $16, %esp; mov $15, %eax; syscall"); }
#elif defined(__i386__)
static void undefined(void) { __asm__ volatile("ud2"); }
static void return_from_nowhere(void) { __asm__ volatile("mov $16, %esp; mov $173, %eax; int $0x80"); }
#elif defined(__arm__)
static void undefined(void) { __asm__ volatile("udf #0"); }
static void return_from_nowhere(void) { __asm__ volatile("mov r0, #16; mov sp, r0; mov r7, #173; svc #0"); }
#endif

static volatile int handled;
static void note(int signal) { handled = signal; }
static void leave(int signal) { _exit(signal); }

static void handle(int signal, void (*handler)(int), int flags) {
    struct sigaction action = {.sa_handler = handler, .sa_flags = flags};
    sigaction(signal, &action, NULL);
}
static void *other(void *argument) { return argument; }

int main(int argc, char **argv) {
    const char *what = argc > 1 ? argv[1] : "";
    if (!strcmp(what, "signal")) {
        handle(SIGUSR1, note, 0);
        handle(SIGUSR2, SIG_IGN, 0);
        raise(SIGUSR1);
        kill(getpid(), SIGUSR2);
        printf("handler %#lx got %d\n", (unsigned long)note, handled);
    } else if (!strcmp(what, "segv")) {
        handle(SIGSEGV, leave, 0);
        *(volatile int *)16 = 1;
    } else if (!strcmp(what, "undefined")) {
        handle(SIGILL, leave, 0);
        undefined();
    } else if (!strcmp(what, "unknown")) {
        syscall(9999);
        ptrace(PTRACE_TRACEME, 0, NULL, NULL);
        ioctl(0, _IOC(_IOC_NONE, 'Q', 0x7b, 0), 5);
    } else if (!strcmp(what, "frame")) { // no stack where the frame is to be
        char *gone = mmap(NULL, 1 << 16, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
        stack_t stack = {.ss_sp = gone, .ss_size = 1 << 16};
        sigaltstack(&stack, NULL);
        handle(SIGUSR1, note, SA_ONSTACK);
        raise(SIGUSR1);
    } else if (!strcmp(what, "return")) {
        return_from_nowhere();
    } else if (!strcmp(what, "thread")) {
        pthread_t thread;
        pthread_create(&thread, NULL, other, NULL);
        pthread_join(thread, NULL);
    }
    return 0;
}

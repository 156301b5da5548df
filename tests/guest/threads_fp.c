// SPDX-License-Identifier: MIT
// A new thread and a new process begin with the floating point state of their maker.
#include <fenv.h>
#include <pthread.h>
#include <stdio.h>
#include <sys/wait.h>
#include <unistd.h>

static volatile long double third = 3;
static volatile double one = 1;

static int rounds_up(void) { return 1 / (long double)third * 3 > 1 && fegetround() == FE_UPWARD; }

static void* thread(void* argument) {
    for (int i = 0; i < 1000; i++)
        if (!rounds_up()) return NULL;
    return argument;
}

int main(void) {
    fesetround(FE_UPWARD);
    for (int i = 0; i < 12; i++) {
        pthread_t id;
        void* good = NULL;
        one = one * 1.5 - (double)(third / 7); // the registers are in use
        if (pthread_create(&id, NULL, thread, &good) || pthread_join(id, &good) || !good) return puts("thread"), 1;
        const pid_t child = i & 1 ? vfork() : fork();
        if (child == 0) _exit(rounds_up() ? 7 : 8);
        int status = 0;
        waitpid(child, &status, 0);
        if (!WIFEXITED(status) || WEXITSTATUS(status) != 7) return printf("process: %x\n", status), 1;
    }
    puts("ok");
    return 0;
}

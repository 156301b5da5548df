// SPDX-License-Identifier: MIT
// A program of one thread may leave what only such may leave, whatever threads an emulator has; and goes on where it can have no
// further thread, though its children can.
#define _GNU_SOURCE
#include <errno.h>
#include <pthread.h>
#include <sched.h>
#include <stdio.h>
#include <sys/wait.h>
#include <unistd.h>

static int bad;
#define CHECK(what) do { if (!(what)) { printf("line %d: %s\n", __LINE__, #what); bad = 1; } } while (0)

static unsigned __attribute__((noinline)) work(unsigned x) { // hot, so that it is compiled beside
    for (unsigned i = 0; i < 3000000; i++) x = x * 1664525 + 1013904223;
    return x;
}
static void *nothing(void *p) { return p; }

int main(void) {
    const unsigned expected = work(1);
    CHECK(unshare(CLONE_SIGHAND | CLONE_VM) == 0);
    CHECK(unshare(CLONE_THREAD) == 0);
    CHECK(work(1) == expected);
    // Not everybody may make namespaces, and not every kernel has them.
    if (unshare(CLONE_NEWUSER) == 0) {
        CHECK(work(1) == expected);
        if (unshare(CLONE_NEWPID) == 0) {
            pthread_t thread;
            CHECK(work(1) == expected);
            CHECK(pthread_create(&thread, NULL, nothing, NULL) == EINVAL);
            const pid_t child = fork();
            if (child == 0) {
                const int fine = getpid() == 1 && work(1) == expected && pthread_create(&thread, NULL, nothing, NULL) == 0;
                _exit(fine && pthread_join(thread, NULL) == 0 ? 7 : 8);
            }
            int status = 0;
            CHECK(waitpid(child, &status, 0) == child && WIFEXITED(status) && WEXITSTATUS(status) == 7);
        } else {
            CHECK(errno != EINVAL);
        }
    } else {
        CHECK(errno != EINVAL);
    }
    CHECK(work(1) == expected);
    if (!bad) puts("ok");
    return bad;
}

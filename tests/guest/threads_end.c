// SPDX-License-Identifier: MIT
// Ends of threads and processes: the first thread leaves before the others, robust locks of dead threads, exit_group and
// fork with threads running, vfork's promise.
#define _GNU_SOURCE
#include <errno.h>
#include <pthread.h>
#include <signal.h>
#include <spawn.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

static int bad;
#define CHECK(what) do { if (!(what)) { printf("line %d: %s\n", __LINE__, #what); bad = 1; } } while (0)

static pthread_mutex_t robust;
static void *lock_and_leave(void *p) {
    pthread_mutex_lock(&robust);
    return p;
}
static void *sleep_and_exit(void *p) {
    usleep(50000);
    exit((int)(long)p);
}
static void *spin(void *p) {
    for (volatile long i = 0;; i++) {}
    return p;
}
static int wait_status(pid_t pid) {
    int status = -1;
    waitpid(pid, &status, 0);
    return WIFEXITED(status) ? WEXITSTATUS(status) : 1000 + status;
}

int main(void) {
    setvbuf(stdout, NULL, _IOLBF, 0);
    pthread_t t;

    pthread_mutexattr_t attr;
    pthread_mutexattr_init(&attr);
    pthread_mutexattr_setrobust(&attr, PTHREAD_MUTEX_ROBUST);
    pthread_mutex_init(&robust, &attr);
    pthread_create(&t, NULL, lock_and_leave, NULL);
    pthread_join(t, NULL);
    CHECK(pthread_mutex_lock(&robust) == EOWNERDEAD);
    CHECK(pthread_mutex_consistent(&robust) == 0);
    pthread_mutex_unlock(&robust);

    pid_t p = fork();
    if (!p) {
        pthread_create(&t, NULL, sleep_and_exit, (void *)44);
        pthread_exit(NULL); // the first thread leaves
    }
    CHECK(wait_status(p) == 44);

    p = fork();
    if (!p) {
        for (int i = 0; i < 4; i++) pthread_create(&t, NULL, spin, NULL);
        usleep(20000);
        _exit(45); // exit_group while they run
    }
    CHECK(wait_status(p) == 45);

    p = fork();
    if (!p) {
        for (int i = 0; i < 3; i++) pthread_create(&t, NULL, spin, NULL);
        for (int i = 0; i < 20; i++) { // children of a process with threads have one, and it works
            pid_t c = fork();
            if (!c) {
                void *m = malloc(100000);
                free(m);
                pthread_t u;
                pthread_create(&u, NULL, lock_and_leave, NULL);
                pthread_join(u, NULL);
                _exit(7);
            }
            if (wait_status(c) != 7) _exit(1);
        }
        _exit(46);
    }
    CHECK(wait_status(p) == 46);

    static volatile int borrowed;
    p = vfork();
    if (!p) {
        usleep(30000);
        borrowed = 5;
        signal(SIGUSR2, SIG_IGN); // of the child alone
        _exit(47);
    }
    CHECK(borrowed == 5); // vfork came back only after the child was gone, and its memory was ours
    CHECK(wait_status(p) == 47);
    CHECK(signal(SIGUSR2, SIG_DFL) == SIG_DFL);

    char *const argv[] = {"x", NULL};
    CHECK(posix_spawn(&p, "/no/such/program", NULL, NULL, argv, argv) == ENOENT);
    CHECK(posix_spawn(&p, "/bin/true", NULL, NULL, argv, argv) == 0 && wait_status(p) == 0);
    for (int i = 0; i < 3; i++) pthread_create(&t, NULL, spin, NULL);
    for (int i = 0; i < 20; i++) CHECK(system("exit 3") == 3 << 8);

    printf(bad ? "bad\n" : "ok\n");
    return bad;
}

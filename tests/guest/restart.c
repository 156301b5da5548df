// SPDX-License-Identifier: MIT
// Signals against blocking calls, many times: none is lost, none is delivered twice, calls restart or end as they should.
#define _GNU_SOURCE
#include <errno.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/select.h>
#include <sys/time.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

static int bad;
#define CHECK(what) do { if (!(what)) { printf("line %d: %s (errno %d)\n", __LINE__, #what, errno); bad = 1; } } while (0)
static volatile sig_atomic_t count;
static void on_signal(int s) { (void)s, count++; }
static void catch(int signal, int flags) {
    struct sigaction action;
    memset(&action, 0, sizeof action);
    action.sa_handler = on_signal;
    action.sa_flags = flags;
    sigaction(signal, &action, NULL);
}

int main(void) {
    setvbuf(stdout, NULL, _IOLBF, 0);
    sigset_t block, old;
    sigemptyset(&block);
    sigaddset(&block, SIGUSR1);
    sigprocmask(SIG_BLOCK, &block, &old);
    catch(SIGUSR1, 0);

    // A peer sends one signal at a time and waits for the answer through a pipe; sigsuspend, ppoll and pselect must each
    // wake up for every one of them, though it may come before, in, or after the wait begins.
    int answer[2];
    CHECK(pipe(answer) == 0);
    pid_t peer = fork();
    if (!peer) {
        char c;
        close(answer[1]); // the parent's end decides when we are done
        for (int i = 0; i < 600; i++) {
            kill(getppid(), SIGUSR1);
            if (read(answer[0], &c, 1) != 1) _exit(1);
        }
        _exit(0);
    }
    for (int i = 0; i < 600; i++) {
        struct timespec limit = {10, 0};
        int before = count, result;
        switch (i % 3) {
        case 0: result = sigsuspend(&old); break;
        case 1: result = ppoll(NULL, 0, &limit, &old); break;
        default: result = pselect(0, NULL, NULL, NULL, &limit, &old); break;
        }
        CHECK(result == -1 && errno == EINTR && count == before + 1);
        if (bad || write(answer[1], "x", 1) != 1) break;
    }
    int status;
    waitpid(peer, &status, 0);
    CHECK(WIFEXITED(status) && WEXITSTATUS(status) == 0 && count == 600);
    sigprocmask(SIG_SETMASK, &old, NULL);

    // A timer at full rate against reads that restart: every byte arrives once.
    catch(SIGALRM, SA_RESTART);
    struct itimerval fast = {{0, 200}, {0, 200}}, off = {{0, 0}, {0, 0}};
    int data[2];
    CHECK(pipe(data) == 0);
    pid_t writer = fork();
    if (!writer) {
        for (int i = 0; i < 2000; i++) {
            char c = (char)i;
            if (write(data[1], &c, 1) != 1) _exit(1);
            if (i % 50 == 0) usleep(1000);
        }
        _exit(0);
    }
    count = 0;
    setitimer(ITIMER_REAL, &fast, NULL);
    for (int i = 0; i < 2000; i++) {
        char c = 0;
        ssize_t n = read(data[0], &c, 1);
        CHECK(n == 1 && c == (char)i);
        if (bad) break;
    }
    while (waitpid(writer, &status, 0) < 0 && errno == EINTR) {}
    setitimer(ITIMER_REAL, &off, NULL);
    CHECK(count > 10 && status == 0);

    // Sleeping ends early and says how much was left.
    catch(SIGALRM, 0);
    struct itimerval once = {{0, 0}, {0, 20000}};
    setitimer(ITIMER_REAL, &once, NULL);
    struct timespec wish = {5, 0}, left = {0, 0};
    CHECK(nanosleep(&wish, &left) == -1 && errno == EINTR && left.tv_sec == 4 && left.tv_nsec > 0);

    // A blocked signal stays pending and comes with unblocking, before the call returns.
    sigprocmask(SIG_BLOCK, &block, NULL);
    count = 0;
    raise(SIGUSR1);
    CHECK(count == 0);
    sigprocmask(SIG_UNBLOCK, &block, NULL);
    CHECK(count == 1);

    // Sent SIGSEGV is a signal like others: it can be blocked, and waited for.
    catch(SIGSEGV, 0);
    sigset_t segv;
    sigemptyset(&segv);
    sigaddset(&segv, SIGSEGV);
    sigprocmask(SIG_BLOCK, &segv, NULL);
    count = 0;
    raise(SIGSEGV);
    sigset_t pending;
    sigpending(&pending);
    CHECK(count == 0 && sigismember(&pending, SIGSEGV));
    sigprocmask(SIG_UNBLOCK, &segv, NULL);
    CHECK(count == 1);

    printf(bad ? "bad\n" : "ok\n");
    return bad;
}

// SPDX-License-Identifier: MIT
// What the gdb test looks at: a signal handler, a variable that is written, three threads that wait, a known double.
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <unistd.h>

volatile int watched, handled;
volatile double real = 1.5;
static pthread_barrier_t barrier;

static void __attribute__((noinline)) handler(int signal) { handled = signal; }

static int __attribute__((noinline)) add(int a, int b) { return a + b; }

static void __attribute__((noinline)) write_it(int value) { watched = value; }

static void* __attribute__((noinline)) worker(void* argument) {
    pthread_barrier_wait(&barrier);
    sleep(argument ? 100 : 0);
    return 0;
}

static void __attribute__((noinline)) together(void) { __asm__ volatile(""); }

int main(int argc, char** argv) {
    signal(SIGUSR1, handler);
    int sum = add(40, 2);
    raise(SIGUSR1);
    for (int i = 0; i < 1000; i++) write_it(0);
    write_it(sum);
    pthread_t threads[2];
    pthread_barrier_init(&barrier, 0, 3);
    for (long i = 0; i < 2; i++) pthread_create(&threads[i], 0, worker, (void*)1);
    pthread_barrier_wait(&barrier);
    usleep(300000); // until the threads sleep: not everything on the way there can be unwound
    together();
    (void)argv;
    if (argc > 1) *(volatile int*)0 = 1;
    return handled == SIGUSR1 && watched == 42 ? 7 : 1;
}

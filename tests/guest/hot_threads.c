// SPDX-License-Identifier: MIT
// Threads that come and go, share locks and atomics, and run loops and functions that call themselves hot enough to be compiled again,
// each kind by several threads at once. Neither forks nor signals: the thread sanitizer has its own ideas of those.
#include <pthread.h>
#include <stdatomic.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { workers = 4, generations = 3, rounds = 40 };
static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static pthread_cond_t changed = PTHREAD_COND_INITIALIZER;
static unsigned turn, guarded;
static atomic_uint counted;

static uint32_t mix(uint32_t x, unsigned n) {
    while (n--) x = x * 1664525 + 1013904223 + (x >> 7);
    return x;
}
static double series(unsigned n) {
    double sum = 0;
    for (unsigned i = 1; i <= n; i++) sum += 1.0 / ((double)i * i);
    return sum;
}
static unsigned bytes(unsigned n) {
    unsigned char *p = malloc(n);
    unsigned sum = 0;
    memset(p, 3, n);
    for (unsigned i = 0; i < n; i++) p[i] ^= i;
    for (unsigned i = 0; i < n; i++) sum += p[i];
    free(p);
    return sum;
}
static unsigned sorted(unsigned n) {
    unsigned v[64], moves = 0;
    for (unsigned i = 0; i < n; i++) v[i] = mix(i, 3) >> 8;
    for (unsigned i = 1; i < n; i++)
        for (unsigned k = i; k && v[k - 1] > v[k]; k--, moves++) {
            const unsigned t = v[k];
            v[k] = v[k - 1], v[k - 1] = t;
        }
    return moves;
}

static __attribute__((noinline)) unsigned calls(unsigned n) { return n < 2 ? n : calls(n - 1) + calls(n - 2); }

static void *work(void *number) {
    const unsigned me = (unsigned)(uintptr_t)number;
    uintptr_t result = 0;
    for (unsigned i = 0; i < rounds; i++) {
        result = mix((uint32_t)result, 300) + (uint32_t)(series(100) * 1e6) + bytes(200) + sorted(24) + calls(10);
        atomic_fetch_add(&counted, 1);
        pthread_mutex_lock(&lock);
        while (turn % workers != me) pthread_cond_wait(&changed, &lock);
        turn++, guarded++;
        pthread_cond_broadcast(&changed);
        pthread_mutex_unlock(&lock);
    }
    return (void *)result;
}

int main(void) {
    void *first = NULL;
    int same = 1;
    for (unsigned g = 0; g < generations; g++) {
        pthread_t threads[workers];
        for (unsigned t = 0; t < workers; t++) pthread_create(&threads[t], NULL, work, (void *)(uintptr_t)t);
        for (unsigned t = 0; t < workers; t++) {
            void *result;
            pthread_join(threads[t], &result);
            if (!first) first = result;
            same &= result == first;
        }
    }
    const unsigned all = workers * generations * rounds;
    puts(same && counted == all && guarded == all ? "ok" : "bad");
    return 0;
}

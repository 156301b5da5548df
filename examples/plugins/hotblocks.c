/* SPDX-License-Identifier: MIT */
/* The stretches of code that are executed most; top=N says how many to show.  cc -shared -fPIC -o hotblocks.so hotblocks.c */
#include <emu-plugin.h>

#include <inttypes.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define SLOTS (1u << 16)

/* A hash table that only grows; a stretch is known by its address and length. */
static struct slot {
    _Atomic uint64_t key, times;
} slots[SLOTS];
static const emu_plugin_host* host;
static unsigned top = 10;

static void executed(void* user, uint64_t address, uint32_t instructions) {
    uint64_t key = address << 8 | (instructions & 255), at = (key * 0x9e3779b97f4a7c15u) >> 48;
    (void)user;
    for (unsigned tries = 0; tries < SLOTS; tries++, at = (at + 1) % SLOTS) {
        uint64_t found = atomic_load_explicit(&slots[at].key, memory_order_relaxed);
        if (found == 0 && atomic_compare_exchange_strong(&slots[at].key, &found, key)) found = key;
        if (found != key) continue;
        atomic_fetch_add_explicit(&slots[at].times, 1, memory_order_relaxed);
        return;
    }
}

static int by_work(const void* a, const void* b) {
    const struct slot *x = a, *y = b;
    uint64_t left = x->times * (x->key & 255), right = y->times * (y->key & 255);
    return left < right ? 1 : left > right ? -1 : 0;
}

static void finished(void* user) {
    char text[120];
    (void)user;
    qsort(slots, SLOTS, sizeof slots[0], by_work);
    for (unsigned i = 0; i < top && i < SLOTS && slots[i].times; i++) {
        snprintf(text, sizeof text, "%#" PRIx64 ": %" PRIu64 " instructions, %" PRIu64 " times", slots[i].key >> 8, slots[i].key & 255, slots[i].times);
        host->print(text);
    }
}

int emu_plugin_install(emu_plugin* self, const emu_plugin_host* of, int argc, const char* const* argv) {
    for (int i = 0; i < argc; i++) {
        if (strncmp(argv[i], "top=", 4)) return 1;
        top = (unsigned)strtoul(argv[i] + 4, NULL, 10);
    }
    host = of;
    host->on_execute(self, executed, NULL);
    host->on_exit(self, finished, NULL);
    return 0;
}

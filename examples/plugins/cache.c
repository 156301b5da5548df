/* SPDX-License-Identifier: MIT */
/* A data cache: size=BYTES (32768), ways=N (8), line=BYTES (64), least recently used goes first.
 * cc -shared -fPIC -o cache.so cache.c -pthread */
#include <emu-plugin.h>

#include <inttypes.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const emu_plugin_host* host;
static uint64_t size = 32768, ways = 8, line = 64, sets, clock_now, reads, writes, misses;
static struct entry {
    uint64_t tag, used;
} *entries;
static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;

static void touch(uint64_t number) {
    struct entry *set = entries + number % sets * ways, *oldest = set;
    clock_now++;
    for (uint64_t i = 0; i < ways; i++) {
        if (set[i].used && set[i].tag == number) {
            set[i].used = clock_now;
            return;
        }
        if (set[i].used < oldest->used) oldest = &set[i];
    }
    misses++;
    oldest->tag = number;
    oldest->used = clock_now;
}

static void accessed(void* user, uint64_t address, uint32_t bytes, int write) {
    (void)user;
    pthread_mutex_lock(&lock);
    *(write ? &writes : &reads) += 1;
    for (uint64_t number = address / line; number <= (address + bytes - 1) / line; number++) touch(number);
    pthread_mutex_unlock(&lock);
}

static void finished(void* user) {
    char text[160];
    uint64_t all = reads + writes;
    (void)user;
    snprintf(text, sizeof text, "reads: %" PRIu64 ", writes: %" PRIu64 ", misses: %" PRIu64 " (%.2f %%)", reads, writes, misses, all ? 100.0 * (double)misses / (double)all : 0.0);
    host->print(text);
}

int emu_plugin_install(emu_plugin* self, const emu_plugin_host* of, int argc, const char* const* argv) {
    static const struct {
        const char* name;
        uint64_t* value;
    } options[] = {{"size=", &size}, {"ways=", &ways}, {"line=", &line}};
    for (int i = 0; i < argc; i++) {
        unsigned k = 0;
        while (k < 3 && strncmp(argv[i], options[k].name, 5)) k++;
        if (k == 3) return 1;
        *options[k].value = strtoull(argv[i] + 5, NULL, 0);
    }
    if (!line || !ways || size / line / ways == 0) return 1;
    sets = size / line / ways;
    entries = calloc(sets * ways, sizeof *entries);
    if (!entries) return 1;
    host = of;
    host->on_memory(self, accessed, NULL);
    host->on_exit(self, finished, NULL);
    return 0;
}

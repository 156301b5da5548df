/* SPDX-License-Identifier: MIT */
/* How many instructions the guest has executed.  cc -shared -fPIC -o count.so count.c */
#include <emu-plugin.h>

#include <inttypes.h>
#include <stdatomic.h>
#include <stdio.h>

static const emu_plugin_host* host;
static _Atomic uint64_t total, units;

static void executed(void* user, uint64_t address, uint32_t instructions) {
    (void)user, (void)address;
    atomic_fetch_add_explicit(&total, instructions, memory_order_relaxed);
}
static void translated(void* user, const emu_plugin_unit* unit) {
    (void)user, (void)unit;
    atomic_fetch_add_explicit(&units, 1, memory_order_relaxed);
}
static void finished(void* user) {
    char text[80];
    (void)user;
    snprintf(text, sizeof text, "instructions: %" PRIu64 ", units translated: %" PRIu64, total, units);
    host->print(text);
}

int emu_plugin_install(emu_plugin* self, const emu_plugin_host* of, int argc, const char* const* argv) {
    (void)argv;
    if (argc != 0 || of->api != EMU_PLUGIN_API) return 1;
    host = of;
    host->on_execute(self, executed, NULL);
    host->on_unit(self, translated, NULL);
    host->on_exit(self, finished, NULL);
    return 0;
}

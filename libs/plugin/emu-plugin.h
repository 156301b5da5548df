/* SPDX-License-Identifier: MIT */
/* Plugins: shared objects that look at what a guest does. emu-ARCH -plugin ./count.so,key=value PROGRAM
 *
 *     int emu_plugin_install(emu_plugin* self, const emu_plugin_host* host, int argc, const char* const* argv)
 *     {
 *         host->on_execute(self, count, NULL);
 *         host->on_exit(self, report, NULL);
 *         return 0;
 *     }
 *
 * Callbacks come on the guest's threads, several at once: what they share must be atomic. */
#ifndef EMU_PLUGIN_H
#define EMU_PLUGIN_H

#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

#define EMU_PLUGIN_API 1

typedef struct emu_plugin emu_plugin;

/* A piece of code that was translated: up to 64 instructions, not all of them always executed. */
typedef struct {
    uint64_t address;
    uint32_t instructions;
    uint32_t bytes;
} emu_plugin_unit;

typedef struct {
    uint32_t api;      /* EMU_PLUGIN_API of the emulator */
    const char* guest; /* "aarch64" */
    /* Code was translated; may happen again for the same address. */
    void (*on_unit)(emu_plugin* self, void (*call)(void* user, const emu_plugin_unit* unit), void* user);
    /* So many instructions in a row were executed. A row that a fault cuts short is not told. */
    void (*on_execute)(emu_plugin* self, void (*call)(void* user, uint64_t address, uint32_t instructions), void* user);
    /* The guest is about to read or write memory. Costs much more than the others: everything is interpreted then. */
    void (*on_memory)(emu_plugin* self, void (*call)(void* user, uint64_t address, uint32_t size, int write), void* user);
    /* The guest's process ends. */
    void (*on_exit)(emu_plugin* self, void (*call)(void* user), void* user);
    /* A line for the log: stderr, or the file of -D. */
    void (*print)(const char* text);
} emu_plugin_host;

/* The one function that a plugin has to have; argv holds what followed the file's name, "key=value". Not 0: refuse. */
int emu_plugin_install(emu_plugin* self, const emu_plugin_host* host, int argc, const char* const* argv);

#ifdef __cplusplus
}
#endif

#endif

// SPDX-License-Identifier: MIT
// Shared libraries that are loaded when a name asks for them: a tool that opens a plain file does not pay for a cluster's client,
// and runs where that is not installed.
//
// A driver lists the functions it calls once, and gets a struct of pointers to them, typed by the library's header:
//     #define EMU_NFS_API(X) X(nfs_init_context) X(nfs_mount)
//     EMU_LIBRARY_API(NfsApi, EMU_NFS_API, "libnfs.so.13")
//     const NfsApi& nfs = *EMU_TRY(NfsApi::get());
// Those who hold something that was made with get() can call loaded(), which cannot fail any more.
#pragma once
#include "common/result.h"

#include <initializer_list>

namespace emu {

/// dlopen(3) of the first of `names` that there is; stays loaded. The error says what to install.
Result<void*> load_library(std::initializer_list<const char*> names);
Result<void*> library_symbol(void* library, const char* name);

} // namespace emu

#define EMU_LIBRARY_MEMBER(name) decltype(&::name) name = nullptr;
#define EMU_LIBRARY_LOOK_UP(name) api.name = reinterpret_cast<decltype(&::name)>(EMU_TRY(::emu::library_symbol(library, #name)));
#define EMU_LIBRARY_API(Type, LIST, ...)                                                                               \
    struct Type {                                                                                                      \
        LIST(EMU_LIBRARY_MEMBER)                                                                                       \
        static ::emu::Result<const Type*> get() {                                                                      \
            static const ::emu::Result<Type> loaded = load();                                                          \
            if (!loaded) return ::emu::fail(loaded.error());                                                           \
            return &*loaded;                                                                                           \
        }                                                                                                              \
        static const Type& loaded() {                                                                                  \
            static const Type& api = *get().value();                                                                   \
            return api;                                                                                                \
        }                                                                                                              \
                                                                                                                       \
    private:                                                                                                           \
        static ::emu::Result<Type> load() {                                                                            \
            Type api;                                                                                                  \
            void* const library = EMU_TRY(::emu::load_library({__VA_ARGS__}));                                         \
            LIST(EMU_LIBRARY_LOOK_UP)                                                                                  \
            return api;                                                                                                \
        }                                                                                                              \
    };

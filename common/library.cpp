// SPDX-License-Identifier: MIT
#include "common/library.h"

#include <cerrno>
#include <dlfcn.h>
#include <fmt/format.h>

namespace emu {

Result<void*> load_library(std::initializer_list<const char*> names) {
    std::string why;
    for (const char* name : names) {
        if (void* library = ::dlopen(name, RTLD_NOW | RTLD_LOCAL)) return library;
        const char* text = ::dlerror();
        why = text ? text : name;
    }
    return fail(Error{ENOTSUP, fmt::format("a library that it needs cannot be loaded: {}", why), {}});
}

Result<void*> library_symbol(void* library, const char* name) {
    if (void* symbol = ::dlsym(library, name)) return symbol;
    return fail(ENOTSUP, fmt::format("the library is too old: it has no {}", name));
}

} // namespace emu

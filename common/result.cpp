// SPDX-License-Identifier: MIT
#include "common/result.h"

#include <csignal>
#include <cstdio>
#include <cstdlib>
#include <cstring>

namespace emu {

tl::unexpected<Error> fail_errno(int code, std::string_view what) {
    return fail(code, std::string(what) + ": " + std::strerror(code));
}

void assertion_failed(const char* what, const char* file, int line) {
    std::fprintf(stderr, "emu: internal error: %s does not hold (%s:%d)\n", what, file, line);
    std::signal(SIGABRT, SIG_DFL); // a handler would take it for the guest's
    std::abort();
}

} // namespace emu

// SPDX-License-Identifier: MIT
// Errors as values. A fallible function returns Result<T>; EMU_TRY unwraps it or returns the error to the caller.
//
//     Result<Image> open(std::string_view name) {
//         auto fd = EMU_TRY(Fd::open(name, O_RDONLY));
//         EMU_CHECK(verify_header(fd).in(name));          // "a.img: not an image"
//         return Image(std::move(fd));
//     }
//
// Only tools print errors and choose exit codes. Broken invariants of our own are EMU_ASSERTs, on in every preset.
#pragma once
#include "common/types.h"

#include <string>
#include <string_view>
#include <tl/expected.hpp>
#include <utility>

namespace emu {

/// What went wrong: an errno value (EINVAL where nothing fits better), one line of text without full stop,
/// and optionally what would have been accepted.
struct [[nodiscard]] Error {
    int code = 0;
    std::string text;
    std::string hint;

    /// Put the context in front: `error.in("a.vhd")` reads "a.vhd: no VHD footer".
    Error in(std::string_view context) && {
        text = std::string(context) + ": " + text;
        return std::move(*this);
    }
    Error with_hint(std::string_view what) && {
        hint = what;
        return std::move(*this);
    }
    /// The one line a tool prints: text, then the hint in parentheses.
    std::string line() const { return hint.empty() ? text : text + " (" + hint + ")"; }
};

template <class T> using Result = tl::expected<T, Error>;

/// `return fail(EINVAL, "...")` from any function that returns a Result.
inline tl::unexpected<Error> fail(int code, std::string_view text) {
    return tl::unexpected<Error>(Error{code, std::string(text), {}});
}
inline tl::unexpected<Error> fail(Error error) { return tl::unexpected<Error>(std::move(error)); }
/// An errno-valued failure: "open: No such file or directory".
tl::unexpected<Error> fail_errno(int code, std::string_view what);

/// Prefix the error of a result on its way up.
template <class T> Result<T> in(std::string_view context, Result<T> result) {
    if (!result) return fail(std::move(result.error()).in(context));
    return result;
}

[[noreturn]] void assertion_failed(const char* what, const char* file, int line);

} // namespace emu

#define EMU_ASSERT(condition)                                                                                          \
    (__builtin_expect(!(condition), 0) ? ::emu::assertion_failed(#condition, __FILE__, __LINE__) : void())

/// The value of a Result, or return its error from the enclosing function.
#define EMU_TRY(...)                                                                                                   \
    __extension__({                                                                                                    \
        auto emu_result_ = (__VA_ARGS__);                                                                              \
        if (!emu_result_) return ::emu::fail(std::move(emu_result_).error());                                          \
        std::move(*emu_result_);                                                                                       \
    })
/// The same for Result<void>.
#define EMU_CHECK(...)                                                                                                 \
    do {                                                                                                               \
        auto emu_result_ = (__VA_ARGS__);                                                                              \
        if (!emu_result_) return ::emu::fail(std::move(emu_result_).error());                                          \
    } while (0)

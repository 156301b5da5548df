// SPDX-License-Identifier: MIT
// libfmt for programs that link no shared libraries: the distribution has it as a shared library only, but its headers
// bring the source along.
#include <fmt/format-inl.h>

template auto fmt::detail::decimal_point_impl(locale_ref) -> char;
template auto fmt::detail::thousands_sep_impl(locale_ref) -> thousands_sep_result<char>;

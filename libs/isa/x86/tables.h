// SPDX-License-Identifier: MIT
// The decode tables, one a chapter; decode_tables() strings them together.
#pragma once
#include "isa/x86/insn.h"

#include <array>

namespace emu::isa::x86 {

extern const std::span<const Row> table_integer, table_system, table_string, table_bits, table_x87, table_mmx_sse_move, table_sse_float,
    table_sse_integer, table_sse4, table_crypto, table_avx;

template <usize N> std::integral_constant<usize, N> row_count(const Row (&)[N]);
template <usize N> std::integral_constant<usize, N> row_count(const std::array<Row, N>&);
/// Several lists of rows as one.
template <class... Lists> constexpr auto joined_rows(const Lists&... lists) {
    std::array<Row, (decltype(row_count(lists))::value + ...)> rows{};
    usize n = 0;
    auto add = [&](const auto& list) {
        for (const Row& r : list) rows[n++] = r;
    };
    (add(lists), ...);
    return rows;
}

} // namespace emu::isa::x86

// SPDX-License-Identifier: MIT
// Proof that a set of decode rows (pattern.h) means one thing for every instruction word.
#pragma once
#include "isa/pattern.h"

#include <span>
#include <string>
#include <vector>

namespace emu::isa {

template <class Row> constexpr bool overlap(const Row& a, const Row& b) {
    return ((a.pattern.value ^ b.pattern.value) & a.pattern.mask & b.pattern.mask) == 0;
}

/// Does the row name the other in its `refines` list?
template <class Row> constexpr bool refines(const Row& row, const Row& other) {
    std::string_view list = row.refines();
    while (!list.empty()) {
        auto space = list.find(' ');
        if (list.substr(0, space) == other.name()) return true;
        list = space == list.npos ? std::string_view{} : list.substr(space + 1);
    }
    return false;
}

/// Does `a` go before `b` where both match? More fixed bits win, then the row that refines the other.
template <class Row> constexpr bool goes_before(const Row& a, const Row& b) {
    if (overlap(a, b)) {
        if (refines(a, b)) return true;
        if (refines(b, a)) return false;
    }
    return a.pattern.specificity() > b.pattern.specificity();
}

/// May these two rows stand in one table? Disjoint, one inside the other, or one declared to refine the other.
template <class Row> constexpr bool compatible(const Row& a, const Row& b) {
    if (!overlap(a, b)) return true;
    const auto both = a.pattern.mask & b.pattern.mask;
    const bool nested = both == a.pattern.mask || both == b.pattern.mask;
    if (nested && a.pattern.mask != b.pattern.mask) return true;
    return refines(a, b) || refines(b, a);
}

/// For a static_assert beside a table.
template <class Row> constexpr bool unambiguous(std::span<const Row> rows) {
    for (usize i = 0; i < rows.size(); i++)
        for (usize j = i + 1; j < rows.size(); j++)
            if (!compatible(rows[i], rows[j])) return false;
    return true;
}

/// For a unit test over all tables of an ISA: one line for each pair that is ambiguous.
template <class Row> std::vector<std::string> ambiguities(std::span<const BasicTable<Row>> tables) {
    std::vector<const Row*> rows;
    for (auto table : tables)
        for (const Row& row : table) rows.push_back(&row);
    std::vector<std::string> found;
    for (usize i = 0; i < rows.size(); i++)
        for (usize j = i + 1; j < rows.size(); j++)
            if (!compatible(*rows[i], *rows[j]))
                found.push_back(std::string(rows[i]->name()) + " [" + std::string(rows[i]->pattern.text.view()) + "] and " +
                                std::string(rows[j]->name()) + " [" + std::string(rows[j]->pattern.text.view()) + "]");
    return found;
}

} // namespace emu::isa

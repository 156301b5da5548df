// SPDX-License-Identifier: MIT
#include "common/text.h"

#include <algorithm>
#include <fmt/format.h>
#include <numeric>

namespace emu {

std::vector<std::string_view> split(std::string_view text, char separator) {
    std::vector<std::string_view> parts;
    usize start = 0;
    for (usize at; (at = text.find(separator, start)) != text.npos; start = at + 1)
        parts.push_back(text.substr(start, at - start));
    parts.push_back(text.substr(start));
    return parts;
}

std::string join(const std::vector<std::string>& parts, std::string_view separator) {
    std::string all;
    for (const auto& part : parts) {
        if (&part != &parts.front()) all += separator;
        all += part;
    }
    return all;
}

std::string hex(u64 value) { return value ? fmt::format("{:#x}", value) : "0"; }

usize edit_distance(std::string_view from, std::string_view to) {
    std::vector<usize> before(to.size() + 1), row(to.size() + 1), next(to.size() + 1);
    std::iota(row.begin(), row.end(), usize(0));
    for (usize i = 1; i <= from.size(); i++) {
        next[0] = i;
        for (usize j = 1; j <= to.size(); j++) {
            usize replaced = row[j - 1] + (from[i - 1] != to[j - 1]);
            next[j] = std::min({replaced, row[j] + 1, next[j - 1] + 1});
            if (i > 1 && j > 1 && from[i - 1] == to[j - 2] && from[i - 2] == to[j - 1])
                next[j] = std::min(next[j], before[j - 2] + 1);
        }
        std::swap(before, row);
        std::swap(row, next);
    }
    return row[to.size()];
}

std::string_view nearest(std::string_view word, const std::vector<std::string_view>& candidates) {
    std::string_view best;
    usize best_distance = std::max<usize>(1, word.size() / 3) + 1;
    for (std::string_view candidate : candidates) {
        usize distance = edit_distance(word, candidate);
        // A word typed short ("stra") or grown ("cpus") is nearer than its length says.
        if (std::min(word.size(), candidate.size()) >= 3 && (candidate.starts_with(word) || word.starts_with(candidate)))
            distance = 1;
        if (distance < best_distance && distance < std::min(word.size(), candidate.size())) {
            best = candidate;
            best_distance = distance;
        }
    }
    return best;
}

std::string did_you_mean(std::string_view word, const std::vector<std::string_view>& candidates,
                         std::string_view prefix) {
    std::string_view best = nearest(word, candidates);
    return best.empty() ? "" : "did you mean '" + std::string(prefix) + std::string(best) + "'?";
}

} // namespace emu

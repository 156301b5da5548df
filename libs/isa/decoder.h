// SPDX-License-Identifier: MIT
// Finds the row of an instruction word: two levels of tables indexed by runs of bits that tell the rows apart best, then a
// short list in order of specificity. Built once per process from the decode tables of an ISA.
#pragma once
#include "isa/table_check.h"

#include <algorithm>
#include <map>

namespace emu::isa {

template <class Row> class Decoder {
public:
    using Word = typename Row::Word;
    static constexpr unsigned word_bits = sizeof(Word) * 8;

    explicit Decoder(std::span<const BasicTable<Row>> tables) {
        for (const auto& table : tables)
            for (usize i = 0; i < table.rows.size(); i++) rows_.push_back({&table.rows[i], table.semantics[i]});
        std::stable_sort(rows_.begin(), rows_.end(), [](const Row* a, const Row* b) {
            return a->pattern.specificity() > b->pattern.specificity();
        });
        build_top();
    }

    /// The row for `word` among those whose features are all in `features`, or null.
    Found<Row> find(Word word, u64 features = ~u64(0)) const {
        const Leaf* leaf = &top_.leaf(*this, word);
        if (leaf->sub >= 0) leaf = &sub_[unsigned(leaf->sub)].leaf(*this, word);
        for (u32 i = leaf->first; i < leaf->last; i++) {
            const Found<Row>& found = ordered_[i];
            if (found->pattern.matches(word) && (found->features & ~features) == 0) return found;
        }
        return {};
    }

private:
    static constexpr unsigned top_width = 11, sub_width = 6, short_list = 4;

    struct Leaf {
        u32 first = 0, last = 0;   ///< in ordered_
        s32 sub = -1;              ///< index of the second-level table
    };
    /// A table indexed by the word's bits [shift, shift + width).
    struct Level {
        unsigned shift = 0, width = 0;
        u32 base = 0;              ///< of its leaves
        const Leaf& leaf(const Decoder& d, Word word) const { return d.leaves_[base + unsigned(bits(word, shift, width))]; }
    };

    using RowList = std::vector<Found<Row>>;

    /// The window of `width` bits that is fixed in most rows.
    static unsigned best_window(const RowList& rows, unsigned width, Word without) {
        std::array<u32, word_bits> fixed{};      // how many rows fix each bit
        for (const Row* row : rows)
            for (Word rest = row->pattern.mask & ~without; rest; rest &= rest - 1) fixed[unsigned(std::countr_zero(rest))]++;
        unsigned best = 0;
        u64 best_score = 0;
        for (unsigned shift = 0; shift + width <= word_bits; shift++) {
            u64 score = 0;
            for (unsigned bit = 0; bit < width; bit++) score += fixed[shift + bit];
            if (score > best_score) best = shift, best_score = score;
        }
        return best;
    }

    /// A new level over `rows` with the rows of each leaf in order. `lists[i]` are those of leaf i.
    Level split(const RowList& rows, unsigned width, Word without, std::vector<RowList>& lists) {
        width = std::min(width, word_bits);
        const Level level{best_window(rows, width, without), width, u32(leaves_.size())};
        const u32 size = 1u << width;
        leaves_.resize(leaves_.size() + size);
        lists.resize(size);
        for (RowList& list : lists) list.clear();   // they keep their memory
        for (const Found<Row>& row : rows) {
            // Every index that agrees with the row's fixed bits: count through the free ones.
            const u32 fixed = u32(bits(row->pattern.mask, level.shift, width)), value = u32(bits(row->pattern.value, level.shift, width));
            const u32 free = ~fixed & (size - 1);
            for (u32 at = 0;; at = (at - free) & free) {
                lists[value | at].push_back(row);
                if (at == free) break;
            }
        }
        return level;
    }

    void fill_leaf(u32 index, const RowList& rows) {
        // Rows come sorted by specificity; `refines` is a relation between overlapping rows only, not an order to sort by.
        const u32 first = u32(ordered_.size());
        for (const Found<Row>& row : rows) {
            auto at = ordered_.end();
            if (!row->refines().empty())
                at = std::find_if(ordered_.begin() + first, ordered_.end(), [&](const Row* other) { return goes_before(*row.row, *other); });
            ordered_.insert(at, row);
        }
        leaves_[index].first = first;
        leaves_[index].last = u32(ordered_.size());
    }

    void build_top() {
        std::vector<RowList> lists, sub_lists;
        top_ = split(rows_, top_width, 0, lists);
        const Word used = Word(ones(top_.width)) << top_.shift;
        std::map<RowList, Leaf> known;           // neighbours often have the same rows
        for (u32 index = 0; index < lists.size(); index++) {
            if (lists[index].empty()) continue;
            if (auto at = known.find(lists[index]); at != known.end()) {
                leaves_[index] = at->second;
                continue;
            }
            if (lists[index].size() <= short_list) {
                fill_leaf(index, lists[index]);
            } else {
                const Level level = split(lists[index], sub_width, used, sub_lists);
                leaves_[index].sub = s32(sub_.size());
                sub_.push_back(level);
                for (u32 sub = 0; sub < sub_lists.size(); sub++)
                    if (!sub_lists[sub].empty()) fill_leaf(level.base + sub, sub_lists[sub]);
            }
            known.emplace(lists[index], leaves_[index]);
        }
    }

    RowList rows_, ordered_;
    Level top_;
    std::vector<Level> sub_;
    std::vector<Leaf> leaves_;
};

} // namespace emu::isa

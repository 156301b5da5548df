// SPDX-License-Identifier: MIT
// Finds the row of an instruction word: two levels of tables indexed by runs of bits that tell the rows apart best, then a
// short list in order of specificity. Built once per process from the decode tables of an ISA.
#pragma once
#include "isa/table_check.h"

#include <algorithm>

namespace emu::isa {

template <class Row> class Decoder {
public:
    using Word = typename Row::Word;
    static constexpr unsigned word_bits = sizeof(Word) * 8;

    explicit Decoder(std::span<const std::span<const Row>> tables) {
        for (auto table : tables)
            for (const Row& row : table) rows_.push_back(&row);
        std::stable_sort(rows_.begin(), rows_.end(), [](const Row* a, const Row* b) {
            return a->pattern.specificity() > b->pattern.specificity();
        });
        build_top();
    }

    /// The row for `word` among those whose features are all in `features`, or null.
    const Row* find(Word word, u64 features = ~u64(0)) const {
        const Leaf* leaf = &top_.leaf(*this, word);
        if (leaf->sub >= 0) leaf = &sub_[unsigned(leaf->sub)].leaf(*this, word);
        for (u32 i = leaf->first; i < leaf->last; i++) {
            const Row* row = ordered_[i];
            if (row->pattern.matches(word) && (row->features & ~features) == 0) return row;
        }
        return nullptr;
    }

    /// All rows, the most specific first.
    std::span<const Row* const> rows() const { return rows_; }

private:
    static constexpr unsigned top_width = 11, sub_width = 8, short_list = 4;

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

    using RowList = std::vector<const Row*>;

    /// The window of `width` bits that is fixed in most rows.
    static unsigned best_window(const RowList& rows, unsigned width, Word without) {
        unsigned best = 0;
        usize best_score = 0;
        for (unsigned shift = 0; shift + width <= word_bits; shift++) {
            const Word window = Word(ones(width)) << shift;
            usize score = 0;
            for (const Row* row : rows) score += unsigned(std::popcount(Word(row->pattern.mask & window & ~without)));
            if (score > best_score) best = shift, best_score = score;
        }
        return best;
    }

    template <class Place> void split(const RowList& rows, Level level, Place place) {
        const Word window = Word(ones(level.width)) << level.shift;
        for (u32 index = 0; index < (1u << level.width); index++) {
            const Word value = Word(index) << level.shift;
            RowList here;
            for (const Row* row : rows)
                if (((row->pattern.value ^ value) & row->pattern.mask & window) == 0) here.push_back(row);
            place(level.base + index, here);
        }
    }

    Level add_level(const RowList& rows, unsigned width, Word without) {
        width = std::min(width, word_bits);
        Level level{best_window(rows, width, without), width, u32(leaves_.size())};
        leaves_.resize(leaves_.size() + (usize(1) << width));
        return level;
    }

    void fill_leaf(u32 index, RowList& rows) {
        // Insertion by goes_before: `refines` is a relation between overlapping rows only, not an order to sort by.
        const u32 first = u32(ordered_.size());
        for (const Row* row : rows) {
            auto at = ordered_.end();
            for (auto i = ordered_.begin() + first; i != ordered_.end(); ++i)
                if (goes_before(*row, **i)) {
                    at = i;
                    break;
                }
            ordered_.insert(at, row);
        }
        leaves_[index].first = first;
        leaves_[index].last = u32(ordered_.size());
    }

    void build_top() {
        top_ = add_level(rows_, top_width, 0);
        const Word used = Word(ones(top_.width)) << top_.shift;
        split(rows_, top_, [&](u32 index, RowList& rows) {
            if (rows.size() <= short_list) return fill_leaf(index, rows);
            Level level = add_level(rows, sub_width, used);
            leaves_[index].sub = s32(sub_.size());
            sub_.push_back(level);
            split(rows, level, [&](u32 sub_index, RowList& sub_rows) { fill_leaf(sub_index, sub_rows); });
        });
    }

    RowList rows_, ordered_;
    Level top_;
    std::vector<Level> sub_;
    std::vector<Leaf> leaves_;
};

} // namespace emu::isa

// SPDX-License-Identifier: MIT
// Decoding of fixed-width instruction sets from tables of rows. A row is a mnemonic, its assembly syntax, a bit pattern and
// the function that gives the meaning:
//
//     constexpr Line data_processing[] = {
//         {"add", "d,n,#i", "z0 0100010 h iiiiiiiiiiii nnnnn ddddd", add_immediate},
//     };
//
// The pattern is read from the top bit down: 0 and 1 are fixed, a dot is a bit that is not looked at, a letter is a field;
// spaces and underscores only please the eye. The bits of one letter need not be neighbours: they are joined in the order
// written. A pattern of the wrong width or with another character does not compile where the table is constexpr.
// The most specific row (most fixed bits) that matches an instruction word wins; table_check.h proves that this is never a toss-up.
#pragma once
#include "common/bits.h"
#include "common/types.h"

#include <algorithm>
#include <array>
#include <bit>
#include <span>
#include <string_view>
#include <utility>

namespace emu::isa {

/// A text that lies where it is declared. Rows have no pointers in them: a table then is the same memory in every process, and
/// one that is not looked into costs nothing, whereas the addresses in a table are put there at each start of the program.
template <usize size> class FixedText {
public:
    constexpr FixedText(std::string_view text) : length_(u8(text.size())) {
        static_assert(size < 256);
        if (text.size() > size) throw "text too long";
        std::copy(text.begin(), text.end(), text_.begin());
    }
    constexpr std::string_view view() const { return {text_.data(), length_}; }

private:
    std::array<char, size> text_{};
    u8 length_;
};

/// Number of a field letter: a-z, then A-Z; -1 for any other character.
constexpr int letter_index(char c) {
    if (c >= 'a' && c <= 'z') return c - 'a';
    if (c >= 'A' && c <= 'Z') return 26 + c - 'A';
    return -1;
}

/// Where a field is. A field in several pieces has `width` bits in all and is collected by walking the pattern's text.
struct FieldPosition {
    u8 lsb = 0;
    u8 width : 7 = 0;
    bool scattered : 1 = false;
};

/// A parsed bit pattern for instruction words of type Word.
template <class Word> struct Pattern {
    static constexpr unsigned width = sizeof(Word) * 8;

    FixedText<48> text;
    Word mask = 0, value = 0;
    std::array<FieldPosition, 52> fields{};

    constexpr Pattern(std::string_view pattern) : text(pattern) {
        unsigned at = width;
        for (char c : pattern) {
            if (c == ' ' || c == '_') continue;
            if (at == 0) throw "pattern too long";
            at--;
            if (c == '0' || c == '1') {
                mask |= Word(1) << at;
                value |= Word(c - '0') << at;
            } else if (c != '.') {
                add_field_bit(c, at);
            }
        }
        if (at != 0) throw "pattern too short";
    }

    constexpr bool matches(Word word) const { return (word & mask) == value; }
    /// Number of fixed bits.
    constexpr unsigned specificity() const { return unsigned(std::popcount(mask)); }

private:
    constexpr void add_field_bit(char letter, unsigned at) {
        int index = letter_index(letter);
        if (index < 0) throw "character that is no field letter in a pattern";
        FieldPosition& field = fields[unsigned(index)];
        if (field.width && field.lsb != at + 1) field.scattered = true;
        field.lsb = u8(at);
        field.width++;
    }
};

/// The fields of one instruction word, by the letters of its row.
template <class Word> class BasicFields {
public:
    constexpr BasicFields(const Pattern<Word>& pattern, Word word, u32 arg) : pattern_(pattern), word_(word), arg_(arg) {}

    /// Field as unsigned number.
    constexpr u32 operator[](char letter) const {
        const FieldPosition& f = at(letter);
        if (f.scattered) return gather(letter);
        return u32(bits(word_, f.lsb, f.width));
    }
    /// Field as two's complement number.
    constexpr s64 s(char letter) const { return sign_extend((*this)[letter], at(letter).width); }
    constexpr bool has(char letter) const { return at(letter).width != 0; }
    constexpr unsigned width(char letter) const { return at(letter).width; }
    constexpr Word raw() const { return word_; }
    /// The row's own parameter for a semantic function that serves several rows.
    constexpr u32 arg() const { return arg_; }

private:
    constexpr const FieldPosition& at(char letter) const { return pattern_.fields[unsigned(letter_index(letter))]; }
    constexpr u32 gather(char letter) const {
        u32 value = 0;
        unsigned at = Pattern<Word>::width;
        for (char c : pattern_.text.view()) {
            if (c == ' ' || c == '_') continue;
            at--;
            if (c == letter) value = value << 1 | u32(word_ >> at & 1);
        }
        return value;
    }

    const Pattern<Word>& pattern_;
    Word word_;
    u32 arg_;
};

/// One row of a decode table. Features: bits of the CPU model that must all be there, else the row does not exist.
template <class SemanticType, class WordType = u32> class BasicRow {
public:
    using Semantic = SemanticType;
    using Word = WordType;
    using Fields = BasicFields<Word>;

    Pattern<Word> pattern;
    u32 arg;
    u64 features;

    constexpr BasicRow(std::string_view name, std::string_view syntax, std::string_view pattern_, u32 arg_ = 0, u64 features_ = 0,
                       std::string_view refines = {})
        : pattern(pattern_), arg(arg_), features(features_), name_(name), syntax_(syntax), refines_(refines) {}

    constexpr std::string_view name() const { return name_.view(); }
    constexpr std::string_view syntax() const { return syntax_.view(); }
    /// Names of rows (separated by spaces) that overlap with this one though neither contains the other; this one goes first.
    constexpr std::string_view refines() const { return refines_.view(); }

    constexpr Fields fields(Word word) const { return Fields(pattern, word, arg); }
    /// An instruction of this row with every free bit taken from `random`.
    constexpr Word fill(Word random) const { return pattern.value | (random & ~pattern.mask); }

private:
    FixedText<12> name_;
    FixedText<28> syntax_;
    FixedText<200> refines_;
};

/// A row as it is written down, with its meaning.
template <class Semantic, class Word = u32> struct BasicLine : BasicRow<Semantic, Word> {
    using Row = BasicRow<Semantic, Word>;
    Semantic* semantic;

    constexpr BasicLine(std::string_view called, std::string_view form, std::string_view bits, Semantic* meaning, u32 parameter = 0, u64 needs = 0,
                        std::string_view refined = {})
        : Row(called, form, bits, parameter, needs, refined), semantic(meaning) {}
};

/// The rows of a table, and the meaning of each.
template <class Row> struct BasicTable {
    std::span<const Row> rows;
    typename Row::Semantic* const* semantics;
    constexpr auto begin() const { return rows.begin(); }
    constexpr auto end() const { return rows.end(); }
};

/// Of an array of lines. They themselves are in no program.
template <const auto& lines> class TableOf {
    using Line = std::remove_cvref_t<decltype(lines[0])>;
    using Row = typename Line::Row;
    template <usize... i> static constexpr auto rows_of(std::index_sequence<i...>) { return std::array<Row, sizeof...(i)>{static_cast<const Row&>(lines[i])...}; }
    template <usize... i> static constexpr auto semantics_of(std::index_sequence<i...>) {
        return std::array<typename Row::Semantic*, sizeof...(i)>{lines[i].semantic...};
    }
    using All = std::make_index_sequence<std::size(lines)>;
    static constexpr auto rows = rows_of(All());
    static constexpr auto semantics = semantics_of(All());

public:
    static constexpr BasicTable<Row> table{rows, semantics.data()};
};
template <const auto& lines> inline constexpr auto table_of = TableOf<lines>::table;

/// A row that was found, and its meaning. Null: none was.
template <class Row> struct Found {
    const Row* row = nullptr;
    typename Row::Semantic* semantic = nullptr;
    operator const Row*() const { return row; }
    const Row* operator->() const { return row; }
};

} // namespace emu::isa

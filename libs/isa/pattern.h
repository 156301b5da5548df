// SPDX-License-Identifier: MIT
// Decoding of fixed-width instruction sets from tables of rows. A row is a mnemonic, its assembly syntax, a bit pattern and
// the function that gives the meaning:
//
//     constexpr Insn data_processing[] = {
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

#include <array>
#include <bit>
#include <string_view>

namespace emu::isa {

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

    std::string_view text;
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
        for (char c : pattern_.text) {
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
template <class Semantic, class WordType = u32> struct BasicRow {
    using Word = WordType;
    using Fields = BasicFields<Word>;

    std::string_view name, syntax;
    Pattern<Word> pattern;
    Semantic* semantic;
    u32 arg;
    u64 features;
    /// Names of rows (separated by spaces) that overlap with this one though neither contains the other; this one goes first.
    std::string_view refines;

    constexpr BasicRow(std::string_view name_, std::string_view syntax_, std::string_view pattern_, Semantic* semantic_, u32 arg_ = 0,
                       u64 features_ = 0, std::string_view refines_ = {})
        : name(name_), syntax(syntax_), pattern(pattern_), semantic(semantic_), arg(arg_), features(features_), refines(refines_) {}

    constexpr Fields fields(Word word) const { return Fields(pattern, word, arg); }
    /// An instruction of this row with every free bit taken from `random`.
    constexpr Word fill(Word random) const { return pattern.value | (random & ~pattern.mask); }
};

} // namespace emu::isa

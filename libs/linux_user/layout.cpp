// SPDX-License-Identifier: MIT
#include "linux_user/layout.h"

#include "common/bits.h"

#include <algorithm>

namespace emu::linux_user {
namespace {

unsigned member_width(char letter, const DataModel& model) {
    switch (letter) {
    case 'b': return 1;
    case 'h': return 2;
    case 'i': return 4;
    case 'q':
    case 'n':
    case 't': return 8;
    default: return model.word; // w W p
    }
}

/// Calls member(letter) for each member, repetitions unrolled.
template <class F> void walk(std::string_view format, F&& member) {
    unsigned count = 0;
    for (char c : format) {
        if (c >= '0' && c <= '9') {
            count = count * 10 + unsigned(c - '0');
            continue;
        }
        for (unsigned i = 0; i < std::max(count, 1u); i++) member(c);
        count = 0;
    }
}

/// Where the next member is, by the alignment rules of a model.
struct Cursor {
    const DataModel& model;
    usize at = 0, alignment = 1;
    usize next(char letter, unsigned& width) {
        width = member_width(letter, model);
        usize align = width == 8 ? (model.word == 8 ? 8 : letter == 't' ? model.word : model.align64) : width;
        at = align_up(at, align);
        alignment = std::max(alignment, align);
        usize here = at;
        at += width;
        return here;
    }
    usize size() const { return align_up(at, alignment); }
};

} // namespace

void put_field(Bytes to, FieldAt field, u64 value, Endian order) {
    switch (field.width) {
    case 1: store<u8>(to, field.offset, u8(value), order); break;
    case 2: store<u16>(to, field.offset, u16(value), order); break;
    case 4: store<u32>(to, field.offset, u32(value), order); break;
    case 8: store<u64>(to, field.offset, value, order); break;
    default: break;
    }
}

u64 get_field(ConstBytes from, FieldAt field, Endian order) {
    switch (field.width) {
    case 1: return load<u8>(from, field.offset, order);
    case 2: return load<u16>(from, field.offset, order);
    case 4: return load<u32>(from, field.offset, order);
    case 8: return load<u64>(from, field.offset, order);
    default: return 0;
    }
}

usize struct_size(std::string_view format, const DataModel& model) {
    Cursor cursor{model};
    unsigned width;
    walk(format, [&](char letter) { cursor.next(letter, width); });
    return cursor.size();
}

void convert_struct(std::string_view format, ConstBytes from, const DataModel& from_model, Bytes to,
                    const DataModel& to_model, u64 pointer_base) {
    std::fill(to.begin(), to.end(), u8(0));
    Cursor source{from_model}, target{to_model};
    walk(format, [&](char letter) {
        unsigned from_width, to_width;
        usize from_at = source.next(letter, from_width), to_at = target.next(letter, to_width);
        u64 value = get_field(from, {u16(from_at), u8(from_width)}, from_model.order);
        if (letter == 'W') value = u64(sign_extend(value, from_width * 8));
        if (letter == 'n' && from_model.word == 4) value = u32(value);
        if (letter == 'p' && value != 0) value += pointer_base;
        put_field(to, {u16(to_at), u8(to_width)}, value, to_model.order);
    });
}

u32 flags_to_host(std::span<const FlagPair> table, u32 flags) {
    u32 all = flags;
    for (const FlagPair& pair : table) all &= ~pair.guest;
    for (const FlagPair& pair : table)
        if ((flags & pair.guest) == pair.guest) all |= pair.host;
    return all;
}

u32 flags_to_guest(std::span<const FlagPair> table, u32 flags) {
    u32 all = flags;
    for (const FlagPair& pair : table) all &= ~pair.host;
    for (const FlagPair& pair : table)
        if ((flags & pair.host) == pair.host) all |= pair.guest;
    return all;
}

} // namespace emu::linux_user

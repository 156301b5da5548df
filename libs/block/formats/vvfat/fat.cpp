// SPDX-License-Identifier: MIT
#include "block/formats/vvfat/fat.h"

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <ctime>
#include <fmt/format.h>

namespace emu::block::vvfat {

namespace {

constexpr u32 smallest_fat16 = 4085, smallest_fat32 = 65525;

void put_text(Bytes to, usize at, std::string_view text, usize length) {
    for (usize i = 0; i < length; i++) to[at + i] = i < text.size() ? u8(text[i]) : u8(' ');
}

/// Cylinder, head, sector of a partition table's entry.
void put_chs(Bytes to, usize at, const Geometry& g, u64 number) {
    const u64 cylinder = std::min<u64>(number / (u64(g.heads) * g.track), 1023);
    to[at] = u8(number / g.track % g.heads);
    to[at + 1] = u8((number % g.track + 1) | (cylinder >> 2 & 0xc0));
    to[at + 2] = u8(cylinder);
}

/// A date and a time in 2-second steps (section 6 of the specification).
std::pair<u16, u16> fat_time(s64 seconds) {
    const time_t when = time_t(seconds);
    std::tm t = {};
    ::localtime_r(&when, &t);
    if (t.tm_year < 80) return {u16(1 << 5 | 1), u16(0)};
    return {u16((std::min(t.tm_year, 207) - 80) << 9 | (t.tm_mon + 1) << 5 | t.tm_mday), u16(t.tm_hour << 11 | t.tm_min << 5 | t.tm_sec / 2)};
}
s64 unix_time(u16 date, u16 time) {
    std::tm t = {};
    t.tm_year = (date >> 9) + 80;
    t.tm_mon = (date >> 5 & 15) - 1;
    t.tm_mday = date & 31;
    t.tm_hour = time >> 11;
    t.tm_min = time >> 5 & 63;
    t.tm_sec = (time & 31) * 2;
    t.tm_isdst = -1;
    return s64(::mktime(&t));
}

u8 checksum(std::string_view short_name) {
    u8 sum = 0;
    for (char c : short_name) sum = u8((sum >> 1 | sum << 7) + u8(c));
    return sum;
}

std::optional<std::vector<u16>> to_utf16(std::string_view text) {
    std::vector<u16> out;
    for (usize i = 0; i < text.size();) {
        const u8 lead = u8(text[i++]);
        const unsigned more = lead < 0x80 ? 0 : lead >> 5 == 6 ? 1 : lead >> 4 == 14 ? 2 : lead >> 3 == 30 ? 3 : 9;
        if (more == 9 || i + more > text.size()) return std::nullopt;
        u32 code = more ? lead & (0x3fu >> more) : lead;
        for (unsigned k = 0; k < more; k++) {
            if ((u8(text[i]) & 0xc0) != 0x80) return std::nullopt;
            code = code << 6 | (u8(text[i++]) & 0x3f);
        }
        if (code >= 0x110000 || (code >= 0xd800 && code < 0xe000)) return std::nullopt;
        if (code >= 0x10000) {
            out.push_back(u16(0xd800 + ((code - 0x10000) >> 10)));
            code = 0xdc00 + ((code - 0x10000) & 0x3ff);
        }
        out.push_back(u16(code));
    }
    return out;
}

std::optional<std::string> to_utf8(const std::vector<u16>& text) {
    std::string out;
    for (usize i = 0; i < text.size(); i++) {
        u32 code = text[i];
        if (code >= 0xdc00 && code < 0xe000) return std::nullopt;
        if (code >= 0xd800 && code < 0xdc00) {
            if (i + 1 >= text.size() || text[i + 1] < 0xdc00 || text[i + 1] >= 0xe000) return std::nullopt;
            code = 0x10000 + ((code - 0xd800) << 10) + (text[++i] - 0xdc00u);
        }
        if (code < 0x80) {
            out += char(code);
            continue;
        }
        const unsigned more = code < 0x800 ? 1 : code < 0x10000 ? 2 : 3;
        static constexpr u8 leads[] = {0, 0xc0, 0xe0, 0xf0};
        out += char(leads[more] | code >> (6 * more));
        for (unsigned k = more; k-- > 0;) out += char(0x80 | (code >> (6 * k) & 0x3f));
    }
    return out;
}

bool plain_short_char(char c) {
    return (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || (c && std::strchr("$%'-_@~`!(){}^#&", c));
}

constexpr usize long_chars = 13;
constexpr usize long_places[long_chars] = {1, 3, 5, 7, 9, 14, 16, 18, 20, 22, 24, 28, 30};

/// "README  TXT" as people write it; the two case bits are those of Windows NT.
std::string shown(ConstBytes entry) {
    const u8 cases = entry[12];
    std::string base, extension;
    for (usize i = 0; i < 11; i++) {
        char c = char(i == 0 && entry[0] == 5 ? 0xe5 : entry[i]);
        if (c >= 'A' && c <= 'Z' && (cases & (i < 8 ? 8 : 16))) c = char(c - 'A' + 'a');
        (i < 8 ? base : extension) += c;
    }
    base.resize(base.find_last_not_of(' ') + 1);
    extension.resize(extension.find_last_not_of(' ') + 1);
    return extension.empty() ? base : base + "." + extension;
}

bool good_name(std::string_view name) {
    return !name.empty() && name != "." && name != ".." && name.find('/') == std::string_view::npos && name.find('\0') == std::string_view::npos;
}

} // namespace

Result<Geometry> Geometry::choose(unsigned bits, bool floppy) {
    Geometry g;
    g.bits = bits ? bits : floppy ? 12 : 16;
    if (g.bits != 12 && g.bits != 16 && g.bits != 32) return fail(EINVAL, "Valid FAT types are only 12, 16 and 32");
    if (floppy) {
        g.cylinders = 80;
        g.heads = 2;
        g.track = bits == 12 ? 18 : 36; // 1440 KiB if FAT12 was asked for, else 2880
        g.cluster = bits ? 1 : 2;
        g.first = 0;
        if (g.bits == 32) return fail(EINVAL, "a floppy has too few clusters for FAT32");
        g.root_entries = g.bits == 12 && g.track == 18 ? 224 : 240;
    } else if (g.bits == 12) {
        g.cylinders = 64;
    } else if (g.bits == 32) {
        g.cluster = 8;
        g.reserved = 32;
        g.root_entries = 0;
    }
    for (g.table = 1;; g.table++) { // the smallest table that has an entry for every cluster
        const u64 data = g.sectors() - g.data_at();
        g.clusters = u32(data / g.cluster);
        if (u64(g.table) * sector * 8 / g.bits >= u64(g.clusters) + 2) break;
    }
    const bool fits = g.bits == 12 ? g.clusters < smallest_fat16 : g.bits == 16 ? g.clusters >= smallest_fat16 && g.clusters < smallest_fat32 : g.clusters >= smallest_fat32;
    return fits ? Result<Geometry>(g) : Result<Geometry>(fail(EINVAL, fmt::format("this disk cannot have FAT{}", g.bits)));
}

void Geometry::write_boot(Bytes image, u32 id, std::string_view label, u32 free_clusters, u32 next_free) const {
    if (first) {
        const Bytes row = image.subspan(446, 16);
        put_le32(image, 440, id);
        row[0] = 0x80;
        put_chs(row, 1, *this, first);
        row[4] = bits == 12 ? 1 : bits == 16 ? 6 : 0xc;
        put_chs(row, 5, *this, sectors() - 1);
        put_le32(row, 8, first);
        put_le32(row, 12, u32(sectors() - first));
        put_le16(image, 510, 0xaa55);
    }
    const Bytes b = image.subspan(first * sector, sector);
    const u32 all = u32(sectors() - first);
    b[0] = 0xeb;
    b[1] = bits == 32 ? 0x58 : 0x3c;
    b[2] = 0x90;
    put_text(b, 3, "MSWIN4.1", 8);
    put_le16(b, 11, u16(sector));
    b[13] = u8(cluster);
    put_le16(b, 14, u16(reserved));
    b[16] = 2;
    put_le16(b, 17, u16(root_entries));
    if (all < 65536 && bits != 32) put_le16(b, 19, u16(all));
    else put_le32(b, 32, all);
    b[21] = media();
    if (bits != 32) put_le16(b, 22, u16(table));
    put_le16(b, 24, u16(track));
    put_le16(b, 26, u16(heads));
    put_le32(b, 28, first);
    const usize at = bits == 32 ? 64 : 36;
    if (bits == 32) {
        put_le32(b, 36, table);
        put_le32(b, 44, 2); // the root folder's first cluster
        put_le16(b, 48, 1);
        put_le16(b, 50, 6);
    }
    b[at] = first ? 0x80 : 0;
    b[at + 2] = 0x29;
    put_le32(b, at + 3, id);
    put_text(b, at + 7, label, 11);
    put_text(b, at + 18, bits == 12 ? "FAT12" : bits == 16 ? "FAT16" : "FAT32", 8);
    put_le16(b, 510, 0xaa55);
    if (bits != 32) return;
    const Bytes info = image.subspan((first + 1) * sector, sector);
    put_le32(info, 0, 0x41615252);
    put_le32(info, 484, 0x61417272);
    put_le32(info, 488, free_clusters);
    put_le32(info, 492, next_free);
    put_le32(info, 508, 0xaa550000);
    std::copy_n(b.begin(), 2 * sector, image.begin() + long((first + 6) * sector));
}

u32 get_entry(ConstBytes table, unsigned bits, u32 number) {
    if (bits == 32) return le32(table, usize(number) * 4) & 0x0fffffff;
    if (bits == 16) return le16(table, usize(number) * 2);
    const u16 pair = le16(table, usize(number) + number / 2);
    return number % 2 ? pair >> 4 : pair & 0xfff;
}

void put_entry(Bytes table, unsigned bits, u32 number, u32 value) {
    if (bits == 32) return put_le32(table, usize(number) * 4, value);
    if (bits == 16) return put_le16(table, usize(number) * 2, u16(value));
    const usize at = usize(number) + number / 2;
    const u16 pair = le16(table, at);
    put_le16(table, at, u16(number % 2 ? (pair & 0xf) | value << 4 : (pair & 0xf000) | (value & 0xfff)));
}

std::string make_short_name(const std::string& name, const std::vector<std::string>& taken) {
    const auto squeeze = [](std::string_view text, usize most) {
        std::string out;
        for (char c : text) {
            if (c >= 'a' && c <= 'z') c = char(c - 'a' + 'A');
            if (c == ' ' || c == '.') continue;
            if (out.size() < most) out += plain_short_char(c) ? c : '_';
        }
        return out;
    };
    const usize dot = name.rfind('.');
    const bool has_extension = dot != std::string::npos && dot > 0;
    const std::string base = squeeze(std::string_view(name).substr(0, has_extension ? dot : name.size()), 8);
    const std::string extension = has_extension ? squeeze(std::string_view(name).substr(dot + 1), 3) : "";
    const auto join = [&](const std::string& head) { return fmt::format("{:<8}{:<3}", head, extension); };
    const auto is_taken = [&](const std::string& candidate) { return std::find(taken.begin(), taken.end(), candidate) != taken.end(); };
    std::string wanted = join(base.empty() ? "_" : base);
    if (!is_taken(wanted)) return wanted;
    for (unsigned number = 1;; number++) {
        const std::string tail = fmt::format("~{}", number);
        wanted = join(base.substr(0, std::min(base.size(), 8 - tail.size())) + tail);
        if (!is_taken(wanted)) return wanted;
    }
}

std::vector<u8> write_short_entry(std::string_view short_name, u8 attributes, u32 cluster, u32 size, s64 changed) {
    std::vector<u8> out(entry_bytes);
    const auto [date, time] = fat_time(changed);
    put_text(out, 0, short_name, 11);
    out[11] = attributes;
    put_le16(out, 14, time);
    put_le16(out, 16, date);
    put_le16(out, 18, date);
    put_le16(out, 20, u16(cluster >> 16));
    put_le16(out, 22, time);
    put_le16(out, 24, date);
    put_le16(out, 26, u16(cluster));
    put_le32(out, 28, size);
    return out;
}

Result<std::vector<u8>> write_entry(const Entry& e) {
    const u8 attributes = u8((e.folder ? a_folder : a_archive) | (e.read_only ? a_read_only : 0));
    const std::vector<u8> last = write_short_entry(e.short_name, attributes, e.cluster, e.folder ? 0 : e.size, e.changed);
    if (shown(last) == e.name) return last;
    auto text = to_utf16(e.name);
    if (!text || text->size() > 255) return fail(ENAMETOOLONG, fmt::format("the name '{}' cannot be a FAT name", e.name));
    const usize parts = (text->size() + long_chars - 1) / long_chars;
    std::vector<u8> out(parts * entry_bytes);
    const u8 sum = checksum(e.short_name);
    for (usize part = parts; part-- > 0;) { // the last part comes first
        const Bytes row = Bytes(out).subspan((parts - 1 - part) * entry_bytes, entry_bytes);
        row[0] = u8((part + 1) | (part + 1 == parts ? 0x40 : 0));
        row[11] = a_long;
        row[13] = sum;
        for (usize i = 0; i < long_chars; i++) {
            const usize at = part * long_chars + i;
            put_le16(row, long_places[i], at < text->size() ? (*text)[at] : at == text->size() ? 0 : 0xffff);
        }
    }
    out.insert(out.end(), last.begin(), last.end());
    return out;
}

Result<std::vector<Entry>> read_entries(ConstBytes folder, unsigned bits) {
    std::vector<Entry> out;
    std::vector<u16> text;
    u8 expected = 0, sum = 0;
    for (usize at = 0; at + entry_bytes <= folder.size(); at += entry_bytes) {
        const ConstBytes row = folder.subspan(at, entry_bytes);
        if (row[0] == 0) break;
        if (row[0] == 0xe5) {
            expected = 0;
            text.clear();
            continue;
        }
        if ((row[11] & 0x3f) == a_long) {
            const u8 number = row[0] & 0x3f;
            if (row[0] & 0x40) {
                text.assign(usize(number) * long_chars, 0);
                expected = number;
                sum = row[13];
            }
            if (number == 0 || number != expected || number > 20 || row[13] != sum) { // an orphan: the short name counts
                expected = 0;
                text.clear();
                continue;
            }
            for (usize i = 0; i < long_chars; i++) text[usize(number - 1) * long_chars + i] = le16(row, long_places[i]);
            expected = u8(number - 1);
            continue;
        }
        const std::string short_name(reinterpret_cast<const char*>(row.data()), 11);
        const bool long_counts = expected == 0 && !text.empty() && checksum(short_name) == sum;
        std::vector<u16> found;
        if (long_counts) found.assign(text.begin(), std::find(text.begin(), text.end(), u16(0)));
        text.clear();
        expected = 0;
        if (row[11] & a_label || short_name.starts_with(".  ") || short_name.starts_with("..  ")) continue;
        Entry e{.name = shown(row), .short_name = short_name, .folder = (row[11] & a_folder) != 0, .read_only = (row[11] & a_read_only) != 0,
                .cluster = le16(row, 26) | (bits == 32 ? u32(le16(row, 20)) << 16 : 0), .size = le32(row, 28), .changed = unix_time(le16(row, 24), le16(row, 22))};
        if (auto name = long_counts ? to_utf8(found) : std::nullopt) e.name = *name;
        if (!good_name(e.name)) return fail(EINVAL, "a folder has a member without a name that a file can have");
        out.push_back(std::move(e));
    }
    return out;
}

} // namespace emu::block::vvfat

// SPDX-License-Identifier: MIT
// Prefixes, opcode, ModRM, SIB, displacement and immediates (Intel SDM volume 2, chapter 2), and the search in the tables.
#include "isa/x86/insn.h"

#include "common/bits.h"
#include "common/result.h"
#include "isa/x86/tables.h"

#include <algorithm>
#include <map>
#include <vector>

namespace emu::isa::x86 {

// --- operands of the rows --------------------------------------------------------------------------------------------------

namespace {

struct FixedName {
    std::string_view text;
    u8 number, bits;
};
constexpr FixedName fixed_names[] = {
    {"AL", 0, 8}, {"CL", 1, 8}, {"AH", 4, 8}, {"AX", 0, 16}, {"DX", 2, 16}, {"EAX", 0, 32}, {"EDX", 2, 32}, {"rAX", 0, size_v},
};

u8 size_of(std::string_view letters) {
    struct Size {
        std::string_view text;
        u8 bits;
    };
    static constexpr Size sizes[] = {{"b", 8},   {"w", 16},  {"d", 32},    {"q", 64},    {"v", size_v}, {"z", size_z}, {"y", size_y},
                                     {"x", size_x}, {"dq", 128}, {"s", size_s}, {"ss", 32}, {"sd", 64},    {"p", size_v}, {"", 0}};
    for (const Size& s : sizes)
        if (s.text == letters) return s.bits;
    assertion_failed("operand size in a decode row", std::string(letters).c_str(), 0);
}

OperandSpec parse_operand(std::string_view text) {
    if (text == "1") return {Kind::one, 8, 0};
    for (const FixedName& name : fixed_names)
        if (name.text == text) return {Kind::fixed, name.bits, name.number};
    static constexpr std::string_view letters = "EGMRIJOZXYSVWHULPQNB";
    static constexpr Kind kinds[] = {Kind::E, Kind::G, Kind::M, Kind::R, Kind::I, Kind::J, Kind::O, Kind::Z, Kind::X, Kind::Y,
                                     Kind::S, Kind::V, Kind::W, Kind::H, Kind::U, Kind::L, Kind::P, Kind::Q, Kind::N, Kind::B};
    const usize at = letters.find(text[0]);
    EMU_ASSERT(at != letters.npos);
    return {kinds[at], size_of(text.substr(1)), 0};
}

} // namespace

DecodedOperands parse_operands(std::string_view text) {
    DecodedOperands out;
    while (!text.empty()) {
        const usize comma = text.find(',');
        out.at[out.count++] = parse_operand(text.substr(0, comma));
        text = comma == text.npos ? std::string_view() : text.substr(comma + 1);
    }
    return out;
}

// --- the index ---------------------------------------------------------------------------------------------------------------

namespace {

struct Entry {
    const Row* row;
    const DecodedOperands* operands;
};

/// How many things a row insists on; the more particular row is asked first.
unsigned particular(const Row& row) {
    unsigned n = row.prefix == Prefix::any ? 0 : 4;
    if (row.reg >= 0) n += row.reg >= 0xc0 ? 32 : 8;
    if (row.mod != ' ') n += 16;
    return n + unsigned((row.flags & (only64 | no64 | w0 | w1 | vex_l0 | vex_l1)) != 0);
}

class Index {
public:
    Index() {
        for (auto table : decode_tables())
            for (const Row& row : table) {
                add(row.map, row);
                if (!(row.flags & and_vex)) continue;
                if (row.map == Map::two) add(Map::vex0f, row);
                if (row.map == Map::three38) add(Map::vex38, row);
                if (row.map == Map::three3a) add(Map::vex3a, row);
            }
        for (auto& map : entries_)
            for (auto& list : map)
                std::stable_sort(list.begin(), list.end(), [](const Entry& a, const Entry& b) { return particular(*a.row) > particular(*b.row); });
    }
    const std::vector<Entry>& at(Map map, u8 opcode) const { return entries_[unsigned(map)][opcode]; }
    /// Does a ModRM byte follow the opcode?
    bool has_modrm(Map map, u8 opcode) const { return modrm_[unsigned(map)][opcode]; }

private:
    void add(Map map, const Row& row) {
        auto [at, fresh] = operands_.try_emplace(row.operands);
        if (fresh) at->second = parse_operands(row.operands);
        // Rows without a ModRM operand that name a register in the opcode (Z) stand at eight opcodes.
        const bool in_opcode = std::any_of(at->second.at.begin(), at->second.at.end(), [](const OperandSpec& o) { return o.kind == Kind::Z; });
        const bool modrm = row.reg != -1 || row.mod != ' ' ||
                           std::any_of(at->second.at.begin(), at->second.at.end(), [](const OperandSpec& o) { return has_modrm_operand(o.kind); });
        for (unsigned i = 0; i < (in_opcode ? 8u : 1u); i++) {
            entries_[unsigned(map)][row.opcode + i].push_back({&row, &at->second});
            modrm_[unsigned(map)][row.opcode + i] |= modrm;
        }
    }
    std::vector<Entry> entries_[unsigned(Map::count_)][256];
    bool modrm_[unsigned(Map::count_)][256] = {};
    std::map<std::string_view, DecodedOperands> operands_;
};

const Index& index() {
    static const Index* const built = new Index;
    return *built;
}

/// Bytes still to read.
struct Cursor {
    ConstBytes code;
    usize at = 0;
    bool short_of = false;
    u8 next() {
        if (at >= code.size()) {
            short_of = true;
            return 0;
        }
        return code[at++];
    }
    u64 number(unsigned bytes) {
        u64 value = 0;
        for (unsigned i = 0; i < bytes; i++) value |= u64(next()) << (8 * i);
        return value;
    }
};

void read_legacy_prefixes(Cursor& c, Insn& i) {
    for (;;) {
        if (c.at >= c.code.size()) return;
        switch (c.code[c.at]) {
        case 0x26: i.segment = 0; break;
        case 0x2e: i.segment = 1; break;
        case 0x36: i.segment = 2; break;
        case 0x3e: i.segment = 3; break;
        case 0x64: i.segment = 4; break;
        case 0x65: i.segment = 5; break;
        case 0x66: i.op16 = true; break;
        case 0x67: i.addr_prefix = true; break;
        case 0xf0: i.lock = true; break;
        case 0xf2: case 0xf3: i.rep = c.code[c.at]; break;
        default: return;
        }
        c.at++;
        if (c.at > 14) return;
    }
}

/// C4 or C5 was read. False: not a VEX prefix that exists.
bool read_vex(Cursor& c, Insn& i, bool three, Map& map) {
    const u8 first = c.next(), second = three ? c.next() : 0;
    const u8 tail = three ? second : first;
    i.rex_r = !(first & 0x80);
    unsigned select = 1;
    if (three) {
        i.rex_x = !(first & 0x40);
        i.rex_b = !(first & 0x20);
        select = first & 31;
        i.rex_w = second & 0x80;
    }
    if (i.rep || i.op16 || i.lock || i.rex) return false;
    if (!i.mode64) i.rex_r = i.rex_x = i.rex_b = false;
    i.vex = true;
    i.vex_v = u8(~tail >> 3 & 15);
    i.vex_l = tail & 4;
    constexpr u8 reps[] = {0, 0, 0xf3, 0xf2};
    i.rep = reps[tail & 3];
    i.op16 = (tail & 3) == 1;
    if (select < 1 || select > 3) return false;
    map = select == 1 ? Map::vex0f : select == 2 ? Map::vex38 : Map::vex3a;
    return true;
}

bool prefix_matches(const Row& row, const Insn& i) {
    switch (row.prefix) {
    case Prefix::any: return true;
    case Prefix::none: return !i.rep && !i.op16;
    case Prefix::p66: return i.op16 && !i.rep;
    case Prefix::f3: return i.rep == 0xf3;
    case Prefix::f2: return i.rep == 0xf2;
    }
    return false;
}

bool row_matches(const Row& row, const Insn& i, u64 features) {
    if (!prefix_matches(row, i)) return false;
    if (row.reg >= 0 && (row.reg >= 0xc0 ? i.modrm : i.modrm >> 3 & 7) != row.reg) return false;
    if (row.mod == 'm' && !i.is_memory()) return false;
    if (row.mod == 'r' && i.is_memory()) return false;
    if ((row.flags & only64) && !i.mode64) return false;
    if ((row.flags & no64) && i.mode64) return false;
    if (i.vex && (row.flags & vex_l0) && i.vex_l) return false;
    if (i.vex && (row.flags & vex_l1) && !i.vex_l) return false;
    if ((row.flags & w0) && i.rex_w) return false;
    if ((row.flags & w1) && !i.rex_w) return false;
    if (i.vex && i.vex_v && ((row.flags & vex_unary) || ((row.flags & vex_unary_m) && i.is_memory()))) return false;
    u64 wants = row.features;
    if (i.vex && (row.flags & and_vex)) wants = feature::avx;
    if (i.vex && i.vex_l && (row.flags & vex_integer)) wants |= feature::avx2;
    return (wants & ~features) == 0;
}

void read_address16(Cursor& c, Insn& i) {
    constexpr u8 bases[] = {3, 3, 5, 5, 6, 7, 5, 3};
    constexpr u8 indices[] = {6, 7, 6, 7, Insn::no_register, Insn::no_register, Insn::no_register, Insn::no_register};
    const unsigned rm = i.modrm & 7, mod = i.mod();
    i.base = bases[rm];
    i.index = indices[rm];
    if (mod == 0 && rm == 6) {
        i.base = Insn::no_register;
        i.disp = s16(c.number(2));
    } else if (mod == 1) {
        i.disp = s8(c.next());
    } else if (mod == 2) {
        i.disp = s16(c.number(2));
    }
}

void read_address(Cursor& c, Insn& i) {
    if (i.addr_bits == 16) return read_address16(c, i);
    const unsigned mod = i.mod();
    unsigned rm = i.modrm & 7;
    if (rm == 4) {
        const u8 sib = c.next();
        i.scale = sib >> 6;
        const unsigned idx = unsigned(sib >> 3 & 7) | (i.rex_x ? 8u : 0u);
        i.vector_index = u8(idx);
        if (idx != 4) i.index = u8(idx);
        rm = sib & 7;
        if (rm == 5 && mod == 0) i.disp = s32(c.number(4));
        else i.base = u8(rm | (i.rex_b ? 8u : 0u));
    } else if (rm == 5 && mod == 0) {
        i.disp = s32(c.number(4));
        if (i.mode64) i.base = Insn::rip;
    } else {
        i.base = u8(rm | (i.rex_b ? 8u : 0u));
    }
    if (mod == 1) i.disp = s8(c.next());
    else if (mod == 2) i.disp = s32(c.number(4));
}

u64 read_immediate(Cursor& c, const Insn& i, const OperandSpec& o) {
    switch (o.kind) {
    case Kind::O: return c.number(i.addr_bits / 8);
    case Kind::L: return c.next() >> 4;
    case Kind::J:
        if (o.bits == 8) return u64(s64(s8(c.next())));
        return i.mode64 || i.op_bits != 16 ? u64(s64(s32(c.number(4)))) : u64(s64(s16(c.number(2))));
    default: break;
    }
    switch (o.bits) {
    case 8: return c.next();
    case size_s: return u64(s64(s8(c.next())));
    case 16: return c.number(2);
    case size_z: return i.op_bits == 16 ? u64(s64(s16(c.number(2)))) : u64(s64(s32(c.number(4))));
    case size_v: return i.op_bits == 16 ? c.number(2) : c.number(i.op_bits / 8);
    default: return c.number(4);
    }
}

void read_immediates(Cursor& c, Insn& i) {
    bool first = true;
    for (unsigned k = 0; k < i.operands->count; k++) {
        const OperandSpec& o = i.operands->at[k];
        if (o.kind != Kind::I && o.kind != Kind::J && o.kind != Kind::O && o.kind != Kind::L) continue;
        (first ? i.imm : i.imm2) = read_immediate(c, i, o);
        first = false;
    }
}

Map opcode_map(Cursor& c, Insn& i, bool& fine) {
    u8 byte = c.next();
    Map map = Map::one;
    if (i.mode64 && (byte & 0xf0) == 0x40) {
        i.rex = true;
        i.rex_w = byte & 8, i.rex_r = byte & 4, i.rex_x = byte & 2, i.rex_b = byte & 1;
        byte = c.next();
    }
    // In 32-bit code C4 and C5 are LES and LDS unless what follows would be a register operand.
    const bool vex = (byte == 0xc4 || byte == 0xc5) && (i.mode64 || (c.at < c.code.size() && c.code[c.at] >= 0xc0));
    if (vex) {
        fine = read_vex(c, i, byte == 0xc4, map);
        byte = c.next();
    } else if (byte == 0x0f) {
        map = Map::two;
        byte = c.next();
        if (byte == 0x38) map = Map::three38, byte = c.next();
        else if (byte == 0x3a) map = Map::three3a, byte = c.next();
    }
    i.opcode = byte;
    return map;
}

void set_sizes(Insn& i) {
    const u16 flags = i.row->flags;
    if (i.mode64) {
        const bool wide = i.rex_w || (flags & force64) || ((flags & default64) && !i.op16);
        i.op_bits = wide ? 64 : i.op16 && i.row->prefix != Prefix::p66 ? 16 : 32;
    } else {
        i.op_bits = i.op16 && i.row->prefix != Prefix::p66 ? 16 : 32;
    }
    if (i.vex && !i.rex_w) i.op_bits = 32;
}

} // namespace

Decoded decode(ConstBytes code, bool mode64, u64 features, Insn& i) {
    i = Insn{};
    i.mode64 = mode64;
    Cursor c{code.first(std::min<usize>(code.size(), 15))};
    auto ended = [&] { return code.size() >= 15 ? Decoded::undefined : Decoded::truncated; };
    read_legacy_prefixes(c, i);
    bool fine = true;
    const Map map = opcode_map(c, i, fine);
    if (c.short_of) return ended();
    if (!fine) return Decoded::undefined;
    i.addr_bits = mode64 ? (i.addr_prefix ? 32 : 64) : (i.addr_prefix ? 16 : 32);
    const bool modrm = index().has_modrm(map, i.opcode);
    if (modrm) {
        i.modrm = c.next();
        if (c.short_of) return ended();
    }
    // The address comes before the row is known: its form does not depend on it.
    if (modrm && i.is_memory()) read_address(c, i);
    if (c.short_of) return ended();
    for (const Entry& e : index().at(map, i.opcode)) {
        if (!row_matches(*e.row, i, features)) continue;
        i.row = e.row;
        i.operands = e.operands;
        break;
    }
    if (!i.row) return Decoded::undefined;
    set_sizes(i);
    read_immediates(c, i);
    if (c.short_of) return ended();
    i.length = u8(c.at);
    const bool may_lock = (i.row->flags & lockable) && i.is_memory();
    return i.lock && !may_lock ? Decoded::undefined : Decoded::ok;
}

} // namespace emu::isa::x86

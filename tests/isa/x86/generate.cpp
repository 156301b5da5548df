// SPDX-License-Identifier: MIT
#include "generate.h"

#include <algorithm>
#include <cstring>

namespace emu::lockstep_x86 {

using namespace isa::x86;

namespace {

/// What a block cannot contain: control flow, the system's business, and what differs from run to run.
constexpr std::string_view excluded[] = {
    "jmp", "call", "ret", "j", "loop", "jcxz", "leave", "enter", "popf", "lds", "les", "lfs", "lgs", "lss", "in", "out", "insb", "ins", "outsb", "outs",
    "syscall", "sysenter", "int", "int1", "int3", "into", "iret", "hlt", "cli", "sti", "cpuid", "rdtsc", "rdtscp", "rdrand", "rdseed", "xgetbv", "xsetbv",
    "xsave", "xrstor", "xsaveopt", "xsavec", "fxsave", "fxrstor", "ldmxcsr", "vldmxcsr", "rdpid", "rdfsbase", "rdgsbase", "wrfsbase", "wrgsbase",
    "ud0", "ud1", "ud2", "clts", "invd", "wbinvd", "wrmsr", "rdmsr", "rdpmc", "clflush", "clflushopt", "fldcw", "fldenv", "frstor", "fnsave", "fnstenv",
    "loopne", "loope", "fldconst", "fneni", "fndisi", "fnsetpm", "pushf", "bound", "arpl", "cmpxchg16b", "prefetch", "prefetchw", "push", "pop", "callf", "jmpf", "retf", "vmaskmovps", "f2xm1", "fyl2x", "fyl2xp1", "fptan", "fpatan", "fsin", "fcos", "fsincos",
};

constexpr u32 cf = 1, pf = 4, af = 16, zf = 64, sf = 128, of = 2048;
struct Undefined {
    std::string_view name;
    u32 flags;
};
/// Flags that the SDM leaves undefined.
constexpr Undefined undefined_flags[] = {
    {"mul", sf | zf | af | pf}, {"imul", sf | zf | af | pf}, {"div", cf | of | sf | zf | af | pf}, {"idiv", cf | of | sf | zf | af | pf},
    {"and", af}, {"or", af}, {"xor", af}, {"test", af}, {"shl", af | of | cf}, {"shr", af | of | cf}, {"sar", af | of | cf}, {"rol", of}, {"ror", of}, {"rcl", of},
    {"rcr", of}, {"shld", af | of | cf}, {"shrd", af | of | cf}, {"bt", of | sf | af | pf}, {"bts", of | sf | af | pf}, {"btr", of | sf | af | pf},
    {"btc", of | sf | af | pf}, {"bsf", cf | of | sf | af | pf}, {"bsr", cf | of | sf | af | pf}, {"lzcnt", of | sf | pf | af}, {"tzcnt", of | sf | pf | af},
    {"daa", of}, {"das", of}, {"aaa", of | sf | zf | pf}, {"aas", of | sf | zf | pf}, {"aam", of | af | cf}, {"aad", of | af | cf},
    {"andn", af | pf}, {"blsi", af | pf}, {"blsr", af | pf}, {"blsmsk", af | pf}, {"bextr", af | sf | pf}, {"bzhi", af | pf},
};

bool named(std::string_view name, const std::vector<std::string>& list) {
    return std::any_of(list.begin(), list.end(), [&](const std::string& n) {
        return n.ends_with('*') ? name.starts_with(std::string_view(n).substr(0, n.size() - 1)) : name == n;
    });
}

bool is_gpr(Kind k) { return k == Kind::E || k == Kind::G || k == Kind::R || k == Kind::Z || k == Kind::B; }

void put(std::vector<u8>& out, u64 value, unsigned bytes) {
    for (unsigned i = 0; i < bytes; i++) out.push_back(u8(value >> (8 * i)));
}
} // namespace

/// mov r64, imm64 or mov r32, imm32
void Generator::load_imm(std::vector<u8>& out, unsigned reg, u64 value) const {
    if (options_.wide) out.push_back(u8(0x48 | reg >> 3));
    out.push_back(u8(0xb8 | (reg & 7)));
    put(out, value, options_.wide ? 8 : 4);
}

Generator::Generator(const GenerateOptions& options, const TestMemory& arena) : options_(options), arena_(arena) {
    for (auto table : decode_tables())
        for (const Row& row : table) {
            if (row.features & ~options.features || row.flags & (options.wide ? no64 : only64)) continue;
            if (std::find(std::begin(excluded), std::end(excluded), row.name) != std::end(excluded)) continue;
            if (!options.only.empty() && !named(row.name, options.only)) continue;
            if (named(row.name, options.without)) continue;
            const DecodedOperands operands = parse_operands(row.operands);
            const auto any = [&](Kind k) { return std::any_of(operands.at.begin(), operands.at.end(), [&](auto& o) { return o.kind == k; }); };
            if (any(Kind::J) || (row.map == Map::two && row.opcode >= 0x20 && row.opcode < 0x24) || any(Kind::S) || any(Kind::O)) continue;
            rows_.push_back(&row);
        }
}

/// Where a memory operand lies; now and then across the edge of the arena.
u64 Generator::target(unsigned) {
    if (!aligned_ && chance(options_.faults)) return chance(.5) ? arena_.data - 1 - random(70) : arena_.data + arena_.size - random(33);
    const u64 at = arena_.data + 128 + random(arena_.size - 512);
    return aligned_ || chance(.6) ? at & ~u64(31) : at;
}

void Generator::memory_form(std::vector<u8>& bytes, u8 reg_field, bool) {
    const unsigned form = unsigned(random(4));
    const u8 reg = u8(reg_field << 3);
    if (form == 0) { // disp32 absolute, through SIB
        bytes.push_back(reg | 4);
        bytes.push_back(0x25);
        put(bytes, target(0), 4);
    } else if (form == 1) { // base + disp8
        u8 base = u8(random(8));
        while (base == 4) base = u8(random(8));
        bytes.push_back(u8(0x40 | reg | base));
        bytes.push_back(u8(random(256)));
    } else { // base + index * scale + disp
        u8 base = u8(random(8)), index = u8(random(8));
        while (base == 4 || base == index) base = u8(random(8));
        bytes.push_back(u8((form == 2 ? 0x40 : 0x80) | reg | 4));
        bytes.push_back(u8(random(4) << 6 | index << 3 | base));
        if (form == 2) bytes.push_back(u8(random(256)));
        else put(bytes, u64(s64(s32(random(4096)) - 2048)), 4);
    }
}

std::vector<u8> Generator::encode(const Row& row, const DecodedOperands& operands) {
    std::vector<u8> out;
    const bool vex_map = row.map == Map::vex0f || row.map == Map::vex38 || row.map == Map::vex3a;
    const bool vex = vex_map || ((row.flags & and_vex) && (options_.features & feature::avx) && chance(.4));
    const bool in_opcode = std::any_of(operands.at.begin(), operands.at.end(), [](auto& o) { return o.kind == Kind::Z; });
    const u8 opcode = u8(row.opcode + (in_opcode ? random(8) : 0));
    if (vex) {
        const u8 map = row.map == Map::two || row.map == Map::vex0f ? 1 : row.map == Map::three38 || row.map == Map::vex38 ? 2 : 3;
        const u8 pp = row.prefix == Prefix::p66 ? 1 : row.prefix == Prefix::f3 ? 2 : row.prefix == Prefix::f2 ? 3 : 0;
        const bool l = row.flags & vex_l1 ? true : row.flags & vex_l0 ? false : chance(.5);
        const bool w = row.flags & w0 ? false : row.flags & w1 ? true : chance(.5);
        // Rows with one source only want VEX.vvvv to be all ones.
        const bool single = row.flags & vex_unary || (row.flags & vex_unary_m && row.mod != 'r');
        const u8 v = single ? 15 : u8(options_.wide ? random(16) : 8 + random(8));
        out.push_back(0xc4);
        out.push_back(u8((options_.wide ? random(8) << 5 : 0xe0) | map));
        out.push_back(u8((w ? 0x80 : 0) | v << 3 | (l ? 4 : 0) | pp));
    } else {
        const bool sized = row.prefix == Prefix::any;
        if (row.prefix == Prefix::p66 || (sized && row.features != feature::x87 && chance(.2))) out.push_back(0x66);
        if (!options_.wide && row.name == "lea" && chance(.2)) out.push_back(0x67); // the arena is beyond 16-bit addresses
        if (row.prefix == Prefix::f3) out.push_back(0xf3);
        if (row.prefix == Prefix::f2) out.push_back(0xf2);
        if ((row.flags & lockable) && chance(.1)) out.insert(out.begin(), 0xf0);
        const bool w = row.flags & w1 ? true : row.flags & w0 ? false : chance(.4);
        if (options_.wide && (w || chance(.5))) out.push_back(u8(0x40 | (w ? 8 : 0) | random(8)));
        if (row.map != Map::one) out.push_back(0x0f);
        if (row.map == Map::three38) out.push_back(0x38);
        if (row.map == Map::three3a) out.push_back(0x3a);
    }
    out.push_back(opcode);
    const bool modrm = row.reg != -1 || row.mod != ' ' ||
                       std::any_of(operands.at.begin(), operands.at.end(), [](auto& o) { return has_modrm_operand(o.kind); });
    if (row.reg >= 0xc0) {
        out.push_back(u8(row.reg));
    } else if (modrm) {
        const u8 field = row.reg >= 0 ? u8(row.reg) : u8(random(8));
        if (row.mod == 'r' || (row.mod == ' ' && chance(.6))) out.push_back(u8(0xc0 | field << 3 | random(8)));
        else memory_form(out, field, vex);
    }
    for (unsigned n = 0; n < 12; n++) out.push_back(u8(chance(.3) ? random(2) * 255 : random(256))); // immediates; the decoder says how many count
    return out;
}

/// Instructions that make the operands harmless; false: this one is not wanted.
bool Generator::prepare(const Insn& insn, std::vector<u8>& before) {
    const std::string_view name = insn.row->name;
    if (name == "lea" && insn.addr_bits == 16) return true;
    if (name.starts_with("sh") && name.size() == 4 && insn.op16 && name != "shlx" && name != "shrx") return false; // undefined beyond 16
    // RSP stays where it is.
    for (const OperandSpec& o : insn.operands->at) {
        if (!is_gpr(o.kind)) continue;
        const unsigned n = o.kind == Kind::G ? insn.reg() : o.kind == Kind::Z ? unsigned(insn.opcode & 7) | (insn.rex_b ? 8u : 0u) : o.kind == Kind::B ? insn.vex_v : insn.rm();
        if (n == 4 && (o.kind == Kind::G || o.kind == Kind::Z || o.kind == Kind::B || !insn.is_memory())) return false;
    }
    const bool strings = std::any_of(insn.operands->at.begin(), insn.operands->at.end(), [](auto& o) { return o.kind == Kind::X || o.kind == Kind::Y; }) ||
                         name.starts_with("movs") || name.starts_with("cmps") || name.starts_with("stos") || name.starts_with("lods") || name.starts_with("scas");
    if (strings && insn.row->map == Map::one) {
        load_imm(before, 6, target(0));
        load_imm(before, 7, target(0));
        load_imm(before, 1, random(20));
        before.push_back(0xfc);
    }
    if (name.starts_with("maskmov") || name == "xlat") load_imm(before, name == "xlat" ? 3 : 7, target(0) & ~u64(0xff));
    // A bit offset from a register reaches far: it is made small, in a register that is neither base nor index.
    if (name.starts_with("bt") && insn.row->operands.find('G') != std::string_view::npos) {
        if (insn.modrm < 0xc0 && (insn.reg() == insn.base || insn.reg() == insn.index)) return false;
        load_imm(before, insn.reg(), random(512));
    }
    const bool vsib = name.starts_with("vgather") || name.starts_with("vpgather");
    if (vsib) { // all indices 0
        const unsigned x = insn.vector_index;
        if (x == insn.reg() || x == insn.vex_v || insn.reg() == insn.vex_v) return false;
        for (u8 byte : {u8(0xc4), u8(0x41 | (x & 8 ? 0 : 0x80)), u8(~x << 3 & 0x78), u8(0x57), u8(0xc0 | (x & 7) << 3)}) before.push_back(byte);
        before[before.size() - 4] = u8((x & 8 ? 0x41 : 0xe1));
        before[before.size() - 3] = u8((~x & 15) << 3);
        before[before.size() - 1] = u8(0xc0 | (x & 7) << 3 | (x & 7));
    }
    if (insn.modrm >= 0xc0 || insn.base == Insn::no_register || insn.base == Insn::rip) {
        return insn.base != Insn::rip && (insn.modrm >= 0xc0 || insn.modrm == 0 || insn.index == Insn::no_register || vsib);
    }
    u64 base = target(0) - u64(insn.disp);
    if (insn.index != Insn::no_register && !vsib) {
        if (insn.index == insn.base || insn.index == 4) return false;
        const u64 index = random(16);
        load_imm(before, insn.index, index);
        base -= index << insn.scale;
    }
    if (insn.base == 4) return false;
    load_imm(before, insn.base, base);
    return true;
}

bool Generator::instruction(Block& block, u64 at) {
    const Row& row = *rows_[random(rows_.size())];
    const DecodedOperands operands = parse_operands(row.operands);
    // Legacy SSE wants whole vectors aligned, and mostly gets them so.
    aligned_ = chance(.9) && std::any_of(operands.at.begin(), operands.at.end(), [](auto& o) { return o.kind == Kind::W && o.bits == size_x; });
    std::vector<u8> bytes = encode(row, operands);
    Insn insn;
    if (decode(bytes, options_.wide, options_.features, insn) != Decoded::ok || insn.row->name != row.name || insn.segment >= 0) return false;
    // VEX.vvvv is free only where a row has a separate first source; the host refuses the others.
    std::vector<u8> before;
    if (!prepare(insn, before)) return false;
    bytes.resize(insn.length);
    block.code.insert(block.code.end(), before.begin(), before.end());
    block.code.insert(block.code.end(), bytes.begin(), bytes.end());
    block.names += (block.names.empty() ? "" : " ; ") + std::string(row.name);
    block.insns++;
    for (unsigned k = 0; k < operands.count; k++) {
        const Kind kind = operands.at[k].kind;
        if (kind == Kind::P || kind == Kind::Q || kind == Kind::N) block.mmx = true;
    }
    block.undefined_flags = 0;
    for (const Undefined& u : undefined_flags)
        if (u.name == row.name) block.undefined_flags = u.flags;
    (void)at;
    return true;
}

/// cmp eax, ecx, where flags are undefined.
void Generator::define_flags(Block& block) {
    if (!block.undefined_flags) return;
    block.code.push_back(0x39);
    block.code.push_back(0xc8);
    block.undefined_flags = 0;
}

void Generator::instructions(Block& block, u64 at, unsigned wanted) {
    for (unsigned tries = 0, end = block.insns + wanted; block.insns < end && tries < 200; tries++) {
        if (block.undefined_flags && chance(.8)) define_flags(block);
        if (block.undefined_flags) break; // nothing may look at them
        instruction(block, at);
    }
}

/// Instructions, an inner loop, instructions, some rounds long. The flags are live along the back edge.
void Generator::loop(Block& block, u64 at, unsigned depth) {
    std::vector<u8>& code = block.code;
    const u64 counter = arena_.counters + 4 * depth;
    define_flags(block);
    for (u8 byte : {0xc7, 0x04, 0x25}) code.push_back(byte); // mov dword [counter], rounds
    put(code, counter, 4);
    put(code, 1 + random(depth ? 12 : 5), 4);
    const usize start = code.size();
    instructions(block, at, unsigned(random(options_.length) + 1));
    if (!depth) {
        loop(block, at, 1);
        instructions(block, at, unsigned(random(options_.length)));
    }
    define_flags(block);
    const bool dec = chance(.5);
    for (u8 byte : {dec ? 0xff : 0x83, dec ? 0x0c : 0x2c, 0x25}) code.push_back(byte); // dec dword [counter], or sub ..., 1
    put(code, counter, 4);
    if (!dec) code.push_back(1);
    code.push_back(0x0f);
    code.push_back(chance(.5) ? 0x85 : 0x8f); // jnz or jg
    put(code, start - (code.size() + 4), 4);
}

Block Generator::block(u64 seed, u64 at) {
    engine_.seed(seed * 0x9e3779b97f4a7c15 + 1);
    Block block;
    if (options_.loops) loop(block, at, 0);
    else instructions(block, at, chance(.4) ? 1 : unsigned(1 + random(options_.length)));
    return block;
}

} // namespace emu::lockstep_x86

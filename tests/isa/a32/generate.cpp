// SPDX-License-Identifier: MIT
#include "generate.h"

#include "common/bits.h"

#include <algorithm>
#include <cstring>

namespace emu::lockstep {

using namespace isa;
using a32::Space;

namespace {

/// Rows that say nothing without the system around them, or whose answer is the CPU's own.
bool excluded(std::string_view name) {
    for (std::string_view n : {"svc", "bkpt", "udf", "mcr", "mrc", "mrrc", "cps", "setend", "bx", "blx", "bl", "bxj", "tbb", "it", "swp", "swpb", "nop", "isb",
                               "pli", "pld", "sb"})
        if (name == n) return true;
    return false;
}

/// Code wherever it is asked for.
class OneInsn final : public CodeReader {
public:
    OneInsn(const Code& code, bool thumb, u32 pc) : pc_(pc) {
        const u32 word = thumb && code.size == 4 ? code.word >> 16 | code.word << 16 : code.word;
        std::memcpy(bytes_, &word, 4);
    }
    bool read(u64 address, Bytes to) override {
        for (usize i = 0; i < to.size(); i++) to[i] = bytes_[(address - pc_ + i) & 3];
        return true;
    }

private:
    u32 pc_;
    u8 bytes_[4];
};

/// What results are is not said: both registers of a permutation the same.
bool left_open(const a32::Insn& row, u32 word) {
    if (row.name() != "vtrn" && row.name() != "vuzp" && row.name() != "vzip") return false;
    const auto f = row.fields(word);
    return f['d'] == f['m'] && f['D'] == f['M'];
}

/// No alignment is asked for by an element or structure access.
void ask_no_alignment(u32& word) {
    const u32 size = word >> 10 & 3;
    if (!(word >> 23 & 1)) word &= ~0x30u;
    else if (size == 3) word &= ~0x10u;
    else word &= size == 2 ? ~0x30u : ~0x10u;
}

constexpr std::string_view multiples[] = {"ldm", "stm", "ldmdb", "stmdb", "push", "pop", "vldm", "ldrd", "strd", "vldr"};
bool needs_words(std::string_view name) { return std::find(std::begin(multiples), std::end(multiples), name) != std::end(multiples); }

} // namespace

Generator::Generator(const CpuModel& model, const GenerateOptions& options) : model_(model), options_(options), random_(options.seed) {
    auto add = [&](std::vector<Row>& to, Space space, std::string_view name) {
        if (!options.space.empty() && options.space != name) return;
        for (auto table : a32::decode_tables(space))
            for (const auto& row : table)
                if (!excluded(row.name()) && (row.features & ~model.features) == 0 && wanted(row)) to.push_back({&row, space});
    };
    add(arm_, Space::a32, "a32");
    add(arm_, Space::a32_unconditional, "neon");
    add(thumb_, Space::t16, "t16");
    add(thumb_, Space::t32, "t32");
}

bool Generator::wanted(const a32::Insn& row) const {
    if (options_.only.empty()) return true;
    return std::any_of(options_.only.begin(), options_.only.end(), [&](std::string_view want) {
        return want.ends_with('*') ? row.name().starts_with(want.substr(0, want.size() - 1)) : row.name() == want;
    });
}

Generator::Effects Generator::effects(const Code& code, bool thumb, u32 pc) const {
    ir::Function f;
    f.slots = a32::slot_table;
    f.fp = a32::a32_isa.fp_env(0);
    ir::Builder builder(f);
    // As if its condition held.
    Code always = code;
    if (!thumb && code.word >> 28 < 14) always.word = code.word | 0xe0000000;
    if (!thumb && code.word >> 28 < 14) always.word = (code.word & 0x0fffffff) | 0xe0000000;
    OneInsn reader(always, thumb, pc);
    a32::a32_isa.translate(builder, {.pc = u64(pc) | thumb, .mode = 0, .model = &model_, .max_insns = 1, .code = &reader});
    Effects e;
    for (const ir::Node& n : f.nodes) {
        if (n.op == ir::Op::set) {
            const ir::Op made_by = f[n.b].op;
            e.sets.emplace_back(n.a, made_by == ir::Op::add || made_by == ir::Op::sub);
        }
        const auto effect = ir::effect_of(n.op);
        if ((effect == ir::Effect::load || effect == ir::Effect::store) && n.op != ir::Op::fence) {
            e.memory = true;
            e.aligned |= ir::MemFlags::unpack(n.aux).order != ir::Order::relaxed;
            if (f[n.a].op == ir::Op::imm) e.forbidden = true; // literals
        }
        if (n.op == ir::Op::call) {
            const std::string_view name = f.helpers[n.a]->name;
            e.forbidden |= name == "a32_write_fpscr" || name == "a32_counter";
        }
    }
    for (const ir::Exit& exit : f.exits) {
        if (exit.kind == ir::ExitKind::trap) {
            e.undefined |= exit.code == u32(Trap::undefined);
            e.leaves |= !e.undefined;
        } else if (exit.kind == ir::ExitKind::jump) {
            const u32 to = a32::code_address(exit.pc);
            if (to != pc + code.size) e.branch_to = to;
            e.forbidden |= bool(exit.pc & 1) != thumb;
        } else {
            e.leaves = true;
        }
    }
    return e;
}

bool Generator::acceptable(const Effects& e, u32 pc, bool memory) const {
    if (e.undefined || e.leaves || e.forbidden) return false;
    if (e.branch_to && (e.branch_to <= pc || e.branch_to > pc + 16)) return false;
    if (e.memory && !memory) return false;
    for (auto [slot, sum] : e.sets) {
        if (slot == context_register) return false;
        if (!memory) continue;
        if (slot == index_register || slot == aligned_register) return false;
        if ((slot == base_register || slot == 13) && !(e.memory && sum)) return false;
    }
    return true;
}

/// Addresses point into the scratch memory, and what the architecture leaves open is avoided.
void Generator::patch(const Row& r, u32& word, bool thumb) {
    const a32::Insn& row = *r.row;
    auto put = [&](char letter, u32 value) {
        unsigned at = 32, width = row.pattern.fields[unsigned(letter_index(letter))].width;
        for (char c : row.pattern.text.view()) {
            if (c == ' ' || c == '_') continue;
            at--;
            if (c == letter) width--, word = (word & ~(1u << at)) | (value >> width & 1) << at;
        }
    };
    auto f = [&] { return row.fields(word); };
    const bool wide = r.space != Space::t16;
    // Not pc, not the context; in Thumb not sp.
    auto some_register = [&] {
        static constexpr unsigned usual[] = {0, 1, 2, 3, 4, 8, 9, 10, 12, 14, 5, 6, 7};
        return usual[random_.below(wide ? 13 : 5)];
    };
    const bool simd = row.features & (a32::feature::neon | a32::feature::vfp2 | a32::feature::vfp3 | a32::feature::vfp4 | a32::feature::vfp_v8 | a32::feature::fp16 |
                                      a32::feature::half | a32::feature::aes | a32::feature::sha1 | a32::feature::sha2 | a32::feature::pmull | a32::feature::jscvt);
    const Effects e = effects({word, u8(wide ? 4 : 2)}, thumb, code_at);
    if (simd) {
        if (f().has('t') && f()['t'] > 10) put('t', some_register());
        if (f().has('u')) put('u', (f()['t'] + 1 + random_.below(3)) % 5);
    } else if (wide) {
        for (char letter : {'d', 'n', 'm', 's', 'a', 't'})
            if (f().has(letter) && row.name() != "msr") put(letter, some_register());
        if (f().has('l') && f().width('l') == 4) put('l', (f()['d'] + 1 + random_.below(3)) % 5); // RdLo
        if (f().has('u')) put('u', (f()['t'] + 1 + random_.below(3)) % 5);
    }
    if (row.name() == "mls" || row.name() == "msr") {
        if (row.name() == "msr") put('k', u32(4 * random_.below(4))), word &= ~0u;
        if (row.name() == "msr" && f().has('n')) put('n', some_register());
    }
    const bool multiple = f().has('l') && f().width('l') >= 8;
    const bool touches = e.memory || multiple || row.name().starts_with("ld") || row.name().starts_with("st") || row.name().starts_with("vld") || row.name() == "vldr";
    if (!touches) {
        if (f().has('i') && row.syntax().find("label") != std::string_view::npos && row.name() != "adr") put('i', u32(random_.below(3)));
        return;
    }
    const bool dual = row.name() == "ldrd" || row.name() == "strd", words = needs_words(row.name());
    const bool exclusive = row.name().find("ex") != std::string_view::npos || row.name().starts_with("lda") || row.name().starts_with("stl");
    if (f().has('t') && !simd) {
        unsigned t = some_register();
        while (t >= 5 && t <= 7) t = unsigned(random_.below(5));
        if (dual && !f().has('u')) t = unsigned(random_.below(2)) * 2;
        if (exclusive && !f().has('u')) t = unsigned(random_.below(2)) * 2;
        put('t', t);
        if (f().has('u')) put('u', (f()['t'] + 1 + random_.below(3)) % 5);
        if (exclusive && f().has('d')) put('d', 8 + random_.below(3));
    }
    if (f().has('m') && !simd) put('m', index_register);
    if (row.name() == "vld") ask_no_alignment(word);
    if (f().has('m') && simd && f()['m'] != 13 && f()['m'] != 15) put('m', index_register);
    if (f().has('h') && f().has('m')) put('h', u32(random_.below(2))), put('i', u32(random_.below(4)));
    else if (f().has('m') && f().has('i') && !simd) put('i', u32(random_.below(4)));
    const bool aligned = exclusive || words;
    const bool writes_back = (f().has('W') && f()['W']) || (f().has('P') && !f()['P'] && !multiple) || (f().has('W') && row.name() == "vldm");
    if (f().has('n')) {
        if (!wide) put('n', row.name() == "ldm" || row.name() == "stm" ? base_register : words ? aligned_register : base_register);
        else if (aligned && !writes_back) put('n', random_.one_in(2) ? 13 : aligned_register);
        else if (aligned) put('n', 13);
        else put('n', random_.one_in(4) ? 13 : base_register);
        if (exclusive) put('n', aligned_register);
        // Bases stay word-aligned: LDM and its like need that.
        if (writes_back && f().has('i') && !multiple && row.name() != "vldm") put('i', f()['i'] & ~3u);
    }
    if (exclusive && f().has('i')) put('i', f()['i'] & ~3u);
    if (dual && f().has('i') && !thumb) put('i', f()['i'] & ~3u);
    if (multiple) {
        u32 list = f()['l'] & ~((1u << 5 | 1u << 6 | 1u << 7 | 1u << 11 | 1u << 13 | 1u << 15));
        if (list == 0 || !(list & (list - 1))) list |= 3;
        if (!wide && row.name() == "stm" && random_.one_in(4)) list |= 1 << 7;
        put('l', list);
        if (f().has('M')) put('M', row.name() == "push" ? f()['M'] : 0);
    }
}

bool Generator::candidate(Code& code, const Row& row, bool thumb, u32 pc, bool memory) {
    code.word = row.row->fill(u32(random_()));
    code.size = row.space == Space::t16 ? 2 : 4;
    if (row.space == Space::a32) {
        // Most without a condition.
        const u32 cond = random_.one_in(3) ? u32(random_.below(14)) : 14;
        code.word = (code.word & 0x0fffffff) | cond << 28;
    }
    patch(row, code.word, thumb);
    if (row.space == Space::t32 && code.word >> 27 < 0x1d) return false;
    // The random bits may have made it another instruction.
    u32 word = code.word;
    const a32::Insn* found = row.space == Space::t16 ? a32::decode_t16(u16(word), model_.features) : thumb ? a32::decode_t32(word, model_.features)
                                                                                                           : a32::decode_a32(word, model_.features);
    if (found != row.row || left_open(*found, word)) return false;
    return acceptable(effects(code, thumb, pc), pc, memory);
}

Block Generator::block(u32 pc, bool thumb, bool memory) {
    Block b{thumb, {}};
    const auto& rows = thumb ? thumb_ : arm_;
    u32 here = pc, joined = pc;
    unsigned failures = 0, in_it = 0;
    while ((b.insns.size() < options_.insns || in_it) && failures < 3000) {
        if (thumb && !in_it && here >= joined && random_.one_in(8)) { // IT with one to four instructions
            const u32 cond = u32(random_.below(14)), mask = u32(1 + random_.below(15));
            in_it = 4 - unsigned(std::countr_zero(mask));
            b.insns.push_back({0xbf00 | cond << 4 | mask, 2});
            here += 2;
        }
        const Row& row = rows[random_.below(rows.size())];
        Code code;
        if (!candidate(code, row, thumb, here, memory)) {
            failures++;
            continue;
        }
        const Effects e = effects(code, thumb, here);
        if (in_it && (e.branch_to || row.row->name().starts_with("cb"))) continue;
        const bool stores_exclusive = row.row->name().starts_with("strex") || row.row->name().starts_with("stlex");
        if (stores_exclusive) continue; // see the unit tests
        if (thumb && here < joined && here + code.size > joined) { // a branch must not lead into the middle
            failures++;
            continue;
        }
        if (e.branch_to) joined = std::max(joined, e.branch_to);
        b.insns.push_back(code);
        here += code.size;
        if (in_it) in_it--;
    }
    return b;
}

u32 Generator::interesting_integer() {
    constexpr u32 edges[] = {0, 1, 2, 31, 32, 33, 63, 64, 127, 128, 255, 0x7fff, 0x8000, 0xffff, 0x7fffffff, 0x80000000, 0xffffffff, 0x80008000, 0x7fff7fff};
    switch (random_.below(5)) {
    case 0: return edges[random_.below(std::size(edges))];
    case 1: return ~edges[random_.below(std::size(edges))];
    case 2: return u32(1) << random_.below(32);
    default: return u32(random_());
    }
}

u64 Generator::interesting_vector() {
    constexpr u16 halves[] = {0, 0x8000, 0x3c00, 0xbc00, 0x7c00, 0xfc00, 0x7e00, 0x7c01, 0xfd55, 1, 0x83ff, 0x0400, 0x7bff, 0x3800};
    constexpr u32 floats[] = {0, 0x80000000, 0x3f800000, 0xbf800000, 0x7f800000, 0xff800000, 0x7fc00000, 0x7f800001, 0xffa00055,
                              1, 0x807fffff, 0x00800000, 0x7f7fffff, 0x3f000000, 0x4f000000, 0xcf000000, 0x5f000000, 0x40490fdb};
    constexpr u64 doubles[] = {0, 1ull << 63, 0x3ff0000000000000, 0xbff0000000000000, 0x7ff0000000000000, 0xfff0000000000000, 0x7ff8000000000000,
                               0x7ff0000000000001, 0xfff4000000000055, 1, 0x800fffffffffffff, 0x0010000000000000, 0x7fefffffffffffff,
                               0x41e0000000000000, 0xc3e0000000000000, 0x400921fb54442d18};
    u64 v = 0;
    switch (random_.below(8)) {
    case 0:
        for (unsigned i = 0; i < 4; i++) v = v << 16 | (random_.one_in(3) ? u16(random_()) : halves[random_.below(std::size(halves))]);
        return v;
    case 1: return u64(floats[random_.below(std::size(floats))]) << 32 | floats[random_.below(std::size(floats))];
    case 2: return doubles[random_.below(std::size(doubles))];
    case 3: return (random_() & 0x800fffffffffffff) | (1013 + random_.below(20)) << 52;
    case 4: {
        auto number = [&] { return (random_() & 0x807fffff) | (117 + random_.below(20)) << 23; };
        v = number() << 32;
        return v | number();
    }
    case 5: return u64(interesting_integer()) << 32 | interesting_integer();
    default: return random_();
    }
}

Context Generator::input() {
    Context c;
    for (u32& r : c.r) r = interesting_integer();
    for (u64& d : c.d) d = interesting_vector();
    c.cpsr = 0x10 | u32(random_.below(32)) << 27 | u32(random_.below(16)) << 16;
    if (random_.one_in(2)) c.fpscr = u32(random_()) & (a32::fpscr::mask | a32::fpscr::nzcv);
    if (!(model_.features & a32::feature::fp16)) c.fpscr &= ~a32::fpscr::fz16;
    return c;
}

Program Generator::program() {
    Program p;
    p.scratch.resize(scratch_size);
    for (usize i = 0; i < scratch_size; i += 8) {
        const u64 v = interesting_vector();
        std::memcpy(&p.scratch[i], &v, 8);
    }
    for (unsigned b = 0; b < options_.blocks; b++) {
        const bool memory = random_.one_in(2), thumb = arm_.empty() || (!thumb_.empty() && random_.one_in(2));
        // Where a block will be does not matter: nothing in it knows its address but through pc.
        p.blocks.push_back(block(0x1001'0000, thumb, memory));
        const u32 base = scratch_base + 4 * u32(random_.below(1024)), aligned = scratch_at + (16 << 10) + 16 * u32(random_.below(2048));
        const u32 sp = scratch_base + 8 * u32(random_.below(512)), index = 4 * u32(random_.below(64));
        for (unsigned i = 0; i < options_.inputs; i++) {
            Run run{b, input()};
            if (memory) {
                run.input.r[base_register] = base;
                run.input.r[aligned_register] = aligned;
                run.input.r[index_register] = index;
                run.input.r[13] = sp;
            }
            p.runs.push_back(run);
        }
    }
    return p;
}

} // namespace emu::lockstep

// SPDX-License-Identifier: MIT
#include "generate.h"

#include "known.h"

#include <algorithm>
#include <cstring>

namespace emu::lockstep {

using namespace isa;

namespace {

/// Rows that say nothing without the system around them, or whose answer is the CPU's own.
bool excluded(std::string_view name) {
    for (std::string_view n : {"svc", "brk", "hvc", "smc", "hlt", "udf", "mrs", "msr", "sys", "sysl", "wfi", "wfe", "isb", "eret"})
        if (name == n) return true;
    return false;
}

/// Where QEMU 7.2, the other emulator at hand, is known to be wrong.
bool mistaken(u32 word) {
    struct Mistake {
        u32 mask, value;
    };
    static constexpr Mistake mistakes[] = {
        {0xfffffc00, 0x1e7e0000}, // FJCVTZS: Z for a flushed denormal (fixed later, its issue 2375)
        {0xfff0fc00, 0x5f10fc00}, // FCVTZS Hd, Hn, #n: the sign goes on above the 16 bits
        {0xff7fcc00, 0x5e70c800}, // half-precision scalar pairwise with sz set: undefined
        {0xbf7fcc00, 0x0e70c800}, // half-precision across lanes with sz set: undefined
        {0xfffffc00, 0x7ef8f800}, // scalar FSQRT of the vector groups: undefined
        {0xbff8fc00, 0x2f00fc00}, // MOVI with cmode 15, op and o2: undefined
    };
    return std::any_of(std::begin(mistakes), std::end(mistakes), [&](const Mistake& m) { return (word & m.mask) == m.value; });
}

/// One word of code wherever it is asked for.
class OneWord final : public CodeReader {
public:
    explicit OneWord(u32 word) : word_(word) {}
    bool read(u64, Bytes to) override {
        std::memcpy(to.data(), &word_, to.size());
        return true;
    }

private:
    u32 word_;
};

constexpr u32 system_words[] = {
    0xd53b4200, 0xd51b4200, // NZCV
    0xd51b4420,             // FPSR (what the other emulator keeps in reserved bits is not looked at)
    0xd53bd040, 0xd51bd040, // TPIDR_EL0
};

constexpr u32 clear_exclusive = 0xd5033f5f;
bool is_store_exclusive(u32 word) { return (word & 0x3fc00000) == 0x08000000 && (word >> 31 || !(word >> 21 & 1)); }
/// Into x24, which no store-exclusive names.
u32 matching_load(u32 word) {
    const bool pair = word >> 21 & 1;
    return (word & ~u32(0x1f)) | 1 << 22 | 0x1f << 16 | (pair ? 0x17 << 10 : 0x1f << 10) | 24;
}

} // namespace

Generator::Generator(const CpuModel& model, const GenerateOptions& options) : model_(model), options_(options), random_(options.seed) {
    for (auto table : a64::decode_tables())
        for (const auto& row : table)
            if (!excluded(row.name()) && (row.features & ~model.features) == 0 && wanted(row)) rows_.push_back(&row);
}

bool Generator::wanted(const a64::Insn& row) const {
    const std::string_view name = row.name();
    const u32 op0 = row.pattern.value >> 25 & 15;
    const bool fp_simd = (op0 & 7) == 7, load_store = (op0 & 5) == 4;
    if (options_.group == "integer" && (fp_simd || load_store)) return false;
    if (options_.group == "memory" && !load_store) return false;
    if (options_.group == "simd" && !fp_simd) return false;
    if (options_.only.empty()) return true;
    return std::any_of(options_.only.begin(), options_.only.end(), [&](std::string_view want) {
        return want.ends_with('*') ? name.starts_with(want.substr(0, want.size() - 1)) : name == want;
    });
}

Generator::Effects Generator::effects(u32 word, u64 pc) const {
    ir::Function f;
    f.slots = a64::slot_table;
    f.fp = a64::a64_isa.fp_env(0);
    ir::Builder builder(f);
    OneWord code(word);
    a64::a64_isa.translate(builder, {.pc = pc, .mode = 0, .model = &model_, .max_insns = 1, .code = &code});
    Effects e;
    for (const ir::Node& n : f.nodes) {
        if (n.op == ir::Op::set) e.sets.push_back(n.a);
        const auto effect = ir::effect_of(n.op);
        if (effect == ir::Effect::load || effect == ir::Effect::store) {
            if (n.op == ir::Op::fence) continue;
            e.memory = true;
            e.aligned |= ir::MemFlags::unpack(n.aux).order != ir::Order::relaxed;
            const ir::Node& address = f[n.a];
            if (address.op == ir::Op::imm) e.literal_outside |= address.imm() < first_block_address() || address.imm() + 64 > pc;
        }
        if (n.op == ir::Op::call) {
            const std::string_view name = f.helpers[n.a]->name;
            const bool pair = name == "a64_casp" || name == "a64_stxp";
            e.memory |= pair;
            e.aligned |= pair;
            e.forbidden |= name == "a64_write_fpcr" || name == "a64_counter" || name == "a64_random";
        }
    }
    for (const ir::Exit& exit : f.exits) {
        if (exit.kind == ir::ExitKind::trap) {
            e.undefined |= exit.code == u32(Trap::undefined);
            e.leaves |= !e.undefined;
        } else if (exit.kind == ir::ExitKind::jump || exit.kind == ir::ExitKind::call) {
            if (exit.pc != pc + 4) e.branch_to = exit.pc;
        } else {
            e.leaves = true;
        }
    }
    return e;
}

bool Generator::acceptable(const Effects& e, u64 pc, bool memory) const {
    if (e.undefined || e.leaves || e.forbidden || e.literal_outside) return false;
    if (e.branch_to && (e.branch_to <= pc || e.branch_to > pc + 20)) return false;
    if (e.memory && !memory) return false;
    for (unsigned slot : e.sets) {
        if (slot == a64::slot_x0 + context_register) return false;
        if (options_.loops && (slot == a64::slot_x0 + outer_counter || slot == a64::slot_x0 + inner_counter)) return false;
        if (!memory) continue;
        if (slot == a64::slot_x0 + index_register || slot == a64::slot_x0 + aligned_register) return false;
        // Write-back moves the bases a little; anything else must leave them alone.
        if (!e.memory && (slot == a64::slot_x0 + base_register || slot == a64::slot_sp)) return false;
    }
    return true;
}

/// Make branches short and forward, addresses point into the scratch memory, and unpredictable register pairs distinct.
void Generator::patch(const a64::Insn& row, u32& word) {
    auto put = [&](char letter, u32 value) {
        const auto field = row.pattern.fields[unsigned(letter_index(letter))];
        const u32 mask = u32(ones(field.width)) << field.lsb;
        word = (word & ~mask) | (value << field.lsb & mask);
    };
    const auto f = row.fields(word);
    const bool branch = row.syntax().find("label") != std::string_view::npos;
    const bool load_store = (word >> 25 & 5) == 4;
    if (branch && !load_store && f.has('i') && row.name() != "adr" && row.name() != "adrp") put('i', u32(2 + random_.below(4)));
    if (!load_store) return;
    if (!f.has('n')) { // literal: somewhere in the blocks before
        if (f.has('t')) put('t', u32(random_.below(24)));
        if (f.has('i')) put('i', u32(-(4 + s32(random_.below(100)))));
        return;
    }
    for (char letter : {'t', 'u', 's'}) // neither the base nor each other
        if (f.has(letter)) {
            unsigned n = unsigned(random_.below(24));
            if (letter == 'u') n = (row.fields(word)['t'] + 1 + unsigned(random_.below(20))) % 24;
            if (letter == 's' && f.has('u')) n = 24;
            else if (letter == 's' && n == row.fields(word)['t']) n = (n + 2) % 24;
            put(letter, n);
        }
    const Effects e = effects(word, code_at);
    const unsigned base = e.aligned ? aligned_register : random_.one_in(4) ? 31 : base_register;
    put('n', base);
    if (e.aligned && f.has('i')) put('i', f['i'] & ~15u);
    if (f.has('m') && f['m'] != 31) put('m', index_register);
}

u32 Generator::word_of_row() {
    const a64::Insn& row = *rows_[random_.below(rows_.size())];
    u32 word = row.fill(u32(random_()));
    // Encodings that the row's function refuses are many in some rows: the pattern alone says little.
    patch(row, word);
    return word;
}

bool Generator::candidate(u32& word, u64 pc, bool memory) {
    if (options_.only.empty() && random_.one_in(50)) word = system_words[random_.below(std::size(system_words))] | u32(random_.below(25));
    else word = word_of_row();
    return !mistaken(word) && acceptable(effects(word, pc), pc, memory);
}

std::vector<u32> Generator::block(u64 pc, bool memory, unsigned insns) {
    std::vector<u32> words;
    unsigned failures = 0;
    u64 joined = 0;                      // where the furthest branch so far leads
    while (words.size() < insns && failures < 2000) {
        u32 word;
        if (!candidate(word, pc + 4 * words.size(), memory)) {
            failures++;
            continue;
        }
        const u64 here = pc + 4 * words.size();
        if (const u64 to = effects(word, here).branch_to) joined = std::max(joined, to);
        // What a store-exclusive does after a load-exclusive of another size is left open: give it its own, or none.
        if (is_store_exclusive(word) && here < joined) continue;   // a branch might skip that
        if (is_store_exclusive(word)) words.push_back(random_.one_in(4) ? clear_exclusive : matching_load(word));
        words.push_back(word);
    }
    return words;
}

/// Counted down, so that it ends whatever the rest does; branches lead at most five words past what they are in.
std::vector<u32> Generator::nested_loops(u64 pc, bool memory) {
    std::vector<u32> words;
    auto body = [&](unsigned share) {
        const auto more = block(pc + 4 * words.size(), memory, unsigned(random_.below(std::max(options_.insns / share, 1u)) + 1));
        words.insert(words.end(), more.begin(), more.end());
        words.insert(words.end(), 5, 0xd503201f); // nop
    };
    auto count_down = [&](unsigned counter, usize start) {
        const bool flags = random_.one_in(2);
        words.push_back((flags ? 0xf1000400 : 0xd1000400) | counter << 5 | counter);                     // sub(s) counter, counter, 1
        const u32 back = u32(start - words.size()) & 0x7ffff;
        words.push_back(flags ? 0x54000001 | back << 5 : 0xb5000000 | back << 5 | counter);              // b.ne or cbnz
    };
    auto set = [&](unsigned counter) { words.push_back(0xd2800000 | u32(1 + random_.below(5)) << 5 | counter); };
    set(outer_counter);
    const usize outer = words.size();
    body(4);
    set(inner_counter);
    const usize inner = words.size();
    body(2);
    count_down(inner_counter, inner);
    body(4);
    count_down(outer_counter, outer);
    body(8);
    return words;
}

u32 Generator::anything() {
    for (;;) {
        u32 word = u32(random_());
        if (!random_.one_in(4)) word = rows_[random_.below(rows_.size())]->fill(word) ^ 1u << random_.below(32);
        if ((word & 0x1e000000) == 0x04000000 || (word & 0x9e000000) == 0x80000000 || mistaken(word)) continue; // SVE, SME
        const Effects e = effects(word, code_at);
        if (e.undefined && is_lax(word)) continue;
        if (e.undefined || acceptable(e, code_at, false)) return word;
    }
}

u64 Generator::interesting_integer() {
    constexpr u64 edges[] = {0, 1, 2, 31, 32, 63, 64, 127, 128, 255, 0x7fff, 0x8000, 0xffff, 0x7fffffff, 0x80000000, 0xffffffff, 0x100000000};
    switch (random_.below(6)) {
    case 0: return edges[random_.below(std::size(edges))];
    case 1: return ~edges[random_.below(std::size(edges))];
    case 2: return u64(s64(s32(random_())));
    case 3: return u64(1) << random_.below(64);
    default: return random_();
    }
}

void Generator::interesting_vector(u64 (&v)[2]) {
    constexpr u16 halves[] = {0, 0x8000, 0x3c00, 0xbc00, 0x7c00, 0xfc00, 0x7e00, 0x7c01, 0xfd55, 1, 0x83ff, 0x0400, 0x7bff, 0x3800};
    constexpr u32 floats[] = {0, 0x80000000, 0x3f800000, 0xbf800000, 0x7f800000, 0xff800000, 0x7fc00000, 0x7f800001, 0xffa00055,
                              1, 0x807fffff, 0x00800000, 0x7f7fffff, 0x3f000000, 0x4f000000, 0xcf000000, 0x5f000000, 0x40490fdb};
    constexpr u64 doubles[] = {0, 1ull << 63, 0x3ff0000000000000, 0xbff0000000000000, 0x7ff0000000000000, 0xfff0000000000000, 0x7ff8000000000000,
                               0x7ff0000000000001, 0xfff4000000000055, 1, 0x800fffffffffffff, 0x0010000000000000, 0x7fefffffffffffff,
                               0x41e0000000000000, 0xc3e0000000000000, 0x400921fb54442d18};
    for (u64& half : v) {
        switch (random_.below(8)) {
        case 0:
            half = 0;
            for (unsigned i = 0; i < 4; i++) half = half << 16 | (random_.one_in(3) ? u16(random_()) : halves[random_.below(std::size(halves))]);
            break;
        case 1:
            half = u64(floats[random_.below(std::size(floats))]) << 32 | floats[random_.below(std::size(floats))];
            break;
        case 2: half = doubles[random_.below(std::size(doubles))]; break;
        case 3: { // doubles of a common size, so that sums and products stay numbers
            half = (random_() & 0x800fffffffffffff) | (1013 + random_.below(20)) << 52;
            break;
        }
        case 4: { // the same for floats
            auto number = [&] { return (random_() & 0x807fffff) | (117 + random_.below(20)) << 23; };
            half = number() << 32 | number();
            break;
        }
        case 5: half = interesting_integer(); break;
        default: half = random_(); break;
        }
    }
}

Context Generator::input() {
    Context c;
    for (u64& x : c.x) x = interesting_integer();
    for (auto& v : c.v) interesting_vector(v);
    c.nzcv = u64(random_.below(16)) << 28;
    if (random_.one_in(2)) c.fpcr = random_() & a64::fpcr::mask;
    if (!(model_.features & a64::feature::fp16)) c.fpcr &= ~u64(a64::fpcr::fz16);
    return c;
}

Program Generator::program() {
    Program p;
    p.scratch.resize(scratch_size);
    for (usize i = 0; i < scratch_size; i += 8) {
        u64 v[2];
        interesting_vector(v);
        std::memcpy(&p.scratch[i], v, 8);
    }
    u64 pc = first_block_address();
    for (unsigned b = 0; b < options_.blocks; b++) {
        const bool memory = random_.one_in(2);
        p.blocks.push_back(options_.undefined ? std::vector<u32>{anything()} : options_.loops ? nested_loops(pc, memory) : block(pc, memory, options_.insns));
        pc += 4 * (p.blocks.back().size() + 7);
        const u64 base = scratch_base + random_.below(4096), aligned = scratch_at + (16 << 10) + 16 * random_.below(2048);
        const u64 sp = scratch_base + 16 * random_.below(256), index = random_.below(256);
        for (unsigned i = 0; i < options_.inputs; i++) {
            Run run{b, input()};
            run.input.x[base_register] = base;
            run.input.x[aligned_register] = aligned;
            run.input.x[index_register] = index;
            run.input.sp = sp;
            p.runs.push_back(run);
        }
    }
    return p;
}

} // namespace emu::lockstep

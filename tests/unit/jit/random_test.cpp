// SPDX-License-Identifier: MIT
// Random functions run by the interpreter and by translated code must leave the same state, memory and exit behind, including
// at faults in the middle.
#include "random_function.h"

#include <cstdlib>
#include <doctest/doctest.h>

using namespace test_guest;

namespace {

u64 env_number(const char* name, u64 otherwise) {
    const char* text = std::getenv(name);
    return text ? std::strtoull(text, nullptr, 0) : otherwise;
}

constexpr u32 host_rounding[] = {0, 3, 1, 2}; // MXCSR.RC for nearest, zero, down, up

struct Campaign {
    const char* name;
    u32 chapters;
    jit::Options options;
    const fp::Rules* rules = &fp::rules::arm;
    bool plain_fp = true;        ///< no flushing, no default NaN
    bool alone = false;          ///< no locks
};

std::string difference(const State& want, const State& got) {
    std::string text;
    for (const ir::Slot& slot : slots()) {
        const u8 *a = reinterpret_cast<const u8*>(&want) + slot.offset, *b = reinterpret_cast<const u8*>(&got) + slot.offset;
        const usize size = ir::byte_size(slot.type);
        if (!std::memcmp(a, b, size)) continue;
        V128 x, y;
        std::memcpy(&x, a, size), std::memcpy(&y, b, size);
        text += fmt::format("  {}: want {:016x}{:016x} got {:016x}{:016x}\n", slot.name, x.hi, x.lo, y.hi, y.lo);
    }
    return text;
}

/// One function; false after reporting if the two runs differ.
bool run_one(Machine& machine, const Campaign& campaign, TestMemory& arena, u64 seed, u64& faults) {
    Random random(seed);
    ir::Function f;
    f.slots = slots();
    fp::Env env{campaign.rules};
    env.round = fp::Round(random.chance(60) ? 0 : random.below(4));
    if (!campaign.plain_fp) {
        env.flush_inputs = env.flush_outputs = random.chance(30);
        env.default_nan = random.chance(50);
        env.flush_inputs_f16 = env.flush_outputs_f16 = random.chance(30);
    }
    f.fp = env;
    FunctionMaker maker(random, f, campaign.chapters);
    maker.make(1 + unsigned(random.below(random.chance(20) ? 60 : 20)));
    const std::string wrong = ir::verify(f);
    REQUIRE_MESSAGE(wrong.empty(), "seed " << seed << ": " << wrong);

    const u64 base = u64(arena.data()) - campaign.options.memory_base;
    State start{};
    for (u64& x : start.x) x = random.integer();
    for (u32& w : start.w) w = u32(random.integer());
    start.flags = u32(random()) & ir::flags_mask;
    start.b = u8(random.below(2));
    start.h = u16(random.float_bits(16));
    start.d = random.float_bits(64);
    start.s = u32(random.float_bits(32));
    for (V128& v : start.v) v = random.vector();
    start.x[base_pinned] = base + 64 + random.below(64);
    start.x[base_plain] = base + 64 + 8 * random.below(64);
    start.mxcsr = 0x1f80 | host_rounding[unsigned(env.round)] << 13;
    machine.setup(start);
    std::vector<u8> memory_before(TestMemory::size), memory_after(TestMemory::size);
    for (usize i = 0; i < TestMemory::size; i += 8) {
        const u64 x = random.chance(70) ? random() : random.float_bits(64);
        std::memcpy(memory_before.data() + i, &x, 8);
    }

    std::memcpy(arena.data(), memory_before.data(), TestMemory::size);
    State want = start;
    const Outcome expected = machine.interpret(f, want);
    std::memcpy(memory_after.data(), arena.data(), TestMemory::size);
    faults += expected.kind == Outcome::faulted;

    std::memcpy(arena.data(), memory_before.data(), TestMemory::size);
    State got = start;
    jit::Unit* unit = nullptr;
    jit::Jit::Outcome outcome = machine.jit->compile(f, unit);
    if (outcome == jit::Jit::Outcome::full) {
        machine.jit->flush();
        outcome = machine.jit->compile(f, unit);
    }
    if (outcome == jit::Jit::Outcome::too_complex) return true;
    REQUIRE(outcome == jit::Jit::Outcome::ok);
    if (std::getenv("EMU_JIT_DUMP")) {
        fmt::print("{}\n", ir::print(f));
        std::FILE* file = std::fopen("/tmp/unit.bin", "wb");
        const ConstBytes code = machine.jit->code(*unit);
        std::fwrite(code.data(), 1, code.size(), file);
        std::fclose(file);
        std::fflush(stdout);
    }
    const Outcome actual = machine.run(*unit, got);

    std::string text = difference(want, got);
    if (expected.kind != actual.kind || expected.pc != actual.pc || expected.exit_kind != actual.exit_kind || expected.exit_code != actual.exit_code ||
        expected.exit_value != actual.exit_value || expected.raise_value != actual.raise_value)
        text += fmt::format("  want kind {} pc {:x} exit {} {} {:x} got kind {} pc {:x} exit {} {} {:x}\n", unsigned(expected.kind), expected.pc, expected.exit_kind,
                            expected.exit_code, expected.exit_value, unsigned(actual.kind), actual.pc, actual.exit_kind, actual.exit_code, actual.exit_value);
    // A compare whose result nobody saw yet may not have raised its flag at a fault.
    // The direction of rounding (x87's C1) is nothing the host tells.
    const u32 loose = fp::rounded_up | (expected.kind == Outcome::faulted || expected.kind == Outcome::raised ? u32(fp::invalid) : 0);
    if ((want.fp_flags & ~loose) != (got.fp_flags & ~loose)) text += fmt::format("  fp flags: want {:x} got {:x}\n", want.fp_flags, got.fp_flags);
    if (std::memcmp(memory_after.data(), arena.data(), TestMemory::size)) text += "  memory differs\n";
    if (text.empty()) return true;
    FAIL_CHECK(campaign.name << " seed " << seed << ":\n" << text << ir::print(f));
    return false;
}

void run_campaign(const Campaign& campaign) {
    Machine machine(campaign.options);
    machine.jit->set_alone(campaign.alone);
    TestMemory arena;
    Campaign c = campaign;
    const u64 count = env_number("EMU_RANDOM_COUNT", 400), first = env_number("EMU_RANDOM_SEED", 1);
    u64 faults = 0;
    unsigned failures = 0;
    for (u64 seed = first; seed < first + count && failures < 3; seed++)
        failures += !run_one(machine, c, arena, seed, faults);
    CHECK(failures == 0);
    if (campaign.chapters & memory && count >= 400) CHECK(faults > 0);
}

jit::Options small() {
    jit::Options o;
    o.code_buffer = 16 << 20;
    return o;
}

} // namespace

TEST_CASE("jit: integers, memory and exits, every op out of line") {
    jit::Options o = small();
    o.only_fallback = true;
    run_campaign({"fallback", integers | memory | exits, o});
}

TEST_CASE("jit: all ops out of line") {
    jit::Options o = small();
    o.only_fallback = true;
    run_campaign({"fallback all", all_chapters, o});
}

TEST_CASE("jit: integers") { run_campaign({"integers", integers | exits, small()}); }

TEST_CASE("jit: integers, memory, calls and exits") { run_campaign({"integers+", integers | memory | calls | exits, small()}); }

TEST_CASE("jit: everything") { run_campaign({"everything", all_chapters, small()}); }

TEST_CASE("jit: memory that nobody else sees") {
    Campaign campaign{"alone", integers | memory, small()};
    campaign.alone = true;
    run_campaign(campaign);
}

TEST_CASE("jit: everything on an x86-64-v2 host") {
    jit::Options o = small();
    o.features = jit::HostFeatures::baseline();
    run_campaign({"v2", all_chapters, o});
}

TEST_CASE("jit: everything without pinned registers, and with few") {
    for (unsigned pins : {0u, 2u, 5u}) {
        jit::Options o = small();
        o.pinned_gprs = o.pinned_xmms = pins;
        run_campaign({"few pins", all_chapters, o});
    }
}

TEST_CASE("jit: scalar floating point") { run_campaign({"scalar", scalar_floats | integers, small()}); }

TEST_CASE("jit: vectors") { run_campaign({"vectors", vectors | memory, small()}); }

TEST_CASE("jit: halves of 256 bits") {
    run_campaign({"halves", halves | vectors | memory | calls | exits, small()});
    run_campaign({"halves alone", halves | memory, small()});
    jit::Options o = small();
    o.denormal_flag = true;
    run_campaign({"halves of floats", halves, o, &fp::rules::x86_sse});
    o = small();
    o.pinned_xmms = 2;
    run_campaign({"halves, few pins", halves | vectors | memory | calls, o});
    o.features.avx512vl = false;
    run_campaign({"halves without upper registers", halves | vectors | memory | calls, o});
    o.features = jit::HostFeatures::baseline();
    run_campaign({"halves on an x86-64-v2 host", halves | vectors | memory, o});
}

TEST_CASE("jit: vector floating point") { run_campaign({"vector floats", vector_floats, small()}); }

TEST_CASE("jit: floating point with flushing and default NaNs") {
    run_campaign({"odd modes", scalar_floats | vector_floats, small(), &fp::rules::arm, false});
}

TEST_CASE("jit: floating point by other rules") {
    run_campaign({"riscv", scalar_floats | vector_floats, small(), &fp::rules::riscv});
    run_campaign({"ppc", scalar_floats | vector_floats, small(), &fp::rules::ppc});
}

// SPDX-License-Identifier: MIT
// Units and the exits between them: what inline caches of indirect jumps learn and forget, that each jump goes where it should,
// and what becomes of units that are not valid any more.
#include "test_guest.h"

#include <doctest/doctest.h>
#include <functional>

using namespace test_guest;

namespace {

constexpr u64 start_pc = 0x1000, after_call = 0x1004;
constexpr u32 done = 7;

struct World {
    Machine machine;
    State state{};

    explicit World(jit::Options options = {}) : machine(options) { machine.setup(state); }

    jit::Unit* compile(u64 pc, const std::function<void(ir::Builder&)>& body) {
        ir::Function f;
        f.slots = slots();
        f.fp = fp::Env{&fp::rules::arm};
        f.pc = pc;
        ir::Builder ir(f);
        body(ir);
        jit::Unit* unit = nullptr;
        REQUIRE(machine.jit->compile(f, unit) == jit::Jit::Outcome::ok);
        unit->pc = pc;
        return unit;
    }
    /// x1 = number, and stop.
    jit::Unit* target(u64 pc, u64 number) {
        return compile(pc, [&](ir::Builder& ir) {
            ir.set(slot_x + 1, ir.imm(Type::i64, number));
            ir.trap(done, pc);
        });
    }
    jit::Unit* jumper(ir::ExitKind kind) {
        return compile(start_pc, [&](ir::Builder& ir) { ir.exit({kind, 0, 0, after_call}, ir.get(slot_x)); });
    }
    /// Jump to `pc`: x1 of the target that was reached, or 0 and the site that asks for it.
    u64 go(const jit::Unit& from, u64 pc) {
        state.x[0] = pc, state.x[1] = 0;
        machine.run(from, state);
        site = machine.last == jit::Leave::indirect ? Machine::link_number(state) : jit::no_link;
        if (machine.last == jit::Leave::indirect) CHECK(state.pc == pc);
        return state.x[1];
    }
    /// As the vCPU loop does.
    void learn(jit::Unit& unit) {
        if (site != jit::no_link) machine.jit->link(site, unit);
        machine.jump_cache().remember({unit.pc, machine.jit->entry(unit)});
    }
    u32 site = jit::no_link;
};

} // namespace

TEST_CASE("an indirect exit jumps to its first target without asking") {
    for (const ir::ExitKind kind : {ir::ExitKind::jump_indirect, ir::ExitKind::call_indirect}) {
        World w;
        jit::Unit* from = w.jumper(kind);
        jit::Unit* a = w.target(0x2000, 1);
        CHECK(w.go(*from, 0x2000) == 0);
        REQUIRE(w.site != jit::no_link);
        w.machine.jit->link(w.site, *a); // and not in the jump cache
        CHECK(w.go(*from, 0x2000) == 1);
        CHECK(w.go(*from, 0x3000) == 0);

        // The target is gone: the site asks again, and then knows it again.
        w.machine.jit->unlink(*a);
        CHECK(w.go(*from, 0x2000) == 0);
        jit::Unit* again = w.target(0x2000, 3);
        w.learn(*again);
        CHECK(w.go(*from, 0x2000) == 3);
    }
}

TEST_CASE("an indirect exit with many targets goes by the jump cache") {
    for (const ir::ExitKind kind : {ir::ExitKind::jump_indirect, ir::ExitKind::call_indirect}) {
        World w;
        jit::Unit* from = w.jumper(kind);
        std::vector<jit::Unit*> targets;
        for (u64 i = 0; i < 6; i++) targets.push_back(w.target(0x2000 + 0x10 * i, i + 1));
        for (unsigned round = 0; round < 4; round++)
            for (u64 i = 0; i < targets.size(); i++) {
                const u64 reached = w.go(*from, targets[i]->pc);
                CHECK((reached == i + 1 || reached == 0));
                if (!reached) w.learn(*targets[i]);
            }
        // Even those that had to ask for another reason than the jump cache's know by now.
        for (u64 i = 0; i < targets.size(); i++) CHECK(w.go(*from, targets[i]->pc) == i + 1);
        // No comparison is left that would find the first one.
        for (ir::JumpCacheEntry& entry : w.machine.jump_cache().pair(0x2000).entry) entry = w.machine.jit->empty_entry();
        CHECK(w.go(*from, 0x2000) == 0);
    }
}

TEST_CASE("two targets with the same place in the jump cache are both found there") {
    for (const ir::ExitKind kind : {ir::ExitKind::jump_indirect, ir::ExitKind::call_indirect}) {
        World w;
        jit::Unit* from = w.jumper(kind);
        const u64 first = 0x2000, second = first + (u64(1) << 2 * ir::jump_cache_bits);
        CHECK(ir::jump_cache_index(first) == ir::jump_cache_index(second));
        jit::Unit* targets[] = {w.target(first, 1), w.target(second, 2)};
        auto visit = [&](u64 i) {
            const u64 reached = w.go(*from, targets[i]->pc);
            if (!reached) w.learn(*targets[i]);
            return reached == i + 1;
        };
        for (unsigned round = 0; round < 20; round++) visit(round % 2); // until the site goes by the table
        for (unsigned round = 0; round < 20; round++) CHECK(visit(round % 2));
    }
}

TEST_CASE("a jump to the address that unused caches hold") {
    World w;
    jit::Unit* from = w.jumper(ir::ExitKind::jump_indirect);
    CHECK(w.go(*from, ~u64(0)) == 0);
    CHECK(w.machine.last == jit::Leave::indirect);
}

TEST_CASE("code that is kept has forgotten its targets") {
    World w;
    jit::Unit* from = w.jumper(ir::ExitKind::jump_indirect);
    jit::Unit* call = w.jumper(ir::ExitKind::call_indirect);
    for (jit::Unit* unit : {from, call})
        for (u64 pc : {0x2000, 0x2010, 0x2020, 0x2030, 0x2040}) {
            w.go(*unit, pc);
            w.learn(*w.target(pc, pc));
        }
    std::vector<u8> bytes;
    w.machine.jit->save(bytes);

    World other;
    REQUIRE(other.machine.jit->restore(bytes, [](u32) { return fp::Env{&fp::rules::arm}; }));
    for (usize i = 0; i < 2; i++) {
        const jit::Unit& unit = *other.machine.jit->units()[i];
        CHECK(other.go(unit, 0x2000) == 0);
        REQUIRE(other.site != jit::no_link);
        other.machine.jit->link(other.site, *other.target(0x2000, 9));
        CHECK(other.go(unit, 0x2000) == 9);
    }
}

TEST_CASE("narrow addresses wrap, and are computed in place of what the next one replaces") {
    constexpr u64 low = 0x7f0000, size = 4096;
    void* at = mmap(reinterpret_cast<void*>(low), size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED_NOREPLACE, -1, 0);
    REQUIRE(at == reinterpret_cast<void*>(low));
    for (u32 i = 0; i < size / 4; i++) static_cast<u32*>(at)[i] = 100 + i;
    World w;
    auto word = [](ir::Builder& ir, ir::Val address) { return ir.zext(ir.load(Type::i32, ir.zext(address, Type::i64), {.size_log2 = 2}), Type::i64); };
    jit::Unit* unit = w.compile(start_pc, [&](ir::Builder& ir) {
        const ir::Val base = ir.trunc(ir.get(slot_x)), index = ir.trunc(ir.get(slot_x + 2));
        ir.set(slot_x + 1, word(ir, ir.add(ir.add(base, ir.shl(index, ir.imm(Type::i32, 2))), ir.imm(Type::i32, u32(-8)))));
        for (u32 pop = 0; pop < 3; pop++) {
            const ir::Val top = ir.add(base, ir.imm(Type::i32, 4 * pop));
            ir.set(slot_x + 3 + pop, word(ir, top));
            ir.set(slot_x, ir.zext(ir.add(top, ir.imm(Type::i32, 4)), Type::i64));
        }
        ir.trap(done, start_pc);
    });
    w.state.x[0] = 0xabcd00000000 + low + 40; // who reads 32 bits does not see the others
    w.state.x[2] = u64(0x12) << 32 | u32(-3);
    w.machine.run(*unit, w.state);
    CHECK(w.state.x[1] == 100 + 10 - 3 - 2);
    for (u32 pop = 0; pop < 3; pop++) CHECK(w.state.x[3 + pop] == 110 + pop);
    CHECK(w.state.x[0] == low + 52);
    munmap(at, size);
}

TEST_CASE("a back edge is hot once") {
    jit::Options options;
    options.hot_threshold = 3;
    auto loop = [](World& w) {
        return w.compile(start_pc, [](ir::Builder& ir) {
            ir.set(slot_x + 1, ir.add(ir.get(slot_x + 1), ir.imm(Type::i64, 1)));
            ir.exit({ir::ExitKind::jump, 0, start_pc, 0});
        });
    };
    World w(options);
    jit::Unit* unit = loop(w);
    auto leaves = [](World& at, const jit::Unit& from) {
        at.machine.run(from, at.state);
        return at.machine.last;
    };
    CHECK(leaves(w, *unit) == jit::Leave::link);
    CHECK(leaves(w, *unit) == jit::Leave::link);
    CHECK(leaves(w, *unit) == jit::Leave::hot);
    w.machine.jit->stop_counting(Machine::link_number(w.state));
    for (unsigned i = 0; i < 10; i++) CHECK(leaves(w, *unit) == jit::Leave::link);

    // Where it is kept for another process, it counts there.
    std::vector<u8> bytes;
    w.machine.jit->save(bytes);
    World other(options);
    REQUIRE(other.machine.jit->restore(bytes, [](u32) { return fp::Env{&fp::rules::arm}; }));
    const jit::Unit& kept = *other.machine.jit->units().front();
    CHECK(leaves(other, kept) == jit::Leave::link);
    CHECK(leaves(other, kept) == jit::Leave::link);
    CHECK(leaves(other, kept) == jit::Leave::hot);
}

TEST_CASE("dead code is worth a flush when there is more of it than of the other") {
    World w;
    jit::Unit* kept = w.target(0x2000, 1);
    u64 bytes = 0;
    for (u64 i = 0; !w.machine.jit->is_wasteful(); i++) {
        REQUIRE(bytes < u64(20) << 20);
        jit::Unit* unit = w.target(0x3000, i);
        bytes += unit->size;
        w.machine.jit->unlink(*unit);
        w.machine.jit->unlink(*unit); // once is enough
    }
    CHECK(bytes > u64(16) << 20);
    CHECK(kept->valid);
    w.machine.jit->flush();
    CHECK(!w.machine.jit->is_wasteful());
}

TEST_CASE("units: the listing has what host code is made of, and nothing that is not needed") {
    World w;
    ir::Function f;
    f.slots = slots();
    f.fp = fp::Env{&fp::rules::arm};
    f.pc = start_pc;
    ir::Builder ir(f);
    ir.insn(start_pc, 0);
    const ir::Val first = ir.get(slot_x), second = ir.get(slot_x + 1);
    ir.mul(first, second); // nobody wants it
    ir.set(slot_x + 2, ir.add(first, second));
    ir.trap(done, start_pc);
    jit::Unit* unit = nullptr;
    REQUIRE(w.machine.jit->compile(f, unit) == jit::Jit::Outcome::ok);
    const std::string text = w.machine.jit->listing(f), whole = ir::print(f);
    CHECK(text.starts_with("unit 0x1000 end "));
    CHECK(whole.find("i64 mul") != text.npos);
    CHECK(text.find("i64 mul") == text.npos);
    CHECK(text.find("i64 add") != text.npos);
    CHECK(text.find("set x2") != text.npos);
    CHECK(text.find("insn #1000") != text.npos);
    CHECK(text.find("exit trap") != text.npos);
}

TEST_CASE("units: what was compiled and thrown away leaves the numbers of others alone") {
    World w;
    const auto ahead = [&](u64 pc, u64 to) {
        ir::Function f;
        f.slots = slots();
        f.fp = fp::Env{&fp::rules::arm};
        f.pc = pc;
        ir::Builder(f).jump(to);
        jit::Unit* unit = nullptr;
        REQUIRE(w.machine.jit->compile_ahead(f, unit) == jit::Jit::Outcome::ok);
        unit->pc = pc;
        return unit;
    };
    ahead(0x3000, 0x5000);
    jit::Unit* kept = ahead(0x4000, 0x6000);
    w.machine.jit->add(*kept, fp::Env{&fp::rules::arm});
    w.machine.run(*kept, w.state);
    REQUIRE(w.machine.last == jit::Leave::link);
    CHECK(w.machine.jit->link_site(Machine::link_number(w.state)).pc == 0x6000);
}

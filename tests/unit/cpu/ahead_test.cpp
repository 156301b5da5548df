// SPDX-License-Identifier: MIT
#include "toy_isa.h"

#include "cpu/ahead.h"

#include <doctest/doctest.h>
#include <memory>

using namespace toy;

namespace {

cpu::EngineOptions compiling_ahead(usize buffer = 16 << 20) {
    cpu::EngineOptions options = Machine::options_of(cpu::Execution::jit, buffer);
    options.interpret_first = options.compile_ahead = true;
    return options;
}

/// Run `count` functions, each of which adds its number (and `salt`) to r0, `times` times in a row, and check what they did.
void run_all(Machine& m, unsigned count, unsigned times, unsigned salt) {
    for (unsigned i = 0; i < count; i++) {
        const u64 pc = m.memory.place(i * 16, {insn(op_addi, 0, 0, int(i % 100 + salt)), insn(op_addi, 1, 1, 1), insn(op_trap)});
        m.engine->invalidate(pc, pc + 12);
        for (unsigned k = 0; k < times; k++) {
            m.state().pc = pc;
            m.state().r[0] = m.state().r[1] = 0;
            REQUIRE(m.cpu->run().trap == isa::Trap::syscall);
            REQUIRE(m.state().r[0] == i % 100 + salt);
            REQUIRE(m.state().r[1] == 1);
        }
    }
}

cpu::FirstRuns::Function function_at(u64 pc) {
    auto function = std::make_shared<ir::Function>();
    function->pc = pc;
    function->ranges = {{pc, pc + 8}};
    return function;
}

} // namespace

TEST_CASE("compiling ahead: all is translated in the end, by the thread or by the vCPU") {
    Machine m(compiling_ahead());
    run_all(m, 100, 40, 1);
    CHECK(m.engine->stats().first_runs == 100);
    CHECK(m.engine->stats().units == 100);
}

TEST_CASE("compiling ahead: the thread does some of it") {
    Machine m(compiling_ahead());
    for (unsigned round = 0; round < 10000 && m.engine->stats().ahead == 0; round++) run_all(m, 32, 3, round % 8);
    CHECK(m.engine->stats().ahead > 0);
}

TEST_CASE("compiling ahead: code that changes before it is compiled is not put to use") {
    Machine m(compiling_ahead());
    for (unsigned round = 0; round < 200; round++) run_all(m, 20, 2 + round % 30, round % 16);
    CHECK(m.engine->stats().invalidations > 0);
}

TEST_CASE("compiling ahead: where the buffer is full, everything starts over") {
    Machine m(compiling_ahead(usize(1) << 20));
    for (unsigned round = 0; round < 2; round++) run_all(m, 20000, 26, round);
    CHECK(m.engine->stats().flushes > 0);
}

TEST_CASE("compiling ahead: a loop goes on in its translation") {
    Machine m(compiling_ahead());
    m.state().pc = m.memory.place(0, {movi(0, 0), insn(op_add, 0, 0, 1), insn(op_addi, 1, 1, -1), insn(op_bne, 1, 2, -2), insn(op_trap)});
    m.state().r[1] = 100000;
    CHECK(m.cpu->run().trap == isa::Trap::syscall);
    CHECK(m.state().r[0] == 5000050000);
    CHECK(m.engine->stats().units == 1);
}

TEST_CASE("jobs: in order, by place, and not when their code changed") {
    cpu::Ahead ahead;
    CHECK(ahead.waiting() == 0);
    for (u64 pc : {0x1000, 0x2000, 0x3000}) ahead.add(function_at(pc));
    CHECK(ahead.waiting() == 3);
    REQUIRE(ahead.find(0x2000, 0));
    CHECK(ahead.find(0x2000, 0)->function->pc == 0x2000);
    CHECK(!ahead.find(0x2000, 1));
    CHECK(!ahead.find(0x4000, 0));
    ahead.invalidate(0x2007, 0x2008);
    CHECK(!ahead.find(0x2000, 0));
    jit::Unit made;
    std::vector<u64> compiled;
    for (unsigned i = 0; i < 4; i++)
        ahead.finish_one([&](const ir::Function& f) {
            compiled.push_back(f.pc);
            return &made;
        });
    CHECK(compiled == std::vector<u64>{0x1000, 0x3000});
    CHECK(ahead.waiting() == 0);
    CHECK(ahead.find(0x3000, 0)); // until it is collected
    std::vector<std::pair<u64, bool>> collected;
    ahead.collect([&](cpu::Ahead::Job& job) { collected.emplace_back(job.function->pc, job.unit != nullptr); });
    CHECK(collected == std::vector<std::pair<u64, bool>>{{0x1000, true}, {0x2000, false}, {0x3000, true}});
    CHECK(!ahead.find(0x3000, 0));
}

TEST_CASE("jobs: as many as fit, again and again") {
    cpu::Ahead ahead;
    unsigned collected = 0;
    for (unsigned round = 0; round < 5; round++) {
        unsigned added = 0;
        for (; !ahead.full(); added++) ahead.add(function_at(0x1000 + added * 16));
        CHECK(added == 64);
        for (unsigned i = 0; i < added; i++) ahead.finish_one([](const ir::Function&) { return nullptr; });
        CHECK(ahead.full()); // they are to be collected first
        ahead.collect([&](cpu::Ahead::Job&) { collected++; });
        CHECK(!ahead.full());
    }
    CHECK(collected == 5 * 64);
    ahead.add(function_at(0x1000));
    ahead.clear();
    CHECK(ahead.waiting() == 0);
    CHECK(!ahead.find(0x1000, 0));
}

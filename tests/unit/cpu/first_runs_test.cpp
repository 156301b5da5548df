// SPDX-License-Identifier: MIT
#include "toy_isa.h"

#include "cpu/first_runs.h"

#include <doctest/doctest.h>

using namespace toy;

namespace {

cpu::EngineOptions interpreting_first() {
    cpu::EngineOptions options = Machine::options_of(cpu::Execution::jit, 16 << 20);
    options.interpret_first = true;
    return options;
}

ir::Function function_at(u64 pc, u32 mode) {
    ir::Function f;
    f.pc = pc;
    f.mode = mode;
    f.ranges = {{pc, pc + 8}};
    return f;
}

const std::vector<u32> count_once = {insn(op_addi, 0, 0, 1), insn(op_trap)};

} // namespace

TEST_CASE("first runs: what runs once is interpreted, what runs twice is translated") {
    Machine m(interpreting_first());
    for (unsigned run = 1; run <= 3; run++) {
        m.state().pc = m.memory.place(0, count_once);
        CHECK(m.cpu->run().trap == isa::Trap::syscall);
        CHECK(m.state().r[0] == run);
        CHECK(m.engine->stats().first_runs == 1);
        CHECK(m.engine->stats().units == (run > 1));
    }
}

TEST_CASE("first runs: a loop is entered in the interpreter and goes on translated") {
    Machine m(interpreting_first());
    m.state().pc = m.memory.place(0, {movi(0, 0), insn(op_add, 0, 0, 1), insn(op_addi, 1, 1, -1), insn(op_bne, 1, 2, -2), insn(op_trap)});
    m.state().r[1] = 100000;
    CHECK(m.cpu->run().trap == isa::Trap::syscall);
    CHECK(m.state().r[0] == 5000050000);
    CHECK(m.engine->stats().first_runs == 2); // from the top, and from the head of the loop
    CHECK(m.engine->stats().units == 1);
}

TEST_CASE("first runs: code that changed since is not what is translated") {
    Machine m(interpreting_first());
    for (unsigned run = 0; run < 4; run++) {
        const u64 pc = m.memory.place(0, {insn(op_addi, 0, 0, int(run)), insn(op_trap)});
        m.engine->invalidate(pc, pc + 8);
        m.state().pc = pc;
        m.state().r[0] = 0;
        CHECK(m.cpu->run().trap == isa::Trap::syscall);
        CHECK(m.state().r[0] == run);
    }
}

TEST_CASE("first runs: a fault leaves the exact state") {
    Machine m(interpreting_first());
    m.state().pc = m.memory.place(0, {insn(op_addi, 1, 1, 1), insn(op_load, 0, 6, 1), insn(op_addi, 1, 1, 1), insn(op_trap)});
    m.state().r[6] = 0x1000;
    const cpu::Stop stop = m.cpu->run();
    CHECK(stop.trap == isa::Trap::load_fault);
    CHECK(stop.value == 0x1008);
    CHECK(m.state().pc == m.memory.at(4));
    CHECK(m.state().r[1] == 1);
    m.state().r[6] = m.memory.at(0x1000);
    CHECK(m.cpu->run().trap == isa::Trap::syscall);
    CHECK(m.state().r[1] == 2);
}

TEST_CASE("first runs: what is kept is found by place and mode, and forgotten when its code changes") {
    cpu::FirstRuns runs;
    CHECK(!runs.seen(0x1000, 1));
    runs.keep(runs.copy(function_at(0x1000, 1)), true);
    runs.keep(runs.copy(function_at(0x2000, 1)), true);
    CHECK(runs.seen(0x1000, 1));
    CHECK(!runs.take(0x1000, 0));
    runs.invalidate(0x1007, 0x1010);
    CHECK(!runs.take(0x1000, 1));
    CHECK(runs.take(0x2000, 1)->pc == 0x2000);
    CHECK(!runs.take(0x2000, 1));
    CHECK(runs.seen(0x1000, 1));
}

TEST_CASE("settling: code is not translated again for a mode that is left") {
    // Mode 15 is one that is there for speed only: `enter` turns it on.
    isa::Isa with_fast_mode = toy::isa();
    with_fast_mode.settle = [](ir::StateHeader& s) {
        State& state = static_cast<State&>(s);
        if (state.r[14] >> 60 != 15) return false;
        state.r[14] = 0;
        return true;
    };
    Memory memory;
    Signals signals;
    auto engine = std::move(*cpu::Engine::create(with_fast_mode, toy::model(), Machine::options_of(cpu::Execution::jit, 16 << 20), memory));
    cpu::Vcpu cpu(*engine);
    State& state = cpu.state_as<State>();
    // 0: call 5; 1: r1 -= 1; 2: loop; 3: trap; 5: r0 += 1, return
    const u64 pc = memory.place(0, {far(op_call, 5), insn(op_addi, 1, 1, -1), insn(op_bne, 1, 4, -2), insn(op_trap), insn(op_trap), insn(op_addi, 0, 0, 1), insn(op_ret)});
    auto run = [&](bool fast) {
        state.pc = pc;
        state.r[0] = 0;
        state.r[1] = 10;
        state.r[14] = fast ? u64(15) << 60 : 0;
        CHECK(cpu.run().trap == isa::Trap::syscall);
        CHECK(state.r[0] == 10);
        return engine->stats().units;
    };
    const u64 plain = run(false);
    CHECK(run(true) == plain);
    CHECK(state.r[14] == 0);
    // Who insists gets translations.
    for (unsigned i = 0; i < 10; i++) run(true);
    CHECK(engine->stats().units > plain);
    CHECK(state.r[14] == u64(15) << 60);
}

// SPDX-License-Identifier: MIT
// The second tier among vCPUs that run, invalidate, flush and leave while regions are being compiled.
#include "toy_isa.h"

#include <chrono>
#include <csignal>
#include <doctest/doctest.h>
#include <functional>
#include <sched.h>
#include <sys/wait.h>
#include <thread>
#include <unistd.h>

using namespace toy;

namespace {

cpu::EngineOptions eager(cpu::Tier2 tier2, usize buffer = 16 << 20) {
    cpu::EngineOptions options = Machine::options_of(cpu::Execution::jit, buffer);
    options.tier2 = tier2;
    options.hot_threshold = 3;
    return options;
}

/// r0 = sum of j over i in r1..1, j in i..1; r2 = 0.
const std::vector<u32> triangle = {
    movi(0, 0),
    insn(op_add, 3, 1, 2),         // 1: outer
    insn(op_add, 0, 0, 3),         // 2: inner
    insn(op_addi, 3, 3, -1),
    insn(op_bne, 3, 2, -2),
    insn(op_addi, 1, 1, -1),
    insn(op_bne, 1, 2, -5),
    insn(op_trap),
};
constexpr u64 triangle_sum(u64 n) { return n * (n + 1) * (n + 2) / 6; }

void prepare(State& s, u64 pc, u64 n) {
    s.pc = pc;
    s.r[0] = s.r[2] = s.r[3] = 0;
    s.r[1] = n;
}

} // namespace

TEST_CASE("regions: nested loops are compiled at once and picked up while they run") {
    Machine m(eager(cpu::Tier2::synchronous));
    prepare(m.state(), m.memory.place(0, triangle), 300);
    CHECK(m.cpu->run().trap == isa::Trap::syscall);
    CHECK(m.state().r[0] == triangle_sum(300));
    CHECK(m.engine->stats().regions > 0);
}

TEST_CASE("regions: a call in the loop around returns to where the region is entered") {
    for (cpu::Tier2 tier2 : {cpu::Tier2::synchronous, cpu::Tier2::background}) {
        Machine m(eager(tier2));
        m.state().pc = m.memory.place(0, {
            far(op_call, 8),
            insn(op_addi, 0, 0, 1), insn(op_addi, 3, 3, -1), insn(op_bne, 3, 2, -2),
            insn(op_addi, 1, 1, -1), insn(op_bne, 1, 2, -5), insn(op_trap), insn(op_trap),
            movi(3, 50), insn(op_ret)});
        m.state().r[1] = 2000;
        CHECK(m.cpu->run().trap == isa::Trap::syscall);
        CHECK(m.state().r[0] == 100000);
    }
}

TEST_CASE("regions: in the background, while others invalidate what is compiled") {
    Machine m(eager(cpu::Tier2::background));
    const u64 entry = m.memory.place(0, triangle);
    std::atomic<bool> done = false;
    std::vector<std::thread> threads;
    for (unsigned t = 0; t < 3; t++)
        threads.emplace_back([&] {
            Signals::enter_thread();
            cpu::Vcpu cpu(*m.engine);
            for (unsigned i = 0; i < 60; i++) {
                State& s = cpu.state_as<State>();
                prepare(s, entry, 40 + i);
                cpu::Stop stop;
                do stop = cpu.run();
                while (stop.kind == cpu::Stop::Kind::poll);
                CHECK(stop.trap == isa::Trap::syscall);
                CHECK(s.r[0] == triangle_sum(40 + i));
            }
        });
    std::thread invalidator([&] {
        for (unsigned i = 0; !done; i++) {
            m.engine->invalidate(entry + 4 * (i % 8), entry + 4 * (i % 8) + 4);
            std::this_thread::yield();
        }
    });
    for (auto& thread : threads) thread.join();
    done = true;
    invalidator.join();
}

TEST_CASE("regions: who loops in one that is invalidated comes out and goes on") {
    Machine m(eager(cpu::Tier2::synchronous));
    // r0 counts until r5 is no longer zero in memory.
    const u64 flag = m.memory.at(0x8000);
    m.state().pc = m.memory.place(0, {insn(op_addi, 0, 0, 1), insn(op_load, 5, 6, 0), insn(op_bne, 5, 7, -2), insn(op_trap)});
    m.state().r[6] = flag;
    m.state().r[7] = 1;
    std::thread patcher([&] {
        while (!m.engine->stats().regions) std::this_thread::yield();
        for (unsigned i = 0; i < 20; i++) m.engine->invalidate(m.memory.at(0), m.memory.at(4)), std::this_thread::yield();
        __atomic_store_n(reinterpret_cast<u64*>(flag), u64(1), __ATOMIC_SEQ_CST);
    });
    cpu::Stop stop;
    do stop = m.cpu->run();
    while (stop.kind == cpu::Stop::Kind::poll);
    patcher.join();
    CHECK(stop.trap == isa::Trap::syscall);
}

TEST_CASE("regions: flushes in between") {
    Machine m(eager(cpu::Tier2::background, usize(1) << 19));
    const u64 entry = m.memory.place(0, triangle);
    std::vector<u32> code;
    const unsigned count = 3000;
    for (unsigned i = 0; i < count; i++) code.insert(code.end(), {insn(op_addi, 0, 0, 1), insn(op_ret)});
    m.memory.place(0x10000, code);
    const u64 walk = m.memory.place(0x400, {insn(op_callr, 0, 6), insn(op_addi, 6, 6, 8), insn(op_bne, 6, 7, -2), insn(op_trap)});
    std::thread other([&] {
        Signals::enter_thread();
        cpu::Vcpu cpu(*m.engine);
        for (unsigned i = 0; i < 40; i++) {
            prepare(cpu.state_as<State>(), entry, 100);
            CHECK(cpu.run().trap == isa::Trap::syscall);
            CHECK(cpu.state_as<State>().r[0] == triangle_sum(100));
        }
    });
    for (unsigned i = 0; i < 4; i++) {
        m.state().pc = walk;
        m.state().r[0] = 0;
        m.state().r[6] = m.memory.at(0x10000);
        m.state().r[7] = m.memory.at(0x10000 + 8 * count);
        CHECK(m.cpu->run().trap == isa::Trap::syscall);
        CHECK(m.state().r[0] == count);
    }
    other.join();
}

TEST_CASE("regions: who only borrows the memory leaves the compiling to its owner") {
    Machine m(eager(cpu::Tier2::background));
    const u64 first = m.memory.place(0, triangle), second = m.memory.place(0x1000, triangle);
    auto run_at = [&](u64 entry) {
        prepare(m.state(), entry, 100);
        cpu::Stop stop;
        do stop = m.cpu->run();
        while (stop.kind == cpu::Stop::Kind::poll);
        return m.state().r[0] == triangle_sum(100);
    };
    std::function<bool()> in_child = [&] { return run_at(first); };
    std::vector<u8> stack(256 << 10);
    // As vfork(): a thread that the child starts would end with it, whatever it holds.
    int child = ::clone([](void* f) { return (*static_cast<std::function<bool()>*>(f))() ? 0 : 1; },
                        reinterpret_cast<void*>(reinterpret_cast<u64>(stack.data() + stack.size()) & ~u64(15)), CLONE_VM | CLONE_VFORK | SIGCHLD, &in_child);
    REQUIRE(child > 0);
    int status = -1;
    CHECK(::waitpid(child, &status, 0) == child);
    CHECK(status == 0);
    CHECK(m.engine->stats().regions == 0);
    CHECK(run_at(second));
    for (int i = 0; i < 3000 && m.engine->stats().regions == 0; i++) std::this_thread::sleep_for(std::chrono::milliseconds(10));
    CHECK(m.engine->stats().regions > 0);
}

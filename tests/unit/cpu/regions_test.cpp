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

// --- inlined calls

namespace {

/// r0 = r0 + leaf(r3), r3 from r1 to 1. The leaf is at word 16, r8 is the address of some memory.
const std::vector<u32> calls_leaf = {
    insn(op_addi, 4, 1, 0),        // 0: arguments
    far(op_call, 15),
    insn(op_add, 0, 0, 4),
    insn(op_addi, 1, 1, -1),
    insn(op_bne, 1, 2, -4),
    insn(op_trap),
};
constexpr usize leaf_at = 16 * 4;

/// Until the trap, whatever comes in between.
u64 run_calls(Machine& m, u64 entry, u64 n) {
    State& s = m.state();
    s.pc = entry;
    s.r[0] = s.r[2] = 0;
    s.r[1] = n;
    s.r[8] = m.memory.at(0x9000);
    cpu::Stop stop;
    do stop = m.cpu->run();
    while (stop.kind == cpu::Stop::Kind::poll);
    CHECK(stop.trap == isa::Trap::syscall);
    return s.r[0];
}

} // namespace

TEST_CASE("regions: a leaf in a loop, with two returns") {
    Machine m(eager(cpu::Tier2::synchronous));
    const u64 entry = m.memory.place(0, calls_leaf);
    // r4 = r4 * r4 if r4 is not 7, else 1
    m.memory.place(leaf_at, {movi(5, 7), insn(op_bne, 4, 5, 3), movi(4, 1), insn(op_ret), insn(op_mul, 4, 4, 4), insn(op_ret)});
    for (unsigned i = 0; i < 3; i++) CHECK(run_calls(m, entry, 100) == 338350 - 48);
    CHECK(m.engine->stats().regions > 0);
}

TEST_CASE("regions: a leaf whose return address was in memory meanwhile, and is another now and then") {
    Machine m(eager(cpu::Tier2::synchronous));
    const u64 entry = m.memory.place(0, calls_leaf);
    // The link goes to memory and comes back. Where r4 is 5, it is 4 more: the addition is left out.
    m.memory.place(leaf_at, {insn(op_store, 15, 8, 0), movi(5, 5), insn(op_bne, 4, 5, 4), insn(op_addi, 15, 15, 4), insn(op_store, 15, 8, 0),
                             insn(op_addi, 2, 2, 0), insn(op_load, 15, 8, 0), insn(op_ret)});
    for (unsigned i = 0; i < 3; i++) CHECK(run_calls(m, entry, 100) == 5050 - 5);
    CHECK(m.engine->stats().regions > 0);
}

TEST_CASE("regions: a leaf whose cold side is taken after all, and calls others there") {
    Machine m(eager(cpu::Tier2::synchronous));
    const u64 entry = m.memory.place(0, calls_leaf);
    // Where r4 is r7: to 0x200, which calls 0x300 twice.
    m.memory.place(leaf_at, {insn(op_bne, 4, 7, 3), far(op_jump, int(0x200 / 4) - 17), insn(op_trap), insn(op_addi, 4, 4, 1), insn(op_ret)});
    m.memory.place(0x200, {insn(op_addi, 9, 15, 0), far(op_call, 0xfc / 4), far(op_call, 0xf8 / 4), insn(op_addi, 15, 9, 0), insn(op_ret)});
    m.memory.place(0x300, {insn(op_addi, 4, 4, 50), insn(op_ret)});
    m.state().r[7] = 1000; // never
    CHECK(run_calls(m, entry, 100) == 5050 + 100);
    CHECK(m.engine->stats().regions > 0);
    for (u64 at : {1, 50, 99, 100}) {
        m.state().r[7] = at;
        CHECK(run_calls(m, entry, 100) == 5050 + 100 + 99);
    }
}

TEST_CASE("regions: a leaf that is overwritten takes the region with it") {
    for (cpu::Tier2 tier2 : {cpu::Tier2::synchronous, cpu::Tier2::background}) {
        Machine m(eager(tier2));
        const u64 entry = m.memory.place(0, calls_leaf);
        for (unsigned i = 1; i < 40; i++) {
            const u64 leaf = m.memory.place(leaf_at, {insn(op_addi, 4, 4, int(i)), insn(op_ret)});
            m.engine->invalidate(leaf, leaf + 8);
            CHECK(run_calls(m, entry, 200) == 20100 + 200 * i);
        }
    }
}

TEST_CASE("regions: a leaf that never returns is left on request") {
    Machine m(eager(cpu::Tier2::background));
    const u64 flag = m.memory.at(0x8000);
    const u64 entry = m.memory.place(0, calls_leaf);
    // It waits for memory at r6 to be r7, as long as r4 is not 1.
    m.memory.place(leaf_at, {movi(5, 1), insn(op_bne, 4, 5, 2), insn(op_ret), insn(op_load, 9, 6, 0), insn(op_bne, 9, 7, -1), insn(op_ret)});
    m.state().r[6] = flag;
    m.state().r[7] = 1;
    __atomic_store_n(reinterpret_cast<u64*>(flag), u64(1), __ATOMIC_SEQ_CST);
    for (unsigned i = 0; i < 200; i++) CHECK(run_calls(m, entry, 100) == 5050);
    __atomic_store_n(reinterpret_cast<u64*>(flag), u64(0), __ATOMIC_SEQ_CST);
    std::atomic<bool> done = false;
    std::thread other([&] {
        std::this_thread::sleep_for(std::chrono::milliseconds(20));
        for (unsigned i = 0; i < 20; i++) m.engine->invalidate(m.memory.at(0), m.memory.at(4)), std::this_thread::yield();
        __atomic_store_n(reinterpret_cast<u64*>(flag), u64(1), __ATOMIC_SEQ_CST);
        done = true;
    });
    CHECK(run_calls(m, entry, 100) == 5050);
    other.join();
    CHECK(done);
}

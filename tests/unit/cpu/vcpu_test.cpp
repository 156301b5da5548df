// SPDX-License-Identifier: MIT
#include "toy_isa.h"

#include <doctest/doctest.h>
#include <sys/wait.h>
#include <thread>
#include <unistd.h>

using namespace toy;
using cpu::Execution;

namespace {

/// r0 = 1 + 2 + ... + r1.
const std::vector<u32> sum = {
    movi(0, 0),
    insn(op_add, 0, 0, 1),
    insn(op_addi, 1, 1, -1),
    insn(op_bne, 1, 2, -2),
    insn(op_trap),
};

/// r0 = fib(r1), stack at r10, r2 = 1.
const std::vector<u32> fib = {
    far(op_call, 2),               // 0
    insn(op_trap),                 // 1
    insn(op_sub, 3, 1, 2),         // 2: fib
    insn(op_bne, 1, 4, 3),         // 3: r4 = 0
    insn(op_add, 0, 1, 4),         // 4: return r1
    insn(op_ret),                  // 5
    insn(op_bne, 3, 4, 3),         // 6
    insn(op_add, 0, 1, 4),         // 7
    insn(op_ret),                  // 8
    insn(op_addi, 10, 10, -24),    // 9
    insn(op_store, 15, 10, 0),     // 10
    insn(op_store, 1, 10, 1),      // 11
    insn(op_addi, 1, 1, -1),       // 12
    far(op_call, 2 - 13),          // 13
    insn(op_store, 0, 10, 2),      // 14
    insn(op_load, 1, 10, 1),       // 15
    insn(op_addi, 1, 1, -2),       // 16
    far(op_call, 2 - 17),          // 17
    insn(op_load, 3, 10, 2),       // 18
    insn(op_add, 0, 0, 3),         // 19
    insn(op_load, 15, 10, 0),      // 20
    insn(op_addi, 10, 10, 24),     // 21
    insn(op_ret),                  // 22
};

const std::vector<u32> endless = {insn(op_addi, 0, 0, 1), far(op_jump, -1)};

} // namespace

TEST_CASE("vcpu: a loop runs until its trap, translated and interpreted") {
    for (Execution execution : {Execution::jit, Execution::interpreter}) {
        Machine m(execution);
        m.state().pc = m.memory.place(0, sum);
        m.state().r[1] = 1000;
        const cpu::Stop stop = m.cpu->run();
        CHECK(stop.kind == cpu::Stop::Kind::trap);
        CHECK(stop.trap == isa::Trap::syscall);
        CHECK(m.state().r[0] == 500500);
        CHECK(m.state().pc == m.memory.at(20));
    }
}

TEST_CASE("vcpu: calls and returns pair up") {
    Machine m;
    m.state().pc = m.memory.place(0, fib);
    m.state().r[1] = 22;
    m.state().r[2] = 1;
    m.state().r[10] = m.memory.at(Memory::size);
    CHECK(m.cpu->run().trap == isa::Trap::syscall);
    CHECK(m.state().r[0] == 17711);
    CHECK(m.state().r[10] == m.memory.at(Memory::size));
}

TEST_CASE("vcpu: recursion deeper than the return stack") {
    // r0 counts returns; depth r1.
    Machine m;
    m.state().pc = m.memory.place(0, {
        far(op_call, 2), insn(op_trap),
        insn(op_bne, 1, 4, 2), insn(op_ret),
        insn(op_addi, 10, 10, -8), insn(op_store, 15, 10, 0), insn(op_addi, 1, 1, -1), far(op_call, 2 - 7),
        insn(op_addi, 0, 0, 1), insn(op_load, 15, 10, 0), insn(op_addi, 10, 10, 8), insn(op_ret)});
    m.state().r[1] = 100000;
    m.state().r[10] = m.memory.at(Memory::size);
    CHECK(m.cpu->run().trap == isa::Trap::syscall);
    CHECK(m.state().r[0] == 100000);
}

TEST_CASE("vcpu: indirect jumps and calls find their targets, returns may go elsewhere") {
    Machine m;
    const u64 a = m.memory.place(0x1000, {insn(op_addi, 0, 0, 1), insn(op_ret)});
    const u64 b = m.memory.place(0x2000, {insn(op_addi, 0, 0, 100), insn(op_jr, 0, 15)}); // returns by a jump
    m.state().pc = m.memory.place(0, {
        insn(op_callr, 0, 6), insn(op_callr, 0, 7), insn(op_addi, 1, 1, -1), insn(op_bne, 1, 4, -3), insn(op_trap)});
    m.state().r[1] = 1000;
    m.state().r[6] = a;
    m.state().r[7] = b;
    CHECK(m.cpu->run().trap == isa::Trap::syscall);
    CHECK(m.state().r[0] == 101000);
}

TEST_CASE("vcpu: a fault leaves the exact state before its instruction") {
    for (Execution execution : {Execution::jit, Execution::interpreter}) {
        Machine m(execution);
        m.state().pc = m.memory.place(0, {
            insn(op_addi, 1, 1, 1), insn(op_addi, 8, 8, 2), insn(op_load, 0, 6, 1), insn(op_addi, 1, 1, 1), insn(op_trap)});
        m.state().r[1] = 10;
        m.state().r[8] = 20;
        m.state().r[0] = 30;
        m.state().r[6] = 0x1000;
        const cpu::Stop stop = m.cpu->run();
        CHECK(stop.trap == isa::Trap::load_fault);
        CHECK(stop.value == 0x1008);
        CHECK(stop.host_signal == SIGSEGV);
        CHECK(m.state().pc == m.memory.at(8));
        CHECK(m.state().r[0] == 30);
        CHECK(m.state().r[1] == 11);
        CHECK(m.state().r[8] == 22);
        m.state().r[6] = m.memory.at(0x1000);
        CHECK(m.cpu->run().trap == isa::Trap::syscall);
        CHECK(m.state().r[1] == 12);
    }
}

TEST_CASE("vcpu: changed code is not entered any more") {
    Machine m;
    // The loop calls a function that is changed from r0 += 1 to r0 += 2.
    const u64 function = m.memory.place(0x3000, {insn(op_addi, 0, 0, 1), insn(op_ret)});
    const std::vector<u32> loop = {far(op_call, 0xc00), insn(op_addi, 1, 1, -1), insn(op_bne, 1, 4, -2), insn(op_trap)};
    for (unsigned round = 0; round < 3; round++) {
        m.state().pc = m.memory.place(0, loop);
        m.state().r[0] = 0;
        m.state().r[1] = 100;
        CHECK(m.cpu->run().trap == isa::Trap::syscall);
        CHECK(m.state().r[0] == 100 * (round + 1));
        m.memory.place(0x3000, {insn(op_addi, 0, 0, int(round) + 2), insn(op_ret)});
        CHECK(m.engine->invalidate(function, function + 4));
        CHECK_FALSE(m.engine->invalidate(function + 0x100, function + 0x200));
    }
}

TEST_CASE("vcpu: an endless loop stops when asked to") {
    Machine m;
    m.state().pc = m.memory.place(0, endless);
    std::thread other([&] {
        while (m.engine->stats().units == 0) std::this_thread::yield();
        usleep(1000);
        m.cpu->request_poll();
    });
    CHECK(m.cpu->run().kind == cpu::Stop::Kind::poll);
    other.join();
    CHECK(m.state().r[0] > 0);
    CHECK((m.state().pc == m.memory.at(0) || m.state().pc == m.memory.at(4)));
}

TEST_CASE("vcpu: a full code buffer is emptied, also under other vCPUs' feet") {
    Machine m(Execution::jit, usize(1) << 19);
    // Many little functions at different addresses, called in turn.
    const unsigned count = 20000;
    std::vector<u32> code;
    for (unsigned i = 0; i < count; i++) code.insert(code.end(), {insn(op_addi, 0, 0, 1), insn(op_ret)});
    m.memory.place(0x10000, code);
    // r6 walks over them; r7 = end.
    m.state().pc = m.memory.place(0, {insn(op_callr, 0, 6), insn(op_addi, 6, 6, 8), insn(op_bne, 6, 7, -2), insn(op_trap)});
    m.state().r[6] = m.memory.at(0x10000);
    m.state().r[7] = m.memory.at(0x10000 + 8 * count);
    cpu::Vcpu second(*m.engine);
    m.memory.place(0x100, endless);
    second.state().pc = m.memory.at(0x100);
    std::thread other([&] {
        Signals::enter_thread();
        CHECK(second.run().kind == cpu::Stop::Kind::poll);
    });
    CHECK(m.cpu->run().trap == isa::Trap::syscall);
    CHECK(m.state().r[0] == count);
    CHECK(m.engine->stats().flushes > 0);
    second.request_poll();
    other.join();
}

TEST_CASE("vcpu: several vCPUs share translations while code is invalidated") {
    Machine m;
    const u64 entry = m.memory.place(0, fib);
    std::atomic<bool> done = false;
    std::vector<std::thread> threads;
    for (unsigned t = 0; t < 3; t++)
        threads.emplace_back([&, t] {
            Signals::enter_thread();
            cpu::Vcpu cpu(*m.engine);
            for (unsigned i = 0; i < 40; i++) {
                State& s = cpu.state_as<State>();
                s.pc = entry;
                s.r[0] = 0, s.r[1] = 14, s.r[2] = 1;
                s.r[10] = m.memory.at(0x100000 * (t + 1));
                CHECK(cpu.run().trap == isa::Trap::syscall);
                CHECK(s.r[0] == 377);
                if (i % 8 == t) m.engine->invalidate(entry, entry + 4);
            }
        });
    std::thread invalidator([&] {
        while (!done) {
            m.engine->invalidate(entry, entry + 256);
            usleep(200);
        }
    });
    for (std::thread& t : threads) t.join();
    done = true;
    invalidator.join();
    CHECK(m.engine->stats().invalidations > 0);
}

TEST_CASE("vcpu: parent and child of a fork go on independently") {
    Machine m;
    m.state().pc = m.memory.place(0, sum);
    m.state().r[1] = 10;
    CHECK(m.cpu->run().trap == isa::Trap::syscall);
    REQUIRE(m.engine->before_fork());
    const pid_t child = fork();
    m.engine->after_fork(child == 0);
    if (child == 0) {
        // Other code, and other links in the old code.
        m.state().pc = m.memory.place(0, fib);
        m.engine->invalidate(m.memory.at(0), m.memory.at(256));
        m.state().r[1] = 20, m.state().r[2] = 1;
        m.state().r[10] = m.memory.at(Memory::size);
        const bool good = m.cpu->run().trap == isa::Trap::syscall && m.state().r[0] == 6765;
        _exit(good ? 0 : 1);
    }
    int status = -1;
    waitpid(child, &status, 0);
    CHECK(status == 0);
    m.state().pc = m.memory.at(0);
    m.state().r[1] = 100;
    CHECK(m.cpu->run().trap == isa::Trap::syscall);
    CHECK(m.state().r[0] == 5050);
}

TEST_CASE("vcpu: code of different modes is kept apart") {
    Machine m;
    m.state().pc = m.memory.place(0, fib);
    for (u64 mode = 0; mode < 12; mode++) {
        m.state().pc = m.memory.at(0);
        m.state().r[1] = 10, m.state().r[2] = 1;
        m.state().r[10] = m.memory.at(Memory::size);
        m.state().r[14] = mode << 60;
        CHECK(m.cpu->run().trap == isa::Trap::syscall);
        CHECK(m.state().r[0] == 55);
    }
}

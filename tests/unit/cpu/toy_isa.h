// SPDX-License-Identifier: MIT
// A toy ISA to run the vCPU loop with: 16 registers, 32-bit instructions op | a << 8 | b << 16 | c << 24.
#pragma once
#include "cpu/vcpu.h"

#include <algorithm>
#include <array>
#include <csignal>
#include <cstring>
#include <memory>
#include <sys/mman.h>
#include <ucontext.h>
#include <vector>

namespace toy {

using namespace emu;

struct State : ir::StateHeader {
    u64 r[16] = {};
};

enum Op : u8 { op_trap, op_addi, op_add, op_sub, op_load, op_store, op_bne, op_jump, op_call, op_ret, op_callr, op_jr, op_movi, op_shli, op_mul, op_mode };
constexpr unsigned link_register = 15;

constexpr u32 insn(Op op, unsigned a = 0, unsigned b = 0, int c = 0) { return u32(op) | a << 8 | b << 16 | u32(u8(c)) << 24; }
/// Branch over `words` instructions, from the instruction itself.
constexpr u32 far(Op op, int words) { return u32(op) | u32(words) << 8; }
constexpr u32 movi(unsigned a, unsigned value) { return u32(op_movi) | a << 8 | value << 16; }

inline const std::vector<ir::Slot>& slots() {
    static const char* const names[] = {"r0", "r1", "r2", "r3", "r4", "r5", "r6", "r7", "r8", "r9", "r10", "r11", "r12", "r13", "r14", "r15"};
    static const std::vector<ir::Slot> table = [] {
        std::vector<ir::Slot> t;
        for (unsigned i = 0; i < 16; i++) t.push_back({names[i], ir::Type::i64, u32(sizeof(ir::StateHeader) + 8 * i), u8(i < 6 ? i + 1 : 0)});
        return t;
    }();
    return table;
}

inline void translate(ir::Builder& ir, const isa::TranslateRequest& request) {
    ir::Function& f = ir.function();
    u64 pc = request.pc;
    for (unsigned n = 0; n < request.max_insns && ir.open(); n++, pc += 4) {
        if (n && std::binary_search(request.leaders.begin(), request.leaders.end(), pc)) break;
        u32 raw;
        if (!request.code->read(pc, Bytes(reinterpret_cast<u8*>(&raw), 4))) {
            if (n == 0) ir.insn(pc, 0), ir.trap(u32(isa::Trap::fetch_fault), pc, ir.imm64(pc));
            break;
        }
        ir.insn(pc, raw);
        const unsigned a = raw >> 8 & 15, b = raw >> 16 & 15, c = raw >> 24 & 15;
        const s64 imm = s8(raw >> 24);
        const u64 target = pc + u64(s64(s32(raw) >> 8) * 4);
        auto r = [&](unsigned i) { return ir.get(i); };
        auto k = [&](u64 x) { return ir.imm64(x); };
        switch (raw & 0xff) {
        case op_trap: ir.trap(u32(isa::Trap::syscall), pc + 4, k(raw >> 8)); break;
        case op_addi: ir.set(a, ir.add(r(b), k(u64(imm)))); break;
        case op_add: ir.set(a, ir.add(r(b), r(c))); break;
        case op_sub: ir.set(a, ir.sub(r(b), r(c))); break;
        case op_mul: ir.set(a, ir.mul(r(b), r(c))); break;
        case op_shli: ir.set(a, ir.shl(r(b), unsigned(imm))); break;
        case op_movi: ir.set(a, k(raw >> 16)); break;
        case op_load: ir.set(a, ir.load(ir::Type::i64, ir.add(r(b), k(u64(imm * 8))), {})); break;
        case op_store: ir.store(ir.add(r(b), k(u64(imm * 8))), r(a), {}); break;
        case op_bne: ir.exit_if(ir.ne(r(a), r(b)), {ir::ExitKind::jump, 0, pc + u64(imm * 4), 0}); break;
        case op_jump: ir.jump(target); break;
        case op_call:
            ir.set(link_register, k(pc + 4));
            ir.exit({ir::ExitKind::call, 0, target, pc + 4});
            break;
        case op_ret: ir.exit({ir::ExitKind::ret, 0, 0, 0}, r(link_register)); break;
        case op_callr: {
            const ir::Val to = r(b);
            ir.set(link_register, k(pc + 4));
            ir.exit({ir::ExitKind::call_indirect, 0, 0, pc + 4}, to);
            break;
        }
        case op_jr: ir.exit({ir::ExitKind::jump_indirect, 0, 0, 0}, r(b)); break;
        default: ir.trap(u32(isa::Trap::undefined), pc, k(raw)); break;
        }
    }
    if (ir.open()) ir.jump(pc);
    f.end = pc;
    f.ranges = {{request.pc, pc}};
}

inline const isa::CpuModel& model() {
    static const isa::CpuModel m{"toy", "", 0, nullptr};
    return m;
}

inline const isa::Isa& isa() {
    static const isa::Isa i = [] {
        isa::Isa t;
        t.name = "toy";
        t.slots = slots();
        t.state_size = sizeof(State);
        t.models = {&model(), 1};
        t.reset = [](ir::StateHeader&, const isa::CpuModel&) {};
        t.mode = [](const ir::StateHeader& s) { return u32(static_cast<const State&>(s).r[14] >> 60); };
        t.fp_env = [](u32) { return fp::Env{&fp::rules::arm}; };
        t.translate = translate;
        return t;
    }();
    return i;
}

/// Code and data at guest addresses that are host addresses.
class Memory final : public cpu::CodeMemory {
public:
    static constexpr usize size = usize(4) << 20;
    Memory() : base_(static_cast<u8*>(mmap(nullptr, size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0))) {}
    ~Memory() override { munmap(base_, size); }
    bool read(u64 address, Bytes to) override {
        if (address - u64(base_) > size - to.size()) return false;
        std::memcpy(to.data(), reinterpret_cast<const void*>(address), to.size());
        return true;
    }
    void watch(u64, u64) override {}
    u64 place(usize offset, const std::vector<u32>& code) {
        std::memcpy(base_ + offset, code.data(), code.size() * 4);
        return u64(base_) + offset;
    }
    u64 at(usize offset) const { return u64(base_) + offset; }

private:
    u8* base_;
};

/// Faults go to the vCPU of the thread.
class Signals {
public:
    Signals() {
        struct sigaction action {};
        action.sa_sigaction = [](int signal, siginfo_t* info, void* context) {
            cpu::Vcpu* cpu = cpu::Vcpu::current();
            if (!cpu || !cpu->handle_host_fault(signal, info->si_code, u64(info->si_addr), context)) std::abort();
        };
        action.sa_flags = SA_SIGINFO | SA_ONSTACK;
        sigaction(SIGSEGV, &action, &old_);
        enter_thread();
    }
    ~Signals() { sigaction(SIGSEGV, &old_, nullptr); }
    static void enter_thread() {
        static thread_local std::array<u8, 65536> stack;
        stack_t alternate{};
        alternate.ss_sp = stack.data();
        alternate.ss_size = stack.size();
        sigaltstack(&alternate, nullptr);
    }

private:
    struct sigaction old_ {};
};

struct Machine {
    explicit Machine(cpu::Execution execution = cpu::Execution::jit, usize buffer = 16 << 20) : Machine(options_of(execution, buffer)) {}
    static cpu::EngineOptions options_of(cpu::Execution execution, usize buffer) {
        cpu::EngineOptions options;
        options.execution = execution;
        options.code_buffer = buffer;
        return options;
    }
    explicit Machine(const cpu::EngineOptions& options) {
        engine = std::move(*cpu::Engine::create(isa(), model(), options, memory));
        cpu = std::make_unique<cpu::Vcpu>(*engine);
    }
    State& state() { return cpu->state_as<State>(); }
    Signals signals;
    Memory memory;
    std::unique_ptr<cpu::Engine> engine;
    std::unique_ptr<cpu::Vcpu> cpu;
};

} // namespace toy

// SPDX-License-Identifier: MIT
// The smallest whole machine: RAM, a console register, a timer that interrupts. It shows that the translation core carries
// system emulation: MMU, inline TLB probe, exceptions and asynchronous interrupts, in translated code and in the interpreter.
//
//     bare_machine PROGRAM.bin jit|interp [--stats]
//
// PROGRAM is loaded at 0x40000000 and entered there at EL1. What it writes to the console goes to stdout; the exit status is
// what it writes to the power register.
#include "common/fd.h"
#include "cpu/soft_mmu.h"
#include "cpu/vcpu.h"
#include "isa/a64/a64.h"

#include <atomic>
#include <chrono>
#include <cstdio>
#include <cstring>
#include <fmt/format.h>
#include <memory>
#include <mutex>
#include <string_view>
#include <thread>
#include <vector>

using namespace emu;

namespace {

constexpr u64 ram_base = 0x40000000, ram_size = 4 << 20, console = 0x09000000, power = console + 8, timer = 0x0a000000;

class Machine final : public cpu::PhysicalBus, public cpu::CodeMemory {
public:
    Machine() : ram_(ram_size + 4096) { aligned_ = reinterpret_cast<u8*>((u64(ram_.data()) + 4095) & ~u64(4095)); }
    ~Machine() override { stop_timer(); }

    u8* ram(u64 physical) override { return physical >= ram_base && physical - ram_base < ram_size ? aligned_ + (physical - ram_base) : nullptr; }

    bool read(u64, unsigned, u64& value) override { return value = 0, false; }
    bool write(u64 physical, unsigned, u64 value) override {
        switch (physical) {
        case console: std::fputc(int(value & 0xff), stdout); return true;
        case power:
            exit_code_ = int(value);
            off_ = true;
            vcpu->request_poll();
            return true;
        case timer: start_timer(std::chrono::microseconds(value)); return true;
        case timer + 8: vcpu->set_interrupt(false); return true;
        default: return false;
        }
    }

    bool read(u64 address, Bytes to) override { return vcpu->mmu()->fetch(address, to); }
    void watch(u64, u64) override {}

    bool off() const { return off_; }
    /// The timer's thread talks to the vCPU: end it before that one.
    void stop_timer() {
        ticking_ = false;
        if (thread_.joinable()) thread_.join();
    }
    int exit_code() const { return exit_code_; }
    cpu::Vcpu* vcpu = nullptr;

private:
    /// A thread of its own, so that the interrupt is as asynchronous as a real one.
    void start_timer(std::chrono::microseconds period) {
        stop_timer();
        ticking_ = true;
        thread_ = std::thread([this, period] {
            while (ticking_) {
                std::this_thread::sleep_for(period);
                vcpu->set_interrupt(true);
            }
        });
    }
    std::vector<u8> ram_;
    u8* aligned_ = nullptr;
    std::thread thread_;
    std::atomic<bool> ticking_ = false, off_ = false;
    int exit_code_ = 0;
};

int run(const char* program, cpu::Execution execution, bool stats) {
    Machine machine;
    auto file = Fd::open(program, O_RDONLY);
    if (!file || read(file->get(), machine.ram(ram_base), ram_size) <= 0) {
        fmt::print(stderr, "bare_machine: cannot read {}\n", program);
        return 2;
    }
    const isa::Isa& isa = isa::a64::a64_isa;
    cpu::EngineOptions options{.execution = execution, .system = true, .bus = &machine};
    auto engine = cpu::Engine::create(isa, isa.models[0], options, machine);
    if (!engine) {
        fmt::print(stderr, "bare_machine: {}\n", engine.error().line());
        return 2;
    }
    cpu::Vcpu vcpu(**engine);
    machine.vcpu = &vcpu;
    vcpu.state().pc = ram_base;
    while (!machine.off()) {
        cpu::Stop stop = vcpu.run();
        if (stop.kind == cpu::Stop::Kind::trap && stop.trap != isa::Trap::halt) {
            fmt::print(stderr, "bare_machine: trap {} ({:#x}) at {:#x}\n", unsigned(stop.trap), stop.value, vcpu.state().pc);
            return 3;
        }
    }
    machine.stop_timer();
    std::fflush(stdout);
    if (stats) {
        const auto& mmu = vcpu.mmu()->stats();
        fmt::print(stderr, "slow accesses {}, TLB fills {}, device accesses {}, units {}\n", mmu.slow, mmu.fills, mmu.devices, (*engine)->stats().units);
    }
    return machine.exit_code();
}

} // namespace

int main(int argc, char** argv) {
    const std::string_view mode = argc > 2 ? argv[2] : "";
    if (argc < 3 || (mode != "jit" && mode != "interp")) {
        fmt::print(stderr, "usage: bare_machine PROGRAM.bin jit|interp [--stats]\n");
        return 2;
    }
    return run(argv[1], mode == "jit" ? cpu::Execution::jit : cpu::Execution::interpreter, argc > 3);
}

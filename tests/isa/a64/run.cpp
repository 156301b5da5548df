// SPDX-License-Identifier: MIT
#include "run.h"

#include "../emulator.h"
#include "isa/a64/a64.h"

#include <cstring>
#include <fmt/core.h>

namespace emu::lockstep {

Outcome run_child(const std::vector<std::string>& command, const Image& image) {
    std::string trouble;
    const auto output = run_emulator(command, [&](const std::string& path) { return write_elf(image, path); }, trouble);
    Outcome outcome = parse_output(output, image.runs);
    if (!trouble.empty()) outcome.complete = false, outcome.trouble = trouble;
    return outcome;
}

struct Host::Impl {
    const Image& image;
    GuestMemory memory;
    Text code;
    std::unique_ptr<cpu::Engine> engine;
    std::unique_ptr<cpu::Vcpu> cpu;
    std::vector<u8> output;

    Impl(const isa::CpuModel& model, cpu::Execution execution, cpu::Tier2 tier2, const Image& i) : image(i), code(i.segments[0].address, i.segments[0].bytes) {
        for (const Segment& s : image.segments) memory.map(s.address, s.bytes, true);
        cpu::EngineOptions options{.execution = execution, .code_buffer = usize(32) << 20, .tier2 = tier2, .hot_threshold = 1};
        auto made = cpu::Engine::create(isa::a64::a64_isa, model, options, code);
        EMU_ASSERT(made.has_value());
        engine = std::move(*made);
        cpu = std::make_unique<cpu::Vcpu>(*engine);
        for (auto& key : state().pac_keys) key[0] = 0x0123456789abcdef, key[1] = 0xfedcba9876543210;   // random otherwise
        take_faults();
    }

    isa::a64::State& state() { return cpu->state_as<isa::a64::State>(); }

    /// The driver's few system calls and the undefined instructions of blocks; false when the program is over.
    bool handle(const cpu::Stop& stop, std::string& trouble) {
        isa::a64::State& s = state();
        if (stop.kind == cpu::Stop::Kind::poll) {
            trouble = fmt::format("still running after {} s at pc {:x}, x27 {:x}", patience_seconds, s.pc, s.x[27]);
            return false;
        }
        if (const u32 signal = signal_of(stop.trap, isa::a64::trap_alignment)) {
            reinterpret_cast<Context*>(s.x[context_register])->illegal = s.pc | u64(signal) << 56;
            s.pc = image.epilogue;
            return true;
        }
        if (stop.trap != isa::Trap::syscall) {
            trouble = fmt::format("trap {} at pc {:x}, value {:x}", unsigned(stop.trap), s.pc, stop.value);
            return false;
        }
        if (s.x[8] == 94) return false;
        if (s.x[8] == 64) {
            const u8* from = reinterpret_cast<const u8*>(s.x[1]);
            output.insert(output.end(), from, from + s.x[2]);
            s.x[0] = s.x[2];
        } else {
            s.x[0] = 0;
        }
        return true;
    }

    Context capture() {
        isa::a64::State& s = state();
        Context c;
        std::memcpy(c.x, s.x, sizeof c.x);
        c.sp = s.sp;
        std::memcpy(c.v, s.v, sizeof c.v);
        c.nzcv = isa::a64::nzcv_from_token(s.nzcv);
        c.fpcr = s.fpcr;
        c.fpsr = isa::a64::read_fpsr(s);
        return c;
    }
};

Host::Host(const isa::CpuModel& model, cpu::Execution execution, cpu::Tier2 tier2, const Image& image)
    : impl_(std::make_unique<Impl>(model, execution, tier2, image)) {}
Host::~Host() = default;
u64 Host::regions() const { return impl_->engine->stats().regions; }

Outcome Host::run() {
    impl_->state().pc = impl_->image.entry;
    std::string trouble;
    {
        Patience patience;
        while (impl_->handle(impl_->cpu->run(), trouble)) {}
    }
    Outcome outcome = parse_output(impl_->output, impl_->image.runs);
    if (!trouble.empty()) outcome.complete = false, outcome.trouble = trouble;
    return outcome;
}

std::vector<Step> Host::trace(usize index, std::vector<u8>& scratch_before) {
    std::vector<Step> steps;
    std::string trouble;
    isa::a64::State& s = impl_->state();
    s.pc = impl_->image.entry;
    bool inside = false;
    for (;;) {
        if (!inside && s.x[context_register] == context_address(index) && s.pc == s.x[block_register] && s.pc != 0) {
            inside = true;
            const u8* scratch = reinterpret_cast<const u8*>(scratch_at);
            scratch_before.assign(scratch, scratch + scratch_size);
        }
        if (inside && s.pc == impl_->image.epilogue) break;
        if (inside) {
            u32 word;
            std::memcpy(&word, reinterpret_cast<const void*>(s.pc), 4);
            steps.push_back({s.pc, word, impl_->capture()});
        }
        const cpu::Stop stop = impl_->cpu->step();
        if (stop.kind == cpu::Stop::Kind::trap && !impl_->handle(stop, trouble)) break;
    }
    return steps;
}

} // namespace emu::lockstep

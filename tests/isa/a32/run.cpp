// SPDX-License-Identifier: MIT
#include "run.h"

#include "../emulator.h"
#include "isa/a32/a32.h"

#include <cstring>
#include <elf.h>
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
        for (const Segment& s : image.segments) memory.map(s.address, s.bytes, s.flags & PF_W);
        cpu::EngineOptions options{.execution = execution, .code_buffer = usize(32) << 20, .tier2 = tier2, .hot_threshold = 1};
        auto made = cpu::Engine::create(isa::a32::a32_isa, model, options, code);
        EMU_ASSERT(made.has_value());
        engine = std::move(*made);
        cpu = std::make_unique<cpu::Vcpu>(*engine);
        take_faults();
    }

    isa::a32::State& state() { return cpu->state_as<isa::a32::State>(); }

    /// The driver's few system calls and the undefined instructions of blocks; false when the program is over.
    bool handle(const cpu::Stop& stop, std::string& trouble) {
        isa::a32::State& s = state();
        if (stop.kind == cpu::Stop::Kind::poll) {
            trouble = fmt::format("still running after {} s at pc {:x}, r11 {:x}", patience_seconds, s.pc, s.r[context_register]);
            return false;
        }
        if (const u32 signal = signal_of(stop.trap, isa::a32::trap_alignment)) {
            Context& context = *reinterpret_cast<Context*>(u64(s.r[context_register]));
            context.illegal_pc = isa::a32::code_address(s.pc);
            context.illegal_signal = signal;
            s.pc = image.epilogue;
            return true;
        }
        if (stop.trap != isa::Trap::syscall) {
            trouble = fmt::format("trap {} at pc {:x}, value {:x}", unsigned(stop.trap), s.pc, stop.value);
            return false;
        }
        if (s.r[7] == 248) return false;
        if (s.r[7] == 4) {
            const u8* from = reinterpret_cast<const u8*>(u64(s.r[1]));
            output.insert(output.end(), from, from + s.r[2]);
            s.r[0] = s.r[2];
        } else {
            s.r[0] = 0;
        }
        return true;
    }

    Context capture() {
        isa::a32::State& s = state();
        Context c;
        std::memcpy(c.r, s.r, sizeof c.r);
        std::memcpy(c.d, s.v, sizeof c.d);
        c.cpsr = isa::a32::read_cpsr(s);
        c.fpscr = isa::a32::read_fpscr(s);
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
    isa::a32::State& s = impl_->state();
    s.pc = impl_->image.entry;
    bool inside = false;
    for (;;) {
        const Context* context = reinterpret_cast<const Context*>(u64(context_address(index)));
        if (!inside && s.r[context_register] == context_address(index) && s.pc == context->entry) {
            inside = true;
            const u8* scratch = reinterpret_cast<const u8*>(u64(scratch_at));
            scratch_before.assign(scratch, scratch + scratch_size);
        }
        if (inside && s.pc == impl_->image.epilogue) break;
        u16 halves[2];
        // The other may have branched to where there is no code.
        if (inside && impl_->code.read(isa::a32::code_address(s.pc), {reinterpret_cast<u8*>(halves), 4})) {
            const bool thumb = s.pc & 1, wide = !thumb || halves[0] >> 11 >= 0x1d;
            const u32 word = !thumb ? u32(halves[1]) << 16 | halves[0] : wide ? u32(halves[0]) << 16 | halves[1] : halves[0];
            steps.push_back({s.pc, word, u8(wide ? 4 : 2), u8(s.pc >> isa::a32::pc_it_shift), impl_->capture()});
        }
        const cpu::Stop stop = impl_->cpu->step();
        if (stop.kind == cpu::Stop::Kind::trap && !impl_->handle(stop, trouble)) break;
    }
    return steps;
}

} // namespace emu::lockstep

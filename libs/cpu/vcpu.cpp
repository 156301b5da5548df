// SPDX-License-Identifier: MIT
#include "cpu/vcpu.h"

#include "cpu/dump.h"
#include "cpu/engine.h"
#include "cpu/instrument.h"
#include "cpu/soft_mmu.h"
#include "cpu/translated.h"
#include "ir/interpreter.h"

#include <algorithm>
#include <csetjmp>
#include <csignal>
#include <cstdlib>
#include <cstring>
#include <new>

namespace emu::cpu {

namespace {
thread_local Vcpu* current_vcpu = nullptr;

struct FreeState {
    void operator()(ir::StateHeader* state) const { std::free(state); }
};
} // namespace

/// Memory of a vCPU that a debugger watches.
class WatchedMemory final : public ir::Memory {
public:
    WatchedMemory(Vcpu& vcpu, ir::Memory& memory) : vcpu_(vcpu), memory_(memory) {}
    std::span<const Watch> watches;
    Instrument* instrument = nullptr;  ///< wants to hear of all accesses

    ir::V128 load(u64 address, ir::MemFlags flags) override {
        check(address, flags, true, false);
        return memory_.load(address, flags);
    }
    void store(u64 address, ir::MemFlags flags, ir::V128 value) override {
        check(address, flags, false, true);
        memory_.store(address, flags, value);
    }
    u64 rmw(u64 address, ir::MemFlags flags, ir::AtomicOp op, u64 operand) override {
        check(address, flags, true, true);
        return memory_.rmw(address, flags, op, operand);
    }
    ir::V128 cas(u64 address, ir::MemFlags flags, ir::V128 expected, ir::V128 desired) override {
        check(address, flags, true, true);
        return memory_.cas(address, flags, expected, desired);
    }

private:
    void check(u64 address, ir::MemFlags flags, bool reads, bool writes) const {
        address &= vcpu_.engine().isa().address_mask;
        if (instrument && reads) instrument->accesses(address, flags.bytes(), false);
        if (instrument && writes) instrument->accesses(address, flags.bytes(), true);
        for (const Watch& watch : watches)
            if (address < watch.last && watch.first < address + flags.bytes() && ((reads && watch.reads) || (writes && watch.writes)))
                vcpu_.raise(trap_debug_watch, std::max(address, watch.first));
    }
    Vcpu& vcpu_;
    ir::Memory& memory_;
};

struct Vcpu::Impl {
    Engine& engine;
    std::unique_ptr<ir::StateHeader, FreeState> state;
    ir::FlatMemory flat;
    std::unique_ptr<SoftMmu> mmu;      ///< instead of flat memory, in system mode
    std::atomic<bool> interrupt = false;
    std::atomic<bool> asked = false;   ///< request_poll was called (the interrupt line sets state.poll too)

    /// Where raise() and host faults in the interpreter go: back into run(), with `stop` filled in.
    sigjmp_buf recovery;
    volatile bool recoverable = false;
    Stop stop;
    /// Keeps the unit being interpreted alive while others invalidate it.
    std::shared_ptr<const ir::Function> running;
    Runner runner;
    std::unique_ptr<WatchedMemory> watched;   ///< null: nobody watches

    explicit Impl(Engine& e)
        : engine(e), state(allocate(e.isa().state_size)), flat(e.options().memory_base, e.isa().address_bits == 32 ? 0xffffffff : e.isa().address_mask),
          runner(*state) {
        state->memory = &flat;
        state->memory_base = e.options().memory_base;
    }

    static ir::StateHeader* allocate(usize size) {
        void* raw = std::aligned_alloc(64, (size + 63) / 64 * 64);
        EMU_ASSERT(raw != nullptr);
        std::memset(raw, 0, size);
        return new (raw) ir::StateHeader;
    }

    /// System mode: let the guest take an exception or the pending interrupt. True if it did.
    bool take_exception(u32 code, u64 value) {
        const isa::Isa& isa = engine.isa();
        return engine.options().system && isa.take_exception && isa.take_exception(*state, code, value);
    }
    void take_interrupt() {
        if (interrupt && engine.isa().interrupt_enabled(*state)) take_exception(u32(isa::Trap::interrupt), 0);
    }

    /// Run one unit in the interpreter; true if `stop` says why to return to the caller.
    bool interpret(std::shared_ptr<const ir::Function> function) {
        running = std::move(function);
        const ir::Exit* exit = ir::interpret(*running, *state, *static_cast<ir::Memory*>(state->memory));
        if (exit->kind != ir::ExitKind::trap) return false;
        stop = {Stop::Kind::trap, isa::Trap(exit->code), state->exit_value, 0, 0};
        return true;
    }

    /// The same of one that -d exec and cpu show.
    bool interpret_shown(std::shared_ptr<const ir::Function> function) {
        if (wants_entry()) dump_entry(engine.isa(), *state, function->insns, function->ranges);
        return interpret(std::move(function));
    }

    /// Go on at state.pc, in state.mode; true if `stop` says why to return to the caller.
    bool advance(Engine::Impl& e) {
        if (!e.translated || watched) return interpret_shown(e.find_or_translate(state->pc, state->mode));
        switch (e.translated->run(runner)) {
        case Translated::Left::again: return false;
        case Translated::Left::raised: return true;
        case Translated::Left::stop:
            stop = {Stop::Kind::trap, isa::Trap(state->exit_code), state->exit_value, 0, 0};
            return true;
        case Translated::Left::first: return interpret(std::move(runner.first));
        case Translated::Left::untranslatable: return interpret_shown(e.translate_one(state->pc, state->mode));
        case Translated::Left::fault:
            // Faults: the interpreter finds the exact address, or succeeds (a tagged pointer, a page that is there by now).
            return interpret(e.translate_one(state->pc, state->mode));
        }
        __builtin_unreachable();
    }
};

Vcpu::Vcpu(Engine& engine) : impl_(std::make_unique<Impl>(engine)) {
    impl_->state->vcpu = this;
    if (Translated* translated = engine.impl_->translated.get()) translated->add(impl_->runner);
    if (engine.options().system) {
        EMU_ASSERT(engine.options().bus != nullptr);
        impl_->mmu = std::make_unique<SoftMmu>(*this, *engine.options().bus);
    }
    set_watches({});
    engine.isa().reset(*impl_->state, engine.model());
}
Vcpu::~Vcpu() {
    impl_->running = impl_->runner.first = nullptr; // before it is said that this vCPU has nothing
    if (Translated* translated = engine().impl_->translated.get()) translated->remove(impl_->runner);
    if (current_vcpu == this) current_vcpu = nullptr;
}

ir::StateHeader& Vcpu::state() { return *impl_->state; }
Engine& Vcpu::engine() { return impl_->engine; }
Vcpu* Vcpu::current() { return current_vcpu; }

void Vcpu::request_poll() {
    impl_->asked = true;
    __atomic_store_n(&impl_->state->poll, 1, __ATOMIC_SEQ_CST);
}

void Vcpu::set_interrupt(bool level) {
    impl_->interrupt = level;
    if (level) __atomic_store_n(&impl_->state->poll, 1, __ATOMIC_SEQ_CST);
}
void Vcpu::set_watches(std::span<const Watch> watches) {
    Impl& self = *impl_;
    auto* memory = self.mmu ? static_cast<ir::Memory*>(self.mmu.get()) : &self.flat;
    Instrument* instrument = self.engine.options().instrument;
    if (instrument && !instrument->wants_accesses()) instrument = nullptr;
    self.watched = watches.empty() && !instrument ? nullptr : std::make_unique<WatchedMemory>(*this, *memory);
    if (self.watched) self.watched->watches = watches;
    if (self.watched) self.watched->instrument = instrument;
    self.state->memory = self.watched ? self.watched.get() : memory;
}
bool Vcpu::watched() const { return impl_->watched != nullptr; }
SoftMmu* Vcpu::mmu() { return impl_->mmu.get(); }

Stop Vcpu::run() {
    current_vcpu = this;
    Impl& self = *impl_;
    ir::StateHeader& state = *self.state;
    const isa::Isa& isa = self.engine.isa();
    const bool system = self.engine.options().system;
    for (;;) {
        if (sigsetjmp(self.recovery, 0) == 0) {
            self.recoverable = true;
            for (;;) {
                if (system) self.take_interrupt();
                if (__atomic_exchange_n(&state.poll, 0, __ATOMIC_SEQ_CST) && self.asked.exchange(false)) {
                    self.recoverable = false;
                    return self.stop = {};
                }
                state.mode = isa.mode(state);
                if (self.advance(*self.engine.impl_)) break;
            }
        }
        self.recoverable = false;
        const bool debugging = self.stop.trap == trap_debug_break || self.stop.trap == trap_debug_watch;
        if (debugging || !self.take_exception(u32(self.stop.trap), self.stop.value)) return self.stop;
    }
}

Stop Vcpu::step() {
    current_vcpu = this;
    Impl& self = *impl_;
    ir::StateHeader& state = *self.state;
    if (sigsetjmp(self.recovery, 0)) {
        self.recoverable = false;
        return self.stop;
    }
    self.recoverable = true;
    state.mode = self.engine.isa().mode(state);
    if (!self.interpret_shown(self.engine.impl_->translate_one(state.pc, state.mode))) self.stop = {};
    self.recoverable = false;
    return self.stop;
}

void Vcpu::raise(isa::Trap trap, u64 value, int host_code, int host_signal) {
    impl_->stop = {Stop::Kind::trap, trap, value, host_code, host_signal};
    EMU_ASSERT(impl_->recoverable);
    if (impl_->state->in_jit) impl_->engine.impl_->translated->raise(impl_->runner);
    siglongjmp(impl_->recovery, 1);
}

bool Vcpu::handle_host_fault(int signal, int code, u64 address, void* ucontext) {
    if (!impl_->recoverable) return false;
    Translated* translated = impl_->engine.impl_->translated.get();
    if (translated && impl_->state->in_jit && translated->handle_fault(impl_->runner, address, ucontext)) return true;
    const auto* context = static_cast<const ucontext_t*>(ucontext);
    const bool write = context->uc_mcontext.gregs[REG_ERR] & 2; // page-fault error code, bit 1: write access
    // The handler never returns: unblock what it was entered with blocked, and take back what it was entered without, the FP flags
    // and the x87 registers.
    asm volatile("fxrstor64 %0" : : "m"(*context->uc_mcontext.fpregs)
                 : "xmm0", "xmm1", "xmm2", "xmm3", "xmm4", "xmm5", "xmm6", "xmm7", "xmm8", "xmm9", "xmm10", "xmm11", "xmm12", "xmm13", "xmm14", "xmm15");
    pthread_sigmask(SIG_SETMASK, &context->uc_sigmask, nullptr);
    raise(write ? isa::Trap::store_fault : isa::Trap::load_fault, address - impl_->engine.options().memory_base, code, signal);
}

} // namespace emu::cpu

// SPDX-License-Identifier: MIT
// A made-up guest for the tests of the back end: a few registers of every type, memory with unmapped surroundings, helpers, and one
// run of a Function by the interpreter or by translated code with everything that can be seen of it.
#pragma once
#include "common/result.h"
#include "ir/builder.h"
#include "ir/interpreter.h"
#include "ir/text.h"
#include "jit/jit.h"

#include <csetjmp>
#include <csignal>
#include <cstdlib>
#include <cstring>
#include <fmt/format.h>
#include <memory>
#include <random>
#include <sys/mman.h>
#include <ucontext.h>
#include <vector>

namespace test_guest {

using namespace emu;
using ir::Type;
using ir::V128;

inline constexpr unsigned xs = 16, ws = 3, vs = 12;

struct State : ir::StateHeader {
    u64 x[xs] = {};
    u32 w[ws] = {};
    u32 flags = 0;
    u8 b = 0;
    u16 h = 0;
    u64 d = 0;
    u32 s = 0;
    V128 v[vs];
};

enum Slots : unsigned { slot_x, slot_w = slot_x + xs, slot_flags = slot_w + ws, slot_b, slot_h, slot_d, slot_s, slot_v, slot_count = slot_v + vs };
/// Vector slots that are halves of registers of 256 bits, with the next one: both pinned, or neither.
inline constexpr unsigned low_halves[] = {slot_v, slot_v + 6, slot_v + 8, slot_v + 10};
/// x14 and x15 hold addresses inside the arena; random code does not change them but by small steps.
inline constexpr unsigned base_pinned = 0, base_plain = 15;

inline const std::vector<ir::Slot>& slots() {
    static const std::vector<ir::Slot> table = [] {
        static std::vector<std::string> names;
        names.reserve(slot_count);
        std::vector<ir::Slot> t;
        auto add = [&](std::string name, Type type, usize offset, unsigned pin) {
            names.push_back(std::move(name));
            t.push_back({names.back(), type, u32(offset), u8(pin)});
        };
        auto at = [](auto member) { return usize(reinterpret_cast<u8*>(&(static_cast<State*>(reinterpret_cast<State*>(4096))->*member)) - reinterpret_cast<u8*>(4096)); };
        for (unsigned i = 0; i < xs; i++) add(fmt::format("x{}", i), Type::i64, at(&State::x) + 8 * i, i < 7 ? i + 1 : 0);
        for (unsigned i = 0; i < ws; i++) add(fmt::format("w{}", i), Type::i32, at(&State::w) + 4 * i, i == 0 ? 6 : 0);
        add("flags", Type::i32, at(&State::flags), 0);
        add("b", Type::i1, at(&State::b), 0);
        add("h", Type::f16, at(&State::h), 0);
        add("d", Type::f64, at(&State::d), 0);
        add("s", Type::f32, at(&State::s), 0);
        for (unsigned i = 0; i < vs; i++) add(fmt::format("v{}", i), Type::v128, at(&State::v) + 16 * i, i < 8 ? i + 1 : 0);
        for (unsigned low : low_halves) t[low].upper = u16(low + 1);
        return t;
    }();
    return table;
}

/// Usable bytes in the middle of an unmapped range.
class TestMemory {
public:
    static constexpr usize size = 16384, around = usize(1) << 20;
    TestMemory() {
        base_ = static_cast<u8*>(mmap(nullptr, around * 2 + size, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0)) + around;
        EMU_ASSERT(mprotect(base_, size, PROT_READ | PROT_WRITE) == 0);
    }
    ~TestMemory() { munmap(base_ - around, around * 2 + size); }
    u8* data() const { return base_; }

private:
    u8* base_;
};

/// What a run did.
struct Outcome {
    enum Kind { left, stopped, faulted, raised } kind = left;
    u64 pc = 0;
    u32 exit_kind = 0, exit_code = 0;
    u64 exit_value = 0, raise_value = 0;
};

struct Raise {
    u64 value = 0;
    bool armed = false;
};

/// The machine that runs are made on; one at a time a process.
class Machine {
public:
    explicit Machine(const jit::Options& options) : options_(options) {
        current_ = this;
        auto made = jit::Jit::create(options, slots());
        EMU_ASSERT(made.has_value());
        jit = std::move(*made);
        auto stack = jit::ReturnStack::create();
        EMU_ASSERT(stack.has_value());
        return_stack_ = std::make_unique<jit::ReturnStack>(std::move(*stack));
        signal_stack_.resize(65536);
        stack_t alternate{};
        alternate.ss_sp = signal_stack_.data();
        alternate.ss_size = signal_stack_.size();
        sigaltstack(&alternate, nullptr);
        struct sigaction action {};
        action.sa_sigaction = [](int signal, siginfo_t* info, void* context) { current_->on_signal(signal, info, context); };
        action.sa_flags = SA_SIGINFO | SA_ONSTACK | SA_NODEFER;
        for (int s : {SIGSEGV, SIGBUS}) sigaction(s, &action, nullptr);
    }
    ~Machine() {
        for (int s : {SIGSEGV, SIGBUS}) signal(s, SIG_DFL);
        stack_t none{};
        none.ss_flags = SS_DISABLE;
        sigaltstack(&none, nullptr);
        current_ = nullptr;
    }

    ir::JumpCache& jump_cache() { return jump_cache_; }
    void setup(State& state) {
        state.memory_base = options_.memory_base;
        state.jump_cache = jump_cache_.data();
        jit->prepare(jump_cache_, *return_stack_);
        state.shadow_top = state.jit_stack = return_stack_->top();
    }

    Outcome interpret(const ir::Function& f, State& state) {
        ir::FlatMemory memory(options_.memory_base);
        state.memory = &memory;
        running_ = &state;
        translated_ = false;
        Outcome result;
        switch (sigsetjmp(recovery_, 1)) {
        case 0: {
            const ir::Exit* exit = ir::interpret(f, state, memory);
            result.kind = exit->kind == ir::ExitKind::trap || exit->kind == ir::ExitKind::sync ? Outcome::stopped : Outcome::left;
            break;
        }
        case 1: result.kind = Outcome::faulted; break;
        default: result.kind = Outcome::raised, result.raise_value = raise_value_; break;
        }
        return describe(result, state);
    }

    /// Continues through links made meanwhile; stops at the first exit that is not linked.
    Outcome run(const jit::Unit& unit, State& state) {
        ir::FlatMemory memory(options_.memory_base);
        state.memory = &memory;
        running_ = &state;
        translated_ = true;
        last = jit->enter(state, unit);
        translated_ = false;
        Outcome result;
        switch (last) {
        case jit::Leave::link: case jit::Leave::hot: state.pc = jit->link_site(link_number(state)).pc; break;
        case jit::Leave::poll: state.pc = jit->link_site(link_number(state)).pc; break;
        case jit::Leave::poll_pc: case jit::Leave::indirect: break;
        case jit::Leave::stop: result.kind = Outcome::stopped; break;
        case jit::Leave::fault:
            EMU_ASSERT(jit->recover(state));
            result.kind = Outcome::faulted;
            break;
        case jit::Leave::raised: result.kind = Outcome::raised, result.raise_value = raise_value_; break;
        }
        return describe(result, state);
    }

    static u32 link_number(const State& state) { return u32(reinterpret_cast<u64>(state.link_site)); }

    /// For helpers.
    [[noreturn]] void raise(ir::StateHeader& state, u64 value) {
        raise_value_ = value;
        if (translated_) {
            EMU_ASSERT(jit->recover_call(state));
            jit->leave_raised(state);
        }
        siglongjmp(recovery_, 2);
    }

    static Machine& current() { return *current_; }
    std::unique_ptr<jit::Jit> jit;
    jit::Leave last = jit::Leave::link;

private:
    static Outcome describe(Outcome result, const State& state) {
        result.pc = state.pc;
        if (result.kind == Outcome::stopped) {
            result.exit_kind = state.exit_kind;
            result.exit_code = state.exit_code;
            result.exit_value = state.exit_value;
        }
        return result;
    }

    void on_signal(int signal, siginfo_t* info, void* context) {
        const u64 pc = u64(static_cast<ucontext_t*>(context)->uc_mcontext.gregs[REG_RIP]);
        if (translated_ && jit->contains(pc)) {
            if (jit::Jit::repair_stack(*running_, *return_stack_, u64(info->si_addr), context)) return;
            jit->redirect(*running_, context);
            return;
        }
        if (!translated_ && running_) siglongjmp(recovery_, 1);
        fmt::print(stderr, "signal {} at {:x} address {}\n", signal, pc, fmt::ptr(info->si_addr));
        std::abort();
    }

    static inline Machine* current_ = nullptr;
    jit::Options options_;
    std::unique_ptr<jit::ReturnStack> return_stack_;
    ir::JumpCache jump_cache_;
    std::vector<u8> signal_stack_;
    State* running_ = nullptr;
    volatile bool translated_ = false;
    sigjmp_buf recovery_;
    u64 raise_value_ = 0;
};

// --- helpers -------------------------------------------------------------------------------------------------------------------

namespace helpers {

inline u64 mix(ir::StateHeader&, u64 a, u64 b, u64 c, u64) { return (a * 0x9e3779b97f4a7c15 ^ b) + (c << 7 | c >> 57); }
inline u64 mix32(ir::StateHeader&, u64 a, u64 b, u64, u64) { return a * 0x9e3779b97f4a7c15 ^ b << 9; }
inline u64 look(ir::StateHeader& header, u64 a, u64, u64, u64) {
    State& s = static_cast<State&>(header);
    return s.x[1] + s.x[4] * 3 + s.x[9] + s.w[0] + s.w[1] + s.v[0].lo + s.v[9].hi + s.flags + s.b + a;
}
inline u64 change(ir::StateHeader& header, u64 a, u64, u64, u64) {
    State& s = static_cast<State&>(header);
    s.x[2] ^= a, s.x[10] += s.x[3], s.v[1].lo += a, s.v[10].hi ^= s.x[2], s.w[1] += u32(a), s.flags = u32(a) & ir::flags_mask;
    return s.x[2] - 1;
}
inline u64 maybe_raise(ir::StateHeader& header, u64 a, u64, u64, u64) {
    if (a % 4 == 0) Machine::current().raise(header, a);
    return a ^ 0x55;
}
inline u64 everything(ir::StateHeader& header, u64 a, u64 b, u64 c, u64 d) {
    if (a % 8 == 0) Machine::current().raise(header, b);
    return change(header, a ^ look(header, c, 0, 0, 0), 0, 0, 0) + d;
}

inline const ir::Helper mix_row{"mix", reinterpret_cast<void*>(&mix), Type::i64, 3, false, false, false};
inline const ir::Helper mix32_row{"mix32", reinterpret_cast<void*>(&mix32), Type::i32, 2, false, false, false};
inline const ir::Helper look_row{"look", reinterpret_cast<void*>(&look), Type::i64, 1, true, false, false};
inline const ir::Helper change_row{"change", reinterpret_cast<void*>(&change), Type::none, 1, true, true, false};
inline const ir::Helper raise_row{"maybe_raise", reinterpret_cast<void*>(&maybe_raise), Type::i64, 1, false, false, true};
inline const ir::Helper all_row{"everything", reinterpret_cast<void*>(&everything), Type::i64, 4, true, true, true};

} // namespace helpers

} // namespace test_guest

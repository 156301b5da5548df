// SPDX-License-Identifier: MIT
// The x86-64 back end's face: compiles Functions into a code buffer, links them, enters them, and finds the exact guest state
// when one of them faults or a helper it called raises. The owner serialises everything that is not marked otherwise.
#pragma once
#include "common/result.h"
#include "ir/region.h"
#include "jit/backend.h"
#include "jit/code_buffer.h"
#include "jit/unit.h"

#include <functional>
#include <memory>
#include <optional>

namespace emu::jit {

class Compiler;
class ConstantPool;
class CounterPool;

class Jit {
public:
    static Result<std::unique_ptr<Jit>> create(const Options& options, ir::SlotTable slots);
    ~Jit();

    enum class Outcome : u8 {
        ok,
        full,          ///< flush() makes room
        too_complex,   ///< try fewer instructions
    };
    /// The unit stays until flush().
    Outcome compile(const ir::Function& function, Unit*& unit);
    /// These two compile into parts of the buffer of their own; nothing else is touched, so that one thread may do this while
    /// others do all but flush(). The unit is known, and its exits can be taken, after add(), in the order they were compiled.
    Outcome compile_ahead(const ir::Function& function, Unit*& unit);
    Outcome compile(const ir::Region& region, Unit*& unit);
    void add(Unit& unit, const fp::Env& env);
    /// What host code was made of, as text; of what was compiled last.
    std::string listing(const ir::Function& function) const;
    std::string listing(const ir::Region& region) const;

    /// Make the exit jump straight to `target`; an indirect one does so only for where it led first. Others may be running
    /// the code.
    void link(u32 site, Unit& target);
    /// The unit is not to be entered any more: exits linked to it leave to the vCPU loop again.
    void unlink(Unit& unit);
    const LinkSite& link_site(u32 number) const { return *site(number); }
    /// The back edge does not count any more; from now on it never leaves as hot.
    void stop_counting(u32 number);
    /// Drop all units. Nobody may be in translated code, and jump caches and return stacks must be emptied.
    void flush();
    /// See Backend::alone; for what is compiled from now on.
    void set_alone(bool alone) { backend_.alone = alone; }
    bool alone() const { return backend_.alone; }

    /// Empty a vCPU's jump cache and set up its return stack. Again after a flush, with the state's jit_stack at the top then.
    void prepare(ir::JumpCache& jump_cache, ReturnStack& stack) const;
    /// Run from `unit` until something leaves. Any thread, any number at a time.
    Leave enter(ir::StateHeader& state, const Unit& unit) const;
    /// What unused jump cache entries hold: a guest jump to address ~0 finds it and leaves.
    ir::JumpCacheEntry empty_entry() const { return {~u64(0), buffer_.exec() + backend_.routines.indirect_miss}; }
    const void* entry(const Unit& unit) const { return buffer_.exec() + unit.code; }

    // --- for other processes of the same build, options and host (persist.cpp)
    /// Append the units of tier 1 to `out`.
    void save(std::vector<u8>& out) const;
    /// Take over what save() wrote, into a fresh Jit; `env` is the FP environment of a mode. False: it makes no sense.
    bool restore(ConstBytes in, const std::function<fp::Env(u32 mode)>& env);
    /// Those of tier 1, whether valid or not.
    const std::vector<Unit*>& units() const { return plain().units; }

    // --- fork() of the process, with everybody else standing still: a copy of the code for the child, which the child takes
    Result<void> before_fork();
    void after_fork(bool in_child);

    // --- faults; these two may be called in a signal handler
    /// Is the host address inside translated code?
    bool contains(u64 host_pc) const { return buffer_.contains(host_pc); }
    /// Save the host registers of the context and make it continue by leaving with Leave::fault; `state` is the vCPU's.
    void redirect(ir::StateHeader& state, void* ucontext) const;
    /// A push onto a full return stack: empty the stack and go on. False if the fault is something else.
    static bool repair_stack(const ir::StateHeader& state, const ReturnStack& stack, u64 address, void* ucontext);

    /// After Leave::fault: make the state exact. False if that instruction was not expected to fault.
    bool recover(ir::StateHeader& state) const;
    /// In a helper that may raise: make the state exact as of the instruction that called it,
    bool recover_call(ir::StateHeader& state) const;
    /// and abandon the helper: enter() returns Leave::raised. Needs no lock.
    [[noreturn]] void leave_raised(ir::StateHeader& state) const;

    const Unit* find_by_host(u64 host_pc) const;
    ConstBytes code(const Unit& unit) const { return {buffer_.exec() + unit.code, unit.size}; }
    usize used() const;
    /// So much of the code is dead that it is better to flush.
    bool is_wasteful() const { return stale_ > least_stale && stale_ > live_; }
    const Backend& backend() const { return backend_; }

private:
    Jit(const Options& options, ir::SlotTable slots, CodeBuffer buffer);
    void patch(u32 at, u32 target);
    void store(u32 at, u64 bytes);
    void stray(LinkSite& site);
    /// Bytes that lie within eight aligned ones, in one store.
    void replace(u32 at, ConstBytes bytes);
    const fp::Env* intern(const fp::Env& env);
    bool recover_at(ir::StateHeader& state, u64 host_pc) const;

    /// A part of the buffer with its own assembler.
    struct Area {
        Assembler assembler;
        std::unique_ptr<ConstantPool> pool;
        Arena arena;                ///< of the units
        std::unique_ptr<Compiler> compiler;
        u32 first_unit = 0, end = 0;
        u32 settled = 0, ready = 0; ///< see CodeBuffer::settle, prepare: up to here
        std::vector<Unit*> units;   ///< in order of addresses
        std::vector<LinkSite*> sites;
        u32 links = 0;              ///< numbers of link sites that are taken; sites may not have them yet
        Area(u8* memory, usize size);
        ~Area();
        bool has_room(usize nodes) const;
        void clear();
    };
    /// The upper bits of a link site's number are its area's.
    static constexpr unsigned area_shift = 30;
    enum : u32 { plain_area, ahead_area, region_area, area_count };
    LinkSite* site(u32 number) const { return areas_[number >> area_shift]->sites[number & ((u32(1) << area_shift) - 1)]; }
    Area& plain() const { return *areas_[plain_area]; }
    Area& regions() const { return *areas_[region_area]; }
    template <class Code> Outcome compile_in(u32 area, const Code& code, usize nodes, Unit*& unit);
    void prepare(Area& area);
    void settle(Area& area);
    void set_up(u32 area, u32 at, u32 end, CounterPool* counters);

    Backend backend_;
    CodeBuffer buffer_;
    std::optional<CodeBuffer::Copy> fork_copy_;
    std::unique_ptr<CounterPool> counters_, ahead_counters_;
    std::array<std::unique_ptr<Area>, area_count> areas_;   ///< in the order of their addresses
    std::vector<std::unique_ptr<fp::Env>> envs_;
    static constexpr usize least_stale = usize(16) << 20;
    usize live_ = 0, stale_ = 0;   ///< bytes of units that may be entered, and of those that may not
};

} // namespace emu::jit

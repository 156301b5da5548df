// SPDX-License-Identifier: MIT
// A target that exists only to be talked about: two threads of A64, one page of memory.
#pragma once
#include "gdb/target.h"
#include "isa/a64/a64.h"
#include "isa/a64/debug.h"

#include <algorithm>
#include <cstring>

namespace emu::gdb {

struct ToyTarget final : Target {
    isa::RegisterFile file{isa::a64::debug_view, Endian::little};
    isa::a64::State state_of[2];
    std::vector<u8> memory = std::vector<u8>(4096);
    static constexpr u64 base = 0x1000;
    std::vector<Resume> resumed;
    bool interrupted = false, detached = false, killed = false;
    std::vector<u64> breakpoints;
    u64 passed = 0;

    const isa::RegisterFile& registers() const override { return file; }
    std::vector<u64> threads() override { return {1, 2}; }
    std::string thread_name(u64) override { return "a<b"; }
    ir::StateHeader* state(u64 thread) override { return thread == 1 || thread == 2 ? &state_of[thread - 1] : nullptr; }
    usize read(u64 address, Bytes to) override {
        if (address < base || address >= base + memory.size()) return 0;
        const usize size = std::min<usize>(to.size(), usize(base + memory.size() - address));
        std::memcpy(to.data(), memory.data() + (address - base), size);
        return size;
    }
    bool write(u64 address, ConstBytes from) override {
        if (address < base || address >= base + memory.size() || from.size() > base + memory.size() - address) return false;
        std::memcpy(memory.data() + (address - base), from.data(), from.size());
        return true;
    }
    bool set_breakpoint(u64 address, bool present) override {
        if (present) breakpoints.push_back(address);
        else std::erase(breakpoints, address);
        return true;
    }
    bool set_watch(WatchKind, u64, u64 size, bool) override { return size != 0; }
    void resume(std::span<const Resume> actions) override { resumed.assign(actions.begin(), actions.end()); }
    void interrupt() override { interrupted = true; }
    void detach() override { detached = true; }
    void kill() override { killed = true; }
    std::optional<std::string> object(std::string_view name, u64) override {
        return name == "auxv" ? std::optional<std::string>("vector") : std::nullopt;
    }
    std::vector<std::string_view> objects() const override { return {"auxv"}; }
    void pass_signals(u64 mask) override { passed = mask; }
    void catch_syscalls(std::optional<std::vector<u64>>) override {}
    bool has_syscalls() const override { return true; }
    int event_descriptor() const override { return -1; }
    std::optional<StopEvent> take_event() override { return std::nullopt; }
    void event_sent(const StopEvent&) override {}
};

} // namespace emu::gdb

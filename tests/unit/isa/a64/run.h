// SPDX-License-Identifier: MIT
// A few instructions in the IR interpreter: code at `origin`, data wherever the test has it (guest address = host address).
#pragma once
#include "ir/interpreter.h"
#include "isa/a64/a64.h"

#include <cstring>
#include <initializer_list>
#include <memory>
#include <vector>

namespace emu::test {

class A64 final : public isa::CodeReader {
public:
    static constexpr u64 origin = 0x10000;

    explicit A64(std::string_view model = "max") : memory_(0) {
        for (const isa::CpuModel& m : isa::a64::a64_isa.models)
            if (m.name == model) model_ = &m;
        state_ = std::make_unique<isa::a64::State>();
        state_->memory = &memory_;
        state_->pc = origin;
        isa::a64::a64_isa.reset(*state_, *model_);
    }

    isa::a64::State& operator*() { return *state_; }
    isa::a64::State* operator->() { return state_.get(); }
    const isa::CpuModel& model() const { return *model_; }

    /// Translate and run one unit at state().pc; the exit taken is returned by value.
    ir::Exit run(std::initializer_list<u32> words, unsigned max_insns = 64) {
        code_.assign(words);
        return go(max_insns);
    }
    ir::Exit go(unsigned max_insns = 64) {
        unit_ = {};
        const u32 mode = isa::a64::a64_isa.mode(*state_);
        unit_.slots = isa::a64::a64_isa.slots;
        unit_.mode = mode;
        unit_.fp = isa::a64::a64_isa.fp_env(mode);
        ir::Builder builder(unit_);
        isa::a64::a64_isa.translate(builder, {.pc = state_->pc, .mode = mode, .model = model_, .max_insns = max_insns, .code = this});
        wrong_ = ir::verify(unit_);
        return *ir::interpret(unit_, *state_, memory_);
    }
    const ir::Function& unit() const { return unit_; }
    const std::string& wrong() const { return wrong_; }

    bool read(u64 address, Bytes to) override {
        if (address < origin || address - origin + to.size() > code_.size() * 4) return false;
        std::memcpy(to.data(), reinterpret_cast<const u8*>(code_.data()) + (address - origin), to.size());
        return true;
    }

private:
    const isa::CpuModel* model_ = nullptr;
    std::unique_ptr<isa::a64::State> state_;
    ir::FlatMemory memory_;
    std::vector<u32> code_;
    ir::Function unit_;
    std::string wrong_;
};

} // namespace emu::test

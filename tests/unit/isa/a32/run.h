// SPDX-License-Identifier: MIT
// A few instructions in the IR interpreter: code at `origin`, data wherever the test has it (below 4 GiB).
#pragma once
#include "ir/interpreter.h"
#include "isa/a32/a32.h"

#include <cstring>
#include <initializer_list>
#include <memory>
#include <sys/mman.h>
#include <vector>

namespace emu::test {

class A32 final : public isa::CodeReader {
public:
    static constexpr u32 origin = 0x10000;

    explicit A32(std::string_view model = "max") : memory_(0) {
        for (const isa::CpuModel& m : isa::a32::a32_isa.models)
            if (m.name == model) model_ = &m;
        state_ = std::make_unique<isa::a32::State>();
        state_->memory = &memory_;
        state_->pc = origin;
        isa::a32::a32_isa.reset(*state_, *model_);
        data_ = static_cast<u32*>(::mmap(nullptr, 4096, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_32BIT, -1, 0));
    }
    ~A32() override { ::munmap(data_, 4096); }

    isa::a32::State& operator*() { return *state_; }
    isa::a32::State* operator->() { return state_.get(); }
    /// A page that guest addresses reach.
    u32* data() { return data_; }
    u32 data_address() const { return u32(u64(data_)); }

    /// Translate and run one unit at state().pc; the exit taken is returned by value.
    ir::Exit arm(std::initializer_list<u32> words) {
        code_.resize(4 * words.size());
        std::memcpy(code_.data(), std::data(words), code_.size());
        state_->pc = origin;
        return go();
    }
    ir::Exit thumb(std::initializer_list<u16> halves, u32 it = 0) {
        code_.resize(2 * halves.size());
        std::memcpy(code_.data(), std::data(halves), code_.size());
        state_->pc = origin | 1 | u64(it) << isa::a32::pc_it_shift;
        return go();
    }
    ir::Exit go() {
        unit_ = {};
        const u32 mode = isa::a32::a32_isa.mode(*state_);
        unit_.slots = isa::a32::a32_isa.slots;
        unit_.mode = mode;
        unit_.fp = isa::a32::a32_isa.fp_env(mode);
        ir::Builder builder(unit_);
        isa::a32::a32_isa.translate(builder, {.pc = state_->pc, .mode = mode, .model = model_, .max_insns = 64, .code = this});
        wrong_ = ir::verify(unit_);
        return *ir::interpret(unit_, *state_, memory_);
    }
    const ir::Function& unit() const { return unit_; }
    const std::string& wrong() const { return wrong_; }

    bool read(u64 address, Bytes to) override {
        if (address < origin || address - origin + to.size() > code_.size()) return false;
        std::memcpy(to.data(), code_.data() + (address - origin), to.size());
        return true;
    }

private:
    const isa::CpuModel* model_ = nullptr;
    std::unique_ptr<isa::a32::State> state_;
    ir::FlatMemory memory_;
    std::vector<u8> code_;
    ir::Function unit_;
    std::string wrong_;
    u32* data_;
};

} // namespace emu::test

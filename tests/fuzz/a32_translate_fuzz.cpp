// SPDX-License-Identifier: MIT
// Any bytes as A32 and T32 code: translation must end in valid IR, and running it in the interpreter must stay inside the state and
// the memory it is given.
#include "ir/interpreter.h"
#include "isa/a32/a32.h"
#include "isa/isa.h"

#include <algorithm>
#include <cstdlib>
#include <cstring>
#include <memory>
#include <new>
#include <setjmp.h>

using namespace emu;

namespace {

constexpr u64 code_base = 0x10000;

class Code final : public isa::CodeReader {
public:
    Code(const u8* data, usize size) : data_(data), size_(size) {}
    bool read(u64 address, Bytes to) override {
        if (address < code_base || address - code_base > size_ || to.size() > size_ - (address - code_base)) return false;
        std::memcpy(to.data(), data_ + (address - code_base), to.size());
        return true;
    }

private:
    const u8* data_;
    usize size_;
};

/// 4 KiB that repeat through the whole address space.
class Ram final : public ir::Memory {
public:
    ir::V128 load(u64 address, ir::MemFlags flags) override {
        ir::V128 v;
        std::memcpy(&v, at(address), flags.bytes());
        return v;
    }
    void store(u64 address, ir::MemFlags flags, ir::V128 value) override { std::memcpy(at(address), &value, flags.bytes()); }
    u64 rmw(u64 address, ir::MemFlags flags, ir::AtomicOp op, u64 operand) override {
        return flat_.rmw(u64(at(address & ~u64(15))), flags, op, operand);
    }
    ir::V128 cas(u64 address, ir::MemFlags flags, ir::V128 expected, ir::V128 desired) override {
        return flat_.cas(u64(at(address & ~u64(15))), flags, expected, desired);
    }

private:
    u8* at(u64 address) { return ram_ + (address & 4095); }
    alignas(16) u8 ram_[4096 + 16] = {};
    ir::FlatMemory flat_{0};
};

} // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    if (size < 1) return 0;
    const isa::Isa& guest = isa::a32::a32_isa;
    const isa::CpuModel& model = guest.models[data[0] % guest.models.size()];
    Code code(data + 1, size - 1);
    struct Free {
        void operator()(ir::StateHeader* p) const { std::free(p); }
    };
    void* raw = std::aligned_alloc(64, (guest.state_size + 63) / 64 * 64);
    std::memset(raw, 0, guest.state_size);
    std::unique_ptr<ir::StateHeader, Free> state(new (raw) ir::StateHeader);
    guest.reset(*state, model);
    Ram ram;
    state->memory = &ram;

    // The first byte's top bit chooses the instruction set.
    u64 pc = code_base | data[0] >> 7;
    for (int units = 0; units < 8; units++) {
        ir::Function function;
        function.pc = pc;
        function.mode = guest.mode(*state);
        function.slots = guest.slots;
        function.fp = guest.fp_env(function.mode);
        ir::Builder builder(function);
        guest.translate(builder, {.pc = pc, .mode = function.mode, .model = &model, .max_insns = 32, .code = &code});
        if (builder.open() || !ir::verify(function).empty()) std::abort();
        // Helpers may need a vCPU (cache maintenance, exclusive pairs): those units are only translated.
        if (!function.helpers.empty()) {
            pc = function.end | (pc & 1);
        } else {
            const ir::Exit* exit = ir::interpret(function, *state, ram);
            if (exit->kind == ir::ExitKind::trap) return 0;
            pc = state->pc;
        }
        if (u32(pc) < code_base || u32(pc) >= code_base + size) return 0;
    }
    return 0;
}

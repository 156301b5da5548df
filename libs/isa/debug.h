// SPDX-License-Identifier: MIT
// The registers of a guest as debuggers know them: each ISA declares them once, in a table, and whoever shows or changes
// registers by name or by a debugger's number (gdb stub, core files) reads that.
#pragma once
#include "common/bytes.h"
#include "ir/state.h"

#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace emu::isa {

/// A row: one register, or `count` of them whose names are numbered and which lie `stride` bytes apart.
struct DebugRegister {
    std::string_view name;
    u16 bits = 64;
    std::string_view type = "int";   ///< gdb's name of the type
    std::string_view group = {};     ///< "float", "vector", "general"; "": by its type
    u32 offset = 0;                  ///< in the state struct, in the host's byte order; or what get and set are given
    u8 count = 1;
    u8 stride = 8;
    std::string_view suffix = {};    ///< behind the number: "ymm0h"
    /// For what is not stored as it is shown; little-endian values of bits / 8 bytes.
    void (*get)(const ir::StateHeader& state, u32 which, Bytes value) = nullptr;
    void (*set)(ir::StateHeader& state, u32 which, ConstBytes value) = nullptr;
};

/// Registers that belong together by gdb's documentation ("Standard Target Features"), and the types they need.
struct DebugFeature {
    std::string_view name;
    std::span<const DebugRegister> registers;
    std::string_view types = {};     ///< as the target description has them
};

struct DebugView {
    std::string_view architecture;   ///< gdb's name
    std::span<const DebugFeature> features;
    std::string_view stack_pointer;  ///< names of the registers that stop replies bring along
    std::string_view frame_pointer;
    /// The address in memory that a pc stands for, where pc holds more than that; null: they are the same.
    u64 (*code_address)(u64 pc) = nullptr;
    bool watch_before = false;       ///< a watchpoint is reported before the access happens (gdb steps over it)
};

/// The rows of a view, numbered as gdb numbers them.
class RegisterFile {
public:
    RegisterFile(const DebugView& view, Endian order);

    usize count() const { return registers_.size(); }
    usize bytes(usize number) const { return registers_[number].row->bits / 8u; }
    const std::string& name(usize number) const { return registers_[number].name; }
    const DebugRegister& row(usize number) const { return *registers_[number].row; }
    const DebugFeature& feature(usize number) const { return *registers_[number].feature; }
    const DebugView& view() const { return view_; }
    std::optional<usize> find(std::string_view name) const;

    /// Of `bytes(number)` bytes, in the guest's byte order.
    void read(const ir::StateHeader& state, usize number, Bytes to) const;
    void write(ir::StateHeader& state, usize number, ConstBytes from) const;

private:
    struct Register {
        std::string name;
        const DebugRegister* row;
        const DebugFeature* feature;
        u32 which;                   ///< offset, or argument of get and set
    };
    const DebugView& view_;
    Endian order_;
    std::vector<Register> registers_;
};

} // namespace emu::isa

// SPDX-License-Identifier: MIT
// What is known of guest slots where a block of a region begins, and how it is found: each exit of a block is described on its
// own when the block is first translated (describe_exit), the descriptions are joined over all ways in (meet), starting from
// "anything", until nothing changes.
#pragma once
#include "ir/builder.h"

#include <vector>

namespace emu::ir {

/// An operand of a form: a constant, or the value of a slot minus `plus` (its low half, if the operand is an i32), for any of
/// the origins; if there are none, a slot of the region has it.
struct FactOperand {
    struct Origin {
        u16 slot = 0;
        s64 plus = 0;
        bool operator==(const Origin&) const = default;
    };
    Type type = Type::none;
    bool constant = false;
    u64 bits = 0;
    std::vector<Origin> origins;
    bool operator==(const FactOperand&) const = default;
};

struct Fact {
    enum Form : u8 {
        any,        ///< no way in seen yet
        nothing,    ///< whatever
        constant,   ///< bits
        pure,       ///< the result of `op` on args
    } form = nothing;
    V128 bits;
    Op op = Op::imm;
    u16 aux = 0;
    FactOperand args[2];

    static Fact of(Form form) {
        Fact f;
        f.form = form;
        return f;
    }
    bool operator==(const Fact&) const = default;
};

/// Values of the ISA's slots at an exit. Slots that are not listed hold what they held at the start of the block, or
/// `otherwise`.
struct ExitFacts {
    struct Entry {
        u16 slot = 0;
        bool copy = false;   ///< what slot `from` held at the start of the block
        u16 from = 0;
        Fact fact;
    };
    std::vector<Entry> entries;
    bool forgot = false;
};

ExitFacts describe_exit(const Builder& builder, unsigned slots);

/// What slot `slot` is at the exit, if `entry` is known at the start of the block.
Fact fact_at_exit(const ExitFacts& exit, unsigned slot, const std::vector<Fact>& entry);

/// What holds if either does. `type` is the slot's.
Fact meet(const Fact& a, const Fact& b, Type type);

} // namespace emu::ir

// SPDX-License-Identifier: MIT
// Helpers that the back end replaces by an instruction of the host's x87 (jit/emit_x87.cpp): known by their names. Their first
// argument is a constant with the escape opcode in the lowest byte and ModRM above it; the rest of it is for the function, which
// the interpreter calls.
#pragma once
#include "ir/ir.h"

#include <algorithm>

namespace emu::ir {

enum class X87Form : u8 {
    none,
    stack,      ///< on registers
    memory,     ///< second argument: the guest address
    move_if,    ///< FCMOV; second argument: the condition
    compare,    ///< FCOMI and the like; result: an EFLAGS token
    status,     ///< FNSTSW AX; result: the status word
};
inline constexpr std::string_view x87_helper_names[] = {"", "x87", "x87_memory", "x87_move_if", "x87_compare", "x87_status"};
inline X87Form x87_form(const Helper& helper) {
    if (!helper.name.starts_with("x87")) return X87Form::none;
    const auto* found = std::find(std::begin(x87_helper_names), std::end(x87_helper_names), helper.name);
    return found == std::end(x87_helper_names) ? X87Form::none : X87Form(found - std::begin(x87_helper_names));
}

/// The slot (i32) that says that the guest's x87 registers are in the host's while translated code runs. Outside of it they are
/// behind the slot, as FNSAVE writes them.
inline constexpr std::string_view host_x87_slot = "host_x87";
inline constexpr u32 host_x87_image_at = 4;

} // namespace emu::ir

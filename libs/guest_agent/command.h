// SPDX-License-Identifier: MIT
// The commands, one row each (command_table.cpp).
#pragma once
#include "guest_agent/protocol.h"

#include <span>

namespace emu::guest_agent {

class Agent;

struct Command {
    enum Flags : u8 {
        while_frozen = 1, ///< touches no file system: allowed while they are frozen
        no_reply = 2,     ///< success says nothing
        delimited = 4,    ///< byte 0xFF in front of the reply
        absent = 8,       ///< listed, but not of this system
    };
    std::string_view name;
    Result<Json> (*run)(Agent& agent, const Arguments& arguments) = nullptr;
    std::span<const Parameter> parameters = {};
    u8 flags = 0;
};

/// All of them, in the order they are listed.
std::span<const Command> commands();
const Command* find_command(std::string_view name);

} // namespace emu::guest_agent

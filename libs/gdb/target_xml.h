// SPDX-License-Identifier: MIT
#pragma once
#include "isa/debug.h"

namespace emu::gdb {

/// The target description that gdb reads first ("Target Description Format" in its manual).
std::string target_xml(const isa::RegisterFile& registers, std::string_view os_abi);

} // namespace emu::gdb

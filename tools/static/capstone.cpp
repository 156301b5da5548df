// SPDX-License-Identifier: MIT
// The disassembler for programs that load no shared libraries.
#include "cpu/capstone.h"

namespace {

[[maybe_unused]] const bool linked = [] {
    static emu::cpu::Capstone capstone;
    capstone.cs_open = ::cs_open;
    capstone.cs_close = ::cs_close;
    capstone.cs_disasm = ::cs_disasm;
    capstone.cs_free = ::cs_free;
    emu::cpu::linked_capstone = &capstone;
    return true;
}();

} // namespace

// SPDX-License-Identifier: MIT
// What -d in_asm, op and out_asm print: guest code, its IR and the host code made of it.
#pragma once
#include "common/result.h"
#include "ir/region.h"
#include "isa/isa.h"

namespace emu::cpu {

/// Is any of the three items on? One branch where they are off.
bool wants_dump();

/// Print only code in these ranges: "first..last", "first+size" or "first-size" with commas between them; "" is all.
Result<void> set_dump_filter(std::string_view ranges);

/// Print what is asked for. `host` is empty where there is no host code (interpreter).
void dump_unit(const isa::Isa& isa, const ir::Function& function, isa::CodeReader& code, ConstBytes host, const void* host_address);

/// Instructions as text, one a line: "address: bytes  text".
std::string disassemble_host(ConstBytes code, u64 address);
std::string disassemble_guest(const isa::Isa& isa, ConstBytes code, u64 address);

/// The same of a region.
void dump_region(const isa::Isa& isa, const ir::Region& region, isa::CodeReader& code, ConstBytes host, const void* host_address);

} // namespace emu::cpu

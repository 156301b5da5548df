// SPDX-License-Identifier: MIT
// What -d in_asm, op, op_opt and out_asm print: guest code, its IR and the host code made of it; exec and cpu: where it is run.
#pragma once
#include "common/log.h"
#include "common/result.h"
#include "ir/region.h"
#include "isa/debug.h"
#include "isa/isa.h"

#include <functional>

namespace emu::cpu {

/// Is any of the items on that are about translation? One branch where they are off.
inline bool wants_dump() { return log::enabled(log::Item::in_asm, log::Item::op, log::Item::op_opt, log::Item::out_asm); }
/// Or of those about execution?
inline bool wants_entry() { return log::enabled(log::Item::exec, log::Item::cpu); }

/// The guest's addresses [first, second) that code was read from.
using CodeRanges = std::span<const std::pair<u64, u64>>;

/// Print only what is about code in these ranges: "first..last", "first+size" or "first-size" with commas between them; "" is all.
Result<void> set_dump_filter(std::string_view ranges);

/// Print what is asked for. `host` is empty where there is no host code (interpreter); `optimised` makes the text for op_opt.
using MakeText = std::function<std::string()>;
void dump_unit(const isa::Isa& isa, const ir::Function& function, isa::CodeReader& code, ConstBytes host, const void* host_address,
               const MakeText& optimised);
/// The unit at state.pc is run next: its line, and the registers of the view that was set (null: none).
void dump_entry(const isa::Isa& isa, const ir::StateHeader& state, u32 insns, CodeRanges ranges);
void set_dump_registers(const isa::DebugView* view);

/// Instructions as text, one a line: "address: bytes  text". The bits of `pc` that are no address may say of which set.
std::string disassemble_host(ConstBytes code, u64 address);
std::string disassemble_guest(const isa::Isa& isa, ConstBytes code, u64 address, u64 pc = 0);

/// The same of a region.
void dump_region(const isa::Isa& isa, const ir::Region& region, isa::CodeReader& code, ConstBytes host, const void* host_address,
                 const MakeText& optimised);

} // namespace emu::cpu

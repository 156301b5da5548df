// SPDX-License-Identifier: MIT
// IR as text. A node is one line: "%7 = i64 add %3, %5", constants written as #hex, aux as ".hex" after the op where it is
// not zero, slots by name. The header line carries what translation depends on; exits are spelled out where they are used.
#include "ir/text.h"

#include <fmt/format.h>
#include <iterator>

namespace emu::ir {

namespace {

std::string exit_text(const Exit& e) {
    std::string text = fmt::format("{} pc={:#x}", exit_names[unsigned(e.kind)], e.pc);
    if (e.code) text += fmt::format(" code={}", e.code);
    if (e.ret) text += fmt::format(" ret={:#x}", e.ret);
    if (e.block) text += fmt::format(" block={}", e.block - 1);
    if (e.inner) text += " inner";
    if (e.inlined) text += " inlined";
    return text;
}

} // namespace

std::string print(const Function& f, Id id) {
    const Node& n = f.nodes[id];
    std::string line;
    auto out = std::back_inserter(line);
    if (n.type != Type::none) fmt::format_to(out, "%{} = {} ", id, type_names[unsigned(n.type)]);
    fmt::format_to(out, "{}", info(n.op).name);
    if (n.aux) fmt::format_to(out, ".{:x}", n.aux);
    switch (n.op) {
    case Op::imm: fmt::format_to(out, " #{:x}", n.imm()); return line;
    case Op::vimm: fmt::format_to(out, " #{:016x}:{:016x}", f.vectors[n.a].hi, f.vectors[n.a].lo); return line;
    case Op::insn: fmt::format_to(out, " #{:x} #{:x}", n.imm(), n.c); return line;
    case Op::get: fmt::format_to(out, " {}", f.slots[n.a].name); return line;
    case Op::set: fmt::format_to(out, " {}, %{}", f.slots[n.a].name, n.b); return line;
    case Op::call:
        fmt::format_to(out, " {}", f.helpers[n.a]->name);
        for (unsigned i = 0; i < f.helpers[n.a]->args; i++) fmt::format_to(out, ", %{}", f.extra[n.b + i]);
        return line;
    case Op::exit_if: fmt::format_to(out, " %{}, {}", n.a, exit_text(f.exits[n.b])); return line;
    case Op::exit:
        fmt::format_to(out, " {}", exit_text(f.exits[n.a]));
        if (n.b) fmt::format_to(out, ", %{}", n.b);
        return line;
    default: break;
    }
    const u32 fields[3] = {n.a, n.b, n.c};
    for (unsigned i = 0; i < info(n.op).args.size(); i++) fmt::format_to(out, "{} %{}", i ? "," : "", fields[i]);
    return line;
}

std::string print(const Function& f) {
    std::string text = fmt::format("unit {:#x} end {:#x} mode {:#x}\n", f.pc, f.end, f.mode);
    for (Id id = 1; id < f.nodes.size(); id++) text += print(f, id) + '\n';
    return text;
}

} // namespace emu::ir

// SPDX-License-Identifier: MIT
// IR as the emitters saw it (-d op_opt), in the text form of ir/print.cpp: operands are what they stand for, and nodes that no
// host code is made of are left out. "lazy" marks those that are computed where something needs them. Numbers past the function's
// nodes are what pinned slots hold at the start or after a call. ".8000" of a comparison: it compares its own result (undo_aux).
#include "jit/compiler.h"
#include "jit/jit.h"

#include <fmt/format.h>

namespace emu::jit {

namespace {

bool is_emitted(const ir::Function& function, const Analysis& analysis, Id id) {
    switch (const ir::Op op = function.nodes[id].op) {
    case ir::Op::set: return analysis.info[id].plan != Plan::skip;
    case ir::Op::insn: return true;
    case ir::Op::get: case ir::Op::imm: case ir::Op::vimm: return analysis.info[id].uses != 0;
    default: return ir::effect_of(op) != ir::Effect::pure || analysis.info[id].plan != Plan::skip;
    }
}

std::string list(const ir::Function& function, const Analysis& analysis) {
    ir::Function seen = function;
    seen.nodes = analysis.nodes;
    seen.extra = analysis.extra;
    std::string text;
    auto pseudos = [&, at = usize(0)](Id id) mutable {
        for (; at < analysis.pseudos.size() && analysis.pseudos[at].at == id; at++)
            if (const Id value = analysis.pseudos[at].value; analysis.info[value].uses) text += ir::print(seen, value) + '\n';
    };
    pseudos(0);
    for (Id id = 1; id < function.nodes.size(); id++) {
        if (is_emitted(function, analysis, id)) {
            text += ir::print(function.nodes[id].op == ir::Op::insn ? function : seen, id);
            text += analysis.info[id].plan == Plan::lazy ? "  lazy\n" : "\n";
        }
        pseudos(id);
    }
    return text;
}

} // namespace

std::string Compiler::listing(const ir::Function& function) const {
    const std::string head = fmt::format("unit {:#x} end {:#x} mode {:#x}\n", function.pc, function.end, function.mode);
    return head + list(function, contexts_[0]->analysis);
}

std::string Compiler::listing(const ir::Region& region) const {
    std::string text;
    for (usize i = 0; i < region.blocks.size(); i++) {
        const ir::Function& function = region.blocks[i]->function;
        const u32 call = region.blocks[i]->call;
        text += fmt::format("block {} unit {:#x} end {:#x}{}\n", i, function.pc, function.end, call ? fmt::format(" inlined {}", call) : "");
        text += list(function, contexts_[i]->analysis);
    }
    return text;
}

std::string Jit::listing(const ir::Function& function) const { return plain().compiler->listing(function); }
std::string Jit::listing(const ir::Region& region) const { return regions().compiler->listing(region); }

} // namespace emu::jit

// SPDX-License-Identifier: MIT
// From guest code to one unit of IR: a superblock that goes on past conditional branches (their taken side leaves) and short
// forward branches, and ends at calls, returns, indirect branches and whatever changes how code is read.
#include "isa/a64/translate.h"
#include "isa/superblock.h"

#include <algorithm>

namespace emu::isa::a64 {

namespace {

constexpr u64 page = 4096;
/// Advanced SIMD and floating point: data processing (op0 x111) and loads and stores (op0 x1x0) with V set.
bool is_fp_simd(u32 word) {
    const u32 op0 = word >> 25 & 15;
    return (op0 & 7) == 7 || ((op0 & 5) == 4 && (word >> 26 & 1));
}

void translate_insn(Unit& u, u64 features) {
    if (u.mode() & mode::fp_trapped && is_fp_simd(u.raw)) return u.ir.trap(trap_fp_access, u.pc, u.ir.imm64(u.raw));
    const Found<Insn> row = decode(u.raw, features);
    if (row) row.semantic(u, row->fields(u.raw));
    else u.unallocated();
}

} // namespace

void Unit::unallocated() { ir.trap(u32(Trap::undefined), pc, ir.imm64(raw)); }

void Unit::accumulate_saturation(Val exact, Val saturated) {
    Val differs = ir.v2(Op::vxor, Lane::i64, exact, saturated);
    ir.set(slot_fpsr_qc, ir.v2(Op::vor, Lane::i64, ir.get(slot_fpsr_qc), differs));
}

void translate(ir::Builder& builder, const TranslateRequest& request) {
    Unit u(builder, request);
    ir::Function& function = builder.function();
    function.pc = function.end = request.pc;
    function.insns = 0;
    if (request.pc & 3) return builder.trap(u32(Trap::misaligned), request.pc, builder.imm64(request.pc));
    u64 pc = request.pc;
    while (builder.open()) {
        u8 bytes[4];
        // A machine's next page may be mapped anew without this unit hearing of it.
        const bool next_page = request.system && pc / page != request.pc / page;
        const bool full = function.insns >= std::max(request.max_insns, 1u) || function.exits.size() >= most_side_exits;
        const bool known = pc != request.pc && request.known && request.known->has(pc, request.mode);
        const bool leader = function.insns && std::binary_search(request.leaders.begin(), request.leaders.end(), pc);
        if (full || next_page || known || leader || !request.code->read(pc, bytes)) {
            if (function.insns) builder.jump(pc);
            else builder.trap(u32(Trap::fetch_fault), pc, builder.imm64(pc));
            break;
        }
        u.pc = pc;
        u.raw = u32(bytes[0]) | u32(bytes[1]) << 8 | u32(bytes[2]) << 16 | u32(bytes[3]) << 24;
        u.next = pc + 4;
        note_range(function, pc, pc + 4);
        builder.insn(pc, u.raw);
        translate_insn(u, request.model->features);
        pc = u.next;
    }
}

} // namespace emu::isa::a64

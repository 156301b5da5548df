// SPDX-License-Identifier: MIT
// From guest code to one unit of IR: a superblock, as for A64 (isa/a64/translate.cpp), of instructions of 1 to 15 bytes.
#include "isa/superblock.h"
#include "isa/x86/helpers.h"
#include "isa/x86/tables.h"
#include "isa/x86/unit.h"
#include "isa/x86/x86.h"

#include <algorithm>
#include <array>
#include <cstring>

namespace emu::isa::x86 {

namespace {

constexpr usize longest = 15;
/// Instruction bytes at pc: as many of the longest as can be fetched.
class Fetch {
public:
    Fetch(CodeReader& code, u64 mask) : code_(code), mask_(mask) {}
    ConstBytes at(u64 pc) {
        if (code_.read(pc, bytes_)) return bytes_;
        usize n = 0;
        while (n < longest && code_.read((pc + n) & mask_, Bytes(bytes_).subspan(n, 1))) n++;
        return ConstBytes(bytes_).first(n);
    }

private:
    CodeReader& code_;
    u64 mask_;
    std::array<u8, longest> bytes_{};
};

/// MMX registers are the fractions of the x87 ones (SDM volume 1, 9.5). A translation is for one use of them: an instruction of
/// the other kind changes over and is translated anew.
bool changes_register_use(Unit& u) {
    const Insn& insn = u.insn;
    bool mmx = false;
    for (unsigned k = 0; k < insn.operands->count; k++) {
        const Kind kind = u.spec(k).kind;
        mmx |= kind == Kind::P || kind == Kind::N || (kind == Kind::Q && !insn.is_memory());
    }
    const bool x87 = insn.row->features == feature::x87;
    if (!(u.mmx_mode() ? x87 : mmx)) return false;
    u.ir.call(u.mmx_mode() ? helper_leave_mmx : helper_enter_mmx);
    u.ir.sync(u.pc);
    return true;
}

/// With an SSE exception unmasked, what an instruction raised is looked at before its results count (SDM volume 1, 11.5.2).
void checked_semantic(Unit& u) {
    const Insn& insn = u.insn;
    ir::Builder& ir = u.ir;
    auto vector = [](const OperandSpec& o) { return o.kind == Kind::V || o.kind == Kind::W || o.kind == Kind::U; };
    if (!std::any_of(insn.operands->at.begin(), insn.operands->at.end(), vector)) return insn.row->semantic(u);
    // The destination comes first; VCVTPS2PH's is ModRM.rm.
    const unsigned n = insn.operands->at[0].kind == Kind::W ? insn.rm() : insn.reg();
    const unsigned results[] = {slot_xmm + n, slot_ymm_high + n, slot_gpr + n, slot_flags};
    std::array<Val, std::size(results)> before, after;
    ir.call(helper_simd_begin);
    for (usize i = 0; i < before.size(); i++) before[i] = ir.get(results[i]);
    insn.row->semantic(u);
    if (!ir.open()) return;
    Val raised = ir.ne(ir.call(helper_simd_check), ir.imm64(0));
    for (usize i = 0; i < before.size(); i++) after[i] = ir.get(results[i]), ir.set(results[i], before[i]);
    ir.exit_if(raised, {ir::ExitKind::trap, trap_simd, u.pc, 0});
    for (usize i = 0; i < before.size(); i++) ir.set(results[i], after[i]);
}

/// Decode and build one instruction; false: its bytes cannot all be fetched.
bool translate_insn(Unit& u, ConstBytes code, u64 features, ir::Function& function) {
    Insn& insn = u.insn;
    const Decoded outcome = decode(code, u.mode64(), features, insn);
    if (outcome == Decoded::truncated) return false;
    const unsigned length = outcome == Decoded::ok ? insn.length : unsigned(code.size());
    u.next = u.pc + length;
    if (!u.mode64()) u.next = u32(u.next);
    note_range(function, u.pc, u.pc + length);
    u32 raw = 0;
    std::memcpy(&raw, code.data(), std::min(length, 4u));
    u.ir.insn(u.pc, raw);
    if (outcome != Decoded::ok) u.undefined();
    else if (!changes_register_use(u)) u.in_mode(mode::fp_trapped) ? checked_semantic(u) : insn.row->semantic(u);
    if (!u.ir.open()) drop_unreached(function);
    return true;
}

} // namespace

void translate(ir::Builder& builder, const TranslateRequest& request) {
    Unit u(builder, request);
    ir::Function& function = builder.function();
    function.pc = function.end = request.pc;
    function.insns = 0;
    Fetch fetch(*request.code, u.mode64() ? ~u64(0) : 0xffffffff);
    u64 pc = request.pc;
    while (builder.open()) {
        const bool full = function.insns >= std::max(request.max_insns, 1u) || function.exits.size() >= most_side_exits;
        const bool leader = function.insns && std::binary_search(request.leaders.begin(), request.leaders.end(), pc);
        if (full || leader || (pc != request.pc && request.known && request.known->has(pc, request.mode))) {
            builder.jump(pc);
            break;
        }
        u.pc = pc;
        const ConstBytes code = fetch.at(pc);
        if (!translate_insn(u, code, request.model->features, function)) {
            if (function.insns) builder.jump(pc);
            else builder.trap(u32(Trap::fetch_fault), pc, builder.imm64(pc + code.size()));
            break;
        }
        pc = u.next;
    }
}

std::span<const std::span<const Row>> decode_tables() {
    static const std::array<std::span<const Row>, 11> tables = {table_integer,     table_system,      table_string,     table_bits,
                                                                table_x87,         table_mmx_sse_move, table_sse_float, table_sse_integer,
                                                                table_sse4,        table_crypto,      table_avx};
    return tables;
}

} // namespace emu::isa::x86

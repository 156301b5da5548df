// SPDX-License-Identifier: MIT
// Instructions of the host's x87, whose registers hold the guest's while such code runs (ir/host_x87.h; the common routines save
// and load them when translated code is left and entered).
#include "ir/host_x87.h"
#include "jit/compiler.h"

namespace emu::jit {

using ir::X87Form;

namespace {
constexpr u8 modrm_reg = 0x38;
}

/// An instruction of this escape opcode and ModRM.reg with a memory operand.
void Compiler::emit_x87_memory(u8 escape, u8 modrm, const Xbyak::RegExp& at) {
    const u32 begin = a.pos();
    a.fadd(a.dword[at]); // D8 /0: its address is kept, after prefixes
    usize opcode = begin;
    while (a.getCode()[opcode] != 0xd8) opcode++;
    a.rewrite(opcode, escape, 1);
    a.rewrite(opcode + 1, u8(a.getCode()[opcode + 1] | (modrm & modrm_reg)), 1);
}

/// `id` calls one of the helpers that stand for instructions.
void Compiler::emit_x87(Id id) {
    const ir::Node& n = node(id);
    const ir::Helper& helper = *f_->helpers[n.a];
    u64 what = 0;
    constant(analysis_->extra[n.b], what);
    const u8 escape = u8(what), modrm = u8(what >> 8);
    const Id second = helper.args > 1 ? analysis_->extra[n.b + 1] : 0;
    switch (ir::x87_form(helper)) {
    case X87Form::memory: {
        const Xbyak::RegExp at = address(second);
        const u32 begin = a.pos();
        emit_x87_memory(escape, modrm, at);
        record_snapshot(begin, a.pos());
        return consume(id);
    }
    case X87Form::move_if: { // FCMOVNE after the condition's test
        const Reg condition = use(second);
        a.test(a.d(condition), a.d(condition));
        a.db(0xdb), a.db(0xc8 | (modrm & 7));
        return consume(id);
    }
    case X87Form::status:
        take(rax);
        a.fnstsw(a.ax);
        a.movzx(a.eax, a.ax);
        consume(id);
        return assign(id, rax);
    case X87Form::compare:
        take(rax);
        a.db(escape), a.db(modrm);
        a.lahf(); // OF, SF and AF are cleared
        a.and_(a.eax, u32(ir::eflag_cf | ir::eflag_fixed | ir::eflag_pf | ir::eflag_zf));
        consume(id);
        return assign(id, rax);
    default:
        a.db(escape), a.db(modrm);
        return consume(id);
    }
}

} // namespace emu::jit

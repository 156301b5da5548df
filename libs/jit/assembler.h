// SPDX-License-Identifier: MIT
// The assembler: Xbyak over the code buffer, registers by number, and forward jumps that cost no label table.
#pragma once
#include "common/types.h"
#include "jit/vector_ops.h"

#define XBYAK_NO_EXCEPTION
#define XBYAK_NO_OP_NAMES
#include <xbyak/xbyak.h>

namespace emu::jit {

/// A host register: 0-15 general, 16-31 xmm. Numbered as the encodings are.
using Reg = u8;
using RegMask = u32;
enum : Reg { rax, rcx, rdx, rbx, rsp, rbp, rsi, rdi, r8, r9, r10, r11, r12, r13, r14, r15, xmm0, no_reg = 0xff };
constexpr bool is_xmm(Reg r) { return r >= 16; }
constexpr RegMask bit_of(Reg r) { return RegMask(1) << r; }

/// Condition codes as the instructions encode them; cc ^ 1 is the opposite.
enum Cc : u8 { cc_o, cc_no, cc_b, cc_ae, cc_e, cc_ne, cc_be, cc_a, cc_s, cc_ns, cc_p, cc_np, cc_l, cc_ge, cc_le, cc_g };
constexpr Cc inverse(Cc cc) { return Cc(cc ^ 1); }

/// Position of a 32-bit relative displacement that is to be filled in.
using Fixup = u32;

class Assembler : public Xbyak::CodeGenerator {
public:
    /// Writes go to `rw`; since code is only addressed relative to itself, it runs at another mapping of the same bytes too.
    Assembler(u8* rw, usize size) : CodeGenerator(size, rw) {}

    u32 pos() const { return u32(getSize()); }
    void rewind(u32 to) { setSize(to); }

    static Xbyak::Reg64 q(Reg r) { return Xbyak::Reg64(r); }
    static Xbyak::Reg32 d(Reg r) { return Xbyak::Reg32(r); }
    static Xbyak::Reg16 w(Reg r) { return Xbyak::Reg16(r); }
    static Xbyak::Reg8 b(Reg r) { return Xbyak::Reg8(r, r >= 4 && r < 8); }
    static Xbyak::Xmm x(Reg r) { return Xbyak::Xmm(r - 16); }
    /// 64-bit register if `wide`, else 32-bit.
    static Xbyak::Reg i(Reg r, bool wide) { return wide ? Xbyak::Reg(q(r)) : Xbyak::Reg(d(r)); }

    // --- jumps inside the buffer
    Fixup jcc_forward(Cc cc) {
        db(0x0f), db(0x80 | cc), dd(0);
        return pos() - 4;
    }
    Fixup jmp_forward() {
        db(0xe9), dd(0);
        return pos() - 4;
    }
    void set_target(Fixup at, u32 target) { rewrite(at, u64(s64(target) - s64(at + 4)) & 0xffffffff, 4); }
    void bind(Fixup at) { set_target(at, pos()); }
    void jcc_to(Cc cc, u32 target) { set_target(jcc_forward(cc), target); }
    void jmp_to(u32 target) { set_target(jmp_forward(), target); }
    void call_to(u32 target) {
        db(0xe8), dd(0);
        set_target(pos() - 4, target);
    }

    // --- conditional moves and sets by number
    void setcc(Cc cc, Reg to) {
        db(0x40 | (to >> 3)), db(0x0f), db(0x90 | cc), db(0xc0 | (to & 7));
    }
    void cmov(Cc cc, Reg to, Reg from, bool wide) {
        db(0x40 | (wide ? 8 : 0) | (to >> 3) << 2 | (from >> 3)), db(0x0f), db(0x40 | cc), db(0xc0 | (to & 7) << 3 | (from & 7));
    }
    // --- vector instructions by encoding
    /// Source operand: a register, or memory in the code buffer (constants) or relative to r15 (guest state).
    struct Src {
        Reg reg = no_reg;
        u32 place = 0;
        s32 disp = 0;
        constexpr Src(Reg r) : reg(r) {}
        static Src pool(u32 place) {
            Src s(no_reg);
            s.place = place;
            return s;
        }
        static Src state(s32 disp) {
            Src s(no_reg);
            s.disp = disp;
            return s;
        }
    };
    /// VEX form: to = left OP right. `immediates`: bytes that follow (for addresses relative to the end).
    void vex(VecOp o, Reg to, Reg left, Src right, unsigned immediates = 0) {
        const u8 r = to & 15, v = left & 15, b = base_bits(right);
        if (o.map == 1 && !o.w && b < 8) {
            db(0xc5), db((r < 8 ? 0x80 : 0) | (~v & 15) << 3 | o.prefix);
        } else {
            db(0xc4), db((r < 8 ? 0x80 : 0) | 0x40 | (b < 8 ? 0x20 : 0) | o.map), db(o.w << 7 | (~v & 15) << 3 | o.prefix);
        }
        db(o.opcode);
        mod_rm(r, right, immediates);
    }
    /// Legacy form: to OP= right.
    void sse(VecOp o, Reg to, Src right, unsigned immediates = 0) {
        static constexpr u8 prefixes[] = {0, 0x66, 0xf3, 0xf2};
        if (o.prefix) db(prefixes[o.prefix]);
        const u8 r = to & 15, b = base_bits(right);
        if (r >= 8 || b >= 8 || o.w) db(0x40 | o.w << 3 | (r >> 3) << 2 | b >> 3);
        db(0x0f);
        if (o.map == 2) db(0x38);
        if (o.map == 3) db(0x3a);
        db(o.opcode);
        mod_rm(r, right, immediates);
    }
    /// Shift by an immediate; legacy form if `to` is `from` and !avx.
    void shift_lanes(bool avx, ShiftKind kind, unsigned lane_bits, Reg to, Reg from, unsigned count) {
        const u8 opcode = lane_bits == 16 ? 0x71 : lane_bits == 32 ? 0x72 : 0x73;
        const VecOp o{1, 1, opcode};
        if (avx) vex(o, Reg(16 + unsigned(kind)), to, from, 1);
        else sse(o, Reg(16 + unsigned(kind)), to, 1);
        db(int(count));
    }

    /// Load a constant without touching the flags.
    void mov_imm(Reg to, u64 value) {
        if (value == u32(value)) mov(d(to), u32(value));
        else if (s64(value) == s32(value)) mov(q(to), value);
        else db(0x48 | (to >> 3)), db(0xb8 | (to & 7)), dq(value);
    }

private:
    static u8 base_bits(const Src& s) { return s.reg != no_reg ? s.reg & 15 : s.place ? 0 : u8(jit::r15); }
    void mod_rm(u8 reg, const Src& s, unsigned immediates) {
        const int field = (reg & 7) << 3;
        if (s.reg != no_reg) {
            db(0xc0 | field | (s.reg & 7));
        } else if (s.place) {
            db(field | 5);
            dd(s.place - (pos() + 4 + immediates));
        } else if (s.disp == s8(s.disp)) {
            db(0x40 | field | (jit::r15 & 7)), db(u8(s.disp));
        } else {
            db(0x80 | field | (jit::r15 & 7)), dd(u32(s.disp));
        }
    }
};

} // namespace emu::jit

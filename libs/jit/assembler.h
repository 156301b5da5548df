// SPDX-License-Identifier: MIT
// The assembler: Xbyak over the code buffer, registers by number, and forward jumps that cost no label table.
#pragma once
#include "common/result.h"
#include "common/types.h"
#include "jit/vector_ops.h"

#include <bit>
#include <cstring>

#define XBYAK_NO_EXCEPTION
#define XBYAK_NO_OP_NAMES
#include <xbyak/xbyak.h>

namespace emu::jit {

/// A host register: 0-15 general, 16-31 xmm0-15, 32-47 the upper vector registers xmm16-31, which only EVEX encodings reach.
/// Numbered as the encodings are. 48-63 are the high halves of ymm0-15: places for values, no operands of instructions. Whatever
/// writes an xmm register clears the high half, and a value in it is only reached along with the low one.
using Reg = u8;
using RegMask = u64;
inline constexpr unsigned reg_count = 64;
inline constexpr RegMask gpr_mask = 0xffff, xmm_mask = gpr_mask << 16, upper_mask = gpr_mask << 32, high_mask = gpr_mask << 48;
enum : Reg { rax, rcx, rdx, rbx, rsp, rbp, rsi, rdi, r8, r9, r10, r11, r12, r13, r14, r15, xmm0, no_reg = 0xff };
constexpr bool is_xmm(Reg r) { return r >= 16; }
constexpr bool is_upper(Reg r) { return r >= 32 && r < 48; }
constexpr bool is_high(Reg r) { return r >= 48 && r < reg_count; }
constexpr bool is_lower_xmm(Reg r) { return r >= 16 && r < 32; }
constexpr Reg high_of(Reg xmm) { return Reg(xmm + 32); }
/// The register that a value in `r` is part of.
constexpr Reg whole_of(Reg r) { return is_high(r) ? Reg(r - 32) : r; }
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
    static Xbyak::Ymm y(Reg r) { return Xbyak::Ymm(r - 16); }
    /// Of 256 bits while `wide_vectors` is set.
    Xbyak::Xmm v(Reg r) const { return wide_vectors ? Xbyak::Xmm(y(r)) : x(r); }
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

    // --- moves: most of what a translation writes, put together here and stored at once (Xbyak checks and stores each byte)
    using CodeGenerator::mov;
    void mov(const Xbyak::Reg64& to, const Xbyak::Reg64& from) { put_registers(8, 0x89, unsigned(from.getIdx()), unsigned(to.getIdx())); }
    void mov(const Xbyak::Reg32& to, const Xbyak::Reg32& from) { put_registers(0, 0x89, unsigned(from.getIdx()), unsigned(to.getIdx())); }
    void mov(const Xbyak::Reg64& to, const Xbyak::Address& from) {
        if (!put_memory(8, 0x8b, unsigned(to.getIdx()), from)) CodeGenerator::mov(to, from);
    }
    void mov(const Xbyak::Reg32& to, const Xbyak::Address& from) {
        if (!put_memory(0, 0x8b, unsigned(to.getIdx()), from)) CodeGenerator::mov(to, from);
    }
    void mov(const Xbyak::Address& to, const Xbyak::Reg64& from) {
        if (!put_memory(8, 0x89, unsigned(from.getIdx()), to)) CodeGenerator::mov(to, from);
    }
    void mov(const Xbyak::Address& to, const Xbyak::Reg32& from) {
        if (!put_memory(0, 0x89, unsigned(from.getIdx()), to)) CodeGenerator::mov(to, from);
    }
    /// 64 or 32 bits of the guest state, at r15 + disp.
    void load_state(Reg to, s32 disp, bool wide) { put_state(wide, 0x8b, to, disp); }
    void store_state(Reg from, s32 disp, bool wide) { put_state(wide, 0x89, from, disp); }
    void store_state_imm(s32 disp, u32 value, bool wide) {
        put_state(wide, 0xc7, jit::rax, disp);
        put(value, 4);
    }

    // --- conditional moves and sets by number
    void setcc(Cc cc, Reg to) {
        db(0x40 | (to >> 3)), db(0x0f), db(0x90 | cc), db(0xc0 | (to & 7));
    }
    void cmov(Cc cc, Reg to, Reg from, bool wide) {
        db(0x40 | (wide ? 8 : 0) | (to >> 3) << 2 | (from >> 3)), db(0x0f), db(0x40 | cc), db(0xc0 | (to & 7) << 3 | (from & 7));
    }
    // --- vector instructions by encoding
    /// VEX and EVEX forms are those of 256 bits.
    bool wide_vectors = false;
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
        EMU_ASSERT(!is_upper(to) && !is_upper(left) && !is_upper(right.reg));
        const u8 r = to & 15, v = left & 15, b = base_bits(right);
        if (o.map == 1 && !o.w && b < 8) {
            db(0xc5), db((r < 8 ? 0x80 : 0) | (~v & 15) << 3 | wide_vectors << 2 | o.prefix);
        } else {
            db(0xc4), db((r < 8 ? 0x80 : 0) | 0x40 | (b < 8 ? 0x20 : 0) | o.map), db(o.w << 7 | (~v & 15) << 3 | wide_vectors << 2 | o.prefix);
        }
        db(o.opcode);
        mod_rm(r, right, immediates);
    }
    /// EVEX form without a mask: reaches the upper registers.
    void evex(VecOp o, Reg to, Reg left, Src right, unsigned immediates = 0) {
        EMU_ASSERT(o.evex != Evex::absent);
        const u8 r = to - 16, v = left - 16, b = right.reg != no_reg ? right.reg - 16 : base_bits(right);
        db(0x62);
        db((r & 8 ? 0 : 0x80) | (b & 16 ? 0 : 0x40) | (b & 8 ? 0 : 0x20) | (r & 16 ? 0 : 0x10) | o.map);
        db((o.evex == Evex::w1 ? 0x80 : 0) | (~v & 15) << 3 | 4 | o.prefix);
        db((v & 16 ? 0 : 8) | wide_vectors << 5);
        db(o.opcode);
        mod_rm(r, right, immediates, false); // its short displacements count vectors
    }
    /// Whichever form it takes.
    void vex_or_evex(VecOp o, Reg to, Reg left, Src right, unsigned immediates = 0) {
        if (is_upper(to) || is_upper(left) || is_upper(right.reg)) evex(o, to, left, right, immediates);
        else vex(o, to, left, right, immediates);
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
        if (value == u32(value)) to < 8 ? put((0xb8 | to) | value << 8, 5) : put(0x41 | (0xb8 | (to & 7)) << 8 | value << 16, 6);
        else if (s64(value) == s32(value)) put(0x48 | (to >> 3) | 0xc7 << 8 | (0xc0 | (to & 7)) << 16 | (value & 0xffffffff) << 24, 7);
        else db(0x48 | (to >> 3)), db(0xb8 | (to & 7)), dq(value);
    }

private:
    /// Up to eight bytes, the lowest first.
    void put(u64 bytes, unsigned count) {
        if (size_ + 8 <= maxSize_) {
            std::memcpy(top_ + size_, &bytes, 8);
            size_ += count;
        } else {
            for (; count; count--, bytes >>= 8) db(int(bytes & 0xff));
        }
    }
    /// REX (its W bit is `w`), opcode and a ModRM with two registers.
    void put_registers(unsigned w, unsigned opcode, unsigned reg, unsigned rm) {
        const unsigned rex = w | (reg >> 3) << 2 | rm >> 3, rest = opcode | (0xc0 | (reg & 7) << 3 | (rm & 7)) << 8;
        if (rex) put(0x40 | rex | rest << 8, 3);
        else put(rest, 2);
    }
    void put_state(bool wide, unsigned opcode, Reg reg, s32 disp) {
        const bool near = disp == s8(disp);
        const unsigned rex = 0x41 | unsigned(wide) << 3 | (reg >> 3) << 2;
        const unsigned modrm = (near ? 0x40 : 0x80) | (reg & 7) << 3 | (jit::r15 & 7);
        put(rex | opcode << 8 | modrm << 16 | u64(u32(disp)) << 24, near ? 4 : 7);
    }
    /// The same with memory at base + index * scale + displacement; false for the other kinds of address.
    bool put_memory(unsigned w, unsigned opcode, unsigned reg, const Xbyak::Address& at) {
        if (at.getMode() != Xbyak::Address::M_ModRM || at.is32bit()) return false;
        const Xbyak::RegExp place = at.getRegExp(false);
        if (!place.getBase().getBit()) return false;
        const bool indexed = place.getIndex().getBit();
        const unsigned base = unsigned(place.getBase().getIdx()), index = indexed ? unsigned(place.getIndex().getIdx()) : 4;
        const s64 disp = s64(place.getDisp());
        if (disp != s32(disp)) return false;
        const unsigned rex = w | (reg >> 3) << 2 | (indexed ? index >> 3 : 0) << 1 | base >> 3;
        const unsigned bytes = !disp && (base & 7) != jit::rbp ? 0 : disp == s8(disp) ? 1 : 4; // 13 is 5 here, too
        const unsigned mode = bytes == 0 ? 0x00 : bytes == 1 ? 0x40 : 0x80;
        u64 out = 0;
        unsigned n = 0;
        auto add = [&](u64 value, unsigned count) { out |= value << 8 * n, n += count; };
        if (rex) add(0x40 | rex, 1);
        add(opcode, 1);
        if (indexed || (base & 7) == jit::rsp) {
            add(mode | (reg & 7) << 3 | 4, 1);
            add(unsigned(std::countr_zero(unsigned(indexed ? place.getScale() : 1))) << 6 | (index & 7) << 3 | (base & 7), 1);
        } else {
            add(mode | (reg & 7) << 3 | (base & 7), 1);
        }
        if (bytes) add(bytes == 1 ? u64(u8(disp)) : u64(u32(disp)), bytes);
        put(out, n);
        return true;
    }
    static u8 base_bits(const Src& s) { return s.reg != no_reg ? s.reg & 15 : s.place ? 0 : u8(jit::r15); }
    void mod_rm(u8 reg, const Src& s, unsigned immediates, bool short_disp = true) {
        const int field = (reg & 7) << 3;
        if (s.reg != no_reg) {
            db(0xc0 | field | (s.reg & 7));
        } else if (s.place) {
            db(field | 5);
            dd(s.place - (pos() + 4 + immediates));
        } else if (short_disp && s.disp == s8(s.disp)) {
            db(0x40 | field | (jit::r15 & 7)), db(u8(s.disp));
        } else {
            db(0x80 | field | (jit::r15 & 7)), dd(u32(s.disp));
        }
    }
};

} // namespace emu::jit

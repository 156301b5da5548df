// SPDX-License-Identifier: MIT
// Registers of the x86 guests (Intel SDM volume 1, chapters 3, 8, 10 and 14). i386 uses the low halves of the first eight.
//
// The status flags of EFLAGS are one token of the IR (ir::eflag_*), DF is a truth value. Instructions set the slot to an eflags_ op,
// which costs nothing where nobody reads it.
#pragma once
#include "fp/fp.h"
#include "ir/state.h"

#include <optional>

namespace emu::isa::x86 {

enum Gpr : unsigned { rax, rcx, rdx, rbx, rsp, rbp, rsi, rdi, r8, r9, r10, r11, r12, r13, r14, r15 };
enum Segment : unsigned { es, cs, ss, ds, fs, gs };

/// x87: control, status and tag words, and the eight registers by their physical number.
struct X87 {
    u16 control = 0x37f, status = 0;
    u8 empty = 0xff;               ///< one bit a physical register
    u16 opcode = 0;
    bool host_current = false;     ///< the host's sticky exceptions are among the guest's
    u64 instruction = 0, operand = 0;
    fp::F80 reg[8] = {};
    unsigned top() const { return status >> 11 & 7; }
    const fp::F80& st(unsigned i) const { return reg[(top() + i) & 7]; }
    fp::F80& st(unsigned i) { return reg[(top() + i) & 7]; }
};

/// A segment as Linux describes it (struct user_desc, arch/x86/include/uapi/asm/ldt.h).
struct Descriptor {
    u32 base = 0, limit = 0;
    u32 flags = 0;                 ///< seg_32bit and what follows it; 0: no descriptor
    static constexpr u32 not_present = 1 << 5;
    bool usable() const { return flags && !(flags & not_present); }
};
struct Ldt {
    static constexpr unsigned size = 8192;
    Descriptor entries[size];
};

struct State : ir::StateHeader {
    u64 gpr[16] = {};
    u32 flags = 0;                 ///< a token: ir::eflag_*
    bool df = false;
    u32 eflags_rest = 2;           ///< bits that nothing here computes: IF, AC, ID and the reserved one
    u64 fs_base = 0, gs_base = 0;
    u16 selector[6] = {};
    u32 earlier_flags = 0;         ///< sticky flags that are not in fp_flags for now (mode::fp_trapped)
    u32 guest_mxcsr = 0x1f80;      ///< without the sticky bits, which are in fp_flags
    struct {
        ir::V128 half[2];          ///< XMM, and what YMM has above it
    } ymm[16];
    X87 x87;
    /// While the program uses MMX, the fractions of the x87 registers live here; one translation knows one of the two states.
    u64 mmx[8] = {};
    /// Whether translated code has the x87 registers in the host's, and their image outside of it (ir::host_x87_slot).
    struct {
        u32 live = 0;
        u8 image[108] = {};
    } host_x87;
    u32 x87_once = 0;              ///< the next x87 instruction is to be done by a helper, whatever the mode
    u32 mmx_written = 0;           ///< those whose sign and exponent are all ones from then on
    bool mmx_mode = false;
    ir::V128 scratch;              ///< operand and result of helpers for vectors; nothing lasts here
    const void* model = nullptr;   ///< the CpuModel

    /// 32-bit code: what set_thread_area and modify_ldt made. Limits are not checked.
    static constexpr unsigned first_tls = 12, tls_entries = 3; ///< GDT_ENTRY_TLS_MIN of a 64-bit kernel
    Descriptor tls[tls_entries];
    const Ldt* ldt = nullptr;      ///< shared by all threads of a process; null: empty
    u64 flat_base[4] = {};         ///< of ES, CS, SS and DS: 0 in nearly all programs, which mode says
};

inline constexpr unsigned slot_gpr = 0;
enum SlotIndex : unsigned {
    slot_flags = slot_gpr + 16, slot_df,
    slot_flat_base,      ///< ES, CS, SS, DS
    slot_fs_base = slot_flat_base + 4, slot_gs_base,
    slot_xmm,
    slot_ymm_high = slot_xmm + 16,
    slot_mmx = slot_ymm_high + 16,
    slot_mmx_written = slot_mmx + 8,
    slot_x87_once, slot_host_x87,
    slot_vector,     ///< scratch: source and result of a vector helper
    slot_count,
};

/// EFLAGS bits.
namespace eflags {
inline constexpr u32 cf = 1, fixed = 2, pf = 4, af = 16, zf = 64, sf = 128, tf = 256, if_ = 512, df = 1024, of = 2048;
inline constexpr u32 ac = 1u << 18, id = 1u << 21;
inline constexpr u32 status = cf | pf | af | zf | sf | of;
}
/// The base of a segment, or nothing where a selector names none that can be loaded into `segment`.
std::optional<u64> segment_base(const State& state, unsigned segment, u16 selector);
/// MOV to a segment register; false: #GP.
bool load_segment(State& state, unsigned segment, u16 selector);

u32 read_eflags(const State& state);
void write_eflags(State& state, u32 value);

/// The exception bits of MXCSR, and of the x87's status word, as fp::Flag bits.
u32 fp_flags_of(u32 exceptions);
/// The flags of `fp_flags` that MXCSR does not mask.
u32 unmasked_flags(const State& state);
/// MXCSR as the guest sees it; writing it also chooses the host's.
u32 read_mxcsr(const State& state);
void write_mxcsr(State& state, u32 value);

/// One half of the first `count` YMM registers, as XSAVE's areas have them.
void store_halves(const State& state, unsigned half, unsigned count, u8* to);
void load_halves(State& state, unsigned half, unsigned count, const u8* from);

void leave_mmx_mode(State& state);
/// The x87 for those outside of translated code who look at it: `State::x87`, or what the image says.
X87 x87_of(const State& state);
/// The same for helpers and for those who change it: `State::x87` counts after this.
void take_x87_from_host(State& state);
/// FSTENV's tag word.
u16 x87_tags(const X87& x87);
/// Rounding and flushing of MXCSR.
fp::Env mode_fp_env(const State& state);

/// FXSAVE's 512 bytes (SDM volume 1, table 10-2); `wide`: 64-bit code's form.
void fxsave(const State& state, u8* to, bool wide);
void fxrstor(State& state, const u8* from, bool wide);

} // namespace emu::isa::x86

// SPDX-License-Identifier: MIT
// The intermediate representation: one unit of translated guest code as a list of typed SSA nodes.
//
// A Function is a superblock: one entry at the top, side exits (exit_if) on the way, one exit at the end. Nodes are 16 bytes
// and refer to each other by index; an operand always stands before its user. Guest registers are state slots, declared
// once per ISA in a SlotTable; get and set name them by index. `set` takes effect in program order: at every node that can
// leave the unit (loads and stores may fault, calls may raise, exits) the guest state is exactly what the sets before it say.
// Semantics must therefore do the faulting work of an instruction before its first set.
#pragma once
#include "common/types.h"
#include "fp/fp.h"
#include "ir/type.h"

#include <array>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace emu::ir {

enum class Op : u8 {
#define EMU_IR_OP(name, result, args, effects, text) name,
#include "ir/ops.def"
#undef EMU_IR_OP
    count_
};

enum class Effect : u8 { pure, state, load, store, call, exit, mark };

struct OpInfo {
    std::string_view name;   ///< as printed, without the trailing underscore
    char result;             ///< letters as in ops.def
    std::string_view args;
};
extern const std::array<OpInfo, unsigned(Op::count_)> op_table;
inline const OpInfo& info(Op op) { return op_table[unsigned(op)]; }

/// What passes over all nodes ask again and again, in two bytes.
struct OpShape {
    u8 operands;     ///< bit k: field k (a, b, c) is a node and not a constant field
    Effect effect;
};
inline constexpr std::array<OpShape, unsigned(Op::count_)> op_shapes = [] {
    constexpr auto shape = [](std::string_view args, Effect effect) {
        u8 operands = 0;
        for (unsigned k = 0; k < args.size(); k++) operands |= u8((args[k] != 'x') << k);
        return OpShape{operands, effect};
    };
    return std::array<OpShape, unsigned(Op::count_)>{{
#define EMU_IR_OP(name, result, args, effects, text) shape(args, Effect::effects),
#include "ir/ops.def"
#undef EMU_IR_OP
    }};
}();
inline unsigned operands_of(Op op) { return op_shapes[unsigned(op)].operands; }
inline Effect effect_of(Op op) { return op_shapes[unsigned(op)].effect; }
inline bool is_operand(Op op, unsigned index) { return operands_of(op) >> index & 1; }

/// Index of a node in its function; 0 is no node (the first node is a dummy).
using Id = u32;

struct Node {
    Op op;
    Type type;
    u16 aux = 0;
    u32 a = 0, b = 0, c = 0;
    u64 imm() const { return a | u64(b) << 32; }
};
static_assert(sizeof(Node) == 16);

// --- aux fields ------------------------------------------------------------------------------------------------------

constexpr u16 lane_aux(Lane lane, unsigned imm = 0) { return u16(unsigned(lane) | imm << 8); }
constexpr Lane aux_lane(u16 aux) { return Lane(aux & 15); }
constexpr unsigned aux_imm(u16 aux) { return aux >> 8; }

constexpr u16 field_aux(unsigned lsb, unsigned width) { return u16(lsb | width << 6); }
constexpr unsigned field_lsb(u16 aux) { return aux & 63; }
constexpr unsigned field_width(u16 aux) { return aux >> 6; }

/// Rounding of a scalar FP op: an explicit mode, or `dynamic` = Function::fp.round. `arg` is the fraction bits of a fixed
/// point conversion (0..64), or for frint 1 = exact (raises inexact).
enum class Rounding : u8 { nearest_even, toward_zero, down, up, nearest_away, to_odd, dynamic };
constexpr u16 fp_aux(Rounding rounding, unsigned arg = 0) { return u16(unsigned(rounding) | arg << 3); }
constexpr Rounding aux_rounding(u16 aux) { return Rounding(aux & 7); }
constexpr unsigned aux_arg(u16 aux) { return (aux >> 3) & 127; }
/// The same for lane ops, in ten bits above the lane: aux = lane | fp_aux << 4.
constexpr u16 vfp_aux(Lane lane, Rounding rounding, unsigned arg = 0) { return u16(unsigned(lane) | fp_aux(rounding, arg) << 4); }
/// aux bit of a lane-wise FP op that does not look at Function::fp but works as Arm's "standard FPSCR" says: to nearest, inputs and
/// results flushed to zero, default NaNs.
inline constexpr u16 fp_standard = 1u << 15;
constexpr u16 vfp_scalar_aux(u16 aux) { return u16(aux >> 4); }

/// Condition tokens: bits of the i32 that flags_* and fcmp produce (all others are zero).
inline constexpr u32 flag_v = 1u << 0, flag_c = 1u << 8, flag_z = 1u << 14, flag_n = 1u << 15;
inline constexpr u32 flags_mask = flag_n | flag_z | flag_c | flag_v;
/// Conditions over a token, numbered as A64 numbers them: x and x ^ 1 are opposites below `al`.
enum class Cond : u8 { eq, ne, cs, cc, mi, pl, vs, vc, hi, ls, ge, lt, gt, le, al, nv };
bool holds(Cond cond, u32 flags);

/// EFLAGS tokens of the x86: AX after LAHF and SETO AL. Bit 9 is as in EFLAGS: always set.
inline constexpr u32 eflag_of = 1u << 0, eflag_cf = 1u << 8, eflag_fixed = 1u << 9, eflag_pf = 1u << 10, eflag_af = 1u << 12, eflag_zf = 1u << 14,
                     eflag_sf = 1u << 15;
/// Condition codes of Jcc come in pairs of opposites: bit 0 inverts.
enum EflagsCond : u8 { cond_o = 0, cond_b = 2, cond_e = 4, cond_be = 6, cond_s = 8, cond_p = 10, cond_l = 12, cond_le = 14 };
/// Of a pair below cond_l, by condition / 2: the condition holds if one of these flags is set.
inline constexpr u32 eflags_masks[] = {eflag_of, eflag_cf, eflag_zf, eflag_cf | eflag_zf, eflag_sf, eflag_pf};
bool holds_eflags(unsigned condition, u32 token);
constexpr bool is_eflags(Op op) { return (op >= Op::eflags_add && op <= Op::eflags_nonzero) || op == Op::eflags_comis; }

/// What vhash does, operands (a, b, c) = (Vd, Vn, Vm) of the Arm instruction, for sm3ss1 (Vn, Vm, Va). The lane that SM3TT*
/// takes from Vm is in bits 4 and 5.
enum class HashStep : u8 {
    sm3partw1, sm3partw2, sm3ss1, sm3tt1a, sm3tt1b, sm3tt2a, sm3tt2b, sm4e, sm4ekey
};

/// What vshani does, operands (a, b, c) = (DEST, SRC, XMM0) of the x86 instruction. SHA1RNDS4's function is in the imm from bit 4.
/// (SHA256MSG1 is vsha256su0.)
enum class ShaStep : u8 { sha1rnds4, sha1nexte, sha1msg1, sha1msg2, sha256rnds2, sha256msg2 };

enum class Order : u8 { relaxed, acquire, release, seq_cst };
enum class AtomicOp : u8 { swap, add, and_, andn, or_, xor_, smax, smin, umax, umin };

/// How memory is touched; lives in aux.
struct MemFlags {
    u8 size_log2 = 3;        ///< 0..4: 1 to 16 bytes
    bool sign_extend = false;
    bool big_endian = false;
    bool aligned = false;    ///< misaligned access raises (else it just works)
    Order order = Order::relaxed;
    u8 mmu = 0;              ///< 0..3: ISA-defined privilege or view, 0 = current
    constexpr u16 pack() const {
        return u16(size_log2 | sign_extend << 3 | big_endian << 4 | aligned << 5 | unsigned(order) << 6 | mmu << 8);
    }
    static constexpr MemFlags unpack(u16 aux) {
        return {u8(aux & 7), bool(aux & 8), bool(aux & 16), bool(aux & 32), Order(aux >> 6 & 3), u8(aux >> 8 & 3)};
    }
    constexpr unsigned bytes() const { return 1u << size_log2; }
};
constexpr u16 atomic_aux(AtomicOp op, MemFlags mem) { return u16(mem.pack() | unsigned(op) << 12); }
constexpr AtomicOp aux_atomic(u16 aux) { return AtomicOp(aux >> 12); }

// --- guest state -----------------------------------------------------------------------------------------------------

/// One guest register: the single list that translation, `info registers`, gdb, migration and lockstep tests read.
struct Slot {
    std::string_view name;
    Type type = Type::i64;
    u32 offset = 0;          ///< from the start of the StateHeader
    u8 pin = 0;              ///< hotness: 1 is pinned first, 0 never (see jit)
    u16 upper = 0;           ///< of the low half of a register of 256 bits: the slot of the other half, which follows in memory
};
using SlotTable = std::span<const Slot>;

struct StateHeader;

/// An out-of-line C++ function that translated code may call: u64 fn(StateHeader&, u64, u64, u64, u64).
/// Integer arguments only (i1, i32 zero-extended); floats go through their bits, vectors through state slots.
struct Helper {
    std::string_view name;
    void* function = nullptr;
    Type result = Type::none;
    u8 args = 0;                 ///< how many of the four it takes
    bool reads_state = false;    ///< looks at state slots: they are written back before
    bool writes_state = false;   ///< changes state slots: cached values are dropped after
    bool may_raise = false;      ///< may touch guest memory or raise a guest exception (leaves through the exact state)
};

/// A C++ function as Helper::function.
template <class F> void* function_of(F* function) { return reinterpret_cast<void*>(function); }

enum class ExitKind : u8 {
    jump,            ///< to `pc`
    call,            ///< to `pc`; a return to `ret` is expected
    jump_indirect,   ///< to the value
    call_indirect,   ///< to the value; a return to `ret` is expected
    ret,             ///< to the value, the return of an earlier call
    trap,            ///< to the vCPU loop at `pc` with `code` and the value: syscalls, undefined instructions, wfi ...
    sync,            ///< to the vCPU loop at `pc`: mode bits or translations may have changed
};
inline constexpr std::string_view exit_names[] = {"jump", "call", "jump_indirect", "call_indirect", "ret", "trap", "sync"};

struct Exit {
    ExitKind kind = ExitKind::jump;
    u32 code = 0;
    u64 pc = 0;
    u64 ret = 0;
    u32 block = 0;   ///< in a region: 1 + the block that a jump goes to, or a return to `pc`, or that a call returns to; 0 = outside
    bool inner = false;   ///< of a region that calls itself: a call to Region::callee, a return from such a call
    bool inlined = false; ///< of a region: into a call that is part of it, or out of one
    bool operator==(const Exit&) const = default;
};

struct Function {
    u64 pc = 0;                          ///< guest address of the first instruction
    u64 end = 0;                         ///< one past the last byte translated (superblocks: the highest such)
    u32 mode = 0;                        ///< the ISA's mode bits the code was specialised for
    u32 insns = 0;
    SlotTable slots;
    fp::Env fp{nullptr};                 ///< rules, rounding and flushing of this mode; flags unused
    std::vector<Node> nodes;             ///< [0] is a dummy
    std::vector<V128> vectors;
    std::vector<u32> extra;              ///< argument lists of calls
    std::vector<Exit> exits;
    std::vector<const Helper*> helpers;
    std::vector<std::pair<u64, u64>> ranges;   ///< guest bytes [first, last) translated, for invalidation

    const Node& operator[](Id id) const { return nodes[id]; }
    /// As new, but for the memory that the lists have.
    void clear();
};

/// Does the node leave the unit, or may it (so that the guest state must be exact there)?
inline bool may_leave(const Function& function, const Node& node) {
    switch (effect_of(node.op)) {
    case Effect::load: case Effect::exit: return true;
    case Effect::store: return node.op != Op::fence;
    case Effect::call: {
        const Helper& helper = *function.helpers[node.a];
        return helper.may_raise || helper.reads_state || helper.writes_state;
    }
    default: return false;
    }
}
/// Pure, but raises FP flags.
bool raises_flags(const Node& node);
/// aux bit of an fcmp that repeats an earlier one, whose flags are raised already.
inline constexpr u16 fcmp_again = 2;

/// Text form, one node a line; parse(print(f)) is f. The parser names helpers and slots through the tables given.
std::string print(const Function& function);
std::string print(const Function& function, Id id);

/// Check types, operand order, slot and exit indices, and that the function ends in an exit. Empty = fine, else the first
/// thing that is wrong, with the node.
std::string verify(const Function& function);

} // namespace emu::ir

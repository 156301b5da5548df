// SPDX-License-Identifier: MIT
// From a Function to host code: one forward pass that selects instructions and assigns registers. The hot path comes first,
// then the stubs of side exits, then the rare paths of single instructions.
//
// Emitters: one member function per op or family, in emit_*.cpp by chapter, listed in the table of compiler.cpp. They return false,
// before emitting anything, where they have no code for a type or an aux; then ir::eval is called (emit_fallback).
// The discipline of an emitter: take() fixed registers, use() operands, temp() scratch, then def() the result, then emit.
#pragma once
#include "ir/region.h"
#include "jit/allocator.h"
#include "jit/home_plan.h"
#include "jit/unit.h"

#include <functional>
#include <map>

namespace emu::jit {

/// Constants for memory operands, interned once for all units.
class ConstantPool {
public:
    ConstantPool(Assembler& as, u32 begin, u32 end) : as_(as), begin_(begin), next_(begin), end_(end) {}
    /// Position in the code buffer; 0 when full (a flush makes room).
    u32 place(ir::V128 value);
    /// Two behind each other, aligned to 32.
    u32 place(ir::V128 low, ir::V128 high);
    void clear() { places_.clear(), pairs_.clear(), next_ = begin_; }
    bool full() const { return next_ >= end_; }
    u32 begin() const { return begin_; }
    u32 next() const { return next_; }
    u32 end() const { return end_; }
    /// The constants up to `next` have been put there from outside.
    void restore(u32 next);

private:
    Assembler& as_;
    u32 begin_, next_, end_;
    std::map<std::pair<u64, u64>, u32> places_;
    std::map<std::array<u64, 4>, u32> pairs_;
};

/// Counters of back edges, away from code (a store near it would stop the host's pipeline).
class CounterPool {
public:
    CounterPool(Assembler& as, u32 begin, u32 end) : as_(as), begin_(begin), next_(begin), end_(end) {}
    /// Position of a fresh one; 0 when there is none left.
    u32 place(u32 value);
    void clear() { next_ = begin_; }
    u32 begin() const { return begin_; }
    u32 next() const { return next_; }
    u32 end() const { return end_; }
    /// Counters up to `next` are in use; they start from `value`.
    void restore(u32 next, u32 value);

private:
    Assembler& as_;
    u32 begin_, next_, end_;
};

/// A condition in the host's flags. Unordered float compares set parity: `strict` wants no parity besides cc, `or_parity` takes
/// either.
struct HostCond {
    Cc cc;
    enum Parity : u8 { ignore, strict, or_parity } parity = ignore;
};
constexpr HostCond inverse(HostCond c) {
    return {inverse(c.cc), c.parity == HostCond::strict ? HostCond::or_parity : c.parity == HostCond::or_parity ? HostCond::strict : HostCond::ignore};
}

class Compiler final : Allocator {
public:
    /// Without `counters`, back edges are not counted. Units go to the arena.
    Compiler(Assembler& as, const Backend& backend, ConstantPool& pool, CounterPool* counters, Arena& arena)
        : Allocator(as, backend), pool_(pool), counters_(counters), arena_(arena) {}

    /// Emit at the assembler's position. Null: too complex, nothing may be used. Links are numbered from `first_link`.
    Unit* compile(const ir::Function& function, u32 first_link);
    Unit* compile(const ir::Region& region, u32 first_link);

    /// IR as it was understood (listing.cpp); of what compile() has returned a unit for last.
    std::string listing(const ir::Function& function) const;
    std::string listing(const ir::Region& region) const;

private:
    using Emitter = bool (Compiler::*)(Id);
    struct Row {
        ir::Op op;
        Emitter emit;
    };
    struct Table;
    static const Table table;

    // --- compiler.cpp
    void emit(Id id);
    void emit_pure(Id id);
    bool emit_both(Id low, Id high);
    void compute(Id id) override;
    bool emit_fallback(Id id);
    void store_scratch(Id id, unsigned operand);
    void load_scratch(Reg to, ir::Type type);
    void scratch_from(unsigned k, ir::Type type, Reg reg);
    void emit_eval_call(const ir::Node& n, ir::Type arg_type);
    void start(const fp::Env& env, u32 first_link);
    bool emit_block(const ir::Function& function, const Homes& homes, const std::vector<bool>* live, u64 reserved_spills);
    bool emit_cold_parts();
    Unit* finish(u64 pc, u32 mode, u32 insns, const std::vector<std::pair<u64, u64>>& ranges);
    void enter_context(u32 index);
    Xbyak::Address constant_address(ir::V128 value) override;
    /// Code for later, out of the hot path; `at` are jumps to it, it comes back to here.
    void cold(std::vector<Fixup> at, std::function<void()> emit);
    ir::Type arg_type(Id id, unsigned operand = 0) const;
    ir::Type operand_type(Id id, unsigned operand) const;
    Id operand(Id id, unsigned k) const { return k == 0 ? node(id).a : k == 1 ? node(id).b : node(id).c; }

    // --- snapshots (compiler.cpp)
    void record_snapshot(u32 begin, u32 end);
    Where where(Id id);

    // --- emit_flow.cpp
    void emit_set(Id id);
    void emit_exit_if(Id id);
    void emit_final_exit(Id id);
    void emit_exit(const ir::Exit& exit, Id value);
    void emit_poll();
    void emit_landing(const ir::Exit& exit);
    void emit_stop(const ir::Exit& exit, Id result);
    void push_return(u64 pc);
    Fixup emit_link(bool call);
    void align_patch(unsigned opcode_bytes);
    void jump_if(HostCond cond, std::vector<Fixup>& taken, bool patched);
    void write_back(Id result);
    struct Move {
        Reg to, from;
    };
    void parallel_move(std::vector<Move>& moves, RegMask busy);
    void save_for_call(Id id);
    void rescue_slot_memory(Id id);
    bool rescue_slot(Id id, unsigned slot);
    bool state_is_canonical() const;
    bool is_back_edge(const ir::Exit& exit) const;
    /// May high halves of vector registers hold values here?
    bool has_high_halves() const { return analysis_->has_pairs() || (plan_ && plan_->has_high_halves()); }
    bool is_own_slot(unsigned slot) const { return slot >= backend_.slots.size(); }

    // --- emit_region.cpp: from block to block of a region
    static bool stays(const ir::Exit& exit) { return exit.block && exit.kind == ir::ExitKind::jump; }
    void emit_inner_exit_if(Id id, const ir::Exit& exit);
    void emit_inner_exit(const ir::Exit& exit, bool last);
    bool arrives(u32 block) const;
    void hand_over(u32 block);
    RegMask put_apart(u32 block, RegMask wanted);
    bool is_live(u32 block, unsigned slot) const { return region_->blocks[block]->live[slot]; }
    void enter_region();
    void emit_inner_call(const ir::Exit& exit);
    void emit_inner_return(Id id, Id result);
    void emit_unexpected_return(Id result);
    void emit_checked_return(Id id, const ir::Exit& exit, Id result);
    void jump_to_block(u32 block) { block_jumps_.push_back({a.jmp_forward(), block}); }
    void emit_call(Id id);
    void emit_x87(Id id);
    void emit_x87_memory(u8 escape, u8 modrm, const Xbyak::RegExp& at);
    void emit_stubs();

    // --- conditions (emit_flags.cpp)
    HostCond emit_condition(Id id);
    HostCond emit_compare(Id id);
    HostCond emit_test_cond(Id id);
    HostCond flags_condition(const ir::Node& token, ir::Cond cond);
    HostCond token_condition(Id token, ir::Cond cond);
    HostCond float_condition(Id token, ir::Cond cond);
    void emit_host_flags(Id token);
    void undo_operand(Id id, Reg to);
    void use_undo_operands(Id id);
    Reg undone(Id id, Id& left);
    void pack_flags(bool subtraction, bool logic);
    void compare_floats(Reg left, Reg right, bool dbl, bool signaling);
    void set_bool(Id id, HostCond cond);
    bool compare(Id id);
    bool test_cond(Id id);
    bool flags(Id id);
    bool flags_adc(Id id);
    bool select(Id id);
    bool fcmp(Id id);

    // --- emit_eflags.cpp
    bool eflags(Id id);
    bool eflags_rotate(Id id);
    bool eflags_nonzero(Id id);
    bool test_eflags(Id id);
    HostCond emit_test_eflags(Id id);
    HostCond stored_eflags(Id token, unsigned condition);
    bool has_host_eflags(Id token) const;
    bool host_eflags_match(Id token) const;
    bool is_flags_of(Id token, Id comparison, bool by_test, bool swapped) const;
    bool better_swapped(Id comparison) const;
    Id token_in_host_flags() const;
    void keep_host_eflags(Id token);
    void keep_last_eflags(bool after_condition);
    void carry_token(Cc cc, Reg to);
    void emit_host_eflags(Id token);
    void emit_fresh_eflags(Id token);
    void compare_eflags(Id token);
    void sum_eflags(Id token);
    void step_eflags(Id token);
    void shift_eflags(Id token);
    void pack_eflags(Id token);
    Xbyak::Reg sized(Reg reg, unsigned log) const;
    void emit_carry(Id carry);
    bool test_bits(Id value, unsigned log, bool sign_counts);

    // --- emit_memory.cpp
    struct AddressParts {
        Id base = 0, index = 0;
        unsigned scale = 1;
        s64 disp = 0;
    };
    bool decompose(Id id, ir::Type type, AddressParts& parts);
    Xbyak::RegExp address(Id id);
    void emit_load(Id id);
    void emit_store(Id id);
    void store_both_halves(Id low, Id high);
    void emit_atomic_rmw(Id id);
    void emit_atomic_cas(Id id);
    void load_gpr(Reg to, const Xbyak::RegExp& at, ir::MemFlags flags, bool wide);
    void load_xmm(Reg to, const Xbyak::RegExp& at, ir::MemFlags flags, Reg scratch);
    void store_gpr(const Xbyak::RegExp& at, Reg from, unsigned size_log2);
    void store_xmm(const Xbyak::RegExp& at, Reg from, unsigned size_log2);
    void lock();
    void barrier();
    void swap_bytes(Reg reg, unsigned size_log2);
    void swap_narrow(Reg reg, unsigned size_log2);
    void emit_atomic_op(ir::AtomicOp op, Reg value, Reg operand, unsigned size);
    void extend(Reg reg, ir::MemFlags flags, bool wide);

    // --- emit_system.cpp: accesses behind an MMU
    struct Probe {
        Reg address, host;              ///< guest virtual address; host address, once the TLB has it
        std::vector<Fixup> misses;
    };
    Probe probe(Id address, ir::MemFlags flags, bool write);
    void call_memory(SlowAccess access, u16 aux, Reg address);
    void record_again(usize snapshot);
    void emit_system_load(Id id);
    void emit_system_store(Id id);
    void emit_system_atomic(Id id);
    Xbyak::Address scratch_at(unsigned index) { return state_at(offsetof(ir::StateHeader, scratch) + 16 * index); }

    // --- emit_alu.cpp
    struct RegMem {
        Reg reg;             ///< or no_reg
        Xbyak::Address at;
    };
    RegMem reg_mem(Id id, unsigned k);
    void note_flags(Id result, bool subtraction, bool logic);
    bool add(Id id);
    bool sub(Id id);
    bool logic(Id id);
    bool andn(Id id);
    bool unary(Id id);
    bool adc(Id id);
    void keep_carry(Id id);
    bool mul(Id id);
    bool mul_high(Id id);
    Id other_half(Id id) const;
    bool divide(Id id);
    bool shift(Id id);
    bool extract(Id id);
    void take_field(Reg to, Reg from, unsigned lsb, unsigned width, bool wide);
    bool ubfx(Id id);
    bool sbfx(Id id);
    bool bfi(Id id);
    bool count_bits(Id id);
    void bsf_keeping(Reg to, Reg from, bool wide, bool reverse);
    void swap_groups(Reg to, Reg t, Reg m, u64 mask, int shift, bool wide);
    bool reverse(Id id);
    bool sext(Id id);
    bool trunc(Id id);
    bool crc32(Id id);

    // --- emit_float.cpp
    bool native_float(ir::Type type) const;
    bool zero_above(Id id, ir::Type type) const;
    void cold_eval(std::initializer_list<Fixup> at, Id id, std::array<Reg, 3> operands, Reg to);
    Fixup check_result(Reg to, ir::Type type, bool tiny);
    void round_float(Reg to, Reg from, bool dbl, int immediate);
    Reg def_float(Id id, bool joins);
    unsigned multiply_add(VecOp vfmadd231, Reg to, Reg x, Reg y, Reg z);
    bool float_binary(Id id);
    bool float_sqrt(Id id);
    bool float_fma(Id id);
    bool float_sign(Id id);
    bool float_min_max(Id id);
    bool float_round(Id id);
    bool float_convert(Id id);
    bool float_to_signed(Id id);
    bool float_to_unsigned(Id id);
    bool float_from_integer(Id id);
    bool float_bits(Id id);
    bool bits_float(Id id);

    // --- emit_float_checks.cpp
    /// A result of the host's FPU that was not looked at yet.
    struct Unchecked {
        Id id;
        bool compared = false;   ///< k1 tells of it
        bool held = false;       ///< or will do so, and it is kept until then
    };
    /// Where a value is: all places that have it, or what it is.
    struct Place {
        Reg reg = no_reg;
        s16 spill = -1, memory = -1;
        ir::V128 bits;
        bool constant = false;
    };
    bool mergeable(Id id) const;
    struct RowShape {
        bool is_vector, dbl;
        bool operator==(const RowShape&) const = default;
    };
    RowShape row_shape(Id id) const;
    bool follows_unchecked(Id id) const;
    bool depends_on_unchecked(Id id) const;
    bool may_wait(Id id) const;
    bool begin_float(Id id);
    void finish_float(Id id, bool joins, std::array<Reg, 3> operands, Reg to);
    Fixup check_float(Id id, Reg reg, bool can_be_tiny);
    void add_unchecked(Id id, Reg to);
    struct Magnitude {
        Reg reg;
        bool positive;           ///< whatever it is
    };
    static usize lanes(RowShape shape);
    bool is_square(Id id) const;
    void narrow(RowShape shape, Reg x, const Xbyak::Xmm& y, u8 predicate);
    Reg gather(RowShape shape, std::span<const Reg> scalars);
    void compare_magnitudes(std::vector<Magnitude> results);
    void compare_held();
    void compare_ordered(RowShape shape, std::span<const Id> results);
    std::vector<Id> not_compared() const;
    void check_floats();
    void redo_floats(std::vector<Fixup> at);
    Place place_of(Id id) const;
    void scratch_from_place(unsigned k, ir::Type type, const Place& from);

    // --- emit_vector.cpp
    using Src = Assembler::Src;
    Src pool(ir::V128 bits) { return pool(bits, bits); }
    Src pool(ir::V128 low, ir::V128 high);
    Src vec_src(Id id, RegMask among = lower_mask);
    static RegMask reach(VecOp o) { return o.evex != Evex::absent ? any_bank : lower_mask; }
    void vec(VecOp o, Reg to, Reg left, Src right);
    void vec_imm(VecOp o, Reg to, Reg left, Src right, unsigned imm);
    void vec1(VecOp o, Reg to, Src from);
    void vec1_imm(VecOp o, Reg to, Src from, unsigned imm);
    void vec_shift(ShiftKind kind, unsigned lane_bits, Reg to, Reg from, unsigned count);
    void vec_zero(Reg to);
    void vec_ones(Reg to);
    bool vec_simple(Id id, VecOp o, bool commutes);
    Reg def_unlike(Id id, Reg other);
    unsigned lane_log(Id id) const;
    bool vec_logic(Id id);
    bool vec_not(Id id);
    bool vec_select(Id id);
    bool vec_get(Id id);
    bool vec_mask(Id id);
    bool vec_masks(Id id);
    void top_bits(Reg to, const Xbyak::Xmm& from, unsigned lane_bits);
    bool vec_set(Id id);
    bool vec_dup(Id id);
    bool vec_zext(Id id);
    bool vec_low(Id id);
    bool vec_zip(Id id);
    bool vec_unzip(Id id);
    bool vec_transpose(Id id);
    bool vec_extract(Id id);
    bool vec_reverse(Id id);
    bool vec_table(Id id);
    bool vec_aes(Id id);
    bool vec_sha256(Id id);
    bool vec_sha1(Id id);
    bool vec_sha_step(Id id);
    bool vec_polynomial(Id id);

    // --- emit_vector_int.cpp
    bool vec_lanes(Id id);
    bool vec_wide(Id id);
    bool vec_mul_bytes(Id id);
    bool vec_mul_high(Id id);
    bool vec_negate(Id id);
    bool vec_compare(Id id);
    bool vec_difference(Id id);
    bool vec_halving_add(Id id);
    void shift_lanes(ShiftKind kind, unsigned bits, Reg to, Reg from, unsigned count, Reg t);
    bool vec_shift_imm(Id id);
    bool vec_shift_by(Id id);
    void widen_half(Reg to, Reg from, unsigned log, bool is_signed, bool high);
    bool vec_widen(Id id);
    bool vec_mul_long(Id id);
    bool vec_narrow(Id id);
    bool vec_pair_add(Id id);
    bool vec_dot(Id id);
    bool vec_nibbles(Id id);
    bool vec_count_leading(Id id);

    // --- emit_vector_float.cpp
    bool native_lanes(Id id, bool& dbl) const;
    Fixup jump_if_any(Reg mask);
    Fixup check_lanes_by_mask(Reg to, bool dbl, bool tiny, Reg t);
    Fixup check_lanes(Reg to, bool dbl, bool tiny, Reg t);
    bool vecf_binary(Id id);
    bool vecf_sqrt(Id id);
    bool vecf_fma(Id id);
    bool vecf_sign(Id id);
    bool vecf_min_max(Id id);
    bool vecf_compare(Id id);
    bool vecf_round(Id id);
    bool vecf_widen(Id id);
    bool vecf_narrow(Id id);
    bool vecf_to_int(Id id);
    bool vecf_from_int(Id id);

    // --- operand helpers
    /// Operand k where the low 32 bits of an i32 will do (a pending trunc costs nothing then).
    Reg low(Id id, unsigned k);
    /// The value behind it: skips a trunc that `low` would skip.
    Id low_id(Id id, unsigned k) const;
    bool wide(Id id) const { return node(id).type == ir::Type::i64; }
    bool avx() const { return backend_.host().avx; }
    const HostFeatures& host() const { return backend_.host(); }

    struct Stub {
        std::unique_ptr<AllocatorState> state;
        std::vector<Fixup> entries;
        Id exit_node;
        u64 pc;
        u32 context = 0;
        bool poll = false;    ///< leave because of a request, at the exit's target
        Id token = 0;         ///< the pending EFLAGS token that the host flags are those of, 0: none
        bool unexpected = false;   ///< a return that does not go back into the region
    };
    struct Cold {
        std::vector<Fixup> entries;
        u32 resume;
        std::function<void()> emit;
        u32 context = 0;
    };
    /// What the cold parts of a block need of it.
    struct Context {
        const ir::Function* function = nullptr;
        const Homes* homes = nullptr;
        Analysis analysis;
        std::vector<u16> touched;
    };
    struct PendingLink {
        u64 pc;
        Fixup at;
        u32 block = 0;       ///< 1 + the block of this region that it leads to for now
        u32 cache = 0;       ///< 1 + index in caches_
        u32 way_out = 0;     ///< 1 + the block that it leads to then, if not to a stub of its own
    };
    /// Positions of an indirect exit's inline cache, see emit_indirect.cpp.
    struct PendingCache {
        u32 key = 0, probe = 0, found = 0;
        Fixup gate = 0, miss = 0;
        u32 landing = 0;     ///< of a call, which also returns to
        u64 ret = 0;
    };
    // --- emit_indirect.cpp
    void emit_indirect(const ir::Exit& exit, bool call);
    void finish_cache(const PendingCache& cache, u32 number, LinkSite& site);

    std::unique_ptr<AllocatorState> copy_state();
    void restore(std::unique_ptr<AllocatorState> state);

    ConstantPool& pool_;
    CounterPool* counters_;
    Arena& arena_;
    const ir::Region* region_ = nullptr;            ///< or a single function
    const HomePlan* plan_ = nullptr;
    u32 block_ = 0;                                 ///< being emitted, and its context
    std::vector<std::unique_ptr<Context>> contexts_;
    std::vector<u32> block_at_;                     ///< positions of blocks
    std::vector<std::pair<Fixup, u32>> block_jumps_;
    bool native_float_ = false;     ///< the mode's FP arithmetic is the host's, but for what the checks catch
    bool exact_float_ = false;      ///< it is the host's without exception: an x86 guest
    std::vector<Unchecked> unchecked_;
    Id emitted_along_ = 0;          ///< the high half of an access that was made along with the low one
    bool mask_started_ = false;     ///< k1 tells of some of them
    ir::Lane row_constants_ = ir::Lane::i8; ///< of which type the constants are that it is compared with; i8: they are not loaded
    u64 pc_ = 0;                    ///< guest instruction being translated
    u32 start_ = 0;                 ///< position of the unit
    u32 first_link_ = 0;
    SnapshotRecord table_;
    std::vector<Stub> stubs_;
    std::vector<Cold> cold_;
    std::vector<PendingLink> links_;
    std::vector<PendingCache> caches_;
    std::vector<u32> addresses_;                      ///< positions of 64-bit host addresses in code
    std::vector<std::pair<Fixup, u32>> poll_exits_;   ///< jumps to leave_poll, with the link's index
    struct HotExit {
        Fixup taken;
        u32 link, counter; ///< the instruction that counts
    };
    std::vector<HotExit> hot_exits_;
    std::vector<std::unique_ptr<AllocatorState>> spare_states_;
    std::vector<Move> moves_;
    std::vector<std::pair<Reg, Id>> loads_;
    /// The host flags are those of the arithmetic of node `result` (nothing was emitted since `pos`).
    struct HostFlags {
        u32 pos = 0;
        Id result = 0;
        bool subtraction = false;   ///< else addition, or logic with CF = OF = 0
        bool logic = false;
        bool parity = true;         ///< PF and AF are of the result too
        bool matches(u32 at, Id id) const { return result && pos == at && result == id; }
    } host_flags_;
    /// The host flags are those of an EFLAGS token, or of a comparison: CMP of its operands, perhaps exchanged, or TEST of the one
    /// that is compared with zero.
    struct HostToken {
        u32 pos = 0;
        Id token = 0, comparison = 0;
        bool by_test = false, swapped = false;
    } host_token_;
};

} // namespace emu::jit

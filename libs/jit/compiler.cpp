// SPDX-License-Identifier: MIT
#include "jit/compiler.h"

#include "common/bits.h"
#include "common/result.h"
#include "ir/eval.h"

#include <algorithm>
#include <bit>
#include <cstddef>
#include <cstring>

namespace emu::jit {

using ir::Effect;
using ir::Node;
using ir::Op;
using ir::Type;

u32 ConstantPool::place(ir::V128 value) {
    auto [at, fresh] = places_.try_emplace({value.lo, value.hi}, next_);
    if (!fresh) return at->second;
    if (full()) {
        places_.erase(at);
        return 0;
    }
    std::memcpy(const_cast<u8*>(as_.getCode()) + next_, &value, 16);
    next_ += 16;
    return at->second;
}

u32 ConstantPool::place(ir::V128 low, ir::V128 high) {
    auto [at, fresh] = pairs_.try_emplace({low.lo, low.hi, high.lo, high.hi}, align_up(next_, u32(32)));
    if (!fresh) return at->second;
    if (at->second + 32 > end_) {
        pairs_.erase(at);
        next_ = end_;
        return 0;
    }
    std::memcpy(const_cast<u8*>(as_.getCode()) + at->second, &low, 16);
    std::memcpy(const_cast<u8*>(as_.getCode()) + at->second + 16, &high, 16);
    next_ = at->second + 32;
    return at->second;
}

void ConstantPool::restore(u32 next) {
    places_.clear();
    pairs_.clear();
    for (next_ = begin_; next_ < next; next_ += 16) {
        ir::V128 value;
        std::memcpy(&value, as_.getCode() + next_, 16);
        places_.try_emplace({value.lo, value.hi}, next_);
    }
}

void CounterPool::restore(u32 next, u32 value) {
    for (next_ = begin_; next_ + 4 <= next; next_ += 4) std::memcpy(const_cast<u8*>(as_.getCode()) + next_, &value, 4);
}

u32 CounterPool::place(u32 value) {
    if (next_ + 4 > end_) return 0;
    std::memcpy(const_cast<u8*>(as_.getCode()) + next_, &value, 4);
    next_ += 4;
    return next_ - 4;
}

Xbyak::Address Compiler::constant_address(ir::V128 value) {
    const u32 place = pool_.place(value);
    if (!place) failed_ = true;
    return a.ptr[a.rip + reinterpret_cast<void*>(const_cast<u8*>(a.getCode()) + place)];
}

struct Compiler::Table {
    std::array<Emitter, unsigned(Op::count_)> emit{};
    Table();
};

Compiler::Table::Table() {
    static constexpr Row rows[] = {
        {Op::add, &Compiler::add},
        {Op::sub, &Compiler::sub},
        {Op::mul, &Compiler::mul},
        {Op::mulhs, &Compiler::mul_high},
        {Op::mulhu, &Compiler::mul_high},
        {Op::sdiv, &Compiler::divide},
        {Op::udiv, &Compiler::divide},
        {Op::srem, &Compiler::divide},
        {Op::urem, &Compiler::divide},
        {Op::adc, &Compiler::adc},
        {Op::and_, &Compiler::logic},
        {Op::or_, &Compiler::logic},
        {Op::xor_, &Compiler::logic},
        {Op::andn, &Compiler::andn},
        {Op::not_, &Compiler::unary},
        {Op::neg, &Compiler::unary},
        {Op::shl, &Compiler::shift},
        {Op::shr, &Compiler::shift},
        {Op::sar, &Compiler::shift},
        {Op::rotr, &Compiler::shift},
        {Op::extr, &Compiler::extract},
        {Op::ubfx, &Compiler::ubfx},
        {Op::sbfx, &Compiler::sbfx},
        {Op::bfi, &Compiler::bfi},
        {Op::clz, &Compiler::count_bits},
        {Op::cls, &Compiler::count_bits},
        {Op::ctz, &Compiler::count_bits},
        {Op::popcnt, &Compiler::count_bits},
        {Op::bitrev, &Compiler::reverse},
        {Op::bswap, &Compiler::unary},
        {Op::bswap16, &Compiler::reverse},
        {Op::bswap32, &Compiler::unary},
        {Op::sext, &Compiler::sext},
        {Op::trunc, &Compiler::trunc},
        {Op::crc32, &Compiler::crc32},
        {Op::fadd, &Compiler::float_binary},
        {Op::fsub, &Compiler::float_binary},
        {Op::fmul, &Compiler::float_binary},
        {Op::fdiv, &Compiler::float_binary},
        {Op::fsqrt, &Compiler::float_sqrt},
        {Op::fma, &Compiler::float_fma},
        {Op::fneg, &Compiler::float_sign},
        {Op::fabs, &Compiler::float_sign},
        {Op::fmin, &Compiler::float_min_max},
        {Op::fmax, &Compiler::float_min_max},
        {Op::fminnm, &Compiler::float_min_max},
        {Op::fmaxnm, &Compiler::float_min_max},
        {Op::fcmp, &Compiler::fcmp},
        {Op::frint, &Compiler::float_round},
        {Op::fcvt, &Compiler::float_convert},
        {Op::f2s, &Compiler::float_to_signed},
        {Op::f2u, &Compiler::float_to_unsigned},
        {Op::s2f, &Compiler::float_from_integer},
        {Op::u2f, &Compiler::float_from_integer},
        {Op::fbits, &Compiler::float_bits},
        {Op::bitsf, &Compiler::bits_float},
        {Op::vget, &Compiler::vec_get},
        {Op::vset, &Compiler::vec_set},
        {Op::vdup, &Compiler::vec_dup},
        {Op::vzext, &Compiler::vec_zext},
        {Op::vlow, &Compiler::vec_low},
        {Op::vcat, &Compiler::vec_zip},
        {Op::vzip1, &Compiler::vec_zip},
        {Op::vzip2, &Compiler::vec_zip},
        {Op::vuzp1, &Compiler::vec_unzip},
        {Op::vuzp2, &Compiler::vec_unzip},
        {Op::vtrn1, &Compiler::vec_transpose},
        {Op::vtrn2, &Compiler::vec_transpose},
        {Op::vext, &Compiler::vec_extract},
        {Op::vmask, &Compiler::vec_mask},
        {Op::vmasks, &Compiler::vec_masks},
        {Op::vrev, &Compiler::vec_reverse},
        {Op::vtbl, &Compiler::vec_table},
        {Op::vand, &Compiler::vec_logic},
        {Op::vor, &Compiler::vec_logic},
        {Op::vxor, &Compiler::vec_logic},
        {Op::vandn, &Compiler::vec_logic},
        {Op::vnot, &Compiler::vec_not},
        {Op::vsel, &Compiler::vec_select},
        {Op::vadd, &Compiler::vec_lanes},
        {Op::vsub, &Compiler::vec_lanes},
        {Op::vmul, &Compiler::vec_lanes},
        {Op::vqadds, &Compiler::vec_lanes},
        {Op::vqaddu, &Compiler::vec_lanes},
        {Op::vqsubs, &Compiler::vec_lanes},
        {Op::vqsubu, &Compiler::vec_lanes},
        {Op::vmins, &Compiler::vec_lanes},
        {Op::vmaxs, &Compiler::vec_lanes},
        {Op::vminu, &Compiler::vec_lanes},
        {Op::vmaxu, &Compiler::vec_lanes},
        {Op::veq, &Compiler::vec_lanes},
        {Op::vgts, &Compiler::vec_lanes},
        {Op::vqnarrows, &Compiler::vec_lanes},
        {Op::vqnarrowsu, &Compiler::vec_lanes},
        {Op::vneg, &Compiler::vec_negate},
        {Op::vabs, &Compiler::vec_negate},
        {Op::vges, &Compiler::vec_compare},
        {Op::vgtu, &Compiler::vec_compare},
        {Op::vgeu, &Compiler::vec_compare},
        {Op::vabds, &Compiler::vec_difference},
        {Op::vabdu, &Compiler::vec_difference},
        {Op::vhadds, &Compiler::vec_halving_add},
        {Op::vhaddu, &Compiler::vec_halving_add},
        {Op::vrhadds, &Compiler::vec_halving_add},
        {Op::vrhaddu, &Compiler::vec_halving_add},
        {Op::vshl, &Compiler::vec_shift_imm},
        {Op::vshru, &Compiler::vec_shift_imm},
        {Op::vshrs, &Compiler::vec_shift_imm},
        {Op::vrshru, &Compiler::vec_shift_imm},
        {Op::vrshrs, &Compiler::vec_shift_imm},
        {Op::vshlvs, &Compiler::vec_shift_by},
        {Op::vshlvu, &Compiler::vec_shift_by},
        {Op::vwidens, &Compiler::vec_widen},
        {Op::vwidenu, &Compiler::vec_widen},
        {Op::vmulls, &Compiler::vec_mul_long},
        {Op::vmullu, &Compiler::vec_mul_long},
        {Op::vnarrow, &Compiler::vec_narrow},
        {Op::vqnarrowu, &Compiler::vec_narrow},
        {Op::vpaddls, &Compiler::vec_pair_add},
        {Op::vpaddlu, &Compiler::vec_pair_add},
        {Op::vsdot, &Compiler::vec_dot},
        {Op::vudot, &Compiler::vec_dot},
        {Op::vcnt, &Compiler::vec_nibbles},
        {Op::vrbit, &Compiler::vec_nibbles},
        {Op::vclz, &Compiler::vec_count_leading},
        {Op::vcls, &Compiler::vec_count_leading},
        {Op::vpmull, &Compiler::vec_polynomial},
        {Op::vfadd, &Compiler::vecf_binary},
        {Op::vfsub, &Compiler::vecf_binary},
        {Op::vfmul, &Compiler::vecf_binary},
        {Op::vfdiv, &Compiler::vecf_binary},
        {Op::vfsqrt, &Compiler::vecf_sqrt},
        {Op::vfma, &Compiler::vecf_fma},
        {Op::vfneg, &Compiler::vecf_sign},
        {Op::vfabs, &Compiler::vecf_sign},
        {Op::vfmin, &Compiler::vecf_min_max},
        {Op::vfmax, &Compiler::vecf_min_max},
        {Op::vfminnm, &Compiler::vecf_min_max},
        {Op::vfmaxnm, &Compiler::vecf_min_max},
        {Op::vfceq, &Compiler::vecf_compare},
        {Op::vfcgt, &Compiler::vecf_compare},
        {Op::vfcge, &Compiler::vecf_compare},
        {Op::vfrint, &Compiler::vecf_round},
        {Op::vfwiden, &Compiler::vecf_widen},
        {Op::vfnarrow, &Compiler::vecf_narrow},
        {Op::vf2s, &Compiler::vecf_to_int},
        {Op::vf2u, &Compiler::vecf_to_int},
        {Op::vs2f, &Compiler::vecf_from_int},
        {Op::vu2f, &Compiler::vecf_from_int},
        {Op::vaesenc, &Compiler::vec_aes},
        {Op::vaesdec, &Compiler::vec_aes},
        {Op::vaesmc, &Compiler::vec_aes},
        {Op::vaesimc, &Compiler::vec_aes},
        {Op::vsha256h, &Compiler::vec_sha256},
        {Op::vsha256h2, &Compiler::vec_sha256},
        {Op::vsha256su0, &Compiler::vec_sha256},
        {Op::vsha256su1, &Compiler::vec_sha256},
        {Op::vsha1c, &Compiler::vec_sha1},
        {Op::vsha1p, &Compiler::vec_sha1},
        {Op::vsha1m, &Compiler::vec_sha1},
        {Op::vsha1h, &Compiler::vec_sha1},
        {Op::vsha1su0, &Compiler::vec_sha1},
        {Op::vsha1su1, &Compiler::vec_sha1},
        {Op::vshani, &Compiler::vec_sha_step},
        {Op::vqrdmulh, &Compiler::vec_mul_high},
        {Op::test_cond, &Compiler::test_cond},
        {Op::flags_add, &Compiler::flags},
        {Op::flags_sub, &Compiler::flags},
        {Op::flags_logic, &Compiler::flags},
        {Op::flags_adc, &Compiler::flags_adc},
        {Op::eflags_add, &Compiler::eflags},
        {Op::eflags_sub, &Compiler::eflags},
        {Op::eflags_adc, &Compiler::eflags},
        {Op::eflags_sbb, &Compiler::eflags},
        {Op::eflags_logic, &Compiler::eflags},
        {Op::eflags_inc, &Compiler::eflags},
        {Op::eflags_dec, &Compiler::eflags},
        {Op::eflags_shl, &Compiler::eflags},
        {Op::eflags_shr, &Compiler::eflags},
        {Op::eflags_sar, &Compiler::eflags},
        {Op::eflags_imul, &Compiler::eflags},
        {Op::eflags_comis, &Compiler::eflags},
        {Op::eflags_rotate, &Compiler::eflags_rotate},
        {Op::eflags_nonzero, &Compiler::eflags_nonzero},
        {Op::test_eflags, &Compiler::test_eflags},
        {Op::select, &Compiler::select},
        {Op::eq, &Compiler::compare},
        {Op::ne, &Compiler::compare},
        {Op::ult, &Compiler::compare},
        {Op::ule, &Compiler::compare},
        {Op::slt, &Compiler::compare},
        {Op::sle, &Compiler::compare},
    };
    for (const Row& row : rows) emit[unsigned(row.op)] = row.emit;
}

const Compiler::Table Compiler::table;

// --- the pass ------------------------------------------------------------------------------------------------------------

void Compiler::start(const fp::Env& env, u32 first_link) {
    table_.clear();
    stubs_.clear();
    cold_.clear();
    links_.clear();
    caches_.clear();
    addresses_.clear();
    poll_exits_.clear();
    hot_exits_.clear();
    block_at_.clear();
    block_jumps_.clear();
    first_link_ = first_link;
    region_ = nullptr;
    plan_ = nullptr;
    a.align(16);
    start_ = a.pos();
    exact_float_ = env.rules == &fp::rules::x86_sse;
    native_float_ = exact_float_ || (env.rules && env.round <= fp::Round::up && !env.flush_inputs && !env.flush_outputs && !env.rules->denormal_operand_flag);
}

/// The hot path of one function, whose context is number block_.
bool Compiler::emit_block(const ir::Function& function, const Homes& homes, const std::vector<bool>* live, u64 reserved_spills) {
    host_flags_ = {};
    host_token_ = {};
    unchecked_.clear();
    emitted_along_ = 0;
    mask_started_ = false;
    row_constants_ = ir::Lane::i8;
    pc_ = function.pc;
    if (contexts_.size() <= block_) contexts_.push_back(std::make_unique<Context>());
    Context& context = *contexts_[block_];
    context.function = &function;
    context.homes = &homes;
    begin(function, context.analysis, homes, live, reserved_spills);
    for (Id id = 1; id < function.nodes.size() && !failed_ && !overflow(); id++) emit(id);
    context.touched = touched_;
    return !failed_ && !overflow();
}

void Compiler::enter_context(u32 index) {
    Context& context = *contexts_[index];
    block_ = index;
    f_ = context.function;
    homes_ = context.homes;
    analysis_ = &context.analysis;
    touched_ = context.touched;
}

bool Compiler::emit_cold_parts() {
    emit_stubs();
    // A cold part may add further ones.
    for (usize i = 0; i < cold_.size(); i++) {
        enter_context(cold_[i].context);
        for (Fixup f : cold_[i].entries) a.bind(f);
        const auto emit_cold = std::move(cold_[i].emit);
        emit_cold();
        a.jmp_to(cold_[i].resume);
    }
    return !failed_ && !overflow();
}

Unit* Compiler::compile(const ir::Function& function, u32 first_link) {
    start(function.fp, first_link);
    block_ = 0;
    if (!emit_block(function, backend_.canonical, nullptr, 0) || !emit_cold_parts()) return nullptr;
    return finish(function.pc, function.mode, function.insns, function.ranges);
}

Unit* Compiler::finish(u64 pc, u32 mode, u32 insns, const std::vector<std::pair<u64, u64>>& ranges) {
    Unit& unit = *arena_.make<Unit>();
    unit.pc = pc;
    unit.mode = mode;
    unit.insns = insns;
    unit.ranges = arena_.copy(ranges);
    unit.code = start_;
    unit.first_link = first_link_;
    unit.links = arena_.array<LinkSite>(links_.size());
    for (u32 i = 0; i < links_.size(); i++) {
        const PendingLink& link = links_[i];
        LinkSite& site = unit.links[i];
        site.inside = link.block != 0;
        site.pc = link.pc;
        if (link.cache) {
            finish_cache(caches_[link.cache - 1], first_link_ + i, site);
        } else {
            site.patch = link.at;
            site.stub = link.way_out ? block_at_[link.way_out - 1] : a.pos();
            if (!link.way_out) a.mov(a.eax, first_link_ + i), a.jmp_to(backend_.routines.leave_link);
        }
        a.set_target(site.patch, site.inside ? block_at_[link.block - 1] : site.stub);
    }
    for (auto [fixup, link] : poll_exits_) {
        a.bind(fixup);
        a.mov(a.eax, first_link_ + link);
        a.jmp_to(backend_.routines.leave_poll);
    }
    for (auto [fixup, link, counter] : hot_exits_) {
        unit.links[link].counter = counter;
        a.bind(fixup);
        a.mov(a.eax, first_link_ + link);
        a.jmp_to(backend_.routines.leave_hot);
    }
    unit.size = a.pos() - start_;
    unit.table = table_.table(arena_);
    unit.addresses = arena_.copy(addresses_);
    EMU_ASSERT(Xbyak::GetError() == 0);
    return &unit;
}

void Compiler::emit(Id id) {
    const Node& n = node(id);
    if (analysis_->info[id].plan != Plan::eager && (n.op == Op::set || n.op == Op::load || ir::effect_of(n.op) == Effect::pure)) return;
    if (!unchecked_.empty() && !may_wait(id)) check_floats();
    current_ = id;
    if (emitted_along_ == id) return end_node();
    switch (n.op) {
    case Op::imm: case Op::vimm: break;
    case Op::get:
        // Nothing to do: known slots are aliases, unknown ones are in memory until somebody wants the value.
        if (analysis_->info[id].uses && !state_.slots[n.a].value) {
            state_.slots[n.a] = {id, true, true, false};
            value(id).memory = s16(n.a);
        }
        break;
    case Op::insn: pc_ = f_->nodes[id].imm(); break;
    case Op::set: emit_set(id); break;
    case Op::exit_if: emit_exit_if(id); break;
    case Op::exit: emit_final_exit(id); return;
    case Op::load: case Op::vload: emit_load(id); break;
    case Op::store: emit_store(id); break;
    case Op::atomic_rmw: emit_atomic_rmw(id); break;
    case Op::atomic_cas: emit_atomic_cas(id); break;
    case Op::fence:
        if (ir::Order(n.aux) == ir::Order::seq_cst) barrier();
        break;
    case Op::call: emit_call(id); break;
    default:
        if (const Id low = analysis_->low_half(id); low && emit_both(low, id)) break;
        emit_pure(id);
        if (follows_unchecked(id)) add_unchecked(id, value(id).reg);
        break;
    }
    end_node();
    set_joined(0);
    if (n.op == Op::set || n.op == Op::exit_if) keep_last_eflags(n.op == Op::exit_if);
}

void Compiler::emit_pure(Id id) {
    const Emitter emitter = table.emit[unsigned(node(id).op)];
    if (emitter && !backend_.options.only_fallback && (this->*emitter)(id)) return;
    emit_fallback(id);
}

/// The node and its low half, which waited for it, as one instruction of 256 bits; else the low half alone, so that it does not wait
/// any longer.
bool Compiler::emit_both(Id low, Id high) {
    if (!is_pending(low)) return false;
    const Emitter emitter = table.emit[unsigned(node(high).op)];
    set_joined(low);
    if (emitter && (this->*emitter)(high)) return true;
    set_joined(0);
    compute(low);
    return false;
}

void Compiler::compute(Id id) {
    const Nest outer = begin_nested(id);
    emit_pure(id);
    end_nested(outer);
}

// --- out-of-line evaluation ------------------------------------------------------------------------------------------------

Type Compiler::operand_type(Id id, unsigned k) const {
    const Node& n = f_->nodes[id];
    return f_->nodes[k == 0 ? n.a : k == 1 ? n.b : n.c].type;
}

Type Compiler::arg_type(Id id, unsigned) const { return operand_type(id, f_->nodes[id].op == Op::select ? 1 : 0); }

namespace {
constexpr usize scratch_offset(unsigned index) { return offsetof(ir::StateHeader, scratch) + 16 * index; }
} // namespace

/// Operand k of node `id` to the scratch area, as a V128 with zeros above a scalar.
void Compiler::store_scratch(Id id, unsigned k) {
    const Id v = operand(id, k);
    const Type type = operand_type(id, k);
    const Xbyak::Address lo = state_at(scratch_offset(k)), hi = state_at(scratch_offset(k) + 8);
    u64 bits;
    if (constant(v, bits) && s64(bits) == s32(bits)) {
        a.mov(a.qword[lo.getRegExp()], bits);
        a.mov(a.qword[hi.getRegExp()], 0);
        return;
    }
    scratch_from(k, type, use(v));
}

void Compiler::scratch_from(unsigned k, Type type, Reg reg) {
    const Xbyak::Address lo = state_at(scratch_offset(k)), hi = state_at(scratch_offset(k) + 8);
    if (type == Type::v128) {
        avx() ? a.vmovups(lo, a.x(reg)) : a.movups(lo, a.x(reg));
        return;
    }
    a.mov(a.qword[hi.getRegExp()], 0);
    if (!is_xmm(reg)) {
        a.mov(lo, a.q(reg));
    } else if (type == Type::f64) {
        avx() ? a.vmovq(a.qword[lo.getRegExp()], a.x(reg)) : a.movq(a.qword[lo.getRegExp()], a.x(reg));
    } else {
        a.mov(a.qword[lo.getRegExp()], 0);
        if (type == Type::f32) avx() ? a.vmovd(a.dword[lo.getRegExp()], a.x(reg)) : a.movd(a.dword[lo.getRegExp()], a.x(reg));
        else if (avx()) a.vpextrw(a.word[lo.getRegExp()], a.x(reg), 0);
        else a.pextrw(a.word[lo.getRegExp()], a.x(reg), 0);
    }
}

void Compiler::load_scratch(Reg to, Type type) {
    const Xbyak::Address from = state_at(scratch_offset(0));
    switch (type) {
    case Type::i1: case Type::i32: a.mov(a.d(to), from); break;
    case Type::i64: a.mov(a.q(to), from); break;
    case Type::v128: avx() ? a.vmovups(a.x(to), from) : a.movups(a.x(to), from); break;
    default: avx() ? a.vmovq(a.x(to), a.qword[from.getRegExp()]) : a.movq(a.x(to), a.qword[from.getRegExp()]); break;
    }
}

void Compiler::emit_eval_call(const Node& n, Type argument) {
    const usize op = offsetof(ir::StateHeader, frame) + offsetof(ir::JitFrame, eval_op);
    a.mov(a.dword[state_at(op).getRegExp()], u32(n.op) | u32(n.type) << 8 | u32(argument) << 12 | u32(n.aux) << 16);
    a.call_to(has_high_halves() ? backend_.routines.eval_wide : backend_.routines.eval);
}

bool Compiler::emit_fallback(Id id) {
    const Node n = f_->nodes[id];
    for_each_operand(id, [&](Id v) { // computing may need the scratch area itself
        if (is_pending(v)) compute(v);
    });
    for (unsigned k = 0; k < 3; k++)
        if (ir::is_operand(n.op, k)) store_scratch(id, k);
    emit_eval_call(n, arg_type(id));
    const Reg to = def(id);
    load_scratch(to, n.type);
    value(id).zero_above = true;
    return true;
}

void Compiler::cold(std::vector<Fixup> at, std::function<void()> emit) { cold_.push_back({std::move(at), a.pos(), std::move(emit), block_}); }

// --- snapshots -----------------------------------------------------------------------------------------------------------

namespace {

/// Where the list has this item; it is added, unless it was one of the last. A unit's snapshots mostly need the same few.
template <class T> u16 index_in(std::vector<T>& list, const T& item) {
    constexpr usize most = 8;
    const auto begin = list.end() - std::ptrdiff_t(std::min(list.size(), most));
    const auto at = std::find(begin, list.end(), item);
    const auto index = u16(at - list.begin());
    if (at == list.end()) list.push_back(item);
    return index;
}

} // namespace

Where Compiler::where(Id id) {
    const Value& v = value(id);
    const Node& n = node(id);
    if (v.reg != no_reg) return is_xmm(v.reg) ? Where{Where::xmm, u16(v.reg - 16)} : Where{Where::gpr, v.reg};
    if (n.op == Op::imm || n.op == Op::vimm)
        return {Where::constant, index_in(table_.constants, n.op == Op::imm ? ir::V128{n.imm(), 0} : f_->vectors[n.a])};
    if (v.pending) {
        Recipe recipe{n.op, n.type, arg_type(id), bool(n.aux & undo_aux) && (is_compare(n.op) || is_flags(n.op) || ir::is_eflags(n.op)), n.aux, {}};
        if (recipe.undo) recipe.aux &= u16(~undo_aux);
        for (unsigned k = 0; k < 3; k++)
            if (ir::is_operand(n.op, k)) recipe.args[k] = where(operand(id, k));
        return {Where::recipe, index_in(table_.recipes, recipe)};
    }
    if (v.spill >= 0) return {Where::spill, u16(v.spill)};
    if (v.memory >= 0 && is_own_slot(unsigned(v.memory))) return {Where::spill, u16(63 - (unsigned(v.memory) - backend_.slots.size()))};
    EMU_ASSERT(v.memory >= 0);
    return {Where::slot, u16(v.memory)};
}

/// Describe where guest registers are now, for a fault in host code [begin, end).
void Compiler::record_snapshot(u32 begin, u32 end) {
    Snapshot s{begin - start_, end - start_, u32(table_.entries.size()), 0, pc_};
    for (RegMask m = displaced(); m; m &= m - 1) {
        const u16 slot = u16(backend_.canonical.slot[std::countr_zero(m)]);
        const SlotState& at = state_.slots[slot];
        table_.entries.push_back({slot, best_from_memory(at) ? Where{Where::slot, slot} : where(at.value)});
    }
    for (u16 slot : touched_) {
        const SlotState& at = state_.slots[slot];
        if (at.value && !at.in_memory && !is_own_slot(slot)) table_.entries.push_back({slot, where(at.value)});
    }
    s.count = u32(table_.entries.size()) - s.first;
    // Neighbours often agree (the two halves of a load pair).
    if (!table_.snapshots.empty()) {
        const Snapshot& last = table_.snapshots.back();
        const auto* entries = table_.entries.data();
        if (last.count == s.count && std::equal(entries + s.first, entries + s.first + s.count, entries + last.first)) {
            table_.entries.resize(s.first);
            s.first = last.first;
        }
    }
    table_.snapshots.push_back(s);
}

// --- operand helpers -------------------------------------------------------------------------------------------------------

Id Compiler::low_id(Id id, unsigned k) const {
    const Id v = operand(id, k);
    if (node(v).op == Op::trunc && is_pending(v) && low_half_will_do(*f_, id, k, v)) return node(v).a;
    return v;
}

Reg Compiler::low(Id id, unsigned k) { return use(low_id(id, k)); }

// --- states for stubs ------------------------------------------------------------------------------------------------------

std::unique_ptr<AllocatorState> Compiler::copy_state() {
    if (spare_states_.empty()) return std::make_unique<AllocatorState>(state_);
    std::unique_ptr<AllocatorState> state = std::move(spare_states_.back());
    spare_states_.pop_back();
    *state = state_;
    return state;
}

void Compiler::restore(std::unique_ptr<AllocatorState> state) {
    std::swap(state_, *state);
    spare_states_.push_back(std::move(state));
}

} // namespace emu::jit

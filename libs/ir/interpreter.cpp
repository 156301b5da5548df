// SPDX-License-Identifier: MIT
#include "ir/interpreter.h"

#include "common/bits.h"
#include "common/result.h"
#include "ir/eval.h"

#include <algorithm>
#include <memory>

namespace emu::ir {

u64 swap_bytes(u64 value, unsigned size) { return __builtin_bswap64(value) >> (64 - 8 * size); }

V128 extend_loaded(V128 raw, Type type, MemFlags flags) {
    if (flags.big_endian) {
        if (flags.size_log2 == 4) raw = {__builtin_bswap64(raw.hi), __builtin_bswap64(raw.lo)};
        else if (flags.size_log2) raw.lo = swap_bytes(raw.lo, flags.bytes());
    }
    if (flags.sign_extend && flags.size_log2 < 3) {
        raw.lo = u64(sign_extend(raw.lo, flags.bytes() * 8));
        if (bit_width(type) < 64) raw.lo &= ones(bit_width(type));
    }
    return raw;
}

V128 prepare_stored(V128 value, MemFlags flags) {
    if (!flags.big_endian) return value;
    if (flags.size_log2 == 4) return {__builtin_bswap64(value.hi), __builtin_bswap64(value.lo)};
    if (flags.size_log2) value.lo = swap_bytes(value.lo, flags.bytes());
    return value;
}

namespace {

V128 read_slot(const StateHeader& state, const Slot& slot) {
    V128 v;
    std::memcpy(&v, reinterpret_cast<const u8*>(&state) + slot.offset, byte_size(slot.type));
    return v;
}

void write_slot(StateHeader& state, const Slot& slot, const V128& v) {
    std::memcpy(reinterpret_cast<u8*>(&state) + slot.offset, &v, byte_size(slot.type));
}

class Run {
public:
    Run(const Function& function, StateHeader& state, Memory& memory)
        : f_(function), state_(state), memory_(memory), values_(scratch(function.nodes.size())) {}

    const Exit* run(unsigned insn_limit) {
        unsigned insns = 0;
        for (Id id = 1; id < f_.nodes.size(); id++) {
            const Node& n = f_.nodes[id];
            if (n.op == Op::insn) {
                if (insn_limit && insns++ == insn_limit) return stop_before(n.imm());
                state_.pc = n.imm();
            } else if (effect_of(n.op) == Effect::exit) {
                if (const Exit* exit = leave(n)) return exit;
            } else {
                step(id, n);
            }
        }
        EMU_ASSERT(!"unit without an exit");
        return nullptr;
    }

private:
    /// A fault abandons the interpreter without unwinding, so that its memory belongs to the thread.
    static V128* scratch(usize nodes) {
        static thread_local std::unique_ptr<V128[]> values;
        static thread_local usize capacity = 0;
        if (capacity < nodes) {
            capacity = std::max<usize>(2 * nodes, 1024);
            values = std::make_unique<V128[]>(capacity);
        }
        return values.get();
    }

    const V128& value(u32 id) const { return values_[id]; }

    const Exit* stop_before(u64 pc) {
        static constexpr Exit sync{ExitKind::sync, 0, 0, 0};
        state_.pc = pc;
        state_.exit_kind = u32(ExitKind::sync);
        return &sync;
    }

    const Exit* leave(const Node& n) {
        if (n.op == Op::exit_if && !(value(n.a).lo & 1)) return nullptr;
        const Exit& exit = f_.exits[n.op == Op::exit_if ? n.b : n.a];
        const u64 v = n.op == Op::exit && n.b ? value(n.b).lo : 0;
        const bool indirect = exit.kind == ExitKind::jump_indirect || exit.kind == ExitKind::call_indirect || exit.kind == ExitKind::ret;
        state_.exit_kind = u32(exit.kind);
        state_.exit_code = exit.code;
        state_.exit_value = v;
        state_.pc = indirect ? v : exit.pc;
        return &exit;
    }

    void step(Id id, const Node& n) {
        V128& out = values_[id];
        switch (n.op) {
        case Op::imm: out = {n.imm(), 0}; break;
        case Op::vimm: out = f_.vectors[n.a]; break;
        case Op::get: out = read_slot(state_, f_.slots[n.a]); break;
        case Op::set: write_slot(state_, f_.slots[n.a], value(n.b)); break;
        case Op::load: case Op::vload: {
            MemFlags flags = MemFlags::unpack(n.aux);
            out = extend_loaded(memory_.load(value(n.a).lo, flags), n.type, flags);
            break;
        }
        case Op::store: {
            MemFlags flags = MemFlags::unpack(n.aux);
            memory_.store(value(n.a).lo, flags, prepare_stored(value(n.b), flags));
            break;
        }
        case Op::atomic_rmw: {
            MemFlags flags = MemFlags::unpack(n.aux);
            V128 old{memory_.rmw(value(n.a).lo, flags, aux_atomic(n.aux), value(n.b).lo), 0};
            flags.big_endian = false; // done by rmw
            out = extend_loaded(old, n.type, flags);
            break;
        }
        case Op::atomic_cas: {
            MemFlags flags = MemFlags::unpack(n.aux);
            V128 old = memory_.cas(value(n.a).lo, flags, prepare_stored(value(n.b), flags), prepare_stored(value(n.c), flags));
            out = extend_loaded(old, n.type, flags);
            break;
        }
        case Op::fence:
            if (Order(n.aux) == Order::seq_cst) __atomic_thread_fence(__ATOMIC_SEQ_CST);
            break;
        case Op::call: call(n, out); break;
        default: pure(n, out); break;
        }
    }

    void call(const Node& n, V128& out) {
        const Helper& helper = *f_.helpers[n.a];
        u64 args[4] = {};
        for (unsigned i = 0; i < helper.args; i++) args[i] = value(f_.extra[n.b + i]).lo;
        auto function = reinterpret_cast<u64 (*)(StateHeader&, u64, u64, u64, u64)>(helper.function);
        u64 r = function(state_, args[0], args[1], args[2], args[3]);
        if (helper.result != Type::none) out = {bit_width(helper.result) < 64 ? r & ones(bit_width(helper.result)) : r, 0};
    }

    void pure(const Node& n, V128& out) {
        const V128 args[3] = {value(n.a), value(n.b), value(n.c)};
        fp::Env env = f_.fp;
        env.flags = 0;
        out = eval(n.op, n.type, n.aux, f_.nodes[n.op == Op::select ? n.b : n.a].type, args, env);
        state_.fp_flags |= env.flags;
    }

    const Function& f_;
    StateHeader& state_;
    Memory& memory_;
    V128* values_;
};

} // namespace

const Exit* interpret(const Function& function, StateHeader& state, Memory& memory, unsigned insn_limit) {
    return Run(function, state, memory).run(insn_limit);
}

} // namespace emu::ir

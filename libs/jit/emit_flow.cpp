// SPDX-License-Identifier: MIT
// Leaving a unit: putting guest registers where the canonical state wants them, links, calls and returns, traps; helper calls.
#include "jit/compiler.h"

#include "common/result.h"
#include "ir/host_x87.h"

#include <bit>
#include <cstddef>

namespace emu::jit {

using ir::Exit;
using ir::ExitKind;
using ir::Node;
using ir::Op;
using ir::Type;

namespace {

/// Registers that translated code may lose in a C++ call.
constexpr RegMask clobbered_by_call =
    bit_of(rax) | bit_of(rcx) | bit_of(rdx) | bit_of(rsi) | bit_of(rdi) | bit_of(r8) | bit_of(r9) | bit_of(r10) | bit_of(r11) | xmm_mask | upper_mask | high_mask;

} // namespace

void Compiler::emit_set(Id id) {
    const Node& n = node(id);
    // An address that was only used by memory operands so far is computed now: in place, if the old value is done with. What the
    // next push or pop replaces is left to snapshots and exits.
    if (is_pending(n.b) && node(n.b).op == Op::add && !analysis_->is_replaced(n.b)) compute(n.b);
    set_slot(n.a, n.b);
}

// --- canonical state ---------------------------------------------------------------------------------------------------------

bool Compiler::state_is_canonical() const {
    if (displaced()) return false;
    for (u16 slot : touched_)
        if (state_.slots[slot].value && !state_.slots[slot].in_memory && !is_own_slot(slot)) return false;
    return true;
}

/// Write every slot's value where the next unit expects it, and `result` (if any) to rax. Registers but the homes and rax are
/// free afterwards.
void Compiler::write_back(Id result) {
    // What is not computed yet needs temporaries, so it comes first.
    const RegMask none = locked_;
    for (u16 slot : touched_) {
        if (state_.slots[slot].value && !state_.slots[slot].in_memory && !is_own_slot(slot)) store_slot(slot);
        locked_ = none;
    }
    for (RegMask m = displaced(); m; m &= m - 1) {
        const SlotState& at = state_.slots[usize(backend_.canonical.slot[std::countr_zero(m)])];
        if (!best_from_memory(at) && is_pending(at.value)) compute(at.value);
    }
    if (result && is_pending(result)) compute(result);

    // Registers to registers, all at once.
    moves_.clear();
    loads_.clear();
    auto want = [&](Reg to, Id v) {
        if (value(v).reg == to) return;
        if (value(v).reg != no_reg) moves_.push_back({to, value(v).reg});
        else loads_.push_back({to, v});
    };
    RegMask from_memory = 0; // unknown after a helper call, or not changed in a region
    for (RegMask m = displaced(); m; m &= m - 1) {
        const Reg reg = Reg(std::countr_zero(m));
        const SlotState& at = state_.slots[usize(backend_.canonical.slot[reg])];
        if (best_from_memory(at)) from_memory |= bit_of(reg);
        else want(reg, at.value);
    }
    if (result) want(rax, result);
    parallel_move(moves_, backend_.canonical.mask);

    for (auto [reg, v] : loads_) load_from(reg, v);
    for (RegMask m = from_memory; m; m &= m - 1) {
        const Reg reg = Reg(std::countr_zero(m));
        load_slot(reg, unsigned(backend_.canonical.slot[reg]));
    }
}

/// All sources are read before any destination is written. Destinations are distinct; registers that are neither sources nor
/// among `busy` are free.
void Compiler::parallel_move(std::vector<Move>& moves, RegMask busy) {
    a.wide_vectors = has_high_halves();
    while (!moves.empty()) {
        RegMask sources = busy;
        for (const Move& m : moves) sources |= bit_of(whole_of(m.from));
        bool progress = false;
        for (usize i = 0; i < moves.size();) {
            const Move m = moves[i];
            // Is the destination still to be read by another move?
            bool blocked = false;
            for (usize j = 0; j < moves.size(); j++) blocked |= j != i && whole_of(moves[j].from) == m.to;
            if (blocked) {
                i++;
                continue;
            }
            move(m.to, m.from);
            moves[i] = moves.back();
            moves.pop_back();
            progress = true;
        }
        if (progress || moves.empty()) continue;
        // Only cycles are left.
        const Move m = moves.back();
        if (is_xmm(m.to)) {
            const Reg spare = Reg(std::countr_zero(xmm_mask & ~sources));
            move(spare, m.to);
            for (Move& other : moves)
                if (whole_of(other.from) == m.to) other.from = is_high(other.from) ? high_of(spare) : spare;
        } else {
            a.xchg(a.q(m.to), a.q(m.from));
            moves.pop_back();
            for (Move& other : moves)
                if (other.from == m.to) other.from = m.from;
        }
    }
    a.wide_vectors = false;
}

// --- exits -----------------------------------------------------------------------------------------------------------------

/// Every loop passes a jump to an address not beyond it: that is where requests to stop are looked at. Or it passes an inlined call's
/// way out, which stands for the call, wherever that came from.
bool Compiler::is_back_edge(const Exit& exit) const { return (exit.kind == ExitKind::jump || exit.kind == ExitKind::call) && (exit.pc <= pc_ || exit.inlined); }

void Compiler::emit_exit_if(Id id) {
    const Exit& exit = f_->exits[node(id).b];
    if (stays(exit)) return emit_inner_exit_if(id, exit);
    const HostCond cond = emit_condition(node(id).a);
    // A loop's back edge is taken more often than not: it stays on the hot path.
    if (is_back_edge(exit) && exit.kind == ExitKind::jump) {
        std::vector<Fixup> skip;
        const Id token = token_in_host_flags();
        jump_if(inverse(cond), skip, false);
        auto before = copy_state();
        const RegMask locked = locked_;
        locked_ = 0;
        keep_host_eflags(token);
        emit_exit(exit, 0);
        locked_ = locked;
        restore(std::move(before));
        for (Fixup f : skip) a.bind(f);
        host_token_ = {a.pos(), token};
        return;
    }
    std::vector<Fixup> taken;
    const bool direct = exit.kind == ExitKind::jump && state_is_canonical();
    const Id token = token_in_host_flags();
    jump_if(cond, taken, direct);
    host_token_ = {a.pos(), token};
    if (direct) {
        for (Fixup f : taken) links_.push_back({exit.pc, f, 0});
        return;
    }
    stubs_.push_back({copy_state(), std::move(taken), id, pc_, block_, false, token});
}

/// Jump if the condition holds; `taken` are the jumps to be aimed. `patched`: they will be links.
void Compiler::jump_if(HostCond cond, std::vector<Fixup>& taken, bool patched) {
    auto jcc = [&](Cc cc) {
        if (patched) align_patch(2);
        return a.jcc_forward(cc);
    };
    if (cond.parity == HostCond::strict) {
        const Fixup unordered = a.jcc_forward(cc_p);
        taken.push_back(jcc(cond.cc));
        a.bind(unordered);
        return;
    }
    if (cond.parity == HostCond::or_parity) taken.push_back(jcc(cc_p));
    taken.push_back(jcc(cond.cc));
}

/// A displacement that is patched while others run the jump must be written in one piece: it may not straddle eight bytes.
void Compiler::align_patch(unsigned opcode_bytes) {
    const u32 at = (a.pos() + opcode_bytes) & 7;
    if (at > 4) a.nop(8 - at);
}

Fixup Compiler::emit_link(bool call) {
    align_patch(1);
    if (!call) return a.jmp_forward();
    a.db(0xe8), a.dd(0);
    return a.pos() - 4;
}

void Compiler::emit_stubs() {
    for (Stub& stub : stubs_) {
        enter_context(stub.context);
        restore(std::move(stub.state));
        pc_ = stub.pc;
        current_ = stub.exit_node;
        for (Fixup f : stub.entries) a.bind(f);
        keep_host_eflags(stub.token);
        const Node& n = node(stub.exit_node);
        const Exit& exit = f_->exits[n.op == Op::exit_if ? n.b : n.a];
        if (stub.unexpected) {
            exit.inner ? emit_unexpected_return(n.b) : emit_exit(exit, n.b);
        } else if (stub.poll) {
            write_back(0);
            a.mov_imm(rax, exit.pc);
            a.jmp_to(backend_.routines.leave_poll_pc);
        } else if (stays(exit)) {
            hand_over(exit.block - 1);
            jump_to_block(exit.block - 1);
        } else {
            emit_exit(exit, 0);
        }
        locked_ = 0;
    }
}

void Compiler::emit_final_exit(Id id) {
    const Exit& exit = f_->exits[node(id).a];
    if (stays(exit)) emit_inner_exit(exit, true);
    else if (exit.inner && exit.kind == ExitKind::call) emit_inner_call(exit);
    else if (exit.inner) emit_inner_return(id, node(id).b);
    else if (exit.block && exit.kind == ExitKind::ret) emit_checked_return(id, exit, node(id).b);
    else emit_exit(exit, node(id).b);
}

void Compiler::emit_exit(const Exit& exit, Id result) {
    write_back(result);
    switch (exit.kind) {
    case ExitKind::jump:
        if (is_back_edge(exit)) emit_poll();
        links_.push_back({exit.pc, emit_link(false), 0});
        break;
    case ExitKind::call:
        if (is_back_edge(exit)) emit_poll();
        push_return(exit.ret);
        links_.push_back({exit.pc, emit_link(true), 0});
        emit_landing(exit);
        break;
    case ExitKind::jump_indirect: emit_indirect(exit, false); break;
    case ExitKind::call_indirect: emit_indirect(exit, true); break;
    case ExitKind::ret:
        a.cmp(a.rax, a.ptr[a.rsp + 8]);
        a.jcc_to(cc_ne, backend_.routines.return_mismatch);
        a.ret();
        break;
    case ExitKind::trap:
    case ExitKind::sync: emit_stop(exit, result); break;
    }
}

void Compiler::emit_poll() {
    a.cmp(a.dword[state_at(offsetof(ir::StateHeader, poll)).getRegExp()], 0);
    // Leaves by the link that comes next, so that the loop continues with its target.
    poll_exits_.push_back({a.jcc_forward(cc_ne), u32(links_.size())});
    const u32 counter = counters_ && backend_.options.hot_threshold ? counters_->place(backend_.options.hot_threshold) : 0;
    if (!counter) return;
    // The first two bytes will be replaced in one store (Jit::stop_counting).
    if (a.pos() % 8 == 7) a.nop(1);
    hot_exits_.push_back({0, u32(links_.size()), a.pos()});
    // sub dword [rip + counter], 1: others may count here too and a count may get lost
    for (u8 byte : LinkSite::count_opcode) a.db(byte);
    a.dd(0), a.db(1);
    a.rewrite(a.pos() - 5, u64(s64(counter) - s64(a.pos())) & 0xffffffff, 4);
    hot_exits_.back().taken = a.jcc_forward(cc_e);
    EMU_ASSERT(a.pos() - hot_exits_.back().counter == LinkSite::count_bytes);
}

void Compiler::push_return(u64 pc) {
    if (s64(pc) == s32(pc)) {
        a.push(u32(pc));
    } else {
        a.mov_imm(rcx, pc);
        a.push(a.rcx);
    }
}

/// Where a return that the pair on the stack predicted comes to.
void Compiler::emit_landing(const Exit& exit) {
    a.add(a.rsp, 8);
    // Others may keep this address for long: it must be possible to turn it away from a region that is not valid any more.
    links_.push_back({exit.ret, emit_link(false), exit.block});
}

/// To the vCPU loop; rax = value, if there is one.
void Compiler::emit_stop(const Exit& exit, Id result) {
    auto put32 = [&](usize offset, u32 v) { a.mov(a.dword[state_at(offset).getRegExp()], v); };
    if (result) {
        a.mov(state_at(offsetof(ir::StateHeader, exit_value)), a.rax);
    } else {
        a.mov(a.qword[state_at(offsetof(ir::StateHeader, exit_value)).getRegExp()], 0);
    }
    put32(offsetof(ir::StateHeader, exit_kind), u32(exit.kind));
    put32(offsetof(ir::StateHeader, exit_code), exit.code);
    a.mov_imm(rcx, exit.pc);
    a.mov(state_at(offsetof(ir::StateHeader, pc)), a.rcx);
    a.jmp_to(backend_.routines.leave_stop);
}

// --- helpers ---------------------------------------------------------------------------------------------------------------

/// Everything that lives on after a C++ call goes to memory or sits in registers that C++ preserves. `id` is the call; what only
/// its arguments need may be lost. Registers keep their contents until the call itself.
void Compiler::save_for_call(Id id) {
    std::array<u16, reg_count> as_argument{};
    for_each_operand(id, [&](Id v) {
        if (value(v).reg != no_reg) as_argument[value(v).reg]++;
    });
    for (RegMask m = clobbered_by_call & (backend_.allocatable | high_mask); m; m &= m - 1) {
        const Reg reg = Reg(std::countr_zero(m));
        const Id v = state_.contents[reg];
        if (!v) continue;
        if (value(v).uses > as_argument[reg] || value(v).slots) evict(reg);
    }
}

/// The slots' memory is about to change: values that are needed later and live only there, or in registers that will be lost,
/// go to the frame.
void Compiler::rescue_slot_memory(Id id) {
    // Loading one may push another out of its register: until nothing changes.
    for (bool changed = true; changed;) {
        changed = false;
        for (unsigned slot = 0; slot < state_.slots.size(); slot++) changed |= rescue_slot(id, slot);
    }
}

bool Compiler::rescue_slot(Id id, unsigned slot) {
    const Id v = state_.slots[slot].value;
    if (!v || value(v).memory != s16(slot) || value(v).spill >= 0) return false;
    u16 as_argument = 0;
    for_each_operand(id, [&](Id operand) { as_argument = u16(as_argument + (operand == v)); });
    if (value(v).uses <= as_argument) return false;
    if (value(v).reg != no_reg && !(clobbered_by_call & bit_of(value(v).reg))) return false;
    const RegMask none = locked_;
    spill(use(v));
    locked_ = none;
    return !overflow();
}

void Compiler::emit_call(Id id) {
    const Node& n = node(id);
    const ir::Helper& helper = *f_->helpers[n.a];
    if (ir::x87_form(helper) != ir::X87Form::none) return emit_x87(id);
    const bool syncs = helper.reads_state || helper.writes_state;
    for (unsigned k = 0; k < helper.args; k++)
        if (is_pending(analysis_->extra[n.b + k])) compute(analysis_->extra[n.b + k]);
    if (syncs) { // the helper finds every slot in memory
        for (unsigned slot = 0; slot < state_.slots.size(); slot++) {
            if (!state_.slots[slot].value || state_.slots[slot].in_memory) continue;
            store_slot(slot);
            locked_ = 0;
        }
    }
    if (helper.writes_state) rescue_slot_memory(id);

    // Arguments go from where they are to where C++ wants them, all at once.
    static constexpr Reg places[4] = {rsi, rdx, rcx, r8};
    moves_.clear();
    loads_.clear();
    for (unsigned k = 0; k < helper.args; k++) {
        const Id v = analysis_->extra[n.b + k];
        if (value(v).reg != no_reg) moves_.push_back({places[k], value(v).reg});
        else loads_.push_back({places[k], v});
    }
    save_for_call(id);
    parallel_move(moves_, 0);
    for (auto [reg, v] : loads_) load_from(reg, v);
    // The long form whatever the address is: the code may be put to use where the program is loaded elsewhere.
    a.db(0x48), a.db(0xb8), a.dq(u64(helper.function));
    addresses_.push_back(a.pos() - 8);
    a.call_to(syncs ? backend_.routines.call_syncing : helper.may_raise ? backend_.routines.call_raising : backend_.routines.call_helper);
    if (helper.may_raise) record_snapshot(a.pos() - 1, a.pos());
    consume(id);
    row_constants_ = ir::Lane::i8;
    if (helper.writes_state) {
        forget_all_slots();
        for (const Analysis::Pseudo& p : analysis_->pseudos) {
            if (p.at != id) continue;
            state_.slots[p.slot] = {p.value, true, true, true};
            value(p.value).memory = s16(p.slot);
            value(p.value).slots = 1;
        }
        release_slots(id);
    }
    if (helper.result == Type::none) return;
    if (helper.result == Type::i32) a.mov(a.eax, a.eax);
    else if (helper.result == Type::i1) a.and_(a.eax, 1);
    assign(id, rax);
}

} // namespace emu::jit

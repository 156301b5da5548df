// SPDX-License-Identifier: MIT
#include "jit/jit.h"

#include "jit/compiler.h"

#include <algorithm>
#include <cstring>
#include <ucontext.h>

namespace emu::jit {

namespace {

constexpr u32 pool_bytes = 256 << 10;
/// Room a unit may need per IR node, all its stubs included, and in any case.
constexpr usize bytes_per_node = 512, bytes_at_least = 64 << 10;

bool same(const fp::Env& x, const fp::Env& y) {
    return x.rules == y.rules && x.round == y.round && x.flush_inputs == y.flush_inputs && x.flush_outputs == y.flush_outputs &&
           x.default_nan == y.default_nan && x.flush_inputs_f16 == y.flush_inputs_f16 && x.flush_outputs_f16 == y.flush_outputs_f16 &&
           x.alt_half == y.alt_half && x.f80_precision == y.f80_precision;
}

} // namespace

Result<std::unique_ptr<Jit>> Jit::create(const Options& options, ir::SlotTable slots) {
    auto buffer = EMU_TRY(CodeBuffer::create(options.code_buffer, options.split_buffer));
    return std::unique_ptr<Jit>(new Jit(options, slots, std::move(buffer)));
}

Jit::Jit(const Options& options, ir::SlotTable slots, CodeBuffer buffer)
    : backend_(options, slots), buffer_(std::move(buffer)), assembler_(buffer_.write(), buffer_.size()) {
    backend_.routines = emit_routines(assembler_, backend_);
    const u32 pool_at = (assembler_.pos() + 63) / 64 * 64;
    first_unit_ = pool_at + pool_bytes;
    pool_ = std::make_unique<ConstantPool>(assembler_, pool_at, first_unit_);
    compiler_ = std::make_unique<Compiler>(assembler_, backend_, *pool_);
    assembler_.rewind(first_unit_);
}

Jit::~Jit() = default;

const fp::Env* Jit::intern(const fp::Env& env) {
    for (const auto& known : envs_)
        if (same(*known, env)) return known.get();
    envs_.push_back(std::make_unique<fp::Env>(env));
    return envs_.back().get();
}

Jit::Outcome Jit::compile(const ir::Function& function, Unit*& unit) {
    const u32 at = assembler_.pos();
    if (at + function.nodes.size() * bytes_per_node + bytes_at_least > buffer_.size() || pool_->full()) return Outcome::full;
    auto fresh = std::make_unique<Unit>();
    if (!compiler_->compile(function, u32(sites_.size()), *fresh)) {
        assembler_.rewind(at);
        return pool_->full() ? Outcome::full : Outcome::too_complex;
    }
    fresh->env = intern(function.fp);
    for (u32 i = 0; i < fresh->link_count; i++) sites_.push_back(&fresh->links[i]);
    unit = fresh.get();
    units_.push_back(std::move(fresh));
    return Outcome::ok;
}

// --- links -----------------------------------------------------------------------------------------------------------------

void Jit::patch(u32 at, u32 target) {
    // One store that does not cross eight bytes (Compiler::align_patch), so that others see the old or the new jump.
    const u32 displacement = target - (at + 4);
    u8* place = buffer_.write() + at;
    asm volatile("movl %1, %0" : "=m"(*reinterpret_cast<u32*>(place)) : "r"(displacement) : "memory");
}

void Jit::link(u32 number, Unit& target) {
    LinkSite& site = *sites_[number];
    if (site.target || !target.valid) return;
    site.target = &target;
    site.next = target.incoming;
    site.link = &target.incoming;
    if (site.next) site.next->link = &site.next;
    target.incoming = &site;
    patch(site.patch, target.code);
}

void Jit::unlink(Unit& unit) {
    unit.valid = false;
    while (LinkSite* site = unit.incoming) {
        patch(site->patch, site->stub);
        unit.incoming = site->next;
        if (site->next) site->next->link = &unit.incoming;
        site->target = nullptr;
        site->next = nullptr;
        site->link = nullptr;
    }
}

void Jit::flush() {
    units_.clear();
    sites_.clear();
    pool_->clear();
    assembler_.rewind(first_unit_);
}

// --- running ---------------------------------------------------------------------------------------------------------------

void Jit::prepare(ir::StateHeader& state, ReturnStack& stack) const {
    stack.set_sentinel(buffer_.exec() + backend_.routines.return_sentinel);
    state.shadow_top = state.jit_stack = stack.top();
    std::fill_n(state.jump_cache, usize(1) << ir::jump_cache_bits, ir::JumpCacheEntry{});
}

Leave Jit::enter(ir::StateHeader& state, const Unit& unit) const {
    state.frame.eval_env = unit.env;
    using Enter = u32 (*)(ir::StateHeader*, const void*);
    return Leave(reinterpret_cast<Enter>(u64(buffer_.exec()) + backend_.routines.enter)(&state, entry(unit)));
}

const Unit* Jit::find_by_host(u64 host_pc) const {
    const u64 offset = host_pc - u64(buffer_.exec());
    auto after = std::upper_bound(units_.begin(), units_.end(), offset, [](u64 at, const auto& unit) { return at < unit->code; });
    if (after == units_.begin()) return nullptr;
    const Unit* unit = std::prev(after)->get();
    return offset < unit->code + unit->size ? unit : nullptr;
}

usize Jit::used() const { return assembler_.getSize() - first_unit_; }

// --- faults ----------------------------------------------------------------------------------------------------------------

void Jit::redirect(ir::StateHeader& state, void* ucontext) const {
    auto* context = static_cast<ucontext_t*>(ucontext);
    greg_t* g = context->uc_mcontext.gregs;
    static constexpr int order[16] = {REG_RAX, REG_RCX, REG_RDX, REG_RBX, REG_RSP, REG_RBP, REG_RSI, REG_RDI,
                                      REG_R8,  REG_R9,  REG_R10, REG_R11, REG_R12, REG_R13, REG_R14, REG_R15};
    for (unsigned i = 0; i < 16; i++) state.frame.gpr[i] = u64(g[order[i]]);
    std::memcpy(state.frame.xmm, context->uc_mcontext.fpregs->_xmm, sizeof state.frame.xmm);
    state.pc = u64(g[REG_RIP]); // for recover()
    g[REG_RIP] = greg_t(u64(buffer_.exec()) + backend_.routines.leave_fault);
}

bool Jit::repair_stack(const ir::StateHeader& state, const ReturnStack& stack, u64 address, void* ucontext) {
    if (!stack.in_guard(address)) return false;
    auto* context = static_cast<ucontext_t*>(ucontext);
    context->uc_mcontext.gregs[REG_RSP] = greg_t(state.shadow_top);
    return true;
}

bool Jit::recover_at(ir::StateHeader& state, u64 host_pc) const {
    const Unit* unit = find_by_host(host_pc);
    if (!unit) return false;
    const Snapshot* snapshot = unit->table.find(u32(host_pc - u64(entry(*unit))));
    if (!snapshot) return false;
    restore_state(unit->table, *snapshot, backend_, *unit->env, state);
    return true;
}

bool Jit::recover(ir::StateHeader& state) const { return recover_at(state, state.pc); }

void Jit::raise(ir::StateHeader& state) const {
    u64 return_address;
    std::memcpy(&return_address, state.jit_stack, 8);
    EMU_ASSERT(recover_at(state, return_address));
    const u64 target = u64(buffer_.exec()) + backend_.routines.leave_raised, base = u64(&state) + u64(state_bias);
    asm volatile("movq %0, %%r15\n\tjmp *%1" : : "r"(base), "a"(target) : "r15", "memory");
    __builtin_unreachable();
}

} // namespace emu::jit

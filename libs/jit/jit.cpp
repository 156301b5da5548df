// SPDX-License-Identifier: MIT
#include "jit/jit.h"

#include "jit/compiler.h"

#include <algorithm>
#include <cstring>
#include <ucontext.h>

namespace emu::jit {

namespace {

/// Room for constants in each part of the buffer, and for counters.
constexpr u32 most_pool_bytes = 256 << 10;
u32 pool_bytes(usize buffer) { return u32(std::min<usize>(most_pool_bytes, buffer / 16) & ~usize(63)); }
/// Room a unit may need per IR node, all its stubs included, and in any case.
constexpr u32 settle_bytes = 256 << 10; ///< see CodeBuffer::settle
constexpr u32 prepare_bytes = 64 << 10; ///< see CodeBuffer::prepare
constexpr usize bytes_per_node = 512, bytes_at_least = 64 << 10;
/// So often to elsewhere, and an indirect jump goes without its inline cache.
constexpr u8 most_strays = 3;

bool same(const fp::Env& x, const fp::Env& y) {
    return x.rules == y.rules && x.round == y.round && x.flush_inputs == y.flush_inputs && x.flush_outputs == y.flush_outputs &&
           x.default_nan == y.default_nan && x.flush_inputs_f16 == y.flush_inputs_f16 && x.flush_outputs_f16 == y.flush_outputs_f16 &&
           x.alt_half == y.alt_half && x.f80_precision == y.f80_precision;
}

} // namespace

Result<std::unique_ptr<Jit>> Jit::create(const Options& options, ir::SlotTable slots) {
    auto buffer = EMU_TRY(CodeBuffer::create(options.code_buffer));
    std::unique_ptr<Jit> jit(new Jit(options, slots, std::move(buffer)));
    EMU_CHECK(jit->buffer_.make_data({jit->counters_->begin(), jit->counters_->end()}));
    return jit;
}

Jit::Jit(const Options& options, ir::SlotTable slots, CodeBuffer buffer)
    : backend_(options, slots), buffer_(std::move(buffer)), plain_(std::make_unique<Area>(buffer_.write(), buffer_.size())),
      regions_(std::make_unique<Area>(buffer_.write(), buffer_.size())) {
    Assembler& as = plain_->assembler;
    backend_.routines = emit_routines(as, backend_);
    const u32 counters_at = (as.pos() + 4095) / 4096 * 4096, middle = u32(buffer_.size() / 4 * 3) & ~u32(4095);
    const u32 counters_end = counters_at + (pool_bytes(buffer_.size()) + 4095) / 4096 * 4096;
    counters_ = std::make_unique<CounterPool>(as, counters_at, counters_end);
    set_up(*plain_, counters_end, middle);
    set_up(*regions_, middle, u32(buffer_.size()));
    plain_->compiler = std::make_unique<Compiler>(as, backend_, *plain_->pool, counters_.get(), plain_->arena);
    regions_->compiler = std::make_unique<Compiler>(regions_->assembler, backend_, *regions_->pool, nullptr, regions_->arena);
}

void Jit::set_up(Area& area, u32 at, u32 end) {
    area.first_unit = at + pool_bytes(buffer_.size());
    area.end = end;
    area.pool = std::make_unique<ConstantPool>(area.assembler, at, area.first_unit);
    area.clear();
}

Jit::Area::Area(u8* memory, usize size) : assembler(memory, size) {}
Jit::Area::~Area() = default;

bool Jit::Area::has_room(usize nodes) const { return assembler.getSize() + nodes * bytes_per_node + bytes_at_least <= end && !pool->full(); }

void Jit::Area::clear() {
    units.clear();
    sites.clear();
    arena.clear();
    pool->clear();
    assembler.rewind(first_unit);
    settled = first_unit & ~u32(4095);
    ready = std::max(ready, settled);
}

Jit::~Jit() = default;

const fp::Env* Jit::intern(const fp::Env& env) {
    for (const auto& known : envs_)
        if (same(*known, env)) return known.get();
    envs_.push_back(std::make_unique<fp::Env>(env));
    return envs_.back().get();
}

Jit::Outcome Jit::compile(const ir::Function& function, Unit*& unit) {
    Area& area = *plain_;
    const u32 at = area.assembler.pos();
    if (!area.has_room(function.nodes.size())) return Outcome::full;
    prepare(area);
    unit = area.compiler->compile(function, u32(area.sites.size()));
    if (!unit) {
        area.assembler.rewind(at);
        return area.pool->full() ? Outcome::full : Outcome::too_complex;
    }
    unit->env = intern(function.fp);
    for (LinkSite& site : unit->links) area.sites.push_back(&site);
    live_ += unit->size;
    area.units.push_back(unit);
    settle(area);
    return Outcome::ok;
}

Jit::Outcome Jit::compile(const ir::Region& region, Unit*& unit) {
    Area& area = *regions_;
    const u32 at = area.assembler.pos();
    usize nodes = 0;
    for (const auto& block : region.blocks) nodes += block->function.nodes.size();
    if (!area.has_room(nodes)) return Outcome::full;
    unit = area.compiler->compile(region, region_site | u32(area.sites.size()));
    if (unit) return Outcome::ok;
    area.assembler.rewind(at);
    return area.pool->full() ? Outcome::full : Outcome::too_complex;
}

void Jit::prepare(Area& area) {
    while (area.ready < area.assembler.pos() + prepare_bytes / 2 && area.ready + prepare_bytes <= area.end) {
        buffer_.prepare({area.ready, area.ready + prepare_bytes});
        area.ready += prepare_bytes;
    }
}

/// What was written last is left alone for a while: its exits are yet to be linked.
void Jit::settle(Area& area) {
    const u32 pos = area.assembler.pos() & ~u32(4095);
    if (pos - area.settled < 2 * settle_bytes) return;
    buffer_.settle({area.settled, pos - settle_bytes});
    area.settled = pos - settle_bytes;
}

void Jit::add(Unit& region, const fp::Env& env) {
    region.env = intern(env);
    live_ += region.size;
    for (LinkSite& site : region.links) regions_->sites.push_back(&site);
    regions_->units.push_back(&region);
}

// --- links -----------------------------------------------------------------------------------------------------------------

void Jit::patch(u32 at, u32 target) {
    // One store that does not cross eight bytes (Compiler::align_patch), so that others see the old or the new jump.
    const u32 displacement = target - (at + 4);
    u8* place = buffer_.write() + at;
    asm volatile("movl %1, %0" : "=m"(*reinterpret_cast<u32*>(place)) : "r"(displacement) : "memory");
}

void Jit::link(u32 number, Unit& target) {
    LinkSite& site = *this->site(number);
    if (!target.valid) return;
    if (site.key && site.aimed && site.pc != target.pc) return stray(site);
    if (site.target) return;
    site.target = &target;
    site.next = target.incoming;
    target.incoming = &site;
    patch(site.patch, target.code);
    if (!site.key || site.aimed) return;
    site.pc = target.pc;
    site.aimed = true;
    store(site.key, site.pc);
}

/// One store of eight aligned bytes, so that others see the old or the new ones.
void Jit::store(u32 at, u64 bytes) {
    EMU_ASSERT(at % 8 == 0);
    asm volatile("movq %1, %0" : "=m"(*reinterpret_cast<u64*>(buffer_.write() + at)) : "r"(bytes) : "memory");
}

void Jit::replace(u32 at, ConstBytes bytes) {
    const u32 word = at & ~u32(7);
    EMU_ASSERT(at + bytes.size() <= word + 8);
    u64 value;
    std::memcpy(&value, buffer_.write() + word, 8);
    std::memcpy(reinterpret_cast<u8*>(&value) + (at - word), bytes.data(), bytes.size());
    store(word, value);
}

/// What was hot is known to be; to count on would make processors that run the loop at once fight for the counter's cache line.
void Jit::stop_counting(u32 number) {
    const LinkSite& site = *this->site(number);
    if (!site.counter) return;
    replace(site.counter, std::array<u8, 2>{0xeb, LinkSite::count_bytes - 2}); // jmp over it
}

/// An indirect jump that does not always lead to one place is better off without its inline cache (see emit_indirect.cpp).
void Jit::stray(LinkSite& site) {
    if (site.strays == most_strays || ++site.strays < most_strays) return;
    static constexpr u8 nop[LinkSite::gate_bytes] = {0x0f, 0x1f, 0x44, 0x00, 0x00};
    replace(site.gate, nop);
}

void Jit::unlink(Unit& unit) {
    if (unit.valid) live_ -= unit.size, stale_ += unit.size;
    unit.valid = false;
    for (LinkSite& site : unit.links) {
        if (site.inside) patch(site.patch, site.stub);
        site.inside = false;
    }
    while (LinkSite* site = unit.incoming) {
        patch(site->patch, site->stub);
        unit.incoming = site->next;
        site->target = nullptr;
        site->next = nullptr;
    }
}

void Jit::flush() {
    plain_->clear();
    regions_->clear();
    counters_->clear();
    live_ = stale_ = 0;
}

// --- fork ------------------------------------------------------------------------------------------------------------------

Result<void> Jit::before_fork() {
    // The routines and the counters lie before the first part's constants.
    const CodeBuffer::Range used[] = {{0, counters_->next()},
                                      {plain_->pool->begin(), plain_->pool->next()},
                                      {plain_->first_unit, plain_->assembler.getSize()},
                                      {regions_->pool->begin(), regions_->pool->next()},
                                      {regions_->first_unit, regions_->assembler.getSize()}};
    fork_copy_.emplace(EMU_TRY(buffer_.copy(used)));
    return {};
}

void Jit::after_fork(bool in_child) {
    if (in_child) buffer_.adopt(std::move(*fork_copy_));
    fork_copy_.reset();
}

// --- running ---------------------------------------------------------------------------------------------------------------

void Jit::prepare(ir::JumpCache& jump_cache, ReturnStack& stack) const {
    stack.set_sentinel(buffer_.exec() + backend_.routines.return_sentinel);
    jump_cache.fill(empty_entry());
}

Leave Jit::enter(ir::StateHeader& state, const Unit& unit) const {
    state.frame.eval_env = unit.env;
    using Enter = u32 (*)(ir::StateHeader*, const void*);
    return Leave(reinterpret_cast<Enter>(u64(buffer_.exec()) + backend_.routines.enter)(&state, entry(unit)));
}

const Unit* Jit::find_by_host(u64 host_pc) const {
    const u64 offset = host_pc - u64(buffer_.exec());
    const auto& units = offset < plain_->end ? plain_->units : regions_->units;
    auto after = std::upper_bound(units.begin(), units.end(), offset, [](u64 at, const auto& unit) { return at < unit->code; });
    if (after == units.begin()) return nullptr;
    const Unit* unit = *std::prev(after);
    return offset < unit->code + unit->size ? unit : nullptr;
}

usize Jit::used() const {
    u64 regions = 0;
    for (const auto& unit : regions_->units) regions += unit->size; // the assembler may be in use
    return usize(plain_->assembler.getSize() - plain_->first_unit + regions);
}

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

bool Jit::recover_call(ir::StateHeader& state) const {
    u64 return_address;
    std::memcpy(&return_address, state.jit_stack, 8);
    return recover_at(state, return_address - 1);
}

void Jit::leave_raised(ir::StateHeader& state) const {
    const u64 target = u64(buffer_.exec()) + backend_.routines.leave_raised, base = u64(&state) + u64(state_bias);
    asm volatile("movq %0, %%r15\n\tjmp *%1" : : "r"(base), "a"(target) : "r15", "memory");
    __builtin_unreachable();
}

} // namespace emu::jit

// SPDX-License-Identifier: MIT
#include "jit/jit.h"

#include "common/bits.h"
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
    EMU_CHECK(jit->buffer_.make_data({jit->counters_->begin(), jit->ahead_counters_->end()}));
    return jit;
}

Jit::Jit(const Options& options, ir::SlotTable slots, CodeBuffer buffer) : backend_(options, slots), buffer_(std::move(buffer)) {
    for (auto& area : areas_) area = std::make_unique<Area>(buffer_.write(), buffer_.size());
    Assembler& as = plain().assembler;
    backend_.routines = emit_routines(as, backend_);
    const u32 size = u32(buffer_.size()), of_counters = align_up(pool_bytes(size), u32(4096));
    const u32 counters_at = align_up(as.pos(), u32(4096)), ahead_at = align_up(size / 2, u32(4096)), regions_at = align_up(size / 4 * 3, u32(4096));
    counters_ = std::make_unique<CounterPool>(as, counters_at, counters_at + of_counters);
    ahead_counters_ = std::make_unique<CounterPool>(as, counters_->end(), counters_->end() + of_counters);
    set_up(plain_area, ahead_counters_->end(), ahead_at, counters_.get());
    set_up(ahead_area, ahead_at, regions_at, ahead_counters_.get());
    set_up(region_area, regions_at, size, nullptr);
}

void Jit::set_up(u32 number, u32 at, u32 end, CounterPool* counters) {
    Area& area = *areas_[number];
    area.first_unit = at + pool_bytes(buffer_.size());
    area.end = end;
    area.pool = std::make_unique<ConstantPool>(area.assembler, at, area.first_unit);
    area.compiler = std::make_unique<Compiler>(area.assembler, backend_, *area.pool, counters, area.arena);
    area.clear();
}

Jit::Area::Area(u8* memory, usize size) : assembler(memory, size) {}
Jit::Area::~Area() = default;

bool Jit::Area::has_room(usize nodes) const { return assembler.getSize() + nodes * bytes_per_node + bytes_at_least <= end && !pool->full(); }

void Jit::Area::clear() {
    units.clear();
    sites.clear();
    links = 0;
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

template <class Code> Jit::Outcome Jit::compile_in(u32 number, const Code& code, usize nodes, Unit*& unit) {
    Area& area = *areas_[number];
    const u32 at = area.assembler.pos();
    if (!area.has_room(nodes)) return Outcome::full;
    prepare(area);
    unit = area.compiler->compile(code, number << area_shift | area.links);
    if (!unit) {
        area.assembler.rewind(at);
        return area.pool->full() ? Outcome::full : Outcome::too_complex;
    }
    area.links += u32(unit->links.size());
    settle(area);
    return Outcome::ok;
}

Jit::Outcome Jit::compile(const ir::Function& function, Unit*& unit) {
    const Outcome outcome = compile_in(plain_area, function, function.nodes.size(), unit);
    if (outcome == Outcome::ok) add(*unit, function.fp);
    return outcome;
}

Jit::Outcome Jit::compile_ahead(const ir::Function& function, Unit*& unit) { return compile_in(ahead_area, function, function.nodes.size(), unit); }

Jit::Outcome Jit::compile(const ir::Region& region, Unit*& unit) {
    usize nodes = 0;
    for (const auto& block : region.blocks) nodes += block->function.nodes.size();
    return compile_in(region_area, region, nodes, unit);
}

void Jit::add(Unit& unit, const fp::Env& env) {
    Area& area = *areas_[unit.first_link >> area_shift];
    unit.env = intern(env);
    live_ += unit.size;
    // By number: a unit that was compiled before this one may have been thrown away, and nobody asks for its sites.
    const usize first = unit.first_link & ((u32(1) << area_shift) - 1);
    area.sites.resize(std::max(area.sites.size(), first + unit.links.size()));
    for (usize i = 0; i < unit.links.size(); i++) area.sites[first + i] = &unit.links[i];
    area.units.push_back(&unit);
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
    for (auto& area : areas_) area->clear();
    counters_->clear();
    ahead_counters_->clear();
    live_ = stale_ = 0;
}

// --- fork ------------------------------------------------------------------------------------------------------------------

Result<void> Jit::before_fork() {
    // The routines and the counters lie before the first part's constants.
    std::vector<CodeBuffer::Range> used{{0, counters_->next()}, {ahead_counters_->begin(), ahead_counters_->next()}};
    for (const auto& area : areas_) {
        used.push_back({area->pool->begin(), area->pool->next()});
        used.push_back({area->first_unit, area->assembler.getSize()});
    }
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
    const auto area = std::find_if(areas_.begin(), areas_.end() - 1, [&](const auto& a) { return offset < a->end; });
    const auto& units = (*area)->units;
    auto after = std::upper_bound(units.begin(), units.end(), offset, [](u64 at, const auto& unit) { return at < unit->code; });
    if (after == units.begin()) return nullptr;
    const Unit* unit = *std::prev(after);
    return offset < unit->code + unit->size ? unit : nullptr;
}

usize Jit::used() const {
    usize used = 0;
    for (const auto& area : areas_)
        for (const Unit* unit : area->units) used += unit->size; // the assembler may be in use
    return used;
}

// --- faults ----------------------------------------------------------------------------------------------------------------

void Jit::redirect(ir::StateHeader& state, void* ucontext) const {
    auto* context = static_cast<ucontext_t*>(ucontext);
    greg_t* g = context->uc_mcontext.gregs;
    static constexpr int order[16] = {REG_RAX, REG_RCX, REG_RDX, REG_RBX, REG_RSP, REG_RBP, REG_RSI, REG_RDI,
                                      REG_R8,  REG_R9,  REG_R10, REG_R11, REG_R12, REG_R13, REG_R14, REG_R15};
    for (unsigned i = 0; i < 16; i++) state.frame.gpr[i] = u64(g[order[i]]);
    // leave_fault stores the others, and the high halves.
    std::memcpy(state.frame.xmm, context->uc_mcontext.fpregs->_xmm, sizeof context->uc_mcontext.fpregs->_xmm);
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

// SPDX-License-Identifier: MIT
// The units of tier 1 as bytes and back (Jit::save, Jit::restore). Code only refers to itself, to the common routines, which
// every Jit of the same build and options has at the same positions, and to helpers, whose addresses are adjusted. Who keeps the
// bytes makes sure that build, options and host are the same ones; here it is made sure that nothing is read or written past its
// end, whatever the bytes say.
#include "jit/compiler.h"
#include "jit/jit.h"

#include <algorithm>
#include <cstring>
#include <type_traits>

namespace emu::jit {

namespace {

/// Helpers are at constant distances from this.
u64 anchor() { return u64(&emit_routines); }

class Writer {
public:
    explicit Writer(std::vector<u8>& out) : out_(out) {}
    template <class T> void put(const T& value) {
        static_assert(std::is_trivially_copyable_v<T>);
        bytes(&value, sizeof value);
    }
    template <class T> void list(std::span<const T> values) {
        put(u32(values.size()));
        bytes(values.data(), values.size() * sizeof(T));
    }
    void bytes(const void* from, usize size) {
        const u8* p = static_cast<const u8*>(from);
        out_.insert(out_.end(), p, p + size);
    }

private:
    std::vector<u8>& out_;
};

class Reader {
public:
    explicit Reader(ConstBytes in) : in_(in) {}
    template <class T> T get() {
        T value{};
        bytes(&value, sizeof value);
        return value;
    }
    template <class T> void list(std::vector<T>& values) {
        const u32 count = get<u32>();
        if (count > in_.size() / sizeof(T)) return void(ok = false);
        values.resize(count);
        bytes(values.data(), count * sizeof(T));
    }
    template <class T> void list(std::span<const T>& values, Arena& arena) {
        const u32 count = get<u32>();
        if (count > in_.size() / sizeof(T)) return void(ok = false);
        const std::span<T> fresh = arena.array<T>(count);
        bytes(fresh.data(), count * sizeof(T));
        values = fresh;
    }
    void bytes(void* to, usize size) {
        if (size > in_.size()) ok = false;
        if (!ok || !size) return;
        std::memcpy(to, in_.data(), size);
        in_ = in_.subspan(size);
    }
    usize left() const { return in_.size(); }
    bool ok = true;

private:
    ConstBytes in_;
};

struct Layout {
    u32 routines_end, first_unit, code_end, pool_end, counters_end, sites, units;
};

struct UnitHeader {
    u64 pc, guest_hash;
    u32 mode, insns, code, size, link_count, first_link;
    u64 valid;
};

struct SavedLink {
    u64 pc;
    u32 patch, stub, key, gate, counter;
};

SavedLink saved(const LinkSite& site) { return {site.key ? 0 : site.pc, site.patch, site.stub, site.key, site.gate, site.counter}; }

} // namespace

// --- out -------------------------------------------------------------------------------------------------------------------

void Jit::save(std::vector<u8>& out) const {
    const Area& area = plain();
    const u32 code_end = u32(area.assembler.getSize());
    const u8* memory = buffer_.write();
    Writer w(out);
    w.put(Layout{backend_.routines.end, area.first_unit, code_end, area.pool->next(), counters_->next(), u32(area.sites.size()), u32(area.units.size())});
    w.bytes(memory + area.pool->begin(), area.pool->next() - area.pool->begin());

    // The code as it is when no exit is linked and the program is at its anchor.
    std::vector<u8> code(memory + area.first_unit, memory + code_end);
    std::vector<u32> places;
    for (const auto& unit : area.units) {
        places.insert(places.end(), unit->addresses.begin(), unit->addresses.end());
        for (const LinkSite& site : unit->links) {
            auto aim = [&](u32 at, u32 target) {
                const u32 distance = target - (at + 4);
                std::memcpy(&code[at - area.first_unit], &distance, 4);
            };
            aim(site.patch, site.stub);
            if (site.counter) std::memcpy(&code[site.counter - area.first_unit], LinkSite::count_opcode.data(), LinkSite::count_opcode.size());
            if (!site.key) continue;
            std::memcpy(&code[site.key - area.first_unit], &LinkSite::no_key, 8);
            code[site.gate - area.first_unit] = 0xe9; // jmp rel32
            aim(site.gate + 1, site.key - LinkSite::key_opcode_bytes);
        }
    }
    for (u32 place : places) {
        u64 address;
        std::memcpy(&address, &code[place - area.first_unit], 8);
        address -= anchor();
        std::memcpy(&code[place - area.first_unit], &address, 8);
    }
    w.list(std::span<const u32>(places));
    w.bytes(code.data(), code.size());

    for (const auto& unit : area.units) {
        w.put(UnitHeader{unit->pc, unit->guest_hash, unit->mode, unit->insns, unit->code, unit->size, u32(unit->links.size()), unit->first_link, unit->valid});
        for (const LinkSite& site : unit->links) w.put(saved(site));
        std::vector<u64> ranges;
        for (auto [first, last] : unit->ranges) ranges.insert(ranges.end(), {first, last});
        w.list(std::span<const u64>(ranges));
        w.list(unit->addresses);
        w.list(unit->table.snapshots);
        w.list(unit->table.entries);
        w.list(unit->table.recipes);
        w.list(unit->table.constants);
    }
}

// --- in --------------------------------------------------------------------------------------------------------------------

namespace {

/// Do the indices of a side table stay within it?
bool is_sound(const SnapshotTable& table, usize slots) {
    auto place = [&](const Where& w) {
        switch (w.kind) {
        case Where::gpr: return w.index < 16;
        case Where::xmm: return w.index < reg_count - 16;
        case Where::spill: return w.index < std::size(ir::JitFrame{}.spill);
        case Where::slot: return w.index < slots;
        case Where::constant: return w.index < table.constants.size();
        case Where::recipe: return w.index < table.recipes.size();
        }
        return false;
    };
    for (const Snapshot& s : table.snapshots)
        if (s.first > table.entries.size() || s.count > table.entries.size() - s.first) return false;
    for (const SnapshotEntry& e : table.entries)
        if (e.slot >= slots || !place(e.where)) return false;
    for (const Recipe& r : table.recipes) {
        if (r.op >= ir::Op::count_) return false;
        for (unsigned k = 0; k < 3; k++)
            if (ir::is_operand(r.op, k) && !place(r.args[k])) return false;
    }
    return true;
}

} // namespace

bool Jit::restore(ConstBytes in, const std::function<fp::Env(u32 mode)>& env) {
    Area& area = plain();
    Reader r(in);
    const Layout l = r.get<Layout>();
    auto within = [](u32 at, u32 first, u32 last) { return at >= first && at <= last; };
    if (!r.ok || l.routines_end != backend_.routines.end || l.first_unit != area.first_unit || !within(l.code_end, area.first_unit, area.end) ||
        !within(l.pool_end, area.pool->begin(), area.pool->end()) || !within(l.counters_end, counters_->begin(), counters_->end()))
        return false;
    u8* memory = buffer_.write();
    r.bytes(memory + area.pool->begin(), l.pool_end - area.pool->begin());
    std::vector<u32> places;
    r.list(places);
    r.bytes(memory + area.first_unit, l.code_end - area.first_unit);
    if (!r.ok) return false;
    for (u32 place : places) {
        if (!within(place, l.first_unit, l.code_end - 8)) return false;
        u64 address;
        std::memcpy(&address, memory + place, 8);
        address += anchor();
        std::memcpy(memory + place, &address, 8);
    }

    area.units.reserve(l.units);
    for (u32 i = 0; i < l.units && r.ok; i++) {
        Unit* unit = area.arena.make<Unit>();
        const UnitHeader h = r.get<UnitHeader>();
        unit->pc = h.pc, unit->guest_hash = h.guest_hash, unit->mode = h.mode, unit->insns = h.insns;
        unit->code = h.code, unit->size = h.size, unit->first_link = h.first_link, unit->valid = h.valid;
        if (!within(h.code, l.first_unit, l.code_end) || h.size > l.code_end - h.code || h.first_link != area.sites.size() || h.link_count > r.left() / sizeof(SavedLink))
            r.ok = false;
        if (i && h.code < area.units.back()->code) r.ok = false;
        if (!r.ok) break;
        unit->links = area.arena.array<LinkSite>(h.link_count);
        for (LinkSite& site : unit->links) {
            const SavedLink link = r.get<SavedLink>();
            site.pc = link.pc, site.patch = link.patch, site.stub = link.stub;
            site.key = link.key, site.gate = link.gate, site.counter = link.counter;
            if (!within(link.patch, l.first_unit, l.code_end - 4) || !within(link.stub, l.first_unit, l.code_end)) r.ok = false;
            if (link.key && (link.key % 8 || !within(link.key, l.first_unit, l.code_end - 8) || !within(link.gate, l.first_unit, l.code_end - 8)))
                r.ok = false;
            if (link.counter && (link.counter % 8 == 7 || !within(link.counter, l.first_unit, l.code_end - LinkSite::count_bytes))) r.ok = false;
            area.sites.push_back(&site);
            area.links++;
        }
        std::vector<u64> ranges;
        r.list(ranges);
        const std::span<std::pair<u64, u64>> pairs = area.arena.array<std::pair<u64, u64>>(ranges.size() / 2);
        for (usize k = 0; k < pairs.size(); k++) {
            pairs[k] = {ranges[2 * k], ranges[2 * k + 1]};
            if (pairs[k].first >= pairs[k].second || pairs[k].second - pairs[k].first > 4096) r.ok = false;
        }
        unit->ranges = pairs;
        r.list(unit->addresses, area.arena);
        r.list(unit->table.snapshots, area.arena);
        r.list(unit->table.entries, area.arena);
        r.list(unit->table.recipes, area.arena);
        r.list(unit->table.constants, area.arena);
        if (!is_sound(unit->table, backend_.slots.size())) r.ok = false;
        unit->env = intern(env(unit->mode));
        (unit->valid ? live_ : stale_) += unit->size;
        area.units.push_back(unit);
    }
    if (!r.ok || area.sites.size() != l.sites) {
        plain().clear();
        live_ = stale_ = 0;
        return false;
    }
    area.pool->restore(l.pool_end);
    counters_->restore(l.counters_end, backend_.options.hot_threshold);
    area.assembler.rewind(l.code_end);
    area.ready = l.code_end & ~u32(4095);
    return true;
}

} // namespace emu::jit

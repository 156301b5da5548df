// SPDX-License-Identifier: MIT
// Making a region: which blocks, what is known where they begin, and their final translation.
#include "ir/region.h"

#include "common/result.h"
#include "ir/region_facts.h"
#include "ir/region_flow.h"
#include "ir/region_leaf.h"
#include "ir/state.h"

#include <algorithm>
#include <cstddef>
#include <map>
#include <set>

namespace emu::ir {

namespace {

class RegionBuilder {
public:
    explicit RegionBuilder(const RegionRequest& request) : request_(request), isa_slots_(unsigned(request.slots.size())), leaves_(request) {}

    std::unique_ptr<Region> build() {
        discover();
        recursive_ = calls_only_itself();
        keep_loop();
        if (drafts_.size() == 1 && !keeps_all() && !leads_to_itself(0)) return nullptr;
        describe();
        find_back_ways();
        for (unsigned attempts = 0; attempts < most_attempts; attempts++) {
            find_facts();
            if (auto region = finish()) return region;
        }
        return nullptr;
    }

private:
    static constexpr unsigned most_attempts = 8;

    /// Where a block is: its code, and the inlined call that it is part of (0: of none).
    struct Place {
        u32 call = 0;
        u64 pc = 0;
        auto operator<=>(const Place&) const = default;
    };

    /// A block in its plain form.
    struct Draft {
        Place place;
        Function function;
        struct Way {
            Place to;
            bool call;        ///< comes back from a call at `to`
            ExitFacts facts;
        };
        std::vector<Way> ways;
        std::vector<ExitFacts> returns;
        u64 calls = 0, comes_back = 0;                     ///< what it calls at its end, and the address behind; 0: nothing
        bool calls_itself = false, calls_others = false;   ///< the region's first block, other code
    };

    // --- which blocks

    struct Collect final : Builder::Watcher {
        RegionBuilder& owner;
        Draft& draft;
        bool with_facts;
        Collect(RegionBuilder& o, Draft& d, bool f) : owner(o), draft(d), with_facts(f) {}
        void before_exit(Builder& builder, Exit& exit, bool conditional, Val) override {
            const u32 from = draft.place.call, into = conditional ? 0 : owner.inlined(from, exit);
            const bool call = !into && (exit.kind == ExitKind::call || exit.kind == ExitKind::call_indirect);
            if (exit.kind == ExitKind::call && !conditional && !from) draft.calls = exit.pc, draft.comes_back = exit.ret;
            if (exit.kind == ExitKind::call && exit.pc == owner.request_.pc && !conditional) draft.calls_itself = true;
            else if (call || exit.kind == ExitKind::jump_indirect || (exit.kind == ExitKind::ret && conditional)) draft.calls_others = true;
            if (exit.kind == ExitKind::ret && !from) draft.returns.push_back(with_facts ? describe_exit(builder, owner.isa_slots_) : ExitFacts{});
            if (!call && !into && exit.kind != ExitKind::jump && !(from && exit.kind == ExitKind::ret)) return;
            const Place to = into ? Place{into, exit.pc} : call ? Place{from, exit.ret} : owner.target(from, exit);
            if (with_facts && !owner.index_.count(to)) return;
            draft.ways.push_back({to, call, with_facts && !call ? describe_exit(builder, owner.isa_slots_) : ExitFacts{}});
        }
    };

    void translate(Draft& draft, bool with_facts) {
        Collect collect(*this, draft, with_facts);
        draft.ways.clear();
        draft.returns.clear();
        draft.calls = draft.comes_back = 0;
        draft.calls_itself = draft.calls_others = false;
        draft.function = request_.function_at(draft.place.pc);
        Builder builder(draft.function, &collect);
        request_.translate(builder, draft.place.pc, leaders_[draft.place.call], RegionRequest::no_limit);
    }

    void add_draft(Place place) {
        index_[place] = u32(drafts_.size());
        drafts_.push_back({place, {}, {}});
    }

    /// Breadth first, so that what is near comes in before the region is full.
    void discover() {
        add_draft({0, request_.pc});
        unsigned insns = 0;
        for (usize i = 0; i < drafts_.size(); i++) {
            translate(drafts_[i], false);
            if (drafts_[i].place.call) continue; // its leaf is there as a whole
            insns += drafts_[i].function.insns;
            if (insns > 2 * request_.max_insns) break;
            if (drafts_[i].calls) inline_call(drafts_[i].calls, drafts_[i].comes_back, insns);
            const auto ways = drafts_[i].ways;
            for (const auto& way : ways)
                if (!index_.count(way.to) && drafts_.size() < request_.max_blocks && request_.wanted(way.to.pc)) add_draft(way.to);
        }
        set_leaders();
        for (Draft& draft : drafts_) translate(draft, false);
    }

    void set_leaders() {
        leaders_.assign(back_to_.size(), {});
        for (const auto& [place, at] : index_) leaders_[place.call].push_back(place.pc);
    }

    // --- inlined calls

    /// Have the code that is called in the region, and what comes behind the call.
    void inline_call(u64 to, u64 back, unsigned& insns) {
        if (calls_.count({to, back}) || !request_.wanted(to) || !request_.wanted(back)) return;
        const Leaf& leaf = leaves_.at(to);
        const bool known = index_.count({0, back});
        if (leaf.blocks.empty() || drafts_.size() + leaf.blocks.size() + !known > request_.max_blocks || insns + leaf.insns > request_.max_insns) return;
        insns += leaf.insns;
        const u32 call = u32(back_to_.size());
        calls_[{to, back}] = call;
        back_to_.push_back(back);
        leaders_.emplace_back();
        for (u64 pc : leaf.blocks) add_draft({call, pc});
        if (!known) add_draft({0, back});
    }

    /// Number of the inlined call that the final exit is, of a block of call `from`; 0: it is none.
    u32 inlined(u32 from, const Exit& exit) const {
        if (from || exit.kind != ExitKind::call) return 0;
        const auto at = calls_.find({exit.pc, exit.ret});
        return at != calls_.end() && index_.count({at->second, exit.pc}) && index_.count({0, exit.ret}) ? at->second : 0;
    }

    /// Where a jump leads to from a block of call `from`, or a return that comes back as expected.
    Place target(u32 from, const Exit& exit) const {
        const Place near{from, exit.pc};
        const bool back = from && (exit.kind == ExitKind::ret || (exit.pc == back_to_[from] && !index_.count(near)));
        return back ? Place{0, back_to_[from]} : near;
    }

    bool leads_to_itself(u32 index) const {
        return std::any_of(drafts_[index].ways.begin(), drafts_[index].ways.end(), [&](const auto& w) { return w.to == drafts_[index].place; });
    }

    /// Is all of it one function that calls itself, and whatever else it does was never done so far?
    bool calls_only_itself() const {
        bool calls = false, returns = false;
        for (const Draft& draft : drafts_) {
            calls |= draft.calls_itself;
            returns |= !draft.returns.empty();
            if (draft.calls_others) return false;
            for (const auto& way : draft.ways)
                if (!index_.count(way.to) && (way.call || request_.wanted(way.to.pc))) return false;
        }
        return calls && returns;
    }
    bool keeps_all() const { return request_.whole || recursive_; }

    /// If the first block is in a loop, keep what is in a loop with it.
    void keep_loop() {
        const u32 count = u32(drafts_.size());
        std::vector<std::vector<u32>> to(count), from(count);
        for (u32 i = 0; i < count; i++)
            for (const auto& way : drafts_[i].ways)
                if (auto at = index_.find(way.to); at != index_.end()) to[i].push_back(at->second), from[at->second].push_back(i);
        auto reach = [&](const std::vector<std::vector<u32>>& edges) {
            std::vector<bool> seen(count);
            std::vector<u32> work = edges[0];
            while (!work.empty()) {
                const u32 at = work.back();
                work.pop_back();
                if (seen[at]) continue;
                seen[at] = true;
                work.insert(work.end(), edges[at].begin(), edges[at].end());
            }
            return seen;
        };
        const std::vector<bool> ahead = reach(to), behind = reach(from);
        const bool looped = ahead[0];
        if (!looped && !keeps_all()) return drafts_.resize(1);
        std::vector<Draft> kept;
        index_.clear();
        for (u32 i = 0; i < count; i++) {
            if (i && looped && !keeps_all() && !(ahead[i] && behind[i])) continue;
            if (i && !ahead[i]) continue;
            index_[drafts_[i].place] = u32(kept.size());
            kept.push_back(std::move(drafts_[i]));
        }
        drafts_ = std::move(kept);
        set_leaders();
    }

    void describe() {
        for (Draft& draft : drafts_) translate(draft, true);
    }

    // --- what is known

    void find_facts() {
        std::vector<bool> blocked(isa_slots_);
        for (;;) {
            solve(blocked);
            std::vector<unsigned> wanting = number_slots();
            if (own_.size() <= most_region_slots) return;
            for (usize i = wanting.size(); i-- > most_region_slots / 2;) blocked[wanting[i]] = true;
            EMU_ASSERT(!wanting.empty());
            if (wanting.size() <= most_region_slots / 2) blocked.assign(isa_slots_, true);
        }
    }

    /// A loop's head has two versions, and so two sets of facts: one for the ways from before the loop, one for those around
    /// it. The first round through the loop then makes true what the others rely on.
    usize facts_index(u32 draft, bool around) const { return draft + (around ? drafts_.size() : 0); }

    void find_back_ways() {
        back_ways_.clear();
        std::vector<u8> state(drafts_.size()); // 1: on the way down, 2: done
        // The region's first block may be the head of an inner loop; what comes first in memory, but for inlined code, is mostly what
        // the outermost one begins with.
        u32 root = 0;
        if (!keeps_all()) root = index_.begin()->second;
        std::vector<std::pair<u32, usize>> stack{{root, 0}};
        state[root] = 1;
        while (!stack.empty()) {
            auto& [draft, next] = stack.back();
            const auto& ways = drafts_[draft].ways;
            if (next == ways.size()) {
                state[draft] = 2;
                stack.pop_back();
                continue;
            }
            const u32 to = index_.at(ways[next++].to);
            if (state[to] == 1) back_ways_.insert({draft, to});
            if (state[to]) continue;
            state[to] = 1;
            stack.push_back({to, 0});
        }
    }

    void solve(const std::vector<bool>& blocked) {
        facts_.assign(2 * drafts_.size() + 1, std::vector<Fact>(isa_slots_, Fact::of(Fact::any)));
        for (auto& facts : facts_)
            for (unsigned s = 0; s < isa_slots_; s++)
                if (blocked[s]) facts[s] = Fact::of(Fact::nothing);
        for (auto [at, s] : hopeless_) facts_[at][s] = Fact::of(Fact::nothing);
        const std::vector<Fact> unknown(isa_slots_, Fact::of(Fact::nothing));
        std::vector<bool> outer(drafts_.size()), landing(drafts_.size());
        outer[0] = true;
        if (recursive_) facts_[facts_index(0, false)] = unknown;
        for (const Draft& draft : drafts_)
            for (const auto& way : draft.ways)
                if (way.call) (recursive_ ? landing : outer)[index_.at(way.to)] = true;
        bool changed = true;
        // What block i brings to a place, whatever was known when it began.
        auto bring = [&](u32 i, const ExitFacts& exit, std::vector<Fact>& there) {
            for (unsigned s = 0; s < isa_slots_; s++) {
                if (there[s].form == Fact::nothing) continue;
                const Type type = request_.slots[s].type;
                Fact met = there[s];
                for (bool around : {false, true}) met = meet(met, fact_at_exit(exit, s, facts_[facts_index(i, around)]), type);
                if (outer[i]) met = meet(met, fact_at_exit(exit, s, unknown), type);
                if (landing[i]) met = meet(met, fact_at_exit(exit, s, facts_returned()), type);
                if (met == there[s]) continue;
                there[s] = std::move(met);
                changed = true;
            }
        };
        while (changed) {
            changed = false;
            for (u32 i = 0; i < drafts_.size(); i++) {
                for (const auto& way : drafts_[i].ways)
                    if (const u32 to = index_.at(way.to); !way.call) bring(i, way.facts, facts_[facts_index(to, back_ways_.count({i, to}))]);
                if (!recursive_) continue;
                for (const ExitFacts& exit : drafts_[i].returns) bring(i, exit, facts_.back());
            }
        }
        // Two versions are worth it where they differ in what comes in.
        for (u32 i = 0; i < drafts_.size(); i++) {
            auto &first = facts_[i], &around = facts_[i + drafts_.size()];
            auto is_any = [](const Fact& fact) { return fact.form == Fact::any; };
            const bool no_first = std::all_of(first.begin(), first.end(), is_any), no_around = std::all_of(around.begin(), around.end(), is_any);
            if (no_first) first = around;
            if (no_around) around = first;
        }
        for (auto& facts : facts_)
            for (Fact& fact : facts)
                if (fact.form == Fact::any) fact = Fact::of(Fact::nothing);
    }
    /// Of all returns inside.
    const std::vector<Fact>& facts_returned() const { return facts_.back(); }

    using OwnKey = std::tuple<unsigned, unsigned, Type>; // slot, operand, type

    /// Give the region's slots numbers; returns the ISA slots they are for.
    std::vector<unsigned> number_slots() {
        own_.clear();
        std::vector<unsigned> wanting;
        for (unsigned s = 0; s < isa_slots_; s++) {
            const usize before = own_.size();
            for (const auto& facts : facts_) {
                if (facts[s].form != Fact::pure) continue;
                for (unsigned k = 0; k < 2; k++)
                    if (needs_slot(facts[s], k)) own_.try_emplace({s, k, facts[s].args[k].type}, unsigned(isa_slots_ + own_.size()));
            }
            if (own_.size() != before) wanting.push_back(s);
        }
        return wanting;
    }

    static bool needs_slot(const Fact& fact, unsigned k) {
        const FactOperand& operand = fact.args[k];
        return is_operand(fact.op, k) && !operand.constant && operand.origins.empty();
    }
    unsigned own_slot(unsigned slot, unsigned k, Type type) const { return own_.at({slot, k, type}); }

    // --- the final blocks

    struct Finish final : Builder::Watcher {
        RegionBuilder& owner;
        explicit Finish(RegionBuilder& o) : owner(o) {}
        void before_exit(Builder& builder, Exit& exit, bool conditional, Val value) override { owner.prepare_exit(builder, exit, conditional, value); }
    };

    enum class Version : u8 { first, around, outer, gate, landing, way_out };

    /// Index in region_->blocks, which is made if it is not there yet.
    u32 block_at(u32 draft, Version version) {
        if (version == Version::around && facts_[facts_index(draft, true)] == facts_[facts_index(draft, false)]) version = Version::first;
        auto [at, fresh] = final_.try_emplace({draft, version}, u32(region_->blocks.size()));
        if (fresh) {
            region_->blocks.push_back(std::make_unique<RegionBlock>());
            RegionBlock& block = *region_->blocks.back();
            block.outer = version == Version::outer || version == Version::gate;
            block.around = version == Version::around;
            block.call = drafts_[draft].place.call;
            block.landing = version == Version::landing || version == Version::way_out;
            final_keys_.push_back({draft, version});
        }
        return at->second;
    }

    void prepare_exit(Builder& builder, Exit& exit, bool conditional, Val value) {
        const u32 from = drafts_[current_].place.call;
        if (const u32 into = conditional ? 0 : inlined(from, exit)) {
            exit.kind = ExitKind::jump;
            exit.inlined = true;
            return go_to(builder, exit, index_.at({into, exit.pc}));
        }
        if (from) return prepare_inlined_exit(builder, exit, value);
        const bool call = exit.kind == ExitKind::call || exit.kind == ExitKind::call_indirect;
        if (recursive_ && exit.kind == ExitKind::ret && !conditional) {
            exit.inner = true;
            return set_operands(builder, facts_.size() - 1);
        }
        if (recursive_ && call) {
            auto ret = index_.find({0, exit.ret});
            if (conditional || exit.kind != ExitKind::call || exit.pc != request_.pc || ret == index_.end()) return;
            exit.inner = true;
            exit.block = block_at(ret->second, Version::landing) + 1;
            const u32 way_out = block_at(ret->second, Version::way_out) + 1;
            region_->blocks[exit.block - 1]->way_out = way_out;
            return;
        }
        if (!call && exit.kind != ExitKind::jump) return;
        auto at = index_.find({0, call ? exit.ret : exit.pc});
        if (at == index_.end()) return;
        if (!call) return go_to(builder, exit, at->second);
        exit.block = block_at(at->second, Version::outer) + 1;
    }

    /// Of the code of an inlined call.
    void prepare_inlined_exit(Builder& builder, Exit& exit, Val value) {
        const u32 from = drafts_[current_].place.call;
        const u64 back = back_to_[from];
        if (exit.kind == ExitKind::ret) {
            u64 to;
            if (builder.is_const(value, to)) {
                if (to != back) return;
                exit.kind = ExitKind::jump;
            }
            exit.pc = back;
        }
        if (exit.kind != ExitKind::jump && exit.kind != ExitKind::ret) return;
        const auto at = index_.find(target(from, exit));
        if (at == index_.end()) {
            exit.kind = ExitKind::call;
            exit.ret = back;
            exit.inlined = true;
            return;
        }
        exit.inlined = drafts_[at->second].place.call != from;
        go_to(builder, exit, at->second);
    }

    void go_to(Builder& builder, Exit& exit, u32 draft) {
        const bool around = back_ways_.count({current_, draft});
        exit.block = block_at(draft, around ? Version::around : Version::first) + 1;
        set_operands(builder, facts_index(draft, around));
    }

    /// For what is known at index `at` of facts_.
    void set_operands(Builder& builder, usize at) {
        const std::vector<Fact>& facts = facts_[at];
        for (unsigned s = 0; s < isa_slots_; s++) {
            if (facts[s].form != Fact::pure) continue;
            for (unsigned k = 0; k < 2; k++)
                if (needs_slot(facts[s], k) && !set_operand(builder, s, facts[s], k)) hopeless_.insert({at, s});
        }
    }

    /// False: the value has no such operand. With more known it came to be a constant.
    bool set_operand(Builder& builder, unsigned slot, const Fact& fact, unsigned k) {
        const Val value = builder.get(slot);
        const Type type = fact.args[k].type;
        Val operand;
        if (fact.op == Op::zext) operand = builder.trunc(value);
        else if (fact.op == Op::vzext) operand = builder.vget(type, float_lane(bit_width(type)), value, 0);
        else operand = token_operand(builder, value, fact, k);
        if (!operand || builder.type(operand) != type) return false;
        builder.set(own_slot(slot, k, type), operand);
        return true;
    }

    /// Operand k of the flags op that made the token.
    static Val token_operand(Builder& builder, Val token, const Fact& fact, unsigned k) {
        const Node& n = builder.node(token);
        if (n.op != fact.op) return {};
        return {k ? n.b : n.a};
    }

    Val operand(Builder& builder, unsigned slot, const Fact& fact, unsigned k) const {
        const FactOperand& o = fact.args[k];
        if (o.constant) return builder.imm(o.type, o.bits);
        if (o.origins.empty()) return builder.get(own_slot(slot, k, o.type));
        const Val origin = builder.get(o.origins[0].slot);
        if (builder.type(origin) == Type::v128) return builder.vget(o.type, (is_float(o.type) ? float_lane : int_lane)(bit_width(o.type)), origin, 0);
        return builder.add(builder.resize(origin, o.type), builder.imm(o.type, 0 - u64(o.origins[0].plus)));
    }

    void begin_with(Builder& builder, const std::vector<Fact>& facts) const {
        // Flags may refer to registers, so these come first.
        for (bool flags : {false, true}) {
            for (unsigned s = 0; s < isa_slots_; s++) {
                const Fact& fact = facts[s];
                const Type type = request_.slots[s].type;
                if ((type == Type::i32) != flags) continue;
                if (fact.form == Fact::constant) {
                    builder.set(s, type == Type::v128 ? builder.vimm(fact.bits) : builder.imm(type, fact.bits.lo));
                } else if (fact.form == Fact::pure) {
                    const Val a = operand(builder, s, fact, 0), b = is_operand(fact.op, 1) ? operand(builder, s, fact, 1) : Val{};
                    builder.set(s, builder.emit(fact.op, type, fact.aux, a, b));
                }
            }
        }
    }

    void make_slots() {
        region_->isa_slots = isa_slots_;
        region_->slots.assign(request_.slots.begin(), request_.slots.end());
        region_->slots.resize(isa_slots_ + own_.size());
        for (const auto& [key, number] : own_) {
            const auto& [slot, k, type] = key;
            region_->names.push_back(std::string(request_.slots[slot].name) + "." + std::to_string(k) + "." + std::string(type_names[unsigned(type)]));
            const usize place = 63 - (number - isa_slots_);
            const usize offset = offsetof(StateHeader, frame) + offsetof(JitFrame, spill) + sizeof(V128) * place;
            region_->slots[number] = {region_->names.back(), type, u32(offset), 0};
        }
    }

    /// Null: some of the facts were hopeless.
    std::unique_ptr<Region> finish() {
        const usize hopeless = hopeless_.size();
        final_.clear();
        final_keys_.clear();
        region_ = std::make_unique<Region>();
        region_->pc = request_.pc;
        region_->mode = request_.mode;
        make_slots();
        block_at(0, recursive_ ? Version::gate : Version::outer);
        if (recursive_) region_->callee = block_at(0, Version::first) + 1;
        for (u32 i = 0; i < region_->blocks.size(); i++) {
            RegionBlock* block = region_->blocks[i].get();
            const auto [draft, version] = final_keys_[i];
            const auto [call, pc] = drafts_[draft].place;
            current_ = draft;
            block->function = request_.function_at(pc);
            block->function.slots = region_->slots;
            if (version == Version::gate || version == Version::way_out) {
                Builder builder(block->function);
                if (version == Version::way_out) begin_with(builder, facts_returned());
                builder.exit({.kind = ExitKind::jump, .pc = pc, .block = version == Version::gate ? region_->callee : 0});
                continue;
            }
            Finish watcher(*this);
            Builder builder(block->function, &watcher);
            if (version == Version::landing) begin_with(builder, facts_returned());
            else if (version != Version::outer) begin_with(builder, facts_[facts_index(draft, version == Version::around)]);
            // With more known it may be simpler, and go further if nothing else ends it; of the exits there nothing is known.
            request_.translate(builder, pc, leaders_[call], drafts_[draft].function.insns);
            block = region_->blocks[i].get();
            region_->insns += block->function.insns;
            const auto& ranges = block->function.ranges;
            region_->ranges.insert(region_->ranges.end(), ranges.begin(), ranges.end());
        }
        if (hopeless_.size() != hopeless) return nullptr;
        order_blocks(*region_);
        find_loops(*region_);
        find_live_slots(*region_);
        weigh_slots(*region_);
        return std::move(region_);
    }

    const RegionRequest& request_;
    const unsigned isa_slots_;
    std::vector<Draft> drafts_;
    std::map<Place, u32> index_;
    Leaves leaves_;
    std::map<std::pair<u64, u64>, u32> calls_;          ///< inlined: called and return address, number
    std::vector<u64> back_to_{0};                       ///< per inlined call: its return address
    std::vector<std::vector<u64>> leaders_{1};          ///< per inlined call; the first is the region's own code
    std::vector<std::vector<Fact>> facts_;    ///< see facts_index and facts_returned; per slot
    bool recursive_ = false;
    std::map<OwnKey, unsigned> own_;
    std::set<std::pair<u32, u32>> back_ways_;
    std::map<std::pair<u32, Version>, u32> final_;
    std::vector<std::pair<u32, Version>> final_keys_;   ///< of region_->blocks
    u32 current_ = 0;                         ///< draft whose final block is being made
    std::unique_ptr<Region> region_;
    std::set<std::pair<usize, unsigned>> hopeless_;     ///< index in facts_, slot: what final blocks cannot give the form of
};

} // namespace

std::unique_ptr<Region> build_region(const RegionRequest& request) { return RegionBuilder(request).build(); }

} // namespace emu::ir

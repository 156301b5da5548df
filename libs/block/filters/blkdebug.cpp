// SPDX-License-Identifier: MIT
// blkdebug: errors and stops at places that formats announce. Rules come from options ("inject-error.0.event=read_aio") or
// from a configuration file with [inject-error] and [set-state] sections.
#include "block/filters/filter.h"
#include "common/text.h"
#include "common/trace.h"

#include <algorithm>
#include <cerrno>
#include <condition_variable>
#include <cstring>
#include <fmt/format.h>
#include <fstream>

namespace emu::block {
namespace {

enum class Io : u8 { read, write, write_zeroes, discard, flush, block_status };
constexpr std::string_view io_names[] = {"read", "write", "write-zeroes", "discard", "flush", "block-status"};

constexpr std::string_view event_names[] = {
    "l1_update", "l1_grow_alloc_table", "l1_grow_write_table", "l1_grow_activate_table", "l2_load", "l2_update", "l2_update_compressed", "l2_alloc_cow_read",
    "l2_alloc_write", "read_aio", "read_backing_aio", "read_compressed", "write_aio", "write_compressed", "vmstate_load", "vmstate_save", "cow_read", "cow_write",
    "reftable_load", "reftable_grow", "reftable_update", "refblock_load", "refblock_update", "refblock_update_part", "refblock_alloc", "refblock_alloc_hookup",
    "refblock_alloc_write", "refblock_alloc_write_blocks", "refblock_alloc_write_table", "refblock_alloc_switch_table", "cluster_alloc", "cluster_alloc_bytes",
    "cluster_free", "flush_to_os", "flush_to_disk", "pwritev_rmw_head", "pwritev_rmw_after_head", "pwritev_rmw_tail", "pwritev_rmw_after_tail", "pwritev",
    "pwritev_zero", "pwritev_done", "empty_image_prepare", "l1_shrink_write_table", "l1_shrink_free_l2_clusters", "cor_write", "cluster_alloc_space", "none"};

struct Rule {
    std::string event;
    u64 state = 0;                     ///< 0: any
    bool sets_state = false;
    u64 new_state = 0;
    int error = EIO;
    std::optional<u64> sector;
    std::optional<Io> io;
    bool once = false, active = false;
};

struct Stop {
    std::string event, tag;
    unsigned waiting = 0;
    u64 released = 0; ///< counts resume commands
};

class Blkdebug final : public Filter {
public:
    Blkdebug(NodePtr file, std::vector<Rule> rules, Limits wish) : Filter(std::move(file)), rules_(std::move(rules)), wish_(wish) {}
    std::string_view driver() const override { return "blkdebug"; }
    Limits limits() const override {
        Limits out = file_->limits();
        if (wish_.request_alignment > 1) out.request_alignment = std::max(out.request_alignment, wish_.request_alignment);
        if (wish_.max_transfer) out.max_transfer = wish_.max_transfer;
        return out;
    }
    Result<void> event(std::string_view name) override;
    Result<void> break_at(std::string_view event, std::string_view tag) override;
    Result<void> remove_break(std::string_view tag) override;
    Result<void> resume_break(std::string_view tag) override;
    Result<void> wait_break(std::string_view tag) override;

protected:
    Result<void> do_read(u64 at, Bytes to) override {
        EMU_CHECK(inject(Io::read, at, to.size()));
        return Filter::do_read(at, to);
    }
    Result<void> do_write(u64 at, ConstBytes from, WriteFlags flags) override {
        EMU_CHECK(inject(Io::write, at, from.size()));
        return Filter::do_write(at, from, flags);
    }
    Result<void> do_write_zeroes(u64 at, u64 length, WriteFlags flags) override {
        EMU_CHECK(inject(Io::write_zeroes, at, length));
        return Filter::do_write_zeroes(at, length, flags);
    }
    Result<void> do_discard(u64 at, u64 length) override {
        EMU_CHECK(inject(Io::discard, at, length));
        return Filter::do_discard(at, length);
    }
    Result<void> do_flush() override {
        EMU_CHECK(inject(Io::flush, 0, 0));
        return Filter::do_flush();
    }
    Result<Extent> do_extent(u64 at, u64 length) override {
        EMU_CHECK(inject(Io::block_status, at, length));
        return Filter::do_extent(at, length);
    }

private:
    Result<void> inject(Io io, u64 at, u64 length);
    Result<Stop*> find(std::string_view tag);

    std::mutex mutex_;
    std::condition_variable changed_;
    u64 state_ = 1;
    std::vector<Rule> rules_;
    std::vector<std::unique_ptr<Stop>> stops_;
    Limits wish_;
};

Result<void> Blkdebug::event(std::string_view name) {
    EMU_TRACE(block_event, "{} {} event={}", driver(), name_, name);
    std::unique_lock lock(mutex_);
    const u64 state = state_; // rules see the state from before the event
    for (Rule& rule : rules_) {
        if (rule.event != name || (rule.state && rule.state != state)) continue;
        if (rule.sets_state) state_ = rule.new_state;
        else rule.active = true;
    }
    for (auto& stop : stops_) {
        if (stop->event != name) continue;
        Stop* here = stop.get();
        here->waiting++;
        const std::string tag = here->tag;
        fmt::print("blkdebug: Suspended request '{}'\n", tag); // test suites wait for these lines
        std::fflush(stdout);
        changed_.notify_all();
        const u64 before = here->released;
        changed_.wait(lock, [&] { return here->released != before; });
        fmt::print("blkdebug: Resuming request '{}'\n", tag);
        std::fflush(stdout);
        here->waiting--;
        break;
    }
    return {};
}

Result<void> Blkdebug::inject(Io io, u64 at, u64 length) {
    std::lock_guard lock(mutex_);
    for (auto rule = rules_.begin(); rule != rules_.end(); ++rule) {
        if (rule->sets_state || !rule->active) continue;
        if (rule->event == "none" && rule->state && rule->state != state_) continue;
        if (rule->io && *rule->io != io) continue;
        if (rule->sector && (*rule->sector * 512 >= at + length || (*rule->sector + 1) * 512 <= at)) continue;
        const int error = rule->error;
        if (rule->once) rules_.erase(rule);
        return fail(error, fmt::format("injected: {}", std::strerror(error)));
    }
    return {};
}

Result<Stop*> Blkdebug::find(std::string_view tag) {
    for (auto& stop : stops_)
        if (stop->tag == tag) return stop.get();
    return fail(ENOENT, "no such breakpoint");
}

Result<void> Blkdebug::break_at(std::string_view event, std::string_view tag) {
    if (std::find(std::begin(event_names), std::end(event_names), event) == std::end(event_names)) return fail(ENOENT, "no such event");
    std::lock_guard lock(mutex_);
    stops_.push_back(std::make_unique<Stop>(Stop{std::string(event), std::string(tag)}));
    return {};
}

Result<void> Blkdebug::remove_break(std::string_view tag) {
    std::unique_lock lock(mutex_);
    Stop* stop = EMU_TRY(find(tag));
    stop->event.clear(); // nobody stops there any more; who waits goes on
    stop->tag.clear();
    stop->released++;
    changed_.notify_all();
    return {};
}

Result<void> Blkdebug::resume_break(std::string_view tag) {
    std::lock_guard lock(mutex_);
    Stop* stop = EMU_TRY(find(tag));
    if (!stop->waiting) return fail(ENOENT, "nothing waits there");
    stop->event.clear();
    stop->tag.clear();
    stop->released++;
    changed_.notify_all();
    return {};
}

Result<void> Blkdebug::wait_break(std::string_view tag) {
    std::unique_lock lock(mutex_);
    Stop* stop = EMU_TRY(find(tag));
    changed_.wait(lock, [&] { return stop->waiting != 0 || stop->tag.empty(); });
    return {};
}

Result<Rule> parse_rule(KeyValues options, bool sets_state) {
    Rule rule{.sets_state = sets_state};
    rule.event = options.take("event").value_or("none");
    if (std::find(std::begin(event_names), std::end(event_names), rule.event) == std::end(event_names))
        return fail(EINVAL, fmt::format("invalid parameter value: {}", rule.event));
    rule.state = EMU_TRY(options.take_number("state")).value_or(0);
    if (sets_state) rule.new_state = EMU_TRY(options.take_number("new_state")).value_or(0);
    if (auto error = EMU_TRY(options.take_number("errno"))) rule.error = int(std::min<u64>(*error, 4095));
    rule.sector = EMU_TRY(options.take_number("sector"));
    rule.once = EMU_TRY(options.take_bool("once")).value_or(false);
    EMU_TRY(options.take_bool("immediately")); // errors come back from the call itself in any case
    if (auto io = options.take("iotype")) {
        const auto* at = std::find(std::begin(io_names), std::end(io_names), *io);
        if (at == std::end(io_names)) return fail(EINVAL, fmt::format("Invalid iotype value \"{}\"", *io));
        rule.io = Io(at - std::begin(io_names));
    }
    rule.active = rule.event == "none";
    EMU_CHECK(options.finish("event, state, new_state, errno, sector, once, immediately, iotype"));
    return rule;
}

Result<void> read_config(const std::string& path, std::vector<Rule>& rules) {
    std::ifstream file(path);
    if (!file) return fail(ENOENT, fmt::format("Could not read blkdebug config file: {}", std::strerror(ENOENT)));
    std::string line, section;
    KeyValues options;
    auto close_section = [&]() -> Result<void> {
        if (!section.empty()) rules.push_back(EMU_TRY(parse_rule(std::exchange(options, {}), section == "set-state")));
        return {};
    };
    while (std::getline(file, line)) {
        const usize begin = line.find_first_not_of(" \t");
        if (begin == std::string::npos || line[begin] == '#') continue;
        if (line[begin] == '[') {
            EMU_CHECK(close_section());
            section = line.substr(begin + 1, line.find(']') - begin - 1);
            if (section != "inject-error" && section != "set-state") return fail(EINVAL, fmt::format("Could not parse blkdebug config file: [{}]", section));
            continue;
        }
        const usize equals = line.find('='), first = line.find('"'), last = line.rfind('"');
        if (equals == std::string::npos || first == std::string::npos || first == last) return fail(EINVAL, "Could not parse blkdebug config file");
        std::string key = line.substr(begin, equals - begin);
        key.resize(key.find_last_not_of(" \t") + 1);
        options.add(key, line.substr(first + 1, last - first - 1));
    }
    return close_section();
}

Result<NodePtr> open_blkdebug(NodePtr file, OpenArgs& args) {
    if (!file) file = EMU_TRY(open_child(args, "image", "", ChildKind::storage));
    std::vector<Rule> rules;
    if (auto config = args.options.take("config"); config && !config->empty()) EMU_CHECK(read_config(*config, rules));
    for (std::string_view kind : {"inject-error", "set-state"}) {
        KeyValues group = args.options.take_group(kind);
        for (unsigned n = 0; n < 256; n++) {
            KeyValues one = group.take_group(std::to_string(n));
            if (one.empty()) break;
            rules.push_back(EMU_TRY(parse_rule(std::move(one), kind == "set-state")));
        }
    }
    Limits wish;
    if (auto align = EMU_TRY(args.options.take_size("align"))) {
        if (!*align || (*align & (*align - 1)) || *align > 1u << 30) return fail(EINVAL, "Cannot meet constraints with align");
        wish.request_alignment = u32(*align);
    }
    if (auto most = EMU_TRY(args.options.take_size("max-transfer"))) wish.max_transfer = *most;
    for (std::string_view ignored : {"opt-write-zero", "max-write-zero", "opt-discard", "max-discard", "take-child-perms", "unshare-child-perms"}) {
        args.options.take(ignored);
        args.options.take_group(ignored);
    }
    return NodePtr(std::make_shared<Blkdebug>(std::move(file), std::move(rules), wish));
}

/// "blkdebug:CONFIG:IMAGE"
Result<KeyValues> parse_blkdebug(std::string_view name) {
    name.remove_prefix(std::string_view("blkdebug:").size());
    const usize colon = name.find(':');
    if (colon == std::string_view::npos) return fail(EINVAL, "blkdebug requires both config file and image path");
    KeyValues out;
    if (colon) out.add("config", name.substr(0, colon));
    out.add("image", name.substr(colon + 1));
    return out;
}

constexpr std::string_view prefixes[] = {"blkdebug"};

} // namespace

extern const Driver blkdebug_driver{.name = "blkdebug", .kind = Driver::Kind::protocol, .open = open_blkdebug, .parse_name = parse_blkdebug, .prefixes = prefixes,
                                    .summary = "errors and breakpoints at chosen places"};

} // namespace emu::block

// SPDX-License-Identifier: MIT
// quorum: several images with the same contents; a read counts when enough of them agree.
#include "block/filters/filter.h"

#include <algorithm>
#include <cerrno>
#include <fmt/format.h>

namespace emu::block {
namespace {

struct Rules {
    usize threshold = 1;
    bool rewrite = false, first = false; ///< first: the first image that can be read will do
};

class Quorum final : public Node {
public:
    Quorum(std::vector<NodePtr> children, Rules rules) : children_(std::move(children)), rules_(rules) {}
    std::string_view driver() const override { return "quorum"; }
    std::vector<NodePtr> children() const override { return children_; }
    Limits limits() const override {
        Limits out;
        for (const NodePtr& child : children_) out.request_alignment = std::max(out.request_alignment, child->limits().request_alignment);
        return out;
    }

protected:
    u64 do_size() const override { return children_[0]->size(); }
    Result<void> do_read(u64 at, Bytes to) override { return rules_.first ? read_first(at, to) : read_vote(at, to); }
    Result<void> do_write(u64 at, ConstBytes from, WriteFlags flags) override {
        return all([&](Node& node) { return node.write(at, from, flags); });
    }
    Result<void> do_write_zeroes(u64 at, u64 length, WriteFlags flags) override {
        return all([&](Node& node) { return node.write_zeroes(at, length, flags); });
    }
    Result<void> do_discard(u64 at, u64 length) override {
        return all([&](Node& node) { return node.discard(at, length); });
    }
    Result<void> do_flush() override {
        return all([&](Node& node) { return node.flush(); });
    }

private:
    /// It works if it works on as many images as a vote needs.
    template <class Call> Result<void> all(Call call) {
        usize good = 0;
        std::optional<Error> error;
        for (const NodePtr& child : children_) {
            if (auto done = call(*child)) good++;
            else error = std::move(done.error());
        }
        if (good >= rules_.threshold || !error) return {};
        return fail(std::move(*error));
    }
    Result<void> read_first(u64 at, Bytes to) {
        Result<void> last;
        for (const NodePtr& child : children_)
            if (last = child->read(at, to); last) return last;
        return last;
    }
    Result<void> read_vote(u64 at, Bytes to) {
        std::vector<std::vector<u8>> copies(children_.size());
        std::optional<Error> error;
        for (usize i = 0; i < children_.size(); i++) {
            copies[i].resize(to.size());
            if (auto done = children_[i]->read(at, copies[i]); !done) copies[i].clear(), error = std::move(done.error());
        }
        for (usize i = 0; i < copies.size(); i++) {
            if (copies[i].size() != to.size()) continue;
            if (usize(std::count(copies.begin(), copies.end(), copies[i])) < rules_.threshold) continue;
            std::copy(copies[i].begin(), copies[i].end(), to.begin());
            if (rules_.rewrite)
                for (usize k = 0; k < copies.size(); k++)
                    if (copies[k] != copies[i] && !children_[k]->read_only()) (void)children_[k]->write(at, copies[i]);
            return {};
        }
        return fail(error ? error->code : EIO, "quorum: not enough images agree");
    }

    std::vector<NodePtr> children_;
    Rules rules_;
};

Result<NodePtr> open_quorum(NodePtr, OpenArgs& args) {
    std::vector<NodePtr> children;
    for (unsigned n = 0; n < 64; n++) {
        const std::string key = fmt::format("children.{}", n);
        const bool there = args.options.has(key) || std::any_of(args.options.items().begin(), args.options.items().end(),
                                                               [&](const KeyValue& kv) { return kv.key.starts_with(key + "."); });
        if (!there) break;
        children.push_back(EMU_TRY(open_child(args, key, "", ChildKind::image)));
    }
    if (children.empty()) return fail(EINVAL, "Number of provided children must be 1 or more");
    Rules rules;
    const auto threshold = EMU_TRY(args.options.take_number("vote-threshold"));
    const std::string pattern = args.options.take("read-pattern").value_or("quorum");
    if (pattern != "quorum" && pattern != "fifo") return fail(EINVAL, fmt::format("Invalid parameter '{}'", pattern));
    rules.first = pattern == "fifo";
    rules.rewrite = EMU_TRY(args.options.take_bool("rewrite-corrupted")).value_or(false);
    const bool verify = EMU_TRY(args.options.take_bool("blkverify")).value_or(false);
    if (verify && rules.rewrite) return fail(EINVAL, "rewrite-corrupted=on cannot be used with blkverify=on");
    if (!threshold && !rules.first) return fail(EINVAL, "Parameter 'vote-threshold' is missing");
    rules.threshold = threshold.value_or(1);
    if (!rules.threshold || rules.threshold > children.size()) return fail(EINVAL, "threshold may not exceed children count");
    return NodePtr(std::make_shared<Quorum>(std::move(children), rules));
}

} // namespace

extern const Driver quorum_driver{.name = "quorum", .kind = Driver::Kind::filter, .open = open_quorum, .summary = "several images that vote on what is read"};

} // namespace emu::block

// SPDX-License-Identifier: MIT
// blkreplay and replication: filters that act only together with a machine. Without one, blkreplay passes everything on (there
// is no log of a run to follow), and replication, which is started by the machine's monitor, refuses requests.
#include "block/filters/filter.h"

#include <cerrno>
#include <fmt/format.h>

namespace emu::block {
namespace {

class Blkreplay final : public Filter {
public:
    using Filter::Filter;
    std::string_view driver() const override { return "blkreplay"; }
};

class Replication final : public Filter {
public:
    using Filter::Filter;
    std::string_view driver() const override { return "replication"; }

protected:
    Result<void> do_read(u64, Bytes) override { return idle(); }
    Result<void> do_write(u64, ConstBytes, WriteFlags) override { return idle(); }
    Result<void> do_write_zeroes(u64, u64, WriteFlags) override { return idle(); }
    Result<void> do_discard(u64, u64) override { return idle(); }

private:
    static Result<void> idle() { return fail(EIO, "replication has not been started"); }
};

Result<NodePtr> open_blkreplay(NodePtr file, OpenArgs& args) {
    if (!file) file = EMU_TRY(open_child(args, "image", "", ChildKind::image));
    return NodePtr(std::make_shared<Blkreplay>(std::move(file)));
}

Result<NodePtr> open_replication(NodePtr file, OpenArgs& args) {
    if (!file) return fail(EINVAL, "A block device must be specified for \"file\"");
    const auto mode = args.options.take("mode"), top = args.options.take("top-id");
    if (!mode) return fail(EINVAL, "Missing the option mode");
    if (*mode != "primary" && *mode != "secondary") return fail(EINVAL, fmt::format("The option mode's value should be primary or secondary"));
    if (*mode == "primary" && top) return fail(EINVAL, "The primary side does not support option top-id");
    if (*mode == "secondary" && !top) return fail(EINVAL, "Missing the option top-id");
    return NodePtr(std::make_shared<Replication>(std::move(file)));
}

constexpr CreateOption blkreplay_options[] = {{"image", CreateOption::Kind::string, "the image below"}};
constexpr CreateOption replication_options[] = {
    {"mode", CreateOption::Kind::string, "primary or secondary"},
    {"top-id", CreateOption::Kind::string, "secondary: the id of the node on top"},
};

} // namespace

extern const Driver blkreplay_driver{.name = "blkreplay", .kind = Driver::Kind::filter, .open = open_blkreplay, .open_options = blkreplay_options,
                                     .summary = "repeats the order of requests of a recorded run"};
extern const Driver replication_driver{.name = "replication", .kind = Driver::Kind::filter, .open = open_replication,
                                       .open_options = replication_options, .summary = "one side of a pair of machines; idle without them"};

} // namespace emu::block

// SPDX-License-Identifier: MIT
#include "block/filters/throttle.h"

#include "block/filters/filter.h"

#include <algorithm>
#include <cerrno>
#include <fmt/format.h>
#include <thread>

namespace emu::block {

Result<std::shared_ptr<ThrottleGroup>> ThrottleGroup::create(KeyValues& options) {
    auto group = std::make_shared<ThrottleGroup>();
    KeyValues limits = options.take_group("limits");
    static constexpr std::string_view units[] = {"bps", "iops"}, kinds[] = {"total", "read", "write"};
    auto take = [&](const std::string& name) -> Result<std::optional<u64>> {
        auto old = EMU_TRY(options.take_size("x-" + name));
        auto now = EMU_TRY(limits.take_size(name));
        return now ? now : old;
    };
    for (unsigned u = 0; u < 2; u++)
        for (unsigned k = 0; k < 3; k++) {
            Bucket& bucket = group->buckets_[u][k];
            const std::string name = fmt::format("{}-{}", units[u], kinds[k]);
            bucket.rate = double(EMU_TRY(take(name)).value_or(0));
            const double most = double(EMU_TRY(take(name + "-max")).value_or(0)), length = double(EMU_TRY(take(name + "-max-length")).value_or(1));
            bucket.burst = most > 0 ? most * length : bucket.rate / 10;
            if (most > 0 && bucket.rate <= 0) return fail(EINVAL, "bps_max/iops_max require corresponding bps/iops values");
            if (k && bucket.rate > 0 && group->buckets_[u][0].rate > 0)
                return fail(EINVAL, "bps/iops/max total values and read/write values cannot be used at the same time");
        }
    group->request_size_ = EMU_TRY(take("iops-size")).value_or(0);
    EMU_CHECK(limits.finish("bps-total, iops-read, iops-write-max, iops-size ..."));
    return group;
}

double ThrottleGroup::Bucket::delay(double units) {
    if (rate <= 0) return 0;
    const auto now = Clock::now();
    level = std::max(0.0, level - rate * std::chrono::duration<double>(now - last).count());
    last = now;
    level += units;
    return std::max(0.0, (level - burst) / rate);
}

void ThrottleGroup::wait(bool write, u64 bytes) {
    double longest = 0;
    {
        std::lock_guard lock(mutex_);
        const double requests = request_size_ ? std::max(1.0, double(bytes) / double(request_size_)) : 1;
        for (unsigned kind : {0u, write ? 2u : 1u}) {
            longest = std::max(longest, buckets_[0][kind].delay(double(bytes)));
            longest = std::max(longest, buckets_[1][kind].delay(requests));
        }
    }
    if (longest > 0) std::this_thread::sleep_for(std::chrono::duration<double>(longest));
}

namespace {

class Throttle final : public Filter {
public:
    Throttle(NodePtr file, std::shared_ptr<ThrottleGroup> group) : Filter(std::move(file)), group_(std::move(group)) {}
    std::string_view driver() const override { return "throttle"; }

protected:
    Result<void> do_read(u64 at, Bytes to) override { return group_->wait(false, to.size()), Filter::do_read(at, to); }
    Result<void> do_write(u64 at, ConstBytes from, WriteFlags flags) override { return group_->wait(true, from.size()), Filter::do_write(at, from, flags); }
    Result<void> do_write_zeroes(u64 at, u64 length, WriteFlags flags) override { return group_->wait(true, length), Filter::do_write_zeroes(at, length, flags); }
    Result<void> do_discard(u64 at, u64 length) override { return group_->wait(true, length), Filter::do_discard(at, length); }

private:
    std::shared_ptr<ThrottleGroup> group_;
};

Result<NodePtr> open_throttle(NodePtr file, OpenArgs& args) {
    if (!file) return fail(EINVAL, "A block device must be specified for \"file\"");
    const auto id = args.options.take("throttle-group");
    if (!id) return fail(EINVAL, "Please specify a throttle group");
    auto group = std::static_pointer_cast<ThrottleGroup>(args.context->object(*id, "throttle-group"));
    if (!group) return fail(ENOENT, fmt::format("Throttle group '{}' does not exist", *id));
    return NodePtr(std::make_shared<Throttle>(std::move(file), std::move(group)));
}

Result<std::shared_ptr<void>> make_group(KeyValues& options, objects::Table&) { return std::shared_ptr<void>(EMU_TRY(ThrottleGroup::create(options))); }

constexpr objects::Type types[] = {{"throttle-group", "limits on bytes and requests a second that images share", make_group, "throttle-group"}};

} // namespace

std::span<const objects::Type> throttle_types() { return types; }

extern const Driver throttle_driver{.name = "throttle", .kind = Driver::Kind::filter, .open = open_throttle, .summary = "limits bytes and requests a second"};

} // namespace emu::block

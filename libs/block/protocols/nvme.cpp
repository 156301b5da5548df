// SPDX-License-Identifier: MIT
// nvme://DDDD:BB:DD.F/NAMESPACE: a namespace of an NVMe controller that is taken from the kernel by VFIO and driven from here.
//
// One process has a controller once; all its namespaces, and one that is opened several times, share it.
#include "block/image.h"
#include "block/protocols/nvme_controller.h"
#include "block/protocols/vfio.h"
#include "common/sizes.h"

#include <cerrno>
#include <fmt/format.h>
#include <map>
#include <mutex>

namespace emu::block {
namespace {

constexpr u32 nvme_class = 0x010802; ///< mass storage, non-volatile memory, NVM Express I/O controller

/// The controllers that this process has. A node takes and leaves one under the lock: VFIO gives a device to one user at a time,
/// so that one which is being shut down has to have gone before it is taken anew.
class Controllers {
public:
    static Controllers& instance() {
        static Controllers& all = *new Controllers; // outlives every node
        return all;
    }
    Result<std::shared_ptr<nvme::Controller>> take(const std::string& address) {
        std::lock_guard lock(mutex_);
        std::weak_ptr<nvme::Controller>& there = running_[address];
        if (auto found = there.lock()) return found;
        const vfio::Paths paths;
        const nvme::Settings settings;
        const auto location = EMU_TRY(vfio::locate(paths, address, nvme_class, "an NVMe controller"));
        auto device = EMU_TRY(vfio::open(paths, location, settings.queues));
        auto made = EMU_TRY(nvme::Controller::start(std::move(device), settings));
        there = made;
        return made;
    }
    /// The last user's leaving shuts it down.
    void leave(std::shared_ptr<nvme::Controller>& controller) {
        std::lock_guard lock(mutex_);
        controller.reset();
    }

private:
    std::mutex mutex_;
    std::map<std::string, std::weak_ptr<nvme::Controller>> running_;
};

class NvmeNode final : public Node {
public:
    NvmeNode(std::shared_ptr<nvme::Controller> controller, const nvme::Namespace& space, bool no_flush)
        : controller_(std::move(controller)), space_(space), bytes_(space.bytes()), no_flush_(no_flush) {}
    ~NvmeNode() override { Controllers::instance().leave(controller_); }
    std::string_view driver() const override { return "nvme"; }
    Limits limits() const override {
        Limits out;
        out.request_alignment = space_.block;
        out.zero_alignment = out.discard_alignment = space_.block;
        out.fast_zero = controller_->data().write_zeroes;
        return out;
    }

protected:
    u64 do_size() const override { return bytes_; }
    Result<void> do_read(u64 at, Bytes to) override { return controller_->read(space_, at, to); }
    Result<void> do_write(u64 at, ConstBytes from, WriteFlags flags) override {
        return controller_->write(space_, at, from, has(flags, WriteFlags::fua));
    }
    Result<void> do_write_zeroes(u64 at, u64 length, WriteFlags flags) override {
        return controller_->write_zeroes(space_, at, length, has(flags, WriteFlags::may_unmap), has(flags, WriteFlags::fua));
    }
    bool heeds_fua() const override { return true; }
    Result<void> do_discard(u64 at, u64 length) override { return controller_->discard(space_, at, length); }
    Result<void> do_flush() override { return no_flush_ ? Result<void>() : controller_->flush(space_); }
    Result<Extent> do_extent(u64 at, u64 length) override {
        return Extent{.length = length, .data = true, .allocated = true, .offset = at, .file = this};
    }
    Result<void> do_truncate(u64 size, Preallocation preallocation) override {
        if (preallocation != Preallocation::off)
            return fail(ENOTSUP, fmt::format("Unsupported preallocation mode '{}'", preallocation_name(preallocation)));
        const nvme::Namespace now = EMU_TRY(controller_->identify(space_.id)); // it may have grown under us
        if (now.block == space_.block) bytes_ = now.bytes();
        return size > bytes_ ? fail(EINVAL, "Cannot grow NVMe devices") : Result<void>();
    }
    Result<void> do_close() override { return read_only() ? Result<void>() : do_flush(); }

private:
    std::shared_ptr<nvme::Controller> controller_;
    nvme::Namespace space_;
    std::atomic<u64> bytes_;
    bool no_flush_;
};

Result<KeyValues> parse_nvme_name(std::string_view name) {
    constexpr std::string_view prefix = "nvme://";
    const usize slash = name.starts_with(prefix) ? name.find('/', prefix.size()) : std::string_view::npos;
    if (slash == std::string_view::npos)
        return fail(Error{EINVAL, fmt::format("'{}' is no NVMe name", name), "nvme://0000:01:00.0/1"});
    KeyValues out;
    out.add("device", name.substr(prefix.size(), slash - prefix.size()));
    out.add("namespace", name.substr(slash + 1));
    return out;
}

Result<std::shared_ptr<NvmeNode>> open_namespace(KeyValues& options, bool writable, bool no_flush) {
    const auto device = options.take("device");
    const auto number = EMU_TRY(options.take_number("namespace"));
    if (!device) return fail(EINVAL, "'device' option is required");
    if (!number) return fail(EINVAL, "'namespace' option is required");
    const std::string address = EMU_TRY(vfio::parse_address(*device));
    // 0 is no namespace, FFFFFFFFh means all of them (Base 3.2.1).
    if (*number == 0 || *number >= 0xffffffff) return fail(EINVAL, fmt::format("{} is no number of a namespace", *number));
    auto controller = EMU_TRY(Controllers::instance().take(address));
    auto space = controller->identify(u32(*number));
    if (space && writable && space->write_protected)
        space = fail(EACCES, fmt::format("namespace {} of {} is write protected", space->id, address));
    if (space) return std::make_shared<NvmeNode>(std::move(controller), *space, no_flush);
    Controllers::instance().leave(controller);
    return fail(std::move(space.error()));
}

Result<NodePtr> open_nvme(NodePtr, OpenArgs& args) {
    return NodePtr(EMU_TRY(open_namespace(args.options, args.writable, args.cache.no_flush)));
}

/// The namespace is there already; it only has to be large enough.
Result<void> create_nvme(NodePtr, CreateArgs& args) {
    KeyValues options = EMU_TRY(parse_nvme_name(args.name));
    const auto node = EMU_TRY(open_namespace(options, true, false));
    if (node->size() < args.size) return fail(ENOSPC, fmt::format("Device '{}' is too small", args.name));
    return {};
}

constexpr std::string_view prefixes[] = {"nvme"};
constexpr CreateOption create_options[] = {{"size", CreateOption::Kind::size, "Virtual disk size"}};
constexpr CreateOption nvme_options[] = {
    {"device", CreateOption::Kind::string, "PCI address of the controller, which is bound to vfio-pci"},
    {"namespace", CreateOption::Kind::number, "number of the namespace"},
};

} // namespace

extern const Driver nvme_driver{.name = "nvme",
                                .kind = Driver::Kind::protocol,
                                .open = open_nvme,
                                .parse_name = parse_nvme_name,
                                .prefixes = prefixes,
                                .create = create_nvme,
                                .create_options = create_options,
                                .open_options = nvme_options,
                                .summary = "a namespace of an NVMe controller, by VFIO"};

} // namespace emu::block

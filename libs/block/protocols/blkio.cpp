// SPDX-License-Identifier: MIT
// The drivers of libblkio by name. io_uring is the file driver with that engine; the others drive devices from user space, which
// is not done here: the names are understood, so that the refusal says what serves instead.
#include "block/image.h"

#include <cerrno>
#include <fmt/format.h>

namespace emu::block {
namespace {

Result<NodePtr> open_io_uring(NodePtr, OpenArgs& args) {
    const auto path = args.options.take("filename");
    if (!path) return fail(EINVAL, "The 'io_uring' block driver requires a file name");
    OpenArgs below = args;
    below.options = {};
    below.options.add("filename", *path);
    below.options.add("aio", "io_uring");
    return find_driver("file")->open(nullptr, below);
}

Result<NodePtr> refuse(OpenArgs& args, std::string_view driver, std::string_view instead) {
    args.options.take("path");
    return fail(Error{ENOTSUP, fmt::format("'{}' needs a device that is driven from user space, which is not done here", driver), std::string(instead)});
}
Result<NodePtr> open_nvme_uring(NodePtr, OpenArgs& args) { return refuse(args, "nvme-io_uring", "use the kernel's block device, /dev/nvmeXnY"); }
Result<NodePtr> open_vfio(NodePtr, OpenArgs& args) { return refuse(args, "virtio-blk-vfio-pci", "use the kernel's block device, /dev/vdX"); }
Result<NodePtr> open_vhost_user(NodePtr, OpenArgs& args) { return refuse(args, "virtio-blk-vhost-user", "export the image by NBD"); }
Result<NodePtr> open_vhost_vdpa(NodePtr, OpenArgs& args) { return refuse(args, "virtio-blk-vhost-vdpa", "use the kernel's block device, /dev/vdX"); }

constexpr CreateOption file_options[] = {{"filename", CreateOption::Kind::string, "path of the file"}};
constexpr CreateOption path_options[] = {{"path", CreateOption::Kind::string, "path of the device"}};
constexpr auto protocol = Driver::Kind::protocol;

} // namespace

extern const Driver io_uring_driver{.name = "io_uring", .kind = protocol, .open = open_io_uring, .open_options = file_options,
                                    .summary = "a file of this host, by io_uring"};
extern const Driver nvme_io_uring_driver{.name = "nvme-io_uring", .kind = protocol, .open = open_nvme_uring, .open_options = path_options,
                                         .summary = "an NVMe character device (refused)"};
extern const Driver virtio_blk_vfio_pci_driver{.name = "virtio-blk-vfio-pci", .kind = protocol, .open = open_vfio, .open_options = path_options,
                                               .summary = "a virtio PCI device by VFIO (refused)"};
extern const Driver virtio_blk_vhost_user_driver{.name = "virtio-blk-vhost-user", .kind = protocol, .open = open_vhost_user, .open_options = path_options,
                                                 .summary = "a vhost-user server (refused)"};
extern const Driver virtio_blk_vhost_vdpa_driver{.name = "virtio-blk-vhost-vdpa", .kind = protocol, .open = open_vhost_vdpa, .open_options = path_options,
                                                 .summary = "a vDPA device (refused)"};

} // namespace emu::block

// SPDX-License-Identifier: MIT
// nvme://DDDD:BB:DD.F/NAMESPACE names an NVMe controller that is taken from the kernel by VFIO and driven from user space. That is
// not done here; the name is understood, so that the refusal says what stands in the way and what serves instead.
#include "block/image.h"
#include "common/sizes.h"

#include <cerrno>
#include <fmt/format.h>
#include <unistd.h>

namespace emu::block {
namespace {

bool is_pci_address(std::string_view text) {
    constexpr std::string_view shape = "hhhh:hh:hh.h";
    if (text.size() != shape.size()) return false;
    for (usize i = 0; i < shape.size(); i++) {
        if (shape[i] == 'h' ? std::string_view("0123456789abcdefABCDEF").find(text[i]) == std::string_view::npos : text[i] != shape[i]) return false;
    }
    return true;
}

Result<KeyValues> parse_nvme_name(std::string_view name) {
    constexpr std::string_view prefix = "nvme://";
    const usize slash = name.starts_with(prefix) ? name.find('/', prefix.size()) : std::string_view::npos;
    if (slash == std::string_view::npos) return fail(Error{EINVAL, fmt::format("'{}' is no NVMe name", name), "nvme://0000:01:00.0/1"});
    KeyValues out;
    out.add("device", name.substr(prefix.size(), slash - prefix.size()));
    out.add("namespace", name.substr(slash + 1));
    return out;
}

Result<NodePtr> open_nvme(NodePtr, OpenArgs& args) {
    const auto device = args.options.take("device");
    const auto space = EMU_TRY(args.options.take_number("namespace"));
    if (!device) return fail(EINVAL, "'device' option is required");
    if (!space || *space == 0) return fail(EINVAL, "'namespace' option is required");
    if (!is_pci_address(*device)) return fail(Error{EINVAL, fmt::format("'{}' is no PCI address", *device), "0000:01:00.0"});
    if (::access(("/sys/bus/pci/devices/" + *device).c_str(), F_OK) != 0) return fail(ENODEV, fmt::format("there is no PCI device {}", *device));
    if (::access("/dev/vfio/vfio", R_OK | W_OK) != 0) return fail(ENODEV, "VFIO is not available: no access to /dev/vfio/vfio");
    return fail(Error{ENOTSUP, "NVMe controllers are not driven from user space here", "use the kernel's device, /dev/nvmeXnY"});
}

constexpr std::string_view prefixes[] = {"nvme"};
constexpr CreateOption nvme_options[] = {
    {"device", CreateOption::Kind::string, "PCI address of the controller"},
    {"namespace", CreateOption::Kind::number, "number of the namespace"},
};

} // namespace

extern const Driver nvme_driver{.name = "nvme", .kind = Driver::Kind::protocol, .open = open_nvme, .parse_name = parse_nvme_name, .prefixes = prefixes,
                                .open_options = nvme_options, .summary = "an NVMe controller by VFIO (refused)"};

} // namespace emu::block

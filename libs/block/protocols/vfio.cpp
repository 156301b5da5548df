// SPDX-License-Identifier: MIT
#include "block/protocols/vfio.h"

#include "common/bits.h"
#include "common/bytes.h"
#include "common/checked.h"
#include "common/fd.h"
#include "common/sizes.h"

#include <algorithm>
#include <cerrno>
#include <climits>
#include <cstring>
#include <fmt/format.h>
#include <linux/vfio.h>
#include <mutex>
#include <poll.h>
#include <sys/eventfd.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <vector>

namespace emu::block::vfio {
namespace {

using nvme::DmaMemory, nvme::milliseconds;

// PCI configuration space (PCI 3.0, 6.2.2).
constexpr u64 pci_command = 4;
constexpr u16 pci_command_memory = 2, pci_command_master = 4;

/// Where device addresses are taken from if the kernel does not say which are good: above the first megabyte, below the interrupt
/// controllers' windows under 4 GiB.
constexpr u64 first_address = u64(1) << 20, last_address = 0xfdffffff;

Result<int> control(int fd, unsigned long request, void* argument, std::string_view what) {
    int result;
    do result = ::ioctl(fd, request, argument);
    while (result < 0 && errno == EINTR);
    if (result < 0) return fail_errno(errno, fmt::format("VFIO: {}", what));
    return result;
}
/// Requests whose argument is a number.
Result<int> control(int fd, unsigned long request, unsigned long number, std::string_view what) {
    return control(fd, request, reinterpret_cast<void*>(number), what);
}

struct Range {
    u64 first, last;
};

/// The ranges of the IOVA capability in what VFIO_IOMMU_GET_INFO returned.
std::vector<Range> address_ranges(ConstBytes info) {
    std::vector<Range> out;
    vfio_iommu_type1_info head{};
    if (info.size() < sizeof head) return out;
    std::memcpy(&head, info.data(), sizeof head);
    if (!(head.flags & VFIO_IOMMU_INFO_CAPS)) return out;
    u64 at = head.cap_offset;
    for (unsigned steps = 0; at && steps < 64; steps++) {
        vfio_info_cap_header capability{};
        if (!in_range(at, sizeof capability, info.size())) return out;
        std::memcpy(&capability, info.data() + at, sizeof capability);
        if (capability.id == VFIO_IOMMU_TYPE1_INFO_CAP_IOVA_RANGE) {
            constexpr u64 fixed = sizeof(vfio_iommu_type1_info_cap_iova_range);
            if (!in_range(at, fixed, info.size())) return out;
            const u32 count = le32(info, usize(at + sizeof capability));
            for (u64 i = 0; i < count && in_range(at + fixed + i * sizeof(vfio_iova_range), sizeof(vfio_iova_range), info.size());
                 i++) {
                vfio_iova_range r{};
                std::memcpy(&r, info.data() + at + fixed + i * sizeof r, sizeof r);
                if (r.start <= r.end) out.push_back({r.start, r.end});
            }
            return out;
        }
        at = capability.next;
    }
    return out;
}

class PciDevice final : public nvme::Device {
public:
    explicit PciDevice(std::string address) : name_(std::move(address)) {}
    ~PciDevice() override {
        if (mapped_) ::munmap(registers_, mapped_);
        device_.reset(); // resets it: no more access to memory
        group_.reset();
        container_.reset();
        for (const Piece& piece : pieces_) ::munmap(piece.at, piece.size);
    }
    Result<void> open(const Paths& paths, const Location& location, unsigned vectors);

    const std::string& name() const override { return name_; }
    u64 window() const override { return window_; }
    u32 read32(u64 at) override {
        EMU_ASSERT(in_range(at, 4, window_));
        u32 value = 0xffffffff;
        if (at + 4 <= mapped_)
            value = *register_at(at);
        else if (::pread(device_.get(), &value, 4, off_t(window_at_ + at)) != 4)
            return 0xffffffff;
        return Endian::native == Endian::little ? value : byte_swap(value);
    }
    void write32(u64 at, u32 value) override {
        EMU_ASSERT(in_range(at, 4, window_));
        if (Endian::native != Endian::little) value = byte_swap(value);
        nvme::dma_write_barrier();
        if (at + 4 <= mapped_)
            *register_at(at) = value;
        else
            (void)!::pwrite(device_.get(), &value, 4, off_t(window_at_ + at)); // a device that has gone is noticed by reading
    }
    Result<DmaMemory> allocate(usize bytes, usize alignment) override;
    unsigned vectors() const override { return unsigned(interrupts_.size()); }
    void wait(unsigned vector, milliseconds most) override {
        pollfd p{interrupts_[vector].get(), POLLIN, 0};
        if (::poll(&p, 1, int(most.count())) <= 0) return;
        u64 count = 0;
        (void)!::read(p.fd, &count, sizeof count);
    }

private:
    struct Piece {
        void* at;
        usize size;
    };
    volatile u32* register_at(u64 at) const { return reinterpret_cast<volatile u32*>(static_cast<u8*>(registers_) + at); }
    Result<void> join_group(const Paths& paths, const Location& location);
    Result<void> map_registers();
    Result<void> let_it_work();
    void enable_interrupts(unsigned wanted);
    bool enable_interrupts(u32 index, unsigned wanted);
    void read_address_ranges();

    std::string name_;
    Fd container_, group_, device_;
    u64 window_ = 0, window_at_ = 0;
    void* registers_ = nullptr;
    u64 mapped_ = 0;
    std::vector<Fd> interrupts_;
    std::mutex mutex_;
    std::vector<Piece> pieces_;
    std::vector<Range> free_; ///< device addresses
};

Result<void> PciDevice::join_group(const Paths& paths, const Location& location) {
    const std::string directory = paths.dev + "/vfio/", container = directory + "vfio", group = directory + location.group;
    auto fd = Fd::open(container, O_RDWR);
    if (!fd && (fd.error().code == EACCES || fd.error().code == EPERM))
        return fail(EACCES, fmt::format("no permission to open '{}'", container));
    if (!fd)
        return fail(Error{fd.error().code, fmt::format("VFIO is not available: {}", fd.error().text),
                          "load the modules vfio-pci and vfio_iommu_type1"});
    container_ = std::move(*fd);
    fd = Fd::open(group, O_RDWR);
    if (!fd) {
        switch (fd.error().code) {
        case EACCES:
        case EPERM:
            return fail(Error{EACCES, fmt::format("no permission to open '{}', the IOMMU group of {}", group, name_),
                              "its owner may be changed"});
        case EBUSY: return fail(EBUSY, fmt::format("{} is in use: IOMMU group {} is open already", name_, location.group));
        case ENOENT:
            return fail(ENODEV, fmt::format("'{}' is not there: no device of that IOMMU group is bound to vfio-pci", group));
        default: return fail(fd.error());
        }
    }
    group_ = std::move(*fd);
    if (EMU_TRY(control(container_.get(), VFIO_GET_API_VERSION, nullptr, "the interface's version")) != VFIO_API_VERSION)
        return fail(ENOTSUP, "VFIO has another version");
    vfio_group_status status{.argsz = sizeof status, .flags = 0};
    (void)EMU_TRY(control(group_.get(), VFIO_GROUP_GET_STATUS, &status, "the group's state"));
    if (!(status.flags & VFIO_GROUP_FLAGS_VIABLE))
        return fail(
            EPERM,
            fmt::format(
                "other devices in the IOMMU group of {} are bound to drivers of the kernel: {}/kernel/iommu_groups/{}/devices",
                name_, paths.sys, location.group));
    int container_fd = container_.get();
    (void)EMU_TRY(control(group_.get(), VFIO_GROUP_SET_CONTAINER, &container_fd, "joining the group to a container"));
    for (const unsigned long type : {VFIO_TYPE1v2_IOMMU, VFIO_TYPE1_IOMMU}) {
        if (!control(container_.get(), VFIO_CHECK_EXTENSION, type, "the kinds of IOMMU").value_or(0)) continue;
        (void)EMU_TRY(control(container_.get(), VFIO_SET_IOMMU, type, "the IOMMU"));
        return {};
    }
    return fail(Error{ENOTSUP, "VFIO has no IOMMU of type 1 here", "load the module vfio_iommu_type1"});
}

void PciDevice::read_address_ranges() {
    free_ = {{first_address, last_address}};
    vfio_iommu_type1_info head{};
    head.argsz = sizeof head;
    if (::ioctl(container_.get(), VFIO_IOMMU_GET_INFO, &head) < 0 || head.argsz <= sizeof head || head.argsz > 65536) return;
    // The first answer says how long the whole is.
    std::vector<u8> info(head.argsz);
    head = {};
    head.argsz = u32(info.size());
    std::memcpy(info.data(), &head, sizeof head);
    if (::ioctl(container_.get(), VFIO_IOMMU_GET_INFO, info.data()) < 0) return;
    std::vector<Range> good;
    for (Range r : address_ranges(info)) {
        r.first = std::max(r.first, first_address);
        if (r.first <= r.last) good.push_back(r);
    }
    if (!good.empty()) free_ = std::move(good);
}

Result<DmaMemory> PciDevice::allocate(usize bytes, usize alignment) {
    const usize host_page = usize(::sysconf(_SC_PAGESIZE));
    const u64 unit = std::max<u64>(alignment, host_page);
    bytes = align_up<usize>(bytes, unit);
    std::lock_guard lock(mutex_);
    for (Range& r : free_) {
        const auto start = checked_align_up<u64>(r.first, unit);
        if (!start || *start > r.last || r.last - *start < bytes - 1) continue;
        // Shared: after a fork() the pages are still those that the device has. More than needed, for the alignment.
        void* whole = ::mmap(nullptr, bytes + unit, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
        if (whole == MAP_FAILED) return fail_errno(errno, "memory for the device");
        u8* at = reinterpret_cast<u8*>(align_up<u64>(reinterpret_cast<u64>(whole), unit));
        vfio_iommu_type1_dma_map map{.argsz = sizeof map,
                                     .flags = VFIO_DMA_MAP_FLAG_READ | VFIO_DMA_MAP_FLAG_WRITE,
                                     .vaddr = reinterpret_cast<u64>(at),
                                     .iova = *start,
                                     .size = bytes};
        if (::ioctl(container_.get(), VFIO_IOMMU_MAP_DMA, &map) < 0) {
            const int code = errno;
            ::munmap(whole, bytes + unit);
            if (code == ENOMEM)
                return fail(Error{ENOMEM, fmt::format("{} of memory cannot be locked for the device", human_size(bytes)),
                                  "the limit is ulimit -l"});
            return fail_errno(code, "VFIO: mapping memory for the device");
        }
        pieces_.push_back({whole, bytes + usize(unit)});
        r.first = *start + bytes;
        if (r.first == 0 || r.first > r.last) r = {1, 0};
        return DmaMemory{at, *start, bytes};
    }
    return fail(ENOSPC, "VFIO: no addresses are left for memory of the device");
}

Result<void> PciDevice::map_registers() {
    vfio_region_info region{};
    region.argsz = sizeof region;
    region.index = VFIO_PCI_BAR0_REGION_INDEX;
    (void)EMU_TRY(control(device_.get(), VFIO_DEVICE_GET_REGION_INFO, &region, "BAR 0"));
    if (!region.size || !(region.flags & VFIO_REGION_INFO_FLAG_READ) || !(region.flags & VFIO_REGION_INFO_FLAG_WRITE))
        return fail(ENODEV, fmt::format("{} has no registers in BAR 0", name_));
    window_ = region.size;
    window_at_ = region.offset;
    if (!(region.flags & VFIO_REGION_INFO_FLAG_MMAP)) return {};
    // Where the kernel does not let all of it be mapped (a table of interrupts is in it), registers are reached by system calls,
    // or those behind the part that it does.
    const u64 page = u64(::sysconf(_SC_PAGESIZE));
    const u64 whole = align_down<u64>(window_, page);
    for (const u64 size : {whole, std::min(whole, u64(8192)), std::min(whole, u64(4096))}) {
        if (!size || size % page) continue;
        void* at = ::mmap(nullptr, size, PROT_READ | PROT_WRITE, MAP_SHARED, device_.get(), off_t(region.offset));
        if (at == MAP_FAILED) continue;
        registers_ = at;
        mapped_ = size;
        break;
    }
    return {};
}

/// Decode memory accesses, and be a bus master.
Result<void> PciDevice::let_it_work() {
    vfio_region_info region{};
    region.argsz = sizeof region;
    region.index = VFIO_PCI_CONFIG_REGION_INDEX;
    (void)EMU_TRY(control(device_.get(), VFIO_DEVICE_GET_REGION_INFO, &region, "configuration space"));
    u8 bytes[2];
    if (::pread(device_.get(), bytes, 2, off_t(region.offset + pci_command)) != 2)
        return fail(EIO, fmt::format("the configuration space of {} cannot be read", name_));
    put_le16(bytes, 0, le16(bytes) | pci_command_memory | pci_command_master);
    if (::pwrite(device_.get(), bytes, 2, off_t(region.offset + pci_command)) != 2)
        return fail(EIO, fmt::format("{} cannot be made a bus master", name_));
    return {};
}

bool PciDevice::enable_interrupts(u32 index, unsigned wanted) {
    vfio_irq_info info{.argsz = sizeof info, .flags = 0, .index = index, .count = 0};
    if (::ioctl(device_.get(), VFIO_DEVICE_GET_IRQ_INFO, &info) < 0 || !(info.flags & VFIO_IRQ_INFO_EVENTFD) || !info.count)
        return false;
    for (unsigned count = std::min(wanted, info.count); count; count /= 2) {
        std::vector<Fd> events;
        std::vector<u8> request(sizeof(vfio_irq_set) + count * sizeof(s32));
        const vfio_irq_set head{.argsz = u32(request.size()),
                                .flags = VFIO_IRQ_SET_DATA_EVENTFD | VFIO_IRQ_SET_ACTION_TRIGGER,
                                .index = index,
                                .start = 0,
                                .count = count};
        std::memcpy(request.data(), &head, sizeof head);
        for (unsigned i = 0; i < count; i++) {
            Fd event(::eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK));
            if (!event) return false;
            const s32 number = event.get();
            std::memcpy(request.data() + sizeof head + i * sizeof number, &number, sizeof number);
            events.push_back(std::move(event));
        }
        if (::ioctl(device_.get(), VFIO_DEVICE_SET_IRQS, request.data()) < 0) continue;
        interrupts_ = std::move(events);
        return true;
    }
    return false;
}

void PciDevice::enable_interrupts(unsigned wanted) {
    for (const u32 index : {u32(VFIO_PCI_MSIX_IRQ_INDEX), u32(VFIO_PCI_MSI_IRQ_INDEX)})
        if (enable_interrupts(index, wanted)) return;
}

Result<void> PciDevice::open(const Paths& paths, const Location& location, unsigned vectors) {
    EMU_CHECK(join_group(paths, location));
    read_address_ranges();
    const int fd = ::ioctl(group_.get(), VFIO_GROUP_GET_DEVICE_FD, name_.c_str());
    if (fd < 0) return fail_errno(errno, fmt::format("VFIO: taking {}", name_));
    device_ = Fd(fd);
    vfio_device_info info{};
    info.argsz = sizeof info;
    (void)EMU_TRY(control(device_.get(), VFIO_DEVICE_GET_INFO, &info, "the device's kind"));
    if (!(info.flags & VFIO_DEVICE_FLAGS_PCI) || info.num_regions <= VFIO_PCI_CONFIG_REGION_INDEX)
        return fail(ENODEV, fmt::format("{} is no PCI device to VFIO", name_));
    EMU_CHECK(map_registers());
    EMU_CHECK(let_it_work());
    enable_interrupts(vectors);
    return {};
}

/// The last part of what a link points to; empty: there is no such link.
std::string link_target(const std::string& path) {
    char text[PATH_MAX];
    const ssize_t length = ::readlink(path.c_str(), text, sizeof text);
    if (length <= 0) return {};
    const std::string_view to(text, usize(length));
    return std::string(to.substr(to.rfind('/') + 1));
}

Result<u32> read_class(const std::string& path) {
    const Fd fd = EMU_TRY(Fd::open(path, O_RDONLY));
    char text[32];
    const ssize_t length = ::read(fd.get(), text, sizeof text);
    if (length <= 0) return fail(EIO, fmt::format("{}: cannot be read", path));
    std::string_view number(text, usize(length));
    while (!number.empty() && u8(number.back()) <= ' ') number.remove_suffix(1);
    return u32(EMU_TRY(in(path, parse_number(number))));
}

} // namespace

Result<std::string> parse_address(std::string_view text) {
    constexpr std::string_view shape = "hhhh:hh:hh.h", digits = "0123456789abcdef";
    std::string out;
    for (const char c : text) out += c >= 'A' && c <= 'F' ? char(c - 'A' + 'a') : c;
    bool good = out.size() == shape.size();
    for (usize i = 0; good && i < shape.size(); i++)
        good = shape[i] == 'h' ? digits.find(out[i]) != std::string_view::npos : out[i] == shape[i];
    if (!good) return fail(Error{EINVAL, fmt::format("'{}' is no PCI address", text), "0000:01:00.0"});
    return out;
}

Result<Location> locate(const Paths& paths, std::string_view address, u32 pci_class, std::string_view what) {
    const std::string folder = fmt::format("{}/bus/pci/devices/{}", paths.sys, address);
    if (::access(folder.c_str(), F_OK) != 0) return fail(ENODEV, fmt::format("there is no PCI device {}", address));
    const u32 found = EMU_TRY(read_class(folder + "/class"));
    if (found != pci_class)
        return fail(ENODEV, fmt::format("{} is not {}: its class is {:06x}, not {:06x}", address, what, found, pci_class));
    const std::string driver = link_target(folder + "/driver"), group = link_target(folder + "/iommu_group");
    if (group.empty())
        return fail(Error{
            ENODEV, fmt::format("{} is in no IOMMU group: the machine has no IOMMU, or the kernel does not use it", address),
            "intel_iommu=on or amd_iommu=on"});
    if (driver.find("vfio") == std::string::npos)
        return fail(
            Error{EBUSY,
                  driver.empty() ? fmt::format("{} is not bound to vfio-pci", address)
                                 : fmt::format("{} is bound to the driver '{}'", address, driver),
                  fmt::format("cd {} && echo vfio-pci > driver_override && {}echo {} > /sys/bus/pci/drivers_probe", folder,
                              driver.empty() ? "" : fmt::format("echo {} > driver/unbind && ", address), address)});
    return Location{std::string(address), group};
}

Result<std::unique_ptr<nvme::Device>> open(const Paths& paths, const Location& location, unsigned vectors) {
    auto out = std::make_unique<PciDevice>(location.address);
    EMU_CHECK(out->open(paths, location, vectors));
    return std::unique_ptr<nvme::Device>(std::move(out));
}

} // namespace emu::block::vfio

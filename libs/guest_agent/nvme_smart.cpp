// SPDX-License-Identifier: MIT
#include "guest_agent/nvme_smart.h"

#include "common/bytes.h"
#include "common/fd.h"

#include <array>
#include <linux/nvme_ioctl.h>
#include <sys/ioctl.h>

namespace emu::guest_agent {

namespace {

struct Field {
    std::string_view name;
    usize offset;
    unsigned bytes; ///< 16: two members, -lo and -hi
};
constexpr Field fields[] = {
    {"critical-warning", 0, 1},
    {"temperature", 1, 2},
    {"available-spare", 3, 1},
    {"available-spare-threshold", 4, 1},
    {"percentage-used", 5, 1},
    {"data-units-read", 32, 16},
    {"data-units-written", 48, 16},
    {"host-read-commands", 64, 16},
    {"host-write-commands", 80, 16},
    {"controller-busy-time", 96, 16},
    {"power-cycles", 112, 16},
    {"power-on-hours", 128, 16},
    {"unsafe-shutdowns", 144, 16},
    {"media-errors", 160, 16},
    {"number-of-error-log-entries", 176, 16},
};

constexpr u8 get_log_page = 0x02, smart_page = 0x02; ///< admin opcode, log identifier
constexpr u32 all_namespaces = 0xffffffff;

} // namespace

Json parse_smart_log(ConstBytes log) {
    Json smart;
    smart.set("type", "nvme");
    if (log.size() < smart_log_size) return smart;
    for (const Field& field : fields) {
        if (field.bytes == 16) {
            smart.set(std::string(field.name) + "-lo", le64(log, field.offset)).set(std::string(field.name) + "-hi", le64(log, field.offset + 8));
            continue;
        }
        smart.set(field.name, u64(field.bytes == 2 ? le16(log, field.offset) : log[field.offset]));
    }
    return smart;
}

std::optional<Json> read_smart_log(const std::string& device) {
    auto fd = Fd::open(device, O_RDONLY | O_NONBLOCK);
    if (!fd) return std::nullopt;
    std::array<u8, smart_log_size> log{};
    nvme_admin_cmd command{};
    command.opcode = get_log_page;
    command.nsid = all_namespaces;
    command.addr = reinterpret_cast<u64>(log.data());
    command.data_len = u32(log.size());
    command.cdw10 = smart_page | (u32(log.size() / 4 - 1) << 16); // number of dwords, less one
    if (ioctl(fd->get(), NVME_IOCTL_ADMIN_CMD, &command) != 0) return std::nullopt;
    return parse_smart_log(log);
}

} // namespace emu::guest_agent

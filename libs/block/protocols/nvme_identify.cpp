// SPDX-License-Identifier: MIT
#include "block/protocols/nvme_identify.h"

#include "block/protocols/nvme_registers.h"
#include "common/bits.h"
#include "common/checked.h"

#include <algorithm>
#include <cerrno>
#include <fmt/format.h>

namespace emu::block::nvme {
namespace {

constexpr u32 largest_page_exponent = 4; ///< 64 KiB: buffers are a few of them
constexpr unsigned smallest_block_shift = 9, largest_block_shift = 16;

u64 field(u64 value, Field f) { return bits(value, f.low, f.width); }

/// 2^n pages as the controller counts them; 0, and what no 64-bit number of bytes holds, is no limit.
u64 pages(u8 n, const Capabilities& c) { return n && n < 40 ? u64(c.page) << n : 0; }

/// Fixed-width ASCII, padded with spaces (Base 1.5.1). What is not printable does not reach a terminal.
std::string text_at(ConstBytes from, usize at, usize length) {
    std::string out;
    for (const u8 c : from.subspan(at, length)) out += c >= 0x20 && c < 0x7f ? char(c) : ' ';
    out.erase(out.find_last_not_of(' ') + 1);
    return out;
}

struct StatusRow {
    u16 type_and_code;
    int error;
    std::string_view text;
};
/// Base 3.3.3.2.1, NVM Command Set 3.1: types 0 generic, 1 command specific, 2 media, 3 path.
constexpr StatusRow statuses[] = {
    {0x001, ENOTSUP, "the controller does not know the command"},
    {0x002, EINVAL, "invalid field in the command"},
    {0x003, EIO, "command identifier in use"},
    {0x004, EIO, "data transfer error"},
    {0x005, EIO, "aborted by loss of power"},
    {0x006, EIO, "internal error of the controller"},
    {0x007, EIO, "aborted on request"},
    {0x008, EIO, "aborted with its queue"},
    {0x00b, ENODEV, "invalid namespace or format"},
    {0x00c, EIO, "command sequence error"},
    {0x013, EIO, "invalid PRP offset"},
    {0x015, EACCES, "operation denied"},
    {0x01d, EBUSY, "a sanitize operation is in progress"},
    {0x020, EROFS, "the namespace is write protected"},
    {0x021, EIO, "the command was interrupted"},
    {0x022, EIO, "transient transport error"},
    {0x080, EIO, "block out of range"},
    {0x081, ENOSPC, "the capacity of the namespace is exceeded"},
    {0x082, EIO, "the namespace is not ready"},
    {0x083, EACCES, "the namespace is reserved by another host"},
    {0x084, EBUSY, "a format operation is in progress"},
    {0x101, EIO, "invalid queue identifier"},
    {0x102, EIO, "invalid queue size"},
    {0x108, EIO, "invalid interrupt vector"},
    {0x182, EROFS, "the range is read-only"},
    {0x280, EIO, "the medium could not be written"},
    {0x281, EIO, "the medium could not be read"},
    {0x282, EIO, "guard check failed"},
    {0x283, EIO, "application tag check failed"},
    {0x284, EIO, "reference tag check failed"},
    {0x286, EACCES, "access denied"},
    {0x287, EIO, "the block was deallocated or never written"},
    {0x300, EIO, "internal path error"},
};

} // namespace

Result<Capabilities> decode_capabilities(u64 cap, u64 window) {
    if (cap == ~u64(0)) return fail(ENODEV, "the registers do not answer");
    Capabilities out;
    out.queue_entries = u32(field(cap, capability::mqes)) + 1;
    if (out.queue_entries < 2) return fail(EINVAL, "the controller claims queues of one entry");
    out.page_exponent = u32(field(cap, capability::mpsmin));
    if (out.page_exponent > largest_page_exponent)
        return fail(ENOTSUP,
                    fmt::format("the controller's smallest memory page is {} KiB, more than 64", 4u << out.page_exponent));
    out.page = 4096u << out.page_exponent;
    out.doorbell_stride = 4u << field(cap, capability::dstrd);
    if (!in_range(reg_doorbells, u64(4) * out.doorbell_stride, window)) // of the admin queue and one more
        return fail(EINVAL, fmt::format("doorbells {} bytes apart do not lie in the register window of {} bytes",
                                        out.doorbell_stride, window));
    out.ready_ms = (u32(field(cap, capability::to)) + 1) * 500;
    const u64 sets = field(cap, capability::css);
    if (!(sets & 0x41)) return fail(ENOTSUP, "the controller does not have the NVM command set");
    out.all_command_sets = !(sets & 1);
    return out;
}

Result<ControllerData> decode_controller(ConstBytes identify, const Capabilities& c) {
    if (identify.size() < identify_bytes) return fail(EINVAL, "the controller's data is too short");
    ControllerData out; // offsets: Base 5.17.2.1
    out.serial = text_at(identify, 4, 20);
    out.model = text_at(identify, 24, 40);
    out.max_transfer = pages(identify[77], c);
    out.version = le32(identify, 80);
    // RTD3E, in microseconds; 5 s where it says nothing, and a minute is enough for any.
    const u32 entry_us = le32(identify, 88);
    out.shutdown_ms = entry_us ? std::clamp(entry_us / 1000, 5000u, 60000u) : 5000;
    if (const u8 type = identify[111]; type > 1)
        return fail(ENOTSUP, fmt::format("the controller is of type {}, not one for I/O", type));
    if ((identify[512] & 15) > 6 || (identify[513] & 15) > 4)
        return fail(ENOTSUP, "the controller wants larger queue entries than the standard's");
    out.namespaces = le32(identify, 516);
    const u16 optional = le16(identify, 520); // ONCS
    out.deallocate = bit(u32(optional), 2);
    out.write_zeroes = bit(u32(optional), 3);
    out.volatile_cache = identify[525] & 1;
    return out;
}

void decode_command_set(ConstBytes identify, const Capabilities& c, ControllerData& out) {
    if (identify.size() < 16) return;
    out.max_zeroes = pages(identify[1], c); // WZSL
    out.max_deallocate = le32(identify, 4); // DMRSL
    if (const u64 whole = le64(identify, 8); whole && (!out.max_deallocate || whole < out.max_deallocate))
        out.max_deallocate = whole; // DMSL
}

Result<Namespace> decode_namespace(ConstBytes identify, u32 id) {
    if (identify.size() < identify_bytes) return fail(EINVAL, "the namespace's data is too short");
    Namespace out{.id = id, .blocks = le64(identify, 0)}; // offsets: NVM Command Set 4.1.5.1
    if (!out.blocks) return out;
    const u8 formats = identify[25], flbas = identify[26];
    const unsigned index = (flbas & 15) | (formats > 15 ? unsigned(flbas >> 5 & 3) << 4 : 0);
    if (index > formats || index >= 64)
        return fail(EINVAL, fmt::format("namespace {} is in format {} of {}", id, index, formats + 1));
    const u32 format = le32(identify, 128 + 4 * index);
    const unsigned shift = bits(format, 16, 8);
    if (shift < smallest_block_shift || shift > largest_block_shift)
        return fail(ENOTSUP, fmt::format("namespace {} has logical blocks of 2^{} bytes", id, shift));
    if (const u32 metadata = bits(format, 0, 16))
        return fail(ENOTSUP, fmt::format("namespace {} is formatted with {} bytes of metadata for each block", id, metadata));
    out.block = 1u << shift;
    if (out.blocks > u64(INT64_MAX) >> shift)
        return fail(EINVAL, fmt::format("namespace {} claims the impossible size of {} blocks", id, out.blocks));
    out.zeroes_deallocate = bit(u32(identify[33]), 3); // DLFEAT
    out.write_protected = identify[99] & 1;            // NSATTR
    return out;
}

std::vector<u32> decode_active(ConstBytes identify) {
    std::vector<u32> out;
    for (usize at = 0; at + 4 <= identify.size(); at += 4) {
        const u32 id = le32(identify, at);
        if (!id || (!out.empty() && id <= out.back())) break;
        out.push_back(id);
    }
    return out;
}

Completion decode_completion(ConstBytes entry) { // Base 3.3.3.2
    const u32 queue = le32(entry, 8), last = le32(entry, 12);
    return {.result = le32(entry, 0),
            .head = u16(queue),
            .queue = u16(queue >> 16),
            .id = u16(last),
            .status = u16(last >> 17),
            .phase = bit(last, 16)};
}

Result<void> judge_status(u16 status) {
    const u16 key = status & 0x7ff;
    if (!key) return {};
    for (const StatusRow& row : statuses)
        if (row.type_and_code == key) return fail(row.error, row.text);
    return fail(EIO, fmt::format("status type {:x}h code {:02x}h", status_type(status), status_code(status)));
}

} // namespace emu::block::nvme

// SPDX-License-Identifier: MIT
// What a controller says of itself, taken apart and judged: nothing here believes a number that it has not looked at. Pure
// functions of bytes.
#pragma once
#include "common/bytes.h"
#include "common/result.h"

#include <string>
#include <vector>

namespace emu::block::nvme {

/// CAP, with its fields judged.
struct Capabilities {
    u32 queue_entries = 0; ///< of the largest I/O queue, at least 2
    u32 page = 4096;       ///< the memory page that we use, the smallest it has
    u32 page_exponent = 0; ///< 4096 << page_exponent
    u32 doorbell_stride = 4;
    u32 ready_ms = 0;
    bool all_command_sets = false; ///< CC.CSS has to be 110b
};
Result<Capabilities> decode_capabilities(u64 cap, u64 window);

struct ControllerData {
    std::string model, serial;
    u32 version = 0;
    u32 namespaces = 0;   ///< the largest number that one may have
    u64 max_transfer = 0; ///< bytes; 0: no limit
    u32 shutdown_ms = 0;
    bool write_zeroes = false, deallocate = false, volatile_cache = false;
    // From the part of the NVM command set; 0: no limit.
    u64 max_zeroes = 0;     ///< bytes
    u64 max_deallocate = 0; ///< blocks a range
};
Result<ControllerData> decode_controller(ConstBytes identify, const Capabilities& capabilities);
/// The limits of the NVM command set (Identify 06h), where the controller knows them.
void decode_command_set(ConstBytes identify, const Capabilities& capabilities, ControllerData& out);

struct Namespace {
    u32 id = 0;
    u64 blocks = 0;  ///< 0: the number is not in use
    u32 block = 512; ///< bytes, a power of two
    bool write_protected = false;
    bool zeroes_deallocate = false; ///< write zeroes may deallocate
    u64 bytes() const { return blocks * block; }
};
Result<Namespace> decode_namespace(ConstBytes identify, u32 id);
/// Identify 02h: numbers in ascending order, up to the first 0.
std::vector<u32> decode_active(ConstBytes identify);

/// One entry of a completion queue.
struct Completion {
    u32 result = 0;
    u16 head = 0, queue = 0, id = 0, status = 0;
    bool phase = false;
    bool operator==(const Completion&) const = default;
};
Completion decode_completion(ConstBytes entry);

/// Success, or what a status means: an errno value and words.
Result<void> judge_status(u16 status);

} // namespace emu::block::nvme

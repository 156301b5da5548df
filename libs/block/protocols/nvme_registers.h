// SPDX-License-Identifier: MIT
// Numbers of the NVM Express specifications: Base Specification 2.0 (registers, queues, Identify, status), PCIe Transport
// Specification 1.0 (doorbells, section 3.1.2) and NVM Command Set Specification 1.0 (reading and writing). Everything is
// little-endian.
#pragma once
#include "common/types.h"

namespace emu::block::nvme {

/// Registers: offsets into BAR 0 (Base 3.1.3, "Controller Properties").
enum Register : u32 {
    reg_cap = 0x00, ///< 64 bits, read-only: see capability
    reg_vs = 0x08,
    reg_cc = 0x14,
    reg_csts = 0x1c,
    reg_aqa = 0x24,         ///< sizes of the admin queues, each less one: submission 11:0, completion 27:16
    reg_asq = 0x28,         ///< 64 bits
    reg_acq = 0x30,         ///< 64 bits
    reg_doorbells = 0x1000, ///< queue y: submission tail at (2y) * (4 << DSTRD), completion head at (2y + 1) * (4 << DSTRD)
};

/// Where the fields of a register stand: first bit and width.
struct Field {
    unsigned low, width;
};
namespace capability {         // CAP, 3.1.3.1
constexpr Field mqes{0, 16};   ///< entries of the largest I/O queue, less one
constexpr Field to{24, 8};     ///< how long CSTS.RDY may take to change, in units of 500 ms
constexpr Field dstrd{32, 4};  ///< doorbells are 4 << dstrd bytes apart
constexpr Field css{37, 8};    ///< bit 0: the NVM command set; bit 6: command sets are chosen by CC.CSS = 110b
constexpr Field mpsmin{48, 4}; ///< smallest memory page: 4096 << mpsmin
} // namespace capability
namespace configuration { // CC, 3.1.3.5
constexpr u32 enable = 1;
constexpr u32 all_command_sets = 6u << 4;
constexpr unsigned mps_at = 7; ///< memory page: 4096 << value
constexpr u32 shutdown_mask = 3u << 14, normal_shutdown = 1u << 14;
constexpr u32 entry_sizes = 6u << 16 | 4u << 20; ///< IOSQES, IOCQES: entries of 64 and of 16 bytes
} // namespace configuration
namespace status_register { // CSTS, 3.1.3.6
constexpr u32 ready = 1, fatal = 2;
constexpr u32 shutdown_mask = 3u << 2, shutdown_complete = 2u << 2;
constexpr u32 all_ones = 0xffffffff; ///< what a device that has gone reads as
} // namespace status_register

constexpr unsigned submission_bytes = 64, completion_bytes = 16, identify_bytes = 4096;

enum class AdminOpcode : u8 {
    delete_sq = 0x00,
    create_sq = 0x01,
    delete_cq = 0x04,
    create_cq = 0x05,
    identify = 0x06,
    set_features = 0x09
};
enum class IoOpcode : u8 { flush = 0x00, write = 0x01, read = 0x02, write_zeroes = 0x08, dataset_management = 0x09 };
enum class IdentifyWhat : u8 { name_space = 0x00, controller = 0x01, active_namespaces = 0x02, io_command_set = 0x06 }; // CNS
constexpr u32 feature_number_of_queues = 0x07;

namespace command {                                              // bits of dwords 10 to 15
constexpr u32 physically_contiguous = 1, interrupts_enabled = 2; ///< dword 11 of the commands that create queues
constexpr u32 force_unit_access = 1u << 30;                      ///< dword 12 of read, write and write zeroes
constexpr u32 deallocate = 1u << 25;                             ///< dword 12 of write zeroes
constexpr u32 range_deallocate = 1u << 2;                        ///< dword 11 of dataset management
constexpr u64 most_blocks = 65536;                               ///< dword 12 holds the number of blocks less one in 16 bits
} // namespace command

/// The status of a completion without its phase bit (Base 3.3.3.2.1): code 7:0, type 10:8, delay 12:11, more 13, do not retry 14.
constexpr u16 status_do_not_retry = 1u << 14;
constexpr unsigned status_code(u16 status) { return status & 0xff; }
constexpr unsigned status_type(u16 status) { return status >> 8 & 7; }

} // namespace emu::block::nvme

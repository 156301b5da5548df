// SPDX-License-Identifier: MIT
// A lockstep program: blocks of instructions, register contents to run them with, and the memory they work in; made into a small
// static ELF file whose driver loads the registers, runs the block, puts the registers back and at last writes everything to its
// standard output. Emulators agree when what they write agrees.
#pragma once
#include "common/types.h"

#include <array>
#include <string>
#include <vector>

namespace emu::lockstep {

// Where things are in guest memory.
inline constexpr u64 code_at = 0x1000'0000, data_at = 0x2000'0000, scratch_at = 0x3000'0000, stack_at = 0x3800'0000;
inline constexpr u64 scratch_size = 256 << 10, stack_size = 64 << 10;
/// Base addresses start here in the scratch memory: 64 KiB may be reached below, 192 KiB above.
inline constexpr u64 scratch_base = scratch_at + (64 << 10);

// Registers with a role. In blocks without memory accesses only the context pointer has one.
inline constexpr unsigned index_register = 25;     ///< small offset, never written
inline constexpr unsigned aligned_register = 26;   ///< 16-byte aligned address, never written
inline constexpr unsigned context_register = 27;   ///< the driver's
inline constexpr unsigned base_register = 28;      ///< address, written by write-back only; so is sp
inline constexpr unsigned block_register = 30;     ///< starts as the address of the block
inline constexpr unsigned outer_counter = 29, inner_counter = 30;   ///< where blocks are loops: written by nothing else

/// Registers as the driver loads and stores them.
struct Context {
    u64 x[31] = {};
    u64 sp = 0;
    u64 v[32][2] = {};
    u64 nzcv = 0, fpcr = 0, fpsr = 0;
    u64 illegal = 0;                   ///< signal << 56 | pc, if one ended the block
    bool operator==(const Context&) const = default;
};
static_assert(sizeof(Context) == 800);

struct Run {
    unsigned block = 0;
    Context input;
};

struct Program {
    std::vector<std::vector<u32>> blocks;
    std::vector<Run> runs;
    std::vector<u8> scratch;           ///< scratch_size bytes
};

struct Segment {
    u64 address;
    u32 flags;                         ///< PF_R | PF_W | PF_X
    std::vector<u8> bytes;
};

/// The program laid out in memory.
struct Image {
    std::vector<Segment> segments;
    u64 entry = 0;
    u64 epilogue = 0;                  ///< where a block ends
    u64 end_of_code = 0;
    std::vector<u64> block_at;
    usize runs = 0;
};

Image build(const Program& program);
/// Address of block `index` for blocks of these lengths, before building.
u64 first_block_address();
/// Context `index` in guest memory.
u64 context_address(usize index);
bool write_elf(const Image& image, const std::string& path);

/// What an emulator made of it.
struct Outcome {
    bool complete = false;
    std::string trouble;
    std::vector<Context> contexts;
    std::vector<u8> scratch;
};
Outcome parse_output(const std::vector<u8>& bytes, usize runs);

} // namespace emu::lockstep

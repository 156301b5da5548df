// SPDX-License-Identifier: MIT
// A lockstep program for A32 and T32, as tests/isa/a64/program.h: blocks of instructions, register contents to run them with, and a
// small static ELF file whose driver does that and writes everything to its standard output.
#pragma once
#include "common/types.h"

#include <array>
#include <string>
#include <vector>

namespace emu::lockstep {

inline constexpr u32 code_at = 0x1000'0000, data_at = 0x2000'0000, scratch_at = 0x3000'0000, stack_at = 0x3800'0000;
inline constexpr u32 scratch_size = 256 << 10, stack_size = 64 << 10;
inline constexpr u32 scratch_base = scratch_at + (64 << 10);

// Registers with a role. In blocks without memory accesses only the context pointer has one.
inline constexpr unsigned index_register = 5;      ///< small offset, never written
inline constexpr unsigned aligned_register = 6;    ///< 16-byte aligned address, never written
inline constexpr unsigned base_register = 7;       ///< address, written by write-back only; so is sp
inline constexpr unsigned context_register = 11;   ///< the driver's

/// Registers as the driver loads and stores them.
struct Context {
    u32 r[15] = {};
    u32 cpsr = 0;
    u64 d[32] = {};
    u32 fpscr = 0;
    u32 entry = 0;                     ///< of the block: bit 0 set is Thumb
    u32 illegal_pc = 0, illegal_signal = 0;
    bool operator==(const Context&) const = default;
};
static_assert(sizeof(Context) == 336);

/// An instruction, and (for Thumb) the condition it has from an IT instruction before it.
struct Code {
    u32 word;
    u8 size;
};
struct Block {
    bool thumb = false;
    std::vector<Code> insns;
};
struct Run {
    unsigned block = 0;
    Context input;
};
struct Program {
    std::vector<Block> blocks;
    std::vector<Run> runs;
    std::vector<u8> scratch;           ///< scratch_size bytes
};
struct Segment {
    u32 address;
    u32 flags;                         ///< PF_R | PF_W | PF_X
    std::vector<u8> bytes;
};
struct Image {
    std::vector<Segment> segments;
    u32 entry = 0, epilogue = 0;
    std::vector<u32> block_at, block_end;   ///< addresses
    usize runs = 0;
};

Image build(const Program& program);
u32 context_address(usize index);
bool write_elf(const Image& image, const std::string& path);

struct Outcome {
    bool complete = false;
    std::string trouble;
    std::vector<Context> contexts;
    std::vector<u8> scratch;
};
Outcome parse_output(const std::vector<u8>& bytes, usize runs);

} // namespace emu::lockstep

// SPDX-License-Identifier: MIT
// Random instructions of 64-bit or 32-bit code from the decode tables, with what must be set up so that their memory operands hit the arena.
#pragma once
#include "isa/x86/insn.h"

#include <random>
#include <string>
#include <vector>

namespace emu::lockstep_x86 {

struct TestMemory {
    u64 data = 0, size = 0;    ///< readable and writable; a page that is neither lies on each side
    u64 counters = 0;          ///< 8 bytes elsewhere, for loops
};
struct GenerateOptions {
    std::vector<std::string> only;      ///< name prefixes; empty: all
    std::vector<std::string> without;
    unsigned length = 4;                ///< instructions of a block
    double faults = 0.01;               ///< share of memory operands that miss
    u64 features = 0;
    bool wide = true;                   ///< 64-bit code
    bool loops = false;                 ///< blocks are a loop in a loop, counted down in memory
};

struct Block {
    std::vector<u8> code;
    std::string names;
    u32 undefined_flags = 0;   ///< EFLAGS bits that the block leaves undefined
    unsigned insns = 0;
    bool mmx = false;          ///< exponents of x87 registers may differ
};

class Generator {
public:
    Generator(const GenerateOptions& options, const TestMemory& arena);
    Block block(u64 seed, u64 at);
    /// Rows that blocks are made of.
    usize rows() const { return rows_.size(); }

private:
    bool instruction(Block& block, u64 at);
    void instructions(Block& block, u64 at, unsigned wanted);
    void define_flags(Block& block);
    void loop(Block& block, u64 at, unsigned depth);
    std::vector<u8> encode(const isa::x86::Row& row, const isa::x86::DecodedOperands& operands);
    void memory_form(std::vector<u8>& bytes, u8 reg_field, bool vex);
    bool prepare(const isa::x86::Insn& insn, std::vector<u8>& before);
    void load_imm(std::vector<u8>& out, unsigned reg, u64 value) const;
    u64 target(unsigned alignment);
    u64 random(u64 below) { return engine_() % below; }
    bool chance(double p) { return double(engine_() >> 11) * 0x1p-53 < p; }

    GenerateOptions options_;
    TestMemory arena_;
    std::vector<const isa::x86::Row*> rows_;
    bool aligned_ = false;
    std::mt19937_64 engine_;
};

} // namespace emu::lockstep_x86

// SPDX-License-Identifier: MIT
// Running a lockstep image: in another emulator as a child process, and in this process on our own engine.
#pragma once
#include "cpu/vcpu.h"
#include "program.h"

namespace emu::lockstep {

/// `command` is the emulator and its options; the ELF file's name is appended.
Outcome run_child(const std::vector<std::string>& command, const Image& image);

/// State before each instruction of a single-stepped block.
struct Step {
    u64 pc;                ///< the key: with Thumb and IT bits
    u32 word;
    u8 size, it;
    Context before;
};

/// Our own execution of an image. Guest memory is this process's memory at the same addresses.
class Host {
public:
    Host(const isa::CpuModel& model, cpu::Execution execution, cpu::Tier2 tier2, const Image& image);
    ~Host();
    Outcome run();
    /// Regions that were compiled.
    u64 regions() const;
    /// Single-step the block that run number `index` executes, having run everything before it.
    std::vector<Step> trace(usize index, std::vector<u8>& scratch_before);

private:
    struct Impl;
    std::unique_ptr<Impl> impl_;
};

} // namespace emu::lockstep

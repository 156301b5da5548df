// SPDX-License-Identifier: MIT
// What lockstep runs of all guests have in common: another emulator as a child process, and guest memory, code and faults in this
// process for our own engine.
#pragma once
#include "cpu/vcpu.h"

#include <functional>
#include <string>
#include <vector>

namespace emu::lockstep {

inline constexpr int patience_seconds = 20;   ///< seconds a batch may take

/// Run `command` with the name of the file that `write` has made, and give its standard output. `trouble` says what went wrong.
std::vector<u8> run_emulator(const std::vector<std::string>& command, const std::function<bool(const std::string& path)>& write,
                             std::string& trouble);

/// Code that is never written to, so that there is nothing to watch.
class Text final : public cpu::CodeMemory {
public:
    Text(u64 address, ConstBytes bytes) : address_(address), bytes_(bytes) {}
    bool read(u64 address, Bytes to) override;
    void watch(u64, u64) override {}

private:
    u64 address_;
    ConstBytes bytes_;
};

/// Guest memory in this process, at the same addresses.
class GuestMemory {
public:
    GuestMemory() = default;
    GuestMemory(const GuestMemory&) = delete;
    ~GuestMemory();
    void map(u64 address, ConstBytes contents, bool writable);

private:
    std::vector<std::pair<void*, usize>> mappings_;
};

/// From now on, faults in guest memory are the guest's.
void take_faults();

/// While this lives: after `patience_seconds` the vCPU that runs is asked to stop.
class Patience {
public:
    Patience();
    ~Patience();
};

/// What Linux makes of a trap inside a block; 0: the driver's business. `alignment`: the guest's own trap for that.
u32 signal_of(isa::Trap trap, u32 alignment);

} // namespace emu::lockstep

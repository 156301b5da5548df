// SPDX-License-Identifier: MIT
// Remembers what a translation read of the guest's code: a second look gives the same bytes, and when the translation is to be
// put to use it is known whether it is still one of what memory holds.
#pragma once
#include "isa/isa.h"

#include <map>
#include <vector>

namespace emu::cpu {

class RecordingReader final : public isa::CodeReader {
public:
    explicit RecordingReader(isa::CodeReader& source) : source_(source) {}
    bool read(u64 address, Bytes to) override;
    /// Does memory still hold what was read? Call after writes to it are being noticed.
    bool unchanged();

private:
    isa::CodeReader& source_;
    std::map<u64, std::vector<u8>> pieces_;
};

} // namespace emu::cpu

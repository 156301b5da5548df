// SPDX-License-Identifier: MIT
// The notes of a core file: registers, names, the auxiliary vector (elf(5); include/linux/elfcore.h, uapi/linux/elf.h).
#pragma once
#include "linux_user/abi.h"
#include "linux_user/region_map.h"

#include <span>
#include <string>
#include <vector>

namespace emu::linux_user {

class Thread;

/// A structure written member by member, each aligned to its size.
class StructWriter {
public:
    explicit StructWriter(const DataModel& model) : model_(model) {}
    void put(u64 value, unsigned width);
    void word(u64 value) { put(value, model_.word); }
    void bytes(ConstBytes from) { out_.insert(out_.end(), from.begin(), from.end()); }
    void text(std::string_view from, usize size);
    void align(usize to) { out_.resize((out_.size() + to - 1) / to * to); }
    std::vector<u8>& data() { return out_; }

private:
    const DataModel& model_;
    std::vector<u8> out_;
};

/// Part of the memory that shows a file.
struct MappedFile {
    u64 start, end, offset;
    std::string name;
};

std::vector<u8> core_notes(Thread& dying, const SignalInfo& info, std::span<const MappedFile> files);

} // namespace emu::linux_user

// SPDX-License-Identifier: MIT
// Tells the host's profiler which translated code belongs to which guest code: a map of names (/tmp/perf-PID.map, read by perf
// report) and a dump with the code itself (jit-PID.dump, for perf inject --jit).
#pragma once
#include "common/fd.h"
#include "common/result.h"
#include "common/types.h"

#include <string_view>

namespace emu::cpu {

class PerfMap {
public:
    PerfMap(bool map, bool dump) : map_(map), dump_(dump) {}
    /// Code at `address` of the host. After fork() it goes to files of the child's own, which start empty.
    void add(const void* address, ConstBytes code, std::string_view name);

private:
    void open_files();
    void open_dump();

    bool map_, dump_;
    int pid_ = 0;
    u64 index_ = 0;
    Fd map_file_, dump_file_;
};

} // namespace emu::cpu

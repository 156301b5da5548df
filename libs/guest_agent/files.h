// SPDX-License-Identifier: MIT
// Files the host has opened through the agent, by handle. Their number is bounded; each closes with the table at the latest.
#pragma once
#include "common/fd.h"
#include "guest_agent/state.h"

#include <map>

namespace emu::guest_agent {

inline constexpr usize most_files = 512;
inline constexpr s64 largest_read = s64(48) << 20;

class Files {
public:
    explicit Files(State& state) : state_(state) {}
    /// `mode` as fopen(3) has it: r, w, a, with + and b.
    Result<s64> open(const std::string& path, std::string_view mode);
    Result<void> close(s64 handle);

    struct Read {
        std::string bytes;
        bool eof = false;
    };
    Result<Read> read(s64 handle, s64 count);
    Result<usize> write(s64 handle, std::string_view bytes);
    Result<s64> seek(s64 handle, s64 offset, int whence);
    Result<void> flush(s64 handle);
    usize size() const { return files_.size(); }

private:
    Result<int> find(s64 handle) const;
    State& state_;
    std::map<s64, Fd> files_;
};

} // namespace emu::guest_agent

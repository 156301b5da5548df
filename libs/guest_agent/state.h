// SPDX-License-Identifier: MIT
// What survives the agent in its state directory: the number of the next file handle, so that handles of an agent that was
// restarted are not mistaken for new ones, and a marker that file systems are frozen.
#pragma once
#include "common/result.h"

#include <string>

namespace emu::guest_agent {

inline constexpr s64 first_handle = 1000;

class State {
public:
    explicit State(std::string directory);
    Result<void> load();

    bool frozen() const { return frozen_; }
    /// Writes or removes the marker.
    Result<void> set_frozen(bool frozen);
    /// A handle that was never given out before.
    Result<s64> next_handle();

private:
    Result<void> store() const;
    std::string file_, marker_;
    s64 next_handle_ = first_handle;
    bool frozen_ = false;
};

} // namespace emu::guest_agent

// SPDX-License-Identifier: MIT
// Files that keep translations from one run of a program to the next. A file belongs to a key: everything but the guest's code
// that translations depend on. The code itself is compared when a unit is first wanted (Translated::wake).
#pragma once
#include "common/result.h"
#include "common/types.h"

#include <string>
#include <vector>

namespace emu::cpu {

/// A 64-bit hash that is quick and good enough against accidents.
u64 hash_bytes(ConstBytes bytes, u64 seed = 0);

class CodeCache {
public:
    CodeCache(std::string directory, std::string key);
    /// The payload; empty if there is none. A file that is damaged, somebody else's, or not of this kind is an error.
    Result<std::vector<u8>> load() const;
    /// Put the payload in place of what is there, at once for those who look.
    Result<void> store(ConstBytes payload) const;
    const std::string& path() const { return path_; }

private:
    std::string key_, path_;
};

} // namespace emu::cpu

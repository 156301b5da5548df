// SPDX-License-Identifier: MIT
#include "cpu/recording_reader.h"

#include <algorithm>

namespace emu::cpu {

bool RecordingReader::read(u64 address, Bytes to) {
    auto at = pieces_.find(address);
    if (at != pieces_.end() && at->second.size() >= to.size()) {
        std::copy_n(at->second.begin(), to.size(), to.begin());
        return true;
    }
    if (!source_.read(address, to)) return false;
    pieces_[address].assign(to.begin(), to.end());
    return true;
}

bool RecordingReader::unchanged() {
    std::vector<u8> before, now;
    for (auto at = pieces_.begin(); at != pieces_.end();) {
        // Neighbours at once.
        const u64 first = at->first;
        before.clear();
        for (; at != pieces_.end() && at->first == first + before.size(); ++at) before.insert(before.end(), at->second.begin(), at->second.end());
        now.resize(before.size());
        if (!source_.read(first, now) || now != before) return false;
    }
    return true;
}

} // namespace emu::cpu

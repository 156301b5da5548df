// SPDX-License-Identifier: MIT
#include "guest_agent/mounts.h"

#include "common/text.h"

#include <algorithm>
#include <fmt/format.h>
#include <set>
#include <sys/stat.h>
#include <sys/sysmacros.h>

namespace emu::guest_agent {

namespace {

/// File systems on several devices (btrfs) have an anonymous number; the device they were mounted from has a real one.
std::string device_of_source(const Host& host, const std::string& source) {
    struct stat status{};
    if (source.empty() || source[0] != '/' || stat(host.path(source).c_str(), &status) < 0 || !S_ISBLK(status.st_mode)) return {};
    return fmt::format("{}:{}", major(status.st_rdev), minor(status.st_rdev));
}

} // namespace

std::string unescape_octal(std::string_view text) {
    std::string out;
    const auto digit = [&](usize at) { return at < text.size() && text[at] >= '0' && text[at] <= '7'; };
    for (usize i = 0; i < text.size(); i++) {
        if (text[i] == '\\' && digit(i + 1) && digit(i + 2) && digit(i + 3)) {
            out += char((text[i + 1] - '0') * 64 + (text[i + 2] - '0') * 8 + (text[i + 3] - '0'));
            i += 3;
        } else {
            out += text[i];
        }
    }
    return out;
}

std::vector<Mount> parse_mountinfo(const Host& host, std::string_view text) {
    std::vector<Mount> list;
    for (std::string_view line : split(text, '\n')) {
        const auto words = split(line, ' ');
        const auto dash = std::find(words.begin(), words.end(), "-");
        if (words.size() < 9 || words.end() - dash < 3 || dash - words.begin() < 6) continue;
        Mount mount;
        mount.device = words[2];
        mount.root = unescape_octal(words[3]);
        mount.point = unescape_octal(words[4]);
        mount.type = unescape_octal(dash[1]);
        mount.source = unescape_octal(dash[2]);
        if (mount.device.starts_with("0:")) mount.device = device_of_source(host, mount.source);
        if (!mount.device.empty()) list.push_back(std::move(mount));
    }
    return list;
}

Result<std::vector<Mount>> mounts(const Host& host, bool every) {
    auto list = parse_mountinfo(host, EMU_TRY(host.read("/proc/self/mountinfo")));
    if (every) return list;
    std::set<std::string> seen;
    std::erase_if(list, [&](const Mount& mount) { return !seen.insert(mount.device).second; });
    return list;
}

} // namespace emu::guest_agent

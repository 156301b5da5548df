// SPDX-License-Identifier: MIT
#include "linux_user/paths.h"

#include <string>
#include <unistd.h>

namespace emu::linux_user {
namespace {

/// Trees that are the machine's, not the distribution's; a root directory holds them empty.
constexpr std::string_view not_prefixed[] = {"/proc", "/sys", "/dev", "/tmp", "/run"};

bool below(std::string_view path, std::string_view folder) {
    return path.starts_with(folder) && (path.size() == folder.size() || path[folder.size()] == '/');
}

} // namespace

std::string PathMap::below_prefix(std::string_view path) const {
    if (prefix_.empty() || path.empty() || path[0] != '/') return {};
    for (std::string_view folder : not_prefixed)
        if (below(path, folder)) return {};
    std::string candidate = prefix_ + std::string(path);
    // A symbolic link counts by itself: it may point to a name that is below the prefix only.
    char target;
    if (::access(candidate.c_str(), F_OK) == 0 || ::readlink(candidate.c_str(), &target, 1) >= 0) return candidate;
    return {};
}

std::string_view PathMap::own_proc_file(std::string_view path) {
    if (!path.starts_with("/proc/")) return {};
    std::string_view rest = path.substr(6);
    usize slash = rest.find('/');
    if (slash == rest.npos) return {};
    std::string_view who = rest.substr(0, slash), file = rest.substr(slash + 1);
    if (who == "self" || who == "thread-self" || who == std::to_string(::getpid())) return file;
    return {};
}

std::string PathMap::resolve(std::string path, bool raw) const {
    if (path.starts_with("/proc/") && !program_.empty() && own_proc_file(path) == "exe") return program_;
    if (raw) return path;
    std::string found = below_prefix(path);
    return found.empty() ? path : found;
}

} // namespace emu::linux_user

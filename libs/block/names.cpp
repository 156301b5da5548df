// SPDX-License-Identifier: MIT
// What a name means: a protocol and its options.
#include "block/image.h"

#include <algorithm>
#include <cerrno>
#include <filesystem>
#include <fmt/format.h>
#include <sys/stat.h>

namespace emu::block {
namespace {

/// "nbd" of "nbd:..." and "nbd://...": letters before a colon that no slash precedes; empty for a plain path.
std::string_view prefix_of(std::string_view name) {
    const usize end = name.find_first_of(":/");
    if (end == std::string_view::npos || end == 0 || name[end] != ':') return {};
    return name.substr(0, end);
}

const Driver* driver_for_prefix(std::string_view prefix) {
    for (const Driver* row : drivers())
        if (std::find(row->prefixes.begin(), row->prefixes.end(), prefix) != row->prefixes.end()) return row;
    return nullptr;
}

std::string_view driver_for_path(const std::string& path) {
    struct stat status {};
    if (::stat(path.c_str(), &status) != 0) return "file";
    if (S_ISBLK(status.st_mode)) return path.starts_with("/dev/cdrom") || path.starts_with("/dev/sr") ? "host_cdrom" : "host_device";
    return S_ISCHR(status.st_mode) ? "host_device" : "file";
}

} // namespace

Result<Protocol> protocol_of(std::string_view name) {
    if (name.empty()) return fail(EINVAL, "The 'file' block driver requires a file name");
    const std::string_view prefix = prefix_of(name);
    Protocol out;
    if (prefix.empty() || prefix == "file") {
        if (!prefix.empty()) name.remove_prefix(prefix.size() + 1);
        out.driver = find_driver(driver_for_path(std::string(name)));
        out.options.add("filename", name);
        return out;
    }
    out.driver = driver_for_prefix(prefix);
    if (!out.driver) return fail(ENOENT, fmt::format("Unknown protocol '{}'", prefix));
    if (out.driver->parse_name) out.options = EMU_TRY(out.driver->parse_name(name));
    else out.options.add("filename", name.substr(prefix.size() + 1));
    return out;
}

Result<std::string> backing_path(std::string_view image, std::string_view recorded) {
    if (recorded.empty()) return fail(EINVAL, "no backing file");
    if (recorded[0] == '/' || !prefix_of(recorded).empty()) return std::string(recorded);
    if (image.starts_with("json:"))
        return fail(EINVAL, "Cannot use relative backing file names for '" + std::string(image) + "'");
    // A URL's query is no part of the folder.
    const bool url = !prefix_of(image).empty();
    const std::string_view place = url ? image.substr(0, image.find('?')) : image;
    const usize slash = place.rfind('/');
    if (slash == std::string_view::npos) {
        if (!url) return std::string(recorded);
        return std::string(image.substr(0, prefix_of(image).size() + 1)) + std::string(recorded);
    }
    return std::string(place.substr(0, slash + 1)) + std::string(recorded);
}

Result<const Driver*> probe_format(Node& file) {
    std::vector<u8> head(std::min<u64>(file.size(), 2048));
    if (!head.empty()) EMU_CHECK(file.read(0, head));
    const Driver* best = find_driver("raw");
    int score = 0;
    for (const Driver* row : drivers()) {
        if (!row->probe) continue;
        if (const int mine = row->probe(head, file.name()); mine > score) {
            score = mine;
            best = row;
        }
    }
    return best;
}

} // namespace emu::block

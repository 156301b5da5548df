// SPDX-License-Identifier: MIT
#include "block/formats/vmdk/descriptor.h"

#include "common/sizes.h"
#include "common/text.h"

#include <algorithm>
#include <cerrno>
#include <charconv>
#include <fmt/format.h>

namespace emu::block::vmdk {

namespace {

constexpr usize max_extents = 4096; ///< 8 TiB in parts of 2 GiB

std::string_view trimmed(std::string_view text) {
    while (!text.empty() && (text.front() == ' ' || text.front() == '\t')) text.remove_prefix(1);
    while (!text.empty() && (text.back() == ' ' || text.back() == '\t' || text.back() == '\r' || text.back() == '\0')) text.remove_suffix(1);
    return text;
}
std::string_view unquoted(std::string_view text) {
    if (text.size() >= 2 && text.front() == '"' && text.back() == '"') return text.substr(1, text.size() - 2);
    return text;
}
Result<u32> parse_cid(std::string_view text) {
    u32 value = 0;
    const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value, 16);
    if (error != std::errc() || end != text.data() + text.size()) return fail(EINVAL, fmt::format("VMDK content ID '{}' is no number", text));
    return value;
}

/// The next word of a line, with quotes taken off.
std::string_view word(std::string_view& line) {
    line = trimmed(line);
    if (line.empty()) return {};
    const bool quoted = line.front() == '"';
    if (quoted) line.remove_prefix(1);
    const usize end = std::min(line.find(quoted ? '"' : ' '), line.size());
    const std::string_view out = line.substr(0, end);
    line.remove_prefix(std::min(end + 1, line.size()));
    return out;
}

Result<ExtentLine> parse_extent(std::string_view line) {
    ExtentLine out;
    const std::string_view whole = line;
    const auto bad = [&] { return fail(EINVAL, fmt::format("Invalid extent line: {}", whole.substr(0, 200))); };
    out.access = word(line);
    const auto sectors = parse_number(word(line));
    if (!sectors || *sectors > (u64(1) << 54)) return bad();
    out.sectors = *sectors;
    out.type = word(line);
    out.file = word(line);
    if (const std::string_view offset = word(line); !offset.empty()) {
        const auto number = parse_number(offset);
        if (!number || *number > (u64(1) << 54)) return bad();
        out.offset = *number;
    }
    if (out.type.empty() || (out.type != "ZERO" && out.file.empty())) return bad();
    return out;
}

bool is_extent(std::string_view line) {
    return line.starts_with("RW ") || line.starts_with("RDONLY ") || line.starts_with("NOACCESS ");
}

} // namespace

bool looks_like_descriptor(std::string_view text) {
    // The first line that is neither empty nor a comment must be "version=N"; the usual comment is enough too.
    for (std::string_view line : split(text.substr(0, std::min<usize>(text.size(), 2048)), '\n')) {
        line = trimmed(line);
        if (line.empty()) continue;
        if (line.starts_with('#')) {
            if (line == "# Disk DescriptorFile") return true;
            continue;
        }
        return line.starts_with("version=") && line.size() == 9 && line[8] >= '1' && line[8] <= '4';
    }
    return false;
}

Result<Descriptor> Descriptor::parse(std::string_view text) {
    text = text.substr(0, std::min(text.find('\0'), text.size()));
    Descriptor out;
    for (std::string_view line : split(text, '\n')) {
        line = trimmed(line);
        if (line.empty() || line.front() == '#') continue;
        if (is_extent(line)) {
            out.extents.push_back(EMU_TRY(parse_extent(line)));
            if (out.extents.size() > max_extents) return fail(EFBIG, "VMDK image with too many extents");
            continue;
        }
        const usize equal = line.find('=');
        if (equal == std::string_view::npos) continue;
        const std::string_view key = trimmed(line.substr(0, equal)), value = unquoted(trimmed(line.substr(equal + 1)));
        if (key == "CID")
            out.cid = EMU_TRY(parse_cid(value));
        else if (key == "parentCID")
            out.parent_cid = EMU_TRY(parse_cid(value));
        else if (key == "createType")
            out.create_type = value;
        else if (key == "parentFileNameHint")
            out.parent_hint = value;
    }
    if (out.create_type.empty()) return fail(EINVAL, "invalid VMDK image descriptor: no createType");
    return out;
}

std::string with_cid(std::string text, u32 cid) {
    usize at = text.starts_with("CID=") ? 0 : text.find("\nCID=");
    if (at == std::string::npos) return text;
    at = text.find('=', at) + 1;
    const usize end = std::min(text.find_first_of("\r\n", at), text.size());
    if (end - at != 8) return text; // another writer's shorter number stays
    return text.replace(at, 8, fmt::format("{:08x}", cid));
}

std::string make_descriptor(const Descriptor& d, u64 disk_sectors, const DescriptorOptions& options) {
    std::string out = fmt::format("# Disk DescriptorFile\nversion=1\nCID={:08x}\nparentCID={:08x}\ncreateType=\"{}\"\n", d.cid, d.parent_cid,
                                  d.create_type);
    if (!d.parent_hint.empty()) out += fmt::format("parentFileNameHint=\"{}\"\n", d.parent_hint);
    out += "\n# Extent description\n";
    for (const ExtentLine& e : d.extents) {
        out += fmt::format("{} {} {} \"{}\"", e.access, e.sectors, e.type, e.file);
        out += e.type == "FLAT" ? fmt::format(" {}\n", e.offset) : "\n";
    }
    const u64 heads = options.adapter == "ide" ? 16 : 255, track = 63;
    out += fmt::format("\n# The Disk Data Base\n#DDB\n\nddb.virtualHWVersion = \"{}\"\nddb.geometry.cylinders = \"{}\"\n"
                       "ddb.geometry.heads = \"{}\"\nddb.geometry.sectors = \"{}\"\nddb.adapterType = \"{}\"\n",
                       options.hw_version, disk_sectors / (heads * track), heads, track, options.adapter);
    if (!options.tools_version.empty()) out += fmt::format("ddb.toolsVersion = \"{}\"\n", options.tools_version);
    return out;
}

} // namespace emu::block::vmdk

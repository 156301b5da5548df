// SPDX-License-Identifier: MIT
#include "linux_user/proc_files.h"

#include "common/fd.h"
#include "common/text.h"
#include "linux_user/process.h"

#include <algorithm>
#include <cerrno>
#include <cinttypes>
#include <cstdio>
#include <fmt/format.h>
#include <sys/mman.h>
#include <unistd.h>

namespace emu::linux_user {
namespace {

std::string read_file(const char* path) {
    std::string text;
    auto fd = Fd::open(path, O_RDONLY);
    if (!fd) return text;
    char chunk[4096];
    for (ssize_t n; (n = ::read(fd->get(), chunk, sizeof chunk)) > 0;) text.append(chunk, usize(n));
    return text;
}

std::string_view region_name(RegionKind kind) {
    switch (kind) {
    case RegionKind::heap: return "[heap]";
    case RegionKind::stack: return "[stack]";
    case RegionKind::signal_page: return "[sigpage]";
    case RegionKind::vectors: return "[vectors]";
    default: return {};
    }
}

/// One line of the host's file.
struct MapsLine {
    u64 start = 0, end = 0, offset = 0;
    unsigned major = 0, minor = 0;
    u64 inode = 0;
    std::string name;
};
bool parse_maps_line(const std::string& text, MapsLine& line) {
    char perms[5];
    int name_at = 0;
    if (std::sscanf(text.c_str(), "%" SCNx64 "-%" SCNx64 " %4s %" SCNx64 " %x:%x %" SCNu64 " %n", &line.start, &line.end,
                    perms, &line.offset, &line.major, &line.minor, &line.inode, &name_at) != 7)
        return false;
    line.name = text.substr(usize(name_at));
    return true;
}

std::string maps_text(const MapsLine& host, const Region& part, u64 host_start) {
    auto has = [&](int bit, char c) { return part.props.prot & bit ? c : '-'; };
    std::string_view label = region_name(part.props.kind);
    std::string name = label.empty() ? host.name : std::string(label);
    u64 offset = host.inode ? host.offset + (host_start - host.start) : 0;
    std::string line = fmt::format("{:08x}-{:08x} {}{}{}{} {:08x} {:02x}:{:02x} {} ", part.start, part.end, has(PROT_READ, 'r'),
                                   has(PROT_WRITE, 'w'), has(PROT_EXEC, 'x'), part.props.shared ? 's' : 'p', offset,
                                   host.major, host.minor, host.inode);
    if (!name.empty()) line.resize(std::max<usize>(line.size(), 73), ' ');
    return line + name + "\n";
}

std::string joined_with_nul(const std::vector<std::string>& parts) {
    std::string text;
    for (const auto& part : parts) {
        text += part;
        text += '\0';
    }
    return text;
}

std::string proc_cmdline(Process& process) { return joined_with_nul(process.program().argv); }
std::string proc_auxv(Process& process) {
    const auto& bytes = process.program().auxv;
    return {bytes.begin(), bytes.end()};
}

struct Row {
    std::string_view name;
    std::string (*write)(Process& process);
};
constexpr Row own_files[] = {
    {"maps", proc_maps}, {"cmdline", proc_cmdline}, {"auxv", proc_auxv}, {"stat", proc_stat},
};

int file_with(const std::string& text, u32 flags) {
    int fd = ::memfd_create("proc", flags & O_CLOEXEC ? MFD_CLOEXEC : 0);
    if (fd < 0) return -errno;
    for (std::string_view rest = text; !rest.empty();) {
        ssize_t n = ::write(fd, rest.data(), rest.size());
        if (n <= 0) break;
        rest.remove_prefix(usize(n));
    }
    ::lseek(fd, 0, SEEK_SET);
    return fd;
}

} // namespace

std::string proc_maps(Process& process) {
    std::string text;
    auto regions = process.space().regions();
    u64 base = process.space().base();
    const std::string host_maps = read_file("/proc/self/maps");
    for (std::string_view each : split(host_maps, '\n')) {
        MapsLine line;
        if (!parse_maps_line(std::string(each), line)) continue;
        for (const Region& region : regions) {
            u64 start = std::max(region.start + base, line.start), end = std::min(region.end + base, line.end);
            if (start < end) text += maps_text(line, {start - base, end - base, region.props}, start);
        }
    }
    return text;
}

/// The host's line with the guest's stack in field 28; the name in parentheses may hold anything, even spaces.
std::string proc_stat(Process& process) {
    std::string text = read_file("/proc/self/stat");
    usize close = text.rfind(')');
    if (close == text.npos) return text;
    std::string out = text.substr(0, close + 1);
    unsigned field = 3;
    for (std::string_view each : split(std::string_view(text).substr(close + 2), ' '))
        out += ' ' + (field++ == 28 ? std::to_string(process.program().stack_start) : std::string(each));
    return out;
}

int open_proc_file(Process& process, std::string_view path, u32 flags) {
    if (path == "/proc/cpuinfo" && process.abi().cpuinfo)
        return flags & O_ACCMODE ? -EACCES : file_with(process.abi().cpuinfo(process.model(), unsigned(::sysconf(_SC_NPROCESSORS_ONLN))), flags);
    std::string_view file = PathMap::own_proc_file(path);
    if (file.empty()) return not_a_proc_file;
    for (const Row& row : own_files)
        if (row.name == file) return flags & O_ACCMODE ? -EACCES : file_with(row.write(process), flags);
    return not_a_proc_file;
}

} // namespace emu::linux_user

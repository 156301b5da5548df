// SPDX-License-Identifier: MIT
#include "guest_agent/host.h"

#include "common/fd.h"
#include "common/sizes.h"

#include <algorithm>
#include <climits>
#include <cstdlib>
#include <dirent.h>
#include <fmt/format.h>
#include <memory>
#include <sys/time.h>

namespace emu::guest_agent {

namespace {
constexpr usize largest_system_file = usize(8) << 20;
constexpr std::string_view white_space = " \t\r\n";
} // namespace

Result<std::string> Host::read(std::string_view system_path) const {
    const std::string name = path(system_path);
    Fd fd = EMU_TRY(Fd::open(name, O_RDONLY));
    std::string text;
    char bytes[4096];
    while (text.size() < largest_system_file) {
        ssize_t got = ::read(fd.get(), bytes, sizeof bytes);
        if (got < 0 && errno == EINTR) continue;
        if (got < 0) return fail_errno(errno, name);
        if (!got) break;
        text.append(bytes, usize(got));
    }
    return text;
}

std::string Host::read_word(std::string_view system_path) const {
    auto text = read(system_path);
    if (!text) return {};
    const usize begin = text->find_first_not_of(white_space);
    if (begin == text->npos) return {};
    return text->substr(begin, text->find_last_not_of(white_space) - begin + 1);
}

Result<u64> Host::read_number(std::string_view system_path) const {
    return in(path(system_path), parse_number(read_word(system_path)));
}

Result<void> Host::write(std::string_view system_path, std::string_view text) const {
    const std::string name = path(system_path);
    Fd fd = EMU_TRY(Fd::open(name, O_WRONLY));
    const ssize_t written = ::write(fd.get(), text.data(), text.size());
    if (written < 0) return fail_errno(errno, name);
    if (usize(written) != text.size()) return fail(EIO, name + ": short write");
    return {};
}

std::vector<std::string> Host::list(std::string_view system_path) const {
    std::vector<std::string> names;
    std::unique_ptr<DIR, int (*)(DIR*)> directory(opendir(path(system_path).c_str()), closedir);
    if (!directory) return names;
    while (const dirent* entry = readdir(directory.get())) {
        std::string_view name = entry->d_name;
        if (name != "." && name != "..") names.emplace_back(name);
    }
    std::sort(names.begin(), names.end());
    return names;
}

bool Host::exists(std::string_view system_path) const { return access(path(system_path).c_str(), F_OK) == 0; }

std::string Host::resolve(std::string_view system_path) const {
    std::unique_ptr<char, void (*)(void*)> real(realpath(path(system_path).c_str(), nullptr), std::free);
    if (!real) return {};
    std::string_view text = real.get();
    if (!root.empty() && text.starts_with(root)) text.remove_prefix(root.size());
    return std::string(text);
}

Result<void> Host::run_well(const std::vector<std::string>& command, std::string_view input) const {
    Finished finished = EMU_TRY(run(command, input));
    if (finished.success()) return {};
    std::string complaint = finished.output.substr(0, 400);
    while (!complaint.empty() && white_space.find(complaint.back()) != white_space.npos) complaint.pop_back();
    return fail(EIO, fmt::format("{} failed: {}{}{}", command.front(), finished.outcome(), complaint.empty() ? "" : ": ", complaint));
}

Result<void> Host::set_system_clock(s64 nanoseconds) {
    const s64 billion = 1'000'000'000;
    timespec time{};
    time.tv_sec = time_t(nanoseconds / billion);
    time.tv_nsec = long(nanoseconds % billion);
    if (clock_settime(CLOCK_REALTIME, &time) < 0) return fail_errno(errno, "cannot set the clock");
    return {};
}

} // namespace emu::guest_agent

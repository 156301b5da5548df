// SPDX-License-Identifier: MIT
#include "guest_agent/ssh_keys.h"

#include "common/text.h"

#include <cstring>
#include <fmt/format.h>
#include <pwd.h>
#include <sys/stat.h>

namespace emu::guest_agent {

namespace {

constexpr usize largest_file = 1 << 20;
constexpr const char *folder_name = ".ssh", *file_name = "authorized_keys", *fresh_name = "authorized_keys.new";

/// The user's line of /etc/passwd below another root, where the C library does not look.
Result<std::string> home_below_root(const Host& host, const std::string& user, uid_t& uid, gid_t& gid) {
    const std::string text = EMU_TRY(host.read("/etc/passwd"));
    for (std::string_view line : split(text, '\n')) {
        const auto fields = split(line, ':');
        if (fields.size() < 7 || fields[0] != user) continue;
        uid = uid_t(std::strtoul(std::string(fields[2]).c_str(), nullptr, 10));
        gid = gid_t(std::strtoul(std::string(fields[3]).c_str(), nullptr, 10));
        return host.path(fields[5]);
    }
    return fail(ENOENT, fmt::format("there is no user '{}'", user));
}

} // namespace

Result<SshKeys> SshKeys::of_user(const Host& host, const std::string& user) {
    SshKeys keys;
    if (!host.root.empty()) {
        keys.home_ = EMU_TRY(home_below_root(host, user, keys.uid_, keys.gid_));
        return keys;
    }
    passwd entry{}, *found = nullptr;
    std::vector<char> space(16 << 10);
    const int error = getpwnam_r(user.c_str(), &entry, space.data(), space.size(), &found);
    if (error) return fail_errno(error, fmt::format("failed to look up user '{}'", user));
    if (!found) return fail(ENOENT, fmt::format("there is no user '{}'", user));
    keys.home_ = entry.pw_dir;
    keys.uid_ = entry.pw_uid;
    keys.gid_ = entry.pw_gid;
    return keys;
}

Result<Fd> SshKeys::folder(bool create) const {
    Fd home = EMU_TRY(Fd::open(home_, O_RDONLY | O_DIRECTORY));
    const bool made = create && mkdirat(home.get(), folder_name, 0700) == 0;
    Fd fd(openat(home.get(), folder_name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC));
    if (!fd) return fail_errno(errno, home_ + "/.ssh");
    if (made && fchown(fd.get(), uid_, gid_) < 0) return fail_errno(errno, home_ + "/.ssh");
    return fd;
}

bool SshKeys::exists() const {
    auto fd = folder(false);
    return fd && faccessat(fd->get(), file_name, F_OK, AT_SYMLINK_NOFOLLOW) == 0;
}

Result<std::vector<std::string>> SshKeys::load() const {
    Fd directory = EMU_TRY(folder(false));
    Fd fd(openat(directory.get(), file_name, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC));
    if (!fd) return fail_errno(errno, home_ + "/.ssh/authorized_keys");
    std::string text;
    char bytes[4096];
    ssize_t got;
    while ((got = read(fd.get(), bytes, sizeof bytes)) > 0) {
        text.append(bytes, usize(got));
        if (text.size() > largest_file) return fail(EFBIG, "authorized_keys is larger than 1 MiB");
    }
    if (got < 0) return fail_errno(errno, home_ + "/.ssh/authorized_keys");
    while (!text.empty() && text.back() == '\n') text.pop_back();
    std::vector<std::string> lines;
    if (!text.empty())
        for (std::string_view line : split(text, '\n')) lines.emplace_back(line);
    return lines;
}

Result<void> SshKeys::store(const std::vector<std::string>& lines) const {
    Fd directory = EMU_TRY(folder(true));
    unlinkat(directory.get(), fresh_name, 0);
    Fd fd(openat(directory.get(), fresh_name, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0600));
    if (!fd) return fail_errno(errno, home_ + "/.ssh/authorized_keys");
    const std::string text = lines.empty() ? "" : join(lines, "\n") + "\n";
    const bool done = write(fd.get(), text.data(), text.size()) == ssize_t(text.size()) && fchown(fd.get(), uid_, gid_) == 0 &&
                      renameat(directory.get(), fresh_name, directory.get(), file_name) == 0;
    if (done) return {};
    const int error = errno;
    unlinkat(directory.get(), fresh_name, 0);
    return fail_errno(error, home_ + "/.ssh/authorized_keys");
}

} // namespace emu::guest_agent

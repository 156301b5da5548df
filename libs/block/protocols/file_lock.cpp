// SPDX-License-Identifier: MIT
#include "block/protocols/file_lock.h"

#include "common/types.h"

#include <cerrno>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <dirent.h>
#include <fcntl.h>
#include <fmt/format.h>
#include <fstream>
#include <sys/stat.h>
#include <sys/sysmacros.h>

namespace emu::block {
namespace {

// Byte 100 + n: "I do n"; byte 200 + n: "nobody else may do n".
constexpr off_t does = 100, refuses = 200;
struct Permission {
    off_t number;
    const char* name;
    bool readers, refused;
};
constexpr Permission permissions[] = {
    {0, "consistent read", true, false},
    {1, "write", false, true},
    {3, "resize", false, true},
};

bool set_lock(int fd, short type, off_t at) {
    struct flock lock {};
    lock.l_type = type;
    lock.l_whence = SEEK_SET;
    lock.l_start = at;
    lock.l_len = 1;
    return ::fcntl(fd, F_OFD_SETLK, &lock) == 0;
}

/// Does another open file description hold a lock on this byte?
bool held_elsewhere(int fd, off_t at) {
    struct flock lock {};
    lock.l_type = F_WRLCK;
    lock.l_whence = SEEK_SET;
    lock.l_start = at;
    lock.l_len = 1;
    return ::fcntl(fd, F_OFD_GETLK, &lock) == 0 && lock.l_type != F_UNLCK;
}

std::string command_of(const char* pid) {
    std::string name;
    std::ifstream in(fmt::format("/proc/{}/comm", pid));
    std::getline(in, name);
    return name;
}

/// Does a descriptor of this process carry an OFD lock on the byte of the file?
bool process_holds(const char* pid, const std::string& file_id, off_t at) {
    const std::string folder = fmt::format("/proc/{}/fdinfo", pid);
    DIR* directory = ::opendir(folder.c_str());
    if (!directory) return false;
    bool found = false;
    while (const dirent* entry = found ? nullptr : ::readdir(directory)) {
        if (entry->d_name[0] == '.') continue;
        std::ifstream in(folder + "/" + entry->d_name);
        for (std::string line; !found && std::getline(in, line);) {
            char id[64];
            long long first = 0, last = 0;
            if (std::sscanf(line.c_str(), "lock: %*d: OFDLCK %*s %*s %*d %63s %lld %lld", id, &first, &last) != 3) continue;
            found = file_id == id && first <= at && at <= last;
        }
    }
    ::closedir(directory);
    return found;
}

/// F_OFD_GETLK names no process; the descriptors under /proc do, as far as we may look.
std::string holder_of(int fd, off_t at) {
    struct stat status {};
    if (::fstat(fd, &status) != 0) return {};
    const std::string id = fmt::format("{:02x}:{:02x}:{}", major(status.st_dev), minor(status.st_dev), status.st_ino);
    DIR* directory = ::opendir("/proc");
    if (!directory) return {};
    // This process last: its announcement lies over what another one holds.
    const std::string own = std::to_string(::getpid());
    auto tell = [](const char* process) { return fmt::format("{} ({})", process, command_of(process)); };
    std::string found;
    while (const dirent* entry = found.empty() ? ::readdir(directory) : nullptr) {
        if (entry->d_name[0] < '1' || entry->d_name[0] > '9' || entry->d_name == own) continue;
        if (process_holds(entry->d_name, id, at)) found = tell(entry->d_name);
    }
    ::closedir(directory);
    if (found.empty() && process_holds(own.c_str(), id, at)) found = tell(own.c_str());
    return found;
}

tl::unexpected<Error> conflict(int fd, const std::string& name, const char* kind, const char* what, off_t at) {
    std::string text = fmt::format("Failed to get {}\"{}\" lock\nIs another process using the image [{}]?", kind, what, name);
    if (const std::string holder = holder_of(fd, at); !holder.empty()) text += fmt::format("\nThe lock is held by process {}.", holder);
    return fail(EAGAIN, text);
}

} // namespace

bool locks_work(int fd) {
    struct flock lock {};
    lock.l_type = F_WRLCK;
    lock.l_whence = SEEK_SET;
    return ::fcntl(fd, F_OFD_GETLK, &lock) == 0;
}

Result<void> lock_file(int fd, const std::string& name, LockWish wish) {
    for (const Permission& p : permissions) {
        if ((wish.write || p.readers) && !set_lock(fd, F_RDLCK, does + p.number)) return fail_errno(errno, "Failed to lock byte");
        if (p.refused && !set_lock(fd, F_RDLCK, refuses + p.number)) return fail_errno(errno, "Failed to lock byte");
    }
    // Everyone announces first and looks afterwards, so that of two that come at once at least one sees the other.
    for (const Permission& p : permissions)
        if ((wish.write || p.readers) && held_elsewhere(fd, refuses + p.number))
            return conflict(fd, name, "", p.name, refuses + p.number);
    for (const Permission& p : permissions)
        if (p.refused && held_elsewhere(fd, does + p.number)) return conflict(fd, name, "shared ", p.name, does + p.number);
    return {};
}

} // namespace emu::block

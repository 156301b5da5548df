// SPDX-License-Identifier: MIT
// Opening and describing files, and the descriptor calls whose flags have other values in each ABI.
#include "linux_user/proc_files.h"
#include "linux_user/process.h"
#include "linux_user/syscall.h"

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <fcntl.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

namespace emu::linux_user {
namespace {

/// The kernel gives 64-bit programs O_LARGEFILE whether they ask for it or not; on the host it is a bit of its own.
u32 open_flags(const Call& call, u64 flags) { return flags_to_host(call.abi.open_flags, u32(flags)); }

/// Inode numbers and sizes that old layouts cannot hold are refused; device numbers are cut.
bool fits(FieldAt field, u64 value) { return field.width == 0 || field.width == 8 || value >> (field.width * 8) == 0; }

s64 store_stat(const Call& call, u64 to, const struct stat& host, const StatLayout& at) {
    if (!fits(at.ino, host.st_ino) || !fits(at.size_field, u64(host.st_size)) || !fits(at.nlink, host.st_nlink)) return -EOVERFLOW;
    std::array<u8, 160> bytes{};
    Endian order = call.abi.model.order;
    auto put = [&](FieldAt field, u64 value) { put_field(bytes, field, value, order); };
    put(at.dev, host.st_dev);
    put(at.ino, host.st_ino);
    put(at.ino_low, host.st_ino);
    put(at.mode, host.st_mode);
    put(at.nlink, host.st_nlink);
    put(at.uid, host.st_uid);
    put(at.gid, host.st_gid);
    put(at.rdev, host.st_rdev);
    put(at.size_field, u64(host.st_size));
    put(at.blksize, u64(host.st_blksize));
    put(at.blocks, u64(host.st_blocks));
    put(at.atime, u64(host.st_atim.tv_sec));
    put(at.atime_nsec, u64(host.st_atim.tv_nsec));
    put(at.mtime, u64(host.st_mtim.tv_sec));
    put(at.mtime_nsec, u64(host.st_mtim.tv_nsec));
    put(at.ctime, u64(host.st_ctim.tv_sec));
    put(at.ctime_nsec, u64(host.st_ctim.tv_nsec));
    return call.copy_out(to, bytes.data(), at.size) ? 0 : -EFAULT;
}

s64 open_path(Call& call, int directory, u64 path_at, u32 flags, u64 mode, const u64* resolve) {
    std::string path;
    if (s64 result = call.load_string(path_at, path)) return result;
    if (int fd = open_proc_file(call.process, path, flags); fd != not_a_proc_file) return fd;
    if (!path.empty() && path[0] == '/') path = call.process.paths().resolve(std::move(path));
    // The host's list of its own libraries would lead the guest's dynamic linker past -L.
    if (path == "/etc/ld.so.cache" && !call.process.options().prefix.empty()) return -ENOENT;
    if (!resolve) return call.host_call(SYS_openat, u64(s64(directory)), host_pointer(path.c_str()), flags, mode);
    u64 how[3] = {flags, mode, *resolve};
    return call.host_call(SYS_openat2, u64(s64(directory)), host_pointer(path.c_str()), host_pointer(how), sizeof how);
}

} // namespace

s64 sys_openat(Call& call) { return open_path(call, call.int_at(0), call.a[1], open_flags(call, call.a[2]), call.a[3], nullptr); }

s64 sys_openat2(Call& call) {
    u64 how[3];
    if (call.a[3] < sizeof how) return -EINVAL;
    if (call.a[3] > sizeof how) return -E2BIG;
    if (!call.load_struct("3q", call.a[2], how)) return -EFAULT;
    if (how[0] >> 32) return -EINVAL;
    return open_path(call, call.int_at(0), call.a[1], open_flags(call, how[0]), how[1], &how[2]);
}

s64 sys_open_by_handle_at(Call& call) {
    return call.pass(call.a[0], host_pointer(call.host(call.a[1])), open_flags(call, call.a[2]));
}

s64 sys_fanotify_init(Call& call) { return call.pass(call.a[0], open_flags(call, call.a[1])); }

s64 sys_readlinkat(Call& call) {
    std::string path;
    if (call.int_at(3) <= 0) return -EINVAL;
    if (s64 result = call.load_string(call.a[1], path)) return result;
    if (PathMap::own_proc_file(path) == "exe") {
        const std::string& program = call.process.paths().program();
        usize size = std::min<usize>(program.size(), call.a[3]);
        return call.copy_out(call.a[2], program.data(), size) ? s64(size) : -EFAULT;
    }
    if (!path.empty() && path[0] == '/') path = call.process.paths().resolve(std::move(path));
    if (!call.space.contains(call.a[2], 1)) return -EFAULT;
    call.space.prepare_write(call.a[2], call.a[3]);
    return call.pass(call.a[0], host_pointer(path.c_str()), host_pointer(call.host(call.a[2])), call.a[3]);
}

namespace {

s64 stat_path(Call& call, const StatLayout& layout) {
    std::string path;
    const s64 named = call.load_path(call.a[1], path);
    if (named && named != -EFAULT) return named;
    struct stat about;
    s64 result = call.host_call(SYS_newfstatat, call.a[0], named ? nowhere(call.a[1]) : host_pointer(path.c_str()), host_pointer(&about), call.a[3]);
    return result < 0 ? result : store_stat(call, call.a[2], about, layout);
}

s64 stat_descriptor(Call& call, const StatLayout& layout) {
    struct stat about;
    s64 result = call.host_call(SYS_fstat, call.a[0], host_pointer(&about));
    return result < 0 ? result : store_stat(call, call.a[1], about, layout);
}

} // namespace

s64 sys_newfstatat(Call& call) { return stat_path(call, *call.abi.stat); }
s64 sys_fstatat64(Call& call) { return stat_path(call, *call.abi.stat64); }
s64 sys_fstat(Call& call) { return stat_descriptor(call, *call.abi.stat); }
s64 sys_fstat64(Call& call) { return stat_descriptor(call, *call.abi.stat64); }

s64 sys_close_range(Call& call) {
    u32 first = u32(call.a[0]), last = u32(call.a[1]);
    if (first > last) return call.pass(first, last, call.a[2]);
    // Around the descriptors that are Emu's.
    for (int own : call.process.own_descriptors()) {
        if (u32(own) < first || u32(own) > last) continue;
        if (u32(own) > first)
            if (s64 result = call.pass(first, u32(own) - 1, call.a[2])) return result;
        if (u32(own) == last) return 0;
        first = u32(own) + 1;
    }
    return call.pass(first, last, call.a[2]);
}

s64 sys_dup3(Call& call) {
    return call.pass(call.a[0], call.a[1], open_flags(call, call.a[2]));
}

s64 sys_pipe2(Call& call) {
    int ends[2];
    s64 result = call.pass(host_pointer(ends), open_flags(call, call.a[1]));
    if (result < 0) return result;
    if (call.store_struct("ii", call.a[0], ends)) return 0;
    ::close(ends[0]);
    ::close(ends[1]);
    return -EFAULT;
}

namespace {

/// What the third argument of a fcntl command is.
enum class FcntlArg { integer, set_flags, get_flags, in, out, inout };
struct FcntlRow {
    int command;
    FcntlArg argument;
    std::string_view format;
};
constexpr std::string_view flock_format = "hhWWi", flock64_format = "hhqqi";
constexpr FcntlRow fcntl_rows[] = {
    {F_GETFL, FcntlArg::get_flags, {}},        {F_SETFL, FcntlArg::set_flags, {}},
    {F_GETLK, FcntlArg::inout, flock_format},  {F_SETLK, FcntlArg::in, flock_format},
    {F_SETLKW, FcntlArg::in, flock_format},    {F_OFD_GETLK, FcntlArg::inout, flock64_format},
    {F_OFD_SETLK, FcntlArg::in, flock64_format}, {F_OFD_SETLKW, FcntlArg::in, flock64_format},
    {F_SETOWN_EX, FcntlArg::in, "ii"},         {F_GETOWN_EX, FcntlArg::out, "ii"},
    {17 /* F_GETOWNER_UIDS */, FcntlArg::out, "ii"},
    {F_GET_RW_HINT, FcntlArg::out, "q"},       {F_SET_RW_HINT, FcntlArg::in, "q"},
    {F_GET_FILE_RW_HINT, FcntlArg::out, "q"},  {F_SET_FILE_RW_HINT, FcntlArg::in, "q"},
};

// Commands of 32-bit ABIs, with 64-bit offsets; the host's have them in any case.
constexpr int getlk64 = 12, setlkw64 = 14, first_ofd = F_OFD_GETLK, last_ofd = F_OFD_SETLKW;
constexpr FcntlRow narrow_fcntl_rows[] = {
    {F_GETLK, FcntlArg::inout, flock64_format}, {F_SETLK, FcntlArg::in, flock64_format}, {F_SETLKW, FcntlArg::in, flock64_format}};

s64 fcntl_struct(Call& call, const FcntlRow& row) {
    std::array<u8, 64> bytes{};
    if (row.argument != FcntlArg::out && !call.load_struct(row.format, call.a[2], Bytes(bytes))) return -EFAULT;
    s64 result = call.pass(call.a[0], u64(row.command), host_pointer(bytes.data()));
    if (result >= 0 && row.argument != FcntlArg::in && !call.store_struct(row.format, call.a[2], ConstBytes(bytes)))
        return -EFAULT;
    return result;
}

} // namespace

s64 sys_fcntl(Call& call) {
    const int command = call.int_at(1);
    if (call.narrow() && ((command >= getlk64 && command <= setlkw64) || (command >= first_ofd && command <= last_ofd))) {
        if (call.row.name == "fcntl") return -EINVAL; // fcntl64 only
        if (command <= setlkw64) return fcntl_struct(call, narrow_fcntl_rows[command - getlk64]);
    }
    for (const FcntlRow& row : fcntl_rows) {
        if (row.command != call.int_at(1)) continue;
        if (row.argument == FcntlArg::set_flags) return call.pass(call.a[0], call.a[1], open_flags(call, call.a[2]));
        if (row.argument != FcntlArg::get_flags) return fcntl_struct(call, row);
        s64 flags = call.pass(call.a[0], call.a[1]);
        return flags < 0 ? flags : flags_to_guest(call.abi.open_flags, u32(flags));
    }
    return call.pass(call.a[0], call.a[1], call.a[2]);
}

} // namespace emu::linux_user

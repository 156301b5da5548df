// SPDX-License-Identifier: MIT
// File and memory calls of 32-bit ABIs.
#include "linux_user/process.h"
#include "linux_user/syscall.h"

#include <algorithm>
#include <array>
#include <cerrno>
#include <fcntl.h>
#include <limits>
#include <sys/stat.h>
#include <sys/statfs.h>
#include <sys/syscall.h>
#include <unistd.h>
#include <vector>

namespace emu::linux_user {
namespace {
constexpr unsigned mmap2_shift = 12; // whatever the page size
constexpr u64 here = u64(s64(AT_FDCWD));
constexpr usize ino64_at = 0, next64_at = 8, length64_at = 16, type64_at = 18, name64_at = 19; // struct linux_dirent64
} // namespace

namespace {

/// Places in a directory. File systems with hashed directories (ext4) give 64-bit processes all of the hash, and 32-bit ones its
/// upper half, because their C libraries refuse what does not fit a long. Emu is a 64-bit process whoever its guest is.
constexpr u64 narrow_place(u64 place) { return place >> 31 ? place >> 32 : place; }

/// The way back. Small numbers are of directories that simply count.
u64 wide_place(int fd, u64 place, int whence) {
    constexpr u64 least_hash = 1 << 20, most_narrow = 0x7fffffff;
    constexpr auto ext4 = 0xef53, overlay = 0x794c7630;
    struct stat about;
    struct statfs system;
    if (whence != SEEK_SET || place < least_hash || place > most_narrow || ::fstat(fd, &about) < 0 || !S_ISDIR(about.st_mode)) return place;
    if (::fstatfs(fd, &system) < 0 || (system.f_type != ext4 && system.f_type != overlay)) return place;
    return place == most_narrow ? u64(std::numeric_limits<s64>::max()) : place << 32;
}

/// What lseek() says of a directory.
s64 told_place(int fd, s64 place) {
    struct stat about;
    return place >> 31 > 0 && ::fstat(fd, &about) == 0 && S_ISDIR(about.st_mode) ? s64(narrow_place(u64(place))) : place;
}

} // namespace

s64 sys_getdents64(Call& call) {
    const s64 size = pass_through(call);
    if (call.abi.model == host_model || size <= 0) return size;
    for (u64 at = call.a[1], end = at + u64(size); at < end;) {
        std::array<u8, type64_at> head;
        if (!call.copy_in(head.data(), at, head.size())) return -EFAULT;
        const u64 place = le64(head, next64_at);
        const u16 length = le16(head, length64_at);
        if (!call.store<u64>(at + ino64_at, le64(head, ino64_at)) || !call.store<u16>(at + length64_at, length) ||
            !call.store<u64>(at + next64_at, call.narrow() ? narrow_place(place) : place))
            return -EFAULT;
        at += std::max<u16>(length, type64_at);
    }
    return size;
}

s64 sys_llseek(Call& call) {
    const u64 wish = wide_place(call.int_at(0), call.a[1] << 32 | call.a[2], call.int_at(4));
    const s64 at = told_place(call.int_at(0), call.pass(call.a[0], wish, call.a[4]));
    if (at < 0) return at;
    return call.store<u64>(call.a[3], u64(at)) ? 0 : -EFAULT;
}

s64 sys_lseek(Call& call) {
    if (!call.narrow()) return call.pass(call.a[0], call.a[1], call.a[2]);
    const u64 wish = wide_place(call.int_at(0), u64(s64(s32(call.a[1]))), call.int_at(2));
    const s64 at = told_place(call.int_at(0), call.pass(call.a[0], wish, call.a[2]));
    return at > std::numeric_limits<s32>::max() ? -EOVERFLOW : at;
}

s64 sys_mmap2(Call& call) {
    return call.space.map(call.a[0], call.a[1], call.int_at(2), call.int_at(3), call.int_at(4), call.a[5] << mmap2_shift);
}

/// All arguments in memory.
s64 sys_old_mmap(Call& call) {
    u64 words[6];
    if (!call.load_struct("6w", call.a[0], words)) return -EFAULT;
    return call.space.map(words[0], words[1], int(words[2]), int(words[3]), int(words[4]), words[5]);
}

s64 sys_old_select(Call& call) {
    u64 words[5];
    if (!call.load_struct("5w", call.a[0], words)) return -EFAULT;
    return call.as(Sys::select, {words[0], words[1], words[2], words[3], words[4]});
}

s64 sys_arm_fadvise64_64(Call& call) { return call.pass(call.a[0], call.a[2], call.a[3], call.a[1]); }
s64 sys_sync_file_range2(Call& call) { return call.pass(call.a[0], call.a[2], call.a[3], call.a[1]); }
s64 sys_stat64(Call& call) { return call.as(Sys::fstatat64, {here, call.a[0], call.a[1], 0}); }
s64 sys_lstat64(Call& call) { return call.as(Sys::fstatat64, {here, call.a[0], call.a[1], AT_SYMLINK_NOFOLLOW}); }

namespace {

/// struct statfs64 is packed to 84 bytes on some ABIs and padded to 88 on others; the kernel takes both sizes.
s64 store_statfs64(Call& call, const struct statfs& host) {
    constexpr usize packed = 84;
    constexpr std::string_view format = "2w5qii7w";
    std::array<u8, 88> bytes;
    if (call.a[1] != packed && call.a[1] != bytes.size()) return -EINVAL;
    convert_struct(format, {reinterpret_cast<const u8*>(&host), sizeof host}, host_model, bytes, call.abi.model);
    return call.copy_out(call.a[2], bytes.data(), packed) ? 0 : -EFAULT;
}

} // namespace

s64 sys_statfs64(Call& call) {
    std::string path;
    struct statfs host;
    if (s64 result = call.load_path(call.a[0], path)) return result;
    const s64 result = call.pass(host_pointer(path.c_str()), host_pointer(&host));
    return result < 0 ? result : store_statfs64(call, host);
}

s64 sys_fstatfs64(Call& call) {
    struct statfs host;
    const s64 result = call.pass(call.a[0], host_pointer(&host));
    return result < 0 ? result : store_statfs64(call, host);
}

namespace {

/// struct linux_dirent: inode and offset of a word each, length, name, and the type in the last byte.
usize put_entry(Bytes to, ConstBytes from, const DataModel& model) {
    const usize word = model.word, length = le16(from, length64_at);
    const auto name = from.subspan(name64_at, length - name64_at);
    const usize size = usize(std::find(name.begin(), name.end(), u8(0)) - name.begin());
    const usize needed = (2 * word + 2 + size + 2 + word - 1) / word * word;
    if (needed > to.size()) return 0;
    std::fill_n(to.begin(), needed, u8(0));
    put_field(to, {0, u8(word)}, le64(from, ino64_at), model.order);
    const u64 place = le64(from, next64_at);
    put_field(to, {u16(word), u8(word)}, word == 4 ? narrow_place(place) : place, model.order);
    put_field(to, {u16(2 * word), 2}, needed, model.order);
    std::copy_n(name.begin(), size, to.begin() + std::ptrdiff_t(2 * word + 2));
    to[needed - 1] = from[type64_at];
    return needed;
}

/// Entries repacked for the guest: at most `room` bytes, and at most `most` entries. The position stays behind the last one.
s64 read_entries(Call& call, u64 to, usize room, usize most) {
    room = std::min<usize>(room, 64 << 10);
    std::vector<u8> host(room), guest(room);
    const s64 start = ::lseek(call.int_at(0), 0, SEEK_CUR);
    const s64 size = call.host_call(SYS_getdents64, call.a[0], host_pointer(host.data()), host.size());
    if (size <= 0) return size;
    usize used = 0, count = 0;
    s64 next = start;
    for (usize at = 0; at < usize(size); count++) {
        const ConstBytes entry = ConstBytes(host).first(usize(size)).subspan(at);
        const usize put = count < most ? put_entry(Bytes(guest).subspan(used), entry, call.abi.model) : 0;
        if (!put) {
            ::lseek(call.int_at(0), next, SEEK_SET);
            break;
        }
        used += put;
        next = s64(le64(entry, next64_at));
        at += le16(entry, length64_at);
    }
    if (!used) return -EINVAL;
    return call.copy_out(to, guest.data(), used) ? s64(used) : -EFAULT;
}

} // namespace

s64 sys_getdents(Call& call) { return read_entries(call, call.a[1], u32(call.a[2]), ~usize(0)); }

/// One entry: struct old_linux_dirent has the length of the name where the length of the entry is now.
s64 sys_readdir(Call& call) {
    const unsigned word = call.abi.model.word;
    const s64 size = read_entries(call, call.a[1], 1024, 1);
    if (size <= 0) return size;
    std::string name;
    if (s64 result = call.load_string(call.a[1] + 2 * word + 2, name, 256)) return result;
    return call.store<u16>(call.a[1] + 2 * word, u16(name.size())) ? 1 : -EFAULT;
}

s64 sys_umount(Call& call) { return call.as(Sys::umount2, {call.a[0], 0}); }

} // namespace emu::linux_user

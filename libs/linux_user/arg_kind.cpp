// SPDX-License-Identifier: MIT
// The kinds of arguments, and the names -strace gives to values. Values are the host's; the flags of open() are translated
// from the guest's before they are shown.
#include "linux_user/arg_kind.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <linux/falloc.h>
#include <linux/fiemap.h>
#include <linux/futex.h>
#include <linux/sched.h>
#include <poll.h>
#include <sched.h>
#include <sys/epoll.h>
#include <sys/file.h>
#include <sys/inotify.h>
#include <sys/mman.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <sys/random.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/time.h>
#include <sys/wait.h>
#include <sys/xattr.h>
#include <asm/ioctls.h>
#include <linux/fs.h>
#include <netinet/in.h>
#include <time.h>
#include <csignal>
#include <unistd.h>

#ifndef O_LARGEFILE_KERNEL
#define O_LARGEFILE_KERNEL 0100000
#endif

namespace emu::linux_user {
namespace names {

#define N(name) {u64(u32(name)), #name}
#define END {0, {}}
// clang-format off
constexpr FlagName open[] = {
    N(O_WRONLY), N(O_RDWR), N(O_CREAT), N(O_EXCL), N(O_NOCTTY), N(O_TRUNC), N(O_APPEND), N(O_NONBLOCK), N(O_SYNC), N(O_DSYNC),
    N(O_ASYNC), N(O_DIRECT), {O_LARGEFILE_KERNEL, "O_LARGEFILE"}, N(O_NOFOLLOW), N(O_NOATIME), N(O_CLOEXEC), N(O_PATH),
    N(O_TMPFILE), N(O_DIRECTORY), END};
constexpr FlagName fcntl[] = {
    {F_DUPFD, "F_DUPFD"}, N(F_GETFD), N(F_SETFD), N(F_GETFL), N(F_SETFL), N(F_GETLK), N(F_SETLK), N(F_SETLKW), N(F_SETOWN),
    N(F_GETOWN), N(F_SETSIG), N(F_GETSIG), N(F_DUPFD_CLOEXEC), N(F_SETPIPE_SZ), N(F_GETPIPE_SZ), N(F_ADD_SEALS),
    N(F_GET_SEALS), N(F_OFD_GETLK), N(F_OFD_SETLK), N(F_OFD_SETLKW), N(F_SETLEASE), N(F_GETLEASE), N(F_NOTIFY), END};
constexpr FlagName access[] = {N(R_OK), N(W_OK), N(X_OK), {0, "F_OK"}, END};
constexpr FlagName at[] = {
    N(AT_SYMLINK_NOFOLLOW), N(AT_REMOVEDIR), N(AT_SYMLINK_FOLLOW), N(AT_NO_AUTOMOUNT), N(AT_EMPTY_PATH), END};
constexpr FlagName whence[] = {{SEEK_SET, "SEEK_SET"}, N(SEEK_CUR), N(SEEK_END), N(SEEK_DATA), N(SEEK_HOLE), END};
constexpr FlagName prot[] = {N(PROT_READ), N(PROT_WRITE), N(PROT_EXEC), N(PROT_GROWSDOWN), {0, "PROT_NONE"}, END};
constexpr FlagName map[] = {
    {MAP_SHARED_VALIDATE, "MAP_SHARED_VALIDATE"}, N(MAP_SHARED), N(MAP_PRIVATE), N(MAP_FIXED), N(MAP_ANONYMOUS), N(MAP_GROWSDOWN), N(MAP_DENYWRITE), N(MAP_LOCKED),
    N(MAP_NORESERVE), N(MAP_POPULATE), N(MAP_NONBLOCK), N(MAP_STACK), N(MAP_HUGETLB), N(MAP_FIXED_NOREPLACE), END};
constexpr FlagName mremap[] = {N(MREMAP_MAYMOVE), N(MREMAP_FIXED), {4, "MREMAP_DONTUNMAP"}, END};
constexpr FlagName madvise[] = {
    {MADV_NORMAL, "MADV_NORMAL"}, N(MADV_RANDOM), N(MADV_SEQUENTIAL), N(MADV_WILLNEED), N(MADV_DONTNEED), N(MADV_FREE),
    N(MADV_REMOVE), N(MADV_DONTFORK), N(MADV_DOFORK), N(MADV_MERGEABLE), N(MADV_UNMERGEABLE), N(MADV_HUGEPAGE),
    N(MADV_NOHUGEPAGE), N(MADV_DONTDUMP), N(MADV_DODUMP), N(MADV_WIPEONFORK), N(MADV_KEEPONFORK), END};
constexpr FlagName clone[] = {
    N(CLONE_VM), N(CLONE_FS), N(CLONE_FILES), N(CLONE_SIGHAND), N(CLONE_PIDFD), N(CLONE_PTRACE), N(CLONE_VFORK),
    N(CLONE_PARENT), N(CLONE_THREAD), N(CLONE_NEWNS), N(CLONE_SYSVSEM), N(CLONE_SETTLS), N(CLONE_PARENT_SETTID),
    N(CLONE_CHILD_CLEARTID), N(CLONE_UNTRACED), N(CLONE_CHILD_SETTID), N(CLONE_NEWCGROUP), N(CLONE_NEWUTS),
    N(CLONE_NEWIPC), N(CLONE_NEWUSER), N(CLONE_NEWPID), N(CLONE_NEWNET), N(CLONE_IO), {SIGCHLD, "SIGCHLD"}, END};
#define F(name) {FUTEX_##name, "FUTEX_" #name}, {FUTEX_##name | FUTEX_PRIVATE_FLAG, "FUTEX_" #name "_PRIVATE"}, \
    {FUTEX_##name | FUTEX_PRIVATE_FLAG | FUTEX_CLOCK_REALTIME, "FUTEX_" #name "_PRIVATE|FUTEX_CLOCK_REALTIME"}
constexpr FlagName futex[] = {
    F(WAIT), F(WAKE), F(FD), F(REQUEUE), F(CMP_REQUEUE), F(WAKE_OP), F(LOCK_PI), F(UNLOCK_PI), F(TRYLOCK_PI), F(WAIT_BITSET),
    F(WAKE_BITSET), F(WAIT_REQUEUE_PI), F(CMP_REQUEUE_PI), F(LOCK_PI2), END};
#undef F
constexpr FlagName wait[] = {N(WNOHANG), {WUNTRACED, "WSTOPPED"}, N(WEXITED), N(WCONTINUED), N(WNOWAIT), {0x80000000, "__WCLONE"}, {0x40000000, "__WALL"}, END};
constexpr FlagName clock[] = {
    {CLOCK_REALTIME, "CLOCK_REALTIME"}, N(CLOCK_MONOTONIC), N(CLOCK_PROCESS_CPUTIME_ID), N(CLOCK_THREAD_CPUTIME_ID),
    N(CLOCK_MONOTONIC_RAW), N(CLOCK_REALTIME_COARSE), N(CLOCK_MONOTONIC_COARSE), N(CLOCK_BOOTTIME), N(CLOCK_TAI), END};
constexpr FlagName domain[] = {{AF_UNSPEC, "AF_UNSPEC"}, N(AF_UNIX), N(AF_INET), N(AF_INET6), N(AF_NETLINK), N(AF_PACKET), N(AF_ALG), N(AF_VSOCK), END};
constexpr FlagName socktype[] = {
    {SOCK_SEQPACKET, "SOCK_SEQPACKET"}, {SOCK_RAW, "SOCK_RAW"}, {SOCK_DGRAM, "SOCK_DGRAM"}, {SOCK_STREAM, "SOCK_STREAM"}, N(SOCK_CLOEXEC), N(SOCK_NONBLOCK), END};
constexpr FlagName msg[] = {
    N(MSG_OOB), N(MSG_PEEK), N(MSG_DONTROUTE), N(MSG_CTRUNC), N(MSG_TRUNC), N(MSG_DONTWAIT), N(MSG_EOR), N(MSG_WAITALL), N(MSG_ERRQUEUE),
    N(MSG_NOSIGNAL), N(MSG_MORE), N(MSG_WAITFORONE), N(MSG_CMSG_CLOEXEC), N(MSG_FASTOPEN), END};
constexpr FlagName sol[] = {{SOL_IP, "SOL_IP"}, N(SOL_SOCKET), {IPPROTO_TCP, "SOL_TCP"}, {IPPROTO_UDP, "SOL_UDP"}, N(SOL_IPV6), N(SOL_NETLINK), N(SOL_ALG), END};
constexpr FlagName sigprocmask[] = {{SIG_BLOCK, "SIG_BLOCK"}, N(SIG_UNBLOCK), N(SIG_SETMASK), END};
constexpr FlagName ioctl[] = {
    N(TCGETS), N(TCSETS), N(TCSETSW), N(TCSETSF), N(TCSBRK), N(TCXONC), N(TCFLSH), N(TIOCSCTTY), N(TIOCGPGRP), N(TIOCSPGRP),
    N(TIOCGWINSZ), N(TIOCSWINSZ), N(TIOCGPTN), N(TIOCSPTLCK), N(TIOCNOTTY), N(TIOCGSID), N(FIONREAD), N(FIONBIO), N(FIOCLEX),
    N(FIONCLEX), N(FIOASYNC), N(BLKGETSIZE), N(BLKGETSIZE64), N(FICLONE), N(FS_IOC_GETFLAGS), N(FS_IOC_FIEMAP), END};
constexpr FlagName epoll[] = {N(EPOLL_CTL_ADD), N(EPOLL_CTL_DEL), N(EPOLL_CTL_MOD), END};
constexpr FlagName resource[] = {
    {RLIMIT_CPU, "RLIMIT_CPU"}, N(RLIMIT_FSIZE), N(RLIMIT_DATA), N(RLIMIT_STACK), N(RLIMIT_CORE), N(RLIMIT_RSS), N(RLIMIT_NPROC),
    N(RLIMIT_NOFILE), N(RLIMIT_MEMLOCK), N(RLIMIT_AS), N(RLIMIT_LOCKS), N(RLIMIT_SIGPENDING), N(RLIMIT_MSGQUEUE), N(RLIMIT_NICE),
    N(RLIMIT_RTPRIO), N(RLIMIT_RTTIME), END};
constexpr FlagName prctl[] = {
    N(PR_SET_PDEATHSIG), N(PR_GET_PDEATHSIG), N(PR_GET_DUMPABLE), N(PR_SET_DUMPABLE), N(PR_SET_KEEPCAPS), N(PR_GET_KEEPCAPS),
    N(PR_SET_NAME), N(PR_GET_NAME), N(PR_GET_SECCOMP), N(PR_SET_SECCOMP), N(PR_CAPBSET_READ), N(PR_CAPBSET_DROP), N(PR_SET_NO_NEW_PRIVS),
    N(PR_GET_NO_NEW_PRIVS), N(PR_SET_CHILD_SUBREAPER), N(PR_SET_MM), N(PR_SET_VMA), N(PR_SET_THP_DISABLE), N(PR_CAP_AMBIENT), END};
constexpr FlagName at_access[] = {N(AT_SYMLINK_NOFOLLOW), N(AT_EACCESS), N(AT_EMPTY_PATH), END};
constexpr FlagName rename_flags[] = {N(RENAME_NOREPLACE), N(RENAME_EXCHANGE), N(RENAME_WHITEOUT), END};
constexpr FlagName xattr_flags[] = {N(XATTR_CREATE), N(XATTR_REPLACE), END};
constexpr FlagName falloc_mode[] = {
    N(FALLOC_FL_KEEP_SIZE), N(FALLOC_FL_PUNCH_HOLE), N(FALLOC_FL_NO_HIDE_STALE), N(FALLOC_FL_COLLAPSE_RANGE), N(FALLOC_FL_ZERO_RANGE),
    N(FALLOC_FL_INSERT_RANGE), N(FALLOC_FL_UNSHARE_RANGE), END};
constexpr FlagName lock_op[] = {N(LOCK_SH), N(LOCK_EX), N(LOCK_NB), N(LOCK_UN), END};
constexpr FlagName sync_range[] = {N(SYNC_FILE_RANGE_WAIT_BEFORE), N(SYNC_FILE_RANGE_WRITE), N(SYNC_FILE_RANGE_WAIT_AFTER), END};
constexpr FlagName fadvice[] = {
    {POSIX_FADV_NORMAL, "POSIX_FADV_NORMAL"}, N(POSIX_FADV_RANDOM), N(POSIX_FADV_SEQUENTIAL), N(POSIX_FADV_WILLNEED), N(POSIX_FADV_DONTNEED),
    N(POSIX_FADV_NOREUSE), END};
constexpr FlagName splice_flags[] = {N(SPLICE_F_MOVE), N(SPLICE_F_NONBLOCK), N(SPLICE_F_MORE), N(SPLICE_F_GIFT), END};
constexpr FlagName statx_mask[] = {
    N(STATX_ALL), N(STATX_BASIC_STATS), N(STATX_TYPE), N(STATX_MODE), N(STATX_NLINK), N(STATX_UID), N(STATX_GID), N(STATX_ATIME), N(STATX_MTIME),
    N(STATX_CTIME), N(STATX_INO), N(STATX_SIZE), N(STATX_BLOCKS), N(STATX_BTIME), {0x1000, "STATX_MNT_ID"}, END};
constexpr FlagName mount_flags[] = {
    N(MS_RDONLY), N(MS_NOSUID), N(MS_NODEV), N(MS_NOEXEC), N(MS_SYNCHRONOUS), N(MS_REMOUNT), N(MS_MANDLOCK), N(MS_DIRSYNC), N(MS_NOATIME),
    N(MS_NODIRATIME), N(MS_BIND), N(MS_MOVE), N(MS_REC), N(MS_SILENT), N(MS_POSIXACL), N(MS_UNBINDABLE), N(MS_PRIVATE), N(MS_SLAVE), N(MS_SHARED),
    N(MS_RELATIME), N(MS_STRICTATIME), N(MS_LAZYTIME), END};
constexpr FlagName umount_flags[] = {N(MNT_FORCE), N(MNT_DETACH), N(MNT_EXPIRE), N(UMOUNT_NOFOLLOW), END};
constexpr FlagName memfd_flags[] = {N(MFD_CLOEXEC), N(MFD_ALLOW_SEALING), N(MFD_HUGETLB), END};
constexpr FlagName range_flags[] = {{2, "CLOSE_RANGE_UNSHARE"}, {4, "CLOSE_RANGE_CLOEXEC"}, END};
// epoll_create1, inotify_init1
constexpr FlagName epoll_flags[] = {N(EPOLL_CLOEXEC), {O_NONBLOCK, "IN_NONBLOCK"}, END};
constexpr FlagName eventfd_flags[] = {{1, "EFD_SEMAPHORE"}, {O_CLOEXEC, "EFD_CLOEXEC"}, {O_NONBLOCK, "EFD_NONBLOCK"}, END};
constexpr FlagName timer_flags[] = {{1, "TIMER_ABSTIME"}, {2, "TFD_TIMER_CANCEL_ON_SET"}, END};
constexpr FlagName tfd_flags[] = {{O_CLOEXEC, "TFD_CLOEXEC"}, {O_NONBLOCK, "TFD_NONBLOCK"}, END};
constexpr FlagName inotify_mask[] = {
    N(IN_ACCESS), N(IN_MODIFY), N(IN_ATTRIB), N(IN_CLOSE_WRITE), N(IN_CLOSE_NOWRITE), N(IN_OPEN), N(IN_MOVED_FROM), N(IN_MOVED_TO), N(IN_CREATE),
    N(IN_DELETE), N(IN_DELETE_SELF), N(IN_MOVE_SELF), N(IN_ONLYDIR), N(IN_DONT_FOLLOW), N(IN_EXCL_UNLINK), N(IN_MASK_ADD), N(IN_ISDIR), N(IN_ONESHOT), END};
constexpr FlagName random_flags[] = {N(GRND_NONBLOCK), N(GRND_RANDOM), {4, "GRND_INSECURE"}, END};
constexpr FlagName accept_flags[] = {N(SOCK_CLOEXEC), N(SOCK_NONBLOCK), END};
constexpr FlagName shut_how[] = {{SHUT_RD, "SHUT_RD"}, {SHUT_WR, "SHUT_WR"}, {SHUT_RDWR, "SHUT_RDWR"}, END};
constexpr FlagName sync_flags[] = {N(MS_ASYNC), N(MS_INVALIDATE), N(MS_SYNC), END};
constexpr FlagName itimer_which[] = {{ITIMER_REAL, "ITIMER_REAL"}, {ITIMER_VIRTUAL, "ITIMER_VIRTUAL"}, {ITIMER_PROF, "ITIMER_PROF"}, END};
constexpr FlagName usage_who[] = {{RUSAGE_SELF, "RUSAGE_SELF"}, {u32(RUSAGE_CHILDREN), "RUSAGE_CHILDREN"}, {1, "RUSAGE_THREAD"}, END};
constexpr FlagName prio_which[] = {{PRIO_PROCESS, "PRIO_PROCESS"}, {PRIO_PGRP, "PRIO_PGRP"}, {PRIO_USER, "PRIO_USER"}, END};
constexpr FlagName id_type[] = {{P_ALL, "P_ALL"}, {P_PID, "P_PID"}, {P_PGID, "P_PGID"}, {3, "P_PIDFD"}, END};
constexpr FlagName membarrier_cmd[] = {
    {0, "MEMBARRIER_CMD_QUERY"}, {1, "MEMBARRIER_CMD_GLOBAL"}, {2, "MEMBARRIER_CMD_GLOBAL_EXPEDITED"},
    {4, "MEMBARRIER_CMD_REGISTER_GLOBAL_EXPEDITED"}, {8, "MEMBARRIER_CMD_PRIVATE_EXPEDITED"},
    {16, "MEMBARRIER_CMD_REGISTER_PRIVATE_EXPEDITED"}, {32, "MEMBARRIER_CMD_PRIVATE_EXPEDITED_SYNC_CORE"},
    {64, "MEMBARRIER_CMD_REGISTER_PRIVATE_EXPEDITED_SYNC_CORE"}, {128, "MEMBARRIER_CMD_PRIVATE_EXPEDITED_RSEQ"},
    {256, "MEMBARRIER_CMD_REGISTER_PRIVATE_EXPEDITED_RSEQ"}, END};
constexpr FlagName kcmp_type[] = {
    {0, "KCMP_FILE"}, {1, "KCMP_VM"}, {2, "KCMP_FILES"}, {3, "KCMP_FS"}, {4, "KCMP_SIGHAND"}, {5, "KCMP_IO"}, {6, "KCMP_SYSVSEM"}, {7, "KCMP_EPOLL_TFD"}, END};
constexpr FlagName policy[] = {
    {SCHED_OTHER, "SCHED_OTHER"}, {SCHED_FIFO, "SCHED_FIFO"}, {SCHED_RR, "SCHED_RR"}, {SCHED_BATCH, "SCHED_BATCH"}, {SCHED_IDLE, "SCHED_IDLE"},
    {6, "SCHED_DEADLINE"}, END};
constexpr FlagName protocol[] = {
    {IPPROTO_IP, "IPPROTO_IP"}, {IPPROTO_ICMP, "IPPROTO_ICMP"}, {IPPROTO_TCP, "IPPROTO_TCP"}, {IPPROTO_UDP, "IPPROTO_UDP"},
    {IPPROTO_IPV6, "IPPROTO_IPV6"}, {IPPROTO_ICMPV6, "IPPROTO_ICMPV6"}, {IPPROTO_RAW, "IPPROTO_RAW"}, END};
// clang-format on
#undef N
#undef END

} // namespace names

namespace {

constexpr ArgKind kinds[] = {
#define EMU_ARG(name, cls, show, ...) {#name, ArgClass::cls, Show::show __VA_OPT__(,) __VA_ARGS__},
#include "linux_user/args.def"
#undef EMU_ARG
};
static_assert(std::size(kinds) == std::size(detail::arg_names) && std::size(kinds) < 256);

} // namespace

const ArgKind& arg_kind(u8 index) { return kinds[index]; }

std::string flag_names(const FlagName* names, u64 value) {
    std::string out;
    u64 left = u32(value);
    for (const FlagName* name = names; !name->name.empty(); name++) {
        if (name->value == 0 ? !out.empty() || left : (left & name->value) != name->value) continue;
        out += out.empty() ? "" : "|";
        out += name->name;
        left &= ~name->value;
        if (name->value == 0) return out;
    }
    if (left == 0 && out.empty()) return "0";
    if (left) out += fmt::format("{}{:#x}", out.empty() ? "" : "|", left);
    return out;
}

std::string open_flag_names(u32 flags) {
    if (flags & O_ACCMODE) return flag_names(names::open, flags);
    return flags ? "O_RDONLY|" + flag_names(names::open, flags) : "O_RDONLY";
}

} // namespace emu::linux_user

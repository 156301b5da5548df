// SPDX-License-Identifier: MIT
// The kinds of arguments, and the names -strace gives to values. Values are the host's; the flags of open() are translated
// from the guest's before they are shown.
#include "linux_user/arg_kind.h"

#include <fcntl.h>
#include <linux/fiemap.h>
#include <linux/futex.h>
#include <linux/sched.h>
#include <poll.h>
#include <sys/epoll.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/wait.h>
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
    N(O_ASYNC), N(O_DIRECT), {O_LARGEFILE_KERNEL, "O_LARGEFILE"}, N(O_TMPFILE), N(O_DIRECTORY), N(O_NOFOLLOW), N(O_NOATIME),
    N(O_CLOEXEC), N(O_PATH), END};
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
constexpr FlagName wait[] = {N(WNOHANG), N(WUNTRACED), N(WEXITED), N(WCONTINUED), N(WNOWAIT), {0x80000000, "__WCLONE"}, {0x40000000, "__WALL"}, END};
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

} // namespace emu::linux_user

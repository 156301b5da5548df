// SPDX-License-Identifier: MIT
#include "linux_user/strace_values.h"

#include "linux_user/ioctls.h"
#include "linux_user/process.h"

#include <algorithm>
#include <fcntl.h>
#include <fmt/format.h>
#include <linux/futex.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>

namespace emu::linux_user {
namespace {

constexpr unsigned most_descriptors = 1024;

template <usize N> const FlagName* find(const FlagName (&names)[N], u64 value) {
    for (const FlagName& name : names)
        if (name.value == value) return &name;
    return nullptr;
}

std::string number(u64 value) { return std::to_string(s32(u32(value))); }

// --- fcntl ---------------------------------------------------------------------------------------------------------------

std::string file_flags(const Call& call, u64 guest) { return open_flag_names(flags_to_host(call.abi.open_flags, u32(guest))); }

std::string lock(Call& call, u64 at, bool wide, bool told) {
    struct {
        u16 type, whence;
        s64 start, length;
        s32 pid;
    } l;
    if (!call.load_struct(wide ? "hhqqi" : "hhWWi", at, l)) return fmt::format("{:#x}", at);
    static constexpr FlagName types[] = {{F_RDLCK, "F_RDLCK"}, {F_WRLCK, "F_WRLCK"}, {F_UNLCK, "F_UNLCK"}};
    static constexpr FlagName places[] = {{SEEK_SET, "SEEK_SET"}, {SEEK_CUR, "SEEK_CUR"}, {SEEK_END, "SEEK_END"}};
    const FlagName *type = find(types, l.type), *place = find(places, l.whence);
    std::string out = fmt::format("{{l_type={}, l_whence={}, l_start={}, l_len={}", type ? type->name : number(l.type), place ? place->name : number(l.whence), l.start, l.length);
    return out + (told ? fmt::format(", l_pid={}}}", l.pid) : "}");
}

std::optional<std::string> fcntl_argument(Call& call, unsigned i, const s64* done) {
    switch (call.int_at(1)) {
    case F_SETFL: return file_flags(call, call.a[i]);
    case F_SETFD: return call.a[i] == FD_CLOEXEC ? "FD_CLOEXEC" : number(call.a[i]);
    case F_GETLK:
    case F_OFD_GETLK:
    case F_SETLK:
    case F_SETLKW:
    case F_OFD_SETLK:
    case F_OFD_SETLKW: {
        const bool get = call.int_at(1) == F_GETLK || call.int_at(1) == F_OFD_GETLK;
        return lock(call, call.a[i], call.int_at(1) >= F_OFD_GETLK, get && done && *done >= 0);
    }
    case 12:
    case 13:
    case 14: return call.narrow() ? lock(call, call.a[i], true, call.int_at(1) == 12 && done && *done >= 0) : std::optional<std::string>();
    case F_SETOWN:
    case F_DUPFD:
    case F_DUPFD_CLOEXEC:
    case F_SETPIPE_SZ: return number(call.a[i]);
    default: return std::nullopt;
    }
}
bool fcntl_takes_nothing(int command) {
    static constexpr int commands[] = {F_GETFD, F_GETFL, F_GETOWN, F_GETSIG, F_GETLEASE, F_GETPIPE_SZ, F_GET_SEALS};
    return std::find(std::begin(commands), std::end(commands), command) != std::end(commands);
}

// --- ioctl ---------------------------------------------------------------------------------------------------------------

std::optional<std::string> ioctl_argument(Call& call, unsigned i, const s64* done) {
    const IoctlRow* row = find_ioctl(u32(call.a[1]), call.abi.model);
    if (!row || !call.a[i]) return std::nullopt;
    const bool readable = row->argument == IoctlArg::in || row->argument == IoctlArg::inout || (row->argument == IoctlArg::out && done && *done >= 0);
    if (row->argument == IoctlArg::number) return number(call.a[i]);
    if (!readable) return std::nullopt;
    if (row->format == "i") {
        auto value = call.load<u32>(call.a[i]);
        return value ? std::optional(fmt::format("[{}]", s32(*value))) : std::nullopt;
    }
    u16 size[4];
    if (row->format == "4h" && row->name.ends_with("WINSZ") && call.load_struct("4h", call.a[i], size))
        return fmt::format("{{ws_row={}, ws_col={}, ws_xpixel={}, ws_ypixel={}}}", size[0], size[1], size[2], size[3]);
    return std::nullopt;
}

// --- options of sockets ------------------------------------------------------------------------------------------------------

#define N(name) {name, #name}
constexpr FlagName socket_options[] = {
    N(SO_DEBUG), N(SO_REUSEADDR), N(SO_TYPE), N(SO_ERROR), N(SO_DONTROUTE), N(SO_BROADCAST), N(SO_SNDBUF), N(SO_RCVBUF), N(SO_KEEPALIVE),
    N(SO_OOBINLINE), N(SO_PRIORITY), N(SO_LINGER), N(SO_REUSEPORT), N(SO_PASSCRED), N(SO_PEERCRED), N(SO_RCVLOWAT), N(SO_SNDLOWAT),
    {20, "SO_RCVTIMEO_OLD"}, {21, "SO_SNDTIMEO_OLD"}, N(SO_BINDTODEVICE), N(SO_ATTACH_FILTER), N(SO_DETACH_FILTER), N(SO_PEERNAME), N(SO_ACCEPTCONN),
    N(SO_PEERSEC), N(SO_SNDBUFFORCE), N(SO_RCVBUFFORCE), N(SO_MARK), N(SO_PROTOCOL), N(SO_DOMAIN), N(SO_INCOMING_CPU)};
constexpr FlagName tcp_options[] = {
    N(TCP_NODELAY), N(TCP_MAXSEG), N(TCP_CORK), N(TCP_KEEPIDLE), N(TCP_KEEPINTVL), N(TCP_KEEPCNT), N(TCP_SYNCNT), N(TCP_LINGER2), N(TCP_DEFER_ACCEPT),
    N(TCP_WINDOW_CLAMP), N(TCP_INFO), N(TCP_QUICKACK), N(TCP_CONGESTION), N(TCP_USER_TIMEOUT), N(TCP_FASTOPEN)};
constexpr FlagName ip_options[] = {
    N(IP_TOS), N(IP_TTL), N(IP_HDRINCL), N(IP_OPTIONS), N(IP_RECVOPTS), N(IP_PKTINFO), N(IP_MTU_DISCOVER), N(IP_RECVERR), N(IP_RECVTTL), N(IP_MULTICAST_IF),
    N(IP_MULTICAST_TTL), N(IP_MULTICAST_LOOP), N(IP_ADD_MEMBERSHIP), N(IP_DROP_MEMBERSHIP)};
constexpr FlagName ipv6_options[] = {N(IPV6_V6ONLY), N(IPV6_UNICAST_HOPS), N(IPV6_MULTICAST_IF), N(IPV6_RECVPKTINFO), N(IPV6_RECVERR), N(IPV6_MULTICAST_HOPS)};
#undef N

std::optional<std::string> option_name(Call& call, unsigned i, const s64*) {
    const FlagName* name = nullptr;
    switch (call.int_at(1)) {
    case SOL_SOCKET: name = find(socket_options, u32(call.a[i])); break;
    case IPPROTO_TCP: name = find(tcp_options, u32(call.a[i])); break;
    case IPPROTO_IP: name = find(ip_options, u32(call.a[i])); break;
    case IPPROTO_IPV6: name = find(ipv6_options, u32(call.a[i])); break;
    default: break;
    }
    return name ? std::optional(std::string(name->name)) : std::nullopt;
}
std::optional<std::string> option_value(Call& call, unsigned i, const s64* done) {
    const bool get = call.row.name == "getsockopt";
    if (get && (!done || *done < 0)) return std::nullopt;
    const auto size = get ? call.load<u32>(call.a[4]) : std::optional(u32(call.a[4]));
    const auto value = call.load<u32>(call.a[i]);
    return size == 4u && value ? std::optional(fmt::format("[{}]", s32(*value))) : std::nullopt;
}

std::optional<std::string> protocol(Call& call, unsigned i, const s64*) {
    const int domain = call.int_at(0);
    if (domain == AF_INET || domain == AF_INET6) return std::nullopt;
    return domain == AF_NETLINK && call.a[i] == 0 ? "NETLINK_ROUTE" : number(call.a[i]);
}

// --- sets of descriptors --------------------------------------------------------------------------------------------------------

std::string descriptor_set(Call& call, u64 at, unsigned count) {
    std::string out = "[";
    const unsigned bits = call.abi.model.word * 8;
    for (unsigned fd = 0; fd < std::min(count, most_descriptors); fd += bits) {
        const auto word = call.load_word(at + fd / 8);
        if (!word) return fmt::format("{:#x}", at);
        for (unsigned bit = 0; bit < bits && fd + bit < count; bit++)
            if (*word >> bit & 1) out += (out.size() > 1 ? " " : "") + std::to_string(fd + bit);
    }
    return out + "]";
}
std::optional<std::string> descriptors(Call& call, unsigned i, const s64*) {
    return call.a[i] ? std::optional(descriptor_set(call, call.a[i], u32(call.a[0]))) : std::nullopt;
}

std::string select_outcome(Call& call, s64 result) {
    if (result == 0) return "0 (Timeout)";
    static constexpr std::string_view names[] = {"in", "out", "except"};
    std::string out;
    for (unsigned i = 0; i < 3; i++) {
        if (!call.a[i + 1]) continue;
        const std::string set = descriptor_set(call, call.a[i + 1], u32(call.a[0]));
        if (set != "[]") out += fmt::format("{}{} {}", out.empty() ? "" : ", ", names[i], set);
    }
    s64 left[2];
    if (call.a[4] && call.load_struct(call.time_format(), call.a[4], left))
        out += fmt::format("{}left {{tv_sec={}, {}={}}}", out.empty() ? "" : ", ", left[0], call.row.name == "select" ? "tv_usec" : "tv_nsec", left[1]);
    return fmt::format("{} ({})", result, out);
}

std::string poll_outcome(Call& call, s64 result) {
    if (result == 0) return "0 (Timeout)";
    static constexpr FlagName names[] = {{POLLIN, "POLLIN"}, {POLLPRI, "POLLPRI"}, {POLLOUT, "POLLOUT"}, {POLLRDNORM, "POLLRDNORM"}, {POLLRDBAND, "POLLRDBAND"},
                                         {POLLWRNORM, "POLLWRNORM"}, {POLLWRBAND, "POLLWRBAND"}, {POLLERR, "POLLERR"}, {POLLHUP, "POLLHUP"},
                                         {POLLNVAL, "POLLNVAL"}, {0x2000, "POLLRDHUP"}};
    std::string out;
    for (u64 n = 0; n < std::min<u64>(u32(call.a[1]), 64); n++) {
        const auto fd = call.load<u32>(call.a[0] + n * 8);
        const auto got = call.load<u16>(call.a[0] + n * 8 + 6);
        if (!fd || !got || !*got) continue;
        std::string events;
        for (const FlagName& name : names)
            if (*got & name.value) events += (events.empty() ? "" : "|") + std::string(name.name);
        out += fmt::format("{}{{fd={}, revents={}}}", out.empty() ? "" : ", ", s32(*fd), events);
    }
    return fmt::format("{} ([{}])", result, out);
}

// --- others --------------------------------------------------------------------------------------------------------------

/// How many arguments an operation of prctl has, the operation among them.
unsigned prctl_count(int operation) {
    switch (operation) {
    case PR_GET_DUMPABLE:
    case PR_GET_KEEPCAPS:
    case PR_GET_TIMING:
    case PR_GET_SECUREBITS:
    case PR_GET_TIMERSLACK: return 1;
    case PR_SET_PDEATHSIG:
    case PR_GET_PDEATHSIG:
    case PR_SET_DUMPABLE:
    case PR_SET_KEEPCAPS:
    case PR_SET_NAME:
    case PR_GET_NAME:
    case PR_CAPBSET_READ:
    case PR_CAPBSET_DROP:
    case PR_SET_SECUREBITS:
    case PR_SET_TIMERSLACK:
    case PR_SET_CHILD_SUBREAPER:
    case PR_GET_CHILD_SUBREAPER: return 2;
    default: return 5;
    }
}
std::optional<std::string> prctl_argument(Call& call, unsigned i, const s64* done) {
    std::array<char, 16> name{};
    if (i != 1) return std::nullopt;
    if (call.int_at(0) == PR_SET_NAME || (call.int_at(0) == PR_GET_NAME && done && *done >= 0))
        if (call.copy_in(name.data(), call.a[1], name.size()) || call.copy_in(name.data(), call.a[1], 1)) {
            name.back() = 0;
            return strace_text(name.data(), 16);
        }
    return call.int_at(0) == PR_SET_PDEATHSIG ? std::optional(call.a[1] ? number(call.a[1]) : "0") : std::nullopt;
}

unsigned futex_count(int operation) {
    switch (operation & FUTEX_CMD_MASK) {
    case FUTEX_WAIT:
    case FUTEX_LOCK_PI:
    case 13 /* FUTEX_LOCK_PI2 */: return 4;
    case FUTEX_WAKE:
    case FUTEX_FD: return 3;
    case FUTEX_UNLOCK_PI:
    case FUTEX_TRYLOCK_PI: return 2;
    case FUTEX_REQUEUE:
    case FUTEX_WAIT_REQUEUE_PI: return 5;
    default: return 6;
    }
}
std::optional<std::string> futex_bits(Call& call, unsigned i, const s64*) {
    const int command = call.int_at(1) & FUTEX_CMD_MASK;
    if (command != FUTEX_WAIT_BITSET && command != FUTEX_WAKE_BITSET) return std::nullopt;
    return u32(call.a[i]) == 0xffffffff ? "FUTEX_BITSET_MATCH_ANY" : fmt::format("{:#x}", u32(call.a[i]));
}

std::optional<std::string> random_bytes(Call& call, unsigned i, const s64* done) {
    std::array<u8, 32> bytes;
    if (!done || *done < 0) return std::nullopt;
    const usize shown = std::min<usize>(usize(*done), bytes.size());
    if (!call.copy_in(bytes.data(), call.a[i], shown)) return std::nullopt;
    std::string out = "\"";
    for (usize n = 0; n < shown; n++) out += fmt::format("\\x{:02x}", bytes[n]);
    return out + (usize(*done) > shown ? "\"..." : "\"");
}

std::optional<std::string> node_mode(Call& call, unsigned i, const s64*) {
    static constexpr FlagName kinds[] = {{S_IFSOCK, "S_IFSOCK"}, {S_IFREG, "S_IFREG"}, {S_IFBLK, "S_IFBLK"}, {S_IFCHR, "S_IFCHR"}, {S_IFIFO, "S_IFIFO"}};
    const FlagName* kind = find(kinds, call.a[i] & S_IFMT);
    return kind ? std::optional(fmt::format("{}|0{:o}", kind->name, call.a[i] & 07777)) : std::nullopt;
}

struct Row {
    std::string_view call;
    u8 index;
    std::optional<std::string> (*show)(Call& call, unsigned index, const s64* done);
};
constexpr Row rows[] = {
    {"fcntl", 2, fcntl_argument}, {"ioctl", 2, ioctl_argument}, {"setsockopt", 2, option_name}, {"getsockopt", 2, option_name},
    {"setsockopt", 3, option_value}, {"getsockopt", 3, option_value}, {"socket", 2, protocol}, {"socketpair", 2, protocol},
    {"select", 1, descriptors}, {"select", 2, descriptors}, {"select", 3, descriptors}, {"pselect6", 1, descriptors}, {"pselect6", 2, descriptors},
    {"pselect6", 3, descriptors}, {"prctl", 1, prctl_argument}, {"futex", 5, futex_bits}, {"getrandom", 0, random_bytes}, {"mknod", 1, node_mode},
    {"mknodat", 2, node_mode},
};

} // namespace

std::string_view plain_name(const Syscall& row) {
    std::string_view name = row.name;
    if (name == "fcntl64") return "fcntl";
    if (name.ends_with("_time64")) name.remove_suffix(7);
    else if (row.time64 && name.ends_with("64")) name.remove_suffix(2);
    return name;
}

std::string strace_text(std::string_view bytes, usize most) {
    static constexpr std::string_view escaped = "\t\n\v\f\r\"\\", letters = "tnvfr\"\\";
    std::string out = "\"";
    const std::string_view shown = bytes.substr(0, most);
    for (usize i = 0; i < shown.size(); i++) {
        const auto c = static_cast<unsigned char>(shown[i]);
        if (const usize at = escaped.find(char(c)); at != escaped.npos) out += {'\\', letters[at]};
        else if (c >= 32 && c < 127) out += char(c);
        // A digit that follows would belong to a shorter number.
        else out += i + 1 < shown.size() && shown[i + 1] >= '0' && shown[i + 1] <= '9' ? fmt::format("\\{:03o}", c) : fmt::format("\\{:o}", c);
    }
    return out + (bytes.size() > most ? "\"..." : "\"");
}

bool argument_is_unused(const Call& call, unsigned index) {
    const std::string_view name = plain_name(call.row);
    if (name == "futex") {
        const int command = call.int_at(1) & FUTEX_CMD_MASK;
        return index >= futex_count(call.int_at(1)) || (command == FUTEX_WAIT_BITSET && index == 4) ||
               (command == FUTEX_WAKE_BITSET && (index == 3 || index == 4));
    }
    if (name == "prctl") return index >= prctl_count(call.int_at(0));
    if (name == "fcntl") return index == 2 && fcntl_takes_nothing(call.int_at(1));
    if (name == "mremap") return index == 4 && !(call.a[3] & ~u64(MREMAP_MAYMOVE));
    if (name == "mknod" || name == "mknodat") {
        const u64 kind = call.a[name == "mknod" ? 1 : 2] & S_IFMT;
        return index == (name == "mknod" ? 2u : 3u) && kind != S_IFCHR && kind != S_IFBLK;
    }
    // The mode of open counts only where a file may be made.
    if (name == "open" || name == "openat") {
        const u32 flags = flags_to_host(call.abi.open_flags, u32(call.a[name == "open" ? 1 : 2]));
        return index == (name == "open" ? 2u : 3u) && !(flags & O_CREAT) && (flags & O_TMPFILE) != O_TMPFILE;
    }
    return false;
}

std::optional<std::string> strace_dependent(Call& call, unsigned index, const s64* done) {
    const std::string_view name = plain_name(call.row);
    for (const Row& row : rows)
        if (row.index == index && row.call == name) return row.show(call, index, done);
    return std::nullopt;
}

std::optional<std::string> strace_outcome(Call& call, s64 result) {
    const std::string_view name = plain_name(call.row);
    if (result < 0) return std::nullopt;
    if (name == "umask") return result ? fmt::format("0{:o}", result) : "0";
    if (name == "fcntl" && call.int_at(1) == F_GETFL) return fmt::format("{:#x} (flags {})", result, file_flags(call, u64(result)));
    if (name == "fcntl" && call.int_at(1) == F_GETFD) return result == FD_CLOEXEC ? "0x1 (flags FD_CLOEXEC)" : fmt::format("{}", result);
    if (name == "select" || name == "pselect6") return select_outcome(call, result);
    if (name == "poll" || name == "ppoll") return poll_outcome(call, result);
    if (name == "shmat") return fmt::format("{:#x}", u64(result));
    return std::nullopt;
}

bool shown_as_before(const Syscall& row) {
    const std::string_view name = plain_name(row);
    return name == "select" || name == "pselect6" || name == "poll" || name == "ppoll";
}

} // namespace emu::linux_user

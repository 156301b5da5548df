// SPDX-License-Identifier: MIT
#include "linux_user/strace_structs.h"

#include "linux_user/strace_values.h"
#include "linux_user/thread.h"

#include <algorithm>
#include <arpa/inet.h>
#include <fcntl.h>
#include <fmt/format.h>
#include <net/if.h>
#include <netinet/in.h>
#include <poll.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/un.h>

namespace emu::linux_user {
namespace {

constexpr unsigned most_shown = 16; // elements of a list

struct Bit {
    u64 value;
    std::string_view name;
};
std::string bits(u64 value, std::span<const Bit> names) {
    std::string out;
    for (const Bit& bit : names) {
        if ((value & bit.value) != bit.value) continue;
        out += (out.empty() ? "" : "|") + std::string(bit.name);
        value &= ~bit.value;
    }
    if (value || out.empty()) out += fmt::format("{}{:#x}", out.empty() ? "" : "|", value);
    return out == "0x0" ? "0" : out;
}

// --- times --------------------------------------------------------------------------------------------------------------

template <int Count> std::optional<std::string> times(Call& call, u64 at, std::string_view fraction) {
    s64 words[2 * Count];
    if (!call.load_struct(Count == 2 ? (call.row.time64 ? "qnqn" : "4W") : call.time_format(), at, words)) return std::nullopt;
    auto one = [&](s64 seconds, s64 part) {
        if (call.row.host_number == SYS_utimensat && part == UTIME_NOW) return std::string("UTIME_NOW");
        if (call.row.host_number == SYS_utimensat && part == UTIME_OMIT) return std::string("UTIME_OMIT");
        return fmt::format("{{tv_sec={}, {}={}}}", seconds, fraction, part);
    };
    if constexpr (Count == 1) return one(words[0], words[1]);
    else return one(words[0], words[1]) + ", " + one(words[2], words[3]);
}
std::optional<std::string> timespec(Call& call, unsigned i, const s64*) { return times<1>(call, call.a[i], "tv_nsec"); }
std::optional<std::string> timeval(Call& call, unsigned i, const s64*) { return times<1>(call, call.a[i], "tv_usec"); }
std::optional<std::string> timespecs(Call& call, unsigned i, const s64*) {
    auto text = times<2>(call, call.a[i], "tv_nsec");
    return text ? std::optional("[" + *text + "]") : text;
}
std::optional<std::string> interval(Call& call, unsigned i, std::string_view fraction) {
    s64 words[4];
    if (!call.load_struct(call.row.time64 ? "qnqn" : "4W", call.a[i], words)) return std::nullopt;
    return fmt::format("{{it_interval={{tv_sec={}, {}={}}}, it_value={{tv_sec={}, {}={}}}}}", words[0], fraction, words[1], words[2], fraction, words[3]);
}
std::optional<std::string> itimerspec(Call& call, unsigned i, const s64*) { return interval(call, i, "tv_nsec"); }
std::optional<std::string> itimerval(Call& call, unsigned i, const s64*) { return interval(call, i, "tv_usec"); }

// --- files -----------------------------------------------------------------------------------------------------------------

std::optional<std::string> status(Call& call, unsigned i, const s64*) {
    if (!call.abi.stat) return std::nullopt;
    const StatLayout& at = *call.abi.stat;
    std::array<u8, 160> bytes{};
    if (at.size > bytes.size() || !call.copy_in(bytes.data(), call.a[i], at.size)) return std::nullopt;
    auto get = [&](FieldAt field) { return get_field(bytes, field, call.abi.model.order); };
    static constexpr Bit kinds[] = {{S_IFSOCK, "S_IFSOCK"}, {S_IFLNK, "S_IFLNK"}, {S_IFREG, "S_IFREG"}, {S_IFBLK, "S_IFBLK"},
                                    {S_IFDIR, "S_IFDIR"},   {S_IFCHR, "S_IFCHR"}, {S_IFIFO, "S_IFIFO"}};
    const u64 mode = get(at.mode);
    std::string kind = fmt::format("{:#o}", mode & S_IFMT);
    for (const Bit& each : kinds)
        if ((mode & S_IFMT) == each.value) kind = each.name;
    static constexpr Bit special[] = {{S_ISUID, "S_ISUID"}, {S_ISGID, "S_ISGID"}, {S_ISVTX, "S_ISVTX"}};
    if (mode & 07000) kind += "|" + bits(mode & 07000, special);
    std::string out = fmt::format("{{st_mode={}|0{:o}, ", kind, mode & 0777);
    const u64 device = get(at.rdev);
    if ((mode & S_IFMT) == S_IFCHR || (mode & S_IFMT) == S_IFBLK)
        return out + fmt::format("st_rdev=makedev({:#x}, {:#x}), ...}}", device >> 8 & 0xfff, (device & 0xff) | (device >> 12 & 0xfff00));
    return out + fmt::format("st_size={}, ...}}", s64(get(at.size_field)));
}

std::optional<std::string> pair_of_ints(Call& call, unsigned i, const s64*) {
    s32 ends[2];
    if (!call.load_struct("ii", call.a[i], ends)) return std::nullopt;
    return fmt::format("[{}, {}]", ends[0], ends[1]);
}

/// `left`: how much of them is filled.
std::optional<std::string> vector_list(Call& call, u64 at, u64 all, u64 left) {
    std::string out = "[";
    const u64 count = std::min<u64>(all, most_shown);
    for (u64 n = 0; n < count; n++) {
        u64 pair[2];
        if (!call.load_struct("ww", at + n * 2 * call.abi.model.word, pair)) return std::nullopt;
        const u64 filled = std::min(pair[1], left);
        left -= filled;
        std::string bytes(usize(std::min<u64>(filled, 33)), 0);
        if (!call.copy_in(bytes.data(), pair[0], bytes.size())) out += fmt::format("{}{{iov_base={:#x}, iov_len={}}}", n ? ", " : "", pair[0], pair[1]);
        else out += fmt::format("{}{{iov_base={}, iov_len={}}}", n ? ", " : "", strace_text(bytes, 32), pair[1]);
    }
    return out + (all > count ? ", ...]" : "]");
}
std::optional<std::string> vectors(Call& call, unsigned i, const s64*) { return vector_list(call, call.a[i], u32(call.a[i + 1]), ~u64(0)); }
std::optional<std::string> filled_vectors(Call& call, unsigned i, const s64* done) {
    return vector_list(call, call.a[i], u32(call.a[i + 1]), done ? u64(*done) : 0);
}

// --- waiting --------------------------------------------------------------------------------------------------------------

constexpr Bit poll_bits[] = {{POLLIN, "POLLIN"},         {POLLPRI, "POLLPRI"},       {POLLOUT, "POLLOUT"},       {POLLERR, "POLLERR"},
                             {POLLHUP, "POLLHUP"},       {POLLNVAL, "POLLNVAL"},     {POLLRDNORM, "POLLRDNORM"}, {POLLRDBAND, "POLLRDBAND"},
                             {POLLWRNORM, "POLLWRNORM"}, {POLLWRBAND, "POLLWRBAND"}, {POLLRDHUP, "POLLRDHUP"}};
std::optional<std::string> poll_set(Call& call, unsigned i, const s64*) {
    std::string out = "[";
    const u64 count = std::min<u64>(u32(call.a[i + 1]), most_shown);
    for (u64 n = 0; n < count; n++) {
        struct {
            s32 fd;
            u16 events, got;
        } each;
        if (!call.load_struct("ihh", call.a[i] + n * 8, each)) return std::nullopt;
        out += fmt::format("{}{{fd={}, events={}", n ? ", " : "", each.fd, bits(each.events, poll_bits));
        out += "}";
    }
    return out + (u32(call.a[i + 1]) > count ? ", ...]" : "]");
}

constexpr Bit epoll_bits[] = {{EPOLLIN, "EPOLLIN"},       {EPOLLPRI, "EPOLLPRI"},     {EPOLLOUT, "EPOLLOUT"},         {EPOLLERR, "EPOLLERR"},
                              {EPOLLHUP, "EPOLLHUP"},     {EPOLLRDNORM, "EPOLLRDNORM"}, {EPOLLWRNORM, "EPOLLWRNORM"}, {EPOLLRDHUP, "EPOLLRDHUP"},
                              {EPOLLEXCLUSIVE, "EPOLLEXCLUSIVE"}, {EPOLLWAKEUP, "EPOLLWAKEUP"}, {EPOLLONESHOT, "EPOLLONESHOT"}, {u32(EPOLLET), "EPOLLET"}};
std::optional<std::string> one_event(Call& call, u64 at) {
    const auto events = call.load<u32>(at);
    const auto data = call.load<u64>(at + (call.abi.packed_epoll ? 4 : 8));
    if (!events || !data) return std::nullopt;
    return fmt::format("{{events={}, data={{u32={}, u64={}}}}}", bits(*events, epoll_bits), u32(*data), *data);
}
std::optional<std::string> epoll_change(Call& call, unsigned i, const s64*) {
    return call.int_at(1) == EPOLL_CTL_DEL ? std::nullopt : one_event(call, call.a[i]);
}
std::optional<std::string> epoll_events(Call& call, unsigned i, const s64* done) {
    std::string out = "[";
    const s64 count = std::min<s64>(done ? *done : 0, most_shown);
    for (s64 n = 0; n < count; n++) {
        auto event = one_event(call, call.a[i] + u64(n) * (call.abi.packed_epoll ? 12 : 16));
        if (!event) return std::nullopt;
        out += (n ? ", " : "") + *event;
    }
    return out + (done && *done > count ? ", ...]" : "]");
}

// --- signals --------------------------------------------------------------------------------------------------------------

std::string set_of_signals(u64 set) {
    const bool inverted = __builtin_popcountll(set) > 32;
    std::string out = inverted ? "~[" : "[";
    for (int signal = 1; signal <= signal_count; signal++)
        if (bool(set & signal_bit(signal)) != inverted) out += (out.back() == '[' ? "" : " ") + signal_name(signal).substr(3);
    return out + "]";
}
std::optional<std::string> action(Call& call, unsigned i, const s64*) {
    struct {
        u64 handler, flags, restorer, mask;
    } a;
    if (!call.load_struct("wwwt", call.a[i], a)) return std::nullopt;
    static constexpr Bit names[] = {{0x04000000, "SA_RESTORER"}, {0x08000000, "SA_ONSTACK"}, {0x10000000, "SA_RESTART"}, {0x40000000, "SA_NODEFER"},
                                    {0x80000000, "SA_RESETHAND"}, {1, "SA_NOCLDSTOP"}, {2, "SA_NOCLDWAIT"}, {4, "SA_SIGINFO"}};
    const std::string handler = a.handler == 0 ? "SIG_DFL" : a.handler == 1 ? "SIG_IGN" : fmt::format("{:#x}", a.handler);
    std::string out = fmt::format("{{sa_handler={}, sa_mask={}, sa_flags={}", handler, set_of_signals(a.mask), bits(a.flags, names));
    if (a.flags & 0x04000000) out += fmt::format(", sa_restorer={:#x}", a.restorer);
    return out + "}";
}

std::optional<std::string> pending_set(Call& call, unsigned i, const s64*) {
    u64 set;
    if (!call.load_struct("t", call.a[i], set)) return std::nullopt;
    return set_of_signals(set);
}
std::optional<std::string> signal_stack(Call& call, unsigned i, const s64*) {
    struct {
        u64 base;
        u32 flags;
        u64 size;
    } s;
    if (!call.load_struct("wiw", call.a[i], s)) return std::nullopt;
    static constexpr Bit names[] = {{1, "SS_ONSTACK"}, {2, "SS_DISABLE"}, {0x80000000, "SS_AUTODISARM"}};
    return fmt::format("{{ss_sp={}, ss_flags={}, ss_size={}}}", s.base ? fmt::format("{:#x}", s.base) : "NULL", bits(s.flags, names), s.size);
}

// --- sockets -------------------------------------------------------------------------------------------------------------

std::optional<std::string> address(Call& call, u64 at, usize size) {
    std::array<u8, sizeof(sockaddr_storage)> bytes{};
    if (size < 2 || size > bytes.size() || !call.copy_in(bytes.data(), at, size)) return std::nullopt;
    char text[INET6_ADDRSTRLEN] = "";
    switch (load<u16>(bytes, 0, call.abi.model.order)) {
    case AF_UNIX: {
        std::string_view path(reinterpret_cast<const char*>(bytes.data()) + 2, size - 2);
        if (path.empty()) return "{sa_family=AF_UNIX}";
        const bool abstract = path[0] == 0;
        if (abstract) path.remove_prefix(1);
        else path = path.substr(0, path.find('\0'));
        return fmt::format("{{sa_family=AF_UNIX, sun_path={}{}}}", abstract ? "@" : "", strace_text(path, 108));
    }
    case AF_INET:
        ::inet_ntop(AF_INET, bytes.data() + 4, text, sizeof text);
        return fmt::format("{{sa_family=AF_INET, sin_port=htons({}), sin_addr=inet_addr(\"{}\")}}", be16(bytes, 2), text);
    case AF_INET6:
        ::inet_ntop(AF_INET6, bytes.data() + 8, text, sizeof text);
        return fmt::format("{{sa_family=AF_INET6, sin6_port=htons({}), sin6_flowinfo=htonl({}), inet_pton(AF_INET6, \"{}\", &sin6_addr), sin6_scope_id={}}}",
                           be16(bytes, 2), be32(bytes, 4), text, load<u32>(bytes, 24, call.abi.model.order));
    case AF_NETLINK:
        return fmt::format("{{sa_family=AF_NETLINK, nl_pid={}, nl_groups={:08x}}}", load<u32>(bytes, 4, call.abi.model.order),
                           load<u32>(bytes, 8, call.abi.model.order));
    default: return fmt::format("{{sa_family={:#x}, sa_data={}}}", load<u16>(bytes, 0, call.abi.model.order),
                                strace_text(std::string_view(reinterpret_cast<const char*>(bytes.data()) + 2, size - 2), 32));
    }
}
std::optional<std::string> address_in(Call& call, unsigned i, const s64*) { return address(call, call.a[i], usize(u32(call.a[i + 1]))); }
std::optional<std::string> address_out(Call& call, unsigned i, const s64*) {
    const auto size = call.load<u32>(call.a[i + 1]);
    return size ? address(call, call.a[i], *size) : std::nullopt;
}
std::optional<std::string> one_message(Call& call, u64 at, u64 filled) {
    struct {
        u64 name;
        u32 name_size;
        u64 vectors, count, control, control_size;
        u32 flags;
    } m;
    if (!call.load_struct("wiwwwwi", at, m)) return std::nullopt;
    const auto name = m.name ? address(call, m.name, m.name_size) : std::optional<std::string>("NULL");
    const auto list = vector_list(call, m.vectors, m.count, filled);
    static constexpr Bit names[] = {{MSG_OOB, "MSG_OOB"}, {MSG_CTRUNC, "MSG_CTRUNC"}, {MSG_TRUNC, "MSG_TRUNC"}, {MSG_EOR, "MSG_EOR"},
                                    {MSG_ERRQUEUE, "MSG_ERRQUEUE"}, {MSG_CMSG_CLOEXEC, "MSG_CMSG_CLOEXEC"}};
    std::string out = fmt::format("{{msg_name={}, msg_namelen={}, msg_iov={}, msg_iovlen={}", name ? *name : fmt::format("{:#x}", m.name), m.name_size,
                                  list ? *list : fmt::format("{:#x}", m.vectors), m.count);
    if (m.control && m.control_size) out += fmt::format(", msg_control={:#x}", m.control);
    return out + fmt::format(", msg_controllen={}, msg_flags={}}}", m.control_size, bits(m.flags, names));
}
std::optional<std::string> message_in(Call& call, unsigned i, const s64*) { return one_message(call, call.a[i], ~u64(0)); }
std::optional<std::string> message_out(Call& call, unsigned i, const s64* done) { return one_message(call, call.a[i], done ? u64(*done) : 0); }
std::optional<std::string> length(Call& call, unsigned i, const s64*) {
    const auto size = call.load<u32>(call.a[i]);
    return size ? std::optional(fmt::format("[{}]", *size)) : std::nullopt;
}

// --- others --------------------------------------------------------------------------------------------------------------

template <bool Wide> std::optional<std::string> limits(Call& call, unsigned i, const s64*) {
    u64 pair[2];
    if (!call.load_struct(Wide ? "qq" : "ww", call.a[i], pair)) return std::nullopt;
    const u64 infinity = !Wide && call.abi.model.word == 4 ? 0xffffffff : ~u64(0);
    auto one = [&](u64 value) {
        if (value == infinity) return std::string("RLIM64_INFINITY");
        return value > 1024 && value % 1024 == 0 ? fmt::format("{}*1024", value / 1024) : std::to_string(value);
    };
    return fmt::format("{{rlim_cur={}, rlim_max={}}}", one(pair[0]), one(pair[1]));
}
std::optional<std::string> names(Call& call, unsigned i, const s64*) {
    char text[2 * 65];
    if (!call.copy_in(text, call.a[i], sizeof text)) return std::nullopt;
    text[64] = text[129] = 0;
    return fmt::format("{{sysname=\"{}\", nodename=\"{}\", ...}}", text, text + 65);
}
std::optional<std::string> usage(Call& call, unsigned i, const s64*) {
    s64 words[18];
    if (!call.load_struct("18W", call.a[i], words)) return std::nullopt;
    return fmt::format("{{ru_utime={{tv_sec={}, tv_usec={}}}, ru_stime={{tv_sec={}, tv_usec={}}}, ...}}", words[0], words[1], words[2], words[3]);
}
/// clone3's arguments.
std::optional<std::string> clone_arguments(Call& call, unsigned i, const s64*) {
    u64 a[8];
    if (!call.load_struct("8q", call.a[i], a)) return std::nullopt;
    return fmt::format("{{flags={:#x}, child_tid={:#x}, parent_tid={:#x}, exit_signal={}, stack={:#x}, stack_size={:#x}, tls={:#x}}}", a[0], a[2], a[3], a[4], a[5], a[6], a[7]);
}

std::optional<std::string> string_list(Call& call, unsigned i, const s64*) {
    std::string out = "[";
    u64 at = call.a[i];
    for (unsigned n = 0;; n++, at += call.abi.model.word) {
        const auto each = call.load_word(at);
        if (!each) return std::nullopt;
        if (!*each) return out + "]";
        if (n == 32) return out + ", ...]";
        std::string string;
        out += n ? ", " : "";
        out += call.load_string(*each, string) ? fmt::format("{:#x}", *each) : strace_text(string, string.size());
    }
}
std::optional<std::string> count_of_strings(Call& call, unsigned i, const s64*) {
    unsigned count = 0;
    for (u64 at = call.a[i];; at += call.abi.model.word, count++) {
        const auto each = call.load_word(at);
        if (!each) return std::nullopt;
        if (!*each) break;
    }
    return fmt::format("{:#x} /* {} var{} */", call.a[i], count, count == 1 ? "" : "s");
}

/// Which argument of which call; `output`: there is something to see only after the call has succeeded.
struct Row {
    std::string_view call;
    u8 index;
    bool output;
    std::optional<std::string> (*show)(Call& call, unsigned index, const s64* done);
};
// clang-format off
constexpr Row rows[] = {
    {"nanosleep", 0, false, timespec}, {"clock_nanosleep", 2, false, timespec}, {"ppoll", 2, false, timespec}, {"pselect6", 4, false, timespec},
    {"clock_gettime", 1, true, timespec}, {"clock_getres", 1, true, timespec}, {"clock_settime", 1, false, timespec},
    {"rt_sigtimedwait", 2, false, timespec}, {"futex", 3, false, timespec}, {"select", 4, false, timeval}, {"gettimeofday", 0, true, timeval},
    {"utimensat", 2, false, timespecs}, {"timerfd_settime", 2, false, itimerspec}, {"timerfd_settime", 3, true, itimerspec},
    {"timerfd_gettime", 1, true, itimerspec}, {"timer_settime", 2, false, itimerspec}, {"timer_settime", 3, true, itimerspec}, {"timer_gettime", 1, true, itimerspec},
    {"setitimer", 1, false, itimerval}, {"setitimer", 2, true, itimerval}, {"getitimer", 1, true, itimerval},
    {"fstat", 1, true, status}, {"stat", 1, true, status}, {"lstat", 1, true, status}, {"newfstatat", 2, true, status},
    {"pipe", 0, true, pair_of_ints}, {"pipe2", 0, true, pair_of_ints}, {"socketpair", 3, true, pair_of_ints},
    {"readv", 1, true, filled_vectors}, {"writev", 1, false, vectors}, {"preadv", 1, true, filled_vectors}, {"pwritev", 1, false, vectors},
    {"sendmsg", 1, false, message_in}, {"recvmsg", 1, true, message_out}, {"getrusage", 1, true, usage}, {"wait4", 3, true, usage},
    {"rt_sigpending", 0, true, pending_set}, {"sigaltstack", 0, false, signal_stack}, {"sigaltstack", 1, true, signal_stack},
    {"settimeofday", 0, false, timeval},
    {"poll", 0, false, poll_set}, {"ppoll", 0, false, poll_set},
    {"epoll_ctl", 3, false, epoll_change}, {"epoll_wait", 1, true, epoll_events}, {"epoll_pwait", 1, true, epoll_events}, {"epoll_pwait2", 1, true, epoll_events},
    {"rt_sigaction", 1, false, action}, {"rt_sigaction", 2, true, action},
    {"bind", 1, false, address_in}, {"connect", 1, false, address_in}, {"sendto", 4, false, address_in},
    {"accept", 1, true, address_out}, {"accept4", 1, true, address_out}, {"getsockname", 1, true, address_out}, {"getpeername", 1, true, address_out},
    {"recvfrom", 4, true, address_out}, {"accept", 2, true, length}, {"accept4", 2, true, length}, {"getsockname", 2, true, length},
    {"getpeername", 2, false, length}, {"recvfrom", 5, true, length}, {"getsockopt", 4, true, length},
    {"prlimit64", 2, false, limits<true>}, {"prlimit64", 3, true, limits<true>}, {"getrlimit", 1, true, limits<false>}, {"setrlimit", 1, false, limits<false>},
    {"execve", 1, false, string_list}, {"execve", 2, false, count_of_strings}, {"execveat", 2, false, string_list}, {"execveat", 3, false, count_of_strings},
    {"uname", 0, true, names}, {"clone3", 0, false, clone_arguments},
};
// clang-format on

/// The fourth argument of futex is a time for operations that wait, and a number for the others.
bool fits(const Row& row, const Call& call) {
    if (row.show != timespec || row.call != "futex") return true;
    const int operation = call.int_at(1) & 0x7f;
    return operation == 0 || operation == 6 || operation == 9 || operation == 11 || operation == 13;
}

} // namespace

std::optional<std::string> strace_struct(Call& call, unsigned index, const s64* done) {
    const std::string_view name = plain_name(call.row);
    for (const Row& row : rows) {
        if (row.index != index || row.call != name) continue;
        if (call.a[index] == 0) return "NULL";
        if (!fits(row, call) || (row.output && (!done || *done < 0))) return std::nullopt;
        return row.show(call, index, done);
    }
    return std::nullopt;
}

} // namespace emu::linux_user

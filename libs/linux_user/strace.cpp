// SPDX-License-Identifier: MIT
#include "linux_user/strace.h"

#include "common/log.h"
#include "linux_user/ioctls.h"
#include "linux_user/process.h"
#include "linux_user/strace_structs.h"
#include "linux_user/strace_values.h"
#include "linux_user/thread.h"

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <fcntl.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

namespace emu::linux_user {
namespace {

constexpr usize longest_text = 32;

std::string pointer(u64 value) { return value ? fmt::format("{:#x}", value) : "NULL"; }

std::string text(Call& call, u64 at) {
    if (!at) return "NULL";
    std::string string;
    s64 result = call.load_string(at, string);
    return result == -EFAULT ? pointer(at) : strace_text(string, string.size()) + (result < 0 ? "..." : "");
}

std::string buffer(Call& call, u64 at, u64 size) {
    if (!at) return "NULL";
    std::string bytes(usize(std::min<u64>(size, longest_text + 1)), 0);
    if (!call.copy_in(bytes.data(), at, bytes.size())) return pointer(at);
    return strace_text(bytes, longest_text);
}

/// Of pipe2, dup3 and signalfd4: there is no access mode.
std::string descriptor_flags(Call& call, u64 value) {
    const u32 host = flags_to_host(call.abi.open_flags, u32(value)), known = O_CLOEXEC | O_NONBLOCK | O_DIRECT;
    const std::string_view prefix = call.row.host_number == SYS_signalfd4 ? "SFD" : "O";
    std::string out;
    for (auto [bit, name] : {std::pair(O_NONBLOCK, "NONBLOCK"), std::pair(O_DIRECT, "DIRECT"), std::pair(O_CLOEXEC, "CLOEXEC")})
        if (host & u32(bit)) out += fmt::format("{}{}_{}", out.empty() ? "" : "|", prefix, name);
    if (host & ~known) out += fmt::format("{}{:#x}", out.empty() ? "" : "|", host & ~known);
    return out.empty() ? "0" : out;
}

std::string choice(const ArgKind& kind, u64 value) {
    for (const FlagName* name = kind.names; !name->name.empty(); name++)
        if (name->value == u32(value)) return std::string(name->name);
    return fmt::format("{:#x}", u32(value));
}

std::string structure(Call& call, const ArgKind& kind, u64 at) {
    if (!at) return "NULL";
    alignas(8) std::array<u8, 512> bytes;
    if (!call.load_struct(kind.format, at, Bytes(bytes))) return pointer(at);
    std::string out = "{";
    usize size = struct_size(kind.format, host_model);
    bool words = kind.format.find('i') == kind.format.npos;
    for (usize i = 0; i < size; i += words ? 8 : 4) {
        out += i ? ", " : "";
        out += words ? std::to_string(s64(le64(bytes, i))) : std::to_string(s32(le32(bytes, i)));
    }
    return out + "}";
}

std::string mask(Call& call, u64 at) {
    auto set = at ? call.load<u64>(at) : std::nullopt;
    if (!set) return pointer(at);
    bool inverted = __builtin_popcountll(*set) > 32;
    std::string out = inverted ? "~[" : "[";
    bool first = true;
    for (int signal = 1; signal <= signal_count; signal++) {
        if (bool(*set & signal_bit(signal)) == inverted) continue;
        out += (first ? "" : " ") + signal_name(signal).substr(3);
        first = false;
    }
    return out + "]";
}

std::string wait_status(Call& call, u64 at) {
    auto status = at ? call.load<u32>(at) : std::nullopt;
    if (!status) return pointer(at);
    int s = int(*status);
    if (WIFEXITED(s)) return fmt::format("[{{WIFEXITED(s) && WEXITSTATUS(s) == {}}}]", WEXITSTATUS(s));
    if (WIFSIGNALED(s)) return fmt::format("[{{WIFSIGNALED(s) && WTERMSIG(s) == {}}}]", signal_name(WTERMSIG(s)));
    return fmt::format("[{:#x}]", s);
}

bool is_output(ArgClass cls) {
    return cls == ArgClass::out_next || cls == ArgClass::struct_out || cls == ArgClass::out || cls == ArgClass::out_prev;
}

/// `done`: the call is over with this result, and what it wrote can be shown.
std::string argument(Call& call, unsigned i, const s64* done) {
    const ArgKind& kind = arg_kind(call.row.arguments[i]);
    u64 value = call.a[i];
    if (auto text = strace_dependent(call, i, done)) return *text;
    if (auto text = strace_struct(call, i, done)) return *text;
    if (is_output(kind.cls) && (!done || *done < 0)) return pointer(value);
    switch (kind.show) {
    case Show::number: return kind.cls == ArgClass::int32 ? std::to_string(s32(u32(value))) : std::to_string(s64(value));
    case Show::hex: return fmt::format("{:#x}", value);
    case Show::octal: return fmt::format("0{:o}", u32(value));
    case Show::pointer: return pointer(value);
    case Show::fd: return std::to_string(s32(u32(value)));
    case Show::at_fd: return s32(u32(value)) == AT_FDCWD ? "AT_FDCWD" : std::to_string(s32(u32(value)));
    case Show::size: return std::to_string(value);
    case Show::text: return text(call, value);
    case Show::buffer: return buffer(call, value, done && is_output(kind.cls) ? u64(*done) : call.a[i + 1]);
    case Show::structure: return structure(call, kind, value);
    case Show::flags:
        if (kind.name == "pipe_flags") return descriptor_flags(call, value);
        return kind.name == "open_flags" ? open_flag_names(flags_to_host(call.abi.open_flags, u32(value))) : flag_names(kind.names, value);
    case Show::choice:
        if (kind.name == "ioctl_cmd")
            if (const IoctlRow* row = find_ioctl(u32(value), call.abi.model)) return std::string(row->name);
        return choice(kind, value);
    case Show::signal: return signal_name(s32(u32(value)));
    case Show::mask: return mask(call, value);
    case Show::wait_status: return wait_status(call, value);
    }
    return {};
}

std::string arguments(Call& call, const s64* done) {
    std::string out;
    for (unsigned i = 0; i < most_arguments && call.row.arguments[i]; i++) {
        if (argument_is_unused(call, i)) continue;
        out += (i ? ", " : "") + argument(call, i, done);
    }
    return out;
}

void line(Thread& thread, const std::string& what) { log::print("{} {}", thread.tid, what); }

thread_local std::string before; ///< the arguments as they were

/// Calls after which this program may not be there any more.
bool shown_first(const Syscall& row) {
    return row.handler == sys_execve || row.handler == sys_execveat || row.handler == sys_exit ||
           row.handler == sys_exit_group || row.handler == sys_rt_sigreturn;
}

} // namespace

bool strace_enabled() { return log::enabled(log::Item::strace); }

std::string strace_arguments(Call& call) { return arguments(call, nullptr); }

std::string strace_result(const Syscall& row, s64 result) {
    if (result == interrupted) return "? ERESTARTSYS (To be restarted)";
    if (result == registers_set) return "?";
    if (result < 0 && result > -4096) {
        const char* name = ::strerrorname_np(int(-result));
        return fmt::format("-1 {} ({})", name ? name : std::to_string(-result), ::strerror(int(-result)));
    }
    bool address = row.handler == sys_mmap || row.handler == sys_brk || row.handler == sys_mremap || row.handler == sys_shmat;
    return address ? fmt::format("{:#x}", u64(result)) : std::to_string(result);
}

void strace_enter(Call& call) {
    if (shown_as_before(call.row)) before = arguments(call, nullptr);
    if (shown_first(call.row)) line(call.thread, fmt::format("{}({}) = ?", call.row.name, arguments(call, nullptr)));
}

void strace_leave(Call& call, s64 result) {
    if (shown_first(call.row) && result >= 0) return;
    if (shown_first(call.row) && result == registers_set) return;
    if (result == registers_set && (call.row.host_number == SYS_fork || call.row.host_number == SYS_clone || call.row.host_number == SYS_vfork))
        return; // the child's side; it is the parent's call
    const std::string list = shown_as_before(call.row) && result != interrupted ? before : arguments(call, &result);
    line(call.thread, fmt::format("{}({}) = {}", call.row.name, list, strace_outcome(call, result).value_or(strace_result(call.row, result))));
}

void strace_refused(Thread& thread, u64 number, const Syscall* row, const u64 (&arguments)[6]) {
    if (!strace_enabled()) return;
    std::string list;
    for (u64 each : arguments) list += (list.empty() ? "" : ", ") + fmt::format("{:#x}", each);
    std::string name = row ? std::string(row->name) : fmt::format("syscall_{}", number);
    s64 result = row ? -row->refused : -ENOSYS;
    line(thread, fmt::format("{}({}) = {}", name, list, strace_result(syscall_row(Sys::read), result)));
}

void strace_signal(Thread& thread, const SignalInfo& info) {
    if (!strace_enabled()) return;
    std::string more;
    if (info.si_code > 0 && info.si_code < 0x80 && (info.si_signo == SIGSEGV || info.si_signo == SIGBUS || info.si_signo == SIGILL || info.si_signo == SIGFPE || info.si_signo == SIGTRAP))
        more = fmt::format(", si_addr={:#x}", u64(info.si_addr));
    else if (info.si_code <= 0)
        more = fmt::format(", si_pid={}, si_uid={}", info.si_pid, info.si_uid);
    line(thread, fmt::format("--- {} {{si_signo={}, si_code={}{}}} ---", signal_name(info.si_signo),
                             signal_name(info.si_signo), info.si_code, more));
}

} // namespace emu::linux_user

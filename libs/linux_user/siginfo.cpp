// SPDX-License-Identifier: MIT
#include "linux_user/siginfo.h"

#include <algorithm>
#include <cstring>

namespace emu::linux_user {
namespace {

/// The members of the union by kind, as layout.h describes structures.
std::string_view union_format(int signal, int code) {
    constexpr std::string_view kill = "ii", timer = "iiw", queue = "iiw", child = "iiiww", fault = "whiww", poll = "wi", call = "wii";
    if (code == SI_TIMER) return timer;
    if (code == SI_SIGIO) return poll;
    if (code == SI_USER || code == SI_TKILL || code == SI_KERNEL) return kill;
    if (code < 0) return queue;
    switch (signal) {
    case SIGILL:
    case SIGFPE:
    case SIGSEGV:
    case SIGBUS:
    case SIGTRAP: return fault;
    case SIGCHLD: return child;
    case SIGPOLL: return poll;
    case SIGSYS: return call;
    default: return queue;
    }
}

/// An address that the kernel gives with a fault is there with SI_KERNEL too.
std::string_view union_format(const SignalInfo& info) {
    if (info.si_code == SI_KERNEL && (info.si_signo == SIGSEGV || info.si_signo == SIGBUS || info.si_signo == SIGTRAP)) return "w";
    return union_format(info.si_signo, info.si_code);
}

constexpr usize union_at(const DataModel& model) { return model.word == 8 ? 16 : 12; }
constexpr usize largest_union = 112;

} // namespace

void put_siginfo(Bytes to, const SignalInfo& info, const DataModel& model) {
    const auto* host = reinterpret_cast<const u8*>(&info);
    std::fill(to.begin(), to.end(), u8(0));
    if (model == host_model) {
        std::memcpy(to.data(), host, siginfo_size);
        return;
    }
    convert_struct("3i", {host, 12}, host_model, to.first(12), model);
    convert_struct(union_format(info), {host + union_at(host_model), largest_union}, host_model, to.subspan(union_at(model)), model);
}

SignalInfo get_siginfo(ConstBytes from, const DataModel& model) {
    SignalInfo info{};
    auto* host = reinterpret_cast<u8*>(&info);
    if (model == host_model) {
        std::memcpy(host, from.data(), siginfo_size);
        return info;
    }
    convert_struct("3i", from.first(12), model, {host, 12}, host_model);
    convert_struct(union_format(info), from.subspan(union_at(model)), model, {host + union_at(host_model), largest_union}, host_model);
    return info;
}

} // namespace emu::linux_user

// SPDX-License-Identifier: MIT
// The vsyscall page (arch/x86/entry/vsyscall): gettimeofday, time and getcpu at fixed addresses that no memory is at. They can
// only be executed, and only from their first byte on, as with vsyscall=xonly.
#include "isa/x86/x86.h"
#include "linux_user/abi/x86_64/abi.h"
#include "linux_user/process.h"
#include "linux_user/thread.h"

#include <cerrno>

namespace emu::linux_user::x86_64 {
namespace {

constexpr u64 page = 0xffffffffff600000;
struct Entry {
    u64 at;
    Sys id;
};
constexpr Entry entries[] = {{page, Sys::gettimeofday}, {page + 0x400, Sys::time}, {page + 0x800, Sys::getcpu}};

} // namespace

bool vsyscall(Thread& thread, u64 pc) {
    using namespace isa::x86;
    State& state = static_cast<State&>(thread.state());
    Process& process = thread.process();
    for (const Entry& entry : entries) {
        if (entry.at != pc) continue;
        Call call{thread, process, process.abi(), process.space(), syscall_row(entry.id), {}};
        auto back = call.load<u64>(state.gpr[rsp]);
        const s64 result = back ? call.as(entry.id, {state.gpr[rdi], state.gpr[rsi], state.gpr[rdx]}) : -EFAULT;
        if (result == -EFAULT) return false; // a fault of the caller's
        state.gpr[rax] = u64(result);
        state.gpr[rsp] += 8;
        state.pc = *back;
        return true;
    }
    return false;
}

} // namespace emu::linux_user::x86_64

// SPDX-License-Identifier: MIT
#include "linux_user/guest_log.h"

#include "isa/debug_text.h"
#include "linux_user/process.h"
#include "linux_user/thread.h"

namespace emu::linux_user {
namespace {

using log::Item;

u64 pc_of(Thread& thread) { return thread.state().pc & thread.process().abi().isa->pc_mask; }

/// Why an instruction does not complete, with its value where that tells something.
struct FaultText {
    isa::Trap trap;
    std::string_view text;
};
constexpr FaultText fault_texts[] = {
    {isa::Trap::undefined, "undefined instruction {:#x}"},
    {isa::Trap::fetch_fault, "no code to execute at {:#x}"},
    {isa::Trap::load_fault, "load from {:#x} is refused"},
    {isa::Trap::store_fault, "store to {:#x} is refused"},
    {isa::Trap::misaligned, "misaligned access to {:#x}"},
    {isa::Trap::divide_error, "division by zero, or its result does not fit"},
    {isa::Trap::fp_error, "floating-point exception {:#x}"},
};

std::string fault_text(const cpu::Stop& stop) {
    for (const FaultText& row : fault_texts)
        if (row.trap == stop.trap) return fmt::format(fmt::runtime(row.text), stop.value);
    return fmt::format("exception {}, value {:#x}", u32(stop.trap), stop.value);
}

} // namespace

void log_reset(Thread& thread) {
    const isa::DebugView* view = thread.process().abi().debug;
    if (!view || !log::enabled(Item::cpu_reset)) return;
    log::write(fmt::format("CPU Reset {}:\n", thread.tid) +
               isa::registers_text(isa::RegisterFile(*view, Endian::little), thread.state(), log::enabled(Item::fpu)));
}

void log_fault(Thread& thread, const cpu::Stop& stop, const SignalInfo& info) {
    // Breakpoints are what debuggers and runtimes put there.
    if (log::enabled(Item::guest_errors) && info.si_signo != SIGTRAP)
        log::print("Guest error {}: {} at pc {:#x}", thread.tid, fault_text(stop), pc_of(thread));
    if (log::enabled(Item::interrupt))
        log::print("Fault {}: {} code {} address {:#x} pc {:#x}", thread.tid, signal_name(info.si_signo), info.si_code, u64(info.si_addr),
                   pc_of(thread));
}

void log_signal(Thread& thread, const SignalInfo& info, const SignalAction& action) {
    if (!log::enabled(Item::interrupt)) return;
    const std::string what = action.handler == handler_ignore    ? "ignored"
                             : action.handler == handler_default ? "default action"
                                                                 : fmt::format("handler {:#x}", action.handler);
    log::print("Signal {}: {} code {} pc {:#x}, {}", thread.tid, signal_name(info.si_signo), info.si_code, pc_of(thread), what);
}

void log_bad_frame(Thread& thread, int signal, u64 stack_pointer) {
    if (log::enabled(Item::guest_errors))
        log::print("Guest error {}: no memory below {:#x} for the frame of {} at pc {:#x}", thread.tid, stack_pointer,
                   signal_name(signal), pc_of(thread));
}

void log_bad_return(Thread& thread) {
    if (log::enabled(Item::guest_errors))
        log::print("Guest error {}: sigreturn finds no signal frame at {:#x}", thread.tid,
                   thread.process().abi().stack_pointer(thread.state()));
}

} // namespace emu::linux_user

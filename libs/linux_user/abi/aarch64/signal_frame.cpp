// SPDX-License-Identifier: MIT
// struct rt_sigframe of arm64 (arch/arm64/kernel/signal.c, uapi/asm/sigcontext.h): siginfo, ucontext with the general
// registers, then records with a magic number and a size each, ended by an empty one. Above it a frame record (x29, x30),
// so that backtraces go on through the handler.
#include "isa/a64/a64.h"
#include "linux_user/abi/aarch64/abi.h"
#include "linux_user/address_space.h"
#include "linux_user/host_asm.h"

#include <array>
#include <cstring>

namespace emu::linux_user::aarch64 {
namespace {

using isa::a64::State;

// Offsets in the frame.
constexpr usize info_at = 0, info_size = 128;
constexpr usize ucontext_at = 128;
constexpr usize stack_at = ucontext_at + 16, mask_at = ucontext_at + 40;
constexpr usize context_at = ucontext_at + 176; ///< struct sigcontext, aligned to 16
constexpr usize fault_at = context_at, x_at = context_at + 8, sp_at = context_at + 256, pc_at = context_at + 264;
constexpr usize pstate_at = context_at + 272, reserved_at = context_at + 288, reserved_size = 4096;
constexpr usize frame_size = reserved_at + reserved_size;
static_assert(frame_size == 4688 && frame_size % 16 == 0);

constexpr u32 fpsimd_magic = 0x46508001, fpsimd_size = 528;
constexpr u32 esr_magic = 0x45535201, esr_size = 16;
constexpr usize record_size = 16; ///< the frame record

using Frame = std::array<u8, frame_size>;

/// ESR_EL1 as the kernel reports it for a data or instruction abort, or an undefined instruction.
u64 syndrome(const FrameRequest& request) {
    constexpr u64 instruction_length = u64(1) << 25, from_lower_level = 0x24;
    if (request.signal != SIGSEGV && request.signal != SIGBUS) return 0;
    u64 status = request.info.si_code == SEGV_ACCERR ? 0x0f : 0x07; // permission or translation fault, level 3
    return from_lower_level << 26 | instruction_length | status;
}

void put_fpsimd(Frame& frame, usize at, const State& state) {
    put_le32(frame, at, fpsimd_magic);
    put_le32(frame, at + 4, fpsimd_size);
    put_le32(frame, at + 8, isa::a64::read_fpsr(state));
    put_le32(frame, at + 12, state.fpcr);
    std::memcpy(frame.data() + at + 16, state.v, sizeof state.v);
}

void put_context(Frame& frame, const State& state, const FrameRequest& request) {
    bool fault = request.is_fault();
    put_le64(frame, fault_at, fault ? u64(request.info.si_addr) : 0);
    for (unsigned i = 0; i < 31; i++) put_le64(frame, x_at + 8 * i, state.x[i]);
    put_le64(frame, sp_at, state.sp);
    put_le64(frame, pc_at, state.pc);
    put_le64(frame, pstate_at, isa::a64::nzcv_from_token(state.nzcv));
    usize at = reserved_at;
    put_fpsimd(frame, at, state);
    at += fpsimd_size;
    if (fault) {
        put_le32(frame, at, esr_magic);
        put_le32(frame, at + 4, esr_size);
        put_le64(frame, at + 8, syndrome(request));
    }
    // The record that ends the list is the zeros that are there.
}

} // namespace

bool push_frame(ir::StateHeader& header, AddressSpace& space, const FrameRequest& request) {
    auto& state = static_cast<State&>(header);
    Frame frame{};
    std::memcpy(frame.data() + info_at, &request.info, info_size);
    put_le64(frame, stack_at, request.alt_stack.base);
    put_le32(frame, stack_at + 8, request.alt_stack.on(state.sp) ? u32(SS_ONSTACK) : request.alt_stack.flags);
    put_le64(frame, stack_at + 16, request.alt_stack.size);
    put_le64(frame, mask_at, request.saved_mask);
    put_context(frame, state, request);

    u64 record_at = (request.stack_pointer - record_size) & ~u64(15), at = record_at - frame_size;
    std::array<u8, record_size> record;
    put_le64(record, 0, state.x[29]);
    put_le64(record, 8, state.x[30]);
    if (request.stack_pointer < frame_size + 32 || !space.contains(at, frame_size + record_size)) return false;
    if (host::safe_copy(space.host(at), frame.data(), frame_size)) return false;
    if (host::safe_copy(space.host(record_at), record.data(), record_size)) return false;

    state.x[0] = u64(request.signal);
    if (request.action.flags & SA_SIGINFO) {
        state.x[1] = at + info_at;
        state.x[2] = at + ucontext_at;
    }
    state.sp = at;
    state.x[29] = record_at;
    constexpr u64 sa_restorer = 0x04000000;
    state.x[30] = request.action.flags & sa_restorer ? request.action.restorer : request.return_address;
    state.pc = request.action.handler;
    state.monitor_address = isa::a64::no_monitor;
    return true;
}

namespace {

/// Read the FP registers back from their record; false where the list is broken or lacks it.
bool restore_records(const Frame& frame, State& state) {
    bool found = false;
    for (usize at = reserved_at; at + 8 <= frame_size;) {
        u32 magic = le32(frame, at), size = le32(frame, at + 4);
        if (magic == 0 && size == 0) return found;
        if (size < 8 || size % 16 || size > frame_size - at) return false;
        if (magic == fpsimd_magic) {
            if (found || size < fpsimd_size) return false;
            found = true;
            isa::a64::write_fpcr(state, le32(frame, at + 12));
            isa::a64::write_fpsr(state, le32(frame, at + 8));
            std::memcpy(state.v, frame.data() + at + 16, sizeof state.v);
        }
        at += size;
    }
    return false;
}

} // namespace

bool pop_frame(ir::StateHeader& header, AddressSpace& space, FrameRestore& restore) {
    auto& state = static_cast<State&>(header);
    Frame frame;
    if (state.sp % 16 || !space.contains(state.sp, frame_size)) return false;
    if (host::safe_copy(frame.data(), space.host(state.sp), frame_size)) return false;
    if (!restore_records(frame, state)) return false;
    for (unsigned i = 0; i < 31; i++) state.x[i] = le64(frame, x_at + 8 * i);
    state.sp = le64(frame, sp_at);
    state.pc = le64(frame, pc_at);
    state.nzcv = isa::a64::token_from_nzcv(u32(le64(frame, pstate_at)));
    state.monitor_address = isa::a64::no_monitor;
    restore.mask = le64(frame, mask_at);
    restore.alt_stack = {le64(frame, stack_at), le64(frame, stack_at + 16), le32(frame, stack_at + 8) & ~u32(SS_ONSTACK)};
    return true;
}

} // namespace emu::linux_user::aarch64

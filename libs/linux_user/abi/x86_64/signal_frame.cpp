// SPDX-License-Identifier: MIT
// struct rt_sigframe of x86-64 (arch/x86/include/asm/sigframe.h, uapi/asm/sigcontext.h): return address, ucontext, siginfo; the
// FP state is an XSAVE image in a place of its own above, found through the context's pointer.
#include "linux_user/abi/x86_64/abi.h"
#include "linux_user/abi/x86_64/fp_image.h"
#include "linux_user/host_asm.h"

#include <array>
#include <cstring>

namespace emu::linux_user::x86_64 {
namespace {

using namespace isa::x86;

constexpr usize ucontext_at = 8, stack_at = ucontext_at + 16, context_at = ucontext_at + 40, mask_at = ucontext_at + 296;
constexpr usize info_at = 312, info_size = 128, frame_size = 440;
// In struct sigcontext: sixteen registers in this order, then rip.
constexpr Gpr context_order[] = {r8, r9, r10, r11, r12, r13, r14, r15, rdi, rsi, rbp, rbx, rdx, rax, rcx, rsp};
constexpr usize rip_at = context_at + 128, flags_at = context_at + 136, segments_at = context_at + 144, error_at = context_at + 152;
constexpr usize trap_at = context_at + 160, old_mask_at = context_at + 168, cr2_at = context_at + 176, fpstate_at = context_at + 184;
constexpr u64 uc_fp_xstate = 1, uc_sigcontext_ss = 2, uc_strict_restore_ss = 4;
constexpr usize red_zone = 128;

using Frame = std::array<u8, frame_size>;

void put_context(Frame& frame, const State& state, const FrameRequest& request) {
    usize at = context_at;
    for (Gpr r : context_order) put_le64(frame, at, state.gpr[r]), at += 8;
    put_le64(frame, rip_at, state.pc);
    put_le64(frame, flags_at, read_eflags(state));
    put_le16(frame, segments_at, state.selector[cs]);
    put_le16(frame, segments_at + 2, state.selector[gs]);
    put_le16(frame, segments_at + 4, state.selector[fs]);
    put_le16(frame, segments_at + 6, state.selector[ss]);
    put_le64(frame, old_mask_at, request.saved_mask);
    const FaultWords fault = fault_words(request);
    put_le64(frame, error_at, fault.error);
    put_le64(frame, trap_at, fault.vector);
    put_le64(frame, cr2_at, fault.address);
}

} // namespace

bool push_frame(ir::StateHeader& header, AddressSpace& space, const FrameRequest& request) {
    auto& state = static_cast<State&>(header);
    Image image{};
    put_image(image, state, true);
    Frame frame{};
    constexpr u64 sa_restorer = 0x04000000;
    put_le64(frame, 0, request.action.flags & sa_restorer ? request.action.restorer : request.return_address);
    put_le64(frame, ucontext_at, (has_avx(state) ? uc_fp_xstate : 0) | uc_sigcontext_ss | uc_strict_restore_ss);
    put_le64(frame, stack_at, request.alt_stack.base);
    put_le32(frame, stack_at + 8, request.alt_stack.on(state.gpr[rsp]) ? u32(SS_ONSTACK) : request.alt_stack.flags);
    put_le64(frame, stack_at + 16, request.alt_stack.size);
    put_le64(frame, mask_at, request.saved_mask);
    std::memcpy(frame.data() + info_at, &request.info, info_size);
    put_context(frame, state, request);

    u64 top = request.stack_pointer;
    if (top == state.gpr[rsp]) top -= red_zone;
    const usize image_length = image_bytes(state);
    if (top < frame_size + image_length + 256) return false;
    const u64 image_at = (top - image_length) & ~u64(63), at = ((image_at - frame_size) & ~u64(15)) - 8;
    put_le64(frame, fpstate_at, image_at);
    if (!space.contains(at, top - at)) return false;
    if (host::safe_copy(space.host(at), frame.data(), frame_size)) return false;
    if (host::safe_copy(space.host(image_at), image.data(), image_length)) return false;

    state.gpr[rdi] = u64(request.signal);
    state.gpr[rsi] = at + info_at;
    state.gpr[rdx] = at + ucontext_at;
    state.gpr[rax] = 0;
    state.gpr[rsp] = at;
    state.pc = request.action.handler;
    state.selector[cs] = 0x33;
    write_eflags(state, read_eflags(state) & ~(eflags::df | eflags::tf));
    return true;
}

namespace {

bool restore_image(AddressSpace& space, u64 at, State& state) {
    if (!at) {
        initial_image(state, true);
        return true;
    }
    Image image{};
    const usize size = image_bytes(state);
    if (!space.contains(at, size) || host::safe_copy(image.data(), space.host(at), size)) return false;
    return take_image(image, state, true);
}

} // namespace

bool pop_frame(ir::StateHeader& header, AddressSpace& space, FrameRestore& restore) {
    auto& state = static_cast<State&>(header);
    Frame frame;
    const u64 at = state.gpr[rsp] - 8; // the handler's RET took the return address
    if (!space.contains(at, frame_size) || host::safe_copy(frame.data(), space.host(at), frame_size)) return false;
    if (!restore_image(space, le64(frame, fpstate_at), state)) return false;
    usize from = context_at;
    for (Gpr r : context_order) state.gpr[r] = le64(frame, from), from += 8;
    state.pc = le64(frame, rip_at);
    restore_eflags(state, u32(le64(frame, flags_at)));
    restore.mask = le64(frame, mask_at);
    restore.alt_stack = {le64(frame, stack_at), le64(frame, stack_at + 16), le32(frame, stack_at + 8) & ~u32(SS_ONSTACK)};
    return true;
}

} // namespace emu::linux_user::x86_64

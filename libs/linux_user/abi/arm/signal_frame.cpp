// SPDX-License-Identifier: MIT
// struct sigframe and struct rt_sigframe of 32-bit Arm (arch/arm/kernel/signal.c, uapi/asm/{ucontext,sigcontext}.h): ucontext with
// the general registers, then the coprocessors' records with a magic number and a size each, and four words of code.
#include "isa/a32/a32.h"
#include "isa/a32/features.h"
#include "linux_user/abi/arm/abi.h"
#include "linux_user/address_space.h"
#include "linux_user/host_asm.h"
#include "linux_user/siginfo.h"

#include <array>
#include <cstring>

namespace emu::linux_user::arm {
namespace {

using isa::a32::State;

// Offsets in struct ucontext.
constexpr usize flags_at = 0, stack_at = 8, context_at = 20, mask_at = 104, space_at = 232, ucontext_size = 744;
// In struct sigcontext: trap_no, error_code, oldmask, r0 ... pc, cpsr, fault_address.
constexpr usize trap_at = context_at, error_at = context_at + 4, oldmask_at = context_at + 8, r_at = context_at + 12, pc_at = r_at + 60;
constexpr usize cpsr_at = r_at + 64, fault_at = r_at + 68;
constexpr usize retcode_size = 16, frame_size = ucontext_size + retcode_size, info_size = 128;
// struct vfp_sigframe
constexpr u32 vfp_magic = 0x56465001, vfp_size = 288;
constexpr usize vfp_registers = 8, vfp_fpscr = 264, vfp_fpexc = 272;
constexpr u32 fpexc_enabled = 1u << 30;
// struct iwmmxt_sigframe, with the registers as arch/arm/kernel/iwmmxt.S stores them: wR0 to wR15, wCSSF, wCASF, wCGR0 to wCGR3
constexpr u32 wmmx_magic = 0x12ef842a, wmmx_size = 160;
constexpr usize wmmx_registers = 8, wmmx_flags = wmmx_registers + 128, wmmx_general = wmmx_flags + 8;
/// What the kernel puts into uc_flags of frames without siginfo.
constexpr u32 old_frame_mark = 0x5ac3c35a;
constexpr u64 sa_siginfo = 4, sa_restorer = 0x04000000;

using Frame = std::array<u8, frame_size>;

struct Words {
    Endian order;
    void put(Bytes to, usize at, u32 value) const { store<u32>(to, at, value, order); }
    u32 get(ConstBytes from, usize at) const { return load<u32>(from, at, order); }
};
Words words_of(const State& state) { return {state.big_endian ? Endian::big : Endian::little}; }

/// The fault status register's way to say why (DDI 0406C B3.13.3, short descriptors): a page is not there, or not for this.
u32 fault_status(const FrameRequest& request) {
    if (request.signal != SIGSEGV) return 0;
    return request.info.si_code == SEGV_ACCERR ? 0x0f : 0x17;
}

bool has_wmmx(const State& state) { return static_cast<const isa::CpuModel*>(state.model)->features & isa::a32::feature::iwmmxt; }

/// In the place of the VFP registers, which such processors do not have.
void put_wmmx(Frame& frame, const State& state, const Words& w) {
    w.put(frame, space_at, wmmx_magic);
    w.put(frame, space_at + 4, wmmx_size);
    for (unsigned i = 0; i < 16; i++) store<u64>(Bytes(frame), space_at + wmmx_registers + 8 * i, state.wr[i], w.order);
    w.put(frame, space_at + wmmx_flags, state.wcssf);
    w.put(frame, space_at + wmmx_flags + 4, state.wcasf);
    for (unsigned i = 0; i < 4; i++) w.put(frame, space_at + wmmx_general + 4 * i, state.wcgr[i]);
}
bool take_wmmx(const Frame& frame, State& state, const Words& w) {
    if (w.get(frame, space_at) != wmmx_magic || w.get(frame, space_at + 4) != wmmx_size) return false;
    for (unsigned i = 0; i < 16; i++) state.wr[i] = load<u64>(ConstBytes(frame), space_at + wmmx_registers + 8 * i, w.order);
    state.wcssf = w.get(frame, space_at + wmmx_flags);
    state.wcasf = w.get(frame, space_at + wmmx_flags + 4);
    for (unsigned i = 0; i < 4; i++) state.wcgr[i] = w.get(frame, space_at + wmmx_general + 4 * i);
    return true;
}

void put_frame(Frame& frame, const State& state, const FrameRequest& request, const Words& w) {
    const bool fault = request.is_fault();
    w.put(frame, stack_at, u32(request.alt_stack.base));
    w.put(frame, stack_at + 4, request.alt_stack.on(state.r[13]) ? u32(SS_ONSTACK) : request.alt_stack.flags);
    w.put(frame, stack_at + 8, u32(request.alt_stack.size));
    w.put(frame, trap_at, request.signal == SIGILL ? 6 : fault ? 14 : 0);
    w.put(frame, error_at, fault ? fault_status(request) : 0);
    w.put(frame, oldmask_at, u32(request.saved_mask));
    for (unsigned i = 0; i < 15; i++) w.put(frame, r_at + 4 * i, state.r[i]);
    w.put(frame, pc_at, isa::a32::code_address(state.pc));
    w.put(frame, cpsr_at, isa::a32::read_cpsr(state));
    w.put(frame, fault_at, fault ? u32(u64(request.info.si_addr)) : 0);
    w.put(frame, mask_at, u32(request.saved_mask));
    w.put(frame, mask_at + 4, u32(request.saved_mask >> 32));
    if (has_wmmx(state)) return put_wmmx(frame, state, w);
    w.put(frame, space_at, vfp_magic);
    w.put(frame, space_at + 4, vfp_size);
    for (unsigned i = 0; i < 16; i++) {
        store<u64>(Bytes(frame), space_at + vfp_registers + 16 * i, state.v[i].lo, w.order);
        store<u64>(Bytes(frame), space_at + vfp_registers + 16 * i + 8, state.v[i].hi, w.order);
    }
    w.put(frame, space_at + vfp_fpscr, isa::a32::read_fpscr(state));
    w.put(frame, space_at + vfp_fpexc, fpexc_enabled);
    // The record that ends the list is the zeros that are there.
}

bool take_frame(const Frame& frame, State& state, FrameRestore& restore, const Words& w) {
    if (has_wmmx(state)) {
        if (!take_wmmx(frame, state, w)) return false;
    } else if (w.get(frame, space_at) == vfp_magic) {
        if (w.get(frame, space_at + 4) != vfp_size) return false;
        for (unsigned i = 0; i < 16; i++) {
            state.v[i].lo = load<u64>(ConstBytes(frame), space_at + vfp_registers + 16 * i, w.order);
            state.v[i].hi = load<u64>(ConstBytes(frame), space_at + vfp_registers + 16 * i + 8, w.order);
        }
        isa::a32::write_fpscr(state, w.get(frame, space_at + vfp_fpscr));
    }
    for (unsigned i = 0; i < 15; i++) state.r[i] = w.get(frame, r_at + 4 * i);
    state.pc = w.get(frame, pc_at);
    isa::a32::write_cpsr(state, w.get(frame, cpsr_at));
    state.monitor_address = isa::a32::no_monitor;
    restore.mask = w.get(frame, mask_at) | u64(w.get(frame, mask_at + 4)) << 32;
    return true;
}

bool read_frame(const State& state, AddressSpace& space, u64 at, Frame& frame) {
    return state.r[13] % 8 == 0 && space.contains(at, frame_size) && host::safe_copy(frame.data(), space.host(at), frame_size) == 0;
}

} // namespace

bool push_frame(ir::StateHeader& header, AddressSpace& space, const FrameRequest& request) {
    auto& state = static_cast<State&>(header);
    const Words w = words_of(state);
    const bool with_info = request.action.flags & sa_siginfo;
    const usize size = frame_size + (with_info ? info_size : 0);
    if (request.stack_pointer < size + 16) return false;
    const u64 at = (request.stack_pointer - size) & ~u64(7), ucontext = at + (with_info ? info_size : 0);
    std::array<u8, frame_size + info_size> bytes{};
    Frame frame{};
    put_frame(frame, state, request, w);
    if (with_info) put_siginfo(Bytes(bytes).first(info_size), request.info, {w.order, 4, 8});
    else w.put(frame, flags_at, old_frame_mark);
    std::memcpy(bytes.data() + (ucontext - at), frame.data(), frame.size());
    if (!space.contains(at, size) || host::safe_copy(space.host(at), bytes.data(), size)) return false;

    const u64 handler = u32(request.action.handler);
    const bool thumb = handler & 1;
    u64 back = request.action.restorer;
    if (!(request.action.flags & sa_restorer))
        back = request.return_address + (with_info ? (thumb ? thumb_rt_sigreturn_at : arm_rt_sigreturn_at) : thumb ? thumb_sigreturn_at : 0) +
               (state.big_code ? big_code_trampoline_at : 0) + thumb;
    state.r[0] = u32(request.signal);
    if (with_info) {
        state.r[1] = u32(at);
        state.r[2] = u32(ucontext);
    }
    state.r[13] = u32(at);
    state.r[14] = u32(back);
    state.pc = thumb ? handler : handler & ~u64(3);
    state.monitor_address = isa::a32::no_monitor;
    return true;
}

bool pop_frame(ir::StateHeader& header, AddressSpace& space, FrameRestore& restore) {
    auto& state = static_cast<State&>(header);
    Frame frame;
    return read_frame(state, space, state.r[13], frame) && take_frame(frame, state, restore, words_of(state));
}

bool pop_rt_frame(ir::StateHeader& header, AddressSpace& space, FrameRestore& restore) {
    auto& state = static_cast<State&>(header);
    const Words w = words_of(state);
    Frame frame;
    if (!read_frame(state, space, u64(state.r[13]) + info_size, frame) || !take_frame(frame, state, restore, w)) return false;
    restore.alt_stack = {w.get(frame, stack_at), w.get(frame, stack_at + 8), w.get(frame, stack_at + 4) & ~u32(SS_ONSTACK)};
    return true;
}

} // namespace emu::linux_user::arm

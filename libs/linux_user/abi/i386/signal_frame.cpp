// SPDX-License-Identifier: MIT
// struct sigframe_ia32 and struct rt_sigframe_ia32 (arch/x86/include/asm/sigframe.h, sigcontext_32 of uapi/asm/sigcontext.h).
// The FP state is in a place of its own above: what FSAVE writes, in front of the XSAVE image.
#include "linux_user/abi/i386/abi.h"
#include "linux_user/abi/x86_64/fp_image.h"
#include "linux_user/host_asm.h"
#include "linux_user/siginfo.h"

#include <array>
#include <cstring>

namespace emu::linux_user::i386 {
namespace {

using namespace isa::x86;
using namespace x86_64;

constexpr DataModel model{Endian::little, 4, 4};
constexpr u64 uc_fp_xstate = 1;
constexpr u64 sa_siginfo = 4, sa_restorer = 0x04000000;

// struct sigcontext_32
namespace sc {
constexpr usize gs = 0, fs = 4, es = 8, ds = 12, registers = 16, trap = 48, error = 52, ip = 56, cs = 60, flags = 64, sp = 68, ss = 72,
                fpstate = 76, mask = 80, cr2 = 84, size = 88;
constexpr Gpr order[] = {rdi, rsi, rbp, rsp, rbx, rdx, rcx, rax};
} // namespace sc

// The two frames: offsets of their parts.
constexpr usize old_context_at = 8, old_extra_mask_at = 720, old_code_at = 724, old_size = 732;
constexpr usize info_at = 16, ucontext_at = 144, stack_at = ucontext_at + 8, rt_context_at = ucontext_at + 20, rt_mask_at = ucontext_at + 108;
constexpr usize rt_code_at = 260, rt_size = 268;
// Debuggers know a frame by the code in it, which nobody runs any more.
constexpr u8 old_code[8] = {0x58, 0xb8, 0x77, 0, 0, 0, 0xcd, 0x80}, rt_code[8] = {0xb8, 0xad, 0, 0, 0, 0xcd, 0x80, 0};

// FSAVE's form: control, status and tag words, pointers, eight registers of ten bytes, then status again and a mark that says
// that FXSAVE's form follows.
constexpr usize fsave_size = 112, fsave_registers = 28, fsave_status = 108;
constexpr usize fp_size = fsave_size + sizeof(Image);
using FpState = std::array<u8, fp_size>;

void put_fp(FpState& out, const State& state) {
    Image image{};
    put_image(image, state, false);
    const X87 x = x87_of(state);
    put_le32(out, 0, 0xffff0000 | x.control);
    put_le32(out, 4, 0xffff0000 | x.status);
    put_le32(out, 8, 0xffff0000 | x87_tags(x));
    put_le32(out, 12, u32(x.instruction));
    put_le32(out, 16, u32(x.opcode) << 16 | state.selector[cs]);
    put_le32(out, 20, u32(x.operand));
    put_le32(out, 24, 0xffff0000 | state.selector[ds]);
    for (unsigned i = 0; i < 8; i++) std::memcpy(out.data() + fsave_registers + 10 * i, image.data() + 32 + 16 * i, 10);
    put_le16(out, fsave_status, x.status);
    std::memcpy(out.data() + fsave_size, image.data(), image.size());
}

bool take_fp(AddressSpace& space, u64 at, State& state) {
    if (!at) {
        initial_image(state, false);
        return true;
    }
    FpState in{};
    const usize size = fsave_size + image_bytes(state);
    if (!space.contains(at, size) || host::safe_copy(in.data(), space.host(at), size)) return false;
    Image image;
    std::memcpy(image.data(), in.data() + fsave_size, image.size());
    // The x87 is restored from FSAVE's form.
    put_le16(image, 0, le16(in, 0));
    put_le16(image, 2, le16(in, 4));
    u8 abridged = 0;
    for (unsigned n = 0; n < 8; n++)
        if ((le16(in, 8) >> (2 * n) & 3) != 3) abridged = u8(abridged | 1u << n);
    image[4] = abridged;
    for (unsigned i = 0; i < 8; i++) std::memcpy(image.data() + 32 + 16 * i, in.data() + fsave_registers + 10 * i, 10);
    return take_image(image, state, false);
}

void put_context(Bytes at, const State& state, const FrameRequest& request, u64 fp_at) {
    put_le32(at, sc::gs, state.selector[gs]);
    put_le32(at, sc::fs, state.selector[fs]);
    put_le32(at, sc::es, state.selector[es]);
    put_le32(at, sc::ds, state.selector[ds]);
    for (unsigned i = 0; i < 8; i++) put_le32(at, sc::registers + 4 * i, u32(state.gpr[sc::order[i]]));
    const FaultWords fault = fault_words(request);
    put_le32(at, sc::trap, u32(fault.vector));
    put_le32(at, sc::error, u32(fault.error));
    put_le32(at, sc::ip, u32(state.pc));
    put_le32(at, sc::cs, state.selector[cs]);
    put_le32(at, sc::flags, read_eflags(state));
    put_le32(at, sc::sp, u32(state.gpr[rsp]));
    put_le32(at, sc::ss, state.selector[ss]);
    put_le32(at, sc::fpstate, u32(fp_at));
    put_le32(at, sc::mask, u32(request.saved_mask));
    put_le32(at, sc::cr2, u32(fault.address));
}

void take_context(ConstBytes at, State& state) {
    // A selector that is no longer there becomes null, as far as that can be.
    auto segment = [&](unsigned which, usize from) {
        if (!load_segment(state, which, le16(at, from))) load_segment(state, which, which == ss ? 0x2b : 0);
    };
    segment(gs, sc::gs);
    segment(fs, sc::fs);
    segment(es, sc::es);
    segment(ds, sc::ds);
    segment(ss, sc::ss);
    for (unsigned i = 0; i < 8; i++) state.gpr[sc::order[i]] = le32(at, sc::registers + 4 * i);
    state.pc = le32(at, sc::ip);
    restore_eflags(state, le32(at, sc::flags));
}

/// Places below the top of the stack, as the kernel chooses them.
struct Places {
    u64 frame, fp;
};
std::optional<Places> place(const State& state, u64 top, usize frame_size) {
    if (top < frame_size + fp_size + 256) return std::nullopt;
    const u64 image = (top - image_bytes(state)) & ~u64(63), fp = image - fsave_size;
    return Places{((fp - frame_size + 4) & ~u64(15)) - 4, fp};
}

bool write_out(AddressSpace& space, u64 at, ConstBytes bytes) {
    return space.contains(at, bytes.size()) && host::safe_copy(space.host(at), bytes.data(), bytes.size()) == 0;
}

void enter_handler(State& state, const FrameRequest& request, u64 frame, u64 second, u64 third) {
    state.gpr[rax] = u64(request.signal);
    state.gpr[rdx] = second;
    state.gpr[rcx] = third;
    state.gpr[rsp] = frame;
    state.pc = u32(request.action.handler);
    for (unsigned segment : {ds, es, ss}) load_segment(state, segment, 0x2b);
    write_eflags(state, read_eflags(state) & ~(eflags::df | eflags::tf));
}

u64 return_address(const FrameRequest& request, u64 offset) {
    return request.action.flags & sa_restorer ? request.action.restorer : request.return_address + offset;
}

bool push_old(State& state, AddressSpace& space, const FrameRequest& request) {
    const auto at = place(state, request.stack_pointer, old_size);
    if (!at) return false;
    FpState fp{};
    put_fp(fp, state);
    std::array<u8, old_size> frame{};
    put_le32(frame, 0, u32(return_address(request, 0)));
    put_le32(frame, 4, u32(request.signal));
    put_context(Bytes(frame).subspan(old_context_at, sc::size), state, request, at->fp);
    put_le32(frame, old_extra_mask_at, u32(request.saved_mask >> 32));
    std::memcpy(frame.data() + old_code_at, old_code, sizeof old_code);
    if (!write_out(space, at->frame, frame) || !write_out(space, at->fp, ConstBytes(fp).first(fsave_size + image_bytes(state)))) return false;
    enter_handler(state, request, at->frame, 0, 0);
    return true;
}

bool push_rt(State& state, AddressSpace& space, const FrameRequest& request) {
    const auto at = place(state, request.stack_pointer, rt_size);
    if (!at) return false;
    FpState fp{};
    put_fp(fp, state);
    std::array<u8, rt_size> frame{};
    put_le32(frame, 0, u32(return_address(request, rt_trampoline_at)));
    put_le32(frame, 4, u32(request.signal));
    put_le32(frame, 8, u32(at->frame + info_at));
    put_le32(frame, 12, u32(at->frame + ucontext_at));
    put_siginfo(Bytes(frame).subspan(info_at, siginfo_size), request.info, model);
    put_le32(frame, ucontext_at, has_avx(state) ? uc_fp_xstate : 0);
    put_le32(frame, stack_at, u32(request.alt_stack.base));
    put_le32(frame, stack_at + 4, request.alt_stack.on(u32(state.gpr[rsp])) ? u32(SS_ONSTACK) : request.alt_stack.flags);
    put_le32(frame, stack_at + 8, u32(request.alt_stack.size));
    put_context(Bytes(frame).subspan(rt_context_at, sc::size), state, request, at->fp);
    put_le64(frame, rt_mask_at, request.saved_mask);
    std::memcpy(frame.data() + rt_code_at, rt_code, sizeof rt_code);
    if (!write_out(space, at->frame, frame) || !write_out(space, at->fp, ConstBytes(fp).first(fsave_size + image_bytes(state)))) return false;
    enter_handler(state, request, at->frame, at->frame + info_at, at->frame + ucontext_at);
    return true;
}

} // namespace

bool push_frame(ir::StateHeader& header, AddressSpace& space, const FrameRequest& request) {
    State& state = static_cast<State&>(header);
    return request.action.flags & sa_siginfo ? push_rt(state, space, request) : push_old(state, space, request);
}

bool pop_frame(ir::StateHeader& header, AddressSpace& space, FrameRestore& restore) {
    State& state = static_cast<State&>(header);
    std::array<u8, old_size> frame;
    const u64 at = u32(state.gpr[rsp] - 8); // return address and signal number were popped
    if (!space.contains(at, old_size) || host::safe_copy(frame.data(), space.host(at), old_size)) return false;
    const ConstBytes context = ConstBytes(frame).subspan(old_context_at, sc::size);
    if (!take_fp(space, le32(context, sc::fpstate), state)) return false;
    take_context(context, state);
    restore.mask = le32(context, sc::mask) | u64(le32(frame, old_extra_mask_at)) << 32;
    return true;
}

bool pop_rt_frame(ir::StateHeader& header, AddressSpace& space, FrameRestore& restore) {
    State& state = static_cast<State&>(header);
    std::array<u8, rt_size> frame;
    const u64 at = u32(state.gpr[rsp] - 4); // the return address was popped
    if (!space.contains(at, rt_size) || host::safe_copy(frame.data(), space.host(at), rt_size)) return false;
    const ConstBytes context = ConstBytes(frame).subspan(rt_context_at, sc::size);
    if (!take_fp(space, le32(context, sc::fpstate), state)) return false;
    take_context(context, state);
    restore.mask = le64(frame, rt_mask_at);
    restore.alt_stack = {le32(frame, stack_at), le32(frame, stack_at + 8), le32(frame, stack_at + 4) & ~u32(SS_ONSTACK)};
    return true;
}

} // namespace emu::linux_user::i386

// SPDX-License-Identifier: MIT
// What the signal frames of both x86 ABIs have in common: the XSAVE image (arch/x86/include/uapi/asm/sigcontext.h), and what
// the processor said about a fault.
#pragma once
#include "isa/x86/x86.h"
#include "linux_user/abi.h"
#include "linux_user/address_space.h"

#include <array>

namespace emu::linux_user::x86_64 {

/// Legacy area, header, AVX component; then a magic number.
inline constexpr usize legacy_size = 512, header_size = 64, avx_size = 256, magic2_size = 4;
inline constexpr usize image_size = legacy_size + header_size + avx_size;
using Image = std::array<u8, image_size + magic2_size>;

bool has_avx(const isa::x86::State& state);
/// How much of it a frame has: the AVX component is there if the model has AVX.
usize image_bytes(const isa::x86::State& state);
void put_image(Image& image, const isa::x86::State& state, bool wide);
/// False: it makes no sense.
bool take_image(const Image& image, isa::x86::State& state, bool wide);
/// The state that a frame without an image stands for.
void initial_image(isa::x86::State& state, bool wide);

/// Notes of core files: NT_PRXFPREG (NT_PRFPREG of 64-bit programs) and NT_X86_XSTATE.
void note_fxsave(const ir::StateHeader& state, std::vector<u8>& contents);
void note_xstate(const ir::StateHeader& state, std::vector<u8>& contents);

/// Vector and error code that the processor would have pushed (SDM volume 3, 6.15), and CR2.
struct FaultWords {
    u64 vector = 0, error = 0, address = 0;
};
FaultWords fault_words(const FrameRequest& request);

/// EFLAGS that sigreturn restores.
void restore_eflags(isa::x86::State& state, u32 value);

} // namespace emu::linux_user::x86_64

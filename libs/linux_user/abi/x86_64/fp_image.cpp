// SPDX-License-Identifier: MIT
#include "linux_user/abi/x86_64/fp_image.h"

#include "isa/x86/features.h"

#include <cstring>

namespace emu::linux_user::x86_64 {

using namespace isa::x86;

namespace {
constexpr usize software_at = 464; // words for software in the legacy area
constexpr u32 magic1 = 0x46505853, magic2 = 0x46505845;
} // namespace

bool has_avx(const State& state) { return static_cast<const isa::CpuModel*>(state.model)->features & feature::avx; }
usize image_bytes(const State& state) { return has_avx(state) ? image_size + magic2_size : legacy_size; }

void put_image(Image& image, const State& state, bool wide) {
    fxsave(state, image.data(), wide);
    if (!has_avx(state)) return;
    put_le32(image, software_at, magic1);
    put_le32(image, software_at + 4, u32(image.size()));
    put_le64(image, software_at + 8, 7);
    put_le32(image, software_at + 16, u32(image_size));
    put_le64(image, legacy_size, 7);
    store_halves(state, 1, 16, image.data() + legacy_size + header_size);
    put_le32(image, image_size, magic2);
}

bool take_image(const Image& image, State& state, bool wide) {
    if (le32(image, 24) >> 16) return false; // reserved bits of MXCSR
    fxrstor(state, image.data(), wide);
    if (!has_avx(state)) return true;
    const bool extended = le32(image, software_at) == magic1 && le32(image, image_size) == magic2;
    if (extended && le64(image, legacy_size) & 4) load_halves(state, 1, 16, image.data() + legacy_size + header_size);
    else for (auto& ymm : state.ymm) ymm.half[1] = {};
    return true;
}

void initial_image(State& state, bool wide) {
    const State fresh;
    u8 image[legacy_size] = {};
    fxsave(fresh, image, wide);
    fxrstor(state, image, wide);
}

namespace {
bool in_64_bit_code(const State& state) { return state.selector[cs] == 0x33; }
} // namespace

void note_fxsave(const ir::StateHeader& header, std::vector<u8>& contents) {
    const auto& state = static_cast<const State&>(header);
    contents.resize(legacy_size);
    fxsave(state, contents.data(), in_64_bit_code(state));
}

void note_xstate(const ir::StateHeader& header, std::vector<u8>& contents) {
    const auto& state = static_cast<const State&>(header);
    if (!has_avx(state)) return;
    contents.resize(image_size);
    fxsave(state, contents.data(), in_64_bit_code(state));
    put_le64(contents, software_at, 7); // XCR0, for debuggers
    put_le64(contents, legacy_size, 7);
    store_halves(state, 1, 16, contents.data() + legacy_size + header_size);
}

FaultWords fault_words(const FrameRequest& request) {
    struct Vector {
        int signal;
        u64 number;
    };
    static constexpr Vector vectors[] = {{SIGFPE, 0}, {SIGTRAP, 3}, {SIGILL, 6}, {SIGBUS, 17}, {SIGSEGV, 14}};
    FaultWords words;
    if (request.info.si_code <= 0) return words;
    for (const Vector& v : vectors)
        if (v.signal == request.signal) words.vector = v.number;
    if (request.signal == SIGFPE && request.info.si_code != FPE_INTDIV) words.vector = request.info.si_code == FPE_FLTINV ? 16 : 19;
    if (request.signal != SIGSEGV) return words;
    if (request.info.si_code == SI_KERNEL) {
        words.vector = 13;
        return words;
    }
    words.error = request.info.si_code == SEGV_ACCERR ? 5 : 4;
    words.address = u64(request.info.si_addr);
    return words;
}

void restore_eflags(State& state, u32 value) {
    constexpr u32 restored = eflags::status | eflags::df | eflags::ac | eflags::tf;
    write_eflags(state, (read_eflags(state) & ~restored) | (value & restored));
}

} // namespace emu::linux_user::x86_64

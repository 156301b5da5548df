// SPDX-License-Identifier: MIT
#include "jit/host.h"

#include "jit/assembler.h"

#include <xbyak/xbyak_util.h>

namespace emu::jit {

HostFeatures HostFeatures::detect() {
    using Cpu = Xbyak::util::Cpu;
    static const HostFeatures features = [] {
        Cpu cpu;
        HostFeatures h;
        h.avx = cpu.has(Cpu::tAVX);
        h.avx2 = cpu.has(Cpu::tAVX2);
        h.bmi1 = cpu.has(Cpu::tBMI1);
        h.bmi2 = cpu.has(Cpu::tBMI2);
        h.lzcnt = cpu.has(Cpu::tLZCNT);
        h.movbe = cpu.has(Cpu::tMOVBE);
        h.fma = cpu.has(Cpu::tFMA);
        h.f16c = cpu.has(Cpu::tF16C);
        h.avx512vl = cpu.has(Cpu::tAVX512F) && cpu.has(Cpu::tAVX512BW) && cpu.has(Cpu::tAVX512DQ) && cpu.has(Cpu::tAVX512CD) &&
                     cpu.has(Cpu::tAVX512VL);
        h.aes = cpu.has(Cpu::tAESNI);
        h.pclmul = cpu.has(Cpu::tPCLMULQDQ);
        h.sha = cpu.has(Cpu::tSHA);
        h.gfni = cpu.has(Cpu::tGFNI);
        return h;
    }();
    return features;
}

} // namespace emu::jit

// SPDX-License-Identifier: MIT
// Random blocks and register contents for lockstep runs. Instructions come from the decode tables; what each would do is seen
// from the IR it translates to, so that new rows need nothing here.
#pragma once
#include "isa/a64/translate.h"
#include "../random.h"
#include "program.h"

#include <string_view>

namespace emu::lockstep {

struct GenerateOptions {
    u64 seed = 1;
    unsigned blocks = 400, insns = 40, inputs = 2;
    std::vector<std::string> only;       ///< row names (or prefixes ending in '*'); empty: all
    std::string group;                   ///< "integer", "memory", "simd" (data processing of FP and SIMD); empty: all
    bool undefined = false;              ///< blocks of one random word each, allocated or not
    bool loops = false;                  ///< blocks are a loop in a loop
};

class Generator {
public:
    Generator(const isa::CpuModel& model, const GenerateOptions& options);
    Program program();

private:
    /// What a candidate instruction does, from its IR.
    struct Effects {
        bool undefined = false, leaves = false, forbidden = false, memory = false, aligned = false;
        bool literal_outside = false;
        u64 branch_to = 0;
        std::vector<unsigned> sets;
    };
    Effects effects(u32 word, u64 pc) const;
    std::vector<u32> block(u64 pc, bool memory, unsigned insns);
    std::vector<u32> nested_loops(u64 pc, bool memory);
    bool candidate(u32& word, u64 pc, bool memory);
    bool acceptable(const Effects& e, u64 pc, bool memory) const;
    void patch(const isa::a64::Insn& row, u32& word);
    u32 word_of_row();
    u32 anything();
    bool wanted(const isa::a64::Insn& row) const;
    Context input();
    u64 interesting_integer();
    void interesting_vector(u64 (&v)[2]);

    const isa::CpuModel& model_;
    GenerateOptions options_;
    Random random_;
    std::vector<const isa::a64::Insn*> rows_;
};

} // namespace emu::lockstep

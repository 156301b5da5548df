// SPDX-License-Identifier: MIT
// Random blocks and register contents for lockstep runs; what an instruction does is seen from its IR (tests/isa/a64/generate.h).
#pragma once
#include "../random.h"
#include "isa/a32/translate.h"
#include "program.h"

namespace emu::lockstep {

struct GenerateOptions {
    u64 seed = 1;
    unsigned blocks = 300, insns = 30, inputs = 2;
    std::vector<std::string> only;       ///< row names (or prefixes ending in '*'); empty: all
    std::string space;                   ///< "a32", "neon" (A32 without a condition), "t32", "t16"; empty: all
};

class Generator {
public:
    Generator(const isa::CpuModel& model, const GenerateOptions& options);
    Program program();

private:
    struct Effects {
        bool undefined = false, leaves = false, forbidden = false, memory = false, aligned = false;
        u32 branch_to = 0;
        std::vector<std::pair<unsigned, bool>> sets;     ///< slot, and whether to a sum
    };
    struct Row {
        const isa::a32::Insn* row;
        isa::a32::Space space;
    };
    Effects effects(const Code& code, bool thumb, u32 pc) const;
    Block block(u32 pc, bool thumb, bool memory);
    bool candidate(Code& code, const Row& row, bool thumb, u32 pc, bool memory);
    bool acceptable(const Effects& e, u32 pc, bool memory) const;
    void patch(const Row& row, u32& word, bool thumb);
    bool wanted(const isa::a32::Insn& row) const;
    Context input();
    u32 interesting_integer();
    u64 interesting_vector();

    const isa::CpuModel& model_;
    GenerateOptions options_;
    Random random_;
    std::vector<Row> arm_, thumb_;
};

} // namespace emu::lockstep

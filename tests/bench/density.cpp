// SPDX-License-Identifier: MIT
// Host instructions per guest instruction of fixed pieces of A64 code, in both tiers, for a fixed set of host features: the
// figures depend on the translator only. The output is kept as density_a64.txt, so that a change of the translator shows in
// review what it does to them.
//     density SNIPPETS [GOLDEN]      with GOLDEN: exit 1 if the output is not that
#include "cpu/dump.h"
#include "ir/region.h"
#include "isa/a64/a64.h"
#include "jit/jit.h"

#include <algorithm>
#include <cstdio>
#include <cstring>
#include <fmt/format.h>
#include <fstream>
#include <map>
#include <sstream>

using namespace emu;

namespace {

constexpr u64 at = 0x400000;

class Code final : public isa::CodeReader {
public:
    std::vector<u32> words;
    bool read(u64 address, Bytes to) override {
        const u64 offset = address - at;
        if (offset > words.size() * 4 || to.size() > words.size() * 4 - offset) return false;
        std::memcpy(to.data(), reinterpret_cast<const u8*>(words.data()) + offset, to.size());
        return true;
    }
};

jit::Options options() {
    jit::Options o;
    o.code_buffer = usize(4) << 20;
    o.features = jit::HostFeatures::baseline();
    o.features.avx = o.features.avx2 = o.features.bmi1 = o.features.bmi2 = o.features.lzcnt = o.features.movbe = o.features.fma = true;
    return o;
}

class Density {
public:
    explicit Density(std::vector<u32> words) : jit_(std::move(*jit::Jit::create(options(), isa::a64::a64_isa.slots))) { code_.words = std::move(words); }

    /// Of the unit at the start: guest and host instructions.
    std::pair<usize, usize> unit() {
        ir::Function f;
        f.pc = at;
        f.slots = isa::a64::a64_isa.slots;
        f.fp = isa::a64::a64_isa.fp_env(0);
        ir::Builder builder(f);
        translate(builder, at, {}, ir::RegionRequest::no_limit);
        jit::Unit* made = nullptr;
        if (jit_->compile(f, made) != jit::Jit::Outcome::ok) return {};
        return {f.insns, count(*made)};
    }

    std::pair<usize, usize> region() {
        ir::RegionRequest request;
        request.pc = at;
        request.slots = isa::a64::a64_isa.slots;
        request.fp = isa::a64::a64_isa.fp_env(0);
        request.translate = [&](ir::Builder& builder, u64 pc, std::span<const u64> leaders, unsigned most) { translate(builder, pc, leaders, most); };
        request.whole = true;
        request.wanted = [&](u64 pc) { return pc - at < code_.words.size() * 4; };
        const auto region = ir::build_region(request);
        jit::Unit* made = nullptr;
        if (!region || jit_->compile(*region, made) != jit::Jit::Outcome::ok) return {};
        return {region->insns, count(*made)};
    }

private:
    void translate(ir::Builder& builder, u64 pc, std::span<const u64> leaders, unsigned most_insns) {
        isa::TranslateRequest request;
        request.max_insns = std::min(request.max_insns, most_insns);
        request.pc = pc;
        request.model = &isa::a64::a64_isa.models.front();
        request.code = &code_;
        request.leaders = leaders;
        isa::a64::a64_isa.translate(builder, request);
    }
    usize count(const jit::Unit& unit) const {
        const std::string text = cpu::disassemble_host(jit_->code(unit), 0);
        return usize(std::count(text.begin(), text.end(), '\n'));
    }

    Code code_;
    std::unique_ptr<jit::Jit> jit_;
};

std::string figures(const std::string& name, const std::vector<u32>& words) {
    Density density(words);
    auto column = [](std::pair<usize, usize> n) { return n.first ? fmt::format("{:>4} {:>5} {:>6.2f}", n.first, n.second, double(n.second) / double(n.first)) : fmt::format("{:>17}", "-"); };
    const auto unit = density.unit(), region = density.region();
    return fmt::format("{:<16} {} {}\n", name, column(unit), column(region));
}

} // namespace

/// SNIPPETS: lines "name: word word ...", words in hexadecimal; others are comments.
int main(int argc, char** argv) {
    if (argc < 2) return std::fputs("usage: density SNIPPETS [GOLDEN]\n", stderr), 2;
    std::ifstream in(argv[1]);
    std::string out = fmt::format("{:<16} {:>17} {:>17}\n{:<16} {:>4} {:>5} {:>6} {:>4} {:>5} {:>6}\n", "", "tier 1", "tier 2", "code", "a64", "host", "", "a64", "host", "");
    for (std::string line; std::getline(in, line);) {
        const usize colon = line.find(':');
        if (line.empty() || line[0] == '#' || colon == line.npos) continue;
        std::istringstream rest(line.substr(colon + 1));
        std::vector<u32> words;
        for (std::string word; rest >> word;) words.push_back(u32(std::strtoul(word.c_str(), nullptr, 16)));
        out += figures(line.substr(0, colon), words);
    }
    std::fputs(out.c_str(), stdout);
    if (argc < 3) return 0;
    std::ifstream golden(argv[2]);
    const std::string wanted((std::istreambuf_iterator<char>(golden)), {});
    if (wanted == out) return 0;
    std::fprintf(stderr, "not what %s says; if that is as it should be, write it anew\n", argv[2]);
    return 1;
}

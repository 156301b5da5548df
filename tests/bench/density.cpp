// SPDX-License-Identifier: MIT
// Host instructions per guest instruction of fixed pieces of guest code, in both tiers, for a fixed set of host features: the
// figures depend on the translator only. The output is kept as density_<isa>.txt, so that a change of the translator shows in
// review what it does to them.
//     density a64|x86_64 SNIPPETS [GOLDEN]      with GOLDEN: exit 1 if the output is not that
#include "cpu/dump.h"
#include "ir/region.h"
#include "isa/a64/a64.h"
#include "isa/x86/unit.h"
#include "isa/x86/x86.h"
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
    std::vector<u8> bytes;
    bool read(u64 address, Bytes to) override {
        const u64 offset = address - at;
        if (offset > bytes.size() || to.size() > bytes.size() - offset) return false;
        std::copy_n(bytes.begin() + std::ptrdiff_t(offset), to.size(), to.begin());
        return true;
    }
};

struct Guest {
    std::string_view name;
    const isa::Isa& isa;
    std::string_view model;
    u32 mode;
};
const Guest guests[] = {{"a64", isa::a64::a64_isa, {}, 0}, {"x86_64", isa::x86::x86_64_isa, "max", isa::x86::mode::code64}};

jit::Options options() {
    jit::Options o;
    o.code_buffer = usize(4) << 20;
    o.features = jit::HostFeatures::baseline();
    o.features.avx = o.features.avx2 = o.features.bmi1 = o.features.bmi2 = o.features.lzcnt = o.features.movbe = o.features.fma = true;
    return o;
}

class Density {
public:
    Density(const Guest& guest, std::vector<u8> bytes) : guest_(guest), jit_(std::move(*jit::Jit::create(options(), guest.isa.slots))) {
        code_.bytes = std::move(bytes);
        model_ = guest.model.empty() ? &guest.isa.models.front() : guest.isa.find_model(guest.model);
    }

    /// Of the unit at the start: guest and host instructions.
    std::pair<usize, usize> unit() {
        ir::Function f;
        f.pc = at;
        f.mode = guest_.mode;
        f.slots = guest_.isa.slots;
        f.fp = guest_.isa.fp_env(guest_.mode);
        ir::Builder builder(f);
        translate(builder, at, {}, ir::RegionRequest::no_limit);
        jit::Unit* made = nullptr;
        if (jit_->compile(f, made) != jit::Jit::Outcome::ok) return {};
        return {f.insns, count(*made)};
    }

    std::pair<usize, usize> region() {
        ir::RegionRequest request;
        request.pc = at;
        request.mode = guest_.mode;
        request.slots = guest_.isa.slots;
        request.fp = guest_.isa.fp_env(guest_.mode);
        request.translate = [&](ir::Builder& builder, u64 pc, std::span<const u64> leaders, unsigned most) { translate(builder, pc, leaders, most); };
        request.whole = true;
        request.wanted = [&](u64 pc) { return pc - at < code_.bytes.size(); };
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
        request.mode = guest_.mode;
        request.model = model_;
        request.code = &code_;
        request.leaders = leaders;
        guest_.isa.translate(builder, request);
    }
    usize count(const jit::Unit& unit) const {
        const std::string text = cpu::disassemble_host(jit_->code(unit), 0);
        return usize(std::count(text.begin(), text.end(), '\n'));
    }

    const Guest& guest_;
    const isa::CpuModel* model_ = nullptr;
    Code code_;
    std::unique_ptr<jit::Jit> jit_;
};

std::string figures(const Guest& guest, const std::string& name, const std::vector<u8>& bytes) {
    Density density(guest, bytes);
    auto column = [](std::pair<usize, usize> n) { return n.first ? fmt::format("{:>4} {:>5} {:>6.2f}", n.first, n.second, double(n.second) / double(n.first)) : fmt::format("{:>17}", "-"); };
    const auto unit = density.unit(), region = density.region();
    return fmt::format("{:<16} {} {}\n", name, column(unit), column(region));
}

} // namespace

/// SNIPPETS: lines "name: word word ...", words in hexadecimal, of two digits a byte and the highest first; others are comments.
int main(int argc, char** argv) {
    const auto guest = argc < 3 ? std::end(guests) : std::find_if(std::begin(guests), std::end(guests), [&](const Guest& g) { return g.name == argv[1]; });
    if (guest == std::end(guests)) return std::fputs("usage: density a64|x86_64 SNIPPETS [GOLDEN]\n", stderr), 2;
    std::ifstream in(argv[2]);
    std::string out = fmt::format("{:<16} {:>17} {:>17}\n{:<16} {:>4} {:>5} {:>6} {:>4} {:>5} {:>6}\n", "", "tier 1", "tier 2", "code", guest->name, "host", "", guest->name, "host", "");
    for (std::string line; std::getline(in, line);) {
        const usize colon = line.find(':');
        if (line.empty() || line[0] == '#' || colon == line.npos) continue;
        std::istringstream rest(line.substr(colon + 1));
        std::vector<u8> bytes;
        for (std::string word; rest >> word;)
            for (usize end = word.size(); end >= 2; end -= 2) bytes.push_back(u8(std::strtoul(word.substr(end - 2, 2).c_str(), nullptr, 16)));
        out += figures(*guest, line.substr(0, colon), bytes);
    }
    std::fputs(out.c_str(), stdout);
    if (argc < 4) return 0;
    std::ifstream golden(argv[3]);
    const std::string wanted((std::istreambuf_iterator<char>(golden)), {});
    if (wanted == out) return 0;
    std::fprintf(stderr, "not what %s says; if that is as it should be, write it anew\n", argv[3]);
    return 1;
}

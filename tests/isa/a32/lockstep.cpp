// SPDX-License-Identifier: MIT
// Random A32 and T32 instructions in lockstep between our engine and another emulator (qemu-arm unless told otherwise), state and
// memory compared after each block. A disagreement is reduced to the first single instruction that shows it.
//
//     lockstep_a32 --instructions 10000000 --seed 1
//     lockstep_a32 --only 'vadd*,vcvt' --model cortex-a15
#include "common/log.h"
#include "generate.h"
#include "known.h"
#include "run.h"

#include <algorithm>
#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <fmt/core.h>
#include <map>

using namespace emu;
using namespace emu::lockstep;

namespace {

struct Options {
    GenerateOptions generate;
    std::string other = "qemu-arm", model = "max";
    cpu::Execution execution = cpu::Execution::interpreter;
    cpu::Tier2 tier2 = cpu::Tier2::off;
    bool both_own = false;               ///< our interpreter against our JIT, no other emulator
    u64 instructions = 100'000;
    double seconds = 0;                  ///< stop after this long
    unsigned reports = 10;
};

std::vector<std::string> split(std::string_view text, char separator) {
    std::vector<std::string> parts;
    while (!text.empty()) {
        auto at = text.find(separator);
        parts.emplace_back(text.substr(0, at));
        text = at == text.npos ? std::string_view{} : text.substr(at + 1);
    }
    return parts;
}

[[noreturn]] void usage() {
    std::fputs("usage: lockstep_a32 [--seed N] [--instructions N] [--seconds S] [--blocks N] [--length N] [--inputs N]\n"
               "                    [--only NAME,...] [--space a32|neon|t32|t16] [--model NAME] [--engine interpreter|jit|tier2]\n"
               "                    [--other 'COMMAND' | --other self] [--reports N]\n", stderr);
    std::exit(2);
}

Options parse(int argc, char** argv) {
    Options o;
    for (int i = 1; i < argc; i++) {
        const std::string_view name = argv[i];
        if (++i == argc) usage();
        const std::string value = argv[i];
        auto number = [&] { return std::strtoull(value.c_str(), nullptr, 0); };
        if (name == "--seed") o.generate.seed = number();
        else if (name == "--instructions") o.instructions = number();
        else if (name == "--seconds") o.seconds = std::strtod(value.c_str(), nullptr);
        else if (name == "--blocks") o.generate.blocks = unsigned(number());
        else if (name == "--length") o.generate.insns = unsigned(number());
        else if (name == "--inputs") o.generate.inputs = unsigned(number());
        else if (name == "--reports") o.reports = unsigned(number());
        else if (name == "--only") o.generate.only = split(value, ',');
        else if (name == "--space") o.generate.space = value;
        else if (name == "--model") o.model = value;
        else if (name == "--other") o.other = value;
        else if (name == "--engine") {
            o.execution = value == "interpreter" ? cpu::Execution::interpreter : cpu::Execution::jit;
            if (value == "tier2") o.tier2 = cpu::Tier2::synchronous;
        }
        else usage();
    }
    o.both_own = o.other == "self";
    return o;
}

const isa::CpuModel& model_named(const std::string& name) {
    if (const isa::CpuModel* m = isa::a32::a32_isa.find_model(name)) return *m;
    fmt::print(stderr, "no CPU model {}\n", name);
    std::exit(2);
}

class Lockstep {
public:
    explicit Lockstep(const Options& options) : o_(options), model_(model_named(options.model)) {
        command_ = split(o_.other, ' ');
        if (command_[0].find("qemu") != std::string::npos) {
            command_.push_back("-cpu");
            command_.push_back(o_.model);
        }
    }

    int run() {
        const auto start = std::chrono::steady_clock::now();
        auto elapsed = [&] { return std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count(); };
        while (done_ < o_.instructions && reported_ < o_.reports && (o_.seconds == 0 || elapsed() < o_.seconds)) {
            batch();
            o_.generate.seed++;
        }
        fmt::print("{} instructions, {} disagreements, {} blocks with a known difference, {} regions, {:.1f} s\n", done_, reported_, known_, regions_, elapsed());
        for (const auto& [name, count] : by_name_) fmt::print("    {:20} {}\n", name, count);
        return reported_ || trouble_ ? 1 : 0;
    }

private:
    Outcome ours(const Image& image) { return own(o_.both_own ? cpu::Execution::interpreter : o_.execution, image); }
    Outcome own(cpu::Execution execution, const Image& image) {
        Host host(model_, execution, o_.tier2, image);
        Outcome outcome = host.run();
        regions_ += host.regions();
        return outcome;
    }
    Outcome theirs(const Image& image) {
        if (o_.both_own) return own(cpu::Execution::jit, image);
        return run_child(command_, image);
    }

    void batch() {
        const Program program = Generator(model_, o_.generate).program();
        const Image image = build(program);
        const Outcome a = ours(image), b = theirs(image);
        for (const Run& r : program.runs) done_ += program.blocks[r.block].insns.size();
        if (!a.complete || !b.complete) {
            fmt::print("seed {}: ours: {}; other: {}\n", o_.generate.seed, a.trouble, b.trouble);
            trouble_ = true;
            reported_++;
            return;
        }
        bool any = false;
        for (usize i = 0; i < program.runs.size() && reported_ < o_.reports; i++)
            if (a.contexts[i] != b.contexts[i]) {
                any = true;
                reduce(program, i, a.contexts[i], b.contexts[i]);
            }
        if (!any && a.scratch != b.scratch) reduce_memory(program);
        known_before_ = known_;
    }

    /// Split the block of run `index` into single instructions, each started from our state before it.
    void reduce(const Program& program, usize index, const Context& whole_ours, const Context& whole_other) {
        Program shorter = program;
        shorter.runs.resize(index + 1);
        Program single;
        std::vector<Step> steps;
        u32 end;
        {
            const Image image = build(shorter);
            end = image.block_end[program.runs[index].block];
            steps = Host(model_, cpu::Execution::interpreter, cpu::Tier2::off, image).trace(index, single.scratch);
        }
        // The driver's way out is not part of it.
        std::erase_if(steps, [&](const Step& s) { return isa::a32::code_address(s.pc) >= end; });
        for (const Step& s : steps) {
            Block block{bool(s.pc & 1), {}};
            // An instruction of an IT block gets an IT instruction of its own.
            if (s.it) block.insns.push_back({0xbf08u | (s.it & 0xf0u), 2});
            block.insns.push_back({s.word, s.size});
            single.blocks.push_back(block);
            single.runs.push_back({unsigned(single.blocks.size() - 1), s.before});
        }
        const Image image = build(single);
        const Outcome a = ours(image), b = theirs(image);
        for (usize i = 0; i < steps.size() && a.complete && b.complete; i++)
            if (a.contexts[i] != b.contexts[i]) {
                const std::string name = row_name(steps[i].word, steps[i].size, steps[i].pc & 1);
                if (!o_.both_own && is_known(name, single.runs[i].input, steps[i].word, a.contexts[i], b.contexts[i])) return void(known_++);
                return report(single.runs[i].input, a.contexts[i], b.contexts[i], steps[i]);
            }
        if (known_ > known_before_) return;   // what an earlier block left in memory
        reported_++;
        fmt::print("seed {} run {}: not reproduced by single instructions; {} block:", o_.generate.seed, index, program.blocks[program.runs[index].block].thumb ? "Thumb" : "Arm");
        for (const Code& code : program.blocks[program.runs[index].block].insns) fmt::print(" {:0{}x}", code.word, 2 * code.size);
        fmt::print("\n");
        show_differences(program.runs[index].input, whole_ours, whole_other);
    }

    /// Only memory differs: find the first run after which it does.
    void reduce_memory(const Program& program) {
        usize low = 0, high = program.runs.size();
        while (low + 1 < high) {
            const usize middle = (low + high) / 2;
            Program shorter = program;
            shorter.runs.resize(middle);
            const Image image = build(shorter);
            (ours(image).scratch == theirs(image).scratch ? low : high) = middle;
        }
        reported_++;
        fmt::print("seed {}: memory differs after run {}; block:", o_.generate.seed, low);
        const Block& block = program.blocks[program.runs[low].block];
        for (const Code& code : block.insns) fmt::print(" {:0{}x}({})", code.word, 2 * code.size, row_name(code.word, code.size, block.thumb));
        fmt::print("\n");
    }

    std::string row_name(u32 word, unsigned size, bool thumb) {
        const auto row = !thumb ? isa::a32::decode_a32(word, model_.features) : size == 2 ? isa::a32::decode_t16(u16(word), model_.features)
                                                                                           : isa::a32::decode_t32(word, model_.features);
        return row ? std::string(row->name()) : "unallocated";
    }

    void report(const Context& in, const Context& ours, const Context& other, const Step& step) {
        const std::string name = row_name(step.word, step.size, step.pc & 1);
        reported_++;
        by_name_[name]++;
        fmt::print("{:0{}x} {} {}{} (seed {})\n", step.word, 2 * step.size, name, step.pc & 1 ? "thumb" : "arm", step.it ? fmt::format(" it {:02x}", step.it) : "", o_.generate.seed);
        show_differences(in, ours, other);
        fmt::print("    in: cpsr {:08x} fpscr {:08x}", in.cpsr, in.fpscr);
        for (unsigned n = 0; n < 15; n++) fmt::print(" r{} {:x}", n, in.r[n]);
        fmt::print("\n");
        if (step.size == 4) {
            u32 word = step.word;
            const auto row = step.pc & 1 ? isa::a32::decode_t32(word, model_.features) : isa::a32::decode_a32(word, model_.features);
            if (row && row->pattern.fields[unsigned(isa::letter_index('D'))].width) {
                const auto f = row->fields(word);
                for (char letter : {'d', 'n', 'm'}) {
                    if (!f.has(letter)) continue;
                    const char high = char(letter - 'a' + 'A');
                    const u32 bit = f.has(high) ? f[high] : 0;
                    const unsigned d = bit << 4 | f[letter], s = f[letter] << 1 | bit;
                    fmt::print("      {}: d{} {:016x} {:016x}; s{} {:08x}\n", letter, d, in.d[d], in.d[(d + 1) & 31], s, u32(in.d[s / 2] >> (s & 1) * 32));
                }
            }
        }
    }

    void show_differences(const Context& in, const Context& ours, const Context& other) {
        auto line = [&](const std::string& what, u64 before, u64 a, u64 b) {
            if (a != b) fmt::print("    {:6} before {:016x}  ours {:016x}  other {:016x}\n", what, before, a, b);
        };
        for (unsigned n = 0; n < 15; n++) line("r" + std::to_string(n), in.r[n], ours.r[n], other.r[n]);
        for (unsigned n = 0; n < 32; n++) line("d" + std::to_string(n), in.d[n], ours.d[n], other.d[n]);
        line("cpsr", in.cpsr, ours.cpsr, other.cpsr);
        line("fpscr", in.fpscr, ours.fpscr, other.fpscr);
        line("pc", 0, ours.illegal_pc, other.illegal_pc);
        line("signal", 0, ours.illegal_signal, other.illegal_signal);
    }

    Options o_;
    const isa::CpuModel& model_;
    std::vector<std::string> command_;
    u64 done_ = 0, regions_ = 0;
    unsigned reported_ = 0;
    unsigned known_ = 0, known_before_ = 0;   ///< blocks with a known difference, in all and before this batch
    bool trouble_ = false;
    std::map<std::string, unsigned> by_name_;
};

} // namespace

int main(int argc, char** argv) {
    std::setvbuf(stdout, nullptr, _IOLBF, 0);
    if (const char* items = std::getenv("EMU_LOG")) (void)log::enable(items);
    return Lockstep(parse(argc, argv)).run();
}

// SPDX-License-Identifier: MIT
// Runs every row of a guest's table under every setting, and compares results and flags with libs/fp (which agrees with
// TestFloat: tests/fp).
#include "vectors.h"

#include <cstdlib>
#include <fmt/core.h>
#include <sys/mman.h>

namespace emu::fp_vectors {
namespace {

constexpr usize code_size = 1 << 12;

struct Options {
    std::string_view guest, engine = "jit", only;
    u64 seed = 1, count = 64;
    unsigned reports = 10;
};

[[noreturn]] void usage() {
    std::fputs("usage: fp_vectors a64|x86 [--engine interpreter|jit|tier2] [--count N] [--seed N] [--only PART-OF-NAME] [--reports N]\n", stderr);
    std::exit(2);
}
Options parse(int argc, char** argv) {
    Options o;
    if (argc % 2) usage();
    o.guest = argv[1];
    for (int i = 2; i < argc; i += 2) {
        const std::string_view name = argv[i];
        if (name == "--engine") o.engine = argv[i + 1];
        else if (name == "--count") o.count = std::strtoull(argv[i + 1], nullptr, 0);
        else if (name == "--seed") o.seed = std::strtoull(argv[i + 1], nullptr, 0);
        else if (name == "--only") o.only = argv[i + 1];
        else if (name == "--reports") o.reports = unsigned(std::strtoul(argv[i + 1], nullptr, 0));
        else usage();
    }
    if (o.guest != "a64" && o.guest != "x86") usage();
    return o;
}

/// One program at a time; it never changes while it is being run.
class Code final : public cpu::CodeMemory {
public:
    Code() : at_(static_cast<u8*>(mmap(nullptr, code_size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0))) {
        if (at_ == MAP_FAILED) std::perror("mmap"), std::exit(1);
    }
    bool read(u64 address, Bytes to) override {
        if (address < base() || address - base() + to.size() > code_size) return false;
        std::memcpy(to.data(), at_ + (address - base()), to.size());
        return true;
    }
    void watch(u64, u64) override {}
    u64 base() const { return u64(at_); }
    void put(const std::vector<u8>& program) { std::memcpy(at_, program.data(), program.size()); }

private:
    u8* at_;
};

class Run {
public:
    Run(const Options& options, Guest guest) : o_(options), guest_(std::move(guest)), random_(options.seed), records_(options.count) {
        cpu::EngineOptions engine{.code_buffer = usize(16) << 20, .tier2 = cpu::Tier2::off, .hot_threshold = 8};
        if (o_.engine == "interpreter") engine.execution = cpu::Execution::interpreter;
        else if (o_.engine == "tier2") engine.tier2 = cpu::Tier2::synchronous;
        else if (o_.engine != "jit") usage();
        auto made = cpu::Engine::create(*guest_.isa, *guest_.model, engine, code_);
        if (!made) std::fputs("no engine\n", stderr), std::exit(1);
        engine_ = std::move(*made);
        cpu_ = std::make_unique<cpu::Vcpu>(*engine_);
    }
    int all();

private:
    void row(const Row& row);
    void setting(const Row& row, const Setting& setting);
    void check(const Row& row, const Setting& setting, const Record& record);

    Options o_;
    Guest guest_;
    Random random_;
    std::vector<Record> records_;
    Code code_;
    std::unique_ptr<cpu::Engine> engine_;
    std::unique_ptr<cpu::Vcpu> cpu_;
    u64 cases_ = 0, wrong_ = 0;
    unsigned wrong_here_ = 0, rows_wrong_ = 0, rows_ = 0;
};

std::string hex(const u8* bytes, unsigned size) {
    std::string text;
    for (unsigned i = size; i-- > 0;) text += fmt::format("{:02x}", bytes[i]);
    return text;
}

void Run::check(const Row& row, const Setting& setting, const Record& record) {
    cases_++;
    fp::Env env = setting.env;
    Answer expected;
    row.expect(record, env, expected);
    const u64 flags = guest_.status(u8(env.flags & ~row.ignored)) | expected.flags, looked_at = guest_.compared(row, flags);
    const u8* got = row.place == Place::vector ? record.result : row.place == Place::extended ? record.extended : reinterpret_cast<const u8*>(&record.integer);
    if (!std::memcmp(got, expected.bytes, expected.size) && ((record.flags ^ flags) & looked_at) == 0) return;
    wrong_++;
    if (wrong_here_++ >= 2 || rows_wrong_ >= o_.reports) return;
    fmt::print("{} (control {:x}) of {} {} {}\n    expected {} flags {:x}\n    got      {} flags {:x}\n", row.name, setting.control,
               hex(record.operands[0], 16), hex(record.operands[1], 16), hex(record.operands[2], 16), hex(expected.bytes, expected.size),
               flags & looked_at, hex(got, expected.size), record.flags & looked_at);
}

void Run::setting(const Row& row, const Setting& setting) {
    for (Record& r : records_) fill_operands(r, row.kind, random_);
    guest_.start(*cpu_, code_.base(), records_.data(), records_.size(), setting.control);
    const cpu::Stop stop = cpu_->run();
    if (stop.trap != isa::Trap::breakpoint) {
        fmt::print("{}: stopped by trap {} at {:x}\n", row.name, u32(stop.trap), cpu_->state().pc - code_.base());
        wrong_++, wrong_here_++;
        return;
    }
    for (const Record& r : records_) check(row, setting, r);
}

void Run::row(const Row& row) {
    rows_++;
    wrong_here_ = 0;
    code_.put(guest_.program(row));
    engine_->invalidate(code_.base(), code_.base() + code_size);
    for (const Setting& s : guest_.settings[row.settings]) setting(row, s);
    if (!wrong_here_) return;
    if (rows_wrong_++ < o_.reports) fmt::print("{}: {} wrong\n", row.name, wrong_here_);
}

int Run::all() {
    for (const Row& r : guest_.rows)
        if (o_.only.empty() || r.name.find(o_.only) != r.name.npos) row(r);
    fmt::print("{} ({}): {} instructions, {} cases, {} wrong\n", guest_.name, o_.engine, rows_, cases_, wrong_);
    return wrong_ || !cases_ ? 1 : 0;
}

} // namespace
} // namespace emu::fp_vectors

int main(int argc, char** argv) {
    using namespace emu::fp_vectors;
    const Options options = parse(argc, argv);
    return Run(options, options.guest == "a64" ? a64_guest() : x86_guest()).all();
}

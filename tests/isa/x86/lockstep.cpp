// SPDX-License-Identifier: MIT
// Random x86 instructions in our engines and on the host CPU, state and memory compared after each block.
//
//     lockstep_x86 --bits 32 --instructions 100000
//     lockstep_x86 --instructions 10000000 --seed 1 --engine jit
//     lockstep_x86 --only 'vpmov*,pshufb' --engine interpreter
//     lockstep_x86 --loops --engine tier2
#include "generate.h"
#include "native.h"

#include "common/log.h"
#include "cpu/vcpu.h"
#include "isa/x86/models.h"
#include "isa/x86/x86.h"

#include <chrono>
#include <csignal>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <fmt/core.h>
#include <fmt/ranges.h>
#include <map>
#include <sys/mman.h>
#include <unistd.h>

using namespace emu;
using namespace emu::lockstep_x86;
namespace x86 = isa::x86;

namespace emu::lockstep_x86 {
bool native_signal(int signal, void* context);
}

namespace {

constexpr usize code_size = usize(4) << 20, slot = 1024, arena_size = 8192;

struct Options {
    GenerateOptions generate;
    cpu::Execution execution = cpu::Execution::jit;
    cpu::Tier2 tier2 = cpu::Tier2::off;
    u64 seed = 1, instructions = 100'000;
    double seconds = 0;
    unsigned reports = 10;
    bool keep_going = true;
};

std::vector<std::string> split(std::string_view text) {
    std::vector<std::string> parts;
    while (!text.empty()) {
        const usize at = text.find(',');
        parts.emplace_back(text.substr(0, at));
        text = at == text.npos ? std::string_view{} : text.substr(at + 1);
    }
    return parts;
}

[[noreturn]] void usage() {
    std::fputs("usage: lockstep_x86 [--seed N] [--instructions N] [--seconds S] [--length N] [--only NAME,...] [--without NAME,...]\n"
               "                    [--engine interpreter|jit|tier2] [--reports N] [--faults P] [--bits 64|32] [--loops]\n", stderr);
    std::exit(2);
}

Options parse(int argc, char** argv) {
    Options o;
    for (int i = 1; i < argc; i++) {
        const std::string_view name = argv[i];
        if (name == "--loops") {
            o.generate.loops = true;
            continue;
        }
        if (++i == argc) usage();
        const char* value = argv[i];
        if (name == "--seed") o.seed = std::strtoull(value, nullptr, 0);
        else if (name == "--instructions") o.instructions = std::strtoull(value, nullptr, 0);
        else if (name == "--seconds") o.seconds = std::strtod(value, nullptr);
        else if (name == "--length") o.generate.length = unsigned(std::strtoul(value, nullptr, 0));
        else if (name == "--only") o.generate.only = split(value);
        else if (name == "--without") o.generate.without = split(value);
        else if (name == "--reports") o.reports = unsigned(std::strtoul(value, nullptr, 0));
        else if (name == "--faults") o.generate.faults = std::strtod(value, nullptr);
        else if (name == "--bits") o.generate.wide = std::string_view(value) != "32";
        else if (name == "--engine") {
            o.execution = std::string_view(value) == "interpreter" ? cpu::Execution::interpreter : cpu::Execution::jit;
            if (std::string_view(value) == "tier2") o.tier2 = cpu::Tier2::synchronous;
        }
        else usage();
    }
    return o;
}

/// Guest code is where the host runs it; behind its end lies a UD2 for the engine.
class Code final : public cpu::CodeMemory {
public:
    bool read(u64 address, Bytes to) override {
        // Pieces around the end, of any size: only the first instruction there is ever run.
        constexpr u64 near = 8192;
        if (address + near > native_end() && address < native_end() + near && to.size() <= near) {
            std::fill(to.begin(), to.end(), u8(0x90));
            const u8 ud2[] = {0x0f, 0x0b};
            for (u64 i = 0; i < 2; i++)
                if (native_end() + i >= address && native_end() + i - address < to.size()) to[native_end() + i - address] = ud2[i];
            return true;
        }
        if (address < base || address - base + to.size() > code_size) return false;
        std::memcpy(to.data(), reinterpret_cast<const void*>(address), to.size());
        return true;
    }
    void watch(u64, u64) override {}
    u64 base = 0;
};

void on_fault(int signal, siginfo_t* info, void* context) {
    if (native_signal(signal, context)) return;
    cpu::Vcpu* current = cpu::Vcpu::current();
    if (current && current->handle_host_fault(signal, info->si_code, u64(info->si_addr), context)) return;
    std::signal(signal, SIG_DFL);
}

int signal_of(const cpu::Stop& stop) {
    switch (u32(stop.trap)) {
    case u32(isa::Trap::undefined): return SIGILL;
    case u32(isa::Trap::divide_error): case x86::trap_fpu: case x86::trap_simd: return SIGFPE;
    case u32(isa::Trap::load_fault): case u32(isa::Trap::store_fault): case u32(isa::Trap::fetch_fault): case x86::trap_general_protection:
        return SIGSEGV;
    default: return 255;
    }
}

class Lockstep {
public:
    explicit Lockstep(Options options) : o_(std::move(options)) {
        arena_ = static_cast<u8*>(map(arena_size + 8192, PROT_READ | PROT_WRITE)) + 4096;
        mprotect(arena_ - 4096, 4096, PROT_NONE);
        mprotect(arena_ + arena_size, 4096, PROT_NONE);
        code_ = static_cast<u8*>(map(code_size, PROT_READ | PROT_WRITE | PROT_EXEC));
        memory_.base = u64(code_);
        native_prepare();
        for (int signal : {SIGSEGV, SIGBUS, SIGFPE, SIGILL, SIGTRAP}) {
            struct sigaction action{};
            action.sa_sigaction = on_fault;
            action.sa_flags = SA_SIGINFO | SA_NODEFER | SA_ONSTACK;
            sigaction(signal, &action, nullptr);
        }
        model_ = (wide() ? x86::x86_64_isa : x86::i386_isa).find_model("max");
        o_.generate.features = model_->features;
        generator_ = std::make_unique<Generator>(o_.generate, TestMemory{u64(arena_), arena_size, u64(map(4096, PROT_READ | PROT_WRITE))});
        renew();
    }
    int run();

private:
    static void* map(usize size, int protection) {
        void* at = mmap(nullptr, size, protection, MAP_PRIVATE | MAP_ANONYMOUS | MAP_32BIT, -1, 0);
        if (at == MAP_FAILED) std::perror("mmap"), std::exit(1);
        return at;
    }
    void renew() {
        cpu_.reset();
        if (engine_) regions_ += engine_->stats().regions;
        engine_.reset();
        const cpu::EngineOptions options{.execution = o_.execution, .code_buffer = usize(64) << 20, .tier2 = o_.tier2, .hot_threshold = 1};
        auto made = cpu::Engine::create(wide() ? x86::x86_64_isa : x86::i386_isa, *model_, options, memory_);
        if (!made) std::fputs("no engine\n", stderr), std::exit(1);
        engine_ = std::move(*made);
        cpu_ = std::make_unique<cpu::Vcpu>(*engine_);
        next_ = 0;
    }
    bool wide() const { return o_.generate.wide; }
    unsigned registers() const { return wide() ? 16 : 8; }
    void put_end(u8* at);
    void random_state(Registers& r, std::mt19937_64& random);
    void ours(u64 entry, u64 end, Registers& r);
    std::string difference(const Registers& host, const Registers& own, const Block& block) const;
    bool one(u64 seed);

    Options o_;
    u8 *arena_ = nullptr, *code_ = nullptr;
    Code memory_;
    const isa::CpuModel* model_ = nullptr;
    std::unique_ptr<Generator> generator_;
    std::unique_ptr<cpu::Engine> engine_;
    std::unique_ptr<cpu::Vcpu> cpu_;
    usize next_ = 0;
    u64 done_ = 0, regions_ = 0;
    unsigned reported_ = 0;
    std::map<std::string, unsigned> by_name_;
};

u64 interesting(std::mt19937_64& random) {
    constexpr u64 some[] = {0, 1, ~u64(0), 0x7f, 0x80, 0xff, 0x7fff, 0x8000, 0xffff, 0x7fffffff, 0x80000000, 0xffffffff, u64(1) << 63, ~u64(0) >> 1};
    const u64 r = random();
    return r % 3 == 0 ? some[random() % std::size(some)] : r % 3 == 1 ? random() >> random() % 64 : random();
}
u32 interesting_f32(std::mt19937_64& random) {
    constexpr u32 some[] = {0, 0x80000000, 0x3f800000, 0xbf800000, 0x7f800000, 0xff800000, 0x7fc00000, 0x7f800001, 0xffc12345, 1, 0x807fffff, 0x00800000,
                            0x7f7fffff, 0x4b000001, 0x4f000000, 0xcf000000, 0x5f000000};
    return random() % 2 ? some[random() % std::size(some)] : random() % 2 ? u32(0x3f000000 + (random() & 0x1ffffff)) : u32(random());
}
u64 interesting_f64(std::mt19937_64& random) {
    constexpr u64 some[] = {0, u64(1) << 63, 0x3ff0000000000000, 0xbff0000000000000, 0x7ff0000000000000, 0xfff0000000000000, 0x7ff8000000000000,
                            0x7ff0000000000001, 0xfff8123456789abc, 1, 0x800fffffffffffff, 0x0010000000000000, 0x7fefffffffffffff,
                            0x4330000000000001, 0x41e0000000000000, 0xc3e0000000000000, 0x36a0000000000000, 0x47efffffefffffff};
    return random() % 2 ? some[random() % std::size(some)] : random() % 2 ? 0x3fe0000000000000 + (random() & 0x3fffffffffffff) : random();
}
void fill_vector(u8* to, std::mt19937_64& random) {
    const unsigned kind = unsigned(random() % 3);
    for (unsigned i = 0; i < 16; i += 4) {
        if (kind == 0) {
            const u32 v = interesting_f32(random);
            std::memcpy(to + i, &v, 4);
        } else if (i % 8 == 0) {
            const u64 v = kind == 1 ? interesting_f64(random) : random() % 4 ? random() : interesting(random);
            std::memcpy(to + i, &v, 8);
        }
    }
}

void Lockstep::random_state(Registers& r, std::mt19937_64& random) {
    for (u64& x : r.gpr) x = interesting(random);
    if (!wide())
        for (u64& x : r.gpr) x = u32(x);
    r.gpr[4] = u64(arena_) + arena_size / 2;
    r.flags = 0x202 | (random() & 0x8d5);
    auto put = [&](usize at, auto value) { std::memcpy(r.area + at, &value, sizeof value); };
    std::memset(r.area, 0, sizeof r.area);
    put(0, u16(0x37f | (random() % 4 == 0 ? (random() & 0xc00) : 0)));
    if (random() % 8 == 0) put(0, u16(0x7f | (random() & 0xf00)));
    put(2, u16((random() & 7) << 11));
    put(4, u8(random() % 3 ? random() | random() : 0));
    u32 mxcsr = 0x1f80;
    if (random() % 4 == 0) mxcsr |= u32(random() & 0x6000);
    if (random() % 8 == 0) mxcsr |= u32(random() & 0x8040);
    // Overflow and underflow stay masked: unmasked, they look at a result of unbounded exponent (SDM volume 1, 4.9.1.4 and
    // 4.9.1.5), which nobody computes.
    if (random() % 16 == 0) mxcsr &= ~u32(random() & 0x1380);
    put(24, mxcsr);
    put(28, u32(0xffff));
    for (unsigned i = 0; i < 8; i++) {
        u64 fraction = random() | u64(1) << 63;
        u16 exponent = u16(0x3fff + random() % 70 - 35 + (random() & 1) * 0x8000);
        switch (random() % 8) {
        case 0: fraction = 0, exponent = u16(random() & 0x8000); break;
        case 1: exponent = u16(0x7fff | (random() & 0x8000)), fraction = random() % 2 ? u64(1) << 63 : fraction; break;
        case 2: exponent = u16(random() & 0xffff); break;
        case 3: fraction = u64(random() % 1000 + 1) << 54 | u64(1) << 63; break;
        default: break;
        }
        put(32 + 16 * i, fraction);
        put(40 + 16 * i, exponent);
    }
    for (unsigned i = 0; i < registers(); i++) fill_vector(r.area + 160 + 16 * i, random), fill_vector(r.area + 576 + 16 * i, random);
    put(512, u64(7));
}

void Lockstep::ours(u64 entry, u64 end, Registers& r) {
    auto& s = cpu_->state_as<x86::State>();
    std::memcpy(s.gpr, r.gpr, sizeof s.gpr);
    x86::write_eflags(s, u32(r.flags));
    x86::fxrstor(s, r.area, true);
    x86::load_halves(s, 1, 16, r.area + 576);
    s.pc = entry;
    const cpu::Stop stop = cpu_->run();
    std::memcpy(r.gpr, s.gpr, sizeof s.gpr);
    r.flags = x86::read_eflags(s);
    r.pc = s.pc;
    r.signal = stop.kind == cpu::Stop::Kind::poll ? 254 : signal_of(stop);
    if (s.pc == end && (r.signal == SIGILL || (r.signal == SIGSEGV && !wide()))) r.signal = 0, r.pc = 0;
    x86::fxsave(s, r.area, true);
    x86::store_halves(s, 1, 16, r.area + 576);
}

std::string Lockstep::difference(const Registers& host, const Registers& own, const Block& block) const {
    std::string out;
    auto say = [&](const std::string& what, u64 h, u64 o) {
        if (h != o) out += fmt::format("    {}: host {:x}, ours {:x}\n", what, h, o);
    };
    say("signal", u64(host.signal), u64(own.signal));
    say("pc", host.pc, own.pc);
    const u64 gpr_mask = wide() ? ~u64(0) : 0xffffffff;
    for (unsigned n = 0; n < registers(); n++) say("r" + std::to_string(n), host.gpr[n] & gpr_mask, own.gpr[n] & gpr_mask);
    const u64 mask = 0xcd5 & ~u64(host.signal ? 0x8d5 : block.undefined_flags);
    say("flags", host.flags & mask, own.flags & mask);
    auto field = [&](const std::string& name, usize at, unsigned bytes) {
        u64 h = 0, w = 0;
        std::memcpy(&h, host.area + at, bytes);
        std::memcpy(&w, own.area + at, bytes);
        say(name, h, w);
    };
    field("mxcsr", 24, 4);
    // A faulting MMX instruction has changed our x87 state over, the processor's not.
    const bool x87 = !(block.mmx && host.signal);
    if (x87) field("fcw", 0, 2), field("fsw", 2, 2), field("ftw", 4, 1);
    for (unsigned i = 0; i < 8 && x87; i++) {
        field(fmt::format("st{} fraction", i), 32 + 16 * i, 8);
        field(fmt::format("st{} exponent", i), 40 + 16 * i, 2);
    }
    for (unsigned i = 0; i < registers(); i++)
        for (unsigned h = 0; h < 4; h++)
            field(fmt::format("ymm{}.q{}", i, h), (h < 2 ? 160 : 576) + 16 * i + 8 * (h & 1), 8);
    return out;
}

/// The jump out of a block: through memory in 64-bit code; a far one in 32-bit code, which the engine refuses at that place.
void Lockstep::put_end(u8* at) {
    const u8 near[] = {0xff, 0x25, 0, 0, 0, 0};
    const u64 to = wide() ? native_end() : native_end_32() | u64(0x33) << 32;
    if (wide()) std::memcpy(at, near, sizeof near);
    else *at = 0xea;
    std::memcpy(at + (wide() ? sizeof near : 1), &to, wide() ? 8 : 6);
}

bool Lockstep::one(u64 seed) {
    if ((next_ + 1) * slot > code_size) renew();
    u8* at = code_ + next_++ * slot;
    Block block = generator_->block(seed, u64(at));
    if (block.code.size() + 14 > slot || block.code.empty()) return true;
    done_ += block.insns;
    std::memcpy(at, block.code.data(), block.code.size());
    put_end(at + block.code.size());
    const u64 end = wide() ? native_end() : u64(at) + block.code.size();

    std::mt19937_64 random(seed);
    Registers start;
    random_state(start, random);
    std::vector<u8> before(arena_size), after(arena_size);
    for (usize i = 0; i < arena_size; i += 16) fill_vector(before.data() + i, random);
    std::memcpy(arena_, before.data(), arena_size);
    Registers host = start, own = start;
    native_run(u64(at), host, wide());
    std::memcpy(after.data(), arena_, arena_size);
    std::memcpy(arena_, before.data(), arena_size);
    ours(u64(at), end, own);
    std::string text = difference(host, own, block);
    // Of ten bytes in two pages of which one cannot be written, some processors store the fraction.
    const bool half_stored = host.signal == SIGSEGV && (block.names.find("fstp") != block.names.npos || block.names.find("fbstp") != block.names.npos);
    for (usize i = 0; i < arena_size; i += 8)
        if (std::memcmp(arena_ + i, after.data() + i, 8) && !(half_stored && i >= arena_size - 16)) {
            u64 h, w;
            std::memcpy(&h, after.data() + i, 8), std::memcpy(&w, arena_ + i, 8);
            text += fmt::format("    arena+{:x}: host {:x}, ours {:x}\n", i, h, w);
            break;
        }
    if (text.empty()) return true;
    if (by_name_[block.names]++ > 0 || reported_++ >= o_.reports) return false;
    std::string hex;
    for (u8 b : block.code) hex += fmt::format("{:02x}", b);
    fmt::print("seed {}: {}\n    code {}\n{}", seed, block.names, hex, text);
    std::fflush(stdout);
    return false;
}

int Lockstep::run() {
    const auto start = std::chrono::steady_clock::now();
    u64 failures = 0, seed = o_.seed;
    for (; done_ < o_.instructions; seed++) {
        failures += !one(seed);
        if (reported_ >= o_.reports) break;
        if (o_.seconds > 0 && (seed & 255) == 0 && std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count() > o_.seconds) break;
    }
    fmt::print("{} instructions of {} rows in {} blocks, {} regions, {} disagreements\n", done_, generator_->rows(), seed - o_.seed,
               regions_ + engine_->stats().regions, failures);
    return failures ? 1 : 0;
}

} // namespace

/// Where the processors of Intel, which the models here are, and of others may differ: SHA instructions with memory that is not
/// aligned, which of several NaNs a dot product returns, what a gather or VCVTPS2PH whose access faults has done by then, and how
/// much MOVSXD reads where its result has 16 bits.
constexpr std::string_view intel_ways[] = {"sha1*", "sha256*", "dpps", "dppd", "vgather*", "vpgather*", "vcvtps2ph", "movsxd"};
/// In 32-bit code also whether VEX.W matters to VPINSRD and VPEXTRD, which share rows with the legacy forms.
constexpr std::string_view intel_ways_32[] = {"pinsrd", "pextrd"};

int main(int argc, char** argv) {
    if (!__builtin_cpu_supports("avx2") || !__builtin_cpu_supports("fma") || !__builtin_cpu_supports("bmi2")) {
        std::puts("skipped: the host has no AVX2, FMA or BMI2 to compare with");
        return 77;
    }
    if (const char* items = std::getenv("EMU_LOG")) (void)log::enable(items);
    Options options = parse(argc, argv);
    if (!options.generate.wide && !native_has_32()) {
        std::puts("skipped: the host's kernel has no 32-bit code");
        return 77;
    }
    if (!__builtin_cpu_is("intel")) {
        auto& without = options.generate.without;
        without.insert(without.end(), std::begin(intel_ways), std::end(intel_ways));
        if (!options.generate.wide) without.insert(without.end(), std::begin(intel_ways_32), std::end(intel_ways_32));
        fmt::print("the host is not an Intel processor: left out are {}\n", fmt::join(without, ", "));
    }
    return Lockstep(std::move(options)).run();
}

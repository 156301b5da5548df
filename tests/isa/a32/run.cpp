// SPDX-License-Identifier: MIT
#include "run.h"

#include "isa/a32/a32.h"

#include <csignal>
#include <cstdlib>
#include <cstring>
#include <elf.h>
#include <fmt/core.h>
#include <poll.h>
#include <spawn.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

extern char** environ;

namespace emu::lockstep {

namespace {
constexpr int patience = 20;          ///< seconds a batch may take

Outcome trouble(std::string text) {
    Outcome outcome;
    outcome.trouble = std::move(text);
    return outcome;
}
} // namespace

Outcome run_child(const std::vector<std::string>& command, const Image& image) {
    char path[] = "/tmp/lockstep-XXXXXX";
    const int file = mkstemp(path);
    if (file >= 0) fchmod(file, 0700), close(file);
    int pipe_ends[2];
    if (file < 0 || !write_elf(image, path) || pipe(pipe_ends)) return trouble("cannot write the ELF file");
    std::vector<char*> argv;
    for (const auto& word : command) argv.push_back(const_cast<char*>(word.c_str()));
    argv.push_back(path);
    argv.push_back(nullptr);
    posix_spawn_file_actions_t actions;
    posix_spawn_file_actions_init(&actions);
    posix_spawn_file_actions_adddup2(&actions, pipe_ends[1], 1);
    posix_spawn_file_actions_addclose(&actions, pipe_ends[0]);
    pid_t child;
    const int failed = posix_spawnp(&child, argv[0], &actions, nullptr, argv.data(), environ);
    posix_spawn_file_actions_destroy(&actions);
    close(pipe_ends[1]);
    std::vector<u8> output;
    u8 buffer[65536];
    pollfd ready{pipe_ends[0], POLLIN, 0};
    while (!failed) {
        if (poll(&ready, 1, patience * 1000) == 0) kill(child, SIGKILL);
        const ssize_t n = read(pipe_ends[0], buffer, sizeof buffer);
        if (n <= 0) break;
        output.insert(output.end(), buffer, buffer + n);
    }
    close(pipe_ends[0]);
    if (!std::getenv("LOCKSTEP_KEEP")) unlink(path);
    if (failed) return trouble("cannot start " + command[0]);
    int status = 0;
    waitpid(child, &status, 0);
    Outcome outcome = parse_output(output, image.runs);
    if (status) outcome.complete = false, outcome.trouble = command[0] + " ended with status " + std::to_string(status);
    return outcome;
}

namespace {

/// Code is never written to here, so that there is nothing to watch.
class Text final : public cpu::CodeMemory {
public:
    explicit Text(const Image& image) : text_(image.segments[0]) {}
    bool read(u64 address, Bytes to) override {
        if (address < text_.address || address - text_.address + to.size() > text_.bytes.size()) return false;
        std::memcpy(to.data(), text_.bytes.data() + (address - text_.address), to.size());
        return true;
    }
    void watch(u64, u64) override {}

private:
    const Segment& text_;
};

void on_alarm(int) {
    if (cpu::Vcpu* current = cpu::Vcpu::current()) current->request_poll();
}

void on_fault(int signal, siginfo_t* info, void* context) {
    cpu::Vcpu* current = cpu::Vcpu::current();
    if (current && current->handle_host_fault(signal, info->si_code, u64(info->si_addr), context)) return;
    std::signal(signal, SIG_DFL);
}

/// What Linux makes of a trap inside a block; 0: the driver's business.
u64 signal_of(isa::Trap trap) {
    if (u32(trap) == isa::a32::trap_alignment) return SIGBUS;
    switch (trap) {
    case isa::Trap::undefined: return SIGILL;
    case isa::Trap::breakpoint: return SIGTRAP;
    case isa::Trap::load_fault: case isa::Trap::store_fault: case isa::Trap::fetch_fault: return SIGSEGV;
    case isa::Trap::misaligned: return SIGBUS;
    default: return 0;
    }
}

} // namespace

struct Host::Impl {
    const Image& image;
    Text code;
    std::unique_ptr<cpu::Engine> engine;
    std::unique_ptr<cpu::Vcpu> cpu;
    std::vector<std::pair<void*, usize>> mappings;
    std::vector<u8> output;

    Impl(const isa::CpuModel& model, cpu::Execution execution, cpu::Tier2 tier2, const Image& i) : image(i), code(i) {
        for (const Segment& s : image.segments) {
            void* at = mmap(reinterpret_cast<void*>(u64(s.address)), s.bytes.size(), PROT_READ | PROT_WRITE,
                            MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED_NOREPLACE, -1, 0);
            EMU_ASSERT(at == reinterpret_cast<void*>(u64(s.address)));
            mappings.emplace_back(at, s.bytes.size());
            std::memcpy(at, s.bytes.data(), s.bytes.size());
            // A block that stores to its own text faults here as it does there.
            EMU_ASSERT((s.flags & PF_W) || mprotect(at, s.bytes.size(), PROT_READ) == 0);
        }
        cpu::EngineOptions options{.execution = execution, .code_buffer = usize(32) << 20, .tier2 = tier2, .hot_threshold = 1};
        auto made = cpu::Engine::create(isa::a32::a32_isa, model, options, code);
        EMU_ASSERT(made.has_value());
        engine = std::move(*made);
        cpu = std::make_unique<cpu::Vcpu>(*engine);
        struct sigaction action{};
        action.sa_sigaction = on_fault;
        action.sa_flags = SA_SIGINFO | SA_NODEFER;
        sigaction(SIGSEGV, &action, nullptr);
        sigaction(SIGBUS, &action, nullptr);
    }
    ~Impl() {
        for (auto [at, size] : mappings) munmap(at, size);
    }

    isa::a32::State& state() { return cpu->state_as<isa::a32::State>(); }

    /// The driver's few system calls and the undefined instructions of blocks; false when the program is over.
    bool handle(const cpu::Stop& stop, std::string& trouble) {
        isa::a32::State& s = state();
        if (stop.kind == cpu::Stop::Kind::poll) {
            trouble = fmt::format("still running after {} s at pc {:x}, r11 {:x}", patience, s.pc, s.r[context_register]);
            return false;
        }
        if (const u64 signal = signal_of(stop.trap)) {
            Context& context = *reinterpret_cast<Context*>(u64(s.r[context_register]));
            context.illegal_pc = isa::a32::code_address(s.pc);
            context.illegal_signal = u32(signal);
            s.pc = image.epilogue;
            return true;
        }
        if (stop.trap != isa::Trap::syscall) {
            trouble = fmt::format("trap {} at pc {:x}, value {:x}", unsigned(stop.trap), s.pc, stop.value);
            return false;
        }
        if (s.r[7] == 248) return false;
        if (s.r[7] == 4) {
            const u8* from = reinterpret_cast<const u8*>(u64(s.r[1]));
            output.insert(output.end(), from, from + s.r[2]);
            s.r[0] = s.r[2];
        } else {
            s.r[0] = 0;
        }
        return true;
    }

    Context capture() {
        isa::a32::State& s = state();
        Context c;
        std::memcpy(c.r, s.r, sizeof c.r);
        std::memcpy(c.d, s.v, sizeof c.d);
        c.cpsr = isa::a32::read_cpsr(s);
        c.fpscr = isa::a32::read_fpscr(s);
        return c;
    }
};

Host::Host(const isa::CpuModel& model, cpu::Execution execution, cpu::Tier2 tier2, const Image& image)
    : impl_(std::make_unique<Impl>(model, execution, tier2, image)) {}
Host::~Host() = default;
u64 Host::regions() const { return impl_->engine->stats().regions; }

Outcome Host::run() {
    impl_->state().pc = impl_->image.entry;
    std::string trouble;
    std::signal(SIGALRM, on_alarm);
    alarm(patience);
    while (impl_->handle(impl_->cpu->run(), trouble)) {}
    alarm(0);
    Outcome outcome = parse_output(impl_->output, impl_->image.runs);
    if (!trouble.empty()) outcome.complete = false, outcome.trouble = trouble;
    return outcome;
}

std::vector<Step> Host::trace(usize index, std::vector<u8>& scratch_before) {
    std::vector<Step> steps;
    std::string trouble;
    isa::a32::State& s = impl_->state();
    s.pc = impl_->image.entry;
    bool inside = false;
    for (;;) {
        const Context* context = reinterpret_cast<const Context*>(u64(context_address(index)));
        if (!inside && s.r[context_register] == context_address(index) && s.pc == context->entry) {
            inside = true;
            const u8* scratch = reinterpret_cast<const u8*>(u64(scratch_at));
            scratch_before.assign(scratch, scratch + scratch_size);
        }
        if (inside && s.pc == impl_->image.epilogue) break;
        u16 halves[2];
        // The other may have branched to where there is no code.
        if (inside && impl_->code.read(isa::a32::code_address(s.pc), {reinterpret_cast<u8*>(halves), 4})) {
            const bool thumb = s.pc & 1, wide = !thumb || halves[0] >> 11 >= 0x1d;
            const u32 word = !thumb ? u32(halves[1]) << 16 | halves[0] : wide ? u32(halves[0]) << 16 | halves[1] : halves[0];
            steps.push_back({s.pc, word, u8(wide ? 4 : 2), u8(s.pc >> isa::a32::pc_it_shift), impl_->capture()});
        }
        const cpu::Stop stop = impl_->cpu->step();
        if (stop.kind == cpu::Stop::Kind::trap && !impl_->handle(stop, trouble)) break;
    }
    return steps;
}

} // namespace emu::lockstep

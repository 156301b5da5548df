// SPDX-License-Identifier: MIT
#include "emulator.h"

#include <csignal>
#include <cstdlib>
#include <cstring>
#include <poll.h>
#include <spawn.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

extern char** environ;

namespace emu::lockstep {

std::vector<u8> run_emulator(const std::vector<std::string>& command, const std::function<bool(const std::string& path)>& write,
                             std::string& trouble) {
    std::vector<u8> output;
    char path[] = "/tmp/lockstep-XXXXXX";
    const int file = mkstemp(path);
    if (file >= 0) fchmod(file, 0700), close(file);
    int pipe_ends[2];
    if (file < 0 || !write(path) || pipe(pipe_ends)) {
        trouble = "cannot write the ELF file";
        return output;
    }
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
    u8 buffer[65536];
    pollfd ready{pipe_ends[0], POLLIN, 0};
    while (!failed) {
        if (poll(&ready, 1, patience_seconds * 1000) == 0) kill(child, SIGKILL);
        const ssize_t n = read(pipe_ends[0], buffer, sizeof buffer);
        if (n <= 0) break;
        output.insert(output.end(), buffer, buffer + n);
    }
    close(pipe_ends[0]);
    if (!std::getenv("LOCKSTEP_KEEP")) unlink(path);
    int status = 0;
    if (!failed) waitpid(child, &status, 0);
    if (failed) trouble = "cannot start " + command[0];
    else if (status) trouble = command[0] + " ended with status " + std::to_string(status);
    return output;
}

bool Text::read(u64 address, Bytes to) {
    if (address < address_ || address - address_ + to.size() > bytes_.size()) return false;
    std::memcpy(to.data(), bytes_.data() + (address - address_), to.size());
    return true;
}

void GuestMemory::map(u64 address, ConstBytes contents, bool writable) {
    void* at = mmap(reinterpret_cast<void*>(address), contents.size(), PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED_NOREPLACE, -1, 0);
    EMU_ASSERT(at == reinterpret_cast<void*>(address));
    mappings_.emplace_back(at, contents.size());
    std::memcpy(at, contents.data(), contents.size());
    // A block that stores to its own text faults here as it does there.
    EMU_ASSERT(writable || mprotect(at, contents.size(), PROT_READ) == 0);
}

GuestMemory::~GuestMemory() {
    for (auto [at, size] : mappings_) munmap(at, size);
}

namespace {

void on_alarm(int) {
    if (cpu::Vcpu* current = cpu::Vcpu::current()) current->request_poll();
}

void on_fault(int signal, siginfo_t* info, void* context) {
    cpu::Vcpu* current = cpu::Vcpu::current();
    if (current && current->handle_host_fault(signal, info->si_code, u64(info->si_addr), context)) return;
    std::signal(signal, SIG_DFL);
}

} // namespace

void take_faults() {
    struct sigaction action{};
    action.sa_sigaction = on_fault;
    action.sa_flags = SA_SIGINFO | SA_NODEFER;
    sigaction(SIGSEGV, &action, nullptr);
    sigaction(SIGBUS, &action, nullptr);
}

Patience::Patience() {
    std::signal(SIGALRM, on_alarm);
    alarm(patience_seconds);
}
Patience::~Patience() { alarm(0); }

u32 signal_of(isa::Trap trap, u32 alignment) {
    if (u32(trap) == alignment) return SIGBUS;
    switch (trap) {
    case isa::Trap::undefined: return SIGILL;
    case isa::Trap::breakpoint: return SIGTRAP;
    case isa::Trap::load_fault: case isa::Trap::store_fault: case isa::Trap::fetch_fault: return SIGSEGV;
    case isa::Trap::misaligned: return SIGBUS;
    default: return 0;
    }
}

} // namespace emu::lockstep

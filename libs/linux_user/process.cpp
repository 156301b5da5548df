// SPDX-License-Identifier: MIT
#include "linux_user/process.h"

#include "common/bits.h"
#include "common/log.h"
#include "cpu/dump.h"
#include "linux_user/debugger.h"
#include "linux_user/elf_load.h"
#include "linux_user/exec.h"
#include "linux_user/guest_log.h"
#include "linux_user/stack.h"
#include "linux_user/thread.h"
#include "plugin/plugin.h"

#include <algorithm>
#include <cerrno>
#include <climits>
#include <cstring>
#include <elf.h>
#include <sched.h>
#include <sys/auxv.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/random.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#ifndef AT_MINSIGSTKSZ
#define AT_MINSIGSTKSZ 51
#endif

namespace emu::linux_user {
namespace {

std::vector<AuxEntry> aux_entries(const Abi& abi, const isa::CpuModel& model, const LoadedProgram& program) {
    auto host = [](u64 key) { return AuxEntry{key, ::getauxval(key)}; };
    return {
        {AT_HWCAP, abi.hwcap(model)},
        {AT_PAGESZ, abi.page},
        host(AT_CLKTCK),
        {AT_PHDR, program.headers},
        {AT_PHENT, program.header_size},
        {AT_PHNUM, program.header_count},
        {AT_BASE, program.interpreter_base},
        {AT_FLAGS, 0},
        {AT_ENTRY, program.program_entry},
        host(AT_UID),
        host(AT_EUID),
        host(AT_GID),
        host(AT_EGID),
        host(AT_SECURE),
        {AT_HWCAP2, abi.hwcap2(model)},
        {AT_MINSIGSTKSZ, abi.min_signal_stack},
    };
}

/// The name that ps and /proc/self/comm show.
void set_command_name(const std::string& path) {
    usize slash = path.rfind('/');
    ::prctl(PR_SET_NAME, path.c_str() + (slash == path.npos ? 0 : slash + 1));
}

/// Steele, Lea, Flood: "Fast Splittable Pseudorandom Number Generators" (SplitMix64).
void seed_bytes(Bytes to, u64 seed) {
    for (usize i = 0; i + 8 <= to.size(); i += 8) {
        u64 z = seed += 0x9e3779b97f4a7c15;
        z = (z ^ z >> 30) * 0xbf58476d1ce4e5b9;
        z = (z ^ z >> 27) * 0x94d049bb133111eb;
        put_le64(to, i, z ^ z >> 31);
    }
}

std::string absolute(const std::string& path) {
    char resolved[PATH_MAX];
    return ::realpath(path.c_str(), resolved) ? resolved : path;
}

} // namespace

Process::Process(const Abi& abi, const isa::CpuModel& model, UserOptions options)
    : abi_(abi), model_(model), options_(std::move(options)), table_(abi), paths_(options_.prefix) {}
Process::~Process() = default;

/// Of a file, in the version that it has now.
static std::string identity_of(const std::string& path) {
    struct stat status;
    if (::stat(path.c_str(), &status)) return path;
    return fmt::format("{} {} {} {} {}.{}", path, u64(status.st_dev), u64(status.st_ino), status.st_size, status.st_mtim.tv_sec, status.st_mtim.tv_nsec);
}

void Process::save_translations() { engine_->save_translations(); }

void Process::ends(Thread& thread, int status, int signal) {
    save_translations();
    if (plugins_ && !thread.borrows()) plugins_->ends();
    if (Debugger* debugger = thread.debugger()) debugger->ends(thread, status, signal);
}

/// Of the parent of a fork: its gdb goes on with it, and its threads are not here.
void Process::forget_debugger() {
    if (!debugger_) return;
    debugger_->close_in_child();
    (void)debugger_.release(); // its lock and its thread are in an unknown state
}

namespace {
/// May threads of this process run on more than one?
bool has_second_cpu() {
    cpu_set_t set;
    CPU_ZERO(&set);
    return ::sched_getaffinity(0, sizeof set, &set) == 0 && CPU_COUNT(&set) > 1;
}
} // namespace

Result<void> Process::prepare_space() {
    SpaceOptions wish{options_.guest_base, options_.reserve, abi_.model.word * 8, abi_.page, options_.page_size};
    space_ = EMU_TRY(AddressSpace::create(wish));
    cpu::EngineOptions how;
    how.execution = options_.interpreter ? cpu::Execution::interpreter : cpu::Execution::jit;
    how.one_insn_per_unit = options_.one_insn_per_tb;
    how.memory_base = space_->base();
    how.tier2 = options_.tier == "1" ? cpu::Tier2::off : options_.tier == "2" ? cpu::Tier2::background : cpu::Tier2::synchronous;
    how.interpret_first = true;
    how.compile_ahead = how.tier2 == cpu::Tier2::background && has_second_cpu();
    if (options_.hot_threshold) how.hot_threshold = u32(options_.hot_threshold);
    if (abi_.debug) how.code_address = abi_.debug->code_address;
    how.perf_map = options_.perf_map;
    how.jit_dump = options_.jit_dump;
    if (!options_.plugins.empty()) {
        plugins_ = EMU_TRY(plugin::Plugins::load(options_.plugins, abi_.name));
        how.instrument = plugins_.get();
    }
    if (options_.gdb.empty() && !plugins_) how.code_cache = options_.code_cache;
    else how.tier2 = cpu::Tier2::off; // breakpoints and counts are in units
    how.alone = how.code_cache.empty(); // kept translations are for any time
    if (!how.code_cache.empty()) how.code_cache_key = identity_of(options_.program);
    if (log::enabled(log::Item::cpu)) cpu::set_dump_registers(abi_.debug);
    engine_ = EMU_TRY(cpu::Engine::create(*abi_.isa, model_, how, *space_));
    space_->set_engine(engine_.get());
    return {};
}

Result<u64> Process::map_trampoline() {
    s64 at = space_->map(0, abi_.page, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0, RegionKind::signal_page);
    if (at < 0) return fail_errno(int(-at), "cannot map the signal page");
    std::memcpy(space_->host(u64(at)), abi_.trampoline.data(), abi_.trampoline.size());
    space_->protect(u64(at), abi_.page, PROT_READ | PROT_EXEC);
    return u64(at);
}

Result<void> Process::load(int fd, std::vector<std::string> argv, std::vector<std::string> environment) {
    EMU_CHECK(prepare_space());
    if (abi_.prepare) EMU_CHECK(abi_.prepare(*space_));
    // The stack first: it belongs to the top of the address space, where libraries go too.
    u64 size = align_up(std::max(options_.stack_size, u64(32) << 10), abi_.page), top = space_->stack_top();
    s64 at = size > top ? -ENOMEM
                        : space_->map(top - size, size, PROT_READ | PROT_WRITE,
                                      MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED_NOREPLACE | MAP_NORESERVE, -1, 0, RegionKind::stack);
    if (at < 0) return fail(ENOMEM, fmt::format("cannot map a stack of {:#x} bytes", size));
    // As the kernel keeps a gap below a stack: a program that overflows it must not get into what lies there.
    constexpr u64 guard = u64(1) << 20;
    if (u64(at) > guard) space_->map(u64(at) - guard, guard, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED_NOREPLACE | MAP_NORESERVE, -1, 0);
    LoadedProgram loaded = EMU_TRY(load_program(fd, abi_, *space_, paths_));
    space_->start_break(align_up(loaded.end, abi_.page));
    if (loaded.executable_stack) space_->protect(u64(at), size, PROT_READ | PROT_WRITE | PROT_EXEC);
    trampoline_ = EMU_TRY(map_trampoline());

    StackContents contents{argv, std::move(environment), options_.program, std::string(abi_.platform), {},
                           aux_entries(abi_, model_, loaded), loaded.flat_data.has_value()};
    if (::getrandom(contents.random.data(), contents.random.size(), GRND_NONBLOCK) < 0) contents.random.fill(0x5a);
    if (options_.seed) seed_bytes(contents.random, *options_.seed);
    BuiltStack stack = EMU_TRY(build_stack(*space_, abi_.model, top, size, contents));
    program_ = {absolute(options_.program), std::move(argv), std::move(stack.aux), stack.pointer};
    paths_.set_program(program_.path);
    set_command_name(options_.program);

    auto actions = std::make_shared<SignalActions>();
    for (int signal = 1; signal <= signal_count; signal++)
        if (host::signal_is_ignored(signal)) actions->actions[usize(signal)].handler = handler_ignore;
    first_ = std::make_unique<Thread>(*this, std::move(actions));
    first_->enter();
    first_->set_signal_mask(host::thread_mask());
    abi_.start(first_->state(), loaded.entry, stack.pointer);
    if (abi_.apply_flags) abi_.apply_flags(first_->state(), loaded.flags);
    if (loaded.flat_data) abi_.start_flat(first_->state(), *loaded.flat_data);
    if (!options_.gdb.empty()) debugger_ = EMU_TRY(Debugger::create(*this, options_.gdb));
    log_reset(*first_);
    if (log::enabled(log::Item::page)) {
        log::print("guest_base {:#x}, entry {:#x}, stack {:#x}", space_->base(), loaded.entry, stack.pointer);
        for (const Region& region : space_->regions())
            log::print("{:016x}-{:016x} {}{}{}", region.start, region.end, region.props.prot & PROT_READ ? 'r' : '-',
                       region.props.prot & PROT_WRITE ? 'w' : '-', region.props.prot & PROT_EXEC ? 'x' : '-');
    }
    return {};
}

void Process::run() {
    install_fault_handlers();
    if (debugger_) {
        take_all_signals();
        debugger_->start();
    }
    first_->run();
    // The first thread ended by itself while others run: they end the process.
    host::set_thread_mask(~u64(0));
    first_->release_on_exit();
    if (remove(*first_) == 0) ::syscall(SYS_exit_group, 0);
    for (;;) ::syscall(SYS_exit, 0);
}

void Process::halt_others(Thread& but) {
    Thread* none = nullptr;
    if (!dying_.compare_exchange_strong(none, &but)) halted(but);
    unsigned others = 0;
    for_each_thread([&](Thread& thread) {
        if (&thread == &but) return;
        thread.vcpu().request_poll();
        others++;
    });
    // Threads that sleep in a system call never come here, and need not: a while is enough for the others.
    for (int i = 0; i < 50 && halted_ < others; i++) ::usleep(1000);
}
void Process::halted(Thread& thread) {
    if (dying_ == &thread) return;
    halted_++;
    for (;;) ::pause();
}

void Process::add(Thread& thread) {
    std::lock_guard lock(threads_mutex_);
    threads_.push_back(&thread);
}
usize Process::remove(Thread& thread) {
    usize left;
    {
        std::lock_guard lock(threads_mutex_);
        std::erase(threads_, &thread);
        left = threads_.size();
    }
    if (debugger_) debugger_->thread_gone();
    return left;
}
void Process::for_each_thread(const std::function<void(Thread&)>& f) {
    std::lock_guard lock(threads_mutex_);
    for (Thread* thread : threads_) f(*thread);
}
usize Process::thread_count() {
    std::lock_guard lock(threads_mutex_);
    return threads_.size();
}
void Process::keep_only(Thread& thread) {
    std::lock_guard lock(threads_mutex_);
    threads_.assign(1, &thread);
}

Result<void> Process::before_fork() {
    threads_mutex_.lock();
    limits_mutex.lock();
    Result<void> ready = engine_->before_fork();
    if (!ready) {
        limits_mutex.unlock();
        threads_mutex_.unlock();
        return ready;
    }
    space_->fork_lock().lock(); // after the engine's, as everybody else
    return ready;
}
void Process::after_fork(bool in_child) {
    space_->fork_lock().unlock();
    engine_->after_fork(in_child);
    limits_mutex.unlock();
    threads_mutex_.unlock();
}

std::vector<int> Process::own_descriptors() const {
    std::vector<int> own;
    for (int fd : {log::descriptor(), emulator_descriptor()})
        if (fd >= 0) own.push_back(fd);
    if (debugger_)
        for (int fd : debugger_->descriptors()) own.push_back(fd);
    std::sort(own.begin(), own.end());
    return own;
}
bool Process::owns_descriptor(int fd) const {
    if (fd < 0) return false;
    if (debugger_)
        for (int own : debugger_->descriptors())
            if (fd == own) return true;
    return fd == log::descriptor() || fd == emulator_descriptor();
}

} // namespace emu::linux_user

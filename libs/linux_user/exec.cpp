// SPDX-License-Identifier: MIT
#include "linux_user/exec.h"

#include "common/fd.h"
#include "common/sizes.h"
#include "linux_user/flat.h"
#include "linux_user/process.h"
#include "linux_user/syscall.h"
#include "linux_user/thread.h"

#include <algorithm>
#include <array>
#include <cerrno>
#include <climits>
#include <fmt/format.h>
#include <sys/auxv.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

namespace emu::linux_user {
namespace {

constexpr unsigned most_interpreters = 5; // nested scripts, as the kernel allows
constexpr usize most_strings = 1 << 20;
constexpr int lowest_own_descriptor = 901;
Fd emulator;

std::vector<char*> pointers(const std::vector<std::string>& strings) {
    std::vector<char*> list;
    for (const std::string& string : strings) list.push_back(const_cast<char*>(string.c_str()));
    list.push_back(nullptr);
    return list;
}

s64 load_strings(Call& call, u64 at, std::vector<std::string>& strings) {
    for (; at; at += call.abi.model.word) {
        auto string = call.load_word(at);
        if (!string) return -EFAULT;
        if (!*string) break;
        if (strings.size() == most_strings) return -E2BIG;
        if (s64 result = call.load_string(*string, strings.emplace_back(), 128 << 10)) return result == -EFAULT ? result : -E2BIG;
    }
    return 0;
}

/// The first bytes of a file that may be executed.
s64 read_head(const std::string& path, std::string& head) {
    if (::access(path.c_str(), F_OK) < 0) return -errno;
    if (::access(path.c_str(), X_OK) < 0) return -errno;
    auto fd = Fd::open(path, O_RDONLY);
    if (!fd) return 0; // executable but not readable: only the host can start it
    auto source = elf_source(fd->get());
    if (!source) return -source.error().code;
    head.resize(usize(std::min<u64>(source->size, 256)));
    if (!source->read(0, {reinterpret_cast<u8*>(head.data()), head.size()})) return -EIO;
    return 0;
}

s64 execute_call(Call& call, const std::string& path, u64 argv_at, u64 environment_at) {
    std::vector<std::string> argv, environment;
    s64 loaded = load_strings(call, argv_at, argv);
    if (loaded == 0) loaded = load_strings(call, environment_at, environment);
    std::string head;
    // What is wrong with the file comes before what is wrong with the strings.
    if (loaded < 0) {
        const s64 result = path.empty() ? -ENOENT : read_head(call.process.paths().resolve(path), head);
        return result < 0 ? result : loaded;
    }
    if (argv.empty()) argv.emplace_back(); // as the kernel does since 5.18
    // A signal that is taken now would be lost with this program's handlers; it is delivered first.
    if (call.thread.block_signals()) {
        call.thread.set_signal_mask(call.thread.signal_mask());
        return interrupted;
    }
    call.thread.set_signal_mask(call.thread.signal_mask());
    return execute(call.process, path, std::move(argv), environment);
}

} // namespace

std::optional<Interpreter> parse_script(std::string_view head) {
    if (!head.starts_with("#!")) return std::nullopt;
    std::string_view line = head.substr(2, head.find('\n') == head.npos ? head.npos : head.find('\n') - 2);
    auto trim = [](std::string_view text) {
        usize first = text.find_first_not_of(" \t");
        if (first == text.npos) return std::string_view();
        return text.substr(first, text.find_last_not_of(" \t\r") - first + 1);
    };
    line = trim(line);
    if (line.empty()) return std::nullopt;
    usize end = line.find_first_of(" \t");
    Interpreter interpreter{std::string(line.substr(0, end)), std::nullopt};
    if (end != line.npos)
        if (auto rest = trim(line.substr(end)); !rest.empty()) interpreter.argument = std::string(rest);
    return interpreter;
}

bool runs_under(const Abi& abi, ConstBytes head) {
    if (abi.start_flat && is_flat(head)) return true;
    auto header = parse_elf_header(ByteView(head));
    return header && header->machine == abi.elf_machine && header->is64 == abi.elf64 && header->order == abi.model.order;
}

SplitEnvironment split_environment(const std::vector<std::string>& environment) {
    SplitEnvironment split;
    for (const std::string& variable : environment)
        (variable.starts_with("LD_") || variable.starts_with("GLIBC_TUNABLES=") ? split.guest_only : split.host).push_back(variable);
    return split;
}

std::vector<std::string> emulator_command(const UserOptions& options, std::string_view abi_name, const std::string& program,
                                          const std::vector<std::string>& argv, const std::vector<std::string>& guest_environment) {
    std::vector<std::string> command{fmt::format("emu-{}", abi_name)};
    auto add = [&](std::string_view name, const std::string& value) {
        command.emplace_back(name);
        command.push_back(value);
    };
    if (!options.prefix.empty()) add("-L", options.prefix);
    if (!options.cpu.empty()) add("-cpu", options.cpu);
    if (options.stack_size != UserOptions().stack_size) add("-s", std::to_string(options.stack_size));
    if (options.guest_base) add("-B", fmt::format("{:#x}", options.guest_base));
    if (options.reserve) add("-R", fmt::format("{:#x}", options.reserve));
    if (!options.uname_release.empty()) add("-r", options.uname_release);
    if (!options.log_items.empty()) add("-d", options.log_items);
    if (!options.log_file.empty()) add("-log-append", options.log_file);
    if (!options.log_filter.empty()) add("-dfilter", options.log_filter);
    if (options.page_size) add("-p", std::to_string(options.page_size));
    if (options.seed) add("-seed", std::to_string(*options.seed));
    if (options.strace) command.emplace_back("-strace");
    if (options.one_insn_per_tb) command.emplace_back("-one-insn-per-tb");
    if (options.interpreter) command.emplace_back("-interpreter");
    if (options.tier != UserOptions().tier) add("-tier", options.tier);
    if (options.hot_threshold) add("-hot-threshold", std::to_string(options.hot_threshold));
    if (!options.code_cache.empty()) add("-code-cache", options.code_cache);
    for (const std::string& plugin : options.plugins) add("-plugin", plugin);
    if (options.perf_map) command.emplace_back("-perfmap");
    if (options.jit_dump) command.emplace_back("-jitdump");
    for (std::string variable : guest_environment) {
        for (usize at = 0; (at = variable.find(',', at)) != variable.npos; at += 2) variable.insert(at, ",");
        add("-E", variable);
    }
    add("-0", argv[0]);
    add("--", program);
    command.insert(command.end(), argv.begin() + 1, argv.end());
    return command;
}

int inherited_descriptor(std::string_view name) {
    constexpr std::string_view folder = "/dev/fd/";
    if (!name.starts_with(folder)) return -1;
    auto number = parse_number(name.substr(folder.size()));
    if (!number || *number < u64(lowest_own_descriptor) || *number > INT_MAX) return -1;
    return ::fcntl(int(*number), F_SETFD, FD_CLOEXEC) == 0 ? int(*number) : -1;
}

void remember_emulator() {
    const u64 told = ::getauxval(AT_EXECFN);
    const char* name = told ? reinterpret_cast<const char*>(told) : "";
    int fd = inherited_descriptor(name);
    if (fd >= 0) return emulator.reset(fd);
    fd = ::open("/proc/self/exe", O_PATH | O_CLOEXEC);
    if (fd < 0) fd = ::open(name, O_PATH | O_CLOEXEC); // /proc is not mounted in every root directory
    if (fd < 0) return;
    int high = ::fcntl(fd, F_DUPFD_CLOEXEC, lowest_own_descriptor);
    if (high >= 0) ::close(fd);
    emulator.reset(high >= 0 ? high : fd);
}
int emulator_descriptor() { return emulator.get(); }

/// Does the name lead through a descriptor that is closed when something is executed?
static bool ends_with_exec(std::string_view path) {
    for (std::string_view folder : {"/proc/self/fd/", "/dev/fd/"}) {
        if (!path.starts_with(folder)) continue;
        const std::string_view rest = path.substr(folder.size());
        auto number = parse_number(rest.substr(0, rest.find('/')));
        const int flags = number && *number <= INT_MAX ? ::fcntl(int(*number), F_GETFD) : -1;
        return flags >= 0 && (flags & FD_CLOEXEC);
    }
    return false;
}

/// The kernel has opened the program when it closes such a descriptor. Emu opens it later: by another one, that is handed on.
static Fd hand_on(std::string& file) {
    if (!ends_with_exec(file)) return {};
    auto opened = Fd::open(file, O_RDONLY);
    if (!opened) return {};
    Fd high(::fcntl(opened->get(), F_DUPFD, lowest_own_descriptor));
    if (high) file = fmt::format("/dev/fd/{}", high.get());
    return high;
}

s64 execute(Process& process, const std::string& path, std::vector<std::string> argv,
            const std::vector<std::string>& environment) {
    std::string program = path, head;
    for (unsigned depth = 0;; depth++) {
        head.clear();
        if (s64 result = read_head(process.paths().resolve(program), head)) return result;
        auto script = parse_script(head);
        if (!script) break;
        if (depth == most_interpreters) return -ELOOP;
        argv[0] = program;
        if (script->argument) argv.insert(argv.begin(), *script->argument);
        argv.insert(argv.begin(), script->path);
        program = script->path;
    }
    std::string file = process.paths().resolve(program);
    ConstBytes bytes(reinterpret_cast<const u8*>(head.data()), head.size());
    if (emulator && runs_under(process.abi(), bytes)) {
        SplitEnvironment split = split_environment(environment);
        process.save_translations();
        std::string name = file;
        const Fd handed = hand_on(name);
        auto command = emulator_command(process.options(), process.abi().name, name, argv, split.guest_only);
        // It is handed on: the new program could not find it where /proc is not mounted.
        if (emulator.get() >= lowest_own_descriptor) ::fcntl(emulator.get(), F_SETFD, 0);
        ::syscall(SYS_execveat, emulator.get(), "", pointers(command).data(), pointers(split.host).data(), AT_EMPTY_PATH);
        const int error = errno;
        ::fcntl(emulator.get(), F_SETFD, FD_CLOEXEC);
        errno = error;
        if (errno != ENOSYS && errno != EACCES && errno != ENOENT) return -errno;
    }
    ::execve(file.c_str(), pointers(argv).data(), pointers(environment).data());
    return -errno;
}

s64 sys_execve(Call& call) {
    std::string path;
    if (s64 result = call.load_string(call.a[0], path)) return result;
    return execute_call(call, path, call.a[1], call.a[2]);
}

s64 sys_execveat(Call& call) {
    std::string path;
    int directory = call.int_at(0);
    if (s64 result = call.load_string(call.a[1], path)) return result;
    const u32 flags = u32(call.a[4]);
    if (path.empty() && !(flags & AT_EMPTY_PATH)) return -ENOENT;
    if (flags & ~u32(AT_EMPTY_PATH | AT_SYMLINK_NOFOLLOW)) return -EINVAL;
    const bool relative = path.empty() || (path[0] != '/' && directory != AT_FDCWD);
    if (relative && directory != AT_FDCWD && ::fcntl(directory, F_GETFD) < 0) return -EBADF;
    if (relative)
        path = fmt::format("/proc/self/fd/{}{}{}", directory, path.empty() ? "" : "/", path);
    else if (struct stat about; (flags & AT_SYMLINK_NOFOLLOW) && ::lstat(call.process.paths().resolve(path).c_str(), &about) == 0 && S_ISLNK(about.st_mode))
        return -ELOOP;
    // The interpreter of a script would not find it (execveat(2), ENOENT).
    if (std::string head; relative && ends_with_exec(path) && read_head(path, head) == 0 && parse_script(head)) return -ENOENT;
    return execute_call(call, path, call.a[2], call.a[3]);
}

} // namespace emu::linux_user

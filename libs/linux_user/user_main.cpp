// SPDX-License-Identifier: MIT
#include "linux_user/user_main.h"

#include "common/heap.h"
#include "common/fd.h"
#include "common/log.h"
#include "common/text.h"
#include "common/trace.h"
#include "cpu/dump.h"
#include "linux_user/exec.h"
#include "linux_user/process.h"

#include <algorithm>
#include <cerrno>
#include <climits>
#include <cstdio>
#include <fmt/format.h>
#include <unistd.h>

extern "C" char** environ;

namespace emu::linux_user {
namespace {

std::string_view base_name(std::string_view path) {
    usize slash = path.rfind('/');
    return slash == path.npos ? path : path.substr(slash + 1);
}

cli::Target argv0_into(UserOptions& options) {
    return [&options](std::string_view value) -> Result<void> {
        options.argv0 = value;
        return {};
    };
}

/// "var=val,var2=val2", ",," being a comma: added one by one.
cli::Target list_into(std::vector<std::string>& list) {
    return [&list](std::string_view text) -> Result<void> {
        std::string item;
        for (usize i = 0; i < text.size(); i++) {
            if (text[i] != ',') {
                item += text[i];
            } else if (i + 1 < text.size() && text[i + 1] == ',') {
                item += ',';
                i++;
            } else {
                list.push_back(std::exchange(item, {}));
            }
        }
        list.push_back(item);
        return {};
    };
}

cli::Target tier_into(UserOptions& options) {
    return [&options](std::string_view value) -> Result<void> {
        if (value != "1" && value != "2" && value != "2,sync") return fail(EINVAL, "tier is 1, 2 or 2,sync");
        options.tier = value;
        return {};
    };
}

cli::Target page_into(UserOptions& options) {
    return [&options](std::string_view text) -> Result<void> {
        u64 size = 0;
        EMU_CHECK(cli::into_size(size)(text));
        if (size < u64(::sysconf(_SC_PAGESIZE)) || size > (u64(1) << 20) || (size & (size - 1)))
            return fail(EINVAL, "a page is a power of two from the host's page on to 1M");
        options.page_size = size;
        return {};
    };
}

std::vector<cli::Option> option_rows(UserOptions& o) {
    using cli::into;
    return {
        {"L", "path", "look for the ELF interpreter, libraries and other files below path first", "EMU_LD_PREFIX", into(o.prefix)},
        {"s", "size", "size of the guest's stack (8M)", "EMU_STACK_SIZE", cli::into_size(o.stack_size)},
        {"cpu", "model", "CPU model, or 'help' for a list", "EMU_CPU", into(o.cpu)},
        {"E", "var=val[,...]", "set variables in the guest's environment", "EMU_SET_ENV", list_into(o.set_env)},
        {"U", "var[,...]", "remove variables from the guest's environment", "EMU_UNSET_ENV", list_into(o.unset_env)},
        {"0", "argv0", "let the program find argv0 as its argv[0]", "EMU_ARGV0", argv0_into(o)},
        {"r", "release", "what uname says the kernel's release is", "EMU_UNAME", into(o.uname_release)},
        {"B", "address", "put the guest's address 0 at this host address", "EMU_GUEST_BASE", cli::into_size(o.guest_base)},
        {"R", "size", "reserve this much address space for the guest, and no more", "EMU_RESERVED_VA", cli::into_size(o.reserve)},
        {"p", "size", "treat the host's pages as if they were this large", "EMU_PAGESIZE", page_into(o)},
        {"seed", "number", "what the random bytes at the program's start are made from", "EMU_RAND_SEED", [&o](std::string_view text) -> Result<void> {
             u64 number = 0;
             EMU_CHECK(cli::into_number(number)(text));
             o.seed = number;
             return {};
         }},
        trace::option(),
        {"g", "port", "wait for gdb on this TCP port, host:port or path of a socket, and do what it says", "EMU_GDB", into(o.gdb)},
        {"plugin", "file[,arg=value...]", "load a plugin, which looks at what the guest does", "EMU_PLUGIN", into(o.plugins)},
        {"d", "item[,...]", "log these items; 'help' for a list", "EMU_LOG", into(o.log_items)},
        {"D", "file", "write the log to file instead of stderr; %d is the process id", "EMU_LOG_FILENAME", into(o.log_file)},
        {"log-append", "file", "", "", [&o](std::string_view file) -> Result<void> {
             o.log_file = file;
             return log::set_file(file, true);
         }},
        {"dfilter", "range[,...]", "log code only in these ranges: first..last, first+size, first-size", "EMU_DFILTER", [&o](std::string_view ranges) {
             o.log_filter = ranges;
             return cpu::set_dump_filter(ranges);
         }},
        {"strace", "", "log the guest's system calls", "EMU_STRACE", into(o.strace)},
        {"one-insn-per-tb,singlestep", "", "translate every instruction by itself", "EMU_ONE_INSN_PER_TB", into(o.one_insn_per_tb)},
        {"interpreter", "", "run without generating code", "EMU_INTERPRETER", into(o.interpreter)},
        {"tier", "1|2|2,sync", "compile hot loops again: never, in the background (2), or at once", "EMU_TIER", tier_into(o)},
        {"hot-threshold", "count", "how often a backward jump is taken until its target is hot", "EMU_HOT_THRESHOLD", cli::into_size(o.hot_threshold)},
        {"code-cache", "directory", "keep translations there, and use those of earlier runs", "EMU_CODE_CACHE", into(o.code_cache)},
        {"perfmap", "", "write /tmp/perf-PID.map, so that perf knows what translated code is", "EMU_PERFMAP", into(o.perf_map)},
        {"jitdump", "", "write jit-PID.dump, for perf inject --jit", "EMU_JITDUMP", into(o.jit_dump)},
    };
}

Result<void> apply_log(UserOptions& options) {
    if (!options.log_file.empty() && log::descriptor() < 0) EMU_CHECK(log::set_file(options.log_file));
    if (!options.log_items.empty()) EMU_CHECK(log::enable(options.log_items));
    if (options.strace) EMU_CHECK(log::enable("strace"));
    return {};
}

std::string cpu_help(const Abi& abi) {
    std::string text = fmt::format("CPU models of {}:\n", abi.name);
    for (const isa::CpuModel& model : abi.isa->models)
        text += fmt::format("  {:<18} {}\n", model.name, model.text);
    return text;
}

Result<const isa::CpuModel*> find_model(const Abi& abi, const std::string& name) {
    if (name.empty()) return &abi.isa->models.front();
    if (const isa::CpuModel* model = abi.isa->find_model(name)) return model;
    std::vector<std::string_view> names;
    for (const isa::CpuModel& model : abi.isa->models) names.push_back(model.name);
    std::string hint = did_you_mean(name, names);
    return fail(Error{EINVAL, fmt::format("unknown CPU model '{}'", name), hint.empty() ? "-cpu help lists them" : hint});
}

/// The root that the cross compilers of a distribution use, where -L says nothing.
std::string default_prefix(const Abi& abi) {
    for (const std::string& path : {fmt::format("/usr/local/emu-{}", abi.name), std::string(abi.library_path)})
        if (::access(path.c_str(), F_OK) == 0) return path;
    return {};
}

struct Opened {
    Fd fd;
    std::string head;
};

Result<Opened> open_program(const std::string& path) {
    const int handed = inherited_descriptor(path);
    auto fd = handed >= 0 ? Result<Fd>(Fd(handed)) : Fd::open(path, O_RDONLY);
    if (!fd) return fail(std::move(fd).error());
    ElfSource source = EMU_TRY(in(path, elf_source(fd->get())));
    Opened opened{std::move(*fd), std::string(usize(std::min<u64>(source.size, 256)), 0)};
    if (!source.read(0, {reinterpret_cast<u8*>(opened.head.data()), opened.head.size()}))
        return fail(EIO, path + ": cannot be read");
    return opened;
}

std::string name_of(const Fd& fd, const std::string& otherwise) {
    char name[PATH_MAX];
    const ssize_t size = ::readlink(fmt::format("/proc/self/fd/{}", fd.get()).c_str(), name, sizeof name);
    return size > 0 ? std::string(name, usize(size)) : otherwise;
}

/// A script named on the command line: what the kernel would make of it.
Result<Opened> follow_scripts(UserOptions& options, std::vector<std::string>& argv, const PathMap& paths) {
    Opened opened = EMU_TRY(open_program(options.program));
    // Such a descriptor is not there for the program: it goes by the file's own name.
    if (inherited_descriptor(options.program) >= 0) options.program = name_of(opened.fd, options.program);
    for (unsigned depth = 0; depth < 5; depth++) {
        auto script = parse_script(opened.head);
        if (!script) break;
        argv[0] = options.program;
        if (script->argument) argv.insert(argv.begin(), *script->argument);
        argv.insert(argv.begin(), script->path);
        options.program = paths.resolve(script->path);
        opened = EMU_TRY(open_program(options.program));
    }
    return opened;
}

Result<int> run_program(const Abi* abi, std::span<const Abi* const> abis, UserOptions options) {
    std::vector<std::string> argv = options.arguments;
    argv.insert(argv.begin(), options.argv0.value_or(options.program));
    Opened opened = EMU_TRY(follow_scripts(options, argv, PathMap(options.prefix)));
    ConstBytes head(reinterpret_cast<const u8*>(opened.head.data()), opened.head.size());
    if (!abi) {
        abi = abi_of_file(abis, head);
        if (!abi) {
            auto header = EMU_TRY(in(options.program, parse_elf_header(ByteView(head))));
            return fail(ENOEXEC, fmt::format("{}: no guest for ELF files of {}", options.program, elf_machine_name(header.machine)));
        }
        log::set_program(fmt::format("emu-{}", abi->name));
    }
    const isa::CpuModel* model = EMU_TRY(find_model(*abi, options.cpu));
    if (options.prefix.empty()) options.prefix = default_prefix(*abi);
    while (options.prefix.size() > 1 && options.prefix.back() == '/') options.prefix.pop_back();
    if (options.prefix == "/") options.prefix.clear();
    std::vector<std::string> host_environment;
    for (char** each = environ; *each; each++) host_environment.emplace_back(*each);
    auto environment = guest_environment(host_environment, options.set_env, options.unset_env);
    options.set_env.clear();
    options.unset_env.clear();
    remember_emulator();
    auto* process = new Process(*abi, *model, options); // lives as long as the host process
    EMU_CHECK(in(options.program, process->load(opened.fd.get(), std::move(argv), std::move(environment))));
    opened.fd.reset();
    process->run();
}

} // namespace

const Abi* abi_of_name(std::span<const Abi* const> abis, std::string_view program_name) {
    std::string_view name = base_name(program_name);
    if (!name.starts_with("emu-")) return nullptr;
    name.remove_prefix(4);
    if (name.ends_with("-static")) name.remove_suffix(7);
    for (const Abi* abi : abis)
        if (abi->name == name) return abi;
    return nullptr;
}

const Abi* abi_of_file(std::span<const Abi* const> abis, ConstBytes head) {
    for (const Abi* abi : abis)
        if (runs_under(*abi, head)) return abi;
    return nullptr;
}

std::vector<std::string> guest_environment(const std::vector<std::string>& host, const std::vector<std::string>& set,
                                           const std::vector<std::string>& unset) {
    std::vector<std::string> environment = host;
    auto remove = [&](std::string_view name) {
        std::erase_if(environment, [&](const std::string& each) { return each.substr(0, each.find('=')) == name; });
    };
    for (const std::string& name : unset) remove(name);
    for (const std::string& variable : set) {
        remove(std::string_view(variable).substr(0, variable.find('=')));
        environment.push_back(variable);
    }
    return environment;
}

int status_of(const Error& error) {
    switch (error.code) {
    case ENOENT:
    case ENOTDIR: return 127;
    case EACCES:
    case EISDIR:
    case EPERM: return 126;
    default: return 1;
    }
}

int user_main(std::span<const Abi* const> abis, int argc, const char* const* argv) {
    start_heap();
    const Abi* abi = abi_of_name(abis, argc > 0 ? argv[0] : "");
    UserOptions options;
    bool has_program = false;
    cli::Tool tool{.name = abi ? fmt::format("emu-{}", abi->name) : "emu-user",
                   .summary = "Run a Linux program of another architecture.",
                   .options = option_rows(options),
                   .positionals = {{"program", "the program", [&](std::string_view path) -> Result<void> {
                                        options.program = path;
                                        has_program = true;
                                        return {};
                                    }, false},
                                   {"arguments", "its arguments", cli::into(options.arguments), false, true}},
                   .rest_at_positional = true};
    tool.action = [&]() -> Result<int> {
        if (options.log_items == "help") {
            std::fputs(log::help().c_str(), stdout);
            return 0;
        }
        if (options.cpu == "help" || options.cpu == "?") {
            for (const Abi* each : abis)
                if (!abi || each == abi) std::fputs(cpu_help(*each).c_str(), stdout);
            return 0;
        }
        EMU_CHECK(apply_log(options));
        if (!has_program) return fail(Error{EINVAL, "program is required", "see -help"});
        auto status = run_program(abi, abis, options);
        if (status) return *status;
        log::error(status.error());
        return status_of(status.error());
    };
    return cli::run(tool, argc, argv);
}

} // namespace emu::linux_user

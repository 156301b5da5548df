// SPDX-License-Identifier: MIT
#include "linux_user/semihosting.h"

#include "common/fd.h"
#include "linux_user/process.h"
#include "linux_user/syscall.h"
#include "linux_user/thread.h"

#include <algorithm>
#include <cerrno>
#include <cstdlib>
#include <ctime>
#include <fcntl.h>
#include <fmt/format.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

namespace emu::linux_user {
namespace {

constexpr u64 failed = ~u64(0);
constexpr usize longest_name = 4096;
constexpr u64 most_heap = u64(128) << 20, least_heap = u64(1) << 20;

/// One operation: the words of its parameter block, and the guest's memory.
struct Operation {
    Call call;
    u64 parameter;
    SemihostingState& state;
    bool again = false; ///< a signal came first

    /// Word i of the parameter block.
    std::optional<u64> word(unsigned i) const { return call.load_word(parameter + i * call.abi.model.word); }
    bool put_word(u64 at, u64 value) const { return call.narrow() ? call.store<u32>(at, u32(value)) : call.store<u64>(at, value); }
    u64 fail(int error) {
        state.error = error;
        return failed;
    }
    /// Words `first` and `first` + 1 are address and length of a name.
    std::optional<std::string> name(unsigned first) const {
        auto at = word(first), size = word(first + 1);
        if (!at || !size || *size > longest_name) return std::nullopt;
        std::string text(usize(*size), 0);
        if (!call.copy_in(text.data(), *at, text.size())) return std::nullopt;
        return text;
    }
    std::optional<std::string> path(unsigned first) const {
        auto text = name(first);
        if (text) *text = call.process.paths().resolve(std::move(*text));
        return text;
    }
    /// A handle is a descriptor and one, because it is never zero.
    std::optional<int> descriptor() const {
        auto handle = word(0);
        if (!handle || *handle == 0 || *handle > 1 << 20 || call.process.owns_descriptor(int(*handle) - 1)) return std::nullopt;
        return int(*handle) - 1;
    }
};

u64 open_file(Operation& o) {
    // As fopen()'s modes: r, rb, r+, r+b, w, wb, w+, w+b, a, ab, a+, a+b.
    static constexpr int flags[] = {O_RDONLY, O_RDONLY, O_RDWR, O_RDWR,
                                    O_WRONLY | O_CREAT | O_TRUNC, O_WRONLY | O_CREAT | O_TRUNC, O_RDWR | O_CREAT | O_TRUNC, O_RDWR | O_CREAT | O_TRUNC,
                                    O_WRONLY | O_CREAT | O_APPEND, O_WRONLY | O_CREAT | O_APPEND, O_RDWR | O_CREAT | O_APPEND, O_RDWR | O_CREAT | O_APPEND};
    auto at = o.word(0), mode = o.word(1), size = o.word(2);
    if (!at || !mode || !size || *mode >= std::size(flags) || *size > longest_name) return o.fail(EINVAL);
    std::string path(usize(*size), 0);
    if (!o.call.copy_in(path.data(), *at, path.size())) return o.fail(EFAULT);
    if (path == ":tt") return *mode < 4 ? STDIN_FILENO + 1 : *mode < 8 ? STDOUT_FILENO + 1 : STDERR_FILENO + 1;
    const int fd = ::open(o.call.process.paths().resolve(std::move(path)).c_str(), flags[*mode] | O_CLOEXEC, 0644);
    return fd < 0 ? o.fail(errno) : u64(fd) + 1;
}

u64 close_file(Operation& o) {
    auto fd = o.descriptor();
    if (!fd) return o.fail(EBADF);
    if (*fd <= STDERR_FILENO) return 0; // the console stays
    return ::close(*fd) ? o.fail(errno) : 0;
}

// What cannot be written is lost: neither operation has a result.
u64 write_character(Operation& o) {
    u8 c;
    if (o.call.copy_in(&c, o.parameter, 1)) (void)write_all(STDOUT_FILENO, {&c, 1});
    return o.parameter;
}
u64 write_string(Operation& o) {
    std::string text;
    if (o.call.load_string(o.parameter, text, usize(1) << 20) == 0) (void)write_all(STDOUT_FILENO, {reinterpret_cast<const u8*>(text.data()), text.size()});
    return o.parameter;
}

/// Both tell how much was not done.
u64 transfer(Operation& o, int number, bool to_guest) {
    auto fd = o.descriptor();
    auto at = o.word(1), size = o.word(2);
    if (!at || !size) return o.fail(EFAULT);
    if (!fd || !o.call.space.contains(*at, *size)) {
        o.state.error = fd ? EFAULT : EBADF;
        return *size;
    }
    if (to_guest) o.call.space.prepare_write(*at, *size);
    const s64 done = o.call.host_call(number, u64(*fd), host_pointer(o.call.space.host(*at)), *size);
    if (done == interrupted || done == -EINTR) {
        o.again = true;
        return 0;
    }
    if (done < 0) o.state.error = int(-done);
    return *size - u64(std::max<s64>(done, 0));
}
u64 write_file(Operation& o) { return transfer(o, SYS_write, false); }
u64 read_file(Operation& o) { return transfer(o, SYS_read, true); }

u64 read_character(Operation& o) {
    u8 c;
    const s64 done = o.call.host_call(SYS_read, STDIN_FILENO, host_pointer(&c), 1);
    if (done == interrupted || done == -EINTR) {
        o.again = true;
        return 0;
    }
    return done == 1 ? c : failed;
}

u64 is_error(Operation& o) {
    auto status = o.word(0);
    return status && (o.call.narrow() ? s32(*status) < 0 : s64(*status) < 0);
}
u64 is_terminal(Operation& o) {
    auto fd = o.descriptor();
    return fd ? u64(::isatty(*fd)) : o.fail(EBADF);
}
u64 seek(Operation& o) {
    auto fd = o.descriptor();
    auto to = o.word(1);
    if (!fd || !to) return o.fail(EBADF);
    return ::lseek(*fd, off_t(*to), SEEK_SET) < 0 ? o.fail(errno) : 0;
}
u64 file_length(Operation& o) {
    auto fd = o.descriptor();
    struct stat about;
    if (!fd || ::fstat(*fd, &about)) return o.fail(fd ? errno : EBADF);
    return u64(about.st_size);
}

u64 temporary_name(Operation& o) {
    auto at = o.word(0), id = o.word(1), size = o.word(2);
    if (!at || !id || !size) return o.fail(EFAULT);
    const std::string name = fmt::format("/tmp/emu-{:x}-{:02x}", ::getpid(), *id & 0xff);
    if (name.size() + 1 > *size || !o.call.copy_out(*at, name.c_str(), name.size() + 1)) return o.fail(EINVAL);
    return 0;
}
u64 remove_file(Operation& o) {
    auto path = o.path(0);
    if (!path) return o.fail(EFAULT);
    return ::remove(path->c_str()) ? o.fail(errno) : 0;
}
u64 rename_file(Operation& o) {
    auto from = o.path(0), to = o.path(2);
    if (!from || !to) return o.fail(EFAULT);
    return ::rename(from->c_str(), to->c_str()) ? o.fail(errno) : 0;
}
u64 centiseconds(Operation&) { return u64(std::clock()) / (CLOCKS_PER_SEC / 100); }
u64 seconds(Operation&) { return u64(::time(nullptr)); }
u64 system_command(Operation& o) {
    auto command = o.name(0);
    if (!command) return o.fail(EFAULT);
    const int status = std::system(command->c_str());
    return status == -1 ? o.fail(errno) : WIFEXITED(status) ? u64(WEXITSTATUS(status)) : 128 + u64(WTERMSIG(status));
}
u64 last_error(Operation& o) { return u64(o.state.error); }

u64 command_line(Operation& o) {
    auto at = o.word(0), size = o.word(1);
    if (!at || !size) return failed;
    std::string line;
    for (const std::string& each : o.call.process.program().argv) line += (line.empty() ? "" : " ") + each;
    if (line.size() + 1 > *size || !o.call.copy_out(*at, line.c_str(), line.size() + 1)) return failed;
    return o.put_word(o.parameter + o.call.abi.model.word, line.size()) ? 0 : failed;
}

/// The heap is what the program break can give; the stack is where the program was started with.
u64 heap_information(Operation& o) {
    AddressSpace& space = o.call.space;
    SemihostingState& state = o.state;
    if (!state.heap_end) {
        state.heap_base = space.set_break(0);
        state.heap_end = state.heap_base;
        for (u64 size = most_heap; size >= least_heap && state.heap_end == state.heap_base; size /= 2) state.heap_end = space.set_break(state.heap_base + size);
    }
    const u64 stack = o.call.process.program().stack_start & ~u64(15);
    const u64 words[] = {state.heap_base, state.heap_end, stack, 0};
    auto block = o.word(0);
    for (unsigned i = 0; block && i < 4; i++)
        if (!o.put_word(*block + i * o.call.abi.model.word, words[i])) break;
    return o.parameter;
}

constexpr u64 application_exit = 0x20026; // ADP_Stopped_ApplicationExit

u64 leave(Operation& o, u64 reason, u64 status) {
    o.call.as(Sys::exit_group, {reason == application_exit ? status : 1});
    return 0;
}
/// The reason is in the register on 32-bit processors, which have no place for the status.
u64 exit_program(Operation& o) {
    if (o.call.narrow()) return leave(o, o.parameter, 0);
    return leave(o, o.word(0).value_or(0), o.word(1).value_or(0));
}
u64 exit_extended(Operation& o) { return leave(o, o.word(0).value_or(0), o.word(1).value_or(0)); }

u64 elapsed(Operation& o) {
    timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    const u64 ticks = u64(now.tv_sec) * 1'000'000'000 + u64(now.tv_nsec);
    if (!o.call.narrow()) return o.call.store<u64>(o.parameter, ticks) ? 0 : failed;
    return o.call.store<u32>(o.parameter, u32(ticks)) && o.call.store<u32>(o.parameter + 4, u32(ticks >> 32)) ? 0 : failed;
}
u64 tick_frequency(Operation&) { return 1'000'000'000; }

struct OperationRow {
    u8 number;
    u64 (*run)(Operation&);
};
constexpr OperationRow rows[] = {
    {0x01, open_file},      {0x02, close_file},   {0x03, write_character}, {0x04, write_string},   {0x05, write_file},     {0x06, read_file},
    {0x07, read_character}, {0x08, is_error},     {0x09, is_terminal},     {0x0a, seek},           {0x0c, file_length},    {0x0d, temporary_name},
    {0x0e, remove_file},    {0x0f, rename_file},  {0x10, centiseconds},    {0x11, seconds},        {0x12, system_command}, {0x13, last_error},
    {0x15, command_line},   {0x16, heap_information}, {0x18, exit_program}, {0x20, exit_extended}, {0x30, elapsed},        {0x31, tick_frequency},
};

} // namespace

std::optional<u64> semihosting_call(Thread& thread, u64 operation, u64 parameter) {
    const OperationRow* row = std::find_if(std::begin(rows), std::end(rows), [&](const OperationRow& each) { return each.number == operation; });
    if (row == std::end(rows)) return failed;
    Process& process = thread.process();
    Operation o{Call{thread, process, process.abi(), process.space(), syscall_row(Sys::read), {}}, parameter, process.semihosting()};
    const u64 result = row->run(o);
    if (o.again) return std::nullopt;
    return result;
}

} // namespace emu::linux_user

// SPDX-License-Identifier: MIT
#include "common/log.h"

#include "common/fd.h"
#include "common/text.h"

#include <cerrno>
#include <span>
#include <unistd.h>
#include <vector>

namespace emu::log {
namespace detail {
std::atomic<u32> mask{0};
}
namespace {

struct Row {
    std::string_view name;
    u32 bits;
    std::string_view help;
};
// clang-format off
constexpr Row item_rows[] = {
    {"out_asm",      u32(Item::out_asm),      "host code of each translated block"},
    {"in_asm",       u32(Item::in_asm),       "guest code of each translated block"},
    {"op",           u32(Item::op),           "intermediate code as built, which folds constants and shares values"},
    {"op_opt",       u32(Item::op_opt),       "intermediate code as host code is made of it"},
    {"int",          u32(Item::interrupt),    "faults of the guest, and signals that it gets"},
    {"exec",         u32(Item::exec),         "each block as it is entered from outside; with 'nochain' all"},
    {"cpu",          u32(Item::cpu),          "registers before each such block"},
    {"fpu",          u32(Item::fpu),          "floating-point and vector registers where 'cpu' or 'cpu_reset' shows some"},
    {"cpu_reset",    u32(Item::cpu_reset),    "registers that a program or thread begins with"},
    {"unimp",        u32(Item::unimp),        "what the guest asked for and Emu does not have"},
    {"guest_errors", u32(Item::guest_errors), "what the guest did wrong"},
    {"page",         u32(Item::page),         "memory map of the guest at its start"},
    {"nochain",      u32(Item::nochain),      "do not link blocks, so that 'exec' and 'cpu' show each"},
    {"strace",       u32(Item::strace),       "system calls of the guest"},
    {"plugin",       u32(Item::plugin),       "output of plugins, which is shown in any case"},
};
constexpr u32 every_item = [] {
    u32 bits = 0;
    for (const Row& row : item_rows) bits |= row.bits;
    return bits & ~u32(Item::nochain);
}();
/// Of the same family elsewhere, with the reason why they are none here.
constexpr Row refused[] = {
    {"op_ind", 0, "there is no code before indirect operands; 'op' and 'op_opt' show what there is"},
    {"mmu",    0, "programs run without an MMU of their own; 'page' shows their memory"},
    {"pcall",  0, "programs do not leave protected mode; 'int' shows their exceptions"},
};
constexpr Row sets[] = {
    {"all",          every_item,              "every item that only prints"},
    {"none",         0,                       "no item"},
};
// clang-format on

constexpr std::span<const Row> listed[] = {item_rows, sets};

constexpr int first_own_descriptor = 900; // below the usual limit of 1024
std::atomic<int> log_fd{STDERR_FILENO};
std::string& program_name() {
    static std::string name = "emu";
    return name;
}

void write_text(int fd, std::string_view text) {
    // Where it cannot be written there is nowhere left to report that to.
    (void)write_all(fd, {reinterpret_cast<const u8*>(text.data()), text.size()});
}

void write_lines(int fd, std::string_view text) {
    if (text.ends_with('\n')) return write_text(fd, text);
    write_text(fd, std::string(text) + '\n');
}

Result<u32> item_bits(std::string_view name) {
    std::vector<std::string_view> names;
    for (const auto rows : listed)
        for (const Row& row : rows) {
            if (row.name == name) return row.bits;
            names.push_back(row.name);
        }
    for (const Row& row : refused)
        if (row.name == name) return fail(Error{EINVAL, fmt::format("no log item '{}': {}", name, row.help), {}});
    std::string hint = did_you_mean(name, names);
    return fail(Error{EINVAL, fmt::format("unknown log item '{}'", name), hint.empty() ? "see -d help" : hint});
}

} // namespace

namespace detail {
void write_log(std::string_view text) { write_lines(log_fd.load(std::memory_order_relaxed), text); }
} // namespace detail

Result<void> enable(std::string_view items) {
    u32 wanted = detail::mask.load();
    for (std::string_view name : split(items, ',')) {
        u32 bits = EMU_TRY(item_bits(name));
        wanted = name == "none" ? 0 : wanted | bits;
    }
    detail::mask.store(wanted);
    return {};
}

std::string help() {
    std::string text = "Log items (comma separated):\n";
    for (const auto rows : listed)
        for (const Row& row : rows) text += fmt::format("{:<15} {}\n", row.name, row.help);
    return text;
}

Result<void> set_file(std::string_view path, bool append) {
    int fd = STDERR_FILENO;
    if (!path.empty()) {
        std::string name(path);
        if (auto at = name.find("%d"); at != name.npos) name.replace(at, 2, std::to_string(::getpid()));
        fd = EMU_TRY(Fd::open(name, O_WRONLY | O_CREAT | O_APPEND | (append ? 0 : O_TRUNC))).release();
        if (int high = ::fcntl(fd, F_DUPFD_CLOEXEC, first_own_descriptor); high >= 0) {
            ::close(fd);
            fd = high;
        }
    }
    int old = log_fd.exchange(fd);
    if (old != STDERR_FILENO) ::close(old);
    return {};
}

int descriptor() {
    int fd = log_fd.load();
    return fd == STDERR_FILENO ? -1 : fd;
}

void set_program(std::string_view name) { program_name() = name; }
const std::string& program() { return program_name(); }
void message(std::string_view text) { write_lines(STDERR_FILENO, fmt::format("{}: {}", program(), text)); }
void notice(std::string_view text) { write_lines(STDERR_FILENO, text); }
void warning(std::string_view text) { message(fmt::format("warning: {}", text)); }

} // namespace emu::log

// SPDX-License-Identifier: MIT
// read, readv, write, writev, their asynchronous forms, and discard.
#include "block/io/commands.h"
#include "common/sizes.h"

#include <algorithm>
#include <cerrno>
#include <chrono>
#include <cstdio>
#include <cstring>
#include <fmt/format.h>

namespace emu::block::io {
namespace {

using Clock = std::chrono::steady_clock;

double since(Clock::time_point start) { return std::chrono::duration<double>(Clock::now() - start).count(); }

std::optional<u8> pattern_of(const std::string& text) {
    auto value = parse_number(text);
    if (value && *value <= 255) return u8(*value);
    fmt::print("{} is not a valid pattern byte\n", text);
    return std::nullopt;
}

/// One request as the words describe it.
struct Request {
    u64 offset = 0, length = 0;
    bool quiet = false, machine = false, vmstate = false, show = false;
    std::optional<u8> pattern;
    u64 pattern_offset = 0, pattern_length = 0;
    WriteFlags flags = WriteFlags::none;
    bool zeroes = false, unlimited = false;
    std::string_view limit_hint = ""; ///< how a longer request could be made
    std::vector<u8> buffer;
};

bool take_length(std::string_view word, bool vector, Request& r) {
    auto value = number(word);
    if (!value) return false;
    if (*value > max_request - std::min(r.length, max_request) && !r.unlimited) {
        if (vector) fmt::print("Argument '{}' exceeds maximum size {}\n", word, max_request);
        else fmt::print("length cannot exceed {}{}, given {}\n", max_request, r.limit_hint, word);
        return false;
    }
    r.length += *value;
    return true;
}

bool take_range(const Parsed& parsed, bool vector, Request& r) {
    auto offset = number(parsed.words[0]);
    if (!offset) return false;
    r.offset = *offset;
    for (usize i = 1; i < parsed.words.size(); i++)
        if (!take_length(parsed.words[i], vector, r)) return false;
    r.quiet = parsed.has('q');
    r.machine = parsed.has('C');
    return true;
}

bool wrong_words(const Command& self, const Parsed& parsed, bool vector) {
    if (vector ? parsed.words.size() >= 2 : parsed.words.size() == 2) return false;
    fmt::print("{}\n", one_line(self));
    return true;
}

/// Machine state and compressed clusters are written by sectors.
bool aligned(const Request& r) {
    if (!r.vmstate && !has(r.flags, WriteFlags::compressed)) return true;
    if (r.offset % 512) return fmt::print("{} is not a sector-aligned value for 'offset'\n", r.offset), false;
    if (r.length % 512) return fmt::print("{} is not a sector-aligned value for 'count'\n", r.length), false;
    return true;
}

bool plan_read(const Command& self, const Parsed& parsed, bool vector, Request& r) {
    if (wrong_words(self, parsed, vector)) return false;
    r.vmstate = parsed.has('b');
    r.show = parsed.has('v');
    if (parsed.has('P') && !(r.pattern = pattern_of(parsed.value('P')))) return false;
    if (!parsed.has('P') && (parsed.has('s') || parsed.has('l'))) return fmt::print("{}\n", one_line(self)), false;
    if (!take_range(parsed, vector, r)) return false;
    if (parsed.has('s')) {
        auto value = number(parsed.value('s'));
        if (!value) return false;
        r.pattern_offset = *value;
    }
    r.pattern_length = r.length - std::min(r.length, r.pattern_offset);
    if (parsed.has('l')) {
        auto value = number(parsed.value('l'));
        if (!value) return false;
        r.pattern_length = *value;
    }
    if (r.pattern_offset > r.length || r.pattern_length > r.length - r.pattern_offset)
        return fmt::print("pattern verification range exceeds end of read data\n"), false;
    return aligned(r);
}

bool matches(const Request& r) {
    if (!r.pattern) return true;
    const ConstBytes part = ConstBytes(r.buffer).subspan(r.pattern_offset, r.pattern_length);
    if (std::all_of(part.begin(), part.end(), [&](u8 c) { return c == *r.pattern; })) return true;
    fmt::print("Pattern verification failed at offset {}, {} bytes\n", r.offset + r.pattern_offset, r.pattern_length);
    return false;
}

bool run_read(Node& node, Request& r, std::string_view name) {
    r.buffer.assign(r.length, 0xab);
    const auto start = Clock::now();
    auto done = r.vmstate ? node.vmstate_read(r.offset, r.buffer) : node.read(r.offset, r.buffer);
    const double seconds = since(start);
    if (!done) return fmt::print("{} failed: {}\n", name, std::strerror(done.error().code)), false;
    const bool good = matches(r);
    if (r.quiet) return good;
    if (r.show) dump(r.offset, r.buffer);
    report("read", r.offset, r.length, r.length, 1, seconds, r.machine);
    return good;
}

bool fill_from_file(const std::string& path, Request& r) {
    std::FILE* file = std::fopen(path.c_str(), "rb");
    if (!file) return fmt::print(stderr, "{}: {}\n", path, std::strerror(errno)), false;
    const usize got = std::fread(r.buffer.data(), 1, r.buffer.size(), file);
    std::fclose(file);
    if (!got && !r.buffer.empty()) return fmt::print(stderr, "{}: file is empty\n", path), false;
    for (usize at = got; at < r.buffer.size(); at++) r.buffer[at] = r.buffer[at - got]; // over and over
    return true;
}

bool plan_write(const Command& self, const Parsed& parsed, bool vector, Request& r) {
    if (wrong_words(self, parsed, vector)) return false;
    r.vmstate = parsed.has('b');
    r.zeroes = parsed.has('z');
    auto refuse = [](std::string_view text) { return fmt::print("{}\n", text), false; };
    if (parsed.has('b') && r.zeroes) return refuse("-b and -z cannot be specified at the same time");
    if (parsed.has('b') && parsed.has('c')) return refuse("-b and -c cannot be specified at the same time");
    if (parsed.has('f') && (parsed.has('b') || parsed.has('c'))) return refuse("-f and -b or -c cannot be specified at the same time");
    if (parsed.has('n') && !r.zeroes) return refuse("-n requires -z to be specified");
    if (parsed.has('u') && !r.zeroes) return refuse("-u requires -z to be specified");
    if (int(r.zeroes) + int(parsed.has('P')) + int(parsed.has('s')) > 1) return refuse("Only one of -z, -P, and -s can be specified at the same time");
    if (parsed.has('P') && !(r.pattern = pattern_of(parsed.value('P')))) return false;
    r.unlimited = r.zeroes && parsed.has('n'); // no buffer, and none to fall back on
    if (self.name == "write") r.limit_hint = " without -n";
    if (!take_range(parsed, vector, r)) return false;
    if (parsed.has('f')) r.flags = r.flags | WriteFlags::fua;
    if (parsed.has('c') && !r.zeroes) r.flags = r.flags | WriteFlags::compressed;
    if (parsed.has('u')) r.flags = r.flags | WriteFlags::may_unmap;
    if (parsed.has('n')) r.flags = r.flags | WriteFlags::no_fallback;
    if (!aligned(r)) return false;
    if (!r.zeroes) r.buffer.assign(r.length, r.pattern.value_or(0xcd));
    return !parsed.has('s') || fill_from_file(parsed.value('s'), r);
}

bool run_write(Node& node, Request& r, std::string_view name) {
    if (has(r.flags, WriteFlags::compressed) && !node.limits().can_write_compressed)
        return fmt::print("{} failed: {}\n", name, std::strerror(ENOTSUP)), false;
    const auto start = Clock::now();
    auto done = r.zeroes ? node.write_zeroes(r.offset, r.length, r.flags) : r.vmstate ? node.vmstate_write(r.offset, r.buffer) : node.write(r.offset, r.buffer, r.flags);
    const double seconds = since(start);
    if (!done) return fmt::print("{} failed: {}\n", name, std::strerror(done.error().code)), false;
    if (!r.quiet) report("wrote", r.offset, r.length, r.length, 1, seconds, r.machine);
    return true;
}

bool read_once(Shell& shell, const Command& self, const Parsed& parsed) {
    Request r;
    return plan_read(self, parsed, self.name == "readv", r) && run_read(*shell.node(), r, self.name);
}

bool write_once(Shell& shell, const Command& self, const Parsed& parsed) {
    Request r;
    return plan_write(self, parsed, self.name == "writev", r) && run_write(*shell.node(), r, self.name);
}

bool read_behind(Shell& shell, const Command& self, const Parsed& parsed) {
    auto r = std::make_shared<Request>();
    if (parsed.has('i')) return fmt::print("injecting invalid read request\n"), true;
    if (!plan_read(self, parsed, true, *r)) return false;
    shell.background().start([node = shell.node(), r] { run_read(*node, *r, "readv"); });
    return true;
}

bool write_behind(Shell& shell, const Command& self, const Parsed& parsed) {
    auto r = std::make_shared<Request>();
    if (parsed.has('i')) return fmt::print("injecting invalid write request\n"), true;
    if (parsed.has('z') && parsed.words.size() != 2) return fmt::print("-z supports only a single length parameter\n"), false;
    if (!plan_write(self, parsed, true, *r)) return false;
    shell.background().start([node = shell.node(), r] { run_write(*node, *r, "aio_write"); });
    return true;
}

bool discard(Shell& shell, const Command& self, const Parsed& parsed) {
    Request r;
    if (wrong_words(self, parsed, false) || !take_range(parsed, false, r)) return false;
    const auto start = Clock::now();
    auto done = shell.node()->discard(r.offset, r.length);
    if (!done) return fmt::print("discard failed: {}\n", std::strerror(done.error().code)), false;
    if (!r.quiet) report("discard", r.offset, r.length, r.length, 1, since(start), r.machine);
    return true;
}

constexpr std::string_view read_help =
    " Reads a range of the open file and says how long it took.\n"
    " -b, -- the machine state area instead of the disk\n -C, -- one line of figures for programs\n"
    " -P, -- all bytes must have this value\n -s, -- where in the range that begins\n -l, -- how far it goes\n"
    " -q, -- print errors only\n -v, -- print the bytes\n -p, -- accepted and ignored\n";
constexpr std::string_view write_help =
    " Writes a range of the open file, with bytes 0xcd unless told otherwise.\n"
    " -b, -- the machine state area instead of the disk\n -c, -- compressed\n -f, -- to stable storage\n"
    " -n, -- with -z: fail rather than write a buffer\n -P, -- bytes of this value\n -s, -- bytes from this file\n"
    " -u, -- with -z: deallocating is welcome\n -z, -- zeroes, by the shortest way\n -C, -- one line of figures for programs\n"
    " -q, -- print errors only\n -i, -- count an invalid request\n -p, -- accepted and ignored\n";

constexpr Command rows[] = {
    {"aio_read", "", "CP:iqrvp", 2, -1, "[-Ciqv] [-P pattern] off len [len..]", "asynchronously reads a number of bytes", read_help, true, false, read_behind},
    {"aio_write", "", "CfiP:qruzp", 2, -1, "[-Cfiquz] [-P pattern] off len [len..]", "asynchronously writes a number of bytes", write_help, true, true, write_behind},
    {"discard", "d", "Cq", 2, -1, "[-Cq] off len", "discards a number of bytes at a specified offset", " Gives a range back to the storage.\n", true, true, discard},
    {"read", "r", "abCl:pP:qrs:v", 2, -1, "[-abCqv] [-P pattern [-s off] [-l len]] off len", "reads a number of bytes at a specified offset", read_help, true, false, read_once},
    {"readv", "", "CP:qrvp", 2, -1, "[-Cqv] [-P pattern] off len [len..]", "reads a number of bytes at a specified offset", read_help, true, false, read_once},
    {"write", "w", "bcCfnpP:qrs:uz", 2, -1, "[-bcCfnquz] [-P pattern | -s source_file] off len", "writes a number of bytes at a specified offset", write_help, true, true, write_once},
    {"writev", "", "CfqrP:p", 2, -1, "[-Cfq] [-P pattern] off len [len..]", "writes a number of bytes at a specified offset", write_help, true, true, write_once},
};

} // namespace

std::span<const Command> transfer_commands() { return rows; }

} // namespace emu::block::io

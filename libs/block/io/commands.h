// SPDX-License-Identifier: MIT
// The table of commands, and what they share: options of one letter, numbers, reports.
#pragma once
#include "block/io/shell.h"

#include <condition_variable>
#include <list>
#include <map>
#include <mutex>
#include <span>
#include <thread>

namespace emu::block::io {

struct Parsed {
    std::map<char, std::string> flags;
    std::vector<std::string> words;
    bool has(char c) const { return flags.count(c) != 0; }
    std::string value(char c) const { auto at = flags.find(c); return at == flags.end() ? "" : at->second; }
};

struct Command {
    std::string_view name;
    std::string_view alias;    ///< one letter, or ""
    std::string_view letters;  ///< as for getopt(3): "abP:"
    int least, most;           ///< number of arguments, options included; most -1: any number
    std::string_view arguments, summary, help;
    bool needs_image;
    bool writes;
    bool (*run)(Shell& shell, const Command& self, const Parsed& parsed);
};
std::span<const Command> commands();
const Command* find_command(std::string_view name);
std::string one_line(const Command& command);

// Tables of the parts.
std::span<const Command> transfer_commands();
std::span<const Command> image_commands();
std::span<const Command> control_commands();
std::span<const Command> zone_commands();

/// Requests that run while the shell goes on.
class Background {
public:
    ~Background() { wait(); }
    void start(std::function<void()> work);
    void wait();

private:
    std::mutex mutex_;
    std::condition_variable idle_;
    unsigned running_ = 0;
};

/// A byte count; says what is wrong and is empty where the text is none.
std::optional<u64> number(std::string_view text);
/// "wrote N/N bytes at offset O" and the figures below it; one line of numbers with `machine`.
void report(std::string_view verb, u64 offset, u64 count, u64 total, unsigned operations, double seconds, bool machine);
void dump(u64 offset, ConstBytes bytes);

inline constexpr u64 max_request = 2147483136; ///< INT_MAX in whole sectors

} // namespace emu::block::io

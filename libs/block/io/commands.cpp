// SPDX-License-Identifier: MIT
#include "block/io/commands.h"

#include "common/sizes.h"

#include <algorithm>
#include <cctype>
#include <cstdio>
#include <fmt/format.h>

namespace emu::block::io {

std::span<const Command> commands() {
    static const std::vector<Command> all = [] {
        std::vector<Command> rows;
        for (auto part : {transfer_commands(), image_commands(), control_commands(), zone_commands()}) rows.insert(rows.end(), part.begin(), part.end());
        std::sort(rows.begin(), rows.end(), [](const Command& a, const Command& b) { return a.name < b.name; });
        return rows;
    }();
    return all;
}

const Command* find_command(std::string_view name) {
    for (const Command& command : commands())
        if (command.name == name || (!command.alias.empty() && command.alias == name)) return &command;
    return nullptr;
}

std::string one_line(const Command& command) {
    return fmt::format("{}{}{} -- {}", command.name, command.arguments.empty() ? "" : " ", command.arguments, command.summary);
}

void Background::start(std::function<void()> work) {
    {
        std::lock_guard lock(mutex_);
        running_++;
    }
    std::thread([this, work = std::move(work)] {
        work();
        std::lock_guard lock(mutex_);
        running_--;
        idle_.notify_all();
    }).detach();
}

void Background::wait() {
    std::unique_lock lock(mutex_);
    idle_.wait(lock, [this] { return !running_; });
}

std::optional<u64> number(std::string_view text) {
    auto value = parse_size(text);
    if (value && *value <= u64(INT64_MAX)) return *value;
    if (value || value.error().code == ERANGE) fmt::print("Parsing error: argument too large -- {}\n", text);
    else fmt::print("Parsing error: non-numeric argument, or extraneous/unrecognized suffix -- {}\n", text);
    return std::nullopt;
}

std::string size_text(double bytes) {
    static constexpr std::string_view units[] = {" bytes", " KiB", " MiB", " GiB", " TiB", " PiB", " EiB"};
    unsigned unit = 0;
    while (bytes >= 1024 && unit + 1 < std::size(units)) bytes /= 1024, unit++;
    std::string text = unit ? fmt::format("{:.3f}", bytes) : fmt::format("{:f}", bytes);
    if (const usize at = text.find(".000"); at != std::string::npos) text.resize(at);
    return text + std::string(units[unit]);
}

void report(std::string_view verb, u64 offset, u64 count, u64 total, unsigned operations, double seconds, bool machine) {
    seconds = std::max(seconds, 1e-6);
    const double rate = double(total) / seconds, per_second = double(operations) / seconds;
    const u64 whole = u64(seconds), hundredths = u64(seconds * 100) % 100;
    if (machine) {
        fmt::print("{},{},{}:{:02}:{:02}.{:02},{:.3f},{:.3f}\n", total, operations, whole / 3600, whole / 60 % 60, whole % 60, hundredths, rate, per_second);
        return;
    }
    std::string time = fmt::format("{:02}.{:02} sec", whole % 60, hundredths);
    if (whole >= 3600) time = fmt::format("{}:{:02}:{:02}.{:02}", whole / 3600, whole / 60 % 60, whole % 60, hundredths);
    else if (whole >= 60) time = fmt::format("{:02}:{:02}.{:02}", whole / 60, whole % 60, hundredths);
    fmt::print("{} {}/{} bytes at offset {}\n{}, {} ops; {} ({}/sec and {:.4f} ops/sec)\n", verb, total, count, offset, size_text(double(total)), operations, time,
               size_text(rate), per_second);
}

void dump(u64 offset, ConstBytes bytes) {
    for (usize at = 0; at < bytes.size(); at += 16) {
        const ConstBytes row = bytes.subspan(at, std::min<usize>(16, bytes.size() - at));
        std::string hex, text;
        for (u8 c : row) {
            hex += fmt::format("{:02x} ", c);
            text += std::isalnum(c) ? char(c) : '.';
        }
        fmt::print("{:08x}:  {} {}\n", offset + at, hex, text);
    }
}

} // namespace emu::block::io

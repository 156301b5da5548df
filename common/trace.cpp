// SPDX-License-Identifier: MIT
#include "common/trace.h"

#include "common/fd.h"
#include "common/keyval.h"
#include "common/log.h"
#include "common/text.h"

#include <cerrno>
#include <cstdio>
#include <cstdlib>
#include <fnmatch.h>
#include <fstream>
#include <time.h>
#include <unistd.h>

namespace emu::trace {
namespace detail {
std::atomic<bool> enabled[usize(Event::count)] = {};
}
namespace {

struct Row {
    const char* name;
    std::string_view fields, summary;
};
constexpr Row rows[] = {
#define EMU_TRACE_EVENT(name, fields, summary) {#name, fields, summary},
#include "common/trace_events.def"
#undef EMU_TRACE_EVENT
};

std::atomic<int> output{STDERR_FILENO};

/// Does the pattern name any event?
bool apply(std::string pattern) {
    const bool off = pattern.starts_with('-');
    if (off) pattern.erase(0, 1);
    bool any = false;
    for (usize i = 0; i < std::size(rows); i++) {
        if (::fnmatch(pattern.c_str(), rows[i].name, 0) != 0) continue;
        detail::enabled[i] = !off;
        any = true;
    }
    return any;
}

Result<std::vector<std::string>> read_patterns(const std::string& path) {
    std::ifstream file(path);
    if (!file) return fail_errno(errno ? errno : ENOENT, path);
    std::vector<std::string> out;
    for (std::string line; std::getline(file, line);) {
        while (!line.empty() && (line.back() == ' ' || line.back() == '\t' || line.back() == '\r')) line.pop_back();
        if (!line.empty() && line[0] != '#') out.push_back(line);
    }
    return out;
}

Result<void> open_output(const std::string& path) {
    Fd fd = EMU_TRY(Fd::open(path, O_WRONLY | O_CREAT | O_TRUNC | O_APPEND));
    const int before = output.exchange(fd.release());
    if (before != STDERR_FILENO) ::close(before);
    return {};
}

} // namespace

namespace detail {
void write(Event event, std::string_view text) {
    timespec now{};
    ::clock_gettime(CLOCK_REALTIME, &now);
    std::string line = fmt::format("{}@{}.{:06}:{} {}\n", ::getpid(), now.tv_sec, now.tv_nsec / 1000, rows[usize(event)].name, text);
    const int fd = output;
    for (std::string_view left = line; !left.empty();) {
        const ssize_t put = ::write(fd, left.data(), left.size());
        if (put < 0 && errno == EINTR) continue;
        if (put <= 0) return; // there is nowhere left to report that to
        left.remove_prefix(usize(put));
    }
}
} // namespace detail

Result<void> configure(std::string_view text, const std::function<void(std::string_view)>& warn) {
    KeyValues options = EMU_TRY(KeyValues::parse(text, "enable"));
    std::vector<std::string> patterns = options.take_all("enable");
    for (const std::string& path : options.take_all("events")) {
        std::vector<std::string> more = EMU_TRY(read_patterns(path));
        patterns.insert(patterns.end(), more.begin(), more.end());
    }
    if (auto path = options.take("file")) EMU_CHECK(open_output(*path));
    EMU_CHECK(options.finish("enable, events, file"));
    for (const std::string& pattern : patterns)
        if (!apply(pattern)) warn(fmt::format("trace event '{}' does not exist", pattern));
    return {};
}

std::string help() {
    std::string out;
    for (const Row& row : rows) out += fmt::format("{:<19} {} ({})\n", row.name, row.summary, row.fields);
    return out;
}

cli::Option option() {
    return {"T,trace", "[enable=]pattern,events=file,file=file", "print the trace events whose names match; help lists them", "",
            [](std::string_view text) -> Result<void> {
                if (text != "help" && text != "?" && text != "list")
                    return configure(text, [](std::string_view why) { log::warning(why); });
                std::fputs(help().c_str(), stdout);
                std::exit(0);
            }};
}

} // namespace emu::trace

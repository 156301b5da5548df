// SPDX-License-Identifier: MIT
#include "session.h"

#include "block/filters/throttle.h"
#include "common/log.h"
#include "common/fd.h"
#include "common/sizes.h"

#include <cerrno>
#include <csignal>
#include <cstdio>
#include <cstring>
#include <cstdlib>
#include <fmt/format.h>
#include <mutex>
#include <sys/stat.h>
#include <thread>
#include <unistd.h>

namespace emu::img {
namespace {

std::mutex asked_mutex;
Progress* asked = nullptr; // what SIGUSR1 prints

char doomed[4096]; // for a signal handler: a plain buffer

void killed(int number) {
    if (doomed[0]) ::unlink(doomed);
    ::signal(number, SIG_DFL);
    ::raise(number);
}

} // namespace

Session::Session() : objects(log::warning, log::notice) { objects.add_types(block::throttle_types()); }

Error usage_error(std::string_view text) {
    return Error{EINVAL, fmt::format("{}\nTry '{} --help' for more information", text, log::program()), {}};
}
tl::unexpected<Error> usage(std::string_view text) { return fail(usage_error(text)); }

tl::unexpected<Error> bad_size(std::string_view what) {
    return fail(EINVAL, fmt::format("Invalid {} specified. You may use k, M, G, T, P or E suffixes for\n{}: kilobytes, megabytes, gigabytes, terabytes, "
                                    "petabytes and exabytes.", what, log::program()));
}

cli::Option object_row(Session& session) {
    return {"object", "type,id=ID,...", "make a secret, credentials or a throttle group for images to refer to", "",
            [&session](std::string_view text) -> Result<void> {
                if (text != "help") return session.objects.add(text);
                fmt::print("{}", session.objects.help());
                std::exit(0);
            }};
}
cli::Option quiet_row(Session& session) { return {"q,quiet", "", "print errors only", "", cli::into(session.quiet)}; }
cli::Option progress_row(Session& session) { return {"p,progress", "", "show how far the work is", "", cli::into(session.show_progress)}; }
cli::Option format_row(std::string& format, std::string_view names, std::string_view help) { return {names, "format", help, "", cli::into(format)}; }
cli::Option image_opts_row(Source& source) {
    return {"image-opts", "", "the image is described by options (driver=qcow2,file.filename=x), not by a name", "", cli::into(source.image_opts)};
}
cli::Option force_share_row(Source& source) {
    return {"U,force-share", "", "take no locks: the image may be in use, and what is read may be out of date", "", cli::into(source.force_share)};
}
cli::Option untrusted_row(Session& session) {
    return {"untrusted", "", "the image comes from a stranger: follow no backing file, data file or network reference in it", "",
            cli::into(session.objects.untrusted)};
}
cli::Option cache_row(block::CacheMode& mode, std::string_view names, std::string_view help) {
    const bool source = names.starts_with("T");
    return {names, "cache", help, "", [&mode, source](std::string_view text) -> Result<void> {
                auto parsed = block::parse_cache_mode(text);
                if (!parsed) return fail(EINVAL, fmt::format("Invalid {}cache option: {}", source ? "source " : "", text));
                mode = *parsed;
                return {};
            }};
}
cli::Option output_row(bool& json) {
    return {"output", "human|json", "form of the output", "", [&json](std::string_view text) -> Result<void> {
                if (text != "json" && text != "human") return fail(EINVAL, "--output must be used with human or json as argument.");
                json = text == "json";
                return {};
            }};
}
cli::Option options_row(std::string& text) {
    return {"o,options", "key=value,...", "options of the format; 'help' lists them", "", [&text](std::string_view more) -> Result<void> {
                text += (text.empty() ? "" : ",") + std::string(more);
                return {};
            }};
}
cli::Option number_row(std::string_view names, std::string_view metavar, std::string_view help, std::string_view what, u64 low, u64 high, u64& value) {
    return {names, metavar, help, "", [what, low, high, &value](std::string_view text) -> Result<void> {
                auto number = parse_number(text);
                if (!number || *number < low || *number > high) return fail(EINVAL, what);
                value = *number;
                return {};
            }};
}
cli::Option size_row(std::string_view names, std::string_view help, std::string_view what, u64& value) {
    return {names, "size", help, "", [what, &value](std::string_view text) -> Result<void> {
                auto bytes = parse_size(text);
                if (!bytes || *bytes > u64(INT64_MAX)) return bad_size(what);
                value = *bytes;
                return {};
            }};
}

Result<block::NodePtr> open_image(Session& session, const Source& source, std::string_view name, block::OpenRequest more) {
    more.name = name;
    more.image_opts = source.image_opts;
    more.format = source.format;
    more.force_share = source.force_share;
    more.cache = source.cache;
    more.context = &session.objects;
    return block::open_image(more);
}

Result<block::NodePtr> open(Session& session, const Source& source, std::string_view name, block::OpenRequest more) {
    if (source.image_opts && !source.format.empty()) return fail(EINVAL, "--image-opts and --format are mutually exclusive");
    return in(fmt::format("Could not open '{}'", name), open_image(session, source, name, std::move(more)));
}

Result<void> load_snapshot(block::Node& node, std::string_view text) {
    const std::string what = "Failed to load snapshot";
    if (!text.starts_with("snapshot.")) return in(what, node.snapshot_load(text));
    KeyValues options = EMU_TRY(KeyValues::parse(text));
    auto id = options.take("snapshot.id"), name = options.take("snapshot.name");
    const std::string failed = fmt::format("Failed in parsing snapshot param '{}'", text);
    if (!options.empty()) return fail(EINVAL, fmt::format("Invalid parameter '{}'\n{}: {}", options.items()[0].key, log::program(), failed));
    if (!id && !name) return fail(EINVAL, failed);
    if (id && name) {
        const block::ImageInfo info = EMU_TRY(node.info());
        for (const auto& s : info.snapshots)
            if (s.id == *id && s.name != *name) return fail(ENOENT, "Failed to load snapshot: Can't find snapshot");
    }
    return in(what, node.snapshot_load(id ? *id : *name));
}

Result<KeyValues> parse_options(std::string_view text, bool& help) {
    help = false;
    if (text.empty()) return KeyValues();
    auto parsed = KeyValues::parse(text);
    if (!parsed) return fail(EINVAL, fmt::format("Invalid option list: {}", text));
    for (const KeyValue& kv : parsed->items())
        if (kv.key == "help" || kv.key == "?") help = true;
    return parsed;
}

Result<u64> image_size(std::string_view text) {
    auto size = parse_size(text);
    if (size && *size <= u64(INT64_MAX)) return size;
    if (!size && size.error().code != ERANGE) return bad_size("image size");
    return fail(EINVAL, fmt::format("Invalid image size specified. Must be between 0 and {}.", INT64_MAX));
}

void say(const Session& session, std::string_view text) {
    if (!session.quiet) fmt::print("{}\n", text);
}

ProgressPtr progress(const Session& session, u64 total) {
    const bool show = session.show_progress && !session.quiet;
    std::lock_guard lock(asked_mutex);
    asked = new Progress(total, show ? stdout : nullptr, show && ::isatty(STDOUT_FILENO));
    return ProgressPtr(asked, [](Progress* done) {
        std::lock_guard guard(asked_mutex);
        if (asked == done) asked = nullptr;
        delete done;
    });
}

void answer_usr1() {
    sigset_t set;
    sigemptyset(&set);
    sigaddset(&set, SIGUSR1);
    ::pthread_sigmask(SIG_BLOCK, &set, nullptr);
    std::thread([set] {
        for (int number = 0; ::sigwait(&set, &number) == 0;) {
            std::lock_guard lock(asked_mutex);
            if (asked) fmt::print("    ({:.2f}/100%)\n", asked->percent()), std::fflush(stdout);
        }
    }).detach();
}

void remove_when_killed(std::string_view path) {
    struct stat status {};
    const std::string text(path);
    if (text.size() >= sizeof doomed || ::stat(text.c_str(), &status) != 0 || !S_ISREG(status.st_mode)) return;
    std::memcpy(doomed, text.c_str(), text.size() + 1);
    for (int number : {SIGINT, SIGTERM, SIGHUP}) {
        struct sigaction action {};
        ::sigaction(number, nullptr, &action);
        if (action.sa_handler == SIG_IGN) continue;
        action.sa_handler = killed;
        ::sigaction(number, &action, nullptr);
    }
}

void keep_when_killed() { doomed[0] = 0; }

} // namespace emu::img

// SPDX-License-Identifier: MIT
#include "block/io/shell.h"

#include "block/io/commands.h"

#include <cerrno>
#include <cstdio>
#include <cstdlib>
#include <fmt/format.h>
#include <optional>
#include <unistd.h>

namespace emu::block::io {
namespace {

std::vector<std::string> words_of(const std::string& line) {
    std::vector<std::string> words;
    for (usize at = 0; at < line.size();) {
        const usize end = std::min(line.find_first_of(" \t\r\n", at), line.size());
        if (end > at) words.push_back(line.substr(at, end - at));
        at = end + 1;
    }
    return words;
}

/// getopt(3) with permutation: options may stand anywhere before "--". Empty after a complaint.
std::optional<Parsed> parse(const Command& command, const std::vector<std::string>& words) {
    Parsed out;
    bool rest = false;
    for (usize i = 1; i < words.size(); i++) {
        const std::string& word = words[i];
        if (rest || word.size() < 2 || word[0] != '-') {
            out.words.push_back(word);
            continue;
        }
        if (word == "--") {
            rest = true;
            continue;
        }
        for (usize k = 1; k < word.size(); k++) {
            const usize at = command.letters.find(word[k]);
            if (word[k] == ':' || at == std::string_view::npos) {
                fmt::print(stderr, "{}: invalid option -- '{}'\n", command.name, word[k]);
                return std::nullopt;
            }
            const bool takes = at + 1 < command.letters.size() && command.letters[at + 1] == ':';
            if (!takes) {
                out.flags[word[k]] = "";
                continue;
            }
            if (k + 1 < word.size()) out.flags[word[k]] = word.substr(k + 1);
            else if (i + 1 < words.size()) out.flags[word[k]] = words[++i];
            else {
                fmt::print(stderr, "{}: option requires an argument -- '{}'\n", command.name, word[k]);
                return std::nullopt;
            }
            break;
        }
    }
    return out;
}

/// The image below a copy-on-read filter.
Result<NodePtr> open_filtered(const OpenSpec& spec, const OpenRequest& request) {
    KeyValues options;
    options.add("driver", "copy-on-read");
    if (!spec.format.empty()) options.add("file.driver", spec.format);
    options.add(spec.format.empty() ? "file.filename" : "file.file.filename", spec.name);
    for (const KeyValue& kv : spec.options.items()) options.add("file." + kv.key, kv.value);
    OpenArgs args{.writable = request.writable, .force_share = request.force_share, .cache = request.cache, .unmap = request.unmap, .context = request.context};
    return open_options(std::move(options), args);
}

bool count_is_right(const Command& command, int count) {
    if (count >= command.least && (command.most < 0 || count <= command.most)) return true;
    if (command.most < 0) fmt::print(stderr, "bad argument count {} to {}, expected at least {} arguments\n", count, command.name, command.least);
    else if (command.least == command.most) fmt::print(stderr, "bad argument count {} to {}, expected {} arguments\n", count, command.name, command.least);
    else fmt::print(stderr, "bad argument count {} to {}, expected between {} and {} arguments\n", count, command.name, command.least, command.most);
    return false;
}

} // namespace

Shell::Shell(Context& context, std::string program) : context_(context), program_(std::move(program)), background_(std::make_unique<Background>()) {}

Shell::~Shell() { close(); }

bool Shell::complain(std::string_view text) const {
    std::fflush(stdout);
    fmt::print(stderr, "{}: {}\n", program_, text);
    return false;
}

Result<void> Shell::open(OpenSpec spec) {
    if (node_) return fail(EBUSY, "file open already, try 'help close'");
    OpenRequest request{.name = spec.name, .image_opts = spec.image_opts, .format = spec.format, .writable = !spec.read_only && !spec.temporary,
                        .force_share = spec.force_share, .cache = spec.cache, .unmap = spec.unmap, .options = spec.options, .context = &context_};
    NodePtr node = EMU_TRY(spec.copy_on_read && !spec.image_opts ? open_filtered(spec, request) : open_image(request));
    if (spec.temporary && !spec.read_only) {
        char path[] = "/var/tmp/emu-io.XXXXXX";
        const int fd = ::mkstemp(path);
        if (fd < 0) return fail_errno(errno, "Could not get temporary filename");
        ::close(fd);
        CreateRequest create{.name = path, .format = "qcow2", .size = node->size(), .backing = {}, .backing_format = {}, .options = {}, .context = &context_};
        auto made = create_image(create);
        Result<NodePtr> top = made ? open_image({.name = path, .format = "qcow2", .writable = true, .cache = {.no_flush = true}, .unmap = true, .context = &context_})
                                   : Result<NodePtr>(fail(std::move(made.error())));
        ::unlink(path);
        NodePtr over = EMU_TRY(std::move(top));
        over->set_backing(node);
        node = over;
    }
    node_ = std::move(node);
    spec_ = std::move(spec);
    return {};
}

void Shell::close() {
    drain();
    if (node_)
        if (auto closed = node_->close(); !closed) complain(closed.error().text);
    node_.reset();
}

Result<void> Shell::reopen(OpenSpec spec) {
    drain();
    const OpenSpec before = spec_;
    EMU_CHECK(node_->flush());
    close();
    auto opened = open(std::move(spec));
    if (opened) return opened;
    if (auto back = open(before); !back) complain(back.error().text);
    return opened;
}

void Shell::drain() { background_->wait(); }

bool Shell::run(const std::string& line) {
    const Words words = words_of(line);
    if (words.empty()) return true;
    std::fflush(stdout);
    const Command* command = find_command(words[0]);
    if (!command) {
        fmt::print(stderr, "command \"{}\" not found\n", words[0]);
        return false;
    }
    if (command->needs_image && !node_) {
        fmt::print(stderr, "no file open, try 'help open'\n");
        return false;
    }
    if (!count_is_right(*command, int(words.size()) - 1)) return false;
    if (command->writes && node_->read_only()) return complain("Block node is read-only");
    auto parsed = parse(*command, words);
    if (!parsed) {
        fmt::print("{}\n", one_line(*command));
        return false;
    }
    const bool good = command->run(*this, *command, *parsed);
    std::fflush(stdout);
    return good;
}

} // namespace emu::block::io

// SPDX-License-Identifier: MIT
// emu-img: the command line of libs/block for image files. Called by a link of another name, it speaks under that name.
#include "commands.h"

#include "block/ops/manual.h"
#include "common/log.h"
#include "common/trace.h"

#include <cctype>
#include <cstring>
#include <fmt/format.h>

using namespace emu;

namespace {

std::string formats() {
    std::string text = "\nSupported formats:";
    for (const block::Driver* row : block::drivers()) text += fmt::format(" {}", row->name);
    return text + "\n";
}

bool asks_for_help(const std::vector<const char*>& words) {
    for (const char* word : words)
        if (!std::strcmp(word, "-h") || !std::strcmp(word, "--help") || !std::strcmp(word, "-help")) return true;
        else if (!std::strcmp(word, "--")) return false;
    return false;
}

/// "resize FILE -1G": the last word is a size, not an option.
void protect_negative_size(std::vector<const char*>& words) {
    if (words.size() < 3 || std::strcmp(words[1], "resize") != 0) return;
    const char* last = words.back();
    if (last[0] != '-' || !std::isdigit(static_cast<unsigned char>(last[1]))) return;
    for (const char* word : words)
        if (!std::strcmp(word, "--")) return;
    words.insert(words.end() - 1, "--");
}

int refuse(std::string_view text) {
    log::message(fmt::format("{}\nTry '{} --help' for more information", text, log::program()));
    return 1;
}

/// What has a text of its own: no arguments, and a command that does not exist.
int check_command(const cli::Tool& tool, const std::vector<const char*>& words) {
    if (words.size() < 2) return refuse("Not enough arguments");
    if (words[1][0] == '-') return 0;
    for (const cli::Command& command : tool.commands)
        if (command.name == words[1]) return 0;
    return refuse(fmt::format("Command not found: {}", words[1]));
}

} // namespace

int main(int argc, char** argv) {
    const std::string name = cli::program_name(argc, argv, "emu-img");
    img::answer_usr1();
    img::Session session;
    cli::Tool tool{.name = name, .summary = "make, convert, check and change disk images"};
    tool.grouped_letters = true;
    tool.wording = cli::Tool::Wording::img;
    tool.after_refusal = fmt::format("Try '{} --help' for more information", name);
    tool.options = {
        {"V", "", "show the version and exit", "",
         [&](std::string_view) -> Result<void> { fmt::print("{} version {}\n", name, EMU_VERSION), std::exit(0); }},
        {"help-drivers", "", "", "", [](std::string_view) -> Result<void> { fmt::print("{}", block::driver_manual()), std::exit(0); }},
        trace::option(),
    };
    tool.commands = {img::amend_command(session),   img::bench_command(session),   img::bitmap_command(session),
                     img::check_command(session),   img::commit_command(session),  img::compare_command(session),
                     img::convert_command(session), img::create_command(session),  img::dd_command(session),
                     img::info_command(session),    img::map_command(session),     img::measure_command(session),
                     img::rebase_command(session),  img::resize_command(session),  img::snapshot_command(session)};
    std::vector<const char*> words(argv, argv + argc);
    log::set_program(name);
    if (int status = check_command(tool, words)) return status;
    protect_negative_size(words);
    int status = cli::run(tool, int(words.size()), words.data());
    // `compare` keeps 1 for images that differ.
    if (status == 1 && !session.acting && !std::strcmp(words[1], "compare")) status = 2;
    if (asks_for_help(words)) fmt::print("{}", formats());
    return status;
}

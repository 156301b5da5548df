// SPDX-License-Identifier: MIT
#include "common/cli.h"

#include "common/cli_argv.h"
#include "common/fd.h"

#include <array>
#include <cstdlib>
#include <doctest/doctest.h>

using namespace emu;

namespace {

/// What a run printed and returned; stdout and stderr are sent to files meanwhile.
struct Outcome {
    int status;
    std::string out, err;
};

struct Redirect {
    int target, saved;
    Fd file;
    explicit Redirect(int fd) : target(fd), saved(dup(fd)) {
        std::array<char, 32> name{"/tmp/emu-cli-XXXXXX"};
        file.reset(mkstemp(name.data()));
        unlink(name.data());
        fflush(stdout);
        dup2(file.get(), target);
    }
    std::string end() {
        dup2(saved, target);
        close(saved);
        std::string text(1 << 16, 0);
        text.resize(usize(pread(file.get(), text.data(), text.size(), 0)));
        return text;
    }
};

Outcome run(const cli::Tool& tool, std::vector<const char*> words) {
    words.insert(words.begin(), tool.name.c_str());
    Redirect out(1), err(2);
    int status = cli::run(tool, int(words.size()), words.data());
    std::string err_text = err.end(), out_text = out.end();
    return {status, out_text, err_text};
}

struct UserTool {
    std::string prefix, program;
    std::vector<std::string> set, rest;
    u64 stack = 8, base = 0;
    bool strace = false;
    int ran = 0;
    cli::Tool tool{.name = "emu-aarch64",
                   .summary = "run programs",
                   .options = {{"L", "path", "look for libraries below path", "EMU_TEST_PREFIX", cli::into(prefix)},
                               {"s,stack", "size", "stack size", "EMU_TEST_STACK", cli::into_size(stack)},
                               {"B", "offset", "guest base", "", cli::into_number(base)},
                               {"E", "var=val", "set a variable", "EMU_TEST_SET", cli::into(set)},
                               {"f", "x", "a letter", "", cli::into(prefix)},
                               {"strace", "", "log system calls", "EMU_TEST_STRACE", cli::into(strace)}},
                   .positionals = {{"program", "program to run", cli::into(program)},
                                   {"arguments", "its arguments", cli::into(rest), false, true}},
                   .rest_at_positional = true,
                   .action = [this]() -> Result<int> {
                       ran++;
                       return 7;
                   }};
};

struct ImageTool {
    std::string format, output;
    std::vector<std::string> files, log;
    bool progress = false, quiet = false;
    cli::Tool tool{.name = "emu-img",
                   .summary = "images",
                   .options = {{"q,quiet", "", "say nothing", "", cli::into(quiet)}},
                   .commands = {{"convert",
                                 "copy an image",
                                 {{"O", "format", "output format", "", cli::into(output)},
                                  {"o", "options", "format options", "", cli::into(log)},
                                  {"p", "", "show progress", "", cli::into(progress)}},
                                 {{"files", "source and target", cli::into(files), true, true}},
                                 [] { return Result<int>(3); }},
                                {"info",
                                 "describe an image",
                                 {{"f,format", "format", "its format", "", cli::into(format)}},
                                 {{"file", "the image", cli::into(output)}},
                                 []() -> Result<int> { return fail(ENOENT, "a.img: No such file or directory"); }}},
                   .grouped_letters = true};
};

} // namespace

TEST_CASE("cli: one dash and two dashes are the same option") {
    for (const char* spelling : {"-strace", "--strace"}) {
        UserTool user;
        CHECK(run(user.tool, {spelling, "prog"}).status == 7);
        CHECK(user.strace);
        CHECK(user.program == "prog");
    }
    for (const char* spelling : {"-L", "--L"}) {
        UserTool user;
        CHECK(run(user.tool, {spelling, "/root", "prog"}).status == 7);
        CHECK(user.prefix == "/root");
    }
}
TEST_CASE("cli: values follow, or stand behind an equals sign") {
    UserTool user;
    CHECK(run(user.tool, {"-s", "64k", "-B=0x1000", "--L=-odd", "-f", "-dashed", "prog"}).status == 7);
    CHECK(user.stack == 65536);
    CHECK(user.base == 0x1000);
    CHECK(user.prefix == "-dashed");
    CHECK(run(user.tool, {"--stack=1M", "-L=", "prog"}).status == 7);
    CHECK(user.stack == 1048576);
    CHECK(user.prefix.empty());
}
TEST_CASE("cli: repeated options accumulate in order, and the last of a single one wins") {
    UserTool user;
    CHECK(run(user.tool, {"-E", "A=1", "-L", "x", "-E", "[B=2,C]", "-L", "y", "prog"}).status == 7);
    CHECK(user.set == std::vector<std::string>{"A=1", "[B=2,C]"});
    CHECK(user.prefix == "y");
}
TEST_CASE("cli: everything after the program belongs to the program") {
    UserTool user;
    CHECK(run(user.tool, {"prog", "-strace", "--", "-h", "[1,2]", "", "x"}).status == 7);
    CHECK_FALSE(user.strace);
    CHECK(user.rest == std::vector<std::string>{"-strace", "--", "-h", "[1,2]", "", "x"});
}
TEST_CASE("cli: a double dash ends the options") {
    UserTool user;
    CHECK(run(user.tool, {"--", "-strace", "a"}).status == 7);
    CHECK(user.program == "-strace");
    CHECK(user.rest == std::vector<std::string>{"a"});
}
TEST_CASE("cli: environment variables count, and the command line wins") {
    setenv("EMU_TEST_PREFIX", "/env", 1);
    setenv("EMU_TEST_STRACE", "1", 1);
    setenv("EMU_TEST_SET", "A=1", 1);
    UserTool user, other;
    CHECK(run(user.tool, {"prog"}).status == 7);
    CHECK(user.prefix == "/env");
    CHECK(user.strace);
    CHECK(run(other.tool, {"-L", "/line", "-E", "B=2", "prog"}).status == 7);
    CHECK(other.prefix == "/line");
    CHECK(other.set == std::vector<std::string>{"A=1", "B=2"});
    setenv("EMU_TEST_STACK", "huge", 1);
    auto bad = run(user.tool, {"prog"});
    CHECK(bad.status == 1);
    CHECK(bad.err.starts_with("emu-aarch64: EMU_TEST_STACK: 'huge' is not a size"));
    for (const char* name : {"EMU_TEST_PREFIX", "EMU_TEST_STRACE", "EMU_TEST_SET", "EMU_TEST_STACK"}) unsetenv(name);
}
TEST_CASE("cli: mistakes are one line with the nearest option, exit status 1, and nothing runs") {
    struct Case {
        std::vector<const char*> words;
        const char* line;
    };
    for (const Case& each : std::vector<Case>{
             {{"-foo", "prog"}, "emu-aarch64: unknown option '-foo'\n"},
             {{"-starce", "prog"}, "emu-aarch64: unknown option '-starce' (did you mean '-strace'?)\n"},
             {{"--stack-size=1", "prog"}, "emu-aarch64: unknown option '--stack-size' (did you mean '-stack'?)\n"},
             {{"-verison"}, "emu-aarch64: unknown option '-verison' (did you mean '-version'?)\n"},
             {{"-strace=1", "prog"}, "emu-aarch64: option '-strace' takes no value\n"},
             {{"-L"}, "emu-aarch64: option '-L' needs a value: path\n"},
             {{"-B", "zz", "prog"}, "emu-aarch64: option '-B': 'zz' is not a number\n"},
             {{}, "emu-aarch64: program is required (see -help)\n"},
         }) {
        UserTool user;
        auto outcome = run(user.tool, each.words);
        CHECK(outcome.status == 1);
        CHECK(outcome.err == each.line);
        CHECK(outcome.out.empty());
        CHECK(user.ran == 0);
    }
}
TEST_CASE("cli: help and version are always there") {
    UserTool user;
    for (const char* spelling : {"-h", "-help", "--help"}) {
        auto help = run(user.tool, {spelling});
        CHECK(help.status == 0);
        CHECK(help.err.empty());
        CHECK(help.out.starts_with("Usage: emu-aarch64 [options] program [arguments...]\n"));
        CHECK(help.out.find("-L path") != std::string::npos);
        CHECK(help.out.find("[EMU_TEST_PREFIX]") != std::string::npos);
        CHECK(help.out.find("completion") == std::string::npos);
    }
    CHECK(run(user.tool, {"-version"}).out == "emu-aarch64 version " EMU_VERSION "\n");
    CHECK(user.ran == 0);
}
TEST_CASE("cli: subcommands have their own options, and take those of the tool too") {
    ImageTool image;
    auto outcome = run(image.tool, {"-q", "convert", "-p", "--O", "qcow2", "[a,b].raw", "-o", "x=1", "b.img", "-o", "y"});
    CHECK(outcome.status == 3);
    CHECK(image.quiet);
    CHECK(image.progress);
    CHECK(image.output == "qcow2");
    CHECK(image.files == std::vector<std::string>{"[a,b].raw", "b.img"});
    CHECK(image.log == std::vector<std::string>{"x=1", "y"});
    ImageTool late;
    CHECK(run(late.tool, {"convert", "a", "-quiet", "b"}).status == 3);
    CHECK(late.quiet);
}
TEST_CASE("cli: letters group and carry their value where a tool says so") {
    ImageTool image;
    CHECK(run(image.tool, {"convert", "-pqOqcow2", "a", "b"}).status == 3);
    CHECK(image.progress);
    CHECK(image.quiet);
    CHECK(image.output == "qcow2");
    CHECK(run(image.tool, {"convert", "-pO", "raw", "a", "b"}).status == 3);
    CHECK(image.output == "raw");
    CHECK(run(image.tool, {"convert", "-pz", "a", "b"}).err == "emu-img: unknown option '-z'\n");
}
TEST_CASE("cli: mistakes with subcommands") {
    ImageTool image;
    CHECK(run(image.tool, {"convret", "a"}).err == "emu-img: unknown command 'convret' (did you mean 'convert'?)\n");
    CHECK(run(image.tool, {}).err == "emu-img: a command is required (see -help)\n");
    CHECK(run(image.tool, {"info"}).err == "emu-img: file is required (see -help)\n");
    CHECK(run(image.tool, {"info", "a", "b"}).err == "emu-img: unexpected argument 'b'\n");
    auto outcome = run(image.tool, {"info", "a"});
    CHECK(outcome.status == 1);
    CHECK(outcome.err == "emu-img: a.img: No such file or directory\n");
    CHECK(run(image.tool, {"info", "-h"}).out.starts_with("Usage: emu-img info [options] file\n"));
}
TEST_CASE("cli: the man section names every option that the help names") {
    UserTool user;
    std::string man = run(user.tool, {"--help-man"}).out;
    CHECK(man.starts_with(".SH OPTIONS\n"));
    CHECK(man.find("\\fB\\-s\\fR, \\fB\\-stack\\fR \\fIsize\\fR\nstack size.\nEnvironment: \\fBEMU_TEST_STACK\\fR.\n") !=
          std::string::npos);
    CHECK(man.find("\\fB\\-version\\fR") != std::string::npos);
    CHECK(man.find("completion") == std::string::npos);
    ImageTool image;
    CHECK(cli::man_options(image.tool).find(".SS convert\\fR files...\n") != std::string::npos);
}
TEST_CASE("cli: completions are offered for three shells") {
    ImageTool image;
    for (const char* shell : {"bash", "zsh", "fish"}) {
        auto outcome = run(image.tool, {"--completion", shell});
        CHECK(outcome.status == 0);
        CHECK(outcome.out.find("emu-img") != std::string::npos);
        CHECK(outcome.out.find("convert") != std::string::npos);
        CHECK(outcome.out.find("quiet") != std::string::npos);
    }
    CHECK(run(image.tool, {"--completion", "tcsh"}).err ==
          "emu-img: no completion for shell 'tcsh' (bash, zsh or fish)\n");
}
TEST_CASE("cli: the bash completion runs and completes") {
    if (std::system("command -v bash >/dev/null") != 0) return;
    ImageTool image;
    auto script = cli::completion(image.tool, "bash");
    REQUIRE(script);
    std::string path = "/tmp/emu-completion-" + std::to_string(getpid());
    {
        auto fd = Fd::open(path, O_WRONLY | O_CREAT | O_TRUNC);
        std::string text = *script + "COMP_WORDS=(emu-img convert -p --); COMP_WORDS[3]=-O; COMP_CWORD=3; _emu_img; "
                                     "[[ ${COMPREPLY[*]} == -O ]] || exit 1\n"
                                     "COMP_WORDS=(emu-img conv); COMP_CWORD=1; _emu_img; [[ ${COMPREPLY[*]} == convert ]]\n";
        REQUIRE(write(fd->get(), text.data(), text.size()) == ssize_t(text.size()));
    }
    CHECK(std::system(("bash " + path).c_str()) == 0);
    unlink(path.c_str());
}

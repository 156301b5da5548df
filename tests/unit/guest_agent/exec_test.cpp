// SPDX-License-Identifier: MIT
#include "bench.h"

#include "common/base64.h"

#include <csignal>

using namespace emu;
using namespace emu::guest_agent;
using namespace std::chrono_literals;

namespace {

usize open_descriptors() {
    return usize(std::distance(std::filesystem::directory_iterator("/proc/self/fd"), std::filesystem::directory_iterator()));
}

/// Run and wait for the end, as a host does: by asking.
Json finish(Bench& bench, const Json& started) {
    for (;;) {
        Json status = bench.get("guest-exec-status", fmt::format("{{\"pid\":{}}}", number(started, "pid")));
        if (*status.find("exited")->to_bool()) return status;
        (void)bench.loop->poll(20ms);
    }
}
Json run(Bench& bench, const std::string& script, const std::string& more = "") {
    return finish(bench, bench.get("guest-exec", fmt::format(R"({{"path":"sh","arg":["-c","{}"]{}}})", script, more)));
}

} // namespace

TEST_CASE("exec: output, errors, exit status, signal") {
    Bench bench;
    CHECK(to_line(run(bench, "echo hi; echo err >&2; exit 3", R"(,"capture-output":true)")) ==
          "{\"exited\": true, \"exitcode\": 3, \"out-data\": \"aGkK\", \"out-truncated\": false, \"err-data\": \"ZXJyCg==\", \"err-truncated\": false}\n");
    CHECK(to_line(run(bench, "kill -9 $$")) == "{\"exited\": true, \"signal\": 9}\n");
    CHECK(to_line(run(bench, "echo hi")) == "{\"exited\": true, \"exitcode\": 0}\n");
    CHECK(to_line(run(bench, "true", R"(,"capture-output":true)")) == "{\"exited\": true, \"exitcode\": 0}\n");
}

TEST_CASE("exec: what is captured") {
    Bench bench;
    auto captured = [&](const std::string& how) {
        const Json status = run(bench, "echo o; echo e >&2", R"(,"capture-output":")" + how + "\"");
        return (status.find("out-data") ? *base64_decode(text_of(status, "out-data")) : "-") + (status.find("err-data") ? *base64_decode(text_of(status, "err-data")) : "-");
    };
    CHECK(captured("none") == "--");
    CHECK(captured("stdout") == "o\n-");
    CHECK(captured("stderr") == "-e\n");
    CHECK(captured("separated") == "o\ne\n");
    CHECK(captured("merged") == "o\ne\n-");
    bench.refused("guest-exec", R"({"path":"true","capture-output":"some"})");
    bench.refused("guest-exec", R"({"path":"true","capture-output":5})");
    bench.refused("guest-exec", R"({"path":"/nonexistent/program"})");
}

TEST_CASE("exec: input, environment, and a signal mask of its own") {
    Bench bench;
    const std::string big(300'000, 'x');
    Json status = finish(bench, bench.get("guest-exec", fmt::format(R"({{"path":"wc","arg":["-c"],"input-data":"{}","capture-output":true}})", base64_encode(big))));
    CHECK(*base64_decode(text_of(status, "out-data")) == "300000\n");
    status = finish(bench, bench.get("guest-exec", R"({"path":"/usr/bin/env","env":["A=1","B=2"],"capture-output":true})"));
    CHECK(*base64_decode(text_of(status, "out-data")) == "A=1\nB=2\n");
    sigset_t set, old;
    sigemptyset(&set), sigaddset(&set, SIGTERM);
    sigprocmask(SIG_BLOCK, &set, &old);
    CHECK(to_line(run(bench, "kill $$; sleep 9")) == "{\"exited\": true, \"signal\": 15}\n");
    sigprocmask(SIG_SETMASK, &old, nullptr);
    CHECK(to_line(run(bench, "exit 0", R"(,"input-data":"aGVsbG8=")")) == "{\"exited\": true, \"exitcode\": 0}\n");
}

TEST_CASE("exec: more output than is kept is cut, not stopped") {
    Bench bench;
    const Json status = run(bench, "head -c 17000000 /dev/zero", R"(,"capture-output":true)");
    CHECK(number(status, "exitcode") == 0);
    CHECK(*status.find("out-truncated")->to_bool());
    CHECK(base64_decode(text_of(status, "out-data"))->size() == largest_capture);
}

TEST_CASE("exec: programs are bounded in number and time, and leave nothing behind") {
    Bench bench;
    bench.config.exec_timeout = "1";
    bench.start();
    const usize before = open_descriptors();
    CHECK(to_line(run(bench, "sleep 60 & sleep 60", R"(,"capture-output":true)")) == "{\"exited\": true, \"signal\": 9}\n");
    std::vector<Json> started;
    for (usize i = 0; i < most_children; i++) started.push_back(bench.get("guest-exec", R"({"path":"true","capture-output":true})"));
    bench.refused("guest-exec", R"({"path":"true"})");
    for (const Json& each : started) finish(bench, each);
    CHECK(bench.agent->children().size() == 0);
    CHECK(open_descriptors() == before);
    bench.refused("guest-exec-status", fmt::format("{{\"pid\":{}}}", number(started[0], "pid")));
    bench.refused("guest-exec-status", R"({"pid":4294967296})");
}

TEST_CASE("subprocess: helpers are fed, heard and ended in time") {
    auto finished = run_program({"sh", "-c", "cat; echo e >&2; exit 2"}, "in");
    REQUIRE(finished);
    CHECK(finished->output == "ine\n");
    CHECK(finished->outcome() == "exit status 2");
    finished = run_program_within({"sh", "-c", "echo x; sleep 60"}, "", 100);
    REQUIRE(finished);
    CHECK(finished->timed_out);
    CHECK(finished->output == "x\n");
    CHECK(!run_program({"/nonexistent"}, ""));
    finished = run_program({"sh", "-c", "head -c 1000000 /dev/zero"}, "");
    REQUIRE(finished);
    CHECK(finished->output.size() == 64 << 10);
}

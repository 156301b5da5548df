// SPDX-License-Identifier: MIT
#include "bench.h"
#include "guest_agent/session.h"

using namespace emu;
using namespace emu::guest_agent;

namespace {

/// All replies to these bytes, given in pieces of one size.
std::string session(Bench& bench, std::string_view bytes, usize piece = 1000, bool wait_for_sync = false) {
    if (!bench.agent) bench.start();
    Session session(*bench.agent, wait_for_sync);
    std::string out;
    for (usize at = 0; at < bytes.size(); at += piece) {
        const std::string_view part = bytes.substr(at, piece);
        for (usize taken = 0; taken < part.size();) {
            std::string reply;
            taken += session.take(part.substr(taken), reply);
            out += reply;
        }
    }
    return out;
}

} // namespace

TEST_CASE("protocol: replies have spaces, escapes and the id") {
    Bench bench;
    CHECK(session(bench, R"({"execute":"guest-ping"})") == "{\"return\": {}}\n");
    CHECK(session(bench, R"({"execute":"guest-ping","id":[1,{"a":null,"b":1.5,"c":"\u00e9\u0001/\ud83d\ude00\"\\\n"}]})") ==
          "{\"return\": {}, \"id\": [1, {\"a\": null, \"b\": 1.5, \"c\": \"\\u00E9\\u0001/\\uD83D\\uDE00\\\"\\\\\\n\"}]}\n");
    CHECK(session(bench, R"({"execute":"nope","id":"x"})") ==
          "{\"id\": \"x\", \"error\": {\"class\": \"CommandNotFound\", \"desc\": \"The command nope has not been found\"}}\n");
}

TEST_CASE("protocol: what is no request is refused in the words clients know") {
    const std::pair<std::string_view, std::string_view> cases[] = {
        {R"({"execute":5})", "QMP input member 'execute' must be a string"},
        {R"({"execute":"guest-ping","foo":1})", "QMP input member 'foo' is unexpected"},
        {R"({"arguments":{}})", "QMP input lacks member 'execute'"},
        {R"({"execute":"guest-ping","arguments":5})", "QMP input member 'arguments' must be an object"},
        {R"([1,2])", "QMP input must be a JSON object"},
        {R"({"execute":"guest-ping","arguments":{"x":1}})", "Parameter 'x' is unexpected"},
        {R"({"execute":"guest-sync"})", "Parameter 'id' is missing"},
        {R"({"execute":"guest-sync","arguments":{"id":"x"}})", "Invalid parameter type for 'id', expected: integer"},
        {R"({"execute":"guest-sync","arguments":{"id":9223372036854775808}})", "Invalid parameter type for 'id', expected: integer"},
        {R"({"execute":"guest-set-memory-blocks","arguments":{"mem-blks":[{"phys-index":1}]}})", "Parameter 'mem-blks[0].online' is missing"},
        {R"({"execute":"guest-set-memory-blocks","arguments":{"mem-blks":[5]}})", "Invalid parameter type for 'mem-blks[0]', expected: object"},
        {R"({"execute":"guest-set-memory-blocks","arguments":{"mem-blks":5}})", "Invalid parameter type for 'mem-blks', expected: array"},
        {R"({"execute":"guest-exec","arguments":{"path":"cat","arg":[5]}})", "Invalid parameter type for 'arg[0]', expected: string"},
        {"bad\n", "JSON parse error, invalid keyword 'bad'"},
        {"\xff", "JSON parse error, stray '\xef\xbf\xbd'"},
    };
    Bench bench;
    for (auto [input, error] : cases) {
        Json about, reply;
        about.set("class", "GenericError").set("desc", error);
        reply.set("error", about);
        for (usize piece : {1u, 1000u}) CHECK(session(bench, input, piece) == to_line(reply));
    }
}

TEST_CASE("protocol: invalid UTF-8, nesting and size are refused, the next line is read again") {
    Bench bench;
    const std::string ping = "{\"execute\":\"guest-ping\"}\n", pong = "{\"return\": {}}\n";
    auto errors_then_pong = [&](const std::string& input) {
        const std::string out = session(bench, input + "\n" + ping, 4096);
        return out.starts_with("{\"error\": {\"class\": \"GenericError\", \"desc\": \"JSON parse error, ") && out.ends_with("\n" + pong) &&
               std::count(out.begin(), out.end(), '\n') == 2;
    };
    CHECK(errors_then_pong("{\"execute\":\"guest-p\xc0\x80\"}"));
    CHECK(errors_then_pong("{\"execute\":\"guest-p\xed\xa0\x80\"}"));
    CHECK(errors_then_pong(std::string(100, '{')));
    CHECK(errors_then_pong("{\"execute\":\"guest-ping"));
    CHECK(errors_then_pong("{\"execute\":\"guest-ping\",\"execute\":\"guest-ping\"}"));
    CHECK(errors_then_pong("} " + ping.substr(0, 10)));
}

TEST_CASE("protocol: a reply behind 0xFF, several requests in one piece, one request in many") {
    Bench bench;
    CHECK(session(bench, R"({"execute":"guest-sync-delimited","arguments":{"id":7}})", 1) == "\xff{\"return\": 7}\n");
    CHECK(session(bench, R"({"execute":"guest-ping"}{"execute":"guest-ping"} {"execute":"guest-sync","arguments":{"id":-3}})", 7) ==
          "{\"return\": {}}\n{\"return\": {}}\n{\"return\": -3}\n");
}

TEST_CASE("protocol: a serial line is silent until it is synchronised") {
    Bench bench;
    const std::string noise = "Booting...\n{\"execute\":\"guest-ping\"}\n}}}\n";
    CHECK(session(bench, noise, 3, true) == "");
    CHECK(session(bench, noise + "\xff{\"execute\":\"guest-ping\"}", 3, true) == "{\"return\": {}}\n");
    CHECK(session(bench, noise + R"({"execute":"guest-sync","arguments":{"id":1}}{"execute":"guest-ping"})", 3, true) == "{\"return\": 1}\n{\"return\": {}}\n");
}

TEST_CASE("commands: info lists them, block and allow lists switch them off") {
    Bench bench;
    bench.config.block_rpcs = {"guest-exec"};
    CHECK(bench.get("guest-info").find("supported_commands")->as_array()->size() == commands().size());
    CHECK(bench.refused("guest-exec", R"({"path":"true"})") == "Command guest-exec has been disabled");
    CHECK(bench.refused("guest-get-devices") == "Command guest-get-devices has been disabled");
    Bench other;
    other.config.allow_rpcs = {"guest-ping"};
    CHECK(other.ask("guest-ping") == "{\"return\": {}}");
    CHECK(other.refused("guest-info") == "Command guest-info has been disabled");
    Bench both;
    both.config.allow_rpcs = both.config.block_rpcs = {"guest-ping"};
    CHECK(!Agent::create(both.config, both.host, *both.loop));
}

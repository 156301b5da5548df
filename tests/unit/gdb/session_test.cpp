// SPDX-License-Identifier: MIT
#include "gdb/session.h"

#include "../../fuzz/gdb_target.h"

#include <doctest/doctest.h>

using namespace emu;
using namespace emu::gdb;

namespace {
struct Talk {
    ToyTarget target;
    Session session{target};
    std::string say(std::string_view packet) { return session.handle(packet).value_or("(runs)"); }
};
} // namespace

TEST_CASE("registers: all, one, of another thread, written") {
    Talk t;
    t.target.state_of[0].x[0] = 0x1122334455667788;
    t.target.state_of[1].x[0] = 5;
    CHECK(t.say("p0") == "8877665544332211");
    CHECK(t.say("g").substr(0, 16) == "8877665544332211");
    CHECK(t.say("Hg2") == "OK");
    CHECK(t.say("p0") == "0500000000000000");
    CHECK(t.say("P1=0100000000000000") == "OK");
    CHECK(t.target.state_of[1].x[1] == 1);
    CHECK(t.say("P1=01") == "E01");
    CHECK(t.say("pfff") == "E01");
    CHECK(t.say("Hg9") == "E03");
}

TEST_CASE("memory: read up to what is there, written in hexadecimal and binary") {
    Talk t;
    CHECK(t.say("M1000,2:abcd") == "OK");
    CHECK(t.say("m1000,3") == "abcd00");
    CHECK(t.say("X1000,2:}\x03") == "OK"); // escapes are the packet's
    CHECK(t.say("m1000,2") == "7d03");
    CHECK(t.say("m1ffe,10") == "0000");
    CHECK(t.say("m5000,1") == "E0e");
    CHECK(t.say("M1fff,2:abcd") == "E0e");
    CHECK(t.say("M1000,3:abcd") == "E01");
}

TEST_CASE("going on: by thread, with signals, in a range") {
    Talk t;
    CHECK(t.say("vCont;s:2;c") == "(runs)");
    REQUIRE(t.target.resumed.size() == 2);
    CHECK(t.target.resumed[0].thread == 2);
    CHECK(t.target.resumed[0].step);
    CHECK(t.target.resumed[1].thread == 0);
    CHECK(t.session.running());
    CHECK(t.session.stop_reply({.thread = 2}).substr(0, 13) == "T05thread:2;1");
    CHECK(!t.session.running());
    CHECK(t.say("vCont;C1e:1") == "(runs)"); // gdb's SIGUSR1
    CHECK(t.target.resumed[0].signal == 10);
    CHECK(t.say("vCont;r1000,1010:1") == "(runs)");
    CHECK(t.target.resumed[0].range_end == 0x1010);
    CHECK(t.say("vCont;x") == "E01");
    CHECK(t.session.stop_reply({.kind = StopEvent::Kind::exited, .value = 7}) == "W07");
    CHECK(t.session.stop_reply({.kind = StopEvent::Kind::killed, .signal = 11}) == "X0b");
}

TEST_CASE("objects are read in parts") {
    Talk t;
    CHECK(t.say("qXfer:auxv:read::0,3") == "mvec");
    CHECK(t.say("qXfer:auxv:read::3,10") == "ltor");
    CHECK(t.say("qXfer:auxv:read::6,10") == "l");
    CHECK(t.say("qXfer:nothing:read::0,10") == "");
    CHECK(t.say("qXfer:threads:read::0,1000").find("name=\"a&lt;b\"") != std::string::npos);
    const std::string xml = t.say("qXfer:features:read:target.xml:0,3000");
    CHECK(xml.find("<architecture>aarch64</architecture>") != std::string::npos);
    CHECK(xml.find("<reg name=\"x30\" bitsize=\"64\" type=\"int\" regnum=\"30\"") != std::string::npos);
}

TEST_CASE("the end: detach, kill, and what is not known") {
    Talk t;
    CHECK(t.say("qUnheardOf") == "");
    CHECK(t.say("qCRC:0,1") == ""); // not qC
    CHECK(t.say("QPassSignals:e;1e") == "OK");
    CHECK(t.target.passed == (u64(1) << 13 | u64(1) << 9));
    CHECK(t.say("D") == "OK");
    CHECK(t.target.detached);
    CHECK(t.session.over());
}

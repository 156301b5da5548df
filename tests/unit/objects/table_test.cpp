// SPDX-License-Identifier: MIT
#include "objects/table.h"

#include <cstdio>
#include <doctest/doctest.h>
#include <fstream>
#include <unistd.h>

using namespace emu;

namespace {
std::string text(const Result<std::vector<u8>>& secret) {
    return secret ? std::string(secret->begin(), secret->end()) : "error: " + secret.error().text;
}
} // namespace

TEST_CASE("secrets: raw, base64, file, JSON") {
    objects::Table table;
    CHECK(table.add("secret,id=a,data=hello"));
    CHECK(table.add("secret,id=b,data=aGVsbG8=,format=base64"));
    CHECK(table.add(R"({"qom-type":"secret","id":"c","data":"a,b"})"));
    char path[] = "/tmp/emu-secret-XXXXXX";
    const int fd = mkstemp(path);
    REQUIRE(fd >= 0);
    CHECK(::write(fd, "from file", 9) == 9);
    ::close(fd);
    CHECK(table.add(std::string("secret,id=d,file=") + path));
    std::remove(path);
    CHECK(text(table.secret("a")) == "hello");
    CHECK(text(table.secret("b")) == "hello");
    CHECK(text(table.secret("c")) == "a,b");
    CHECK(text(table.secret("d")) == "from file");
    CHECK(text(table.secret("e")) == "error: No secret with id 'e'");
    CHECK(!table.object("a", "tls-creds"));
    CHECK(table.remove("a"));
    CHECK(!table.secret("a"));
}

TEST_CASE("secrets: encrypted under another") {
    // printf hello | openssl enc -aes-256-cbc -K 000102..1f -iv 101112..1f | base64
    objects::Table table;
    CHECK(table.add("secret,id=master,data=AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8=,format=base64"));
    CHECK(table.add("secret,id=s,keyid=master,iv=EBESExQVFhcYGRobHB0eHw==,format=base64,data=BGjxpSaepyRbuExk1FbpTQ=="));
    CHECK(text(table.secret("s")) == "hello");
    CHECK(!table.add("secret,id=t,keyid=master,format=base64,data=AAAA"));
    CHECK(!table.add("secret,id=t,keyid=none,iv=EBESExQVFhcYGRobHB0eHw==,data=AAAA"));
    CHECK(!table.add("secret,id=t,keyid=master,iv=AAAA,format=base64,data=AAAAAAAAAAAAAAAAAAAAAA=="));
}

TEST_CASE("objects: what is refused") {
    objects::Table table;
    CHECK(table.add("secret,id=a,data=x"));
    for (const char* bad : {"secret,id=a,data=y", "secret,data=x", "secret,id=9,data=x", "secret,id=b", "nothing,id=b",
                            "secret,id=b,data=x,file=y", "secret,id=b,data=x,format=z", "secret,id=b,data=x,wrong=1", "{", "",
                            "secret,id=b,file=/nonexistent", "secret,id=b,iv=AA==,data=x", R"({"id":"b"})"}) {
        CAPTURE(bad);
        CHECK(!table.add(bad));
    }
}

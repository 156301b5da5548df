// SPDX-License-Identifier: MIT
// Credentials and sessions against each other over a socket pair; certificates come from certtool where it is installed.
#include "common/fd.h"
#include "crypto/tls.h"
#include "objects/table.h"

#include <chrono>
#include <cstdlib>
#include <doctest/doctest.h>
#include <filesystem>
#include <fstream>
#include <ostream>
#include <sys/socket.h>
#include <thread>

using namespace emu;
using namespace emu::crypto;
namespace fs = std::filesystem;

namespace {

struct Folder {
    Folder() {
        char name[] = "/tmp/emu-tls-XXXXXX";
        path = ::mkdtemp(name);
    }
    ~Folder() { fs::remove_all(path); }
    std::string path;
    void put(const std::string& name, std::string_view text) const { std::ofstream(path + "/" + name) << text; }
    bool run(const std::string& command) const { return std::system(("cd " + path + " && { " + command + "; } >/dev/null 2>&1").c_str()) == 0; }
};

bool have_certtool() { return std::system("command -v certtool >/dev/null 2>&1") == 0; }

/// CA, server and client certificates, all in one folder.
bool make_certificates(const Folder& f) {
    f.put("ca.info", "cn = Test CA\nca\ncert_signing_key\ncrl_signing_key\nexpiration_days = 10\n");
    f.put("server.info", "cn = host.test\ndns_name = host.test\nip_address = 127.0.0.1\ntls_www_server\nsigning_key\nencryption_key\nexpiration_days = 10\n");
    f.put("client.info", "cn = someone\norganization = Emu\ntls_www_client\nsigning_key\nencryption_key\nexpiration_days = 10\n");
    f.put("crl.info", "crl_next_update = 10\ncrl_number = 1\n");
    bool ok = f.run("certtool --generate-privkey --ecdsa --outfile ca-key.pem && certtool --generate-self-signed --load-privkey ca-key.pem "
                    "--template ca.info --outfile ca-cert.pem");
    for (const std::string who : {"server", "client"})
        ok = ok && f.run("certtool --generate-privkey --ecdsa --outfile " + who + "-key.pem && certtool --generate-certificate --load-ca-certificate "
                         "ca-cert.pem --load-ca-privkey ca-key.pem --load-privkey " + who + "-key.pem --template " + who + ".info --outfile " + who + "-cert.pem");
    return ok;
}

struct Ends {
    Result<void> server, client;
    std::string name;
};

/// Handshake, then a message each way.
Ends talk(std::shared_ptr<const TlsCreds> server_creds, std::shared_ptr<const TlsCreds> client_creds, const std::string& host = {},
          std::shared_ptr<const Authz> authz = nullptr) {
    using namespace std::chrono_literals;
    int fds[2] = {};
    REQUIRE(::socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0, fds) == 0);
    const Fd a(fds[0]), b(fds[1]);
    Ends out;
    const auto exchange = [](TlsSession& session, bool first) -> Result<void> {
        std::vector<u8> message(100'000, 0x5a);
        for (int turn = 0; turn < 2; turn++) {
            for (usize done = 0; done < message.size();) {
                const bool sending = (turn == 0) == first;
                const auto moved = EMU_TRY(sending ? session.write(ConstBytes(message).subspan(done)) : session.read(Bytes(message).subspan(done)));
                if (moved.wait == TlsWait::none && moved.bytes == 0) return fail(EPIPE, "closed early");
                done += moved.bytes;
                if (moved.wait != TlsWait::none) std::this_thread::sleep_for(1ms);
            }
        }
        return {};
    };
    std::thread client([&] {
        const auto run = [&]() -> Result<void> {
            auto session = EMU_TRY(TlsSession::make(client_creds, TlsRole::client, {.hostname = host}));
            session->attach(b.get());
            EMU_CHECK(session->handshake_within(5s));
            EMU_CHECK(exchange(*session, true));
            (void)session->bye(); // the other side may be gone
            return {};
        };
        out.client = run();
        ::shutdown(b.get(), SHUT_RDWR);
    });
    const auto run = [&]() -> Result<void> {
        auto session = EMU_TRY(TlsSession::make(server_creds, TlsRole::server, {.authz = authz}));
        session->attach(a.get());
        EMU_CHECK(session->handshake_within(5s));
        out.name = session->peer_name();
        return exchange(*session, false);
    };
    out.server = run();
    ::shutdown(a.get(), SHUT_RDWR);
    client.join();
    return out;
}

std::shared_ptr<const TlsCreds> creds(objects::Table& table, const std::string& id, const std::string& options) {
    const auto added = table.add(options + ",id=" + id);
    REQUIRE_MESSAGE(added, (added ? "" : added.error().text));
    return objects::find<TlsCreds>(table, id).value();
}

} // namespace

TEST_CASE("tls: anonymous and pre-shared keys") {
    objects::Table table;
    Folder f;
    f.put("keys.psk", "qemu:00112233445566778899aabbccddeeff\nother:ffeeddccbbaa99887766554433221100\n");
    auto anon = talk(creds(table, "as", "tls-creds-anon,endpoint=server"), creds(table, "ac", "tls-creds-anon,endpoint=client"));
    CHECK_MESSAGE(anon.server, (anon.server ? "" : anon.server.error().text));
    CHECK_MESSAGE(anon.client, (anon.client ? "" : anon.client.error().text));
    CHECK(anon.name.empty());
    auto server = creds(table, "ps", "tls-creds-psk,endpoint=server,dir=" + f.path);
    auto psk = talk(server, creds(table, "pc", "tls-creds-psk,endpoint=client,dir=" + f.path));
    CHECK_MESSAGE(psk.server, (psk.server ? "" : psk.server.error().text));
    CHECK(psk.name == "qemu");
    psk = talk(server, creds(table, "po", "tls-creds-psk,endpoint=client,username=other,dir=" + f.path), "", make_authz_simple("qemu").value());
    CHECK(!psk.server);
    CHECK(psk.server.error().text.find("denied") != std::string::npos);
    CHECK(!psk.client);
    Folder g;
    g.put("keys.psk", "qemu:ff112233445566778899aabbccddeeff\n");
    psk = talk(server, creds(table, "pw", "tls-creds-psk,endpoint=client,dir=" + g.path));
    CHECK(!psk.server);
    CHECK(!psk.client);
    CHECK(!table.add("tls-creds-psk,id=x,endpoint=client,username=nobody,dir=" + f.path));
    CHECK(!table.add("tls-creds-psk,id=x,endpoint=server"));
    CHECK(!table.add("tls-creds-psk,id=x,endpoint=middle,dir=" + f.path));
    CHECK(!table.add("tls-creds-anon,id=x,priority=NONSENSE:%%"));
    CHECK(!TlsSession::make(server, TlsRole::client, {}));
}

TEST_CASE("tls: certificates, host names, revocation") {
    if (!have_certtool()) {
        MESSAGE("certtool is not installed");
        return;
    }
    Folder f;
    REQUIRE(make_certificates(f));
    objects::Table table;
    const std::string dir = ",dir=" + f.path;
    auto server = creds(table, "s", "tls-creds-x509,endpoint=server" + dir), client = creds(table, "c", "tls-creds-x509,endpoint=client" + dir);
    for (const char* host : {"host.test", "127.0.0.1", ""}) {
        CAPTURE(host);
        const auto both = talk(server, client, host);
        CHECK_MESSAGE(both.server, (both.server ? "" : both.server.error().text));
        CHECK_MESSAGE(both.client, (both.client ? "" : both.client.error().text));
        CHECK(both.name.find("CN=someone") != std::string::npos);
        CHECK(both.name.find("O=Emu") != std::string::npos);
    }
    const auto wrong = talk(server, client, "elsewhere.test");
    CHECK(!wrong.client);
    CHECK(wrong.client.error().text == "Certificate does not match the hostname elsewhere.test");
    CHECK(!wrong.server);

    Folder bare; // a client with the CA only
    fs::copy(f.path + "/ca-cert.pem", bare.path + "/ca-cert.pem");
    auto nameless = creds(table, "n", "tls-creds-x509,endpoint=client,dir=" + bare.path);
    CHECK(!talk(server, nameless, "host.test").server);
    const auto unverified = talk(creds(table, "sn", "tls-creds-x509,endpoint=server,verify-peer=no" + dir), nameless, "host.test");
    CHECK(unverified.server);
    CHECK(unverified.client);

    Folder other; // a CA of another kind
    REQUIRE(make_certificates(other));
    CHECK(!talk(server, creds(table, "oc", "tls-creds-x509,endpoint=client,dir=" + other.path), "host.test").client);
    fs::copy_file(f.path + "/ca-cert.pem", other.path + "/ca-cert.pem", fs::copy_options::overwrite_existing);
    const auto unsigned_own = table.add("tls-creds-x509,id=u,endpoint=server,dir=" + other.path);
    REQUIRE(!unsigned_own);
    CHECK(unsigned_own.error().text.find("failed validation") != std::string::npos);
    CHECK(table.add("tls-creds-x509,id=u,endpoint=server,sanity-check=no,dir=" + other.path));
    CHECK(!table.add("tls-creds-x509,id=v,endpoint=server,dir=" + bare.path));

    REQUIRE(f.run("certtool --generate-crl --load-ca-privkey ca-key.pem --load-ca-certificate ca-cert.pem --load-certificate client-cert.pem "
                  "--template crl.info --outfile ca-crl.pem"));
    const auto revoked = talk(creds(table, "sr", "tls-creds-x509,endpoint=server" + dir), client, "host.test");
    REQUIRE(!revoked.server);
    CHECK(revoked.server.error().text == "The certificate has been revoked");
}

TEST_CASE("authz: lists, files and a single identity") {
    objects::Table table;
    REQUIRE(table.add("authz-simple,id=a,identity=CN=x,,O=y"));
    const auto ask = [&](const std::string& id, std::string_view who) { return objects::find<Authz>(table, id).value()->allows(who).value_or(false); };
    CHECK(ask("a", "CN=x,O=y"));
    CHECK(!ask("a", "CN=x"));
    REQUIRE(table.add("authz-list,id=l,policy=deny,rules.0.match=bad*,rules.0.policy=deny,rules.0.format=glob,rules.1.match=b*,"
                      "rules.1.policy=allow,rules.1.format=glob,rules.2.match=x*,rules.2.policy=allow"));
    CHECK(ask("l", "bob"));
    CHECK(!ask("l", "badger"));
    CHECK(!ask("l", "xavier"));
    CHECK(ask("l", "x*"));
    REQUIRE(table.add(R"({"qom-type":"authz-list","id":"j","policy":"allow","rules":[{"match":"fred","policy":"deny","format":"exact"}]})"));
    CHECK(ask("j", "any"));
    CHECK(!ask("j", "fred"));
    CHECK(!table.add("authz-list,id=e,policy=maybe"));
    CHECK(!table.add("authz-list,id=e,rules.0.match=x"));
    Folder f;
    f.put("rules", R"({"rules":[{"match":"fred","policy":"allow"}]})");
    REQUIRE(table.add("authz-list-file,id=f,filename=" + f.path + "/rules"));
    REQUIRE(table.add("authz-list-file,id=g,refresh=no,filename=" + f.path + "/rules"));
    CHECK(ask("f", "fred"));
    CHECK(!ask("f", "bob"));
    f.put("new", R"({"rules":[{"match":"bob","policy":"allow"}]})");
    fs::rename(f.path + "/new", f.path + "/rules");
    CHECK(!ask("f", "fred"));
    CHECK(ask("f", "bob"));
    CHECK(ask("g", "fred"));
    f.put("new", "{");
    fs::rename(f.path + "/new", f.path + "/rules");
    CHECK(!ask("f", "bob"));
    CHECK(!table.add("authz-list-file,id=h,filename=" + f.path + "/none"));
    REQUIRE(table.add("authz-pam,id=p,service=emu-no-such-service"));
    CHECK(!ask("p", "nobody-here"));
}

// SPDX-License-Identifier: MIT
#include "common/bytes.h"
#include "crypto/base64.h"
#include "crypto/luks.h"

#include <algorithm>
#include <doctest/doctest.h>
#include <fmt/format.h>

using namespace emu;
using namespace emu::crypto;

namespace {

std::vector<u8> bytes_of(std::string_view text) { return {text.begin(), text.end()}; }
std::vector<u8> unhex(std::string_view text) {
    std::vector<u8> out;
    for (usize i = 0; i + 1 < text.size(); i += 2) out.push_back(u8(std::stoul(std::string(text.substr(i, 2)), nullptr, 16)));
    return out;
}
std::string hex(ConstBytes bytes) {
    std::string out;
    for (u8 b : bytes) out += fmt::format("{:02x}", b);
    return out;
}

class Memory final : public LuksStorage {
public:
    std::vector<u8> bytes;
    explicit Memory(usize size) : bytes(size) {}
    Result<void> read(u64 at, Bytes to) override {
        if (!in_range(at, to.size(), bytes.size())) return fail(EIO, "read outside");
        std::copy_n(bytes.begin() + long(at), to.size(), to.begin());
        return {};
    }
    Result<void> write(u64 at, ConstBytes from) override {
        if (!in_range(at, from.size(), bytes.size())) return fail(EIO, "write outside");
        std::copy(from.begin(), from.end(), bytes.begin() + long(at));
        return {};
    }
    Result<void> flush() override { return {}; }
};

} // namespace

TEST_CASE("hashes and HMAC give the published values") {
    CHECK(hex(hash(HashAlg::sha256, bytes_of("abc"))) == "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
    CHECK(hex(hash(HashAlg::sha1, bytes_of("abc"))) == "a9993e364706816aba3e25717850c26c9cd0d89d");
    CHECK(hex(hash(HashAlg::ripemd160, bytes_of("abc"))) == "8eb208f7e05d987a9b044a8e98c6b087f15a0bfc");
    // RFC 4231, test case 2.
    CHECK(hex(hmac(HashAlg::sha256, bytes_of("Jefe"), bytes_of("what do ya want for nothing?"))) ==
          "5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843");
    CHECK(parse_hash("sha512").value() == HashAlg::sha512);
    CHECK(!parse_hash("sha3"));
}

TEST_CASE("PBKDF2 gives the values of RFC 6070") {
    std::vector<u8> out(20);
    pbkdf2(HashAlg::sha1, bytes_of("password"), bytes_of("salt"), 4096, out);
    CHECK(hex(out) == "4b007901b765489abead49d926f721d065a429c1");
    out.resize(25);
    pbkdf2(HashAlg::sha1, bytes_of("passwordPASSWORDpassword"), bytes_of("saltSALTsaltSALTsaltSALTsaltSALTsalt"), 4096, out);
    CHECK(hex(out) == "3d2eec4fe41c849b80c8d83662c0e44a8b291a964cf2f07038");
    CHECK(calibrate_pbkdf2(HashAlg::sha256, 32, 1) >= 1);
}

TEST_CASE("XTS gives the vectors of IEEE 1619 and works over many units at once") {
    // Vector 1 and 4 (AES-128).
    const auto one = Cipher::make(CipherAlg::aes128, CipherMode::xts, unhex(std::string(64, '0'))).value();
    std::vector<u8> data(32), iv(16);
    one->encrypt(data, iv);
    CHECK(hex(data) == "917cf69ebd68b2ec9b9fe9a3eadda692cd43d2f59598ed858c02c2652fbf922e");
    std::vector<u8> key = unhex("27182818284590452353602874713526"
                                "31415926535897932384626433832795");
    const auto four = Cipher::make(CipherAlg::aes128, CipherMode::xts, key).value();
    data.resize(512);
    for (usize i = 0; i < 512; i++) data[i] = u8(i);
    four->encrypt(data, iv);
    CHECK(hex(ConstBytes(data).first(16)) == "27a7479befa1d476489f308cd4cfa6e2");
    // Runs of units equal single units, for every cipher, in both directions.
    for (const char* name : {"aes-128", "aes-256", "serpent-256", "twofish-192"}) {
        const CipherAlg alg = parse_cipher(name).value();
        for (CipherMode mode : {CipherMode::xts, CipherMode::cbc, CipherMode::ctr}) {
            std::vector<u8> k(key_size(alg, mode));
            for (usize i = 0; i < k.size(); i++) k[i] = u8(i * 7);
            const auto cipher = Cipher::make(alg, mode, k).value();
            std::vector<u8> plain(512 * 41), ivs(16 * 41);
            for (usize i = 0; i < plain.size(); i++) plain[i] = u8(i * 31 + (i >> 8));
            for (usize i = 0; i < ivs.size(); i++) ivs[i] = u8(i * 3);
            std::vector<u8> whole = plain, pieces = plain;
            cipher->encrypt_units(whole, 512, ivs);
            for (usize i = 0; i < 41; i++) cipher->encrypt(Bytes(pieces).subspan(i * 512, 512), ConstBytes(ivs).subspan(i * 16, 16));
            CHECK(whole == pieces);
            CHECK(whole != plain);
            cipher->decrypt_units(whole, 512, ivs);
            CHECK(whole == plain);
        }
    }
    CHECK(!Cipher::make(CipherAlg::aes128, CipherMode::xts, std::vector<u8>(16)));
}

TEST_CASE("sector schemes are parsed and refused by name") {
    CHECK(luks_mode_text(parse_luks_scheme("aes", "xts-plain64", 64).value()) == "xts-plain64");
    CHECK(luks_mode_text(parse_luks_scheme("serpent", "cbc-essiv:sha256", 32).value()) == "cbc-essiv:sha256");
    CHECK(!parse_luks_scheme("aes", "xts", 64));
    CHECK(!parse_luks_scheme("aes", "xts-plain64", 33));
    CHECK(!parse_luks_scheme("aes", "cbc-essiv", 32));
    CHECK(!parse_luks_scheme("rot", "cbc-plain", 32));
}

TEST_CASE("base64 both ways") {
    CHECK(base64_encode(bytes_of("hello")) == "aGVsbG8=");
    CHECK(base64_decode("aGVs\nbG8=").value() == bytes_of("hello"));
    CHECK(!base64_decode("a*b="));
    CHECK(!base64_decode("aGVsbG8"));
}

TEST_CASE("AF split keys come back together") {
    std::vector<u8> key(48);
    for (usize i = 0; i < key.size(); i++) key[i] = u8(200 - i);
    const auto split = af_split(HashAlg::sha1, key, 50).value();
    const SecretBytes merged = af_merge(HashAlg::sha1, split, key.size(), 50);
    CHECK(std::equal(key.begin(), key.end(), merged.bytes().begin()));
}

TEST_CASE("LUKS: create, open, add and erase slots") {
    LuksCreate options;
    options.iter_time_ms = 1;
    Memory disk(Luks::header_size(options.scheme));
    CHECK(disk.bytes.size() == 2068480);
    SecretBytes master;
    Luks luks = Luks::create(disk, options, bytes_of("first"), master).value();
    CHECK(Luks::probe(disk.bytes));
    Luks again = Luks::read(disk, disk.bytes.size()).value();
    CHECK(again.uuid == luks.uuid);
    unsigned slot = 9;
    auto key = again.unlock(disk, bytes_of("first"), &slot);
    REQUIRE(key);
    CHECK(slot == 0);
    CHECK(std::ranges::equal(key->bytes(), master.bytes()));
    CHECK(again.unlock(disk, bytes_of("second")).error().code == EPERM);

    const SecretBytes first(bytes_of("first")), second(bytes_of("second"));
    CHECK(again.amend(disk, {.old_secret = &first, .new_secret = &second, .iter_time_ms = 1}, nullptr));
    CHECK(again.unlock(disk, bytes_of("second"), &slot));
    CHECK(slot == 1);
    CHECK(!again.amend(disk, {.slot = 1, .new_secret = &second, .iter_time_ms = 1}, &master)); // in use
    CHECK(again.amend(disk, {.activate = false, .old_secret = &first}, nullptr));
    CHECK(!again.unlock(disk, bytes_of("first")));
    CHECK(!again.amend(disk, {.activate = false, .old_secret = &second}, nullptr)); // the last one
    Luks last = Luks::read(disk, disk.bytes.size()).value();
    CHECK(last.unlock(disk, bytes_of("second")));
    CHECK(!last.slot[0].active);
}

TEST_CASE("LUKS: damaged headers are refused") {
    LuksCreate options;
    options.iter_time_ms = 1;
    Memory disk(Luks::header_size(options.scheme));
    SecretBytes master;
    REQUIRE(Luks::create(disk, options, bytes_of("x"), master));
    const std::vector<u8> good = disk.bytes;
    const auto refused = [&](usize at, u32 value) {
        disk.bytes = good;
        put_be32(disk.bytes, at, value);
        return !Luks::read(disk, disk.bytes.size());
    };
    CHECK(refused(0, 0));
    CHECK(refused(104, 8));          // payload before the slots
    CHECK(refused(108, 0xffffffff)); // key bytes
    CHECK(refused(164, 0));          // digest iterations
    CHECK(refused(208, 1));          // slot state
    CHECK(refused(212, 0));          // slot iterations
    CHECK(refused(248, 0xffffffff)); // key offset
    CHECK(refused(252, 3));          // stripes
    CHECK(!Luks::read(disk, 100));
}

// SPDX-License-Identifier: MIT
#include "crypto/hash.h"

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstring>
#include <ctime>
#include <fmt/format.h>
#include <nettle/hmac.h>
#include <nettle/nettle-meta.h>
#include <nettle/pbkdf2.h>
#include <sys/random.h>
#undef pbkdf2 // nettle renames its functions by macros, and would rename ours

namespace emu::crypto {

namespace {

struct Row {
    HashAlg alg;
    std::string_view name;
    const nettle_hash* hash;
};
const std::array<Row, 7> rows = {{
    {HashAlg::md5, "md5", &nettle_md5},
    {HashAlg::sha1, "sha1", &nettle_sha1},
    {HashAlg::sha224, "sha224", &nettle_sha224},
    {HashAlg::sha256, "sha256", &nettle_sha256},
    {HashAlg::sha384, "sha384", &nettle_sha384},
    {HashAlg::sha512, "sha512", &nettle_sha512},
    {HashAlg::ripemd160, "ripemd160", &nettle_ripemd160},
}};

const nettle_hash& of(HashAlg alg) { return *rows[usize(alg)].hash; }

} // namespace

Result<HashAlg> parse_hash(std::string_view name) {
    for (const Row& row : rows) {
        if (row.name == name) return row.alg;
    }
    return fail(EINVAL, fmt::format("hash '{}' is not known", name));
}
std::string_view name_of(HashAlg alg) { return rows[usize(alg)].name; }
usize digest_size(HashAlg alg) { return of(alg).digest_size; }

Hash::Hash(HashAlg alg) : alg_(alg), context_(of(alg).context_size) { of(alg).init(context_.data()); }
void Hash::update(ConstBytes data) { of(alg_).update(context_.data(), data.size(), data.data()); }
void Hash::finish(Bytes out) {
    EMU_ASSERT(out.size() <= digest_size(alg_));
    of(alg_).digest(context_.data(), out.size(), out.data());
}

std::vector<u8> hash(HashAlg alg, ConstBytes data) {
    Hash h(alg);
    std::vector<u8> out(digest_size(alg));
    h.update(data);
    h.finish(out);
    return out;
}

Hmac::Hmac(HashAlg alg, ConstBytes key)
    : alg_(alg), outer_(of(alg).context_size), inner_(of(alg).context_size), context_(of(alg).context_size) {
    hmac_set_key(outer_.data(), inner_.data(), context_.data(), &of(alg), key.size(), key.data());
}
void Hmac::update(ConstBytes data) { hmac_update(context_.data(), &of(alg_), data.size(), data.data()); }
void Hmac::finish(Bytes out) {
    EMU_ASSERT(out.size() <= digest_size(alg_));
    hmac_digest(outer_.data(), inner_.data(), context_.data(), &of(alg_), out.size(), out.data());
}

std::vector<u8> hmac(HashAlg alg, ConstBytes key, ConstBytes data) {
    Hmac h(alg, key);
    std::vector<u8> out(digest_size(alg));
    h.update(data);
    h.finish(out);
    return out;
}

namespace {
void hmac_update_thunk(void* h, usize length, const u8* data) { static_cast<Hmac*>(h)->update({data, length}); }
void hmac_digest_thunk(void* h, usize length, u8* out) { static_cast<Hmac*>(h)->finish({out, length}); }
} // namespace

void pbkdf2(HashAlg alg, ConstBytes password, ConstBytes salt, u64 iterations, Bytes out) {
    EMU_ASSERT(iterations > 0 && iterations <= 0xffffffffu);
    Hmac mac(alg, password);
    ::nettle_pbkdf2(&mac, hmac_update_thunk, hmac_digest_thunk, digest_size(alg), unsigned(iterations), salt.size(),
                    salt.data(), out.size(), out.data());
}

u64 calibrate_pbkdf2(HashAlg alg, usize key_size, u64 milliseconds) {
    const auto cpu_ns = [] {
        timespec t;
        clock_gettime(CLOCK_THREAD_CPUTIME_ID, &t);
        return u64(t.tv_sec) * 1'000'000'000 + u64(t.tv_nsec);
    };
    const std::array<u8, 16> password = {1, 2, 3}, salt = {4, 5, 6};
    std::vector<u8> out(key_size);
    u64 iterations = 1 << 10, spent = 0;
    const u64 enough = std::clamp<u64>(milliseconds, 4, 40) * 500'000; // of time to extrapolate from
    for (;;) {
        const u64 start = cpu_ns();
        pbkdf2(alg, password, salt, iterations, out);
        spent = std::max<u64>(cpu_ns() - start, 1);
        if (spent >= enough || iterations >= (u64(1) << 28)) break;
        iterations *= 4;
    }
    const u128 wanted = u128(iterations) * milliseconds * 1'000'000 / spent;
    return u64(std::min<u128>(std::max<u128>(wanted, 1), 0xffffffffu));
}

Result<void> random_bytes(Bytes out) {
    while (!out.empty()) {
        const ssize_t got = ::getrandom(out.data(), out.size(), 0);
        if (got < 0 && errno != EINTR) return fail_errno(errno, "no random bytes");
        if (got > 0) out = out.subspan(usize(got));
    }
    return {};
}

Result<std::string> random_uuid() {
    std::array<u8, 16> b;
    EMU_CHECK(random_bytes(b));
    b[6] = u8((b[6] & 0x0f) | 0x40);
    b[8] = u8((b[8] & 0x3f) | 0x80);
    std::string text;
    for (usize i = 0; i < b.size(); i++) {
        if (i == 4 || i == 6 || i == 8 || i == 10) text += '-';
        text += fmt::format("{:02x}", b[i]);
    }
    return text;
}

void wipe(Bytes secret) {
    if (!secret.empty()) explicit_bzero(secret.data(), secret.size());
}

} // namespace emu::crypto

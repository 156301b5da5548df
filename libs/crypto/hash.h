// SPDX-License-Identifier: MIT
// Digests, HMAC (RFC 2104), PBKDF2 (RFC 8018) and random bytes.
#pragma once
#include "common/result.h"
#include "common/types.h"

#include <string_view>
#include <vector>

namespace emu::crypto {

enum class HashAlg : u8 { md5, sha1, sha224, sha256, sha384, sha512, ripemd160 };

Result<HashAlg> parse_hash(std::string_view name);
std::string_view name_of(HashAlg alg);
usize digest_size(HashAlg alg);
constexpr usize max_digest_size = 64;

/// A digest taken in pieces; finish() starts anew.
class Hash {
public:
    explicit Hash(HashAlg alg);
    void update(ConstBytes data);
    /// The first out.size() bytes of the digest; out is at most digest_size().
    void finish(Bytes out);

private:
    HashAlg alg_;
    std::vector<u8> context_;
};

std::vector<u8> hash(HashAlg alg, ConstBytes data);

/// HMAC with a key that is set up once.
class Hmac {
public:
    Hmac(HashAlg alg, ConstBytes key);
    void update(ConstBytes data);
    void finish(Bytes out);

private:
    HashAlg alg_;
    std::vector<u8> outer_, inner_, context_;
    friend void pbkdf2(HashAlg, ConstBytes, ConstBytes, u64, Bytes);
};

std::vector<u8> hmac(HashAlg alg, ConstBytes key, ConstBytes data);

/// Fill `out`; iterations is 1 to 2^32 - 1.
void pbkdf2(HashAlg alg, ConstBytes password, ConstBytes salt, u64 iterations, Bytes out);

/// How many iterations for `key_size` bytes take about `milliseconds` of this thread's processor time here and now.
u64 calibrate_pbkdf2(HashAlg alg, usize key_size, u64 milliseconds);

/// From the system's generator; fit for keys.
Result<void> random_bytes(Bytes out);

/// A random (version 4) UUID in text form.
Result<std::string> random_uuid();

/// Overwrite memory that held a secret, in a way the compiler keeps.
void wipe(Bytes secret);

/// Bytes that are wiped when they go away.
class SecretBytes {
public:
    SecretBytes() = default;
    explicit SecretBytes(usize size) : bytes_(size) {}
    explicit SecretBytes(ConstBytes from) : bytes_(from.begin(), from.end()) {}
    SecretBytes(SecretBytes&&) noexcept = default;
    SecretBytes& operator=(SecretBytes&& other) noexcept {
        wipe(bytes_);
        bytes_ = std::move(other.bytes_);
        return *this;
    }
    SecretBytes(const SecretBytes&) = delete;
    ~SecretBytes() { wipe(bytes_); }
    Bytes bytes() { return bytes_; }
    ConstBytes bytes() const { return bytes_; }
    usize size() const { return bytes_.size(); }

private:
    std::vector<u8> bytes_;
};

} // namespace emu::crypto

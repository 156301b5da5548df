// SPDX-License-Identifier: MIT
// Block ciphers with 16-byte blocks, and the modes that disk encryption uses. A Cipher is immutable once made: any number of
// threads may encrypt with it at once. AES runs on the processor's instructions where nettle finds them.
#pragma once
#include "common/result.h"
#include "common/types.h"

#include <memory>
#include <string_view>

namespace emu::crypto {

constexpr usize block_bytes = 16;

enum class CipherAlg : u8 { aes128, aes192, aes256, serpent128, serpent192, serpent256, twofish128, twofish192, twofish256 };
enum class CipherMode : u8 { ecb, cbc, ctr, xts };

/// "aes-256", "serpent-128" ...
Result<CipherAlg> parse_cipher(std::string_view name);
std::string_view name_of(CipherAlg alg);
/// The family as LUKS writes it ("aes"), and back, given the key's size in bytes.
std::string_view family_of(CipherAlg alg);
Result<CipherAlg> cipher_of_family(std::string_view family, usize key_size);
Result<CipherMode> parse_mode(std::string_view name);
std::string_view name_of(CipherMode mode);
/// Bytes of key that the algorithm takes; XTS takes twice as many.
usize key_size(CipherAlg alg);
inline usize key_size(CipherAlg alg, CipherMode mode) { return key_size(alg) * (mode == CipherMode::xts ? 2 : 1); }

class Cipher {
public:
    /// The key must have key_size(alg, mode) bytes.
    static Result<std::unique_ptr<Cipher>> make(CipherAlg alg, CipherMode mode, ConstBytes key);
    ~Cipher();
    Cipher(const Cipher&) = delete;

    // In place, whole blocks (CTR: any length); iv has 16 bytes (ECB: ignored). XTS: `data` is one data unit.
    void encrypt(Bytes data, ConstBytes iv) const;
    void decrypt(Bytes data, ConstBytes iv) const;
    /// `data` is a run of units of `unit` bytes each (the last one may be shorter); `ivs` holds 16 bytes for each.
    void encrypt_units(Bytes data, usize unit, ConstBytes ivs) const { units(data, data, unit, ivs, true); }
    void decrypt_units(Bytes data, usize unit, ConstBytes ivs) const { units(data, data, unit, ivs, false); }
    /// The same from one place to another of the same size.
    void encrypt_units(Bytes to, ConstBytes from, usize unit, ConstBytes ivs) const { units(to, from, unit, ivs, true); }

private:
    struct Keys;
    Cipher(CipherMode mode, std::unique_ptr<Keys> keys);
    void units(Bytes to, ConstBytes from, usize unit, ConstBytes ivs, bool encrypting) const;
    void xts(Bytes to, ConstBytes from, usize unit, ConstBytes ivs, bool encrypting) const;
    CipherMode mode_;
    std::unique_ptr<Keys> keys_;
};

} // namespace emu::crypto

// SPDX-License-Identifier: MIT
// Encryption of disk sectors: a cipher and the rule that makes an initialisation vector from a sector's number, as Linux'
// dm-crypt names them ("aes-xts-plain64", "serpent-cbc-essiv:sha256").
#pragma once
#include "crypto/cipher.h"
#include "crypto/hash.h"

#include <optional>
#include <string>

namespace emu::crypto {

enum class IvGen : u8 { plain, plain64, essiv };
Result<IvGen> parse_ivgen(std::string_view name);
std::string_view name_of(IvGen ivgen);

struct SectorScheme {
    CipherAlg alg = CipherAlg::aes256;
    CipherMode mode = CipherMode::xts;
    IvGen ivgen = IvGen::plain64;
    HashAlg ivgen_hash = HashAlg::sha256; ///< essiv only

    usize key_bytes() const { return key_size(alg, mode); }
};

/// Immutable; any number of threads may use one.
class SectorCipher {
public:
    static constexpr usize sector = 512;
    static Result<std::unique_ptr<SectorCipher>> make(const SectorScheme& scheme, ConstBytes key);

    // In place; data is whole sectors, the first of which has the number `first`.
    void encrypt(u64 first, Bytes data) const { run(first, data, data, true); }
    void decrypt(u64 first, Bytes data) const { run(first, data, data, false); }
    /// From one place to another.
    void encrypt(u64 first, Bytes to, ConstBytes from) const { run(first, to, from, true); }

private:
    SectorCipher() = default;
    void run(u64 first, Bytes to, ConstBytes from, bool encrypting) const;
    SectorScheme scheme_;
    std::unique_ptr<Cipher> cipher_, essiv_;
};

/// The scheme of legacy "AES" images (qcow, qcow2): AES-128-CBC, plain64, the password cut or padded with NULs to 16 bytes.
Result<std::unique_ptr<SectorCipher>> legacy_aes(ConstBytes password);

} // namespace emu::crypto

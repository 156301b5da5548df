// SPDX-License-Identifier: MIT
// The generators are those of dm-crypt: plain is the low 32 bits of the sector number, plain64 all of it, little endian, padded
// with zeroes; essiv is plain64 encrypted with the hash of the key.
#include "crypto/sectors.h"

#include "common/bytes.h"

#include <array>
#include <cstring>
#include <fmt/format.h>

namespace emu::crypto {

namespace {
constexpr std::array<std::string_view, 3> ivgen_names = {"plain", "plain64", "essiv"};
constexpr usize batch_sectors = 128;
} // namespace

Result<IvGen> parse_ivgen(std::string_view name) {
    for (usize i = 0; i < ivgen_names.size(); i++) {
        if (ivgen_names[i] == name) return IvGen(i);
    }
    return fail(EINVAL, fmt::format("IV generator '{}' is not known", name));
}
std::string_view name_of(IvGen ivgen) { return ivgen_names[usize(ivgen)]; }

Result<std::unique_ptr<SectorCipher>> SectorCipher::make(const SectorScheme& scheme, ConstBytes key) {
    auto made = std::unique_ptr<SectorCipher>(new SectorCipher);
    made->scheme_ = scheme;
    made->cipher_ = EMU_TRY(Cipher::make(scheme.alg, scheme.mode, key));
    if (scheme.ivgen == IvGen::essiv) {
        const usize salt = digest_size(scheme.ivgen_hash);
        const CipherAlg alg = EMU_TRY(cipher_of_family(family_of(scheme.alg), salt));
        made->essiv_ = EMU_TRY(Cipher::make(alg, CipherMode::ecb, hash(scheme.ivgen_hash, key)));
    }
    return made;
}

void SectorCipher::run(u64 first, Bytes to, ConstBytes from, bool encrypting) const {
    EMU_ASSERT(to.size() == from.size() && from.size() % sector == 0);
    std::array<u8, batch_sectors * block_bytes> ivs;
    for (usize at = 0; at < from.size();) {
        const usize count = std::min(batch_sectors, (from.size() - at) / sector);
        for (usize i = 0; i < count; i++) {
            const u64 number = scheme_.ivgen == IvGen::plain ? u64(u32(first + i)) : first + i;
            store_bytes(ivs.data() + i * block_bytes, number, Endian::little);
            store_bytes(ivs.data() + i * block_bytes + 8, u64(0), Endian::little);
        }
        const Bytes used(ivs.data(), count * block_bytes);
        if (essiv_) essiv_->encrypt(used, {});
        const Bytes part = to.subspan(at, count * sector);
        if (encrypting) cipher_->encrypt_units(part, from.subspan(at, part.size()), sector, used);
        else cipher_->decrypt_units(part, sector, used);
        at += part.size();
        first += count;
    }
}

Result<std::unique_ptr<SectorCipher>> legacy_aes(ConstBytes password) {
    std::array<u8, 16> key = {};
    std::memcpy(key.data(), password.data(), std::min(password.size(), key.size()));
    auto made = SectorCipher::make({CipherAlg::aes128, CipherMode::cbc, IvGen::plain64, HashAlg::sha256}, key);
    wipe(key);
    return made;
}

} // namespace emu::crypto

// SPDX-License-Identifier: MIT
// XTS (IEEE 1619) is done over runs of data units: the tweaks of all units are encrypted in one call, expanded into a buffer
// that stays in the first-level cache, and the data then goes through the block cipher in long runs, which is what lets the
// pipelined AES instructions work.
#include "crypto/cipher.h"

#include "common/bytes.h"

#include <algorithm>
#include <array>
#include <cstring>
#include <fmt/format.h>
#include <nettle/cbc.h>
#include <nettle/ctr.h>
#include <nettle/nettle-meta.h>
#include <nettle/serpent.h>
#include <nettle/twofish.h>
#include <vector>

namespace emu::crypto {

namespace {

struct Row {
    std::string_view name, family;
    const nettle_cipher* cipher;
};
const std::array<Row, 9> rows = {{
    {"aes-128", "aes", &nettle_aes128},
    {"aes-192", "aes", &nettle_aes192},
    {"aes-256", "aes", &nettle_aes256},
    {"serpent-128", "serpent", &nettle_serpent128},
    {"serpent-192", "serpent", &nettle_serpent192},
    {"serpent-256", "serpent", &nettle_serpent256},
    {"twofish-128", "twofish", &nettle_twofish128},
    {"twofish-192", "twofish", &nettle_twofish192},
    {"twofish-256", "twofish", &nettle_twofish256},
}};
constexpr std::array<std::string_view, 4> mode_names = {"ecb", "cbc", "ctr", "xts"};

const nettle_cipher& of(CipherAlg alg) { return *rows[usize(alg)].cipher; }

/// Bytes of tweaks at a time.
constexpr usize xts_batch = 8192;

/// Multiply by x in GF(2^128), little endian (IEEE 1619, 5.2).
void double_tweak(u64& low, u64& high) {
    const u64 carry = u64(s64(high) >> 63) & 0x87;
    high = (high << 1) | (low >> 63);
    low = (low << 1) ^ carry;
}

/// 16 bytes at a time, which `size` is a multiple of.
void xor_blocks(u8* to, const u8* from, const u8* with, usize size) {
    using Block = u64 __attribute__((vector_size(16)));
    for (usize i = 0; i < size; i += sizeof(Block)) {
        Block a, b;
        std::memcpy(&a, from + i, sizeof a);
        std::memcpy(&b, with + i, sizeof b);
        a ^= b;
        std::memcpy(to + i, &a, sizeof a);
    }
}

} // namespace

Result<CipherAlg> parse_cipher(std::string_view name) {
    for (usize i = 0; i < rows.size(); i++) {
        if (rows[i].name == name) return CipherAlg(i);
    }
    return fail(EINVAL, fmt::format("cipher '{}' is not known", name));
}
std::string_view name_of(CipherAlg alg) { return rows[usize(alg)].name; }
std::string_view family_of(CipherAlg alg) { return rows[usize(alg)].family; }
Result<CipherAlg> cipher_of_family(std::string_view family, usize size) {
    for (usize i = 0; i < rows.size(); i++) {
        if (rows[i].family == family && key_size(CipherAlg(i)) == size) return CipherAlg(i);
    }
    return fail(ENOTSUP, fmt::format("cipher '{}' with a key of {} bits is not supported", family, size * 8));
}
Result<CipherMode> parse_mode(std::string_view name) {
    for (usize i = 0; i < mode_names.size(); i++) {
        if (mode_names[i] == name) return CipherMode(i);
    }
    return fail(EINVAL, fmt::format("cipher mode '{}' is not known", name));
}
std::string_view name_of(CipherMode mode) { return mode_names[usize(mode)]; }
usize key_size(CipherAlg alg) { return of(alg).key_size; }

struct Cipher::Keys {
    const nettle_cipher* cipher;
    std::vector<u8> encrypt_key, decrypt_key, tweak_key;

    void encrypt(u8* to, const u8* from, usize size) const { cipher->encrypt(encrypt_key.data(), size, to, from); }
    void decrypt(u8* to, const u8* from, usize size) const { cipher->decrypt(decrypt_key.data(), size, to, from); }
    ~Keys() {
        for (auto* key : {&encrypt_key, &decrypt_key, &tweak_key})
            if (!key->empty()) explicit_bzero(key->data(), key->size());
    }
};

Cipher::Cipher(CipherMode mode, std::unique_ptr<Keys> keys) : mode_(mode), keys_(std::move(keys)) {}
Cipher::~Cipher() = default;

Result<std::unique_ptr<Cipher>> Cipher::make(CipherAlg alg, CipherMode mode, ConstBytes key) {
    if (key.size() != key_size(alg, mode))
        return fail(EINVAL, fmt::format("{} in mode {} takes a key of {} bytes, not of {}", name_of(alg), name_of(mode),
                                        key_size(alg, mode), key.size()));
    const nettle_cipher& cipher = of(alg);
    auto keys = std::make_unique<Keys>();
    keys->cipher = &cipher;
    keys->encrypt_key.resize(cipher.context_size);
    keys->decrypt_key.resize(cipher.context_size);
    cipher.set_encrypt_key(keys->encrypt_key.data(), key.data());
    cipher.set_decrypt_key(keys->decrypt_key.data(), key.data());
    if (mode == CipherMode::xts) {
        keys->tweak_key.resize(cipher.context_size);
        cipher.set_encrypt_key(keys->tweak_key.data(), key.data() + key_size(alg));
    }
    return std::unique_ptr<Cipher>(new Cipher(mode, std::move(keys)));
}

void Cipher::encrypt(Bytes data, ConstBytes iv) const { units(data, data, data.size(), iv, true); }
void Cipher::decrypt(Bytes data, ConstBytes iv) const { units(data, data, data.size(), iv, false); }

void Cipher::units(Bytes to, ConstBytes from, usize unit, ConstBytes ivs, bool encrypting) const {
    if (from.empty()) return;
    EMU_ASSERT(to.size() == from.size());
    EMU_ASSERT(mode_ == CipherMode::ctr || (from.size() % block_bytes == 0 && unit % block_bytes == 0));
    EMU_ASSERT(mode_ == CipherMode::ecb || ivs.size() >= (from.size() + unit - 1) / unit * block_bytes);
    if (mode_ == CipherMode::ecb)
        return encrypting ? keys_->encrypt(to.data(), from.data(), from.size()) : keys_->decrypt(to.data(), from.data(), from.size());
    if (mode_ == CipherMode::xts) return xts(to, from, unit, ivs, encrypting);
    for (usize at = 0, index = 0; at < from.size(); at += unit, index++) {
        const usize length = std::min(unit, from.size() - at);
        u8* out = to.data() + at;
        const u8* in = from.data() + at;
        std::array<u8, block_bytes> iv;
        std::memcpy(iv.data(), ivs.data() + index * block_bytes, block_bytes);
        if (mode_ == CipherMode::ctr) ctr_crypt(keys_->encrypt_key.data(), keys_->cipher->encrypt, block_bytes, iv.data(), length, out, in);
        else if (encrypting) cbc_encrypt(keys_->encrypt_key.data(), keys_->cipher->encrypt, block_bytes, iv.data(), length, out, in);
        else cbc_decrypt(keys_->decrypt_key.data(), keys_->cipher->decrypt, block_bytes, iv.data(), length, out, in);
    }
}

void Cipher::xts(Bytes to, ConstBytes from, usize unit, ConstBytes ivs, bool encrypting) const {
    alignas(64) std::array<u8, xts_batch> tweaks;
    alignas(64) std::array<u8, xts_batch> firsts; // encrypted IVs of the units that a batch starts
    u64 low = 0, high = 0;
    usize next_iv = 0, have_iv = 0, ready = 0; // ready: index of the unit that firsts[0] belongs to
    usize in_unit = 0;                         // bytes of the current unit that are done
    const usize count = (from.size() + unit - 1) / unit;
    for (usize at = 0; at < from.size();) {
        const usize batch = std::min(xts_batch, from.size() - at);
        for (usize i = 0; i < batch; i += block_bytes) {
            if (in_unit == 0) {
                if (next_iv == have_iv) {
                    ready = have_iv;
                    const usize run = std::min(count - have_iv, firsts.size() / block_bytes);
                    keys_->cipher->encrypt(keys_->tweak_key.data(), run * block_bytes, firsts.data(),
                                           ivs.data() + have_iv * block_bytes);
                    have_iv += run;
                }
                low = load_bytes<u64>(firsts.data() + (next_iv - ready) * block_bytes, Endian::little);
                high = load_bytes<u64>(firsts.data() + (next_iv - ready) * block_bytes + 8, Endian::little);
                next_iv++;
            }
            store_bytes(tweaks.data() + i, low, Endian::little);
            store_bytes(tweaks.data() + i + 8, high, Endian::little);
            double_tweak(low, high);
            if ((in_unit += block_bytes) == unit) in_unit = 0;
        }
        u8* part = to.data() + at;
        xor_blocks(part, from.data() + at, tweaks.data(), batch);
        encrypting ? keys_->encrypt(part, part, batch) : keys_->decrypt(part, part, batch);
        xor_blocks(part, part, tweaks.data(), batch);
        at += batch;
    }
}

} // namespace emu::crypto

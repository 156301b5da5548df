// SPDX-License-Identifier: MIT
// secret: data= or file=, raw or base64; with keyid= the content is AES-256-CBC ciphertext (PKCS #7 padding, iv= in base64)
// under the key that another secret holds. secret_keyring: the payload of a key in the kernel's keyring, by serial number.
#include "common/fd.h"
#include "crypto/base64.h"
#include "crypto/cipher.h"
#include "crypto/hash.h"
#include "objects/table.h"
#include "objects/types.h"

#include <array>
#include <fmt/format.h>
#include <linux/keyctl.h>
#include <sys/syscall.h>
#include <unistd.h>

namespace emu::objects {

namespace {

constexpr usize max_secret = usize(1) << 20;

Result<std::vector<u8>> read_file(const std::string& path) {
    const Fd fd = EMU_TRY(in("Unable to read", Fd::open(path, O_RDONLY)));
    std::vector<u8> bytes;
    std::array<u8, 4096> part;
    for (;;) {
        const ssize_t got = ::read(fd.get(), part.data(), part.size());
        if (got < 0 && errno == EINTR) continue;
        if (got < 0) return fail_errno(errno, path);
        if (got == 0) return bytes;
        bytes.insert(bytes.end(), part.begin(), part.begin() + got);
        if (bytes.size() > max_secret) return fail(EFBIG, fmt::format("{}: too large for a secret", path));
    }
}

std::vector<u8> from_text(std::string_view text) { return {text.begin(), text.end()}; }
std::string_view as_text(ConstBytes bytes) { return {reinterpret_cast<const char*>(bytes.data()), bytes.size()}; }

Result<std::vector<u8>> decrypted(std::vector<u8> bytes, ConstBytes key, std::string_view iv_text) {
    const std::vector<u8> iv = EMU_TRY(in("iv", crypto::base64_decode(iv_text)));
    if (iv.size() != crypto::block_bytes)
        return fail(EINVAL, fmt::format("IV should be {} bytes in length, not {}", crypto::block_bytes, iv.size()));
    if (key.size() != 32) return fail(EINVAL, fmt::format("Key should be 32 bytes in length, not {}", key.size()));
    if (bytes.empty() || bytes.size() % crypto::block_bytes)
        return fail(EINVAL, "encrypted secret is not a multiple of the cipher's block");
    const auto cipher = EMU_TRY(crypto::Cipher::make(crypto::CipherAlg::aes256, crypto::CipherMode::cbc, key));
    cipher->decrypt(bytes, iv);
    const usize padding = bytes.back();
    if (padding == 0 || padding > crypto::block_bytes || padding > bytes.size())
        return fail(EINVAL, "Incorrect number of padding bytes found on decrypted data");
    bytes.resize(bytes.size() - padding);
    return bytes;
}

/// What all secrets share: the format, and the chain to another secret.
Result<std::shared_ptr<void>> finish(std::vector<u8> bytes, KeyValues& options, Table& table) {
    const std::string format = options.take("format").value_or("raw");
    if (format != "raw" && format != "base64")
        return fail(EINVAL, fmt::format("Parameter 'format' does not accept value '{}'", format));
    const auto key_id = options.take("keyid"), iv = options.take("iv");
    if (iv && !key_id) return fail(EINVAL, "'iv' needs 'keyid'");
    if (key_id && !iv) return fail(EINVAL, "IV is required to decrypt secret");
    if (format == "base64") bytes = EMU_TRY(crypto::base64_decode(as_text(bytes)));
    if (key_id) {
        const std::vector<u8> key = EMU_TRY(table.secret(*key_id));
        bytes = EMU_TRY(decrypted(std::move(bytes), key, *iv));
    }
    auto secret = std::make_shared<Secret>();
    secret->bytes = std::move(bytes);
    return std::shared_ptr<void>(std::move(secret));
}

} // namespace

Result<std::shared_ptr<void>> make_secret(KeyValues& options, Table& table) {
    const auto data = options.take("data"), file = options.take("file");
    if (data && file) return fail(EINVAL, "'file' and 'data' are mutually exclusive");
    if (!data && !file) return fail(EINVAL, "Either 'file' or 'data' must be provided");
    std::vector<u8> bytes;
    if (data)
        bytes = from_text(*data);
    else
        bytes = EMU_TRY(read_file(*file));
    return finish(std::move(bytes), options, table);
}

Result<std::shared_ptr<void>> make_secret_keyring(KeyValues& options, Table& table) {
    const auto serial = EMU_TRY(options.take_number("serial"));
    if (!serial || *serial > 0x7fffffff) return fail(EINVAL, "'serial' parameter must be given: the number of a key");
    std::vector<u8> bytes(4096);
    const long length = ::syscall(SYS_keyctl, KEYCTL_READ, long(*serial), bytes.data(), bytes.size(), 0);
    if (length < 0) return fail_errno(errno, fmt::format("Unable to read serial key {:08x}", *serial));
    if (usize(length) > bytes.size()) return fail(EFBIG, "key is too large");
    bytes.resize(usize(length));
    return finish(std::move(bytes), options, table);
}

} // namespace emu::objects

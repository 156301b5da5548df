// SPDX-License-Identifier: MIT
// LUKS version 1 headers ("LUKS1 On-Disk Format Specification" 1.2.3): read, create, unlock, add and erase key slots.
// Nothing here knows where the header is stored: a caller's LuksStorage reads and writes bytes that count from its start.
#pragma once
#include "crypto/sectors.h"

#include <array>
#include <functional>
#include <memory>
#include <optional>
#include <string>

namespace emu::crypto {

/// The bytes that hold a LUKS header and its key material.
class LuksStorage {
public:
    virtual ~LuksStorage() = default;
    virtual Result<void> read(u64 at, Bytes to) = 0;
    virtual Result<void> write(u64 at, ConstBytes from) = 0;
    virtual Result<void> flush() = 0;
};

struct LuksSlot {
    bool active = false;
    u32 iterations = 0;
    std::array<u8, 32> salt = {};
    u64 key_offset = 0; ///< bytes
    u32 stripes = 0;
};

struct LuksCreate {
    SectorScheme scheme;
    HashAlg hash = HashAlg::sha256;
    u64 iter_time_ms = 2000;
    bool detached = false; ///< the payload is elsewhere and starts at its first byte
};

/// Which slots an amendment touches, and how ("LUKS amend" of the block drivers).
struct LuksAmend {
    bool activate = true;
    std::optional<unsigned> slot;
    const SecretBytes* old_secret = nullptr; ///< activate: unlocks; deactivate: slots that it opens go
    const SecretBytes* new_secret = nullptr;
    u64 iter_time_ms = 2000;
    bool force = false; ///< erase the last slot, or overwrite an active one
};

class Luks {
public:
    static constexpr usize slots = 8, header_bytes = 592;
    static bool probe(ConstBytes head);
    /// Read and check the header. `storage_size`: bytes that the storage has, if that is known.
    static Result<Luks> read(LuksStorage& storage, std::optional<u64> storage_size = std::nullopt);
    /// Write a fresh header with `passphrase` in slot 0; the key comes back through `master`.
    static Result<Luks> create(LuksStorage& storage, const LuksCreate& options, ConstBytes passphrase, SecretBytes& master);
    /// Bytes from the header's start to the payload that create() chooses; of a detached header: all its bytes.
    static u64 header_size(const SectorScheme& scheme);

    /// The master key, if the passphrase opens a slot (the number of which goes to `slot`). EPERM where it opens none.
    /// Slots with more than `max_iterations` are refused.
    Result<SecretBytes> unlock(LuksStorage& storage, ConstBytes passphrase, unsigned* slot = nullptr,
                               u64 max_iterations = 0xffffffff) const;
    Result<void> add_key(LuksStorage& storage, ConstBytes master, unsigned slot, ConstBytes passphrase, u64 iter_time_ms);
    Result<void> erase_slot(LuksStorage& storage, unsigned slot);
    /// `master` is needed to activate; it may come from an earlier unlock().
    Result<void> amend(LuksStorage& storage, const LuksAmend& what, const SecretBytes* master);
    Result<std::unique_ptr<SectorCipher>> cipher(ConstBytes master) const { return SectorCipher::make(scheme, master); }

    SectorScheme scheme;
    HashAlg hash = HashAlg::sha256;
    u64 payload_offset = 0; ///< bytes
    std::array<u8, 20> digest = {};
    std::array<u8, 32> digest_salt = {};
    u32 digest_iterations = 0;
    std::string uuid;
    std::array<LuksSlot, slots> slot;

private:
    Result<void> write_header(LuksStorage& storage) const;
    Result<SecretBytes> try_slot(LuksStorage& storage, const LuksSlot& which, ConstBytes passphrase) const;
    Result<void> deactivate(LuksStorage& storage, const LuksAmend& what);
    unsigned active_slots() const;
};

/// "aes", "xts-plain64" or "cbc-essiv:sha256" to a scheme, for a key of so many bytes.
Result<SectorScheme> parse_luks_scheme(std::string_view cipher, std::string_view mode, usize key_bytes);
/// The mode part of the above.
std::string luks_mode_text(const SectorScheme& scheme);

// The anti-forensic splitter (section 2.4 of the specification): key <-> stripes * key bytes.
Result<std::vector<u8>> af_split(HashAlg hash, ConstBytes key, u32 stripes);
SecretBytes af_merge(HashAlg hash, ConstBytes split, usize key_bytes, u32 stripes);

} // namespace emu::crypto

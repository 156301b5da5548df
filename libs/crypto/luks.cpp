// SPDX-License-Identifier: MIT
// Numbers of the header are big endian; offsets count sectors of 512 bytes. Write ordering: a new slot's key material is on
// storage before the header names it; a slot that goes is first disabled in the header, then its material is overwritten.
#include "crypto/luks.h"

#include "common/bytes.h"

#include <algorithm>
#include <fmt/format.h>

namespace emu::crypto {

namespace {

constexpr std::array<u8, 6> magic = {'L', 'U', 'K', 'S', 0xba, 0xbe};
constexpr u32 slot_enabled = 0x00ac71f3, slot_disabled = 0x0000dead;
constexpr u32 af_stripes = 4000;
constexpr u64 sector = 512, area_alignment = 4096;
// Offsets in the header (section 3.1).
constexpr usize version_at = 6, cipher_at = 8, mode_at = 40, hash_at = 72, payload_at = 104, key_bytes_at = 108,
                digest_at = 112, digest_salt_at = 132, digest_iterations_at = 164, uuid_at = 168, slots_at = 208,
                slot_bytes = 48;
constexpr usize text_bytes = 32, uuid_bytes = 40;

u64 slot_area(usize key_bytes) { return (key_bytes * af_stripes + area_alignment - 1) / area_alignment * area_alignment; }

/// A text field must be terminated within its bytes, and fit to be shown: it becomes part of messages.
Result<std::string> text(ByteView header, usize at, usize length) {
    const auto found = header.sub(at, length)->string_at(0);
    if (!found) return fail(EINVAL, "text in the LUKS header is not terminated");
    if (!std::all_of(found->begin(), found->end(), [](char c) { return c >= ' ' && c <= '~'; }))
        return fail(EINVAL, "text in the LUKS header holds bytes that are not text");
    return std::string(*found);
}
void put_text(Bytes to, usize at, std::string_view value) { std::copy(value.begin(), value.end(), to.begin() + long(at)); }

Result<void> check_slot(unsigned index, const LuksSlot& slot, usize key_bytes, u64 payload, std::optional<u64> size) {
    if (!slot.active) return {};
    if (slot.stripes != af_stripes)
        return fail(EINVAL, fmt::format("LUKS key slot {} has {} stripes, not {}", index, slot.stripes, af_stripes));
    if (slot.iterations == 0) return fail(EINVAL, fmt::format("LUKS key slot {} has no iterations", index));
    const u64 length = u64(key_bytes) * af_stripes;
    if (slot.key_offset < Luks::header_bytes || (payload && slot.key_offset + length > payload) ||
        (size && !in_range(slot.key_offset, length, *size)))
        return fail(EINVAL, fmt::format("LUKS key slot {} lies outside the header's area", index));
    return {};
}

} // namespace

Result<SectorScheme> parse_luks_scheme(std::string_view cipher, std::string_view mode, usize key_bytes) {
    const usize dash = mode.find('-');
    if (dash == std::string_view::npos) return fail(EINVAL, fmt::format("cipher mode '{}' names no IV generator", mode));
    SectorScheme scheme;
    scheme.mode = EMU_TRY(parse_mode(mode.substr(0, dash)));
    std::string_view generator = mode.substr(dash + 1);
    const usize colon = generator.find(':');
    scheme.ivgen = EMU_TRY(parse_ivgen(generator.substr(0, colon)));
    if (scheme.ivgen == IvGen::essiv) {
        if (colon == std::string_view::npos) return fail(EINVAL, "IV generator 'essiv' names no hash");
        scheme.ivgen_hash = EMU_TRY(parse_hash(generator.substr(colon + 1)));
    } else if (colon != std::string_view::npos) {
        return fail(EINVAL, fmt::format("IV generator '{}' takes no hash", generator.substr(0, colon)));
    }
    if (scheme.mode == CipherMode::xts) {
        if (key_bytes % 2) return fail(EINVAL, "an XTS key must have two halves of equal size");
        key_bytes /= 2;
    }
    scheme.alg = EMU_TRY(cipher_of_family(cipher, key_bytes));
    return scheme;
}

std::string luks_mode_text(const SectorScheme& scheme) {
    std::string result = fmt::format("{}-{}", name_of(scheme.mode), name_of(scheme.ivgen));
    if (scheme.ivgen == IvGen::essiv) result += fmt::format(":{}", name_of(scheme.ivgen_hash));
    return result;
}

bool Luks::probe(ConstBytes head) {
    return head.size() >= 8 && std::equal(magic.begin(), magic.end(), head.begin()) && be16(head, version_at) == 1;
}

u64 Luks::header_size(const SectorScheme& scheme) { return area_alignment + slots * slot_area(scheme.key_bytes()); }

Result<Luks> Luks::read(LuksStorage& storage, std::optional<u64> storage_size) {
    std::array<u8, header_bytes> bytes;
    if (storage_size && *storage_size < header_bytes) return fail(EINVAL, "Volume is not in LUKS format");
    EMU_CHECK(storage.read(0, bytes));
    const ByteView h(bytes, Endian::big);
    if (!std::equal(magic.begin(), magic.end(), bytes.begin())) return fail(EINVAL, "Volume is not in LUKS format");
    if (h.u16_at(version_at) != 1)
        return fail(ENOTSUP, fmt::format("LUKS version {} is not supported", h.u16_at(version_at)));
    Luks luks;
    const usize key_bytes = h.u32_at(key_bytes_at);
    const std::string cipher = EMU_TRY(text(h, cipher_at, text_bytes)), mode = EMU_TRY(text(h, mode_at, text_bytes));
    const std::string hash_name = EMU_TRY(text(h, hash_at, text_bytes));
    luks.scheme = EMU_TRY(parse_luks_scheme(cipher, mode, std::min<usize>(key_bytes, 4096)));
    luks.hash = EMU_TRY(parse_hash(hash_name));
    luks.payload_offset = u64(h.u32_at(payload_at)) * sector;
    std::copy_n(bytes.begin() + digest_at, luks.digest.size(), luks.digest.begin());
    std::copy_n(bytes.begin() + digest_salt_at, luks.digest_salt.size(), luks.digest_salt.begin());
    luks.digest_iterations = h.u32_at(digest_iterations_at);
    if (luks.digest_iterations == 0) return fail(EINVAL, "LUKS header has no iterations for its key digest");
    luks.uuid = EMU_TRY(text(h, uuid_at, uuid_bytes));
    for (unsigned i = 0; i < slots; i++) {
        const ByteView s = *h.sub(slots_at + i * slot_bytes, slot_bytes);
        LuksSlot& slot = luks.slot[i];
        const u32 state = s.u32_at(0);
        if (state != slot_enabled && state != slot_disabled)
            return fail(EINVAL, fmt::format("LUKS key slot {} is neither active nor inactive", i));
        slot.active = state == slot_enabled;
        slot.iterations = s.u32_at(4);
        std::copy_n(s.bytes().begin() + 8, slot.salt.size(), slot.salt.begin());
        slot.key_offset = u64(s.u32_at(40)) * sector;
        slot.stripes = s.u32_at(44);
        EMU_CHECK(check_slot(i, slot, key_bytes, luks.payload_offset, storage_size));
    }
    return luks;
}

Result<void> Luks::write_header(LuksStorage& storage) const {
    std::array<u8, header_bytes> bytes = {};
    const Bytes h(bytes);
    std::copy(magic.begin(), magic.end(), bytes.begin());
    put_be16(h, version_at, 1);
    put_text(h, cipher_at, family_of(scheme.alg));
    put_text(h, mode_at, luks_mode_text(scheme));
    put_text(h, hash_at, name_of(hash));
    put_be32(h, payload_at, u32(payload_offset / sector));
    put_be32(h, key_bytes_at, u32(scheme.key_bytes()));
    std::copy(digest.begin(), digest.end(), bytes.begin() + digest_at);
    std::copy(digest_salt.begin(), digest_salt.end(), bytes.begin() + digest_salt_at);
    put_be32(h, digest_iterations_at, digest_iterations);
    put_text(h, uuid_at, std::string_view(uuid).substr(0, uuid_bytes - 1));
    for (usize i = 0; i < slots; i++) {
        const Bytes s = h.subspan(slots_at + i * slot_bytes, slot_bytes);
        put_be32(s, 0, slot[i].active ? slot_enabled : slot_disabled);
        put_be32(s, 4, slot[i].iterations);
        std::copy(slot[i].salt.begin(), slot[i].salt.end(), s.begin() + 8);
        put_be32(s, 40, u32(slot[i].key_offset / sector));
        put_be32(s, 44, slot[i].stripes);
    }
    EMU_CHECK(storage.write(0, bytes));
    return storage.flush();
}

Result<Luks> Luks::create(LuksStorage& storage, const LuksCreate& options, ConstBytes passphrase, SecretBytes& master) {
    Luks luks;
    luks.scheme = options.scheme;
    luks.hash = options.hash;
    luks.uuid = EMU_TRY(random_uuid());
    const usize key_bytes = options.scheme.key_bytes();
    luks.payload_offset = options.detached ? 0 : header_size(options.scheme);
    master = SecretBytes(key_bytes);
    EMU_CHECK(random_bytes(master.bytes()));
    EMU_CHECK(SectorCipher::make(options.scheme, master.bytes())); // refuse what cannot be used before anything is written
    EMU_CHECK(random_bytes(luks.digest_salt));
    // The digest need not take as long as a slot: an eighth of its time, as other LUKS1 tools do; never below 1000 rounds.
    const u64 rounds = calibrate_pbkdf2(luks.hash, luks.digest.size(), options.iter_time_ms) / 8;
    luks.digest_iterations = u32(std::clamp<u64>(rounds, 1000, 0xffffffff));
    pbkdf2(luks.hash, master.bytes(), luks.digest_salt, luks.digest_iterations, luks.digest);
    for (usize i = 0; i < slots; i++) {
        luks.slot[i].key_offset = area_alignment + i * slot_area(key_bytes);
        luks.slot[i].stripes = af_stripes;
    }
    EMU_CHECK(luks.add_key(storage, master.bytes(), 0, passphrase, options.iter_time_ms));
    return luks;
}

Result<SecretBytes> Luks::try_slot(LuksStorage& storage, const LuksSlot& which, ConstBytes passphrase) const {
    const usize key_bytes = scheme.key_bytes();
    SecretBytes slot_key(key_bytes);
    pbkdf2(hash, passphrase, which.salt, which.iterations, slot_key.bytes());
    // The material is encrypted as whole sectors counted from 0.
    SecretBytes material((key_bytes * af_stripes + sector - 1) / sector * sector);
    EMU_CHECK(storage.read(which.key_offset, material.bytes()));
    const auto opener = EMU_TRY(SectorCipher::make(scheme, slot_key.bytes()));
    opener->decrypt(0, material.bytes());
    SecretBytes candidate = af_merge(hash, material.bytes().first(key_bytes * af_stripes), key_bytes, af_stripes);
    std::array<u8, 20> seen;
    pbkdf2(hash, candidate.bytes(), digest_salt, digest_iterations, seen);
    if (seen != digest) return fail(EPERM, "passphrase does not open the slot");
    return candidate;
}

Result<SecretBytes> Luks::unlock(LuksStorage& storage, ConstBytes passphrase, unsigned* which, u64 max_iterations) const {
    if (digest_iterations > max_iterations) return fail(EINVAL, "LUKS header asks for too many iterations");
    for (unsigned i = 0; i < slots; i++) {
        if (!slot[i].active) continue;
        if (slot[i].iterations > max_iterations) return fail(EINVAL, "LUKS key slot asks for too many iterations");
        auto key = try_slot(storage, slot[i], passphrase);
        if (!key && key.error().code != EPERM) return fail(std::move(key.error()));
        if (!key) continue;
        if (which) *which = i;
        return key;
    }
    return fail(EPERM, "Invalid password, cannot unlock any keyslot");
}

Result<void> Luks::add_key(LuksStorage& storage, ConstBytes master, unsigned index, ConstBytes passphrase, u64 iter_time_ms) {
    EMU_ASSERT(index < slots && master.size() == scheme.key_bytes());
    LuksSlot fresh = slot[index];
    fresh.active = true;
    fresh.stripes = af_stripes;
    EMU_CHECK(random_bytes(fresh.salt));
    fresh.iterations = u32(std::clamp<u64>(calibrate_pbkdf2(hash, master.size(), iter_time_ms), 1000, 0xffffffff));
    if (fresh.key_offset < header_bytes) return fail(EINVAL, "LUKS key slot has no room for its key");
    SecretBytes slot_key(master.size());
    pbkdf2(hash, passphrase, fresh.salt, fresh.iterations, slot_key.bytes());
    std::vector<u8> material = EMU_TRY(af_split(hash, master, af_stripes));
    material.resize((material.size() + sector - 1) / sector * sector);
    EMU_TRY(SectorCipher::make(scheme, slot_key.bytes()))->encrypt(0, material);
    EMU_CHECK(storage.write(fresh.key_offset, material));
    EMU_CHECK(storage.flush());
    slot[index] = fresh;
    return write_header(storage);
}

Result<void> Luks::erase_slot(LuksStorage& storage, unsigned index) {
    EMU_ASSERT(index < slots);
    const u64 at = slot[index].key_offset;
    slot[index] = LuksSlot{.key_offset = at, .stripes = af_stripes};
    EMU_CHECK(write_header(storage));
    if (at < header_bytes) return {};
    std::vector<u8> noise((scheme.key_bytes() * af_stripes + sector - 1) / sector * sector);
    for (int pass = 0; pass < 3; pass++) { // for disks that write in place
        EMU_CHECK(random_bytes(noise));
        EMU_CHECK(storage.write(at, noise));
        EMU_CHECK(storage.flush());
    }
    return {};
}

unsigned Luks::active_slots() const {
    return unsigned(std::count_if(slot.begin(), slot.end(), [](const LuksSlot& s) { return s.active; }));
}

Result<void> Luks::deactivate(LuksStorage& storage, const LuksAmend& what) {
    std::array<bool, slots> goes = {};
    if (what.slot) {
        if (!slot[*what.slot].active && !what.force)
            return fail(EINVAL, fmt::format("keyslot {} is already inactive", *what.slot));
        if (what.old_secret && !try_slot(storage, slot[*what.slot], what.old_secret->bytes()))
            return fail(EINVAL, fmt::format("This keyslot {} is not matched by the given old secret", *what.slot));
        goes[*what.slot] = slot[*what.slot].active;
    } else {
        if (!what.old_secret) return fail(EINVAL, "To erase keyslots, either a keyslot or an old secret is needed");
        for (unsigned i = 0; i < slots; i++)
            goes[i] = slot[i].active && try_slot(storage, slot[i], what.old_secret->bytes());
        if (std::count(goes.begin(), goes.end(), true) == 0) return fail(EINVAL, "No keyslots match given (old) password for erase operation");
    }
    if (unsigned(std::count(goes.begin(), goes.end(), true)) == active_slots() && active_slots() && !what.force)
        return fail(EINVAL, fmt::format("{} erase {} the data in the image irreversibly - refusing operation",
                                        what.slot ? fmt::format("Attempt to erase the only active keyslot {} which will", *what.slot)
                                                  : "All the active keyslots match the (old) password that was given and erasing them will", "all"));
    for (unsigned i = 0; i < slots; i++) {
        if (goes[i]) EMU_CHECK(erase_slot(storage, i));
    }
    return {};
}

Result<void> Luks::amend(LuksStorage& storage, const LuksAmend& what, const SecretBytes* master) {
    if (what.slot && *what.slot >= slots)
        return fail(EINVAL, fmt::format("Invalid keyslot {} specified, must be between 0 and {}", *what.slot, slots - 1));
    if (!what.activate) {
        if (what.new_secret) return fail(EINVAL, "'new-secret' must not be given when erasing keyslots");
        return deactivate(storage, what);
    }
    if (!what.new_secret) return fail(EINVAL, "'new-secret' is required to activate a keyslot");
    unsigned index = what.slot.value_or(0);
    if (!what.slot) {
        while (index < slots && slot[index].active) index++;
        if (index == slots) return fail(EINVAL, "Can't add a keyslot - all keyslots are in use");
    } else if (slot[index].active && !what.force) {
        return fail(EINVAL, fmt::format("Refusing to overwrite active keyslot {} - please erase it first", index));
    }
    if (what.old_secret) {
        const SecretBytes key = EMU_TRY(unlock(storage, what.old_secret->bytes()));
        return add_key(storage, key.bytes(), index, what.new_secret->bytes(), what.iter_time_ms);
    }
    if (!master) return fail(EINVAL, "Failed to retrieve the master key: the image was opened without its secret");
    return add_key(storage, master->bytes(), index, what.new_secret->bytes(), what.iter_time_ms);
}

} // namespace emu::crypto

// SPDX-License-Identifier: MIT
#include "block/formats/qcow2/luks.h"

#include "block/formats/luks/luks_options.h"
#include "block/image.h"
#include "common/checked.h"

#include <cerrno>
#include <fmt/format.h>

namespace emu::block::qcow2 {

Result<void> LuksArea::read(u64 at, Bytes to) {
    if (!in_range(at, to.size(), where_.length)) return fail(EINVAL, "Request for data outside of extension header");
    return file_.read(where_.offset + at, to);
}

Result<void> LuksArea::write(u64 at, ConstBytes from) {
    if (!in_range(at, from.size(), where_.length)) return fail(EINVAL, "Request for data outside of extension header");
    return file_.write(where_.offset + at, from);
}

Result<std::unique_ptr<crypto::SectorCipher>> open_luks(Node& file, CryptoExtension where, ConstBytes passphrase) {
    LuksArea area(file, where);
    crypto::Luks luks = EMU_TRY(crypto::Luks::read(area, where.length));
    crypto::SecretBytes key = EMU_TRY(luks.unlock(area, passphrase));
    return luks.cipher(key.bytes());
}

Result<crypto::LuksCreate> luks_options(KeyValues& options) {
    crypto::LuksCreate out;
    if (auto name = options.take("encrypt.cipher-alg")) out.scheme.alg = EMU_TRY(crypto::parse_cipher(*name));
    if (auto name = options.take("encrypt.cipher-mode")) out.scheme.mode = EMU_TRY(crypto::parse_mode(*name));
    if (auto name = options.take("encrypt.ivgen-alg")) out.scheme.ivgen = EMU_TRY(crypto::parse_ivgen(*name));
    if (auto name = options.take("encrypt.ivgen-hash-alg")) out.scheme.ivgen_hash = EMU_TRY(crypto::parse_hash(*name));
    if (auto name = options.take("encrypt.hash-alg")) out.hash = EMU_TRY(crypto::parse_hash(*name));
    if (auto time = EMU_TRY(options.take_number("encrypt.iter-time"))) out.iter_time_ms = *time;
    return out;
}

Result<std::unique_ptr<crypto::SectorCipher>> create_luks(Node& file, CryptoExtension where, const crypto::LuksCreate& wish, ConstBytes passphrase) {
    LuksArea area(file, where);
    crypto::SecretBytes key;
    crypto::Luks luks = EMU_TRY(crypto::Luks::create(area, wish, passphrase, key));
    return luks.cipher(key.bytes());
}

Result<void> amend_luks(Node& file, CryptoExtension where, KeyValues options, const AmendArgs& args) {
    LuksArea area(file, where);
    crypto::Luks luks = EMU_TRY(crypto::Luks::read(area, where.length));
    crypto::LuksAmend what;
    const std::string state = options.take("state").value_or("");
    if (state != "active" && state != "inactive") return fail(EINVAL, "encrypt.state must be 'active' or 'inactive'");
    what.activate = state == "active";
    if (auto slot = EMU_TRY(options.take_number("keyslot"))) what.slot = unsigned(std::min<u64>(*slot, 255));
    if (auto time = EMU_TRY(options.take_number("iter-time"))) what.iter_time_ms = *time;
    what.force = args.force;
    crypto::SecretBytes opening, old_secret, new_secret, master;
    auto secret = [&](std::string_view key, crypto::SecretBytes& to) -> Result<void> {
        auto id = options.take(key);
        if (!id) return {};
        const std::vector<u8> bytes = EMU_TRY(args.context->secret(*id));
        to = crypto::SecretBytes(ConstBytes(bytes));
        return {};
    };
    EMU_CHECK(secret("key-secret", opening));
    EMU_CHECK(secret("old-secret", old_secret));
    EMU_CHECK(secret("new-secret", new_secret));
    EMU_CHECK(options.finish("encrypt.state, keyslot, old-secret, new-secret, iter-time, key-secret"));
    if (what.activate) {
        const crypto::SecretBytes& with = old_secret.size() ? old_secret : opening;
        if (!with.size()) return fail(EINVAL, "a secret that opens the image is needed to add one");
        master = EMU_TRY(luks.unlock(area, with.bytes()));
    }
    what.old_secret = old_secret.size() ? &old_secret : nullptr;
    what.new_secret = new_secret.size() ? &new_secret : nullptr;
    return luks.amend(area, what, master.size() ? &master : nullptr);
}

Result<Json> luks_info(Node& file, CryptoExtension where) {
    LuksArea area(file, where);
    const crypto::Luks luks = EMU_TRY(crypto::Luks::read(area, where.length));
    Json out = Json::object();
    out.set("format", "luks");
    return block::luks_info(luks, std::move(out));
}

} // namespace emu::block::qcow2

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

Result<std::unique_ptr<crypto::SectorCipher>> create_luks(Node& file, CryptoExtension where, const crypto::LuksCreate& wish, ConstBytes passphrase) {
    LuksArea area(file, where);
    crypto::SecretBytes key;
    crypto::Luks luks = EMU_TRY(crypto::Luks::create(area, wish, passphrase, key));
    return luks.cipher(key.bytes());
}

Result<void> amend_luks(Node& file, CryptoExtension where, AmendArgs& args) {
    LuksArea area(file, where);
    crypto::Luks luks = EMU_TRY(crypto::Luks::read(area, where.length));
    // A new slot needs the master key, which some secret opens: that of the image, or the old one.
    const bool known = args.options.has("encrypt.key-secret");
    crypto::SecretBytes opening, master;
    if (known) opening = EMU_TRY(take_key_secret(args.options, "encrypt.key-secret", *args.context));
    if (args.options.get("encrypt.state") == "active") {
        if (const auto id = args.options.get("encrypt.old-secret")) {
            KeyValues old;
            old.add("old", *id);
            opening = EMU_TRY(take_key_secret(old, "old", *args.context));
        }
        if (!opening.size()) return fail(EINVAL, "a secret that opens the image is needed to add one");
        master = EMU_TRY(luks.unlock(area, opening.bytes()));
    }
    return block::amend_luks(luks, area, args, "encrypt.", master.size() ? &master : nullptr);
}

Result<Json> luks_info(Node& file, CryptoExtension where) {
    LuksArea area(file, where);
    const crypto::Luks luks = EMU_TRY(crypto::Luks::read(area, where.length));
    return block::luks_info(luks, true);
}

} // namespace emu::block::qcow2

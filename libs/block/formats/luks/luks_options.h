// SPDX-License-Identifier: MIT
// The LUKS options that the luks driver and encrypted qcow2 images share, and the JSON that `info` prints of a header.
#pragma once
#include "block/driver.h"
#include "crypto/luks.h"

namespace emu::block {

/// Takes cipher-alg, cipher-mode, ivgen-alg, ivgen-hash-alg, hash-alg and iter-time, each with `prefix` in front.
Result<crypto::LuksCreate> take_luks_create(KeyValues& options, std::string_view prefix);

/// The secret that an option names; it must be there.
Result<crypto::SecretBytes> take_key_secret(KeyValues& options, std::string_view key, Context& context);

/// cipher-alg, slots and the rest, as in the "data" of format-specific information; `with_format`: "format" among them.
Json luks_info(const crypto::Luks& luks, bool with_format = false);

/// Takes state, keyslot, old-secret, new-secret and iter-time, each with `prefix` in front, and changes the header.
Result<void> amend_luks(crypto::Luks& luks, crypto::LuksStorage& storage, AmendArgs& args, std::string_view prefix,
                        const crypto::SecretBytes* master);

} // namespace emu::block

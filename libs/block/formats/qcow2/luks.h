// SPDX-License-Identifier: MIT
// The LUKS header inside a qcow2 image: a range of host clusters that the crypto extension names.
#pragma once
#include "block/formats/qcow2/header.h"
#include "common/keyval.h"
#include "crypto/luks.h"

namespace emu::block {
class Context;
struct AmendArgs;
}

namespace emu::block::qcow2 {

class LuksArea final : public crypto::LuksStorage {
public:
    LuksArea(Node& file, CryptoExtension where) : file_(file), where_(where) {}
    Result<void> read(u64 at, Bytes to) override;
    Result<void> write(u64 at, ConstBytes from) override;
    Result<void> flush() override { return file_.flush(); }

private:
    Node& file_;
    CryptoExtension where_;
};

Result<std::unique_ptr<crypto::SectorCipher>> open_luks(Node& file, CryptoExtension where, ConstBytes passphrase);
Result<std::unique_ptr<crypto::SectorCipher>> create_luks(Node& file, CryptoExtension where, const crypto::LuksCreate& wish, ConstBytes passphrase);
/// `amend -o encrypt.*`: key slots.
Result<void> amend_luks(Node& file, CryptoExtension where, AmendArgs& args);
/// format-specific data of `info`.
Result<Json> luks_info(Node& file, CryptoExtension where);

} // namespace emu::block::qcow2

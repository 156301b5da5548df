// SPDX-License-Identifier: MIT
#include "block/formats/luks/luks_options.h"

#include "block/image.h"

#include <cerrno>
#include <fmt/format.h>

namespace emu::block {

Result<crypto::LuksCreate> take_luks_create(KeyValues& options, std::string_view prefix) {
    const auto take = [&](std::string_view key) { return options.take(fmt::format("{}{}", prefix, key)); };
    const auto invalid = [&](std::string_view key, const std::string& value) {
        return fail(EINVAL, fmt::format("Parameter '{}{}' does not accept value '{}'", prefix, key, value));
    };
    crypto::LuksCreate out;
    if (auto name = take("cipher-alg")) {
        const auto alg = crypto::parse_cipher(*name);
        if (!alg) return invalid("cipher-alg", *name);
        out.scheme.alg = *alg;
    }
    if (auto name = take("cipher-mode")) {
        const auto mode = crypto::parse_mode(*name);
        if (!mode) return invalid("cipher-mode", *name);
        out.scheme.mode = *mode;
    }
    if (auto name = take("ivgen-alg")) {
        const auto ivgen = crypto::parse_ivgen(*name);
        if (!ivgen) return invalid("ivgen-alg", *name);
        out.scheme.ivgen = *ivgen;
    }
    const auto ivgen_hash = take("ivgen-hash-alg");
    if (ivgen_hash) {
        const auto hash = crypto::parse_hash(*ivgen_hash);
        if (!hash) return invalid("ivgen-hash-alg", *ivgen_hash);
        out.scheme.ivgen_hash = *hash;
    }
    if (auto name = take("hash-alg")) {
        const auto hash = crypto::parse_hash(*name);
        if (!hash) return invalid("hash-alg", *name);
        out.hash = *hash;
    }
    out.iter_time_ms = EMU_TRY(options.take_number(fmt::format("{}iter-time", prefix))).value_or(out.iter_time_ms);
    if (out.iter_time_ms == 0) return fail(EINVAL, "iter-time must be positive");
    if (out.iter_time_ms > 3'600'000) return fail(EINVAL, "iter-time is at most an hour");
    if (ivgen_hash && out.scheme.ivgen != crypto::IvGen::essiv)
        return fail(EINVAL, fmt::format("{}ivgen-hash-alg is for ivgen-alg=essiv only", prefix));
    return out;
}

Result<crypto::SecretBytes> take_key_secret(KeyValues& options, std::string_view key, Context& context) {
    const auto id = options.take(key);
    if (!id) return fail(EINVAL, fmt::format("Parameter '{}' is required for cipher", key));
    std::vector<u8> bytes = EMU_TRY(context.secret(*id));
    crypto::SecretBytes out((ConstBytes(bytes)));
    crypto::wipe(bytes);
    return out;
}

Json luks_info(const crypto::Luks& luks, bool with_format) {
    Json out = Json::object();
    out.set("ivgen-alg", name_of(luks.scheme.ivgen));
    if (luks.scheme.ivgen == crypto::IvGen::essiv) out.set("ivgen-hash-alg", name_of(luks.scheme.ivgen_hash));
    out.set("hash-alg", name_of(luks.hash));
    out.set("cipher-alg", name_of(luks.scheme.alg));
    out.set("uuid", luks.uuid);
    if (with_format) out.set("format", "luks");
    out.set("cipher-mode", name_of(luks.scheme.mode));
    Json slots = Json::array();
    for (const crypto::LuksSlot& slot : luks.slot) {
        Json one = Json::object();
        one.set("active", slot.active);
        if (slot.active) one.set("iters", u64(slot.iterations));
        one.set("key-offset", slot.key_offset);
        if (slot.active) one.set("stripes", u64(slot.stripes));
        slots.push(std::move(one));
    }
    out.set("slots", std::move(slots));
    out.set("payload-offset", luks.payload_offset);
    out.set("master-key-iters", u64(luks.digest_iterations));
    return out;
}

Result<void> amend_luks(crypto::Luks& luks, crypto::LuksStorage& storage, AmendArgs& args, std::string_view prefix,
                        const crypto::SecretBytes* master) {
    const auto key = [&](std::string_view name) { return fmt::format("{}{}", prefix, name); };
    crypto::LuksAmend what;
    what.force = args.force;
    const auto state = args.options.take(key("state"));
    if (!state) return fail(EINVAL, fmt::format("Parameter '{}state' is missing", prefix));
    if (*state != "active" && *state != "inactive") return fail(EINVAL, fmt::format("Parameter '{}state' does not accept value '{}'", prefix, *state));
    what.activate = *state == "active";
    if (const auto slot = EMU_TRY(args.options.take_number(key("keyslot")))) what.slot = unsigned(std::min<u64>(*slot, 1000));
    what.iter_time_ms = EMU_TRY(args.options.take_number(key("iter-time"))).value_or(what.iter_time_ms);
    if (what.iter_time_ms == 0 || what.iter_time_ms > 3'600'000) return fail(EINVAL, "iter-time is 1 to 3600000 milliseconds");
    crypto::SecretBytes old_secret, new_secret;
    if (args.options.has(key("old-secret"))) {
        old_secret = EMU_TRY(take_key_secret(args.options, key("old-secret"), *args.context));
        what.old_secret = &old_secret;
    }
    if (args.options.has(key("new-secret"))) {
        new_secret = EMU_TRY(take_key_secret(args.options, key("new-secret"), *args.context));
        what.new_secret = &new_secret;
    }
    return luks.amend(storage, what, master);
}

} // namespace emu::block

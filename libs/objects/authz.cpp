// SPDX-License-Identifier: MIT
// authz-simple: identity=. authz-list: policy=allow|deny, rules.N.match=, rules.N.policy=, rules.N.format=exact|glob.
// authz-list-file: filename=, refresh=. authz-pam: service=.
#include "crypto/authz.h"
#include "objects/types.h"

#include <cerrno>
#include <fmt/format.h>

namespace emu::objects {

namespace {

Result<std::string> required(KeyValues& options, std::string_view key) {
    auto value = options.take(key);
    if (!value) return fail(EINVAL, fmt::format("Parameter '{}' is missing", key));
    return *value;
}

} // namespace

Result<std::shared_ptr<void>> make_authz_simple(KeyValues& options, Table&) {
    const std::string identity = EMU_TRY(required(options, "identity"));
    return std::shared_ptr<void>(EMU_TRY(crypto::make_authz_simple(identity)));
}

Result<std::shared_ptr<void>> make_authz_list(KeyValues& options, Table&) {
    KeyValues mine;
    if (const auto policy = options.take("policy")) mine.add("policy", *policy);
    const KeyValues rows = options.take_group("rules");
    for (const KeyValue& kv : rows.items()) mine.add("rules." + kv.key, kv.value);
    const Json tree = mine.empty() ? Json::object() : EMU_TRY(mine.tree());
    crypto::AuthzRules rules = EMU_TRY(crypto::AuthzRules::parse(tree));
    return std::shared_ptr<void>(crypto::make_authz_list(std::move(rules)));
}

Result<std::shared_ptr<void>> make_authz_list_file(KeyValues& options, Table&) {
    const bool refresh = EMU_TRY(options.take_bool("refresh")).value_or(true);
    const std::string path = EMU_TRY(required(options, "filename"));
    return std::shared_ptr<void>(EMU_TRY(crypto::make_authz_list_file(path, refresh)));
}

Result<std::shared_ptr<void>> make_authz_pam(KeyValues& options, Table&) {
    const std::string service = EMU_TRY(required(options, "service"));
    return std::shared_ptr<void>(EMU_TRY(crypto::make_authz_pam(service)));
}

} // namespace emu::objects

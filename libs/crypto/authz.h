// SPDX-License-Identifier: MIT
// Who may use a service, asked by the name a peer proved: the distinguished name of its certificate, or its PSK user name.
#pragma once
#include "common/json.h"
#include "common/result.h"

#include <memory>
#include <string>
#include <string_view>
#include <vector>

namespace emu::crypto {

class Authz {
public:
    /// The class under which objects::Table gives these out.
    static constexpr std::string_view class_name = "authz";
    virtual ~Authz() = default;
    /// Thread-safe. An error means that the question could not be answered: callers deny.
    virtual Result<bool> allows(std::string_view identity) const = 0;
};

/// One identity, spelled exactly.
Result<std::shared_ptr<Authz>> make_authz_simple(std::string identity);

/// Rules in order; the first that matches decides, `allow_by_default` if none does.
struct AuthzRule {
    std::string match;
    bool allow = false;
    bool glob = false; ///< match is a pattern as the shell's, where * also spans '/' and ','
};
struct AuthzRules {
    std::vector<AuthzRule> rules;
    bool allow_by_default = false;
    /// {"policy":"allow|deny","rules":[{"match":...,"policy":...,"format":"exact|glob"}]}
    static Result<AuthzRules> parse(const Json& tree);
    bool allows(std::string_view identity) const;
};
std::shared_ptr<Authz> make_authz_list(AuthzRules rules);
/// The same from a JSON file; with `refresh`, read again when it has changed (while it is damaged, everyone is denied).
Result<std::shared_ptr<Authz>> make_authz_list_file(std::string path, bool refresh);
/// The account management of a PAM service ("/etc/pam.d/<service>").
Result<std::shared_ptr<Authz>> make_authz_pam(std::string service);

} // namespace emu::crypto

// SPDX-License-Identifier: MIT
#include "crypto/authz.h"

#include "common/fd.h"
#include "common/library.h"

#include <array>
#include <cerrno>
#include <fmt/format.h>
#include <fnmatch.h>
#include <mutex>
#include <optional>
#include <security/pam_appl.h>
#include <sys/stat.h>

#define EMU_PAM_API(X) X(pam_start) X(pam_acct_mgmt) X(pam_end) X(pam_strerror)
EMU_LIBRARY_API(PamApi, EMU_PAM_API, "libpam.so.0")

namespace emu::crypto {

namespace {

constexpr usize max_file = usize(1) << 20;

class SimpleAuthz final : public Authz {
public:
    explicit SimpleAuthz(std::string identity) : identity_(std::move(identity)) {}
    Result<bool> allows(std::string_view identity) const override { return identity == identity_; }

private:
    std::string identity_;
};

class ListAuthz final : public Authz {
public:
    explicit ListAuthz(AuthzRules rules) : rules_(std::move(rules)) {}
    Result<bool> allows(std::string_view identity) const override { return rules_.allows(identity); }

private:
    AuthzRules rules_;
};

/// What tells one state of a file from another without reading it.
struct Stamp {
    dev_t device = 0;
    ino_t inode = 0;
    off_t size = 0;
    timespec changed = {};
    bool operator==(const Stamp& o) const {
        return device == o.device && inode == o.inode && size == o.size && changed.tv_sec == o.changed.tv_sec &&
               changed.tv_nsec == o.changed.tv_nsec;
    }
};

class FileAuthz final : public Authz {
public:
    FileAuthz(std::string path, bool refresh) : path_(std::move(path)), refresh_(refresh) {}
    Result<void> load() const {
        const Fd fd = EMU_TRY(Fd::open(path_, O_RDONLY));
        struct stat now = {};
        if (::fstat(fd.get(), &now) != 0) return fail_errno(errno, path_);
        stamp_ = Stamp{now.st_dev, now.st_ino, now.st_size, now.st_ctim};
        std::string text;
        std::array<char, 4096> part;
        for (;;) {
            const ssize_t got = ::read(fd.get(), part.data(), part.size());
            if (got < 0 && errno == EINTR) continue;
            if (got < 0) return fail_errno(errno, path_);
            if (got == 0) break;
            text.append(part.data(), usize(got));
            if (text.size() > max_file) return fail(EFBIG, fmt::format("{}: too large for a list of rules", path_));
        }
        const Json tree = EMU_TRY(in(path_, parse_json(text)));
        rules_ = EMU_TRY(in(path_, AuthzRules::parse(tree)));
        return {};
    }
    Result<bool> allows(std::string_view identity) const override {
        std::lock_guard lock(mutex_);
        if (refresh_) {
            struct stat now = {};
            if (::stat(path_.c_str(), &now) != 0) return fail_errno(errno, path_);
            if (!rules_ || !(stamp_ == Stamp{now.st_dev, now.st_ino, now.st_size, now.st_ctim})) {
                rules_.reset();
                EMU_CHECK(load());
            }
        }
        return rules_ && rules_->allows(identity);
    }

private:
    std::string path_;
    bool refresh_;
    mutable std::mutex mutex_;
    mutable Stamp stamp_;
    mutable std::optional<AuthzRules> rules_;
};

class PamAuthz final : public Authz {
public:
    explicit PamAuthz(std::string service) : service_(std::move(service)) {}
    Result<bool> allows(std::string_view identity) const override {
        // The account stack has no questions for the user; one that asks is answered with a refusal.
        const auto converse = [](int, const pam_message**, pam_response**, void*) { return int(PAM_CONV_ERR); };
        const pam_conv conversation{converse, nullptr};
        const std::string user(identity);
        pam_handle_t* pam = nullptr;
        const PamApi& api = *EMU_TRY(PamApi::get());
        int status = api.pam_start(service_.c_str(), user.c_str(), &conversation, &pam);
        if (status != PAM_SUCCESS) return fail(EACCES, fmt::format("Unable to initialize PAM transaction: {}", api.pam_strerror(nullptr, status)));
        status = api.pam_acct_mgmt(pam, PAM_SILENT);
        api.pam_end(pam, status);
        return status == PAM_SUCCESS;
    }

private:
    std::string service_;
};

Result<bool> parse_policy(const Json& value) {
    const auto* text = value.as_string();
    if (text && *text == "allow") return true;
    if (text && *text == "deny") return false;
    return fail(EINVAL, "policy must be 'allow' or 'deny'");
}

Result<AuthzRule> parse_rule(const Json& tree) {
    const auto* object = tree.as_object();
    if (!object) return fail(EINVAL, "a rule must be an object");
    AuthzRule out;
    bool match = false, policy = false;
    for (const auto& [key, value] : *object) {
        const auto* text = value.as_string();
        if (!text) return fail(EINVAL, fmt::format("'{}' must be a text", key));
        if (key == "match") {
            out.match = *text;
            match = true;
        } else if (key == "policy") {
            out.allow = EMU_TRY(parse_policy(value));
            policy = true;
        } else if (key == "format") {
            if (*text != "exact" && *text != "glob") return fail(EINVAL, "format must be 'exact' or 'glob'");
            out.glob = *text == "glob";
        } else {
            return fail(EINVAL, fmt::format("a rule has no '{}'", key));
        }
    }
    if (!match || !policy) return fail(EINVAL, "a rule needs 'match' and 'policy'");
    return out;
}

} // namespace

Result<AuthzRules> AuthzRules::parse(const Json& tree) {
    const auto* object = tree.as_object();
    if (!object) return fail(EINVAL, "rules must be a JSON object");
    AuthzRules out;
    for (const auto& [key, value] : *object) {
        if (key == "policy") {
            out.allow_by_default = EMU_TRY(parse_policy(value));
        } else if (key == "rules") {
            const auto* rows = value.as_array();
            if (!rows) return fail(EINVAL, "'rules' must be a list");
            for (usize i = 0; i < rows->size(); i++) out.rules.push_back(EMU_TRY(in(fmt::format("rule {}", i), parse_rule((*rows)[i]))));
        } else {
            return fail(EINVAL, fmt::format("authorization rules have no '{}'", key));
        }
    }
    return out;
}

bool AuthzRules::allows(std::string_view identity) const {
    const std::string name(identity);
    for (const AuthzRule& rule : rules) {
        if (rule.glob ? ::fnmatch(rule.match.c_str(), name.c_str(), 0) == 0 : rule.match == name) return rule.allow;
    }
    return allow_by_default;
}

Result<std::shared_ptr<Authz>> make_authz_simple(std::string identity) {
    if (identity.empty()) return fail(EINVAL, "'identity' must not be empty");
    return std::shared_ptr<Authz>(std::make_shared<SimpleAuthz>(std::move(identity)));
}
std::shared_ptr<Authz> make_authz_list(AuthzRules rules) { return std::make_shared<ListAuthz>(std::move(rules)); }
Result<std::shared_ptr<Authz>> make_authz_list_file(std::string path, bool refresh) {
    auto made = std::make_shared<FileAuthz>(std::move(path), refresh);
    EMU_CHECK(made->load());
    return std::shared_ptr<Authz>(std::move(made));
}
Result<std::shared_ptr<Authz>> make_authz_pam(std::string service) {
    if (service.empty()) return fail(EINVAL, "'service' must not be empty");
    EMU_CHECK(PamApi::get());
    return std::shared_ptr<Authz>(std::make_shared<PamAuthz>(std::move(service)));
}

} // namespace emu::crypto

// SPDX-License-Identifier: MIT
// A user's ~/.ssh/authorized_keys: read, and replaced as a whole. Its folder belongs to the user, who may have put links there:
// the agent works as root, so it follows none.
#pragma once
#include "common/fd.h"
#include "guest_agent/host.h"

#include <sys/types.h>

namespace emu::guest_agent {

class SshKeys {
public:
    static Result<SshKeys> of_user(const Host& host, const std::string& user);
    bool exists() const;
    Result<std::vector<std::string>> load() const;
    /// Creates ~/.ssh (0700) where it is missing; the file is 0600 and the user's.
    Result<void> store(const std::vector<std::string>& lines) const;

private:
    Result<Fd> folder(bool create) const;
    std::string home_;
    uid_t uid_ = 0;
    gid_t gid_ = 0;
};

} // namespace emu::guest_agent

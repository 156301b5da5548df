// SPDX-License-Identifier: MIT
// Names of the form scheme://[user[:password]@]host[:port]/path[?key=value&...] (RFC 3986), taken apart and decoded.
#pragma once
#include "common/keyval.h"
#include "common/result.h"

#include <string>
#include <string_view>

namespace emu::block {

struct Url {
    std::string scheme, user, password, host, port, path; ///< path with its leading '/', "" if there is none
    bool has_password = false;
    KeyValues query;

    static Result<Url> parse(std::string_view text);
};

/// %XX to bytes; a malformed or NUL escape is an error.
Result<std::string> percent_decode(std::string_view text);


} // namespace emu::block

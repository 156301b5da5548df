// SPDX-License-Identifier: MIT
#include "objects/types.h"

#include <array>

namespace emu::objects {

std::span<const Type> own_types() {
    static constexpr std::array<Type, 2> rows = {{
        {"secret", "a password or key, given or in a file", make_secret, "secret"},
        {"secret_keyring", "a password or key in the kernel's keyring", make_secret_keyring, "secret"},
    }};
    return rows;
}

} // namespace emu::objects

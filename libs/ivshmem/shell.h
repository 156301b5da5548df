// SPDX-License-Identifier: MIT
// The interactive commands of ivshmem-client.
#pragma once
#include "ivshmem/client.h"

#include <string>
#include <string_view>

namespace emu::ivshmem {

/// What one line does: the text to print, and whether the session goes on.
struct Reply {
    std::string text;
    bool quit = false;
};
/// help, int <peer> <vector>, int <peer> all, int all, dump, read <offset> <count>, write <offset> <word>, quit.
Reply execute(Client& client, std::string_view line);

} // namespace emu::ivshmem

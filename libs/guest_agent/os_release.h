// SPDX-License-Identifier: MIT
// os-release(5): NAME=value lines with the quoting of a shell.
#pragma once
#include <map>
#include <string>
#include <string_view>

namespace emu::guest_agent {

std::map<std::string, std::string> parse_os_release(std::string_view text);

} // namespace emu::guest_agent

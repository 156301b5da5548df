// SPDX-License-Identifier: MIT
// The health of an NVMe disk: log page 02h (NVM Express Base Specification, "SMART / Health Information").
#pragma once
#include "common/json.h"

#include <optional>
#include <string>

namespace emu::guest_agent {

inline constexpr usize smart_log_size = 512;
Json parse_smart_log(ConstBytes log);
/// Ask the device; nothing where it does not answer.
std::optional<Json> read_smart_log(const std::string& device);

} // namespace emu::guest_agent

// SPDX-License-Identifier: MIT
// The requests of ioctl(2) that are known: what their argument is.
#pragma once
#include "linux_user/layout.h"

#include <string_view>

namespace emu::linux_user {

enum class IoctlArg : u8 { none, number, in, out, inout, any };

struct IoctlRow {
    std::string_view name;
    u32 request;                 ///< of the host
    IoctlArg argument;
    std::string_view format;
};

std::span<const IoctlRow> ioctl_rows();
/// The request as a guest with this model numbers it.
u32 guest_request(const IoctlRow& row, const DataModel& model);
/// By the guest's number; null: not known.
const IoctlRow* find_ioctl(u32 request, const DataModel& model);

} // namespace emu::linux_user

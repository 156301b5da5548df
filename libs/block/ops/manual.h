// SPDX-License-Identifier: MIT
// The part of the manual that is written from the drivers' tables.
#pragma once
#include "block/driver.h"

#include <string>

namespace emu::block {

/// Sections in roff: formats, protocols and filters, each with its options for opening and for making images.
std::string driver_manual();

} // namespace emu::block

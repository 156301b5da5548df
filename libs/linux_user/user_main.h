// SPDX-License-Identifier: MIT
// The command line of emu-user and its emu-<arch> names.
#pragma once
#include "common/cli.h"
#include "linux_user/abi.h"
#include "linux_user/options.h"

#include <span>

namespace emu::linux_user {

/// Which guest a program name stands for ("/usr/bin/emu-aarch64", "emu-aarch64-static"); null: the ELF header says.
const Abi* abi_of_name(std::span<const Abi* const> abis, std::string_view program_name);
/// Which guest an ELF file is for; null: none of these.
const Abi* abi_of_file(std::span<const Abi* const> abis, ConstBytes head);

/// -E and -U over the environment: the last assignment of a name wins.
std::vector<std::string> guest_environment(const std::vector<std::string>& host, const std::vector<std::string>& set,
                                           const std::vector<std::string>& unset);

/// The exit status that a shell would give: 127 not found, 126 found but not to be executed, else 1.
int status_of(const Error& error);

int user_main(std::span<const Abi* const> abis, int argc, const char* const* argv);

} // namespace emu::linux_user

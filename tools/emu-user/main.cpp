// SPDX-License-Identifier: MIT
// emu-user PROGRAM, or emu-<arch> by link: runs Linux programs of other architectures.
#include "linux_user/abi/aarch64/abi.h"
#include "linux_user/abi/arm/abi.h"
#include "linux_user/abi/i386/abi.h"
#include "linux_user/abi/x86_64/abi.h"
#include "linux_user/user_main.h"

namespace {

/// The guests, one row each.
constexpr const emu::linux_user::Abi* abis[] = {
    &emu::linux_user::aarch64::abi,
    &emu::linux_user::arm::abi,
    &emu::linux_user::arm::abi_big_endian,
    &emu::linux_user::i386::abi,
    &emu::linux_user::x86_64::abi,
};

} // namespace

int main(int argc, char** argv) { return emu::linux_user::user_main(abis, argc, argv); }

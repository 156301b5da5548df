#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
# Guests with 32-bit file offsets read directories whose places are hashes of 64 bits on the host.
. "$(dirname "$0")/lib.sh"
ran=0
while read -r arch compiler; do
    command -v "$compiler" >/dev/null && [ -e "$EMU_TOOLS/emu-$arch" ] || continue
    "$compiler" -O1 -Wall -static -o "directory_$arch" "$here/../guest/directory.c" || die "cannot compile"
    is '502 entries, errno 0, the same place' "$(timeout 20 "$EMU_TOOLS/emu-$arch" "./directory_$arch")"
    ran=1
done <<'LIST'
aarch64 aarch64-linux-gnu-gcc
i386 i686-linux-gnu-gcc
arm arm-linux-gnueabihf-gcc
arm arm-linux-gnueabi-gcc
LIST
[ $ran = 1 ] || { echo "needs a cross compiler"; exit 77; }

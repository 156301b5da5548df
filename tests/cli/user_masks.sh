#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
# Signal masks are where each ABI has them: two words, aligned as words, on 32-bit ones.
. "$(dirname "$0")/lib.sh"
ran=0
while read -r arch compiler; do
    command -v "$compiler" >/dev/null && [ -e "$EMU_TOOLS/emu-$arch" ] || continue
    "$compiler" -O1 -Wall -static -o "masks_$arch" "$here/../guest/syscall_masks.c" || die "cannot compile"
    is '1 1 0 1 1 0
1' "$(timeout 20 "$EMU_TOOLS/emu-$arch" "./masks_$arch")"
    ran=1
done <<'LIST'
aarch64 aarch64-linux-gnu-gcc
x86_64 gcc
i386 i686-linux-gnu-gcc
arm arm-linux-gnueabihf-gcc
LIST
[ $ran = 1 ] || { echo "needs a cross compiler"; exit 77; }

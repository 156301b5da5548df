#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
# Signal masks are where each ABI has them: two words, aligned as words, on 32-bit ones.
. "$(dirname "$0")/lib.sh"
masks() {
    "$2" -O1 -Wall -static -o "masks_$1" "$here/../guest/syscall_masks.c" || die "cannot compile"
    is '1 1 0 1 1 0
1' "$(timeout 20 "$EMU_TOOLS/emu-$1" "./masks_$1")"
}
each_guest masks

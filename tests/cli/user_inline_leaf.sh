#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
# Little functions in hot loops, which are translated together with the loop.
. "$(dirname "$0")/lib.sh"
inline_leaf() {
    "$2" -O2 -Wall -static -pthread -o "inline-leaf-$1" "$here/../guest/inline_leaf.c" || die "cannot compile inline_leaf.c"
    local engine
    for engine in '-tier 2' '-tier 2,sync -hot-threshold 20' '-interpreter' '-tier 2,sync -B 0x200000000'; do
        # shellcheck disable=SC2086
        is "$1 ok" "$1 $(timeout 100 "$EMU_TOOLS/emu-$1" $engine "./inline-leaf-$1" 2>&1 | tail -1)"
    done
}
each_guest inline_leaf

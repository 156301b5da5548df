#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
# Functions that call themselves, which are translated as one piece once they are hot.
. "$(dirname "$0")/lib.sh"
recursion() {
    "$2" -O2 -Wall -static -pthread -o "recursion-$1" "$here/../guest/recursion.c" || die "cannot compile recursion.c"
    local engine
    for engine in '-tier 2' '-tier 2,sync -hot-threshold 20' '-interpreter' '-tier 2,sync -B 0x200000000'; do
        # shellcheck disable=SC2086
        is "$1 ok" "$1 $(timeout 100 "$EMU_TOOLS/emu-$1" $engine "./recursion-$1" 2>&1 | tail -1)"
    done
}
each_guest recursion

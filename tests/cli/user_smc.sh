#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
# Code that two threads patch while they run it: no update is lost, whatever compiles it. (For half an hour of it: the program
# takes seconds as its argument.)
. "$(dirname "$0")/lib.sh"
torture() {
    "$2" -O1 -Wall -o "smc-$1" "$here/../guest/smc_torture.c" -static -pthread || die "cannot compile smc_torture.c"
    local engine
    for engine in '-tier 1' '-tier 2 -hot-threshold 50' '-tier 2,sync -hot-threshold 20' '-interpreter' '-tier 2 -B 0x200000000'; do
        # shellcheck disable=SC2086
        is "$1 ok" "$1 $(timeout 100 "$EMU_TOOLS/emu-$1" $engine "./smc-$1" 0.6 2>&1 | tail -1)"
    done
}
each_guest torture

#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
# Code that two threads patch while they run it: no update is lost, whatever compiles it. (For half an hour of it: the program
# takes seconds as its argument.)
. "$(dirname "$0")/lib.sh"
guest smc_torture -static -pthread
for engine in '-tier 1' '-tier 2 -hot-threshold 50' '-tier 2,sync -hot-threshold 20' '-interpreter' '-tier 2 -B 0x200000000'; do
    # shellcheck disable=SC2086
    is ok "$(timeout 100 "$EMU_TOOLS/emu-aarch64" $engine ./smc_torture 1 2>&1 | tail -1)"
done

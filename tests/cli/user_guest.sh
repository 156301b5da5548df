#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
# user_guest.sh NAME: tests/guest/NAME.c, run translated and interpreted, says "ok".
. "$(dirname "$0")/lib.sh"
guest "$1" -static -pthread
for engine in '' -interpreter '-B 0x200000000' '-cpu neoverse-n1'; do
    # shellcheck disable=SC2086
    is ok "$(timeout 100 "$EMU_TOOLS/emu-aarch64" $engine "./$1" 2>&1 | tail -1)"
done

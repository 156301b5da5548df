#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
# 32-bit x86 programs: what tests/guest has for all architectures, translated, interpreted and at a base of one's own.
. "$(dirname "$0")/lib.sh"
requires i686-linux-gnu-gcc
for name in restart threads_end report run; do
    i686-linux-gnu-gcc -O1 -Wall -o "$name" "$here/../guest/$name.c" -static -pthread || die "cannot compile $name.c"
done
emu=$EMU_TOOLS/emu-i386
for engine in '' -interpreter '-B 0x200000000'; do
    # shellcheck disable=SC2086
    is ok "$(timeout 100 "$emu" $engine ./restart 2>&1 | tail -1)"
    # shellcheck disable=SC2086
    is ok "$(timeout 100 "$emu" $engine ./threads_end 2>&1 | tail -1)"
done
is 'argv name' "$("$emu" ./run ./report name)"
is 'uname i686 1.2.3' "$("$emu" -r 1.2.3 ./run ./report name uname)"
is 'env 1' "$("$emu" -E A=1 ./report env A)"

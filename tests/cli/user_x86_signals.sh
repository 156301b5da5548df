#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
# Faults, signal frames, floating-point exceptions, segments and new threads of x86 programs, of 64 and of 32 bits: as on real processors.
. "$(dirname "$0")/lib.sh"
requires i686-linux-gnu-gcc
i686-linux-gnu-gcc -O1 -Wall -msse2 -o signals32 "$here/../guest/x86_signals.c" -static -pthread -lm || die "cannot compile x86_signals.c"
for options in '' -interpreter '-B 0x200000000'; do
    # shellcheck disable=SC2086
    is ok "$(timeout 100 "$EMU_TOOLS/emu-i386" $options ./signals32 2>&1)"
done
[ "$(uname -m)" = x86_64 ] || exit 0
gcc -O1 -Wall -o signals64 "$here/../guest/x86_signals.c" -static -pthread -lm || die "cannot compile x86_signals.c"
for options in '' -interpreter '-B 0x200000000'; do
    # shellcheck disable=SC2086
    is ok "$(timeout 100 "$EMU_TOOLS/emu-x86_64" $options ./signals64 2>&1)"
done

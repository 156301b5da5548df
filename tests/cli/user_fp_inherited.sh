#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
# New threads and processes begin with the floating point registers and modes of their maker.
. "$(dirname "$0")/lib.sh"
inherited() {
    "$2" -O1 -Wall -frounding-math -static -pthread -o "threads_fp_$1" "$here/../guest/threads_fp.c" -lm || die "cannot compile"
    for engine in '' -interpreter; do
        is ok "$(timeout 100 "$EMU_TOOLS/emu-$1" $engine "./threads_fp_$1" 2>&1 | tail -1)"
    done
}
each_guest inherited

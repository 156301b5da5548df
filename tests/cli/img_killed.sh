#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
# A conversion that is interrupted leaves no target that could be taken for a good one.
. "$(dirname "$0")/lib.sh"
img=$EMU_TOOLS/emu-img
head -c 8M /dev/urandom >a.raw
"$img" convert -r 2M -O qcow2 a.raw t.qcow2 &
pid=$!
for i in $(seq 100); do [ -s t.qcow2 ] && break; sleep 0.05; done
[ -s t.qcow2 ] || die "no target yet"
kill -USR1 $pid
sleep 0.3
kill -INT $pid 2>/dev/null || kill -TERM $pid
kill -TERM $pid 2>/dev/null
wait $pid && die "the interrupted conversion reports success"
[ ! -e t.qcow2 ] || die "a half-written image is left"

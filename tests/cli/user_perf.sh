#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
# -perfmap and -jitdump: names and code of what was translated.
. "$(dirname "$0")/lib.sh"
requires aarch64-linux-gnu-gcc
echo 'int main(void) { return 0; }' >p.c
aarch64-linux-gnu-gcc -O1 -static -o p p.c || die "cannot compile"
"$EMU_TOOLS/emu-aarch64" -perfmap -jitdump ./p &
pid=$!
wait $pid
is 0 $?
map=/tmp/perf-$pid.map
[ -s "$map" ] || die "no $map"
wrong=$(grep -cvE '^[0-9a-f]+ [0-9a-f]+ aarch64:0x[0-9a-f]+( \(region\))?$' "$map")
rm -f "$map"
is 0 "$wrong"
is 4454694a01000000 "$(od -An -tx1 -N8 "jit-$pid.dump" | tr -d ' ')"

#!/bin/sh
# SPDX-License-Identifier: MIT
# bare.sh BARE_MACHINE SOURCES: assemble bare.S, run it by both engines, compare with what it should print.
set -eu
machine=$1 sources=$2
gcc=aarch64-linux-gnu-gcc
command -v $gcc >/dev/null || { echo "skipped: $gcc is not installed"; exit 77; }
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
$gcc -nostdlib -static -Wl,-Ttext=0x40000000 -Wl,--build-id=none -o "$work/bare.elf" "$sources/bare.S"
aarch64-linux-gnu-objcopy -O binary "$work/bare.elf" "$work/bare.bin"
for engine in interp jit; do
    timeout 50 "$machine" "$work/bare.bin" $engine --stats >"$work/$engine" || { echo "$engine: exit $?"; cat "$work/$engine"; exit 1; }
done
cmp "$work/interp" "$work/jit" || { cat "$work/interp" "$work/jit"; exit 1; }
grep -q "ticks" "$work/jit" && cat "$work/jit"

#!/bin/bash
# SPDX-License-Identifier: MIT
# What the inline TLB probe costs: the same loop of loads or stores in the bare machine (MMU on) and as a user program (flat
# memory), in nanoseconds per access.      tlb_probe.sh BUILD-DIRECTORY
set -eu
build=$(cd "$1" && pwd)
here=$(cd "$(dirname "$0")" && pwd)
gcc=aarch64-linux-gnu-gcc
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
cat >"$work/user.S" <<S
        .global _start
_start: ldr     x1, =zeros
        bl      bench_loop
        mov     x0, #0
        mov     x8, #93
        svc     #0
#include "$here/tlb_probe.h"
        .data
        .balign 64
zeros:  .zero   64
S
seconds() { local start end; start=$(date +%s%N); "$@" >/dev/null; end=$(date +%s%N); echo $((end - start)); }
best() { local least=0 t i; for i in 1 2 3 4 5; do t=$(seconds "$@"); [ $least -eq 0 ] || [ "$t" -lt $least ] && least=$t; done; echo $least; }
printf '%-22s %10s %10s %10s   (ns per access)\n' loop flat probe difference
for bench in 1:"independent loads" 2:"dependent loads" 3:"stores"; do
    $gcc -DBENCH="${bench%%:*}" -nostdlib -static -o "$work/user" "$work/user.S"
    $gcc -DBENCH="${bench%%:*}" -nostdlib -static -Wl,-Ttext=0x40000000 -Wl,--build-id=none -o "$work/bare.elf" "$here/../machine/bare.S"
    aarch64-linux-gnu-objcopy -O binary "$work/bare.elf" "$work/bare.bin"
    flat=$(best "$build/tools/emu-aarch64" "$work/user")
    probe=$(best "$build/tests/bare_machine" "$work/bare.bin" jit)
    awk -v n="${bench#*:}" -v f="$flat" -v p="$probe" 'BEGIN { c = 8 * 2 ^ 24; printf "%-22s %10.3f %10.3f %10.3f\n", n, f / c, p / c, (p - f) / c }'
done

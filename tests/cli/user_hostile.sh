#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
# Random system calls never bring Emu down; nonsense gets the errno that the kernel gives to the same program natively.
# user_hostile.sh [SEED [SECONDS]]
. "$(dirname "$0")/lib.sh"
requires gcc
chmod 755 .
seed=${1:-1} seconds=${2:-3}
hostile() {
    "$2" -O1 -Wall -Wno-unused-result -static -o "hostile_$1" "$here/../guest/syscall_hostile.c" || die "cannot compile"
    text=$(timeout 250 "$EMU_TOOLS/emu-$1" "./hostile_$1" "$seed" "$seconds" 2>err)
    is ok "$(tail -1 <<<"$text")"
    if grep -aE 'internal error|assertion|terminate called|Sanitizer' err; then die "Emu itself was hit ($1)"; fi
}
each_guest hostile

# The host as the judge, for its own architecture.
[ "$(uname -m)" = x86_64 ] && [ -e "$EMU_TOOLS/emu-x86_64" ] || exit 0
gcc -O1 -Wall -static -o nonsense "$here/../guest/syscall_errno.c" || die "cannot compile"
# Refused on purpose (docs/syscalls.md), or dependent on how large the process or its memory is.
user=$here/../../libs/linux_user
refused=$(sed -n 's/^EMU_REFUSED(\(\w*\),.*/\1/p' "$user"/*.def | while read -r name; do
    sed -n "s/^EMU_NUMBER(\([0-9]*\), $name)/\1/p" "$user/abi/x86_64/numbers.def"
done)
except=" $(echo $refused) 12 25 30 151 154 317 326 335 336 "
timeout 60 ./nonsense >native || exit 0
timeout 120 "$EMU_TOOLS/emu-x86_64" ./nonsense >ours || die "nonsense does not run"
diff native ours | sed -n 's/^[<>] //p' | cut -d' ' -f1 | sort -un | while read -r number; do
    case $except in *" $number "*) continue ;; esac
    diff <(grep "^$number " native) <(grep "^$number " ours) | sed "s/^/$number: /"
done >differences
[ ! -s differences ] || die "errno differs from the kernel's: $(cat differences)"

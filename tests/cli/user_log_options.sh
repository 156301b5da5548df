#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
# -d help and what is refused; ranges of -dfilter; names of -D.
. "$(dirname "$0")/lib.sh"
emu=$EMU_TOOLS/emu-aarch64
guest report -static

# The list is what there is, and the manual knows it.
for item in $("$emu" -d help | sed -n '2,$s/ .*//p'); do
    "$emu" -d "$item" ./report argv >/dev/null 2>&1 || die "item $item"
    grep -Eq "^\.BR? .*\b$item\b" "$here/../../man/emu-user.1.in" || die "the manual does not know $item"
done
for item in mmu pcall op_ind; do
    [ "$("$emu" -d help | lines "^$item ")" = 0 ] || die "$item is listed"
    status 1 "$emu" -d "exec,$item" ./report argv
    has "$line" "no log item '$item': "
done
status 1 "$emu" -d exek ./report argv; has "$line" "did you mean 'exec'?"
for range in 1 1..  ..1 1+0 2..1 -1 1.2 1x+2 '1..2,' 0xffffffffffffffff+2 1-3 18446744073709551616+1 '1+-1' ' 1+1'; do
    status 1 "$emu" -dfilter "$range" -d exec ./report argv
    has "$line" "dfilter"
done
# The process id in the file's name.
"$emu" -D 'log.%d' -d strace ./report argv & pid=$!
wait $pid
has "$(cat "log.$pid")" 'exit'

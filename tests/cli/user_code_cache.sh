#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
# -code-cache: the second run translates (next to) nothing; files that are damaged, foreign or writable by others are
# ignored with a warning; a changed program has translations of its own.
. "$(dirname "$0")/lib.sh"
requires aarch64-linux-gnu-gcc
emu=$EMU_TOOLS/emu-aarch64
program() { printf '#include <stdio.h>\nint main(void) { double x = 0; for (int i = 1; i < 100; i++) x += 1.0 / i; printf("%%s %%.6f\\n", "%s", x); return 3; }\n' "$1" >p.c
    aarch64-linux-gnu-gcc -O1 -static -o p p.c || die "cannot compile"; }
program first
mkdir kept
# run EXPECTED: output, exit status, warnings to err, number of units translated to units
run() {
    local out
    out=$("$emu" -code-cache kept -d in_asm -D log ./p 2>err)
    is 3 $?
    is "$1" "$out"
    units=$(grep -c '^IN:' log)
}
run 'first 5.177378'
cold=$units
[ "$cold" -gt 100 ] || die "only $cold units"
is '' "$(cat err)"
file=$(echo kept/*.emucode)
[ -f "$file" ] || die "no file"
is 600 "$(stat -c %a "$file")"
run 'first 5.177378'
[ "$units" -lt $((cold / 10)) ] || die "$units of $cold units translated again"
is '' "$(cat err)"

# Damaged: said so, ignored and written anew.
size=$(stat -c %s "$file")
printf 'X' | dd of="$file" bs=1 seek=$((size / 2)) conv=notrunc status=none
run 'first 5.177378'
has "$(cat err)" damaged
is 1 "$(wc -l <err)"
run 'first 5.177378'
[ "$units" -lt $((cold / 10)) ] || die "not written anew"
truncate -s $((size / 2)) "$file"
run 'first 5.177378'
has "$(cat err)" warning
echo 'something else altogether, and quite a bit longer than a header is' >"$file"
run 'first 5.177378'
has "$(cat err)" 'not a file of translations'
run 'first 5.177378'
chmod g+w "$file"
run 'first 5.177378'
has "$(cat err)" 'others may write it'
chmod g-w "$file"

# Another version of the program, at the same place and of the same size.
sleep 0.01
program other
run 'other 5.177378'
is '' "$(cat err)"
is 2 "$(ls kept | wc -l)"
# Many at once.
for i in 1 2 3 4; do "$emu" -code-cache kept ./p >"out$i" 2>"err$i" & done
wait
for i in 1 2 3 4; do is 'other 5.177378' "$(cat "out$i")"; is '' "$(cat "err$i")"; done
# A directory that is not there: one warning, and the program runs.
out=$("$emu" -code-cache nowhere ./p 2>err)
is 'other 5.177378' "$out"
has "$(cat err)" warning

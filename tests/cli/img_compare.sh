#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
# emu-img compare: the five exit statuses, sizes, strict mode.
. "$(dirname "$0")/lib.sh"
img=$EMU_TOOLS/emu-img
truncate -s 4M a.raw b.raw
truncate -s 5M c.raw
printf x | dd of=a.raw bs=1 seek=3000000 conv=notrunc status=none
cp --sparse=always a.raw same.raw
compare() { out=$("$img" compare "$@" 2>err); got=$?; }
compare a.raw same.raw; is "0 Images are identical." "$got $out"
compare a.raw b.raw; is "1 Content mismatch at offset 3000000!" "$got $out"
compare b.raw c.raw; is "0 Warning: Image size mismatch!
Images are identical." "$got $out"
compare -s b.raw c.raw; is "1 Strict mode: Image size mismatch!" "$got $out"
"$img" convert -S 0 -O qcow2 a.raw full.qcow2
"$img" convert -O qcow2 a.raw thin.qcow2
compare full.qcow2 thin.qcow2; is "0 Images are identical." "$got $out"
compare -s full.qcow2 thin.qcow2; is 1 $got; has "$out" "Strict mode: Offset"
compare a.raw nothing; is 2 $got
compare a.raw; is 2 $got
compare -T nonsense a.raw b.raw; is 2 $got
compare -q a.raw b.raw; is "1 " "$got $out"
truncate -s 300k thin.qcow2
compare -f raw -F qcow2 a.raw thin.qcow2
case $got in 1 | 2 | 4) ;; *) die "status $got for a file that was cut" ;; esac

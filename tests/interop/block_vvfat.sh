#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
# vvfat: mtools and fsck.fat read what a folder becomes, and what mtools writes comes back to the folder.
. "$(dirname "$0")/lib.sh"
needs_img
PATH=$PATH:/usr/sbin
requires mdir mcopy mdel mren mmd fsck.fat python3
export MTOOLS_SKIP_CHECK=1 MTOOLSRC=/dev/null

mkdir -p dir/sub/deeper
echo hello >"dir/hello world.txt"
contents dir/sub/data.bin 3
echo last >dir/sub/deeper/LAST.TXT
for type in 16 12; do
    "$img" convert -f raw -O raw "fat:$type:label=EMU:dir" "disk.$type" || die "convert"
    dd if="disk.$type" of=part bs=512 skip=63 2>/dev/null
    fsck.fat -n part >fsck.out 2>&1 || die "fsck.fat finds errors in FAT$type: $(cat fsck.out)"
    has "$(mdir -b -/ -i part ::)" "hello world.txt"
    rm -rf out
    mkdir out
    mcopy -s -n -i part "::/*" out || die "mcopy from FAT$type"
    diff -r dir out || die "FAT$type shows other files"
done
"$img" convert -f raw -O raw fat:floppy:dir/sub/deeper floppy || die "floppy"
fsck.fat -n floppy >fsck.out 2>&1 || die "fsck.fat finds errors in the floppy: $(cat fsck.out)"
is last "$(mcopy -i floppy ::LAST.TXT - )"

for type in 32; do
    cp -r dir "host.$type"
    "$img" convert -f raw -O raw "fat:$type:host.$type" disk.raw
    dd if=disk.raw of=part bs=512 skip=63 2>/dev/null
    contents new.bin 2
    mcopy -i part new.bin ::/sub/new.bin
    mmd -i part ::/made
    mcopy -i part dir/sub/data.bin ::/made/copy.bin
    mdel -i part "::/hello world.txt"
    mren -i part ::/sub/deeper/LAST.TXT ::/sub/deeper/FIRST.TXT
    dd if=part of=disk.raw bs=512 seek=63 conv=notrunc 2>/dev/null
    "$img" convert -n -f raw -O raw disk.raw "fat:$type:rw:host.$type" || die "write"
    rm -rf out
    mkdir out
    mcopy -s -n -i part "::/*" out
    diff -r out "host.$type" || die "FAT$type: the folder is not what was written"
    [ ! -e "host.$type/hello world.txt" ] && [ -e "host.$type/sub/deeper/FIRST.TXT" ] || die "FAT$type: a deletion or a rename was lost"
done
exit 0

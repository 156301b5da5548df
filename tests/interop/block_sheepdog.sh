#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
# sheepdog against a peer of our own (sheep.py), since there is no server to install: disks made, written, read, grown, shared with
# a snapshot, refused.
. "$(dirname "$0")/lib.sh"
needs_img
requires python3
io=$EMU_TOOLS/emu-io
port=$((21000 + $$ % 20000))
python3 "$here/sheep.py" $port log &
servers+=($!)
python3 "$here/sheep.py" "$work/sock" &
servers+=($!)
wait_port $port || die "the peer does not start"
for _ in $(seq 100); do [ -S sock ] && break; sleep 0.05; done
contents disk.raw 10
url=sheepdog://127.0.0.1:$port
"$img" convert -f raw -O raw disk.raw "$url/one" 2>err || die "write: $(cat err)"
"$img" convert -f raw -O raw "sheepdog:127.0.0.1:$port:one" got.raw && same disk.raw got.raw "read"
# Several write behind the end at once: the disk must not become smaller again.
for n in 1 2 3 4 5 6; do
    "$img" convert -f raw -O qcow2 -W -m 16 disk.raw "$url/grow$n" && "$img" check -q "$url/grow$n" || die "qcow2 grows in a cluster"
done
"$img" convert -f raw -O qcow2 disk.raw "$url/two" && "$img" check -q "$url/two" && "$img" compare -q -f raw disk.raw "$url/two" || die "qcow2 in a cluster"
"$img" convert -f raw -O raw disk.raw "sheepdog+unix:///three?socket=$work/sock" && "$img" compare -q -f raw -F raw disk.raw "sheepdog+unix:///three?socket=$work/sock" || die "a UNIX socket"
# A disk that shares objects with a snapshot: written in the midst, the snapshot stays.
"$io" -f raw -c 'read -q -P 0x21 0 100000' -c 'write -q -P 7 4096 4096' -c 'write -q -P 8 5M 4k' -c flush "$url/shared" || die "a shared object"
"$io" -f raw -r -c 'read -q -P 0x21 0 4096' -c 'read -q -P 7 4096 4096' -c 'read -q -P 0x21 8192 4096' -c 'read -q -P 8 5M 4k' -c 'read -q -P 0 200k 1M' "$url/shared" || die "after copying"
"$io" -f raw -r -c 'read -q -P 0x21 0 100000' -c 'read -q -P 0 5M 4k' "$url/shared#before" || die "the snapshot by its tag"
"$io" -f raw -r -c 'read -q -P 0x21 0 100000' "$url/shared#1" || die "the snapshot by its number"
grep -q '^create 3 ' log || die "no object was copied on write: $(cat log)"
is "Image resized." "$("$img" resize -f raw "$url/shared" 20M)"
"$io" -f raw -c 'write -q -P 5 19M 1M' -c 'read -q -P 5 19M 1M' "$url/shared" || die "after growing"
has "$("$img" map --output=json -f raw "$url/shared")" '"start": 8388608, "length": 8388608, "depth": 0, "present": true, "zero": true, "data": false'
refused() {
    "$img" info -f raw "$1" >out 2>err && die "$1 was opened"
    has "$(cat err)" "$2"
}
refused "$url/none" "no such disk"
refused "$url/shared#never" "no such snapshot"
refused "sheepdog://127.0.0.1:1/x" "refused"
refused "$url" "names no disk"
"$img" create -q -f raw "$url/one" 1M 2>err && die "a disk was made twice"
has "$(cat err)" "already exists"
"$io" -f raw -c 'write 0 512' "$url/shared#before" 2>err && die "a snapshot was written"
has "$(cat err)" "snapshot"
# Locks go when the image is closed.
is "$(grep -c '^lock' log)" "$(grep -c '^release' log)"
exit 0

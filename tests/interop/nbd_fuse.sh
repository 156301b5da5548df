#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
# nbdfuse: an export as a file of this host, written and read by programs that know nothing of NBD.
. "$(dirname "$0")/../cli/lib.sh"
. "$here/../interop/nbd_lib.bash"
requires nbdfuse fusermount3 cmp
[ -w /dev/fuse ] || { echo "no /dev/fuse here"; exit 77; }
make_raw a.raw
cp a.raw want.raw
start "$socket" "$nbd" -f raw -t -e 0 -k "$socket" a.raw
mkdir mnt
unmount() { fusermount3 -u mnt 2>/dev/null; kill $pids 2>/dev/null; wait 2>/dev/null; rm -rf "$work"; }
trap unmount EXIT
nbdfuse -P fuse.pid mnt/disk --unix "$socket" >fuse.log 2>&1 & pids="$pids $!"
for _ in $(seq 100); do
    [ -s fuse.pid ] && break
    kill -0 $! 2>/dev/null || { grep -qi 'permitted\|fuse' fuse.log && { echo "nbdfuse cannot mount here: $(tail -1 fuse.log)"; exit 77; }; die "nbdfuse: $(cat fuse.log)"; }
    sleep 0.1
done
is 33554432 "$(stat -c %s mnt/disk)"
cmp mnt/disk want.raw || die "read through FUSE"
for at in 1 5000000 33550000; do
    head -c 4000 /dev/urandom >piece
    dd if=piece of=mnt/disk bs=1 seek=$at conv=notrunc,fsync status=none || die "write through FUSE"
    dd if=piece of=want.raw bs=1 seek=$at conv=notrunc status=none
done
fusermount3 -u mnt
finish
cmp a.raw want.raw || die "what was written through FUSE"

#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
# Block devices of the host: written with their holes, of their size and no other, read back, locked out of harm's way.
. "$(dirname "$0")/lib.sh"
img=$EMU_TOOLS/emu-img
requires losetup
[ "$(id -u)" = 0 ] || { echo "needs root for a loop device"; exit 77; }
head -c 32M /dev/urandom >store
device=$(losetup -f --show store 2>/dev/null) || { echo "no loop device to be had"; exit 77; }
trap 'losetup -d "$device"; rm -rf "$work"' EXIT
truncate -s 32M a.raw
for at in 1 7 8 30; do head -c 500000 /dev/urandom | dd of=a.raw bs=1M seek=$at conv=notrunc status=none; done
"$img" convert -f raw -O qcow2 a.raw a.qcow2
for source in a.raw a.qcow2; do
    head -c 32M /dev/urandom | dd of="$device" bs=1M conv=fsync status=none
    "$img" convert -n -O raw "$source" "$device" || die "$source to a device"
    sync store
    "$img" compare -f raw -F raw a.raw "$device" >log || die "$source: $(cat log)"
    cmp store a.raw || die "$source: other bytes in the store"
    [ "$(stat -c %b store)" -lt 10000 ] || die "$source: $(stat -c %b store) blocks for 4000 of data: holes are not kept"
done
is "$(stat -c %s store)" "$("$img" info --output=json -f raw "$device" | python3 -c 'import json,sys; print(json.load(sys.stdin)["virtual-size"])')"
"$img" convert -f raw -O qcow2 "$device" b.qcow2 && "$img" compare -f qcow2 -F raw b.qcow2 a.raw >log || die "a device as the source: $(cat log)"
# As the place of an image of another format, which has to fit.
"$img" create -q -f qcow2 "$device" 1G || die "qcow2 on a device"
"$img" info "$device" >log
has "$(cat log)" "virtual size: 1 GiB"
"$img" resize -f raw "$device" 64M >log 2>&1 && die "a device cannot grow"
has "$(cat log)" "Cannot grow device files"

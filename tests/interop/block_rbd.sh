#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
# rbd against a cluster of one monitor and one storage daemon that keeps everything in memory: creation, writing, reading, names.
. "$(dirname "$0")/lib.sh"
needs_img
requires ceph-mon ceph-osd ceph rbd monmaptool ceph-authtool python3
[ "$(id -u)" = 0 ] || { echo "needs root for a cluster of its own"; exit 77; }
port=$(free_port)
cat >ceph.conf <<C
[global]
fsid = 7d1c5c9e-0f0a-4c57-8f1c-3d6c7f0e4b11
mon host = v1:127.0.0.1:$port
public addr = 127.0.0.1
cluster addr = 127.0.0.1
auth cluster required = none
auth service required = none
auth client required = none
osd pool default size = 1
osd pool default min size = 1
osd crush chooseleaf type = 0
mon allow pool size one = true
osd objectstore = memstore
memstore device bytes = 268435456
run dir = $work
log file = $work/\$name.log
admin socket = $work/\$name.asok
mon data = $work/mon
osd data = $work/osd
keyring = $work/keyring
pid file = $work/\$name.pid
C
export CEPH_CONF=$work/ceph.conf
ceph() { timeout 60 "$(type -P ceph)" -c ceph.conf --connect-timeout 20 "$@"; }
(
    mkdir mon osd
    ceph-authtool --create-keyring keyring --gen-key -n mon. --cap mon 'allow *'
    monmaptool --create --fsid 7d1c5c9e-0f0a-4c57-8f1c-3d6c7f0e4b11 --addv a "[v1:127.0.0.1:$port]" mon.map
    ceph-mon -c ceph.conf -i a --mkfs --monmap mon.map
) >setup.log 2>&1 || { echo "no monitor can be made here: $(tail -1 setup.log)"; exit 77; }
ceph-mon -c ceph.conf -i a -f >mon.out 2>&1 &
servers+=($!)
wait_port "$port" || { echo "the monitor does not start here: $(tail -1 mon.out)"; exit 77; }
ceph osd new 0d1c5c9e-0f0a-4c57-8f1c-3d6c7f0e4b12 0 >osd.out 2>&1 && ceph-osd -c ceph.conf -i 0 --mkfs --osd-uuid 0d1c5c9e-0f0a-4c57-8f1c-3d6c7f0e4b12 >>osd.out 2>&1 ||
    { echo "no storage daemon can be made here: $(tail -1 osd.out)"; exit 77; }
ceph-osd -c ceph.conf -i 0 -f >>osd.out 2>&1 &
servers+=($!)
for _ in $(seq 60); do ceph osd stat 2>/dev/null | grep -q '1 up' && break; sleep 0.5; done
ceph osd pool create emu 4 >pool.out 2>&1 && timeout 60 rbd -c ceph.conf pool init emu >>pool.out 2>&1 || { echo "no pool can be made here: $(tail -1 pool.out)"; exit 77; }

contents disk.raw 6
"$img" convert -f raw -O raw disk.raw "rbd:emu/made:conf=$work/ceph.conf" 2>err || die "write: $(tail -1 err)"
timeout 60 rbd -c ceph.conf export emu/made out.raw >log 2>&1 || die "rbd export: $(tail -1 log)"
same disk.raw out.raw written
"$img" convert -O raw --image-opts "driver=raw,file.driver=rbd,file.pool=emu,file.image=made,file.conf=$work/ceph.conf" got.raw 2>err || die "read: $(tail -1 err)"
same disk.raw got.raw "read"
# As storage of a format, with writes in the middle; a snapshot of it by name.
"$img" convert -f raw -O qcow2 disk.raw "rbd:emu/q:conf=$work/ceph.conf" 2>err || die "qcow2: $(tail -1 err)"
"$EMU_TOOLS/emu-io" -f qcow2 -c 'write -P 7 1000 70000' -c 'discard 3M 64k' "rbd:emu/q:conf=$work/ceph.conf" >log 2>&1 || die "emu-io: $(cat log)"
"$img" check -f qcow2 "rbd:emu/q:conf=$work/ceph.conf" >log 2>&1 || die "check: $(cat log)"
timeout 60 rbd -c ceph.conf snap create emu/made@then >log 2>&1 || die "rbd snap: $(cat log)"
"$EMU_TOOLS/emu-io" -f raw -c 'write -P 9 0 1M' "rbd:emu/made:conf=$work/ceph.conf" >log 2>&1 || die "emu-io: $(cat log)"
"$img" convert -f raw -O raw "rbd:emu/made@then:conf=$work/ceph.conf" got.raw 2>err || die "snapshot: $(tail -1 err)"
same disk.raw got.raw "the snapshot"
"$img" info -f raw "rbd:emu/none:conf=$work/ceph.conf" >log 2>&1 && die "an image that is not there"
has "$(cat log)" "No such file"
exit 0

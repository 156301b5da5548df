#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
# Filters: injected errors and breakpoints, copy-on-read, compression, logs, votes, limits.
. "$(dirname "$0")/lib.sh"
img=$EMU_TOOLS/emu-img io=$EMU_TOOLS/emu-io
"$img" create -q -f qcow2 a.qcow2 4M
"$io" -c 'write -q -P 1 0 1M' a.qcow2
# blkdebug: an error at the second event, once.
cat >conf <<'C'
[inject-error]
event = "l2_load"
errno = "5"
once = "on"
C
"$io" -c 'read -q 0 64k' -c 'read -q -P 1 0 64k' "blkdebug:conf:a.qcow2" >out 2>&1 && die "no error"
is "read failed: Input/output error" "$(cat out)"
"$io" -c 'write 0 64k' --image-opts driver=qcow2,file.driver=blkdebug,file.image.driver=file,file.image.filename=a.qcow2,file.inject-error.0.event=none,file.inject-error.0.iotype=write,file.inject-error.0.errno=28 >out 2>&1
has "$(cat out)" "write failed: No space left on device"
"$img" check -q a.qcow2 || die "check after the failed write"
# Breakpoints.
timeout 20 "$io" -c 'break write_compressed A' -c 'aio_write -P 3 2M 64k' -c 'aio_flush' -c 'read -q -P 3 2M 64k' -c 'remove_break A' "blkdebug::a.qcow2" >out 2>&1 || die "$(cat out)"
# copy-on-read.
"$img" create -q -f qcow2 -b a.qcow2 -F qcow2 top.qcow2
"$io" -C -c 'read -q -P 1 0 64k' top.qcow2 || die "copy-on-read"
has "$("$img" map top.qcow2)" "top.qcow2"
"$img" check -q top.qcow2 || die "check"
# compress: what is written through it is compressed.
"$img" create -q -f qcow2 c.qcow2 4M
"$io" -c 'write -q -P 7 0 64k' --image-opts driver=compress,file.driver=qcow2,file.file.driver=file,file.file.filename=c.qcow2 || die "compress"
has "$("$img" check c.qcow2)" "100.00% compressed clusters"
# quorum: two of three agree.
for i in 1 2 3; do "$img" convert -O raw a.qcow2 q$i.raw; done
printf broken | dd of=q2.raw conv=notrunc status=none
q=driver=quorum,vote-threshold=2
for i in 0 1 2; do q=$q,children.$i.driver=raw,children.$i.file.driver=file,children.$i.file.filename=q$((i + 1)).raw; done
"$io" -r -c 'read -q -P 1 0 64k' --image-opts $q || die "quorum"
printf worse!! | dd of=q3.raw conv=notrunc status=none
"$io" -r -c 'read -q -P 1 0 64k' --image-opts $q >out && die "no two agree"
# blkverify.
"$img" convert -O raw a.qcow2 v.raw
"$io" -r -c 'read -q 0 4M' "blkverify:v.raw:a.qcow2" || die "blkverify"
# blklogwrites: a log that says what was written.
truncate -s 1M d.raw
truncate -s 8M log
"$io" -c 'write -q -P 9 4k 4k' -c flush --image-opts driver=blklogwrites,file.driver=raw,file.file.driver=file,file.file.filename=d.raw,log.driver=file,log.filename=log || die "blklogwrites"
python3 - <<'P' || die "the log"
import struct
b = open('log', 'rb').read()
magic, version, entries, sector = struct.unpack('<QQQI', b[:28])
assert magic == 0x6a736677736872 and version == 1 and entries >= 2 and sector == 512, (hex(magic), version, entries, sector)
at, count, flags, length = struct.unpack('<QQQQ', b[512:544])
assert (at, count, flags, length) == (8, 8, 0, 4096) and b[1024:1024 + 4096] == b'\x09' * 4096
P
# throttle: 1 MiB at 4 MiB/s takes a moment; nothing is timed, it only has to work.
"$io" --object throttle-group,id=g,limits.bps-total=4194304 -c 'read -q 0 1M' --image-opts driver=throttle,throttle-group=g,file.driver=qcow2,file.file.filename=a.qcow2 || die "throttle"
# preallocate: the file is cut back in the end.
"$io" -c 'write -q 0 64k' --image-opts driver=qcow2,file.driver=preallocate,file.file.driver=file,file.file.filename=c.qcow2,file.prealloc-size=1M || die "preallocate"
[ $(stat -c %s c.qcow2) -lt 900000 ] || die "the file was not cut back"
"$img" check -q c.qcow2 || die "check"
# copy-before-write: the target gets what was there, once; blkreplay passes on; replication waits for its machine.
"$img" create -q -f qcow2 w.qcow2 4M && "$io" -c 'write -q -P 1 0 1M' w.qcow2 && "$img" create -q -f qcow2 t.qcow2 4M
cbw=driver=copy-before-write,file.driver=qcow2,file.file.filename=w.qcow2,target.driver=qcow2,target.file.filename=t.qcow2
"$io" -d unmap -c 'write -q -P 2 64k 64k' -c 'write -q -P 3 64k 64k' -c 'discard -q 512k 64k' -c 'write -q -z 128k 4k' --image-opts $cbw || die "copy-before-write"
"$io" -c 'read -q -P 3 64k 64k' w.qcow2 && "$io" -c 'read -q -P 1 64k 128k' -c 'read -q -P 1 512k 64k' -c 'read -q -P 0 0 64k' t.qcow2 || die "what was kept"
"$io" -r -c 'read -q -P 1 0 64k' --image-opts driver=snapshot-access,file.$(echo $cbw | sed 's/,/,file./g') || die "snapshot-access"
"$io" -r --image-opts driver=snapshot-access,file.driver=qcow2,file.file.filename=w.qcow2 -c length >out 2>&1 && die "snapshot-access of anything"
has "$(cat out)" "copy-before-write"
"$io" --image-opts $cbw,on-cbw-error=nothing -c length >out 2>&1 && die "on-cbw-error"
"$io" -c 'write -q -P 4 0 64k' -c 'read -q -P 4 0 64k' --image-opts driver=blkreplay,image.driver=qcow2,image.file.filename=w.qcow2 || die "blkreplay"
"$io" --image-opts driver=replication,mode=primary,file.driver=qcow2,file.file.filename=w.qcow2 -c 'read 0 64k' >out 2>&1 && die "replication"
is "read failed: Input/output error" "$(cat out)"
"$io" --image-opts driver=virtio-blk-vfio-pci,path=/dev/x -c length >out 2>&1 && die "virtio-blk-vfio-pci"
has "$(cat out)" "/dev/vdX"
"$io" -r -c 'read -q -P 4 64k 0' --image-opts driver=qcow2,file.driver=io_uring,file.filename=w.qcow2 || die "io_uring"
# No zones here: said, not done.
"$io" -c 'zrp 0 1' w.qcow2 >out 2>&1 && die "zones"
is "zone report failed: Operation not supported" "$(cat out)"
for c in "zo 0 512" "zc 0 512" "zf 0 512" "zrs 0 512" "zap 0 512"; do "$io" -c "$c" w.qcow2 >out 2>&1 && die "$c"; has "$(cat out)" "failed: Operation not supported"; done

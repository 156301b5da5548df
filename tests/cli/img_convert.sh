#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
# emu-img convert: there and back through options of qcow2, compressed, sparse, joined, over a backing image, through pipes.
. "$(dirname "$0")/lib.sh"
img=$EMU_TOOLS/emu-img
python3 - <<'P'
import random
r = random.Random(5)
with open('a.raw', 'wb') as f:
    f.truncate(9 << 20)
    for at in range(0, 9 << 20, 300 << 10):
        f.seek(at); f.write(r.randbytes(20000)); f.write(b'text of no great variety\n' * 3000)
P
back() { "$img" convert -O raw "$1" back.raw && cmp a.raw back.raw || die "$2"; }
for o in '' compat=0.10 cluster_size=512 cluster_size=2M extended_l2=on,cluster_size=32k refcount_bits=1 refcount_bits=64 lazy_refcounts=on \
    preallocation=metadata preallocation=falloc preallocation=full data_file=d1 data_file=d2,data_file_raw=on; do
    rm -f t.qcow2
    "$img" convert -f raw -O qcow2 ${o:+-o "$o"} a.raw t.qcow2 || die "convert -o $o"
    back t.qcow2 "-o $o"
    "$img" check -q t.qcow2 || die "check after -o $o"
    "$img" compare -q a.raw t.qcow2 || die "compare after -o $o"
done
cmp a.raw d2 || die "a raw data file"
for o in compression_type=zlib compression_type=zstd cluster_size=4k; do
    "$img" convert -c -O qcow2 -o $o a.raw z.qcow2 || die "convert -c -o $o"
    back z.qcow2 "-c -o $o"
    "$img" check -q z.qcow2 || die "check after -c -o $o"
    [ $(stat -c %s z.qcow2) -lt 2000000 ] || die "-c -o $o does not compress"
done
s='secret,id=s0,data=secret'
"$img" convert --object $s -O qcow2 -o encrypt.format=luks,encrypt.key-secret=s0,encrypt.iter-time=10 a.raw l.qcow2 || die "to luks"
"$img" convert --object $s --image-opts -O raw driver=qcow2,encrypt.key-secret=s0,file.filename=l.qcow2 back.raw && cmp a.raw back.raw || die "from luks"
"$img" convert -W -m 4 -O qcow2 a.raw w.qcow2 && back w.qcow2 "-W"
"$img" convert -S 0 -O raw a.raw full.raw && cmp a.raw full.raw || die "-S 0"
[ $(du -k full.raw | cut -f1) -gt $((9 << 10 - 1)) ] || [ $(du -k full.raw | cut -f1) -ge 9216 ] || die "-S 0 left holes"
"$img" convert -C -O raw a.raw c.raw && cmp a.raw c.raw || die "-C"
cat a.raw a.raw >twice
"$img" convert -O qcow2 a.raw t.qcow2 joined.qcow2 2>/dev/null; "$img" convert -O raw a.raw a.raw joined.raw && cmp twice joined.raw || die "two sources"
# Only what differs from the backing image.
cp a.raw b.raw
printf changed | dd of=b.raw bs=1 seek=5000000 conv=notrunc status=none
"$img" convert -O qcow2 a.raw base.qcow2
"$img" create -q -f qcow2 -b base.qcow2 -F qcow2 top.qcow2
"$img" convert -O qcow2 -B base.qcow2 -F qcow2 top.qcow2 top2.qcow2 || die "-B"
[ $(stat -c %s top2.qcow2) -lt 400000 ] || die "-B copied everything"
back top2.qcow2 "-B"
# An existing target, zeroes included.
"$img" convert -f raw -O raw -n b.raw full.raw && cmp b.raw full.raw || die "-n"
# Pipes.
"$img" convert -f raw -O qcow2 - p.qcow2 <a.raw && back p.qcow2 "from standard input"
"$img" convert -O raw p.qcow2 - | cmp - a.raw || die "to standard output"
cat a.raw | "$img" convert -f raw -O qcow2 -c - - >q.qcow2 && back q.qcow2 "from pipe to pipe"
has "$("$img" convert -p -O raw a.raw x.raw | tr '\r' '\n')" "(100.00/100%)"
is "" "$("$img" convert -p -q -O raw a.raw x.raw)"
refused() { want=$1; shift; "$img" convert "$@" 2>err && die "not refused: $*"; has "$(cat err)" "$want"; }
refused "Compression not supported for this file format" -c -O vdi a.raw x
refused "Invalid number of coroutines" -m 17 a.raw x
refused "--target-is-zero requires use of -n flag" --target-is-zero a.raw x
refused "Must specify image file name" a.raw
refused "mutually exclusive" -c -W -O qcow2 a.raw x
refused "Invalid buffer size for sparse output" -S 100 a.raw x
refused "Could not open 'none'" none x
exit 0

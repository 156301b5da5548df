#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
# "-" as an image: conversions from standard input and to standard output, in one pass where the format allows it.
. "$(dirname "$0")/lib.sh"
img=$EMU_TOOLS/emu-img io=$EMU_TOOLS/emu-io
"$img" create -q -f qcow2 a.qcow2 20M
"$io" -c 'write -q -P 1 0 100k' -c 'write -q -P 2 5M 3M' -c 'write -q -P 3 20970496 1k' -c 'write -q -z 6M 1M' a.qcow2 || die "write"
"$img" convert -O raw a.qcow2 a.raw
# One pass leaves nothing behind, not even for a moment: there is no place for it.
export TMPDIR=$work/nowhere
"$img" convert -O raw a.qcow2 - | cmp - a.raw || die "raw"
for options in "" cluster_size=4k cluster_size=512,refcount_bits=64 cluster_size=2M,refcount_bits=1 compat=0.10 extended_l2=on,lazy_refcounts=on compression_type=zstd; do
    "$img" convert -O qcow2 -o "$options" a.qcow2 - | cat >p.qcow2 || die "qcow2 $options"
    "$img" check -q p.qcow2 || die "check of qcow2 with '$options': $("$img" check p.qcow2)"
    "$img" compare -q p.qcow2 a.raw || die "contents of qcow2 with '$options'"
    "$io" -c 'write -q -P 9 4M 3M' p.qcow2 && "$img" check -q p.qcow2 || die "writing to qcow2 with '$options'"
done
[ "$(stat -c %s p.qcow2)" -lt 8000000 ] || die "holes were written"
"$img" convert -f raw -O qcow2 -S 0 a.raw - | cat >p.qcow2 && "$img" check -q p.qcow2 && "$img" compare -q p.qcow2 a.raw || die "-S 0"
"$img" convert -f raw -O vmdk -o subformat=streamOptimized a.raw - | cat >p.vmdk && "$img" compare -q p.vmdk a.raw || die "vmdk"
"$img" check -q p.vmdk || die "check of the vmdk"
has "$("$img" info p.vmdk)" "streamOptimized"
"$img" convert -O qcow2 -o nothing=1 a.raw - >out 2>err && die "an unknown option"
has "$(cat err)" "nothing"
# A file on standard input is read as it is.
"$img" convert -O qcow2 - q.qcow2 <a.raw && "$img" compare -q q.qcow2 a.raw || die "a file as input"
[ "$(stat -c %s q.qcow2)" -lt 4000000 ] || die "zeroes were taken for data"
# What goes by way of a file, in a folder of the user's choice.
"$img" convert -c -O qcow2 a.raw - >out 2>err && die "no folder"
has "$(cat err)" "nowhere"
mkdir nowhere
"$img" convert -c -O qcow2 a.raw - | cat >p.qcow2 && "$img" check -q p.qcow2 && "$img" compare -q p.qcow2 a.raw || die "compressed"
cat a.qcow2 | "$img" convert -f qcow2 -O vdi - - | cat >p.vdi && "$img" compare -q p.vdi a.raw || die "from a pipe into a pipe"
cat a.raw | "$img" convert -f raw -O qcow2 - - | cat >p.qcow2 && "$img" compare -q p.qcow2 a.raw || die "raw from a pipe"
[ "$(stat -c %s p.qcow2)" -lt 4000000 ] || die "zeroes from a pipe were taken for data"
is "" "$(ls nowhere)"
# Nobody reads any more.
"$img" convert -O raw a.qcow2 - 2>err | head -c 10 >/dev/null
! grep -q "terminate" err || die "$(cat err)"
exit 0

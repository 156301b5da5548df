#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
# fio writes and verifies through its NBD engine: a slice of a few seconds; FIO_SECONDS makes it longer.
. "$(dirname "$0")/../cli/lib.sh"
seconds=${FIO_SECONDS:-5}
. "$here/../interop/nbd_lib.bash"
requires fio
fio --enghelp 2>/dev/null | grep -qw nbd || { echo "this fio has no NBD engine"; exit 77; }
truncate -s 64M a.raw
start "$socket" "$nbd" -f raw -t -e 0 -k "$socket" --discard=unmap a.raw
for mode in "--iodepth=1 --bs=4k" "--iodepth=32 --bsrange=512-128k" "--iodepth=16 --bs=64k --numjobs=3 --size=16M --offset_increment=16M"; do
    # shellcheck disable=SC2086
    fio --name=x --ioengine=nbd --uri="$uri" --rw=randwrite --size=48M --verify=crc32c --verify_fatal=1 --serialize_overlap=1 --randseed=5 \
        --runtime="$seconds" --time_based --output=fio.log $mode || die "fio $mode: $(tail -20 fio.log)"
    grep -q 'err= 0' fio.log || die "fio $mode: $(cat fio.log)"
done
finish

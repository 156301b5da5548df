#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
# qcow2 both ways: what emu-img writes is read and checked by qemu-img, and the other way round, for every option.
. "$(dirname "$0")/lib.sh"
needs_img
requires qemu-img qemu-io
contents a.raw 6
s='secret,id=s0,data=secret'
plain=('' compat=0.10 cluster_size=512 cluster_size=4k cluster_size=2M extended_l2=on,cluster_size=16k refcount_bits=1 refcount_bits=8 refcount_bits=64
    lazy_refcounts=on preallocation=metadata preallocation=falloc preallocation=full)
pair() { # WRITER READER NAME CONVERT-OPTIONS...
    local writer=$1 reader=$2 name=$3
    shift 3
    rm -f t.qcow2 back.raw
    "$writer" convert -q -f raw -O qcow2 "$@" a.raw t.qcow2 || die "$writer: $name"
    "$reader" convert -q -f qcow2 -O raw t.qcow2 back.raw || die "$reader cannot read: $name"
    same a.raw back.raw "$writer, $name"
    "$reader" check -q t.qcow2 || die "$reader check: $name"
}
for direction in "$img qemu-img" "qemu-img $img"; do
    set -- $direction
    for o in "${plain[@]}"; do pair $1 $2 "$o" ${o:+-o "$o"}; done
    pair $1 $2 "zlib" -c
    pair $1 $2 "zlib 4k" -c -o cluster_size=4k
    pair $1 $2 "zstd" -c -o compression_type=zstd
    rm -f d.raw; pair $1 $2 "data file" -o data_file=d.raw
    rm -f d.raw; pair $1 $2 "raw data file" -o data_file=d.raw,data_file_raw=on
    for e in luks aes; do
        steady "$1" convert -q --object $s -f raw -O qcow2 -o encrypt.format=$e,encrypt.key-secret=s0$([ $e = luks ] && echo ,encrypt.iter-time=10) a.raw e.qcow2 || die "$1 $e"
        "$2" convert -q --object $s --image-opts -O raw driver=qcow2,encrypt.key-secret=s0,file.driver=file,file.filename=e.qcow2 back.raw || die "$2 $e"
        same a.raw back.raw "$1, $e"
    done
    # Layers, snapshots, bitmaps: made by one, used by the other.
    "$1" convert -q -O qcow2 a.raw base.qcow2
    rm -f top.qcow2
    "$1" create -q -f qcow2 -b base.qcow2 -F qcow2 top.qcow2
    io=qemu-io
    [ "$1" = qemu-img ] || io=$EMU_TOOLS/emu-io
    $io -c 'write -q -P 5 1M 200k' -c 'write -q -z 3M 64k' -c 'discard -q 2M 64k' top.qcow2 || die "$io"
    "$1" snapshot -c one top.qcow2 && $io -c 'write -q -P 6 0 2M' top.qcow2
    "$1" bitmap --add -g 64k top.qcow2 b0 && "$1" bitmap --add --disable top.qcow2 b1
    $io -c 'write -q -P 7 4M 64k' top.qcow2
    for tool in "$1" "$2"; do
        "$tool" check -q top.qcow2 || die "$tool check of layers by $1"
        "$tool" convert -q -O raw top.qcow2 now.$(basename $tool).raw
        "$tool" convert -q -l one -O raw top.qcow2 one.$(basename $tool).raw
        "$tool" info --output=json top.qcow2 | python3 -c '
import json, sys
j = json.load(sys.stdin)
b = {x["name"]: x["flags"] for x in j["format-specific"]["data"]["bitmaps"]}
assert b == {"b0": ["auto"], "b1": []}, b
assert [s["name"] for s in j["snapshots"]] == ["one"]' || die "$tool info of an image by $1"
    done
    same now.emu-img.raw now.qemu-img.raw "$1, layers"
    same one.emu-img.raw one.qemu-img.raw "$1, snapshot"
    "$2" bitmap --merge b0 top.qcow2 b1 && "$2" bitmap --remove top.qcow2 b0 && "$1" check -q top.qcow2 || die "bitmaps by $1, changed by $2"
    "$2" bitmap --remove top.qcow2 b1 || die "bitmap by $1, removed by $2" # a snapshot is not applied under one
    "$2" snapshot -a one top.qcow2 && "$2" snapshot -d one top.qcow2 && "$1" check -q top.qcow2 || die "snapshot by $1, applied by $2"
    "$2" commit -q top.qcow2 && "$1" check -q base.qcow2 && "$1" check -q top.qcow2 || die "commit of an image by $1 by $2"
    "$2" rebase -b '' top.qcow2 && "$1" check -q top.qcow2 || die "rebase of an image by $1 by $2"
    "$2" resize -q top.qcow2 +3M && "$2" resize -q --shrink top.qcow2 5M && "$1" check -q top.qcow2 || die "resize of an image by $1 by $2"
    "$2" amend -o compat=0.10 base.qcow2 && "$2" amend -o compat=1.1,refcount_bits=64 base.qcow2 && "$1" check -q base.qcow2 || die "amend of an image by $1 by $2"
done
# The outputs that scripts read are the same.
"$img" convert -q -O qcow2 a.raw t.qcow2
for c in 'info' 'map --output=human' 'check' 'measure -O qcow2' 'measure -O raw'; do
    # The sections about children came with qemu-img 8.0.
    is "$(qemu-img $c t.qcow2 2>&1 | sed '/^Child node/,$d')" "$("$img" $c t.qcow2 2>&1 | sed '/^Child node/,$d')"
done
is "$(qemu-img map --output=json t.qcow2)" "$("$img" map --output=json t.qcow2 | sed 's/, "compressed": false//')"

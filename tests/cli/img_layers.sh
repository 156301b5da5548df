#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
# Backing images: commit, rebase, map through the layers; resize, snapshot, bitmap, amend, measure, dd, bench.
. "$(dirname "$0")/lib.sh"
img=$EMU_TOOLS/emu-img io=$EMU_TOOLS/emu-io
reads() { "$io" -r -c "read -q -P $2 $3 $4" "$1" >log || die "$1 does not read $2 at $3: $(cat log)"; }
"$img" create -q -f qcow2 base.qcow2 4M
"$img" create -q -f qcow2 -b base.qcow2 -F qcow2 mid.qcow2
"$img" create -q -f qcow2 -b mid.qcow2 -F qcow2 top.qcow2
"$io" -c 'write -q -P 1 0 1M' base.qcow2 && "$io" -c 'write -q -P 2 512k 1M' mid.qcow2 && "$io" -c 'write -q -P 3 1M 64k' -c 'write -q -z 0 64k' top.qcow2 || die "write"
is '[{ "start": 0, "length": 65536, "depth": 0, "present": true, "zero": true, "data": false, "compressed": false},
{ "start": 65536, "length": 458752, "depth": 2, "present": true, "zero": false, "data": true, "compressed": false, "offset": 393216},
{ "start": 524288, "length": 524288, "depth": 1, "present": true, "zero": false, "data": true, "compressed": false, "offset": 327680},
{ "start": 1048576, "length": 65536, "depth": 0, "present": true, "zero": false, "data": true, "compressed": false, "offset": 327680},
{ "start": 1114112, "length": 458752, "depth": 1, "present": true, "zero": false, "data": true, "compressed": false, "offset": 917504},
{ "start": 1572864, "length": 2621440, "depth": 2, "present": false, "zero": true, "data": false, "compressed": false}]' "$("$img" map --output=json top.qcow2)"
"$img" convert -O raw top.qcow2 want.raw
is "Image committed." "$("$img" commit top.qcow2)"
"$img" compare -q want.raw top.qcow2 && "$img" compare -q want.raw mid.qcow2 || die "commit changed what is read"
is "" "$("$img" map top.qcow2 | grep top.qcow2)"
# Rebase: to the bottom, to nothing, and without looking.
"$img" rebase -b base.qcow2 -F qcow2 top.qcow2 && "$img" compare -q want.raw top.qcow2 || die "rebase"
"$img" rebase -b '' top.qcow2 && "$img" compare -q want.raw top.qcow2 || die "rebase to nothing"
has "$("$img" info top.qcow2)" "cluster_size"
"$img" info top.qcow2 | grep -q backing && die "a backing file is left"
"$img" rebase -u -b nowhere.qcow2 -F qcow2 top.qcow2 && has "$("$img" info top.qcow2)" "backing file: nowhere.qcow2"
"$img" rebase -u -b '' top.qcow2
"$img" commit top.qcow2 2>err && die "commit without a backing file"
has "$(cat err)" "Image does not have a backing file"
# Sizes.
is "Image resized." "$("$img" resize top.qcow2 +4M)"
has "$("$img" info top.qcow2)" "8 MiB (8388608 bytes)"
"$img" resize top.qcow2 -4M >out 2>err && die "shrunk without --shrink"
has "$(cat err)" "Use the --shrink option to perform a shrink operation."
is "Image resized." "$("$img" resize --shrink top.qcow2 -4M)"
"$img" compare -q -s want.raw want.raw && "$img" compare -q want.raw top.qcow2 || die "resize changed the contents"
# Snapshots.
"$img" snapshot -c one top.qcow2 && "$io" -c 'write -q -P 9 0 2M' top.qcow2 && "$img" snapshot -c two top.qcow2
has "$("$img" snapshot -l top.qcow2)" "2         two"
"$img" convert -l one -O raw top.qcow2 s.raw && cmp want.raw s.raw || die "convert -l"
"$img" snapshot -a one top.qcow2 && "$img" compare -q want.raw top.qcow2 || die "snapshot -a"
"$img" snapshot -d one top.qcow2 && "$img" snapshot -d two top.qcow2 && is "" "$("$img" snapshot top.qcow2)"
"$img" check -q top.qcow2 || die "check after snapshots"
status 1 "$img" snapshot -d none top.qcow2
has "$line" "Could not delete snapshot 'none': snapshot not found"
# Bitmaps.
"$img" bitmap --add -g 64k top.qcow2 b0 && "$img" bitmap --add --disable top.qcow2 b1 && "$io" -c 'write -q 0 64k' top.qcow2
has "$("$img" info top.qcow2)" "name: b0"
"$img" convert --bitmaps -O qcow2 top.qcow2 copy.qcow2 && has "$("$img" info copy.qcow2)" "name: b1"
"$img" bitmap --merge b0 --remove top.qcow2 b1 2>err || die "$(cat err)"
"$img" check -q top.qcow2 || die "check after bitmaps"
"$img" bitmap --remove top.qcow2 b1 2>err && die "removed twice"
has "$(cat err)" "Operation remove on bitmap b1 failed"
# The rest.
"$img" bitmap --remove top.qcow2 b0 && "$img" amend -o compat=0.10 top.qcow2 && has "$("$img" info top.qcow2)" "compat: 0.10"
"$img" amend -o compat=1.1,lazy_refcounts=on top.qcow2 && has "$("$img" info top.qcow2)" "lazy refcounts: true"
has "$("$img" amend -o help top.qcow2)" "Amend options for 'qcow2':"
"$img" convert -O qcow2 want.raw m.qcow2
is "required size: $(stat -c %s m.qcow2)" "$("$img" measure -O qcow2 want.raw | head -1)"
"$img" dd if=want.raw of=part.raw bs=1k skip=1000 count=1500 && cmp part.raw <(dd if=want.raw bs=1k skip=1000 count=500 status=none) || die "dd"
has "$("$img" bench -c 100 -d 4 m.qcow2)" "Run completed in"
# Key slots of an encrypted image; the secret that opened it is enough to add one.
two=(--object secret,id=a,data=one --object secret,id=b,data=two)
"$img" create -q "${two[@]}" -f qcow2 -o encrypt.format=luks,encrypt.key-secret=a,encrypt.iter-time=10 k.qcow2 1M
opts=driver=qcow2,file.filename=k.qcow2,encrypt.key-secret
"$img" amend "${two[@]}" --image-opts $opts=a -o encrypt.state=active,encrypt.new-secret=b,encrypt.iter-time=10 || die "amend: a second key"
is 2 "$("$img" info k.qcow2 | grep -c 'active: true')"
"$img" amend "${two[@]}" --image-opts $opts=b -o encrypt.state=inactive,encrypt.old-secret=a || die "amend: without the first"
"$io" "${two[@]}" --image-opts -r -c 'read -q -P 0 0 1M' $opts=b || die "the second key"
"$io" "${two[@]}" --image-opts -r -c 'read -q -P 0 0 1M' $opts=a >log 2>&1 && die "the first key still opens it"
"$img" create -q "${two[@]}" -f qcow2 -o encrypt.format=luks,encrypt.key-secret=a,encrypt.cipher-alg=rot13 r.qcow2 1M 2>err && die "a cipher that does not exist"
has "$(cat err)" "Parameter 'encrypt.cipher-alg' does not accept value 'rot13'"

#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
# emu-img create and info: the announcing line, what info says of it, help and refusals.
. "$(dirname "$0")/lib.sh"
img=$EMU_TOOLS/emu-img

is "Formatting 'a.qcow2', fmt=qcow2 cluster_size=65536 extended_l2=off compression_type=zlib size=67108864 lazy_refcounts=off refcount_bits=16" \
    "$("$img" create -f qcow2 a.qcow2 64M)"
info=$("$img" info a.qcow2)
has "$info" "image: a.qcow2
file format: qcow2
virtual size: 64 MiB (67108864 bytes)"
has "$info" "cluster_size: 65536
Format specific information:
    compat: 1.1
    compression type: zlib
    lazy refcounts: false
    refcount bits: 16
    corrupt: false
    extended l2: false"
is "" "$("$img" create -q -f qcow2 -b a.qcow2 -F qcow2 b.qcow2)"
has "$("$img" info b.qcow2)" "backing file: a.qcow2
backing file format: qcow2"
python3 - "$img" <<'P' || die "JSON"
import json, subprocess, sys
info = lambda *a: json.loads(subprocess.run([sys.argv[1], 'info', '--output=json', *a], capture_output=True, check=True, text=True).stdout)
one = info('b.qcow2')
assert one['virtual-size'] == 64 << 20 and one['format'] == 'qcow2' and one['backing-filename'] == 'a.qcow2' and one['dirty-flag'] is False, one
assert one['format-specific']['data']['compat'] == '1.1'
chain = info('--backing-chain', 'b.qcow2')
assert [x['filename'] for x in chain] == ['b.qcow2', 'a.qcow2'], chain
assert 'limits' in info('--limits', 'b.qcow2')
P
has "$("$img" create -f qcow2 -o help)" "cluster_size=<size>"
has "$("$img" create -f qcow2 -o help x)" "nocow=<bool (on/off)>"
has "$("$img" --help)" "Supported formats:"
status 1 "$img" create -f qcow2 c.qcow2
has "$line" "c.qcow2: Image creation needs a size parameter"
status 1 "$img" create -f nope c 1M
has "$line" "Unknown file format 'nope'"
"$img" create -q -f qcow2 -b a.qcow2 c.qcow2 2>err && die "created without the backing format"
has "$(cat err)" "Backing file specified without backing format"
status 1 "$img" info nothing
has "$line" "Could not open 'nothing': Could not open 'nothing': No such file or directory"
"$img" 2>err && die "no arguments"
is "emu-img: Not enough arguments
Try 'emu-img --help' for more information" "$(cat err)"
"$img" frob 2>err && die "frob"
has "$(cat err)" "emu-img: Command not found: frob"
"$img" create 2>err && die "create"
has "$(cat err)" "emu-img: Expecting image file name"
ln -s "$img" qemu-img
./qemu-img 2>err
has "$(cat err)" "qemu-img: Not enough arguments"

# A chain that bites its own tail.
"$img" create -q -u -f qcow2 -b y.qcow2 -F qcow2 x.qcow2 1M
"$img" create -q -u -f qcow2 -b x.qcow2 -F qcow2 y.qcow2 1M
"$img" info --backing-chain x.qcow2 2>err && die "a loop"
has "$(cat err)" "infinite loop"
# A stranger's image.
"$img" info --untrusted b.qcow2 >/dev/null || die "info of an untrusted image"
"$img" convert --untrusted -O raw b.qcow2 x.raw 2>err && die "an untrusted backing file was followed"
has "$(cat err)" "untrusted"

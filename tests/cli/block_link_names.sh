#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
# Under a link of another name the block tools speak under that name, and their refusals are the ones that scripts look for.
. "$(dirname "$0")/lib.sh"
for tool in img io nbd; do ln -s "$EMU_TOOLS/emu-$tool" "qemu-$tool"; done
PATH=$work:$PATH
for tool in qemu-img qemu-io qemu-nbd; do
    has "$($tool --version)" "$tool version"
    has "$($tool --help)" "Usage: $tool"
    $tool --nonsense >out 2>err && die "$tool --nonsense"
    has "$(head -1 err)" "$tool: "
done
truncate -s 1M a.raw
qemu-img create -q -f qcow2 base.qcow2 1M
qemu-img create -q -f qcow2 -b base.qcow2 -F qcow2 a.qcow2
# refuses STATUS TEXT COMMAND...   with this status and exactly these lines
refuses() {
    local want=$1 text=$2 got
    shift 2
    "$@" >out 2>&1
    got=$?
    [ "$got" = "$want" ] || die "$*: status $got: $(cat out)"
    is "$text" "$(cat out)"
}
sizes="You may use k, M, G, T, P or E suffixes for
qemu-img: kilobytes, megabytes, gigabytes, terabytes, petabytes and exabytes."
refuses 1 "qemu-img: Invalid image size specified. $sizes" qemu-img create -f qcow2 b.qcow2 64X
refuses 1 "qemu-img: Invalid image size specified. $sizes" qemu-img create -f qcow2 b.qcow2 -- -1
refuses 1 "qemu-img: Invalid start offset specified. $sizes" qemu-img map --start-offset=x a.qcow2
refuses 1 "qemu-img: Invalid bs specified. $sizes" qemu-img dd if=a.raw of=b.raw bs=x
refuses 1 "qemu-img: Invalid buffer size for sparse output specified. $sizes" qemu-img convert -S x a.raw b.raw
refuses 1 "qemu-img: Unknown option value for -r (expecting 'leaks' or 'all'): x
Try 'qemu-img --help' for more information" qemu-img check -r x a.qcow2
refuses 1 "qemu-img: Could not open 'a.qcow2': force-share=on can only be used with read-only images" qemu-img check -U -r leaks a.qcow2
refuses 1 "qemu-img: Could not apply snapshot 'x': Failed to load snapshot: No such file or directory" qemu-img snapshot -a x a.qcow2
refuses 1 "qemu-img: Failed to load snapshot: Can't find snapshot" qemu-img convert -l x a.qcow2 b.raw
refuses 1 "qemu-img: Operation add on bitmap b failed: Granularity must be power of 2 and at least 512" qemu-img bitmap --add -g 100 a.qcow2 b
refuses 1 "qemu-img: Cannot amend the backing file
You can use 'qemu-img rebase' instead." qemu-img amend -f qcow2 -o backing_file=other a.qcow2
refuses 0 "" qemu-img amend -f qcow2 -o backing_file=base.qcow2,backing_fmt=qcow2 a.qcow2
refuses 1 "qemu-img: Invalid parameter 'cluster_size'
This option is only supported for image creation" qemu-img amend -f qcow2 -o cluster_size=4k a.qcow2
refuses 1 "qemu-img: Could not open 'none': Could not open 'none': No such file or directory" qemu-img info none
refuses 1 "qemu-io: can't open device none: Could not open 'none': No such file or directory" qemu-io none
refuses 1 "write failed: Operation not supported" qemu-io -f raw -c 'write -c 0 64k' a.raw
refuses 1 "qemu-nbd: socket path must be absolute" qemu-nbd -f raw -k rel a.raw
qemu-img rebase -u -b gone -F qcow2 a.qcow2
refuses 1 "qemu-img: Could not open 'a.qcow2': Could not open backing file: Could not open 'gone': No such file or directory" qemu-img convert a.qcow2 b.raw
# Strangers' images are kept in their place by every tool.
for command in "qemu-img convert --untrusted a.qcow2 b.raw" "qemu-img bench --untrusted -c 1 a.qcow2" "qemu-io --untrusted -c quit a.qcow2" \
               "qemu-nbd --untrusted -f qcow2 -r a.qcow2"; do
    timeout 20 $command >out 2>&1 && die "$command"
    has "$(cat out)" "an untrusted image names the backing file 'gone'"
done

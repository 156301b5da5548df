#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
# Every other format that both write: emu-img's images read by qemu-img and other readers, qemu-img's read by emu-img.
. "$(dirname "$0")/lib.sh"
needs_img
requires qemu-img
contents a.raw 6
s='secret,id=s0,data=secret'
cases=(qed: qed:cluster_size=4k,table_size=16 qcow: vdi: vdi:static=on vpc:force_size=on vpc:subformat=fixed,force_size=on vhdx: vhdx:subformat=fixed vhdx:block_size=1M
    parallels: vmdk: vmdk:subformat=monolithicFlat vmdk:subformat=twoGbMaxExtentSparse vmdk:subformat=twoGbMaxExtentFlat vmdk:subformat=streamOptimized vmdk:zeroed_grain=on)
for c in "${cases[@]}"; do
    f=${c%%:*} o=${c#*:}
    for direction in "$img qemu-img" "qemu-img $img"; do
        set -- $direction
        rm -f t* back.raw
        "$1" convert -q -f raw -O $f ${o:+-o "$o"} a.raw t.img || die "$1: $c"
        "$2" convert -q -f $f -O raw t.img back.raw || die "$2 cannot read: $c"
        same a.raw back.raw "$1, $c"
        if [ "$1" = "$img" ] && command -v 7zz >/dev/null; then
            case $f in qcow | vdi | vpc | vhdx)
                t=$f; [ $f = vpc ] && t=vhd
                7zz x -y -t$t -oz t.img >/dev/null 2>&1 || die "7zz cannot read: $c"
                cmp -n $(stat -c %s a.raw) a.raw z/* || die "7zz reads something else: $c"
                rm -rf z ;;
            esac
        fi
    done
done
for direction in "$img qemu-img" "qemu-img $img"; do
    set -- $direction
    steady "$1" convert -q --object $s -f raw -O luks -o key-secret=s0,iter-time=10 a.raw l.luks || die "$1 luks"
    "$2" convert -q --object $s --image-opts -O raw driver=luks,key-secret=s0,file.driver=file,file.filename=l.luks back.raw || die "$2 luks"
    same a.raw back.raw "$1, luks"
    if command -v cryptsetup >/dev/null; then echo -n secret | cryptsetup -q luksOpen --test-passphrase --key-file - l.luks || die "cryptsetup does not take the key of $1"; fi
done

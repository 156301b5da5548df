#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
# Readers that share no code with either: 7-Zip reads our VDI, VHD, VHDX, VMDK and QCOW images, libvmdk, libvhdi and libqcow's
# tools accept them.
. "$(dirname "$0")/lib.sh"
needs_img
requires python3
seven=$(command -v 7zz || command -v 7z) || { echo "needs 7-Zip"; exit 77; }
contents disk.raw 20

read_by_7z() { # FORMAT OPTIONS NAME TYPE
    "$img" convert -f raw -O "$1" ${2:+-o "$2"} disk.raw "$3" || die "convert to $1"
    "$seven" e -so -t"$4" "$3" >got.raw 2>err || die "7-Zip does not read $1 ($2): $(cat err)"
    truncate -s 20M got.raw
    same disk.raw got.raw "$1 ($2) read by 7-Zip"
}
supports() { "$seven" i 2>/dev/null | grep -qi " $1 "; }
supports vdi && read_by_7z vdi "" a.vdi vdi
supports vhd && read_by_7z vpc force_size=on a.vhd vhd
supports vhd && read_by_7z vpc subformat=fixed,force_size=on fixed.vhd vhd
supports vhdx && read_by_7z vhdx "" a.vhdx vhdx
supports vmdk && read_by_7z vmdk "" a.vmdk vmdk
supports vmdk && read_by_7z vmdk subformat=streamOptimized stream.vmdk vmdk
supports qcow && read_by_7z qcow "" a.qcow qcow

if command -v vhdiinfo >/dev/null; then
    [ -e a.vhd ] || "$img" convert -f raw -O vpc -o force_size=on disk.raw a.vhd
    has "$(vhdiinfo a.vhd 2>&1)" "20971520 bytes"
fi
if command -v vmdkinfo >/dev/null; then
    [ -e a.vmdk ] || "$img" convert -f raw -O vmdk disk.raw a.vmdk
    has "$(vmdkinfo a.vmdk 2>&1)" "20971520 bytes"
fi
if command -v qcowinfo >/dev/null; then
    [ -e a.qcow ] || "$img" convert -f raw -O qcow disk.raw a.qcow
    has "$(qcowinfo a.qcow 2>&1)" "20971520 bytes"
fi
exit 0

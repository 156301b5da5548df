#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
# Every writable format and its options, both directions with qemu-img: what one writes the other reads to the same contents, and
# each finds the other's images consistent.
. "$(dirname "$0")/lib.sh"
needs_img
requires qemu-img python3
contents disk.raw 20

# format; creation options; "exact" if the size must be the same
rows='vdi||exact
vdi|static=on|exact
vpc|force_size=on|exact
vpc||
vpc|subformat=fixed,force_size=on|exact
qed||exact
qed|cluster_size=4k,table_size=16|exact
qcow||exact
vmdk|subformat=monolithicSparse|exact
vmdk|subformat=monolithicFlat|exact
vmdk|subformat=twoGbMaxExtentSparse|exact
vmdk|subformat=twoGbMaxExtentFlat|exact
vmdk|zeroed_grain=on,adapter_type=lsilogic,hwversion=13|exact
vmdk|subformat=streamOptimized|exact
vhdx||exact
vhdx|block_size=1M,block_state_zero=off|exact
vhdx|subformat=fixed,log_size=2M|exact
parallels||exact'

check_with() { # PROGRAM FORMAT FILE
    local status
    "$1" check -f "$2" "$3" >check.out 2>&1
    status=$?
    [ $status = 0 ] || [ $status = 63 ] || die "$(basename "$1") finds errors in $2 ($3): $(cat check.out)"
}
while IFS='|' read -r format options exact; do
    for pair in "$img qemu-img" "qemu-img $img"; do
        set -- $pair
        rm -rf i
        mkdir i
        "$1" convert -f raw -O "$format" ${options:+-o "$options"} disk.raw i/image >out 2>&1 || die "$(basename "$1") does not write $format ($options): $(cat out)"
        check_with "$1" "$format" i/image
        check_with "$2" "$format" i/image
        "$2" convert -f "$format" -O raw i/image got.raw >out 2>&1 || die "$(basename "$2") does not read $format ($options) of $(basename "$1"): $(cat out)"
        if [ -n "$exact" ]; then
            same disk.raw got.raw "$format ($options), written by $(basename "$1"), read by $(basename "$2")"
        else
            truncate -s 20M got.raw
            same disk.raw got.raw "$format ($options), written by $(basename "$1"), read by $(basename "$2")"
        fi
        # The reader may also write: the writer must read that.
        case "$options" in *streamOptimized*) continue ;; esac
        cp disk.raw want.raw
        printf 'changed by the other' | dd of=want.raw bs=1 seek=9437184 conv=notrunc 2>/dev/null
        [ -n "$exact" ] || truncate -s "$(stat -c %s got.raw)" want.raw
        [ -n "$exact" ] || continue
        "$2" convert -n -f raw -O "$format" want.raw i/image >out 2>&1 || die "$(basename "$2") does not write into $format ($options): $(cat out)"
        check_with "$1" "$format" i/image
        "$1" convert -f "$format" -O raw i/image got.raw >out 2>&1 || die "$(basename "$1") does not read its $format back: $(cat out)"
        same want.raw got.raw "$format ($options), written over by $(basename "$2")"
    done
done <<<"$rows"
exit 0

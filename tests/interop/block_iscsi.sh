#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
# iscsi against tgtd: reading, writing, CHAP from the URL, the environment and a secret, what is refused.
. "$(dirname "$0")/lib.sh"
needs_img
PATH=$PATH:/usr/sbin
requires tgtd tgtadm python3
[ "$(id -u)" = 0 ] || { echo "needs root for a target of its own"; exit 77; }

port=$(free_port)
control=$((port % 30000 + 100))
iqn=iqn.2026-01.test.emu
contents disk.raw 10
cp disk.raw unit.raw
truncate -s 10M empty.raw
tgtd -f --iscsi "portal=127.0.0.1:$port" -C "$control" >tgtd.log 2>&1 &
servers+=($!)
wait_port "$port" || { echo "tgtd does not start here: $(tail -1 tgtd.log)"; exit 77; }
admin() { tgtadm -C "$control" --lld iscsi "$@" || die "tgtadm $*"; }
admin --mode target --op new --tid 1 -T $iqn
admin --mode logicalunit --op new --tid 1 --lun 1 -b "$work/unit.raw"
admin --mode logicalunit --op new --tid 1 --lun 2 -b "$work/empty.raw"
admin --mode target --op bind --tid 1 -I ALL

url=iscsi://127.0.0.1:$port/$iqn
"$img" convert -f raw -O raw "$url/1" got.raw 2>err || die "read: $(cat err)"
same disk.raw got.raw
"$img" convert -f raw -O raw -n disk.raw "$url/2" 2>err || die "write: $(cat err)"
"$img" convert -f raw -O raw "$url/2" got.raw || die "read back"
same disk.raw got.raw "written"
"$img" convert -O raw --image-opts "driver=raw,file.driver=iscsi,file.portal=127.0.0.1:$port,file.target=$iqn,file.lun=1,file.header-digest=crc32c" got.raw || die "options"
same disk.raw got.raw "with header digests"
"$img" convert -f raw -O raw "$url/9" got.raw 2>err && die "a unit that is not there"
"$img" convert -f raw -O raw "iscsi://127.0.0.1:$port/iqn.no.such/1" got.raw 2>err && die "a target that is not there"
has "$(cat err)" "Failed to connect"

admin --mode account --op new --user u --password secretsecret1
admin --mode account --op bind --tid 1 --user u
"$img" convert -f raw -O raw "$url/1" got.raw 2>err && die "no password was asked for"
"$img" convert -f raw -O raw "iscsi://u%secretsecret1@127.0.0.1:$port/$iqn/1" got.raw 2>err || die "CHAP by URL: $(cat err)"
same disk.raw got.raw "CHAP by URL"
LIBISCSI_CHAP_USERNAME=u LIBISCSI_CHAP_PASSWORD=secretsecret1 "$img" convert -f raw -O raw "$url/1" got.raw 2>err || die "CHAP by environment: $(cat err)"
"$img" convert -O raw --object secret,id=p,data=secretsecret1 --image-opts \
    "driver=raw,file.driver=iscsi,file.portal=127.0.0.1:$port,file.target=$iqn,file.lun=1,file.user=u,file.password-secret=p" got.raw || die "CHAP by secret"
same disk.raw got.raw "CHAP by secret"
"$img" convert -f raw -O raw "iscsi://u%wrong@127.0.0.1:$port/$iqn/1" got.raw 2>err && die "a wrong password"
exit 0

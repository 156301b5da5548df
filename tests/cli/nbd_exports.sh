#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
# One server, several exports.
. "$(dirname "$0")/lib.sh"
nbd=$EMU_TOOLS/emu-nbd img=$EMU_TOOLS/emu-img io=$EMU_TOOLS/emu-io
truncate -s 4M a.raw
"$img" create -q -f qcow2 b.qcow2 8M && "$io" -c 'write -q -P 7 1M 64k' b.qcow2 && cp b.qcow2 'c,d.qcow2'
status 1 timeout 10 "$nbd" -k "$work/s" --export name=x
has "$line" "needs a file"
status 1 timeout 10 "$nbd" -k "$work/s" --export a.raw,format=raw,nam=x
has "$line" "'nam'"
status 1 timeout 10 "$nbd" -k "$work/s" -f raw -x x a.raw --export b.qcow2,name=x
has "$line" "two exports have the name 'x'"
status 1 timeout 10 "$nbd" -k "$work/s" -x x --export b.qcow2
has "$line" "are for FILE"
"$nbd" -t -e 0 -k "$work/s" -f raw -x main a.raw --export b.qcow2,name=second,description='the other',read-only=on --export c,,d.qcow2,name=third 2>err & pid=$!
trap 'kill $pid 2>/dev/null; rm -rf "$work"' EXIT
for _ in $(seq 200); do [ -S s ] && break; kill -0 $pid 2>/dev/null || die "it ended: $(cat err)"; sleep 0.05; done
list=$("$nbd" -L -k "$work/s")
has "$list" "exports available: 3"
has "$list" " export: 'second'
  description: the other
  size:  8388608"
uri() { echo "nbd+unix:///$1?socket=$work/s"; }
"$io" -f raw -c 'write -q -P 1 0 1k' -c 'read -q -P 1 0 1k' "$(uri main)" || die "main"
"$io" -f raw -r -c 'read -q -P 7 1M 64k' "$(uri second)" || die "second"
"$io" -f raw -c 'write -q 0 1k' "$(uri second)" >log 2>&1 && die "the second is read-only"
"$io" -f raw -c 'read -q -P 7 1M 64k' -c 'write -q -P 9 0 1M' "$(uri third)" || die "third"
"$io" -f raw -r -c 'read 0 1k' "$(uri none)" >log 2>&1 && die "an export that does not exist"
"$io" -f raw -r -c 'read 0 1k' "$(uri '')" >log 2>&1 && die "there is no default"
kill $pid && wait $pid || die "status $?"
"$io" -r -c 'read -q -P 9 0 1M' 'c,d.qcow2' && "$io" -r -f raw -c 'read -q -P 1 0 1k' a.raw || die "not written"

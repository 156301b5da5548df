#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
# Our client (the block driver nbd) and other people's servers: emu-nbd serves on what it gets from nbdkit, qemu-nbd and
# nbd-server, and what comes out at its end is compared.
. "$(dirname "$0")/../cli/lib.sh"
. "$here/../interop/nbd_lib.bash"
requires nbdkit nbdcopy nbdsh nbdinfo qemu-nbd
inner=$work/i.sock
through="nbd+unix:///?socket=$inner"

# relay OPTION...   emu-nbd in front of $inner
relay() { start "$socket" "$nbd" -f raw -t -e 0 -k "$socket" "$@"; }
work_on_it() {
    make_raw new.raw
    nbdcopy "$uri" out.raw && cmp "$1" out.raw || die "$2: reading"
    nbdcopy --flush new.raw "$uri" && nbdcopy "$uri" out.raw && cmp new.raw out.raw || die "$2: writing"
    nbdsh -u "$uri" -c 'h.trim(1<<20, 0); h.zero(1<<20, 1<<20); h.flush(); assert h.pread(1<<20, 1<<20) == bytes(1<<20); h.cache(1<<20, 0)' || die "$2: trim, zero, flush"
}

# nbdkit, as it is and less able.
for filters in "" "--filter=delay rdelay=2ms wdelay=1ms" "--filter=rate rate=400M" "--filter=nozero zeromode=none" "--filter=nozero zeromode=plugin" "--filter=noextents" \
               "--filter=nocache" "--filter=fua fuamode=emulate" "--filter=multi-conn multi-conn-mode=disable" "--filter=noparallel" \
               "--filter=blocksize-policy blocksize-minimum=4096 blocksize-maximum=1M blocksize-preferred=64K" "--filter=cow" "--no-sr"; do
    make_raw a.raw
    cp a.raw b.raw
    plugin=${filters%% [a-z]*} parameters=${filters#"$plugin"}
    # shellcheck disable=SC2086
    start "$inner" nbdkit -f -U "$inner" $plugin file b.raw $parameters
    first=$server
    relay "$through"
    work_on_it a.raw "nbdkit $filters"
    finish
    server=$first
    finish
done
start "$inner" nbdkit -f -U "$inner" memory 8M
first=$server
start "$socket" "$nbd" -t -k "$socket" --image-opts "driver=nbd,server.type=unix,server.path=$inner,multi-conn=2"
is 8388608 "$(nbdinfo --size "$uri")"
finish
server=$first finish

# An error in the middle is an error at the end; what follows works.
start "$inner" nbdkit -f -U "$inner" --filter=error memory 8M error-pread=EIO error-pread-rate=100% error-pread-file="$work/errors"
first=$server
relay "$through"
touch errors
nbdsh -u "$uri" -c '
try:
    h.pread(512, 0)
    raise SystemExit("no error")
except nbd.Error as e:
    assert e.errno == "EIO", e' || die "an error of the server"
rm errors
nbdsh -u "$uri" -c 'assert h.pread(512, 0) == bytes(512)' || die "after an error"
finish
server=$first finish

# The server goes away and comes again: requests wait for it, as long as they may.
touch c.raw && truncate -s 8M c.raw
start "$inner" nbdkit -f -U "$inner" file c.raw
first=$server
start "$socket" "$nbd" -t -e 0 -k "$socket" --image-opts "driver=raw,file.driver=nbd,file.server.type=unix,file.server.path=$inner,file.reconnect-delay=20"
last=$server
nbdsh -u "$uri" -c 'h.pwrite(b"x" * 512, 0); h.flush()' || die "before the server is gone"
kill -9 $first; wait $first 2>/dev/null
rm "$inner"
(sleep 1; exec nbdkit -f -U "$inner" file c.raw) & pids="$pids $!" again=$!
nbdsh -u "$uri" -c 'assert h.pread(512, 0) == b"x" * 512' || die "after the server came again"
server=$last finish
kill $again; wait $again

# Nobody there: said at once, or after the time that was asked for.
line=$("$nbd" -f raw -k "$socket" "nbd+unix:///?socket=$work/nothing" 2>&1) && die "no server, no error"
has "$line" "Could not open"
has "$line" "No such file"
(sleep 1; exec nbdkit -f -U "$work/late" memory 1M) & pids="$pids $!" again=$!
start "$socket" "$nbd" -k "$socket" --image-opts "driver=nbd,server.type=unix,server.path=$work/late,open-timeout=20"
finish
kill $again; wait $again

# qemu-nbd, its contexts and its bitmaps.
qemu-img create -q -f qcow2 q.qcow2 8M && qemu-io -f qcow2 -c 'write -P 1 0 1M' q.qcow2 >/dev/null
qemu-img bitmap --add -g 64k q.qcow2 bm0 && qemu-io -f qcow2 -c 'write -P 3 3M 128k' q.qcow2 >/dev/null && qemu-img bitmap --disable q.qcow2 bm0
start "$inner" qemu-nbd -t -e 8 -f qcow2 -r -B bm0 -x name -k "$inner" q.qcow2
first=$server
start "$socket" "$nbd" -f raw -t -r -k "$socket" "nbd:unix:$inner:exportname=name"
is "$(nbdinfo --map "nbd+unix:///name?socket=$inner")" "$(nbdinfo --map "$uri")"
nbdinfo --is read-only "$uri" || die "not read-only"
finish
start "$socket" "$nbd" -t -r -k "$socket" --image-opts "driver=nbd,server.type=unix,server.path=$inner,export=name,x-dirty-bitmap=qemu:dirty-bitmap:bm0"
is 1 "$(nbdinfo --map "$uri" | awk '$1 == 3145728 && $2 == 131072 {print $3}')"
finish
line=$("$nbd" -k "$socket" -r --image-opts "driver=nbd,server.type=unix,server.path=$inner,export=none" 2>&1) && die "an unknown export"
line=$("$nbd" -k "$socket" -f raw "nbd:unix:$inner:exportname=name" 2>&1 & sleep 1; kill $! 2>/dev/null; wait)
server=$first finish

# nbd-server: no structured replies, a list of exports.
if command -v nbd-server >/dev/null; then
    make_raw a.raw
    cp a.raw b.raw
    printf '[generic]\n unixsock = %s\n allowlist = true\n[one]\n exportname = %s\n[two]\n exportname = %s\n readonly = true\n' "$inner" "$work/b.raw" "$work/a.raw" >config
    rm -f "$inner"
    nbd-server -C config -p "$work/pid" >log 2>&1 || die "nbd-server: $(cat log)"
    for _ in $(seq 100); do [ -S "$inner" ] && [ -s pid ] && break; sleep 0.05; done
    pids="$pids $(cat pid)"
    has "$("$nbd" -L -k "$inner")" "exports available: 2"
    relay "nbd+unix:///one?socket=$inner"
    work_on_it a.raw nbd-server
    finish
fi
echo "all servers agree"

# SPDX-License-Identifier: MIT
# Sourced by the NBD tests here, behind ../cli/lib.sh: servers that are started, waited for, and ended with the test.
export PATH=/usr/bin:/usr/sbin:/bin:/sbin:$PATH   # python3-libnbd belongs to the system's Python
here=$here/../interop
pids=
trap 'for pid in $pids; do kill "$pid" 2>/dev/null; done; wait 2>/dev/null; rm -rf "$work"' EXIT
# start SOCKET COMMAND...   in the background, until the socket is there; its process id is in $server
start() {
    local socket=$1
    shift
    rm -f "$socket"
    "$@" >"$work/server.log" 2>&1 &
    server=$!
    pids="$pids $server"
    for _ in $(seq 200); do
        [ -S "$socket" ] && return
        kill -0 $server 2>/dev/null || die "$1 ended: $(cat "$work/server.log")"
        sleep 0.05
    done
    die "$1 does not listen: $(cat "$work/server.log")"
}
# finish [STATUS]   end $server, which has to do so with this status
finish() {
    kill "$server" 2>/dev/null
    wait "$server"
    local got=$?
    [ "$got" = "${1:-0}" ] || die "the server ended with $got: $(cat "$work/server.log")"
}
nbd=$EMU_TOOLS/emu-nbd
socket=$work/s.sock
uri="nbd+unix:///?socket=$socket"
# An image of data and holes.
make_raw() {
    truncate -s 32M "$1"
    for at in 0 3 4 9 20 31; do head -c 700000 /dev/urandom | dd of="$1" bs=1M seek=$at conv=notrunc status=none; done
}

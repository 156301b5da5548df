#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
# ivshmem-server's options, daemon and backing directories.
. "$(dirname "$0")/lib.sh"
server=$EMU_TOOLS/ivshmem-server
status 1 "$server" -F -n 65
status 1 "$server" -F -l 5x
status 1 "$server" -F -l 0
status 1 "$server" -v
has "$line" '-F'
status 1 "$server" -z
status 1 "$server" -F -S /nonexistent/socket -m "$work"
status 1 "$server" -F -S "$work/s" -m /nonexistent
has "$("$server" -h)" 'Usage: ivshmem-server'
"$server" -S "$work/socket" -p "$work/pid" -m "$work" -l 64k || die "no daemon"
[ -S socket ] || die "the parent returned before the server was ready"
pid=$(cat pid)
trap 'kill $pid 2>/dev/null; rm -rf "$work"' EXIT
is "$(ls "$work" | tr '\n' ' ')" 'err out pid socket '
has "$(ls -l "/proc/$pid/fd")" "$work/ivshmem."
status 1 "$server" -F -S "$work/socket" -m "$work"
has "$line" 'Address already in use'
has "$(printf 'dump\nquit\n' | "$EMU_TOOLS/ivshmem-client" -S "$work/socket")" 'shared memory: 65536 bytes'
kill "$pid"
for _ in $(seq 200); do [ -e pid ] || break; sleep 0.05; done
[ ! -e pid ] && [ ! -e socket ] || die "files are left"

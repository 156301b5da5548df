#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
# How emu-nbd begins and ends: --fork, --pid-file, -t, signals, socket activation, -s, guessed formats.
. "$(dirname "$0")/lib.sh"
nbd=$EMU_TOOLS/emu-nbd
requires python3
cat >client.py <<'PY'
import socket, struct, sys
path, what = sys.argv[1], sys.argv[2:]
s = socket.socket(socket.AF_UNIX)
s.settimeout(10)
s.connect(path)
def take(n):
    data = b""
    while len(data) < n:
        part = s.recv(n - len(data))
        if not part: raise SystemExit("closed")
        data += part
    return data
take(18)
s.sendall(struct.pack(">I8sII", 3, b"IHAVEOPT", 7, 6) + bytes(6))
while True:
    _, _, kind, length = struct.unpack(">QIII", take(20))
    take(length)
    if kind == 1: break
for word in what:
    command, at, byte = word.split(",")
    write = command == "write"
    s.sendall(struct.pack(">IHHQQI", 0x25609513, 0, write, 1, int(at), 512) + (bytes([int(byte)]) * 512 if write else b""))
    error = struct.unpack(">IIQ", take(16))[1]
    print(error if write or error else (error, take(512)[0]))
s.sendall(struct.pack(">IHHQQI", 0x25609513, 0, 2, 1, 0, 0))
s.recv(1)
PY
ask() { timeout 20 python3 client.py "$@"; }
wait_gone() { for _ in $(seq 200); do kill -0 "$1" 2>/dev/null || return 0; sleep 0.05; done; die "process $1 does not end"; }
truncate -s 1M a.raw

# In the background, ready when the command returns; ends with its last client.
"$nbd" -f raw --fork --pid-file "$work/pid" -k "$work/s" a.raw || die "--fork"
pid=$(cat pid)
[ -S s ] || die "not listening"
is "0
(0, 7)" "$(ask s write,0,7 read,0,0)"
wait_gone "$pid"
[ ! -e s ] || die "the socket is left"
is 7 "$(od -An -tu1 -N1 a.raw | tr -d ' ')"

# -t goes on; signals end it, with status 0.
for signal in TERM INT HUP; do
    "$nbd" -f raw -t --pid-file "$work/pid" -k "$work/s" a.raw & pid=$!
    for _ in $(seq 200); do [ -S s ] && break; sleep 0.05; done
    ask s read,0,0 >/dev/null || die "first client"
    ask s read,0,0 >/dev/null || die "second client"
    kill -$signal $pid
    wait $pid || die "status $? after SIG$signal"
    [ ! -e s ] || die "the socket is left after SIG$signal"
done

# Two servers, one name.
"$nbd" -f raw -t -k "$work/s" a.raw & pid=$!
for _ in $(seq 200); do [ -S s ] && break; sleep 0.05; done
truncate -s 1M b.raw
status 1 timeout 10 "$nbd" -f raw -t -k "$work/s" b.raw
has "$line" "Address already in use"
kill $pid; wait $pid

# A socket from a service manager.
python3 - "$nbd" "$work/s" <<'PY' & pid=$!
import os, socket, sys
s = socket.socket(socket.AF_UNIX)
s.bind(sys.argv[2])
s.listen()
os.dup2(s.fileno(), 3)
os.set_inheritable(3, True)
os.environ.update(LISTEN_PID=str(os.getpid()), LISTEN_FDS="1")
os.execv(sys.argv[1], [sys.argv[1], "-f", "raw", "a.raw"])
PY
for _ in $(seq 200); do [ -S s ] && break; sleep 0.05; done
is "(0, 7)" "$(ask s read,0,0)"
wait $pid || die "status $? with an activated socket"
rm -f s
bash -c "LISTEN_PID=\$\$ LISTEN_FDS=2 exec $nbd -f raw a.raw" 2>err && die "two sockets"
has "$(cat err)" "only one socket"

# A format that was guessed is protected, one that was named is not. (51 46 49 fb begin a qcow2 image.)
"$nbd" -t -k "$work/s" a.raw 2>err & pid=$!
for _ in $(seq 200); do [ -S s ] && break; sleep 0.05; done
has "$(cat err)" "probing guessed raw"
is 0 "$(ask s write,0,9)"
kill $pid; wait $pid

# -s: what is written is gone afterwards.
if "$nbd" -s -f raw --fork --pid-file "$work/pid" -k "$work/s" a.raw 2>err; then
    is "0
(0, 77)" "$(ask s write,512,77 read,512,0)"
    wait_gone "$(cat pid)"
    is 0 "$(od -An -tu1 -j512 -N1 a.raw | tr -d ' ')"
else
    echo "left out: -s ($(cat err))"
fi
# -v and --trace say who comes.
"$nbd" -f raw -v -k "$work/s" a.raw 2>err & pid=$!
for _ in $(seq 200); do [ -S s ] && break; sleep 0.05; done
ask s read,0,0 >/dev/null
wait $pid
has "$(cat err)" "uses export ''"

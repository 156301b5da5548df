#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
# What goes wrong around a server: it is killed, its clients are; a thousand come at once, some dawdle, some talk rubbish. Those
# who behave notice nothing, what was flushed is there, and no descriptor is lost.
. "$(dirname "$0")/../cli/lib.sh"
. "$here/../interop/nbd_lib.bash"
requires nbdsh nbdcopy nbdinfo
truncate -s 64M a.raw
start "$socket" "$nbd" -f raw -t -e 0 -k "$socket" --handshake-limit=2 a.raw

# Killed in the middle: what a flush has acknowledged is there.
timeout 60 nbdsh -u "$uri" -c "pid = $server" -c - >flushed <<'PY'
import nbd, os, signal, sys
for i in range(10 ** 6):
    try:
        h.pwrite(bytes([i % 255 + 1]) * 4096, i % 1000 * 4096)
        h.flush()
    except nbd.Error as e:
        assert "Transport" in str(e) or e.errno in ("ENOTCONN", "EPIPE", "ECONNRESET", "ESHUTDOWN", "EINVAL", None), e
        break
    last = i
    if i == 1500:
        os.kill(pid, signal.SIGKILL)
else:
    raise SystemExit("the server is still there")
print(last)
PY
last=$(cat flushed)
[ "$last" -ge 1500 ] || die "the client ended before the server"
wait "$server" 2>/dev/null
python3 - "$last" <<'PY' || die "an acknowledged write is lost"
import sys
last = int(sys.argv[1])
data = open("a.raw", "rb").read(4096 * 1000)
for slot in range(1000):
    i = last - (last - slot) % 1000
    if i != last + 1:
        assert data[slot * 4096] in (i % 255 + 1, (last + 1) % 255 + 1), (slot, i, data[slot * 4096])
PY
[ -S "$socket" ] || die "the socket should be left"

# The name that is left is replaced. A thousand clients at once, each reads; dawdlers and vandals among them.
start_again() {
    "$nbd" -f raw -t -e 0 -k "$socket" --handshake-limit=2 a.raw >server.log 2>&1 & server=$!
    pids="$pids $server"
    for _ in $(seq 200); do nbdinfo --size "$uri" >/dev/null 2>&1 && return; sleep 0.05; done
    die "it does not start again: $(cat server.log)"
}
start_again
descriptors() { ls "/proc/$server/fd" | wc -l; }
before=$(descriptors)
ulimit -n 4096 2>/dev/null || { echo "left out: 1000 clients, for want of descriptors"; exit 77; }
timeout 100 python3 - "$socket" "$server" <<'PY' || die "a thousand clients"
import os, random, socket, struct, sys, time
path, server = sys.argv[1], sys.argv[2]


def connect():
    for _ in range(2000):
        s = socket.socket(socket.AF_UNIX)
        s.settimeout(30)
        try:
            s.connect(path)
            return s
        except BlockingIOError:
            s.close()
            time.sleep(0.005)
    raise SystemExit("cannot connect")


def take(s, n):
    data = b""
    while len(data) < n:
        part = s.recv(n - len(data))
        assert part, "closed"
        data += part
    return data


def enter(s):
    take(s, 18)
    s.sendall(struct.pack(">I8sII", 3, b"IHAVEOPT", 7, 6) + bytes(6))
    while True:
        magic, option, kind, length = struct.unpack(">QIII", take(s, 20))
        take(s, length)
        if kind == 1:
            return


def read(s, at):
    s.sendall(struct.pack(">IHHQQI", 0x25609513, 0, 0, at, at, 4096))
    magic, error, cookie = struct.unpack(">IIQ", take(s, 16))
    assert (magic, error, cookie) == (0x67446698, 0, at)
    take(s, 4096)


clients = [connect() for _ in range(1000)]
for s in clients:
    enter(s)
for at, s in enumerate(clients):
    read(s, at * 4096)
good = clients[:10]
resident = int(open(f"/proc/{server}/statm").read().split()[1]) * 4096
assert resident < 400 << 20, resident
random.seed(3)
vandals = []
for i in range(200):
    s = connect()
    kind = i % 5
    try:
        if kind == 0:
            s.sendall(os.urandom(random.randrange(1, 4000)))
        elif kind == 1:
            enter(s)
            s.sendall(os.urandom(1000))
        elif kind == 2:  # announces 32 MiB and sends little of it
            enter(s)
            s.sendall(struct.pack(">IHHQQI", 0x25609513, 0, 1, 1, 0, 32 << 20) + b"x" * 1000)
            vandals.append(s)
        elif kind == 3:  # says nothing
            vandals.append(s)
        else:  # asks for much and reads nothing
            enter(s)
            s.settimeout(0.05)
            s.sendall(b"".join(struct.pack(">IHHQQI", 0x25609513, 0, 0, n, 0, 16 << 20) for n in range(40)))
            vandals.append(s)
    except OSError:
        pass
    if s not in vandals:
        s.close()
for at, s in enumerate(good):
    read(s, at)
resident = int(open(f"/proc/{server}/statm").read().split()[1]) * 4096
assert resident < 800 << 20, resident
silent = connect()
begin = time.monotonic()
take(silent, 18)
assert silent.recv(1) == b"", "a client that says nothing is not dropped"
for at, s in enumerate(good):
    read(s, at)
print("resident", resident >> 20, "MiB")
PY
for _ in $(seq 100); do [ "$(descriptors)" -le "$before" ] && break; sleep 0.1; done
[ "$(descriptors)" -le "$before" ] || die "descriptors: $before before, $(descriptors) after"

# A client that is killed while it copies.
for _ in 1 2 3; do
    nbdcopy "$uri" out.raw & copy=$!
    sleep 0.05
    kill -9 $copy; wait $copy 2>/dev/null
done
nbdcopy "$uri" out.raw && cmp a.raw out.raw || die "after clients were killed"
finish
echo "nothing lost"

#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
# Connections that end anywhere: after each byte a client or a server may have sent. The server goes on for everybody else, loses no
# descriptor and takes no half-sent write; our client says what happened. Clients that dawdle, and writes of 2 GiB, are sent away.
. "$(dirname "$0")/../cli/lib.sh"
. "$here/../interop/nbd_lib.bash"
requires python3
img=$EMU_TOOLS/emu-img
head -c 4194304 /dev/urandom >a.raw
cp a.raw want.raw
start "$socket" "$nbd" -f raw -t -e 0 -k "$socket" --handshake-limit=3 --idle-limit=20 --discard=unmap a.raw
export PYTHONPATH=$here/../interop PYTHONDONTWRITEBYTECODE=1
cat >talk.py <<'PY'
import socket, struct
from wire import take

OPT, REQ = 0x49484156454F5054, 0x25609513


def option(number, body=b""):
    return struct.pack(">QII", OPT, number, len(body)) + body


def request(kind, at, length, flags=0, body=b""):
    return struct.pack(">IHHQQI", REQ, flags, kind, at + 1, at, length) + body


def connect(path):
    s = socket.socket(socket.AF_UNIX)
    s.settimeout(20)
    s.connect(path)
    return s


def option_replies(s):
    while True:
        _, _, kind, length = struct.unpack(">QIII", take(s, 20))
        take(s, length)
        if kind == 1 or kind & 0x80000000:
            return kind


def reply(s):
    while True:
        magic, flags, kind, cookie, length = struct.unpack(">IHHQI", take(s, 20))
        assert magic == 0x668E33EF, hex(magic)
        body = take(s, length)
        if flags & 1:
            return kind, body


def name(text):
    return struct.pack(">I", len(text)) + text


# What a client says, and how it waits for what comes back.
CONTEXT = option(10, name(b"") + struct.pack(">I", 1) + name(b"base:allocation"))
GO = option(7, name(b"") + struct.pack(">HH", 1, 3))
TALK = [
    (struct.pack(">I", 3), None), (option(3), option_replies), (option(8), option_replies), (CONTEXT, option_replies), (GO, option_replies),
    (request(0, 512, 4096), reply), (request(1, 0, 4096, body=b"\0" * 4096), None), (request(5, 8192, 512), reply), (request(7, 0, 65536), reply),
    (request(4, 1 << 20, 4096), reply), (request(6, 2 << 20, 4096), reply), (request(3, 0, 0), reply), (request(2, 0, 0), None),
]


def negotiate(path):
    """A connection on which requests may follow."""
    s = connect(path)
    take(s, 18)
    for message, wait in TALK[:5]:
        s.sendall(message)
        if wait:
            wait(s)
    return s
PY
cat >cut_client.py <<'PY'
import os, sys, time
from talk import *

path, server = sys.argv[1], sys.argv[2]
talk = [(m, w) for m, w in TALK if not m.startswith(request(4, 1 << 20, 4096)) and not m.startswith(request(6, 2 << 20, 4096))]
write = next(m for m, w in talk if len(m) > 4000)


def descriptors():
    return len(os.listdir(f"/proc/{server}/fd"))


def cut_after(count):
    s = connect(path)
    take(s, 18)
    for message, wait in talk:
        part = message[:count]
        s.sendall(part)
        count -= len(part)
        if len(part) < len(message):
            break
        if message is write:
            assert reply(s)[0] == 0
        elif wait:
            wait(s)
    s.close()


def good():
    s = negotiate(path)
    s.sendall(request(0, 0, 512))
    kind, body = reply(s)
    s.close()
    return body


before = descriptors()
first = good()
total = sum(len(m) for m, w in talk)
begin = sum(len(m) for m, w in talk[:talk.index((write, None))]) + 28
inside = range(begin + 1, begin + 4096)
cuts = 0
for count in range(begin + 4096):
    if count in inside and count % 1000:
        continue
    cut_after(count)
    cuts += 1
    if cuts % 50 == 0:
        assert good() == first, "a write that was cut has an effect"
for count in range(begin + 4096, total + 1):
    cut_after(count)
    cuts += 1
assert good()[:8] == bytes(8)
for _ in range(100):
    if descriptors() <= before:
        break
    time.sleep(0.05)
assert descriptors() <= before, (before, descriptors())
print(cuts, "connections cut")
PY
timeout 100 python3 cut_client.py "$socket" "$server" || die "clients that leave"
cmp <(tail -c +4097 a.raw) <(tail -c +4097 want.raw) || die "other bytes have changed"
cat >dawdle.py <<'PY'
import sys, time
from talk import *

path, server = sys.argv[1], sys.argv[2]
resident = lambda: int(open(f"/proc/{server}/statm").read().split()[1]) * 4096
# A byte every now and then is not a handshake.
s = connect(path)
take(s, 18)
stream = b"".join(m for m, w in TALK[:5])
begin = time.monotonic()
try:
    for byte in stream:
        s.sendall(bytes([byte]))
        time.sleep(0.1)
    raise SystemExit("a client that drips bytes is never dropped")
except (BrokenPipeError, ConnectionResetError):
    print("dropped after", round(time.monotonic() - begin, 1), "seconds")
# 2 GiB announced: nothing is set aside for it, and nobody reads it.
before = resident()
held = []
for _ in range(20):
    s = negotiate(path)
    s.settimeout(5)
    try:
        s.sendall(request(1, 0, 2 << 30) + b"x" * 1000)
        for _ in range(64):
            s.sendall(b"x" * (1 << 20))
        raise SystemExit("64 MiB of a 2 GiB write were taken")
    except (BrokenPipeError, ConnectionResetError, TimeoutError):
        held.append(s)
assert resident() < before + (40 << 20), (before, resident())
PY
timeout 100 python3 dawdle.py "$socket" "$server" || die "dawdlers"
cmp <(tail -c +4097 a.raw) <(tail -c +4097 want.raw) || die "a write of 2 GiB has had an effect"

# The other side: a server that ends after so many bytes. Our client fails with one line, or has what it wanted.
cat >cut_server.py <<'PY'
import socket, sys, threading

inner, outer = sys.argv[1], sys.argv[2]
door = socket.socket(socket.AF_UNIX)
door.bind(outer)
door.listen(64)
limit_file = sys.argv[3]


def pump(a, b, left):
    try:
        while left > 0:
            data = a.recv(min(65536, left))
            if not data:
                break
            left -= len(data)
            b.sendall(data)
    except OSError:
        pass
    for s in (a, b):
        try:
            s.shutdown(socket.SHUT_RDWR)
        except OSError:
            pass


while True:
    client, _ = door.accept()
    server = socket.socket(socket.AF_UNIX)
    server.connect(inner)
    limit = int(open(limit_file).read())
    threading.Thread(target=pump, args=(client, server, 1 << 60), daemon=True).start()
    threading.Thread(target=pump, args=(server, client, limit), daemon=True).start()
PY
echo 1000000000 >limit
python3 cut_server.py "$socket" "$work/cut.sock" limit & pids="$pids $!"
for _ in $(seq 100); do [ -S cut.sock ] && break; sleep 0.05; done
through="nbd+unix:///?socket=$work/cut.sock"
cp a.raw b.raw
"$img" convert -n -f raw -O raw b.raw "$through" || die "through the relay"
failed=0
for limit in 0 1 17 18 30 38 60 90 120 150 180 200 230 260 300 400 500 1000 5000 70000 1000000 3000000; do
    echo $limit >limit
    timeout 30 "$img" convert -f raw -O raw "$through" out.raw >out 2>err
    status=$?
    [ $status -le 1 ] || die "cut after $limit bytes: status $status: $(cat err)"
    [ $status = 0 ] && { cmp a.raw out.raw || die "cut after $limit bytes: wrong contents and no error"; continue; }
    failed=$((failed + 1))
    [ -s err ] && has "$(head -1 err)" "emu-img: "
done
[ $failed -ge 15 ] || die "only $failed of the copies failed"
finish
echo "$failed copies failed as they should"

#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
# A management program's whole session over a UNIX socket: synchronise, look around, move a file, run programs; then another
# client; then the end by a signal, with nothing left running.
. "$(dirname "$0")/lib.sh"
requires python3
"$EMU_TOOLS/emu-ga" -m unix-listen -p "$work/socket" -t "$work" -v -l "$work/log" &
agent=$!
trap 'kill $agent 2>/dev/null; rm -rf "$work"' EXIT
PYTHONPATH=$here timeout 60 python3 - "$work" $agent <<'PY' || die "session failed: $(tail -5 log)"
import base64, json, os, socket, sys, time
from qmp import Agent, text
work, pid = sys.argv[1], sys.argv[2]
agent = Agent(work + "/socket")
agent.send(b'{"execute": "guest-pi')          # half a request of a client that died
agent.sync()
assert agent.get("guest-ping") == {}
info = agent.get("guest-info")
names = {c["name"]: c for c in info["supported_commands"]}
assert names["guest-exec"]["enabled"] and not names["guest-shutdown"]["success-response"]
assert agent.error("guest-nonsense")["class"] == "CommandNotFound"

# A file of several MiB, in pieces, there and back.
data = os.urandom(3 << 20)
handle = agent.get("guest-file-open", path=work + "/file", mode="w")
for at in range(0, len(data), 1 << 20):
    piece = data[at:at + (1 << 20)]
    assert agent.get("guest-file-write", handle=handle, buf_b64=base64.b64encode(piece).decode())["count"] == len(piece)
agent.get("guest-file-flush", handle=handle)
agent.get("guest-file-close", handle=handle)
assert open(work + "/file", "rb").read() == data
handle = agent.get("guest-file-open", path=work + "/file")
back, eof = b"", False
while not eof:
    reply = agent.get("guest-file-read", handle=handle, count=1 << 20)
    back, eof = back + base64.b64decode(reply["buf-b64"]), reply["eof"]
assert back == data
agent.get("guest-file-close", handle=handle)

# Many requests in one piece, the replies in order; more replies than a socket holds while we do not read.
requests = b"".join(json.dumps({"execute": "guest-sync", "arguments": {"id": n}}).encode() for n in range(5000))
agent.send(requests)
for n in range(5000):
    assert json.loads(agent.line()) == {"return": n}

status = agent.run("sh", "-c", "cat; echo e >&2; exit 7", input_data=base64.b64encode(b"hello").decode())
assert status["exitcode"] == 7 and text(status) == "hello" and text(status, "err-data") == "e\n"
assert text(agent.run("/usr/bin/env", env=["A=b"])) == "A=b\n"
# The program has nothing of ours: three streams, and the descriptor ls itself opened.
listed = text(agent.run("ls", "/proc/self/fd")).split()
assert listed == ["0", "1", "2", "3"], listed
agent.get("guest-exec", path="sleep", arg=["0.1"])     # never asked for: no zombie stays
time.sleep(0.5)
states = [open(f"/proc/{p}/stat").read().rsplit(")", 1)[1].split() for p in os.listdir("/proc") if p.isdigit() and os.path.exists(f"/proc/{p}/stat")]
assert not [s for s in states if s[0] == "Z" and s[1] == pid], "zombies"

# A second client waits until the first has left.
second = socket.socket(socket.AF_UNIX)
second.connect(work + "/socket")
second.sendall(b'{"execute": "guest-ping"}')
second.settimeout(0.3)
try:
    second.recv(100)
    raise SystemExit("two clients at once")
except socket.timeout:
    pass
agent.socket.close()
second.settimeout(20)
assert second.recv(100) == b'{"return": {}}\n'
second.shutdown(socket.SHUT_WR)
second.settimeout(20)
assert second.recv(100) == b""
third = Agent(work + "/socket")
third.sync()
before = len(os.listdir(f"/proc/{pid}/fd"))
for _ in range(50):
    third.socket.close()
    third = Agent(work + "/socket")
    third.sync()
    third.run("true")
assert len(os.listdir(f"/proc/{pid}/fd")) == before, "descriptors leak"
PY
has "$(cat log)" 'debug: guest-ping called'
kill -HUP $agent
wait $agent || die "exit status $? after SIGHUP"
[ -S socket ] || die "the socket's file is gone"
# The socket of an agent that is gone is taken over.
"$EMU_TOOLS/emu-ga" -m unix-listen -p "$work/socket" -t "$work" & agent=$!
PYTHONPATH=$here python3 -c 'import sys; from qmp import Agent; a = Agent(sys.argv[1]); a.sync(); assert a.get("guest-file-open", path="/dev/null") == 1002' "$work/socket" || die "after a restart"
# ... but not that of one that runs.
status 1 "$EMU_TOOLS/emu-ga" -m unix-listen -p "$work/socket" -t "$work"
kill $agent && wait $agent || die "exit status $? after SIGTERM"

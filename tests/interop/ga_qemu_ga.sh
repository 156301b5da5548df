#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
# Debian's qemu-ga and emu-ga side by side: the same requests, the replies compared. Texts of errors are compared where the
# protocol fixes them; members that only one version has, and what changes while we look, are left out.
set -u
tests=$(cd "$(dirname "$0")/.." && pwd)
command -v qemu-ga >/dev/null || { echo "skipped: qemu-ga is not installed"; exit 77; }
command -v python3 >/dev/null || { echo "skipped: no python3"; exit 77; }
work=$(mktemp -d)
mkdir "$work/theirs" "$work/ours"
qemu-ga -m unix-listen -p "$work/theirs/socket" -t "$work/theirs" & theirs=$!
"$EMU_TOOLS/emu-ga" -m unix-listen -p "$work/ours/socket" -t "$work/ours" & ours=$!
trap 'kill $theirs $ours; rm -rf "$work"' EXIT
PYTHONPATH=$tests/cli timeout 100 python3 - "$work" <<'PY'
import base64, json, sys
from qmp import Agent
work = sys.argv[1]
agents = [Agent(work + "/theirs/socket"), Agent(work + "/ours/socket")]
compared = different = 0
ANY = object()      # any value of the same type


def shape(value, volatile):
    """Values as they are compared: what is in `volatile` by type only, arrays of objects in one order."""
    if isinstance(value, dict):
        return {k: type(v).__name__ if k in volatile else shape(v, volatile) for k, v in sorted(value.items()) if k not in extra}
    if isinstance(value, list):
        return sorted((shape(v, volatile) for v in value), key=lambda v: json.dumps(v, sort_keys=True))
    return value


def compare(command, volatile=(), only_class=False, **arguments):
    global compared, different
    replies = []
    for agent, folder in zip(agents, ("theirs", "ours")):
        mine = json.loads(json.dumps(arguments).replace("@", work + "/" + folder))
        reply = agent.ask(command, **mine)
        if reply.get("return") is not None and not isinstance(reply["return"], (dict, list)) and "return" in volatile:
            reply = {"return": type(reply["return"]).__name__}
        if "error" in reply and only_class:
            reply["error"]["desc"] = ""
        reply = json.loads(json.dumps(reply).replace(work + "/" + folder, "@"))
        replies.append(shape(reply, volatile))
    compared += 1
    if replies[0] != replies[1]:
        different += 1
        print(f"{command} {arguments}\n  theirs: {json.dumps(replies[0])[:1500]}\n  ours:   {json.dumps(replies[1])[:1500]}")
    return replies[1]


# Members of later versions, or read from a device database that need not be there.
extra = {"total-bytes-privileged", "serial", "statistics"}
for agent in agents:
    agent.sync()
for command in ("guest-ping", "guest-get-host-name", "guest-get-timezone", "guest-get-users", "guest-get-osinfo", "guest-get-vcpus",
                "guest-get-memory-blocks", "guest-get-memory-block-info", "guest-get-disks", "guest-fsfreeze-status", "guest-get-devices",
                "guest-nonsense"):
    compare(command)
compare("guest-get-time", volatile={"return"})
compare("guest-network-get-interfaces")
compare("guest-get-fsinfo", volatile={"used-bytes"})
numbers = [m + s for m in ("read-", "write-", "discard-", "flush-", "total-", "weight-") for s in ("ios", "merges", "sectors", "ticks")] + ["ios-pgr"]
compare("guest-get-diskstats", volatile=set(numbers))
compare("guest-get-cpustats", volatile={"user", "nice", "system", "idle", "iowait", "irq", "softirq", "steal", "guest", "guestnice"})
# Arguments: missing, mistyped, unexpected.
compare("guest-sync", id=5)
compare("guest-sync")
compare("guest-sync", id="x")
compare("guest-sync", id=1, y=2)
compare("guest-sync", id=1.5)
compare("guest-sync", id=1 << 63)
compare("guest-set-memory-blocks", mem_blks=[])
compare("guest-set-memory-blocks", mem_blks=[{"phys-index": 1}])
compare("guest-set-memory-blocks", mem_blks=[5])
compare("guest-set-memory-blocks", mem_blks=5)
compare("guest-set-memory-blocks", mem_blks=[{"phys-index": 99999999, "online": True}])
compare("guest-set-vcpus", vcpus=[])
compare("guest-set-vcpus", only_class=True, vcpus=[{"logical-id": 9999, "online": True}])
compare("guest-exec", path="cat", arg=[5])
compare("guest-exec", path="true", capture_output=5)
compare("guest-exec", path="true", input_data="!!", only_class=True)
compare("guest-exec", path="/nonexistent", only_class=True)
compare("guest-exec-status", pid=99999999)
compare("guest-fstrim", minimum="x")
compare("guest-shutdown", mode="sideways", only_class=True)
compare("guest-set-user-password", username="a:b", password="eA==", crypted=False)
compare("guest-ssh-get-authorized-keys", username="nobody-of-this-name", only_class=True)
# Files.
compare("guest-file-open", path="/nonexistent")
compare("guest-file-open", path="@/file", mode="zz")
compare("guest-file-open", path="@/file", mode="w+")
compare("guest-file-write", handle=1000, buf_b64="aGVsbG8=")
compare("guest-file-write", handle=1000, buf_b64="aGVsbG8=", count=2)
compare("guest-file-write", handle=1000, buf_b64="aGVsbG8=", count=99)
compare("guest-file-seek", handle=1000, offset=1, whence="set")
compare("guest-file-seek", handle=1000, offset=-5, whence=1)
compare("guest-file-seek", handle=1000, offset=0, whence=7)
compare("guest-file-seek", handle=1000, offset=0, whence="middle")
compare("guest-file-read", handle=1000, count=2)
compare("guest-file-read", handle=1000)
compare("guest-file-read", handle=1000)
compare("guest-file-read", handle=1000, count=99999999999)
compare("guest-file-flush", handle=1000)
compare("guest-file-close", handle=1000)
compare("guest-file-close", handle=1000)
# Programs.
for path, more in (("true", []), ("sh", ["-c", "echo o; echo e >&2; exit 3"]), ("sh", ["-c", "kill -9 $$"]), ("sh", ["-c", "cat"]), ("env", [])):
    results = [a.run(path, *more, env=["A=1"], input_data=base64.b64encode(b"in").decode()) for a in agents]
    for r in results:       # PWD is the agent's own
        if path == "env":
            r["out-data"] = [line for line in base64.b64decode(r["out-data"]).decode().split() if not line.startswith(("PWD=", "SHLVL=", "_="))]
    compared += 1
    if results[0] != results[1]:
        different += 1
        print(path, more, *results, sep="\n  ")
# The envelope, byte by byte.
raw = [b'{"execute":5}', b'{"execute":"guest-ping","foo":1}', b'{"arguments":{}}', b'[1,2]', b'{"execute":"guest-ping","arguments":5}', b"bad\n",
       b'{"execute":"guest-ping","id":[1,{"a":null,"b":1.5,"c":"\\u00e9\\u0001/\\u007f\\"\\\\"}]}', b'\xff{"execute":"guest-sync-delimited","arguments":{"id":5}}',
       b'{"execute":"nope","id":"x"}', b'{"execute":"guest-ping"}{"execute":"guest-ping"}', b'{"execute":"guest-ping","arguments":{"x":1},"id":null}']
for data in raw:
    replies = []
    for agent in agents:
        agent.send(data)
        agent.request("guest-sync", {"id": 4711})
        lines = []
        while b'{"return": 4711}' not in lines:
            lines.append(agent.line())
        replies.append(lines)
    compared += 1
    if replies[0] != replies[1]:
        different += 1
        print(data, *replies, sep="\n  ")
print(f"{compared} replies compared, {different} different")
sys.exit(1 if different else 0)
PY

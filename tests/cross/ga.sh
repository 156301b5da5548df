#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
# emu-ga built for arm64, and run: by emu-aarch64 if it is there, else by qemu-aarch64. ga.sh BUILD-FOLDER VERSION
set -u
here=$(cd "$(dirname "$0")" && pwd)
build=$1 version=$2
command -v aarch64-linux-gnu-g++ >/dev/null || { echo "skipped: no aarch64-linux-gnu-g++"; exit 77; }
command -v python3 >/dev/null || { echo "skipped: no python3"; exit 77; }
run=$EMU_TOOLS/emu-aarch64
[ -x "$run" ] || run=$(command -v qemu-aarch64) || { echo "skipped: neither emu-aarch64 nor qemu-aarch64"; exit 77; }
sysroot=/usr/aarch64-linux-gnu
{ cmake -S "$here" -B "$build" -G Ninja -DCMAKE_SYSTEM_NAME=Linux -DCMAKE_SYSTEM_PROCESSOR=aarch64 -DCMAKE_CXX_COMPILER=aarch64-linux-gnu-g++ \
    -DCMAKE_CXX_FLAGS=-O1 -DCMAKE_EXE_LINKER_FLAGS= -DEMU_VERSION="$version" && cmake --build "$build"; } >"$build.log" 2>&1 || { grep -A5 -E "error|FAILED" "$build.log" | head -40; exit 1; }
needed=$(aarch64-linux-gnu-readelf -d "$build/emu-ga" | sed -n 's/.*NEEDED.*\[\(.*\)\]/\1/p' | sort | tr '\n' ' ')
echo "needs $needed"
for library in $needed; do
    case $library in ld-linux-aarch64.so.1|libc.so.6|libgcc_s.so.1|libm.so.6|libstdc++.so.6) ;; *) echo "a library that not every system has: $library"; exit 1 ;; esac
done
work=$(mktemp -d)
"$run" -L "$sysroot" "$build/emu-ga" -m unix-listen -p "$work/socket" -t "$work" & agent=$!
trap 'kill $agent 2>/dev/null; rm -rf "$work"' EXIT
PYTHONPATH=$here/../cli timeout 60 python3 - "$work" "$version" <<'PY' || exit 1
import base64, os, sys
from qmp import Agent, text
work, version = sys.argv[1:]
agent = Agent(work + "/socket")
agent.sync()
assert agent.get("guest-info")["version"] == version
info = agent.get("guest-get-osinfo")
assert info["machine"] == "aarch64", info
assert agent.get("guest-get-host-name")["host-name"] == os.uname().nodename
for command in ("guest-get-time", "guest-get-timezone", "guest-network-get-interfaces", "guest-get-vcpus", "guest-get-disks", "guest-get-fsinfo",
                "guest-get-diskstats", "guest-get-cpustats", "guest-get-load", "guest-get-users", "guest-fsfreeze-status"):
    agent.get(command)
handle = agent.get("guest-file-open", path=work + "/file", mode="w+")
data = os.urandom(100_000)
assert agent.get("guest-file-write", handle=handle, buf_b64=base64.b64encode(data).decode())["count"] == len(data)
agent.get("guest-file-seek", handle=handle, offset=0, whence="set")
assert base64.b64decode(agent.get("guest-file-read", handle=handle, count=200_000)["buf-b64"]) == data
status = agent.run("sh", "-c", "cat; echo err >&2; exit 4", input_data=base64.b64encode(b"hello").decode())
assert status["exitcode"] == 4 and text(status) == "hello" and text(status, "err-data") == "err\n", status
assert agent.error("guest-exec", path="/nonexistent")
print("arm64:", info["machine"], "answers")
PY
kill $agent
wait $agent
status=$?
[ $status = 0 ] || { echo "exit status $status after SIGTERM"; exit 1; }

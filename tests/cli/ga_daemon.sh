#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
# emu-ga in the background: PID file with a lock, log file, frozen marker; the lists of commands.
. "$(dirname "$0")/lib.sh"
requires python3
ga=$EMU_TOOLS/emu-ga
trap 'kill $(cat pid) 2>/dev/null; rm -rf "$work"' EXIT
"$ga" -d -m unix-listen -p "$work/socket" -t "$work" -f "$work/pid" -l "$work/log" -v -a guest-ping,guest-info,guest-sync-delimited || die "no start"
[ -S socket ] || die "the parent returned before the agent was ready"
pid=$(cat pid)
is "$(readlink "/proc/$pid/cwd")" /
is "$(readlink "/proc/$pid/fd/0")" /dev/null
"$ga" -d -m unix-listen -p "$work/other" -t "$work" -f "$work/pid" 2>err && die "two agents with one PID file"
has "$(cat err)" 'another agent holds the lock'
is "$(cat pid)" "$pid"
PYTHONPATH=$here python3 - "$work" <<'PY' || die "lists"
import sys
from qmp import Agent
agent = Agent(sys.argv[1] + "/socket")
agent.sync()
agent.get("guest-ping")
assert agent.error("guest-exec", path="true") == {"class": "CommandNotFound", "desc": "Command guest-exec has been disabled"}
assert sum(c["enabled"] for c in agent.get("guest-info")["supported_commands"]) == 3
PY
has "$(cat log)" 'guest-ping called'
kill "$pid"
for _ in $(seq 200); do [ -e pid ] || break; sleep 0.05; done
[ ! -e pid ] || die "the PID file is still there"
# An agent that starts where file systems were left frozen.
: >qga.state.isfrozen
"$ga" -d -m unix-listen -p "$work/socket" -t "$work" -f "$work/pid" || die "no start"
PYTHONPATH=$here python3 - "$work" <<'PY' || die "frozen"
import sys
from qmp import Agent
agent = Agent(sys.argv[1] + "/socket")
agent.sync()
assert agent.get("guest-fsfreeze-status") == "frozen"
assert "frozen" in agent.error("guest-exec", path="true")["desc"]
PY

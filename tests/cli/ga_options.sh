#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
# emu-ga's command line and configuration file: what wins, what is printed, what is refused.
. "$(dirname "$0")/lib.sh"
ga=$EMU_TOOLS/emu-ga
unset QGA_CONF

is "emu-ga version $("$ga" --version | cut -d' ' -f3)" "$("$ga" -V)"
is "$("$ga" -b help)" "$("$ga" --blacklist='?')"
has "$("$ga" -b help)" guest-fsfreeze-freeze-list

cat >conf <<'CONF'
[general]
method=unix-listen
path=/run/x
verbose=true
block-rpcs=guest-exec
CONF
expected='[general]
daemon=false
method=unix-listen
path=/run/y
pidfile=/var/run/qemu-ga.pid
fsfreeze-hook=/etc/qemu/fsfreeze-hook
statedir=/var/run
verbose=true
retry-path=false
block-rpcs=guest-exec,guest-ping'
is "$expected" "$("$ga" -c conf -p /run/y -F -bguest-ping --dump-conf)"
is "$expected" "$(QGA_CONF=conf "$ga" -p /run/y --fsfreeze-hook -b guest-ping -D)"
is "$expected" "$(EMU_QGA_CONF=conf QGA_CONF=/nonexistent "$ga" -D -p /run/y -F -b guest-ping)"
has "$("$ga" -F/my/hook -D)" fsfreeze-hook=/my/hook
has "$("$ga" --fsfreeze-hook=/my/hook -D)" fsfreeze-hook=/my/hook
has "$("$ga" -vdrD)" daemon=true
"$ga" -c conf -D -p /run/y -F -b guest-ping >again
is "$expected" "$("$ga" -c again -D)"

status 1 "$ga" -c /nonexistent -D
has "$line" '/nonexistent: No such file'
echo garbage >bad
status 1 env QGA_CONF=bad "$ga" -D
has "$line" 'emu-ga: bad: line 1'
status 1 "$ga" -b guest-ping -a guest-info -D
has "$line" 'exclude each other'
status 1 "$ga" -m foo -t .
has "$line" "unsupported channel method 'foo'"
status 1 "$ga" -m unix-listen -t .
has "$line" 'needs a path'
status 1 "$ga" -m unix-listen -p /nonexistent/x -t .
has "$line" '/nonexistent/x: No such file'
status 1 "$ga" -m vsock-listen -p 3:x -t .
has "$line" "'x' is no vsock port"
status 1 "$ga" -p /nonexistent -t .
has "$line" '/nonexistent: No such file'
status 1 "$ga" -t /nonexistent -m unix-listen -p s
has "$line" '/nonexistent/qga.state'
status 1 "$ga" --exec-timeout soon -D
status 1 "$ga" extra
status 1 "$ga" -z

#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
# An image in use: refused with the reason, read with -U.
. "$(dirname "$0")/lib.sh"
img=$EMU_TOOLS/emu-img io=$EMU_TOOLS/emu-io
"$img" create -q -f qcow2 a.qcow2 1M
mkfifo in
"$io" a.qcow2 <in >/dev/null &
exec 3>in
for i in $(seq 100); do "$img" info a.qcow2 >/dev/null 2>err || break; sleep 0.05; done
has "$(cat err)" 'Failed to get'
has "$(cat err)" "Is another process using the image [a.qcow2]?"
"$img" info -U a.qcow2 >/dev/null || die "-U"
"$img" resize a.qcow2 2M >/dev/null 2>&1 && die "written to while in use"
exec 3>&-
wait
"$img" info a.qcow2 >/dev/null || die "still locked"

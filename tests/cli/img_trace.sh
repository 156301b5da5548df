#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
# Trace events of all the block tools: patterns, files of patterns, a file for the output.
. "$(dirname "$0")/lib.sh"
img=$EMU_TOOLS/emu-img io=$EMU_TOOLS/emu-io nbd=$EMU_TOOLS/emu-nbd
for tool in "$img" "$io" "$nbd"; do
    has "$("$tool" -V)" " version "
    has "$("$tool" --trace help)" "block_read "
done
"$img" create -q -f qcow2 a.qcow2 1M
"$io" -T 'block_write*' -c 'write -q 0 64k' a.qcow2 2>log || die "write"
has "$(cat log)" ":block_write qcow2 a.qcow2 at=0 length=65536 flags=0"
has "$(cat log)" ":block_write file a.qcow2"
grep -q block_read log && die "an event that was not asked for"
"$img" --trace enable=block_read,file=events info a.qcow2 >/dev/null 2>err || die "info"
is "" "$(cat err)"
has "$(cat events)" ":block_read file a.qcow2 at=0"
printf '# what we look for\nblock_*\n-block_read\n' >patterns
"$img" -T events=patterns,file=events map a.qcow2 >/dev/null || die "events="
has "$(cat events)" ":block_open qcow2 a.qcow2 writable=false"
has "$(cat events)" ":block_extent qcow2 a.qcow2 at=0 length=65536 data=true"
grep -q ':block_read' events && die "an event that was taken back"
has "$("$img" -T nothing_like_that info a.qcow2 2>&1 >/dev/null)" "trace event 'nothing_like_that' does not exist"
"$img" -T what=1 info a.qcow2 >/dev/null 2>err && die "an unknown key"
"$img" -T events=missing info a.qcow2 >/dev/null 2>err && die "a missing file"
has "$(cat err)" "missing"

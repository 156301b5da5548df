#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
# emu-img check: exit status 0, 2, 3 and 63, and repairs.
. "$(dirname "$0")/lib.sh"
img=$EMU_TOOLS/emu-img
truncate -s 3M a.raw
head -c 1M /dev/urandom | dd of=a.raw conv=notrunc status=none
"$img" convert -O qcow2 a.raw good.qcow2
has "$("$img" check good.qcow2)" "No errors were found on the image."
damage() {
    python3 - "$1" "$2" <<'P'
import struct, sys
f = open(sys.argv[1], 'r+b')
h = f.read(104)
table = struct.unpack('>Q', h[48:56])[0]
f.seek(table)
block = struct.unpack('>Q', f.read(8))[0]
f.seek(0, 2)
end = f.tell() // 65536
if sys.argv[2] == 'leak':
    f.seek(end * 65536); f.write(bytes(65536)); f.seek(block + 2 * end); f.write(b'\0\1')
else:
    f.seek(block + 2 * (end - 2)); f.write(b'\0\0')
P
}
cp good.qcow2 leak.qcow2 && damage leak.qcow2 leak
cp good.qcow2 bad.qcow2 && damage bad.qcow2 corrupt
out=$("$img" check leak.qcow2 2>err)
is 3 $?
has "$out" "1 leaked clusters were found on the image.
This means waste of disk space, but no harm to data."
has "$(cat err)" "Leaked cluster"
out=$("$img" check bad.qcow2 2>err)
is 2 $?
# The count that is too low, and the COPIED flag that it makes a lie.
has "$out" "2 errors were found on the image.
Data may be corrupted, or further writes to the image may corrupt it."
has "$(cat err)" "ERROR"
"$img" check --output=json bad.qcow2 2>/dev/null | python3 -c 'import json, sys; j = json.load(sys.stdin); assert j["corruptions"] == 2 and j["format"] == "qcow2", j' || die "JSON"
has "$("$img" check -r leaks leak.qcow2 2>/dev/null)" "The following inconsistencies were found and repaired:

    1 leaked clusters
    0 corruptions

Double checking the fixed image now...
No errors were found on the image."
"$img" check -q leak.qcow2 || die "the leak is still there"
"$img" check -q -r all bad.qcow2 2>/dev/null || die "not repaired"
"$img" check -q bad.qcow2 || die "still corrupt"
"$img" compare -q a.raw bad.qcow2 || die "the repair changed the contents"
"$img" check a.raw 2>err
is 63 $?
has "$(cat err)" "This image format does not support checks"
"$img" check nothing 2>/dev/null
is 1 $?
"$img" check -r some good.qcow2 2>err
is 1 $?
is "emu-img: Unknown option value for -r (expecting 'leaks' or 'all'): some
Try 'emu-img --help' for more information" "$(cat err)"

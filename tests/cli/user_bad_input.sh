#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
# Files that are no programs of this architecture are refused in one line, with the exit status of a shell.
. "$(dirname "$0")/lib.sh"
emu=$EMU_TOOLS/emu-aarch64

python3 - <<'PY'
import struct
def elf(name, loads, cls=2, data=1, machine=183, type_=2, cut=None, interp=b""):
    order = "<" if data == 1 else ">"
    if cls == 2:
        head = struct.pack(order + "HHIQQQIHHHHHH", type_, machine, 1, 0x400000, 64, 0, 0, 64, 56, len(loads), 0, 0, 0)
        ph = b"".join(struct.pack(order + "IIQQQQQQ", t, 5, o, v, v, f, m, 4096) for t, o, v, f, m in loads)
    else:
        head = struct.pack(order + "HHIIIIIHHHHHH", type_, machine, 1, 0x400000, 52, 0, 0, 52, 32, len(loads), 0, 0, 0)
        ph = b"".join(struct.pack(order + "IIIIIIII", t, o, v, v, f, m, 5, 4096) for t, o, v, f, m in loads)
    image = b"\x7fELF" + bytes([cls, data, 1, 0]) + bytes(8) + head + ph + interp
    open(name, "wb").write((image + bytes(4096 - len(image)))[:cut])
    import os; os.chmod(name, 0o755)
load = (1, 0, 0x400000, 4096, 4096)
elf("truncated-header", [load], cut=40)
elf("truncated-phdrs", [load], cut=100)
elf("truncated-segment", [load], cut=2000)
elf("class32", [load], cls=1, machine=183)
elf("big-endian", [load], data=2)
elf("mips", [load], cls=1, data=2, machine=8)
elf("overlap", [(1, 0, 0x400000, 4096, 8192), (1, 0, 0x401000, 4096, 4096)])
elf("huge", [(1, 0, 0x400000, 4096, 1 << 60)])
elf("larger", [(1, 0, 0x400000, 4096, 1 << 45)])
elf("object", [load], type_=1)
elf("empty", [])
elf("no-interpreter", [load, (3, 176, 0x4000b0, 12, 12)], interp=b"/lib/nothing")
elf("interpreter", [load, (3, 176, 0x4000b0, 13, 13)], interp=b"/lib/nothing\0")
PY
refused() { # FILE TEXT [STATUS]
    status "${3:-1}" "$emu" "./$1"
    has "$line" "emu-aarch64: ./$1: "
    has "$line" "$2"
}
refused truncated-header 'truncated in its header'
refused truncated-phdrs 'truncated in its program headers'
refused truncated-segment 'truncated, a segment ends beyond the end of the file'
refused class32 'Invalid ELF image for this architecture: aarch64, 32-bit'
refused big-endian 'Invalid ELF image for this architecture: aarch64, 64-bit, big-endian'
refused mips 'Invalid ELF image for this architecture: mips'
refused overlap 'overlapping segments'
refused huge 'does not fit into memory'
refused object 'not an executable'
refused empty 'nothing to load'
refused no-interpreter 'bad interpreter name'
refused interpreter 'interpreter /lib/nothing: No such file or directory' 127
refused missing 'No such file or directory' 127
mkdir folder
refused folder 'Is a directory' 126
: >nothing
refused nothing 'not an ELF file'
echo hello >text
refused text 'not an ELF file'
status 1 "$EMU_TOOLS/emu-user" ./mips
has "$line" 'emu-user: ./mips: no guest for ELF files of mips'

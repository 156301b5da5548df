#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""make_flat.py ELF OUT [plain|gzip|gzip-data] [VERSION]: a bFLT file from an Arm ELF file that was linked at 0 with relocations kept.

The header is that of include/linux/flat.h in Linux. Text and data are sections .text and .data, which follow each other."""
import gzip
import re
import struct
import subprocess
import sys

elf, out, how, version = sys.argv[1], sys.argv[2], (sys.argv + ["plain"])[3], int((sys.argv + ["4"])[4]) if len(sys.argv) > 4 else 4
header_size = 64


def section(name):
    raw = subprocess.run(["arm-linux-gnueabihf-objcopy", "-O", "binary", "-j", name, elf, "/dev/stdout"], capture_output=True, check=True).stdout
    return bytearray(raw)


listing = subprocess.run(["arm-linux-gnueabihf-readelf", "-SW", "-rW", elf], capture_output=True, check=True, text=True).stdout
place = {name: (int(at, 16), int(size, 16)) for name, at, size in re.findall(r"\] (\.\w+) +\w+ +(\w+) \w+ (\w+)", listing)}
text, data = section(".text"), section(".data")
text += bytes(place[".data"][0] - len(text))
image = text + data
bss_end = place[".bss"][0] + place[".bss"][1]
words = sorted(int(at, 16) for at in re.findall(r"^(\w{8}) +\w+ R_ARM_ABS32", listing, re.M))
relocations = []
for at in words:
    value = struct.unpack_from("<I", image, at)[0]
    if version == 4:
        struct.pack_into(">I", image, at, value)
        relocations.append(at)
    else:
        kinds = [(0, 0), (1, len(text)), (2, len(image))]
        kind, base = max(k for k in kinds if k[1] <= value)
        struct.pack_into("<I", image, at, value - base)
        relocations.append(kind << 30 | (at - len(text)) & 0x3fffffff)
tail = b"".join(struct.pack(">I", r) for r in relocations)
flags = {"plain": 1, "gzip": 5, "gzip-data": 9}[how]
header = b"bFLT" + struct.pack(">IIIIIIIIII", version, header_size, header_size + len(text), header_size + len(image), header_size + bss_end, 65536,
                               header_size + len(image), len(relocations), flags, 0)
header += bytes(header_size - len(header))
body = bytes(image) + tail
if how == "gzip":
    body = gzip.compress(body, mtime=0)
elif how == "gzip-data":
    body = body[:len(text)] + gzip.compress(body[len(text):], mtime=0)
open(out, "wb").write(header + body)

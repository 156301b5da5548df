#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
# A file of 1 KiB that claims to be huge costs no memory and no time, in any format: info, check, map and a read of its first bytes.
. "$(dirname "$0")/lib.sh"
python3 - "$EMU_TOOLS/emu-img" "$EMU_TOOLS/emu-io" <<'PY' || die "a small file costs much"
import os, random, resource, signal, subprocess, sys, time

img, io = sys.argv[1:3]
limit = 64 << 10  # KiB, beyond what the tool takes for nothing
heads = {
    "qcow2": bytes.fromhex("514649fb00000003"), "qcow": bytes.fromhex("514649fb00000001"), "qed": b"QED\0",
    "vmdk": b"KDMV", "vdi": b"<<< Oracle VM VirtualBox Disk Image >>>\n".ljust(64, b"\0") + bytes.fromhex("7f10dabe01000100"),
    "vpc": b"conectix", "vhdx": b"vhdxfile", "luks": b"LUKS\xba\xbe\0\1", "parallels": b"WithouFreSpacExt",
    "bochs": b"Bochs Virtual HD Image".ljust(32, b"\0"), "cloop": b"#!/bin/sh\n#V2.0 Format\n", "dmg": b"koly",
}


def run(*command):
    began = time.monotonic()
    p = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    _, status, used = os.wait4(p.pid, 0)
    p.returncode = 0
    if os.WIFSIGNALED(status):
        raise SystemExit(f"{command}: signal {os.WTERMSIG(status)}")
    return used.ru_maxrss, used.ru_utime + used.ru_stime


base = run(img, "--version")[0]
r = random.Random(5)
for form, head in heads.items():
    for kind in range(4):
        rest = 1024 - len(head)
        body = (b"\xff" * rest, b"\x7f\xff\xff\xff" * (rest // 4 + 1), bytes(r.choice((0, 0, 1, 0x7f, 0xff)) for _ in range(rest)),
                b"\0\0\0\x10" * (rest // 4 + 1))[kind][:rest]
        data = head + body
        if form in ("vpc", "dmg"):  # what says so is at the end
            data = data[512:] + data[:512]
        with open("small", "wb") as f:
            f.write(data)
        for command in ((img, "info", "-f", form, "small"), (img, "check", "-f", form, "small"), (img, "map", "-f", form, "small"),
                        (io, "-r", "-f", form, "-c", "read 0 512", "small")):
            memory, seconds = run(*command)
            if memory > base + limit:
                raise SystemExit(f"{command} of {form} {kind}: {memory - base} KiB")
            if seconds > 20:
                raise SystemExit(f"{command} of {form} {kind}: {seconds} s")
PY
exit 0

#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
# scripts/emu-binfmt-conf.sh: what it writes for the kernel, systemd and Debian; the magic matches programs and nothing else.
. "$(dirname "$0")/lib.sh"
requires python3
script=$here/../../scripts/emu-binfmt-conf.sh
mkdir kernel systemd debian
: >kernel/register
sh "$script" --kernel kernel/register --emu-path /opt/bin --emu-suffix -static --persistent yes --preserve-argv0 yes --credential yes || die "kernel"
case $(uname -m) in x86_64) last=armeb ;; *) last=x86_64 ;; esac
has "$(cat kernel/register)" ":emu-$last:M::\\x7f\\x45\\x4c\\x46"
has "$(cat kernel/register)" ":/opt/bin/emu-$last-static:FPC"
sh "$script" --systemd aarch64 --exportdir systemd --persistent=yes || die "systemd"
is 'emu-aarch64.conf' "$(ls systemd)"
is ':emu-aarch64:M::\x7f\x45\x4c\x46\x02\x01\x01\x00\x00\x00\x00\x00\x00\x00\x00\x00\x02\x00\xb7\x00:\xff\xff\xff\xff\xff\xff\xff\x00\xff\xff\xff\xff\xff\xff\xff\xff\xfe\xff\xff\xff:/usr/bin/emu-aarch64:F' "$(cat systemd/emu-aarch64.conf)"
sh "$script" --systemd ALL --exportdir systemd || die "systemd ALL"
[ -e systemd/emu-arm.conf ] || [ "$(uname -m)" != x86_64 ] || die "arm is missing"
[ ! -e "systemd/emu-$(uname -m).conf" ] || [ "$(uname -m)" = aarch64 ] || die "the host's own is registered"
sh "$script" --debian --exportdir debian --emu-path /opt --credential yes || die "debian"
is 'interpreter /opt/emu-arm' "$(sed -n 2p debian/emu-arm)"
has "$(cat debian/emu-arm)" "$(printf 'credentials yes\nfix_binary no\npreserve no')"
python3 - systemd/emu-armeb.conf systemd/emu-aarch64.conf <<'END' || die "magic"
import sys
for path, order, machine in ((sys.argv[1], 2, 40), (sys.argv[2], 1, 183)):
    fields = open(path).read().strip().split(":")
    magic, mask = (bytes.fromhex(f.replace("\\x", "")) for f in fields[4:6])
    def head(kind, number, order=order, osabi=0):
        e = "little" if order == 1 else "big"
        return b"\x7fELF" + bytes([magic[4], order, 1, osabi]) + bytes(8) + kind.to_bytes(2, e) + number.to_bytes(2, e)
    hit = lambda b: all(x & m == y & m for x, m, y in zip(b, mask, magic))
    assert hit(head(2, machine)) and hit(head(3, machine)) and hit(head(2, machine, osabi=3))
    assert not hit(head(1, machine)) and not hit(head(4, machine)) and not hit(head(2, machine + 1)) and not hit(head(2, machine, 3 - order))
END
fails() { if sh "$script" "$@" >out 2>&1; then die "accepted: $*"; fi; }
fails --systemd vax --exportdir systemd
fails --credential maybe
fails --nonsense x
fails --systemd
fails --kernel nowhere/register
has "$(sh "$script" --help)" --preserve-argv0

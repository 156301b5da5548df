#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
# Arm programs of old: system calls of the old ABI, semihosting, and the bFLT format.
. "$(dirname "$0")/lib.sh"
requires arm-linux-gnueabihf-gcc python3
cc() { arm-linux-gnueabihf-gcc -O1 -Wall "$@" || die "cannot compile $*"; }
emu=$EMU_TOOLS/emu-arm

cc -marm -static -o old_abi "$here/../guest/arm_old_abi.c"
for engine in '' -interpreter; do is ok "$(timeout 60 "$emu" $engine ./old_abi)"; done
has "$("$emu" -strace ./old_abi 2>&1)" 'write(-1,'

for code in arm thumb; do
    cc -m$code -nostdlib -ffreestanding -static -o semihosted "$here/../guest/arm_semihosting.c"
    text=$(printf abcde | timeout 60 "$emu" ./semihosted one two)
    is 3 $?
    is "line
./semihosted one two ok" "$text"
done

# bFLT: as it is, compressed, and in the version before; named and found by its magic number, and executed by the guest.
cat >flat.ld <<'END'
SECTIONS {
    .text 0 : { *(.start) *(.text*) *(.rodata*) . = ALIGN(32); }
    .data : { *(.data*) . = ALIGN(32); }
    .bss : { *(.bss*) . = ALIGN(32); }
    /DISCARD/ : { *(.ARM.*) *(.note*) *(.comment) }
}
END
cc -march=armv5te -mfloat-abi=soft -marm -nostdlib -ffreestanding -fno-pic -static -no-pie -Wl,--no-warn-rwx-segments,-T,flat.ld,-q,--build-id=none -o flat.elf "$here/../guest/arm_flat.c"
for form in 'plain 4' 'gzip 4' 'gzip-data 4' 'plain 2'; do
    # shellcheck disable=SC2086
    python3 "$here/make_flat.py" flat.elf flat $form || die "cannot make a bFLT file"
    chmod +x flat
    is 'flat program: a b' "$(timeout 60 "$emu" ./flat a b)"
    timeout 60 "$EMU_TOOLS/emu-user" ./flat >out
    is 1 $?
    is 'flat program:' "$(cat out)"
done
cc -static -o run "$here/../guest/run.c"
is 'flat program: x' "$("$emu" ./run ./flat flat x)"
# Damaged ones are refused.
python3 "$here/make_flat.py" flat.elf good gzip
head -c 300 good >short
status 1 "$emu" ./short
has "$line" 'too short'
printf 'bFLT\0\0\0\4' >tiny
status 1 "$emu" ./tiny

# Processors before Armv6K: the thread pointer is the kernel's, and of Wireless MMX registers signal handlers have their own.
if command -v arm-linux-gnueabi-gcc >/dev/null; then
    arm-linux-gnueabi-gcc -marm -static -o wmmx "$here/../guest/arm_wmmx.c" || die "cannot compile arm_wmmx.c"
    arm-linux-gnueabi-gcc -static -o restart "$here/../guest/restart.c" -pthread || die "cannot compile restart.c"
    for engine in '' -interpreter; do is ok "$("$emu" -cpu pxa270 $engine ./wmmx)"; done
    for cpu in arm926 pxa255 arm1136; do is ok "$(timeout 60 "$emu" -cpu $cpu ./restart 2>&1 | tail -1)"; done
fi

# Big-endian: instructions too on processors before Armv6 (BE-32), data alone from there on (BE-8).
for code in '-march=armv5te -marm' '-march=armv7-a -marm -Wl,--be8' '-march=armv7-a -mthumb -Wl,--be8'; do
    # shellcheck disable=SC2086
    cc $code -mbig-endian -mfloat-abi=soft -nostdlib -ffreestanding -fno-pic -no-pie -static -o big "$here/../guest/arm_big.c"
    for engine in '' -interpreter; do is ok "$(timeout 60 "$EMU_TOOLS/emu-armeb" $engine ./big)"; done
done

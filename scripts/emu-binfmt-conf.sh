#!/bin/sh
# SPDX-License-Identifier: MIT
# Tell the kernel (binfmt_misc) to start programs of other architectures with emu-ARCH.
set -eu

usage() {
    cat <<END
Usage: emu-binfmt-conf.sh [OPTION...]
Register emu-ARCH as the interpreter of foreign programs: with the kernel itself, or in files for systemd or Debian.

  --emu-path DIR            where the emulators are (/usr/bin)
  --emu-suffix SUFFIX       behind their names: -static
  --systemd ARCH|ALL        write files for systemd-binfmt.service instead
  --debian                  write files for update-binfmts(8) instead, and import them
  --exportdir DIR           where to write those (/etc/binfmt.d, /usr/share/binfmts)
  --credential yes|no       C: set-user-id programs get their rights, which makes the emulator a part of the system's
                            security (no)
  --persistent yes|no       F: the kernel opens the emulator now, so that it works in other roots (no)
  --preserve-argv0 yes|no   P: the program sees the argv[0] it was given (no)
  --kernel FILE             the kernel's register file (/proc/sys/fs/binfmt_misc/register)
  --help                    this text

Architectures: $(rows | cut -d' ' -f1 | tr '\n' ' ')
END
}

# name, class (1: 32 bits, 2: 64), byte order (1: little, 2: big), e_machine, and whose hosts run it by themselves
rows() {
    cat <<END
aarch64 2 1 183 aarch64
arm 1 1 40 arm,aarch64
armeb 1 2 40 armeb
i386 1 1 3 i386,x86_64
x86_64 2 1 62 x86_64
END
}

# Sixteen bytes of e_ident, e_type 2 or 3, e_machine (elf(5)); the OS ABI is left open, and so is the lowest bit of the type.
byte() { printf '\\x%02x' "$1"; }
half() { if [ "$1" = 1 ]; then byte $(($2 & 255)); byte $(($2 >> 8)); else byte $(($2 >> 8)); byte $(($2 & 255)); fi; }
magic() { printf '\\x7f\\x45\\x4c\\x46'; byte "$1"; byte "$2"; printf '\\x01\\x00\\x00\\x00\\x00\\x00\\x00\\x00\\x00\\x00'; half "$2" 2; half "$2" "$3"; }
mask() { printf '\\xff\\xff\\xff\\xff\\xff\\xff\\xff\\x00\\xff\\xff\\xff\\xff\\xff\\xff\\xff\\xff'; half "$1" 65534; printf '\\xff\\xff'; }

host_family() {
    case $(uname -m) in
    i?86) echo i386 ;;
    armv*b) echo armeb ;;
    arm*) echo arm ;;
    *) uname -m ;;
    esac
}

flags() {
    if [ "$persistent" = yes ]; then printf F; fi
    if [ "$preserve" = yes ]; then printf P; fi
    if [ "$credential" = yes ]; then printf C; fi
}

# register NAME CLASS ORDER MACHINE
line() { printf ':emu-%s:M::%s:%s:%s:%s' "$1" "$(magic "$2" "$3" "$4")" "$(mask "$3")" "$path/emu-$1$suffix" "$(flags)"; }

register() {
    case $format in
    kernel)
        if [ -e "${kernel%/*}/emu-$1" ]; then echo -1 >"${kernel%/*}/emu-$1"; fi
        line "$@" >"$kernel"
        ;;
    systemd) { line "$@"; echo; } >"$directory/emu-$1.conf" ;;
    debian)
        cat >"$directory/emu-$1" <<END
package emu-$1
interpreter $path/emu-$1$suffix
magic $(magic "$2" "$3" "$4")
offset 0
mask $(mask "$3")
credentials $credential
fix_binary $persistent
preserve $preserve
END
        if command -v update-binfmts >/dev/null && [ "$directory" = /usr/share/binfmts ]; then update-binfmts --import "emu-$1"; fi
        ;;
    esac
}

die() { echo "emu-binfmt-conf.sh: $*" >&2; exit 1; }
yes_or_no() { case $2 in yes | no) ;; *) die "$1 takes yes or no" ;; esac; }

path=/usr/bin suffix='' format=kernel only=ALL directory='' credential=no persistent=no preserve=no
kernel=/proc/sys/fs/binfmt_misc/register
while [ $# -gt 0 ]; do
    option=$1
    value=${2-}
    case $option in
    --*=*) value=${option#*=} option=${option%%=*} ;;
    --help | -h) usage; exit 0 ;;
    --debian) format=debian; shift; continue ;;
    *) [ $# -ge 2 ] || die "$option: unknown, or lacks its value; see --help"; shift ;;
    esac
    shift
    case $option in
    --emu-path) path=$value ;;
    --emu-suffix) suffix=$value ;;
    --systemd) format=systemd only=$value ;;
    --exportdir) directory=$value ;;
    --credential) yes_or_no "$option" "$value"; credential=$value ;;
    --persistent) yes_or_no "$option" "$value"; persistent=$value ;;
    --preserve-argv0) yes_or_no "$option" "$value"; preserve=$value ;;
    --kernel) kernel=$value ;;
    *) die "$option: unknown; see --help" ;;
    esac
done

case $format in
kernel)
    [ -d "${kernel%/*}" ] || die "${kernel%/*} is not there: load the module binfmt_misc and mount its file system"
    [ -w "$kernel" ] || die "cannot write to $kernel: only root can register"
    ;;
systemd) : "${directory:=/etc/binfmt.d}" ;;
debian) : "${directory:=/usr/share/binfmts}" ;;
esac
if [ "$format" != kernel ]; then
    [ -d "$directory" ] && [ -w "$directory" ] || die "cannot write to $directory"
fi
[ "$only" = ALL ] || rows | grep -q "^$only " || die "$only: not one of the architectures; see --help"

family=$(host_family)
rows | while read -r name class order machine natives; do
    case ,$natives, in *,"$family",*) [ "$only" = "$name" ] || continue ;; esac
    if [ "$only" != ALL ] && [ "$only" != "$name" ]; then continue; fi
    register "$name" "$class" "$order" "$machine"
done

#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
# install.sh PACKAGES FOLDER    install the packages into a fresh Debian below FOLDER, run every program they bring, remove them.
# FOLDER/clean is made by debootstrap once and kept. As root, with a network: scripts/package --check.
set -eu -o pipefail
packages=$(realpath "$1")
mkdir -p "$2"
folder=$(realpath "$2")
fresh=$folder/root
[ "$(id -u)" = 0 ] || { echo "needs root"; exit 77; }

die() { echo "install.sh: $*" >&2; exit 1; }
inside() { DEBIAN_FRONTEND=noninteractive LC_ALL=C chroot "$fresh" "$@"; }
state() { (cd "$fresh" && find etc usr lib var/lib/systemd var/lib/binfmts -xdev \( -type f -o -type l \) 2>/dev/null |
    grep -vE '\.(cache|log)$|/(__pycache__|man-db)/|etc/ld.so.cache' | sort); }
finish() {
    for pid in ${running:-}; do kill "$pid" 2>/dev/null || true; done
    umount "$fresh/proc" 2>/dev/null || true
}
trap finish EXIT

if [ ! -e "$folder/clean/done" ]; then
    rm -rf "$folder/clean"
    debootstrap --variant=minbase "$(. /etc/os-release && echo "$VERSION_CODENAME")" "$folder/clean" >"$folder/debootstrap.log" 2>&1 || { tail "$folder/debootstrap.log"; exit 1; }
    touch "$folder/clean/done"
fi
rm -rf --one-file-system "$fresh"
cp -a "$folder/clean" "$fresh"
rm -f "$fresh/etc/apt/sources.list"
cp -r /etc/apt/sources.list* /etc/apt/apt.conf.d "$fresh/etc/apt/" 2>/dev/null || true
rm -f "$fresh"/etc/apt/apt.conf.d/{docker-*,20packagekit,50appstream}
cp /etc/resolv.conf "$fresh/etc/"
mount -t proc proc "$fresh/proc"
inside apt-get update -qq

# What the packages need comes first, so that the difference is theirs alone.
cp "$packages"/*.deb "$fresh/root/"
names=$(for deb in "$packages"/*.deb; do dpkg-deb -f "$deb" Package; done)
needs=$(for deb in "$packages"/*.deb; do dpkg-deb -f "$deb" Depends; done | tr ',' '\n' | awk 'NF {print $1}' | sort -u)
# shellcheck disable=SC2086
inside apt-get install -y -qq --no-install-recommends binfmt-support $needs >"$folder/apt.log" 2>&1 || { tail "$folder/apt.log"; exit 1; }
state >"$folder/before"
inside sh -c 'apt-get install -y --no-install-recommends /root/*.deb' >>"$folder/apt.log" 2>&1 || { tail -20 "$folder/apt.log"; exit 1; }
echo "installed: $(echo $names)"

# Every program says its name and version, and has a page and completions.
# shellcheck disable=SC2086
programs=$(inside dpkg -L $names | grep -E '^/usr/s?bin/.')
for program in $programs; do
    name=$(basename "$program")
    version=$(inside "$program" --version </dev/null) || die "$program --version fails"
    inside "$program" --help </dev/null >/dev/null || die "$program --help fails"
    ls "$fresh"/usr/share/man/man[18]/"$name".[18].gz >/dev/null || die "$program has no page"
    zcat "$fresh"/usr/share/man/man[18]/"$name".[18].gz | grep -q '^\.SH OPTIONS' || die "the page of $name is no page"
    [ -s "$fresh/usr/share/bash-completion/completions/$name" ] || die "$program has no completions"
    echo "$program: ${version%%$'\n'*}"
done

# Guests' programs run, through both emulators; and the kernel would be told to run them.
if command -v aarch64-linux-gnu-gcc >/dev/null; then
    printf '#include <stdio.h>\nint main(int n, char** a) { return printf("hello %%s\\n", a[n - 1]) < 0; }\n' | aarch64-linux-gnu-gcc -static -x c -o "$fresh/root/hello" -
    for emulator in emu-aarch64 emu-aarch64-static; do
        [ "$(inside $emulator /root/hello world)" = "hello world" ] || die "$emulator does not run a program"
    done
    echo "arm64 programs run"
fi
for guest in aarch64 arm armeb; do
    inside update-binfmts --display emu-$guest | grep -q "interpreter = /usr/bin/emu-$guest-static" || die "emu-$guest is not among the binary formats"
done
echo "binary formats: registered"

# The agent answers, the shared memory is shared.
chroot "$fresh" emu-ga -m unix-listen -p /root/agent.socket -t /root & running="$!"
for _ in $(seq 50); do [ -S "$fresh/root/agent.socket" ] && break; sleep 0.1; done
answer=$(printf '{"execute":"guest-get-osinfo"}\n' | timeout 10 python3 -c '
import socket, sys
s = socket.socket(socket.AF_UNIX); s.connect(sys.argv[1]); s.sendall(sys.stdin.buffer.read()); print(s.makefile().readline())' "$fresh/root/agent.socket")
case $answer in *'"id": "debian"'*) echo "agent: answers" ;; *) die "the agent answers $answer" ;; esac
[ -f "$fresh/usr/lib/systemd/system/emu-guest-agent.service" ] || die "no unit of the agent"
mkdir -p "$fresh/root/memory"
chroot "$fresh" ivshmem-server -F -S /root/ivshmem.socket -m /root/memory & running="$running $!"
for _ in $(seq 50); do [ -S "$fresh/root/ivshmem.socket" ] && break; sleep 0.1; done
peers=$(printf 'dump\nquit\n' | timeout 10 chroot "$fresh" ivshmem-client -S /root/ivshmem.socket)
case $peers in *"our id: 0"*) echo "ivshmem: joined" ;; *) die "ivshmem-client says $peers" ;; esac
for pid in $running; do kill "$pid"; wait "$pid" || die "a server does not end well"; done
running=

# And they go without a trace.
# shellcheck disable=SC2086
inside apt-get purge -y $names >>"$folder/apt.log" 2>&1 || { tail -20 "$folder/apt.log"; exit 1; }
inside update-binfmts --display | grep -q '^emu-' && die "binary formats are left registered"
state >"$folder/after"
diff "$folder/before" "$folder/after" || die "files are left behind or gone"
echo "removed without a trace"

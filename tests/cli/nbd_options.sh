#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
# emu-nbd's command line: what is refused, and how.
. "$(dirname "$0")/lib.sh"
nbd=$EMU_TOOLS/emu-nbd
truncate -s 1M a.raw
refused() {
    local text=$1
    shift
    status 1 timeout 10 "$nbd" "$@"
    has "$line" "emu-nbd: "
    has "$line" "$text"
}
long=$(head -c 5000 /dev/zero | tr '\0' a)
refused "Invalid number of arguments"
refused "socket path must be absolute" -k relative a.raw
refused "excludes -p and -b" -k "$work/s" -p 5000 a.raw
refused "Invalid port number '0'" -f raw -p 0 a.raw
refused "Invalid port number '70000'" -f raw -p 70000 a.raw
refused "No such file or directory" -k "$work/s" nothing.raw
refused "Unknown driver 'xx'" -f xx -k "$work/s" a.raw
refused "-n and --cache can only be specified once" -n --cache=none a.raw
refused "Invalid cache mode \`x'" --cache=x a.raw
refused "Invalid aio mode 'x'" --aio=x a.raw
refused "aio=native needs" --aio=native a.raw
refused "Invalid discard mode \`x'" --discard=x a.raw
refused "without setting discard operation to unmap" --detect-zeroes=unmap a.raw
refused "use --image-opts" -P 1 a.raw
refused "mutually exclusive" --image-opts -f raw driver=file,filename=a.raw
refused "beyond the end" -f raw -r -o 5M -k "$work/s" a.raw
refused "export name 'aaaa" -x "$long" a.raw
refused "description 'aaaa" -D "$long" a.raw
refused "not permitted without --tls-creds" --tls-hostname=x a.raw
refused "not permitted without --tls-creds" --tls-authz=x a.raw
refused "Bitmap 'none' is not found" -f raw -r -B none -k "$work/s" a.raw
refused "incompatible with a file name" -L a.raw
refused "incompatible with export settings" -L -t
refused "No such file or directory" -L -k "$work/none"
refused "without SELinux" --selinux-label=x a.raw
refused "does not accept value 'nothing'" --object nothing,id=x -k "$work/s" a.raw
[ -e /dev/nbd7 ] || refused "Failed to open /dev/nbd7" -d /dev/nbd7
[ -e /dev/nbd7 ] || refused "Failed to open /dev/nbd7" -c /dev/nbd7 -f raw a.raw
refused "Failed to load snapshot" -f raw -l none -k "$work/s" a.raw
[ ! -e s ] || die "a socket is left"
"$nbd" --object help | grep -q secret || die "--object help"
"$nbd" --trace help | grep -q nbd_server || die "--trace help"
"$nbd" -V | grep -q 'emu-nbd version' || die "-V"
"$nbd" --fork --pid-file "$work/no/pid" -f raw -k "$work/s" a.raw 2>err && die "a PID file that cannot be written"
has "$(cat err)" "No such file"

#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
# -d int, guest_errors, unimp and cpu_reset: what they tell of a program that does such things, in both engines.
. "$(dirname "$0")/lib.sh"

events() {
    local arch=$1 compiler=$2 emu=$EMU_TOOLS/emu-$1 engine handler
    "$compiler" -O1 -Wall -static -pthread -o events "$here/../guest/log_events.c" || die "$arch: cannot compile log_events.c"
    for engine in '' -interpreter; do
        # ran STATUS ITEMS EVENT
        # shellcheck disable=SC2086
        ran() {
            local got=0
            rm -f log
            "$emu" $engine -D log -d "$2" ./events "$3" >out 2>err || got=$?
            is "$1" "$got"
            log=$(cat log)
        }
        says() { grep -Eq -- "^$1\$" <<<"$log" || die "$arch $engine: no line '$1' in: $log"; }
        silent() { is '' "$log"; }
        ran 0 int signal
        handler=$(sed -n 's/^handler \(.*\) got 10$/\1/p' out)
        says "Signal [0-9]+: SIGUSR1 code -6 pc 0x[0-9a-f]+, handler $handler"
        ran 11 int segv
        says 'Fault [0-9]+: SIGSEGV code 1 address 0x10 pc 0x[0-9a-f]+'
        says 'Signal [0-9]+: SIGSEGV code 1 pc 0x[0-9a-f]+, handler 0x[0-9a-f]+'
        ran 11 guest_errors segv
        says 'Guest error [0-9]+: store to 0x10 is refused at pc 0x[0-9a-f]+'
        ran 0 guest_errors signal
        silent
        ran 0 unimp unknown
        says 'Unsupported syscall: 9999'
        says 'Unsupported syscall: [0-9]+ \(ptrace\)'
        says 'Unknown ioctl: 0x[0-9a-f]*517b, passed on with 0x5 as it is'
        ran 0 guest_errors unknown
        says 'Unsupported syscall: 9999'
        says 'Unknown ioctl: .*'
        [ "$(lines ptrace <<<"$log")" = 0 ] || die 'a call that Linux has is no error of the guest'
        ran 139 guest_errors frame
        says 'Guest error [0-9]+: no memory below 0x[0-9a-f]+ for the frame of SIGUSR1 at pc 0x[0-9a-f]+'
        ran 139 guest_errors return
        says 'Guest error [0-9]+: sigreturn finds no signal frame at 0x10'
        ran 0 cpu_reset thread
        is 2 "$(lines '^CPU Reset ' <<<"$log")"
        is 2 "$(grep '^CPU Reset ' <<<"$log" | sort -u | wc -l)"
    done
    ran 4 guest_errors,int undefined
    says 'Guest error [0-9]+: undefined instruction 0x[0-9a-f]+ at pc 0x[0-9a-f]+'
    says 'Fault [0-9]+: SIGILL .*'
}
each_guest events

#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
# Programs of many threads, while hot loops are compiled in the background: the thread sanitizer sees no race in the emulator.
# (Run in the tsan preset. The sanitizer wants most of the address space for itself, hence -R.)
. "$(dirname "$0")/lib.sh"
export TSAN_OPTIONS=halt_on_error=1:exitcode=66:second_deadlock_stack=1
races() {
    local program room=
    case $1 in aarch64|x86_64) room='-R 0x1000000000' ;; esac
    for program in 'smc_torture 2' hot_threads; do
        "$2" -O1 -Wall -o guest "$here/../guest/${program% *}.c" -static -pthread || die "cannot compile $program"
        # shellcheck disable=SC2086
        timeout 200 "$EMU_TOOLS/emu-$1" $room -hot-threshold 50 ./guest ${program#"${program% *}"} >out 2>err || die "emu-$1, $program: exit status $?
$(cat out err)"
        is ok "$(tail -1 out)"
    done
}
each_guest races

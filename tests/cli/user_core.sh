#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
# A core file of the guest: named and limited as the kernel would, and gdb reads stack, threads, variables and registers of it.
. "$(dirname "$0")/lib.sh"
requires gdb-multiarch
try() {
    local arch=$1 compiler=$2 cores
    mkdir "$arch" && cd "$arch" || die "no directory"
    "$compiler" -g -O1 -static -pthread -o debuggee "$here/../guest/debuggee.c" || die "cannot compile"
    (ulimit -c unlimited; timeout 60 "$EMU_TOOLS/emu-$arch" ./debuggee crash 2>err)
    is 139 $?
    has "$(cat err)" "emu-$arch: uncaught target signal 11 (Segmentation fault) - core dumped"
    cores=(emu_debuggee_*.core)
    case ${cores[0]} in emu_debuggee_20[0-9][0-9][01][0-9][0-3][0-9]-[0-2][0-9][0-5][0-9][0-5][0-9]_*.core) ;; *) die "name: ${cores[0]}" ;; esac
    is 1 "$(ls | grep -c core)"
    text=$(gdb-multiarch -nx -batch -ex 'print watched' -ex 'print real' -ex bt -ex 'thread apply all bt' -ex 'info auxv' -ex 'print $_siginfo.si_signo' ./debuggee "${cores[0]}" 2>&1)
    has "$text" "Program terminated with signal SIGSEGV"
    has "$text" '= 42'
    has "$text" '= 1.5'
    has "$text" 'main (argc=2'
    is 2 "$(grep -c 'in worker' <<<"$text")"
    has "$text" 'AT_ENTRY'
    whole=$(stat -c %s -- *.core)
    rm -f -- *.core
    (ulimit -c 0; timeout 60 "$EMU_TOOLS/emu-$arch" ./debuggee crash 2>err)
    is 139 $?
    has "$(cat err)" "uncaught target signal 11 (Segmentation fault)"
    is 0 "$(ls | grep -c core)"
    (ulimit -c 40; timeout 60 "$EMU_TOOLS/emu-$arch" ./debuggee crash 2>err)
    [ "$whole" -gt 40960 ] || die "a core file of $whole bytes"
    # Pages of zeros are holes, so that what fits may end before the limit.
    limited=$(stat -c %s -- *.core)
    [ "$limited" -gt 4096 ] && [ "$limited" -le 40960 ] || die "a core file of $limited bytes where 40960 are allowed"
    cd ..
}
each_guest try

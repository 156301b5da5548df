#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
# -g with gdb: break, step into a signal handler, watchpoints, registers, threads, the exit status; for each guest.
. "$(dirname "$0")/lib.sh"
requires gdb-multiarch
cat >session <<'END'
set pagination off
set confirm off
set width 0
set sysroot /
target remote ./socket
break add
continue
echo SUM \n
info args
finish
print $pc != 0
print real
info registers pc
break handler
continue
bt 2
print handled
echo STEPPED \n
delete
stepi
finish
echo WATCH \n
watch watched
continue
print watched
delete
rwatch real
delete
break together
continue
echo THREADS \n
info threads
thread apply all bt
delete
catch syscall exit_group
continue
continue
END
# session_of ARCH CC
session_of() {
    local arch=$1 compiler=$2
    "$compiler" -g -O1 -static -pthread -o "debuggee_$arch" "$here/../guest/debuggee.c" || die "cannot compile"
    rm -f socket
    timeout 60 "$EMU_TOOLS/emu-$arch" -g "$PWD/socket" "./debuggee_$arch" &
    local emulator=$!
    while [ ! -S socket ] && kill -0 $emulator 2>/dev/null; do sleep 0.05; done
    timeout 60 gdb-multiarch -nx -batch -x session "./debuggee_$arch" >log 2>&1
    wait $emulator
    is 7 $?
    text=$(cat log)
    has "$text" 'a = 40'
    has "$text" 'b = 2'
    has "$text" 'Value returned is $1 = 42'
    has "$text" '= 1.5'
    has "$text" 'Program received signal SIGUSR1' # before it is delivered
    has "$text" 'New value = 42'
    has "$text" 'THREADS'
    # A thread that stands at the beginning of a line is shown without "in".
    is 2 "$(sed -n '/^THREADS/,/exit_group/p' log | grep -cE '^#[0-9]+ .*worker \(')"
    has "$text" 'in main ('
    has "$text" 'Catchpoint'
    has "$text" 'exited with code 07'
}
each_guest session_of

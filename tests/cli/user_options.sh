#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
# Options and environment variables of emu-user.
. "$(dirname "$0")/lib.sh"
emu=$EMU_TOOLS/emu-aarch64
guest report -static

has "$("$emu" -version)" 'emu-aarch64 version '
has "$("$emu" -help)" 'EMU_LD_PREFIX'
has "$("$emu" --help)" '-cpu model'
has "$("$emu" -cpu help)" 'cortex-a53'
has "$("$emu" -d help)" 'in_asm'
status 1 "$emu" -foo ./report; is "emu-aarch64: unknown option '-foo'" "$line"
status 1 "$emu" -starce ./report; has "$line" "did you mean '-strace'?"
status 1 "$emu" -cpu cortex-a5 ./report; has "$line" "unknown CPU model 'cortex-a5' (did you mean 'cortex-a5"
status 1 "$emu" -s lots ./report; has "$line" "'lots' is not a size"
status 1 "$emu" -d in_asmm ./report; has "$line" "did you mean 'in_asm'?"
status 1 "$emu" -B 123 ./report; has "$line" 'not a multiple of the page size'
status 1 "$emu" -R 5 ./report; has "$line" 'cannot reserve 0x5 bytes'
status 1 "$emu"; has "$line" 'program is required'
status 1 "$emu" -D /nonexistent/log ./report; has "$line" '/nonexistent/log: No such file or directory'

is 'argv ./report a -b [c]' "$("$emu" ./report argv a -b '[c]')"
is 'argv other' "$("$emu" -0 other ./report argv)"
is 'env 1 2,3 -' "$(GONE=x "$emu" -E A=1,B=2,,3 -U GONE ./report env A B GONE)"
is 'env new' "$(EMU_SET_ENV=A=old "$emu" -E A=new ./report env A)"
is 'env set' "$(EMU_SET_ENV=A=set "$emu" ./report env A)"
is 'uname aarch64 9.8.7' "$("$emu" -r 9.8.7 ./report uname)"
is 'exit' "$("$emu" ./report exit 7 || [ $? = 7 ] && echo exit)"
is 'stack ok' "$("$emu" -s 256k ./report stack 256)"
is 'base ok' "$("$emu" -B 0x100000000 ./report base)"
is 'base ok' "$("$emu" -R 1G ./report base)"
is 'base ok' "$("$emu" -one-insn-per-tb ./report base)"
is 'base ok' "$("$emu" -interpreter ./report base)"
is 'argv ./report' "$("$EMU_TOOLS/emu-user" ./report argv)"

"$emu" -strace -D log ./report argv >/dev/null || die 'strace'
has "$(cat log)" 'write(1, "argv ./report\n", 14) = 14'
has "$(cat log)" 'exit_group(0) = ?'
"$emu" -strace ./report segv >/dev/null 2>log
has "$(cat log)" '--- SIGSEGV {si_signo=SIGSEGV, si_code=1, si_addr=0x10} ---'
is 139 "$("$emu" ./report segv 2>/dev/null; echo $?)"

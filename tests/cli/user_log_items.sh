#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
# -d in_asm, op, op_opt, out_asm, exec, cpu, fpu, cpu_reset, page and nochain, restricted by -dfilter, in both engines.
. "$(dirname "$0")/lib.sh"

# Three rounds of a loop, with a double in a vector register, and the call that ends the program.
program() {
    case $1 in
    aarch64) cat <<'END'
.globl _start, again
_start: mov x19, #0x1234
        mov x2, #3
        fmov d1, #1.0
        mov x5, #7
        mov x5, #8
again:  add x19, x19, #1
        subs x2, x2, #1
        b.ne again
        mov x0, #0
        mov x8, #93
        svc #0
END
        ;;
    x86_64) cat <<'END'
.globl _start, again
_start: mov $0x1234, %rbx
        mov $3, %ecx
        mov $0x3ff0000000000000, %rax
        movq %rax, %xmm1
        mov $7, %esi
again:  add $1, %rbx
        dec %ecx
        jnz again
        xor %edi, %edi
        mov $60, %eax
        syscall
END
        ;;
    i386) cat <<'END'
.globl _start, again
_start: mov $0x1234, %ebp
        mov $3, %ecx
        mov $0x3ff00000, %eax
        movd %eax, %xmm1
        mov $7, %esi
again:  add $1, %ebp
        dec %ecx
        jnz again
        xor %ebx, %ebx
        mov $1, %eax
        int $0x80
END
        ;;
    arm) cat <<'END'
.arch armv7-a
.fpu vfpv3
.globl _start, again
_start: mov r4, #0x1200
        add r4, r4, #0x34
        mov r2, #3
        vmov.f64 d1, #1.0
        mov r5, #7
again:  add r4, r4, #1
        subs r2, r2, #1
        bne again
        mov r0, #0
        mov r7, #1
        svc #0
END
        ;;
    esac
}
# The counted register in its third round, the program counter, and the vector register with its value.
registers() {
    case $1 in
    aarch64) third='X19=0000000000001236' pc='PC =0000000000' vector='V1 =' ;;
    x86_64) third='RBX=0000000000001236' pc='RIP=0000000000' vector='XMM1=' ;;
    i386) third='EBP=00001236' pc='EIP=00' vector='XMM1=' ;;
    arm) third='R4 =00001236' pc='PC =00' vector='D1 =' ;;
    esac
}
# Thread ids differ from run to run.
traces() { sed -n 's/^Trace [0-9]*: //p' "$1"; }

items() {
    local arch=$1 compiler=$2 emu=$EMU_TOOLS/emu-$1 engine start again each
    program "$arch" >loop.S
    "$compiler" -nostdlib -static -no-pie -Wl,--build-id=none,-Ttext=0x400000 -o loop loop.S || die "$arch: cannot assemble"
    start=$(printf '%#x' "0x$("${compiler%gcc}nm" loop | sed -n 's/ T _start$//p')")
    again=$(printf '%#x' "0x$("${compiler%gcc}nm" loop | sed -n 's/ T again$//p')")
    registers "$arch"
    for engine in '' -interpreter; do
        # shellcheck disable=SC2086
        run() { rm -f log; "$emu" $engine -D log "$@" || die "$arch $engine $*: $?"; [ -e log ] || : >log; }
        # Blocks go on behind a branch that is not taken: the program, and twice the loop with what follows it.
        run -d exec,nochain ./loop
        is "$start $again $again" "$(traces log | cut -d, -f1 | tr '\n' ' ' | sed 's/ $//')"
        traces log | head -1 | grep -Eq ', [0-9]+ instructions, mode 0x' || die "exec: $(cat log)"
        run -one-insn-per-tb -d exec,nochain ./loop
        is 17 "$(traces log | wc -l)"
        is 3 "$(traces log | lines "^$again,")"
        run -d exec,cpu,nochain ./loop
        has "$(cat log)" "$third"
        [ "$(lines -F "$vector" <log)" = 0 ] || die "vectors without fpu"
        is "$(traces log | wc -l)" "$(lines -F "$pc" <log)"
        run -one-insn-per-tb -d exec,cpu,fpu,nochain ./loop
        is 17 "$(lines -F "$vector" <log)"
        has "$(grep -F "$vector" log | tail -1)" '3ff00000'
        sed 's/^Trace [0-9]*/Trace/' log >"every$engine"
        run -one-insn-per-tb -d fpu ./loop
        is '' "$(cat log)"

        run -d in_asm ./loop
        grep -Eq "^IN: [0-9]+ instructions at $start, mode" log || die "in_asm: $(cat log)"
        run -d op ./loop
        cp log op
        has "$(cat log)" 'OP:'
        run -d op_opt ./loop
        has "$(cat log)" 'OP after optimisation:'
        # Whatever is used is listed before.
        awk '/^unit/ { split("", known) }
             { text = $0; if ($2 == "=") { new = $1; sub(/^%[0-9]+/, "", text) } else new = ""
               while (match(text, /%[0-9]+/)) { if (!(substr(text, RSTART, RLENGTH) in known)) exit 1; text = substr(text, RSTART + RLENGTH) }
               known[new] = 1 }' log || die "$arch: op_opt uses what it does not show: $(cat log)"
        if [ "$engine" = '' ]; then [ "$(wc -l <log)" -lt "$(wc -l <op)" ] || die 'nothing is optimised'
        else is "$(grep -v '^OP' op)" "$(grep -v '^OP' log)"; fi
        run -d out_asm ./loop
        if [ "$engine" = '' ]; then has "$(cat log)" "OUT: "; else is '' "$(cat log)"; fi

        # One block of each kind at the loop's first instruction, by every form of a range.
        for each in "$again..$again" "$again+1" "$(printf '%#x' $((again + 1)))-2" "0x10..0x20,$again+1"; do
            run -one-insn-per-tb -dfilter "$each" -d exec,cpu,in_asm,op,op_opt,nochain ./loop
            is 3 "$(traces log | lines "^$again,")"
            is 3 "$(lines '^Trace' <log)"
            is 3 "$(lines -F "$pc" <log)"
            is 1 "$(lines '^IN: ' <log)"
            is 1 "$(lines '^OP:' <log)"
            is 1 "$(lines '^OP after' <log)"
        done
        run -dfilter 0x10+0x10 -d exec,cpu,in_asm,op,op_opt,out_asm,nochain ./loop
        is '' "$(cat log)"

        run -d cpu_reset ./loop
        is 1 "$(lines '^CPU Reset [0-9]*:$' <log)"
        has "$(cat log)" "$pc"
        [ "$(lines -F "$vector" <log)" = 0 ] || die "vectors without fpu"
        run -d cpu_reset,fpu ./loop
        has "$(cat log)" "$vector"
        run -d page ./loop
        grep -Eq '^[0-9a-f]{16}-[0-9a-f]{16} r-x$' log || die "page: $(cat log)"
    done
    cmp every every-interpreter || die "$arch: registers before every instruction differ between the engines"
    # Linked blocks are not seen: the loop's second round comes from itself.
    "$emu" -D log -d exec ./loop
    is "$start $again" "$(traces log | cut -d, -f1 | tr '\n' ' ' | sed 's/ $//')"
}
each_guest items

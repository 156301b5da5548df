#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
# -plugin: the three examples on a program whose loop is known; what is refused.
. "$(dirname "$0")/lib.sh"
requires aarch64-linux-gnu-gcc gcc
for name in count hotblocks cache; do
    gcc -O1 -Wall -shared -fPIC -pthread -I "$here/../../libs/plugin" -o $name.so "$here/../../examples/plugins/$name.c" || die "cannot compile $name.c"
done
# Four instructions a round, one of them a load: 100000 rounds.
cat >loop.S <<'END'
.globl _start
_start: adr x1, _start
        ldr x2, =100000
1:      ldr x3, [x1]
        sub x2, x2, #1
        add x4, x4, x3
        cbnz x2, 1b
        mov x0, #0
        mov x8, #93
        svc #0
END
aarch64-linux-gnu-gcc -nostdlib -static -o loop loop.S || die "cannot assemble"
emu=$EMU_TOOLS/emu-aarch64
for engine in '' -interpreter; do
    # shellcheck disable=SC2086
    text=$("$emu" $engine -plugin ./count.so ./loop 2>&1) || die "count: $text"
    has "$text" 'instructions: 400005,'
done
text=$("$emu" -plugin hotblocks.so,top=1 ./loop 2>&1)
has "$text" ': 4 instructions, '
is 1 "$(wc -l <<<"$text")"
text=$("$emu" -plugin ./cache.so,size=4096,ways=2 -plugin ./count.so ./loop 2>&1)
has "$text" 'reads: 100001, writes: 0, misses: 2 (0.00 %)'
has "$text" 'instructions: 400005,'
"$emu" -D log -plugin ./count.so ./loop || die "with -D"
has "$(cat log)" 'instructions:'
status 1 "$emu" -plugin ./count.so,no=such ./loop
has "$line" 'the plugin refuses'
status 1 "$emu" -plugin ./nothing.so ./loop
has "$line" 'nothing.so'

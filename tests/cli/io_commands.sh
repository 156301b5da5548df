#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
# emu-io: the commands and the text they print (rates taken out).
. "$(dirname "$0")/lib.sh"
img=$EMU_TOOLS/emu-img io=$EMU_TOOLS/emu-io
"$img" create -q -f qcow2 a.qcow2 8M
plain() { sed -E 's/[0-9][0-9.]* sec \(.*\)/T/; s/[0-9]:[0-9:.]+,[0-9.]+,[0-9.]+/T/' out; }
runs() { local args=(); for c in "$@"; do args+=(-c "$c"); done; "$io" "${args[@]}" a.qcow2 >out 2>err; got=$?; }
runs 'write -P 0xaa 0 64k' 'read -P 0xaa 0 64k' 'read -P 0xbb 0 64k' 'read -v 3 20' 'read -C 0 4k' 'writev 0 512 1k' 'discard 64k 64k' 'length' 'map' 'alloc 0' \
    'alloc 0 100M' 'read -P 1 -s 512 0 1k' 'truncate 16M' 'length' 'aio_write -P 7 0 4k' 'aio_flush' 'aio_read -P 7 0 4k' 'aio_flush' 'write -z 0 64k' 'read -P 0 0 64k' 'write -q 1M 64k'
is 1 $got
is 'wrote 65536/65536 bytes at offset 0
64 KiB, 1 ops; T
read 65536/65536 bytes at offset 0
64 KiB, 1 ops; T
Pattern verification failed at offset 0, 65536 bytes
read 65536/65536 bytes at offset 0
64 KiB, 1 ops; T
00000003:  aa aa aa aa aa aa aa aa aa aa aa aa aa aa aa aa  ................
00000013:  aa aa aa aa  ....
read 20/20 bytes at offset 3
20 bytes, 1 ops; T
4096,1,T
wrote 1536/1536 bytes at offset 0
1.500 KiB, 1 ops; T
discard 65536/65536 bytes at offset 65536
64 KiB, 1 ops; T
8 MiB
64 KiB (0x10000) bytes     allocated at offset 0 bytes (0x0)
7.938 MiB (0x7f0000) bytes not allocated at offset 64 KiB (0x10000)
512/512 bytes allocated at offset 0 bytes
65536/8388608 bytes allocated at offset 0 bytes
Pattern verification failed at offset 512, 512 bytes
read 1024/1024 bytes at offset 0
1 KiB, 1 ops; T
16 MiB
wrote 4096/4096 bytes at offset 0
4 KiB, 1 ops; T
read 4096/4096 bytes at offset 0
4 KiB, 1 ops; T
wrote 65536/65536 bytes at offset 0
64 KiB, 1 ops; T
read 65536/65536 bytes at offset 0
64 KiB, 1 ops; T' "$(plain)"
fails() { want=$1; shift; runs "$@"; is 1 $got; has "$(cat out err)" "$want"; }
fails 'bad argument count 0 to read, expected at least 2 arguments' read
fails 'command "foo" not found' foo
fails 'read failed: Input/output error' 'read 100M 1'
fails 'non-numeric argument' 'read a b'
fails "read: invalid option -- '1'" 'read 0 -1'
fails '-n requires -z to be specified' 'write -n 0 1k'
fails 'Only one of -z, -P, and -s can be specified at the same time' 'write -z -P 1 0 1k'
fails '0x1ff is not a valid pattern byte' 'write -P 0x1ff 0 1k'
fails 'length cannot exceed 2147483136, given 3G' 'read 0 3G'
fails "no file open, try 'help open'" close length
fails 'Block node is read-only' 'reopen -r' 'write 0 512'
fails 'Could not set breakpoint: Operation not supported' 'break write_aio A'
fails "file open already, try 'help close'" 'open x'
runs 'reopen -r' 'reopen -w' 'write -q 0 512' 'close' 'open -r a.qcow2' 'read -q -P 0xcd 0 512' quit 'foo'
is 0 $got
has "$(echo 'read 0 1k' | "$io" a.qcow2)" 'emu-io> read 1024/1024 bytes at offset 0'
has "$("$io" -c help)" "write [-bcCfnquz] [-P pattern | -s source_file] off len -- writes a number of bytes at a specified offset"
"$io" -c length none 2>err && die "opened nothing"
has "$(cat err)" "emu-io: can't open device none: Could not open 'none'"
"$io" -s -c 'write -q -P 5 0 1M' -c 'read -q -P 5 0 1M' a.qcow2 >out || die "-s: $(cat out)"
"$io" -c 'read -q -P 0xcd 0 512' a.qcow2 || die "-s changed the image"

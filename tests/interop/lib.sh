# SPDX-License-Identifier: MIT
# Sourced by the tests here: what tests/cli/lib.sh has, servers on this host's loopback that end with the test, and disk contents
# to compare.
. "$(dirname "$0")/../cli/lib.sh"

img=$EMU_TOOLS/emu-img
needs_img() { [ -x "$img" ] || { echo "emu-img is not built"; exit 77; }; }

# steady COMMAND...   again where QEMU's own measuring of the key derivation fails, which it does on a busy machine
steady() {
    local i
    for i in $(seq 20); do
        "$@" 2>steady.err && return 0
        grep -q "accurate CPU usage" steady.err || break
    done
    cat steady.err >&2
    return 1
}

servers=()
end_servers() {
    local pid i
    for pid in "${servers[@]:-}"; do [ -z "$pid" ] || kill "$pid" 2>/dev/null; done
    for i in $(seq 20); do
        for pid in "${servers[@]:-}"; do [ -z "$pid" ] || ! kill -0 "$pid" 2>/dev/null || { sleep 0.05; continue 2; }; done
        break
    done
    for pid in "${servers[@]:-}"; do [ -z "$pid" ] || kill -9 "$pid" 2>/dev/null; done
    rm -rf "$work"
}
trap end_servers EXIT

# free_port: a TCP port that nothing listens on, nor on the next one; not of those that the kernel gives to whoever connects
free_port() {
    python3 - <<'P'
import random, socket
while True:
    port = random.randrange(10000, 32000)
    try:
        for n in 0, 1: socket.socket().bind(("", port + n))
    except OSError:
        continue
    print(port)
    break
P
}
# wait_port PORT   until something listens there
wait_port() {
    local i
    for i in $(seq 100); do
        (exec 3<>"/dev/tcp/127.0.0.1/$1") 2>/dev/null && return 0
        sleep 0.1
    done
    return 1
}
# contents FILE MIB   a disk with data of all kinds: noise, text, holes, single bytes; the same each time
contents() {
    python3 - "$1" "$2" <<'P'
import random, sys
name, size = sys.argv[1], int(sys.argv[2]) << 20
r = random.Random(7)
with open(name, 'wb') as f:
    f.truncate(size)
    at = 0
    while at < size:
        kind, length = r.randrange(5), r.choice((512, 4096, 65536, 300 << 10, 1 << 20))
        length = min(length, size - at)
        f.seek(at)
        if kind == 0: f.write(r.randbytes(length))
        elif kind == 1: f.write((b'line %08d\n' % at * (length // 14 + 1))[:length])
        elif kind == 2: f.write(b'x')
        elif kind == 3: f.seek(at + length - 1); f.write(b'y')
        at += length
P
}
same() { cmp "$1" "$2" || die "$1 and $2 differ${3:+: $3}"; }

#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
# emu-nbd and other people's clients: libnbd's tools, qemu-img, qemu-io, qemu-nbd.
. "$(dirname "$0")/../cli/lib.sh"
. "$here/../interop/nbd_lib.bash"
requires nbdinfo nbdcopy nbdsh qemu-img qemu-io qemu-nbd
make_raw a.raw

start "$socket" "$nbd" -f raw -t -e 0 -A -D 'some text' --discard=unmap -k "$socket" a.raw
json=$(nbdinfo --json "$uri") || die "nbdinfo"
for part in '"protocol": "newstyle-fixed"' '"structured": true' '"export-size": 33554432' '"description": "some text"' '"is_read_only": false' \
            '"can_cache": true' '"can_df": true' '"can_fast_zero": true' '"can_flush": true' '"can_fua": true' '"can_multi_conn": true' \
            '"can_trim": true' '"can_zero": true' '"block_size_minimum": 1' '"block_size_preferred": 4096' '"block_size_maximum": 33554432'; do
    has "$json" "$part"
done
is "base:allocation
qemu:allocation-depth" "$(nbdinfo --json "$uri" | python3 -c 'import json,sys; print("\n".join(json.load(sys.stdin)["exports"][0]["contexts"]))')"
is 33554432 "$(nbdinfo --size "$uri")"
nbdinfo --is read-only "$uri" && die "read-only"
nbdinfo --list "$uri" | grep -q '^export=""' || die "nbdinfo --list"

# The whole image out, with holes, through one connection and several.
for options in "" "--connections=4 --requests=32" "--synchronous" "--no-extents"; do
    # shellcheck disable=SC2086
    nbdcopy $options "$uri" out.raw || die "nbdcopy $options"
    cmp a.raw out.raw || die "nbdcopy $options: different bytes"
done
[ "$(stat -c %b out.raw)" -gt 0 ] || die "no blocks"
map() { qemu-img map --output=json "$@" | python3 -c 'import json,sys; print([(e["start"], e["length"], e["data"], e["zero"]) for e in json.load(sys.stdin)])'; }
is "$(map -f raw a.raw)" "$(map -f raw "$uri")"

# And in again, elsewhere.
make_raw b.raw
nbdcopy --flush b.raw "$uri" || die "nbdcopy in"
cmp a.raw b.raw || die "nbdcopy in: different bytes"
make_raw b.raw
nbdcopy --connections=3 --allocated b.raw "$uri" || die "nbdcopy --allocated"
cmp a.raw b.raw || die "nbdcopy --allocated: different bytes"
qemu-img compare -f raw -F raw b.raw "$uri" >log || die "qemu-img compare: $(cat log)"
qemu-img convert -f raw -O qcow2 "$uri" c.qcow2 && qemu-img compare -f qcow2 -F raw c.qcow2 b.raw >log || die "qemu-img convert: $(cat log)"
qemu-img convert -n -f qcow2 -O raw c.qcow2 "$uri" && cmp a.raw b.raw || die "qemu-img convert into the export"
qemu-img bench -f raw -c 500 -d 16 -s 8k -w "$uri" >log || die "qemu-img bench: $(cat log)"
qemu-img info "$uri" | grep -q 'virtual size: 32 MiB' || die "qemu-img info"
qemu-io -d unmap -f raw -c 'write -P 7 1000 70000' -c 'read -P 7 1000 70000' -c 'write -z -u 0 1M' -c 'read -P 0 0 1M' -c 'discard 2M 1M' -c flush -c 'write -f -P 3 5M 64k' \
        -c 'read -P 3 5M 64k' "$uri" >log || die "qemu-io: $(cat log)"
grep -qi 'fail\|error' log && die "qemu-io: $(cat log)"
qemu-io -f raw -c 'write -P 5 12M 1M' -c flush "$uri" >log
before=$(stat -c %b a.raw)
qemu-io -d unmap -f raw -c 'discard 12M 1M' "$uri" >log
[ "$(stat -c %b a.raw)" = $((before - 2048)) ] || die "a discarded megabyte takes room: $before, $(stat -c %b a.raw)"

# Every command with every flag, and requests that are wrong.
nbdsh -u "$uri" -c - <<'PY' || die "nbdsh"
import nbd
data = bytes(range(256)) * 1000
h.pwrite(data, 12345, nbd.CMD_FLAG_FUA)
assert h.pread(len(data), 12345) == data
chunks = []
h.pread_structured(len(data), 12345, lambda buf, at, status, err: chunks.append((at, status)), nbd.CMD_FLAG_DF)
assert chunks == [(12345, nbd.READ_DATA)], chunks
h.zero(1 << 20, 4 << 20, nbd.CMD_FLAG_NO_HOLE | nbd.CMD_FLAG_FUA)
h.zero(1 << 20, 5 << 20, nbd.CMD_FLAG_FAST_ZERO)
h.trim(1 << 20, 6 << 20, nbd.CMD_FLAG_FUA)
h.cache(1 << 20, 0)
h.flush()
assert h.pread(2 << 20, 4 << 20) == bytes(2 << 20)
chunks = []
h.pread_structured(3 << 20, 3 << 20, lambda buf, at, status, err: chunks.append(status))
assert nbd.READ_HOLE in chunks, chunks
h.set_strict_mode(0)
end = h.get_size()
for call, want in ((lambda: h.pread(1, end), "EINVAL"), (lambda: h.pwrite(b"x", end), "ENOSPC"), (lambda: h.zero(1, end), "ENOSPC"),
                   (lambda: h.trim(1, end), "EINVAL"), (lambda: h.pread(40 << 20, 0), "EINVAL"), (lambda: h.flush(nbd.CMD_FLAG_FUA), "EINVAL"),
                   (lambda: h.pread(1, 0, 0x80), "EINVAL"), (lambda: h.cache(1, end), "EINVAL")):
    try:
        call()
    except nbd.Error as e:
        assert e.errno == want, (e.errno, want, e)
    else:
        raise SystemExit("no error where " + want + " was expected")
assert h.pread(512, 0)
# many in flight
cookies = [h.aio_pread(nbd.Buffer(65536), i * 65536) for i in range(200)]
while cookies:
    h.poll(-1)
    cookies = [c for c in cookies if not h.aio_command_completed(c)]
PY
nbdsh -c "uri='$uri'" -c - <<'PY' || die "nbdsh, option mode"
import nbd
h.set_opt_mode(True)
h.set_full_info(True)
h.connect_uri(uri)
found = []
assert h.opt_list(lambda name, text: found.append((name, text))) == 1
assert found == [("", "some text")], found
h.set_export_name("nothing")
try:
    h.opt_info()
    raise SystemExit("an unknown export is there")
except nbd.Error as e:
    assert e.errno == "ENOENT", e
h.set_export_name("")
h.opt_info()
assert h.get_canonical_export_name() == "" and h.get_export_description() == "some text"
contexts = []
h.opt_list_meta_context(lambda name: contexts.append(name))
assert contexts == ["base:allocation", "qemu:allocation-depth"], contexts
h.opt_go()
assert h.pread(512, 0)
h.shutdown()
PY
is "$(qemu-nbd -L -k "$socket")" "$("$nbd" -L -k "$socket" | grep -v 'transaction size')"
finish
[ ! -e "$socket" ] || die "the socket is left"

# Backing chains: depths, and one layer's allocation.
qemu-img create -q -f qcow2 base.qcow2 8M && qemu-io -f qcow2 -c 'write -P 1 0 1M' base.qcow2 >/dev/null
if qemu-img create -q -f qcow2 -b base.qcow2 -F qcow2 top.qcow2 && "$nbd" -f qcow2 -r -k "$socket" nothing.qcow2 2>&1 | grep -q "Unknown driver"; then
    echo "left out: no qcow2 in this build"
else
    qemu-io -f qcow2 -c 'write -P 2 2M 1M' top.qcow2 >/dev/null
    qemu-img bitmap --add -g 64k top.qcow2 bm0 && qemu-io -f qcow2 -c 'write -P 3 3M 128k' top.qcow2 >/dev/null && qemu-img bitmap --disable top.qcow2 bm0
    start "$socket" "$nbd" -f qcow2 -r -t -A -B bm0 -k "$socket" top.qcow2
    is "$(printf '         0     1048576    2  backing depth 2\n   1048576     1048576    0  absent\n   2097152     1179648    1  local\n   3276800     5111808    0  absent')" \
        "$(nbdinfo --map=qemu:allocation-depth "$uri" | sed 's/ unallocated/ absent/; s/ *$//')"
    is "$(printf '         0     3145728    0  clean\n   3145728      131072    1  dirty\n   3276800     5111808    0  clean')" "$(nbdinfo --map=qemu:dirty-bitmap:bm0 "$uri")"
    is "$(nbdinfo --map=qemu:dirty-bitmap:bm0 "$uri" | awk '{print $1, $2, $3}')" "$(nbdinfo --map=emu:dirty-bitmap:bm0 "$uri" | awk '{print $1, $2, $3}')"
    qemu-img compare -f qcow2 -F raw top.qcow2 "$uri" >log || die "qcow2: $(cat log)"
    finish
    # A bitmap that is enabled takes down what clients write, and is told as it is then.
    qemu-img bitmap --enable top.qcow2 bm0
    start "$socket" "$nbd" -f qcow2 -t -B bm0 -k "$socket" top.qcow2
    qemu-io -f raw -c 'write -P 4 7M 64k' "$uri" >/dev/null
    is "$(printf '3145728 131072 dirty\n7340032 65536 dirty')" "$(nbdinfo --map=qemu:dirty-bitmap:bm0 "$uri" | awk '$4 == "dirty" {print $1, $2, $4}')"
    finish
    qemu-img check -q top.qcow2 || die "the bitmap's image is damaged"
fi
echo "all clients agree"

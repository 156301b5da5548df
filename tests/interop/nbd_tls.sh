#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
# NBD with TLS, by the commands of docs/howto/nbd-with-tls.md as they stand there: certificates and shared keys, our server with
# other clients, our client with other servers, and who is refused.
. "$(dirname "$0")/../cli/lib.sh"
. "$here/../interop/nbd_lib.bash"
requires certtool psktool nbdinfo nbdkit nbdcopy gnutls-cli
PATH=$EMU_TOOLS:$PATH
guide=$here/../../docs/howto/nbd-with-tls.md
# block N   the N-th piece of commands in the guide, with ports of our own
port=$((10000 + RANDOM % 20000)) # below those that the kernel gives to whoever connects
block() { awk -v want="$1" '/^```sh/ {n++; on = n == want; next} /^```/ {on = 0} on' "$guide" | sed "s/10810/$port/g; s/10811/$((port + 1))/g"; }
serve() {
    "$@" >server.log 2>&1 &
    server=$!
    pids="$pids $server"
    for _ in $(seq 200); do
        (exec 3<>/dev/tcp/localhost/"$port") 2>/dev/null && return
        kill -0 $server 2>/dev/null || die "$* ended: $(cat server.log)"
        sleep 0.05
    done
    die "$* does not listen"
}

bash -eu -c "$(block 1)" >log 2>&1 || die "certificates: $(cat log)"
command=$(block 2 | tail -1)
bash -c "$(block 2 | head -1)"
head -c 5000000 /dev/urandom | dd of=disk.raw conv=notrunc status=none
# shellcheck disable=SC2086
serve $command
bash -eu -c "$(block 3)" >log 2>&1 || die "clients: $(cat log)"
has "$(cat log)" "export-size: 67108864"
has "$(cat log)" "exports available: 1"
secure="nbds://localhost:$port/?tls-certificates=$work/pki/client"
nbdcopy "$secure" out.raw && cmp disk.raw out.raw || die "copying through TLS"
nbdcopy --connections=4 --requests=64 disk.raw "$secure" || die "copying into it"
nbdsh -c "h.set_uri_allow_local_file(True); h.connect_uri('$secure')" -c 'd = bytes(range(256)) * 8000; h.pwrite(d, 777); assert h.pread(len(d), 777) == d' || die "nbdsh"
nbdinfo "nbd://localhost:$port/" >log 2>&1 && die "let in without TLS"
nbdinfo "nbds://127.0.0.1:$port/?tls-certificates=$work/pki/client" >log 2>&1 && die "another name than the certificate's was taken"
# gnutls-cli has no start of TLS for NBD: it is led there by hand, and says whom it met.
python3 - "$port" >gnutls.log 2>&1 <<'PY' || die "gnutls-cli: $(cat gnutls.log)"
import os, socket, struct, subprocess, sys, threading
server = socket.create_connection(("localhost", int(sys.argv[1])))
assert server.recv(18, socket.MSG_WAITALL)[:8] == b"NBDMAGIC"
server.sendall(struct.pack(">I", 3) + b"IHAVEOPT" + struct.pack(">II", 5, 0))
assert struct.unpack(">QIII", server.recv(20, socket.MSG_WAITALL))[2] == 1
door = socket.create_server(("localhost", 0))
client = subprocess.Popen(["gnutls-cli", "--x509cafile", "pki/ca-cert.pem", "--x509certfile", "pki/client/client-cert.pem", "--x509keyfile",
                           "pki/client/client-key.pem", "-p", str(door.getsockname()[1]), "localhost"], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
inner, _ = door.accept()
def pump(a, b):
    try:
        while data := a.recv(65536):
            b.sendall(data)
    except OSError:
        pass
for pair in ((inner, server), (server, inner)):
    threading.Thread(target=pump, args=pair, daemon=True).start()
seen = ""
for line in client.stdout:
    seen += line
    if "Handshake was completed" in line:
        break
client.kill()
print(seen)
assert "The certificate is trusted" in seen and "Handshake was completed" in seen and "TLS1.3" in seen
PY
finish

# Certificates of strangers, and of those who are not on the list.
(mkdir -p other && cd other && bash -eu -c "$(block 1)" >/dev/null 2>&1) || die "other certificates"
# shellcheck disable=SC2086
serve $command
nbdinfo "nbds://localhost:$port/?tls-certificates=$work/other/pki/client" >log 2>&1 && die "a stranger's certificate was taken"
nbdinfo "$secure" >log 2>&1 || die "after a stranger: $(cat log)"
finish
printf '{"rules": [{"match": "O=Example,CN=back*", "policy": "allow", "format": "glob"}]}' >rules.json
for rule in "0 authz-simple,id=a0,identity=O=Example,,CN=backup" "1 authz-simple,id=a0,identity=CN=nobody" "1 authz-list,id=a0" "0 authz-list-file,id=a0,filename=rules.json" \
            "0 authz-list,id=a0,rules.0.match=O=Example,,CN=backup*,rules.0.policy=allow,rules.0.format=glob,rules.1.match=O=Example,,CN=anna,rules.1.policy=allow" \
            "1 authz-list,id=a0,policy=allow,rules.0.match=O=Example,,CN=backup,rules.0.policy=deny" "1 authz-pam,id=a0,service=emu-test-none"; do
    # shellcheck disable=SC2086
    serve ${command% disk.raw} -v --object "${rule#* }" --tls-authz a0 disk.raw
    nbdinfo "$secure" >log 2>&1
    got=$?
    [ $got = "${rule%% *}" ] || die "$rule: nbdinfo ended with $got: $(cat log server.log)"
    [ $got = 0 ] || has "$(cat server.log)" "O=Example,CN=backup"
    finish
done

# Keys.
bash -eu -c "$(block 5 | head -1)" >log 2>&1 || die "keys: $(cat log)"
keys=$(block 5)
port=$((port + 1))
# shellcheck disable=SC2046
serve $(echo "$keys" | sed -n 2p)
bash -eu -c "$(echo "$keys" | sed -n 3,4p)" >log 2>&1 || die "clients with keys: $(cat log)"
has "$(cat log)" "export-size: 67108864"
printf 'alice:00112233445566778899\n' >wrong.psk
nbdinfo "nbds://alice@localhost:$port/?tls-psk-file=$work/wrong.psk" >log 2>&1 && die "a wrong key was taken"
finish

# Our client, nbdkit's TLS.
start "$work/i.sock" nbdkit -f --tls=require --tls-certificates="$work/pki/server" -U "$work/i.sock" file disk.raw
first=$server
start "$socket" "$nbd" -t -e 0 -k "$socket" --object tls-creds-x509,id=t0,dir="$work/pki/client",endpoint=client \
    --image-opts "driver=raw,file.driver=nbd,file.server.type=unix,file.server.path=$work/i.sock,file.tls-creds=t0"
nbdcopy "$uri" out.raw && cmp disk.raw out.raw || die "our client, nbdkit's TLS"
finish
line=$("$nbd" -k "$socket" -f raw "nbd+unix:///?socket=$work/i.sock" 2>&1) && die "our client came in without TLS"
server=$first finish
start "$work/i.sock" nbdkit -f --tls=require --tls-psk="$work/keys/keys.psk" -U "$work/i.sock" file disk.raw
has "$("$nbd" -L -k "$work/i.sock" --object tls-creds-psk,id=t0,dir="$work/keys",username=alice,endpoint=client --tls-creds t0)" "size:  67108864"
finish

# What does not go together.
status 1 "$nbd" -f raw --tls-creds none disk.raw
has "$line" "No TLS credentials with id 'none'"
status 1 "$nbd" -f raw --object tls-creds-x509,id=t0,dir="$work/pki/client",endpoint=client --tls-creds t0 disk.raw
has "$line" "Expecting TLS credentials with a server endpoint"
status 1 "$nbd" -f raw --object tls-creds-x509,id=t0,dir="$work/nothing",endpoint=server --tls-creds t0 disk.raw
echo "TLS works as the guide says"

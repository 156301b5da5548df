#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
# http and https against nginx: ranges, a server without them, TLS verification, passwords, cookies, redirections, an overlay above.
. "$(dirname "$0")/lib.sh"
needs_img
PATH=$PATH:/usr/sbin requires nginx certtool python3 openssl
PATH=$PATH:/usr/sbin

port=$(free_port) tls=$(free_port)
mkdir root logs tmp
contents root/disk.raw 12
"$img" convert -f raw -O qcow2 root/disk.raw root/disk.qcow2 2>/dev/null || "$img" convert -f raw -O qed root/disk.raw root/disk.qcow2 || die "convert"
printf 'user:%s\n' "$(openssl passwd -apr1 secret)" >passwords
certtool --generate-privkey --ecdsa --outfile key.pem >/dev/null 2>&1
printf 'cn=localhost\ndns_name=localhost\nip_address=127.0.0.1\nca\ncert_signing_key\ntls_www_server\nsigning_key\nexpiration_days=5\n' >cert.info
certtool --generate-self-signed --load-privkey key.pem --template cert.info --outfile cert.pem >/dev/null 2>&1 || die "certificate"
chmod 755 . root
cat >nginx.conf <<C
daemon off; pid $work/nginx.pid; error_log $work/logs/error.log; user root;
events { worker_connections 64; }
http {
    access_log $work/logs/access.log; client_body_temp_path $work/tmp; proxy_temp_path $work/tmp; fastcgi_temp_path $work/tmp;
    uwsgi_temp_path $work/tmp; scgi_temp_path $work/tmp; root $work/root;
    server {
        listen 127.0.0.1:$port; listen 127.0.0.1:$tls ssl; ssl_certificate $work/cert.pem; ssl_certificate_key $work/key.pem;
        location /norange/ { alias $work/root/; max_ranges 0; }
        location /private/ { alias $work/root/; auth_basic "x"; auth_basic_user_file $work/passwords; }
        location /cookie/ { alias $work/root/; if (\$cookie_key != "open") { return 403; } }
        location /moved/ { rewrite ^/moved/(.*)\$ /\$1 redirect; }
        location /nohead/ { alias $work/root/; limit_except GET { deny all; } if (\$request_method = HEAD) { return 405; } }
        location /local/ { return 302 file:///etc/passwd; }
    }
}
C
nginx -p "$work" -c nginx.conf 2>start.log &
servers+=($!)
wait_port "$port" || die "nginx does not start: $(cat start.log)"
url=http://127.0.0.1:$port

read_back() { "$img" convert -O raw "$@" got.raw 2>err || die "convert $*: $(cat err)"; same root/disk.raw got.raw "$*"; }
read_back -f raw "$url/disk.raw"
read_back -f raw "$url/moved/disk.raw"
read_back -f raw "$url/nohead/disk.raw"
read_back "$url/disk.qcow2"
read_back --image-opts "driver=raw,file.driver=http,file.url=$url/disk.raw,file.readahead=64k,file.timeout=30"
read_back --object secret,id=p,data=secret --image-opts "driver=raw,file.driver=http,file.url=$url/private/disk.raw,file.username=user,file.password-secret=p"
read_back --image-opts "driver=raw,file.driver=http,file.url=$url/cookie/disk.raw,file.cookie=key=open"
read_back --object secret,id=c,data=key=open --image-opts "driver=raw,file.driver=http,file.url=$url/cookie/disk.raw,file.cookie-secret=c"
read_back --image-opts "driver=raw,file.driver=https,file.url=https://127.0.0.1:$tls/disk.raw,file.sslverify=off"

refuses() {
    local part=$1
    shift
    "$img" convert -O raw "$@" bad.raw >/dev/null 2>err && die "not refused: $*"
    has "$(cat err)" "$part"
}
refuses "range" -f raw "$url/norange/disk.raw"
refuses "404" -f raw "$url/nothing"
refuses "401" -f raw "$url/private/disk.raw"
refuses "403" -f raw "$url/cookie/disk.raw"
refuses "certificate" -f raw "https://127.0.0.1:$tls/disk.raw"
refuses "rotocol" -f raw "$url/local/x"
refuses "readahead" --image-opts "driver=raw,file.driver=http,file.url=$url/disk.raw,file.readahead=100"
refuses "protocol" --image-opts "driver=raw,file.driver=https,file.url=$url/disk.raw"

# Ranges were read by several connections, none of them whole.
[ "$(grep -c '"GET /disk.raw' logs/access.log)" -gt 4 ] || die "the file was not read in ranges"
grep '"GET /disk.raw' logs/access.log | grep -qv ' 206 ' && die "a range request was not answered as one"

# An overlay whose backing file is on the server.
"$img" create -q -f qed -b "$url/disk.raw" -F raw over.qed || die "create"
read_back -f qed over.qed
exit 0

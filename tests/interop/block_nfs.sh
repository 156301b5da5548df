#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
# nfs against nfs-ganesha (or a server that exports $EMU_TEST_NFS already): creation, writing, reading, resizing.
. "$(dirname "$0")/lib.sh"
needs_img
PATH=$PATH:/usr/sbin
requires ganesha.nfsd rpcbind python3
[ "$(id -u)" = 0 ] || { echo "needs root for a server of its own"; exit 77; }

mkdir share
chmod 777 . share
contents disk.raw 10
cp disk.raw share/disk.raw
cat >ganesha.conf <<C
NFS_CORE_PARAM { NFS_Port = $(free_port); MNT_Port = $(free_port); NLM_Port = $(free_port); Rquota_Port = $(free_port); Protocols = 3; Bind_addr = 127.0.0.1; Enable_NLM = false; Enable_RQUOTA = false; }
NFS_KRB5 { Active_krb5 = false; }
NFSv4 { RecoveryBackend = fs_ng; Graceless = true; }
EXPORT_DEFAULTS { SecType = sys; Squash = None; Access_Type = RW; }
EXPORT { Export_Id = 1; Path = $work/share; Pseudo = /share; Protocols = 3; Transports = TCP; Filesystem_Id = 1.1; FSAL { Name = VFS; } }
C
pgrep -x rpcbind >/dev/null || { rpcbind -f -i >rpcbind.log 2>&1 & servers+=($!); sleep 0.5; }
mkdir -p /run/ganesha /var/run/ganesha
ganesha.nfsd -F -L "$work/ganesha.log" -f "$work/ganesha.conf" -N NIV_EVENT -p "$work/ganesha.pid" &
servers+=($!)
url=nfs://127.0.0.1$work/share
for i in $(seq 60); do
    "$img" info -f raw "$url/disk.raw" >out 2>err && break
    kill -0 "${servers[-1]}" 2>/dev/null || break
    sleep 0.25
done
"$img" info -f raw "$url/disk.raw" >/dev/null 2>err || { echo "nfs-ganesha does not serve here: $(cat err; tail -2 ganesha.log)"; exit 77; }
"$img" convert -f raw -O raw "$url/disk.raw" got.raw 2>err || die "read: $(cat err)"
same disk.raw got.raw
"$img" convert -f raw -O raw "$url/disk.raw?uid=0&gid=0&readahead=131072&tcp-syncnt=2" got.raw 2>err || die "read with parameters: $(cat err)"
same disk.raw got.raw "with parameters"
"$img" convert -f raw -O raw disk.raw "$url/made.raw" 2>err || die "write: $(cat err)"
same disk.raw share/made.raw "written"
"$img" convert -f raw -O qed disk.raw "$url/made.qed" 2>err || die "write qed: $(cat err)"
"$img" compare -f raw -F qed disk.raw share/made.qed >/dev/null || die "qed differs"
"$img" convert -O raw --image-opts "driver=qed,file.driver=nfs,file.server.host=127.0.0.1,file.server.type=inet,file.path=$work/share/made.qed" got.raw || die "options"
same disk.raw got.raw "options"
"$img" convert -f raw -O raw "$url/none.raw" got.raw 2>err && die "a file that is not there"
has "$(cat err)" "Could not open"
"$img" convert -f raw -O raw "$url/disk.raw?colour=blue" got.raw 2>err && die "an unknown parameter"
has "$(cat err)" "Unknown NFS parameter name: colour"
exit 0

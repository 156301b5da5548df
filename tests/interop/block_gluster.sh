#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
# gluster against glusterd with a volume of one brick: creation, writing, reading. (Leaving a volume takes the library ten seconds.)
. "$(dirname "$0")/lib.sh"
needs_img
PATH=$PATH:/usr/sbin requires glusterd gluster python3
PATH=$PATH:/usr/sbin
[ "$(id -u)" = 0 ] || { echo "needs root for a server of its own"; exit 77; }
pgrep -x glusterd >/dev/null && { echo "a glusterd runs here already"; exit 77; }

host=$(hostname)
mkdir brick wd
sed "s|option working-directory .*|option working-directory $work/wd|" /etc/glusterfs/glusterd.vol >glusterd.vol
glusterd -N -f "$work/glusterd.vol" -l "$work/glusterd.log" -p "$work/pid" >/dev/null 2>&1 &
servers+=($!)
wait_port 24007 || { echo "glusterd does not start here"; exit 77; }
timeout 20 gluster volume create emu0 "$host:$work/brick" force >out 2>&1 && timeout 30 gluster volume start emu0 >>out 2>&1 || { echo "no volume can be made here: $(tail -1 out)"; exit 77; }
servers+=($(pgrep -f "glusterfsd.*$work" || true))

contents disk.raw 6
"$img" convert -f raw -O raw disk.raw "gluster://$host/emu0/made.raw" 2>err || die "write: $(tail -1 err)"
same disk.raw brick/made.raw written
"$img" convert -O raw --image-opts "driver=raw,file.driver=gluster,file.volume=emu0,file.path=made.raw,file.server.0.type=inet,file.server.0.host=$host,file.server.0.port=24007,file.logfile=/dev/null" got.raw 2>err || die "read: $(tail -1 err)"
same disk.raw got.raw "read"
"$img" convert -f raw -O raw "gluster://$host/emu0" got.raw 2>err && die "a name without a path"
has "$(cat err)" "invalid URI"
exit 0

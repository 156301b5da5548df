#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
# ssh against OpenSSH: keys, an agent, known hosts and fingerprints, creation, writing and reading in parallel.
. "$(dirname "$0")/lib.sh"
needs_img
PATH=$PATH:/usr/sbin requires sshd ssh-keygen ssh-agent python3
PATH=$PATH:/usr/sbin
[ "$(id -u)" = 0 ] || { echo "needs root for a server of its own"; exit 77; }

port=$(free_port)
mkdir -p home/.ssh /run/sshd
chmod 700 . home home/.ssh
ssh-keygen -q -t ed25519 -N '' -f host_key
ssh-keygen -q -t ed25519 -N '' -f home/user_key
cp home/user_key.pub authorized
chmod 600 authorized
sftp=$(find /usr/lib/openssh /usr/libexec -name sftp-server 2>/dev/null | head -1)
[ -n "$sftp" ] || { echo "needs sftp-server"; exit 77; }
cat >sshd_config <<C
Port $port
ListenAddress 127.0.0.1
HostKey $work/host_key
AuthorizedKeysFile $work/authorized
PidFile none
StrictModes no
UsePAM no
UseDNS no
PasswordAuthentication no
PermitRootLogin yes
MaxStartups 50
Subsystem sftp $sftp
C
"$(command -v sshd)" -D -e -f "$work/sshd_config" 2>sshd.log &
servers+=($!)
wait_port "$port" || die "sshd does not start: $(cat sshd.log)"

# The library looks for the user's folder in the password database; keys and hosts come from a configuration of our own.
export HOME=$work/home
eval "$(ssh-agent -s)" >/dev/null
servers+=("$SSH_AGENT_PID")
contents disk.raw 10
user=$(id -un)
url=ssh://$user@127.0.0.1:$port$work
hex=$(awk '{print $2}' host_key.pub | base64 -d | sha256sum | cut -d' ' -f1)

"$img" convert -f raw -O raw "$url/disk.raw?host_key_check=sha256:$hex" got.raw 2>err && die "no key was offered, yet it worked"
has "$(cat err)" "failed to authenticate"
ssh-add -q home/user_key 2>/dev/null || die "ssh-add"
"$img" convert -f raw -O raw "$url/disk.raw?host_key_check=sha256:$hex" got.raw 2>err || die "read: $(cat err)"
same disk.raw got.raw "by fingerprint"
"$img" convert -f raw -O raw "$url/disk.raw?host_key_check=no" got.raw || die "read without a check"
same disk.raw got.raw "without a check"
"$img" convert -f raw -O raw "$url/disk.raw?host_key_check=sha256:${hex%??}00" got.raw 2>err && die "a wrong fingerprint was taken"
has "$(cat err)" "does not match"
"$img" convert -f raw -O raw "$url/none.raw?host_key_check=no" got.raw 2>err && die "a file that is not there"
has "$(cat err)" "No such file or directory"
"$img" convert -f raw -O raw "ssh://$user:word@127.0.0.1:$port/x" got.raw 2>err && die "a password in the URL"
has "$(cat err)" "password-secret"

"$img" convert -f raw -O raw disk.raw "$url/made.raw?host_key_check=no" 2>err || die "write: $(cat err)"
same disk.raw made.raw "written"
"$img" convert -f raw -O qed disk.raw "$url/made.qed?host_key_check=no" 2>err || die "write qed: $(cat err)"
"$img" compare -f raw -F qed disk.raw made.qed >/dev/null || die "qed written over ssh differs"
"$img" convert -f qed -O raw "$url/made.qed?host_key_check=no" got.raw || die "read qed"
same disk.raw got.raw "qed"
"$img" convert -O raw --image-opts "driver=raw,file.driver=ssh,file.server.host=127.0.0.1,file.server.port=$port,file.user=$user,file.path=$work/disk.raw,file.host-key-check.mode=hash,file.host-key-check.type=sha256,file.host-key-check.hash=$hex" got.raw || die "options"
same disk.raw got.raw "options"
exit 0

#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
# LUKS headers with cryptsetup and qemu-img: each opens, and adds keys to, what the others made; detached headers; wrong passwords.
. "$(dirname "$0")/lib.sh"
needs_img
PATH=$PATH:/usr/sbin
requires cryptsetup qemu-img python3
contents disk.raw 4
printf %s passw0rd >one
printf %s another >two
printf %s third >three
one="secret,id=one,file=one" two="secret,id=two,file=two" three="secret,id=three,file=three"
opens() { cryptsetup open --test-passphrase --type luks1 --key-file "$1" "$2" 2>/dev/null; }
by() { # PROGRAM SECRET FILE [OPTIONS]   the contents as the program decrypts them
    local program=$1 secret=$2 file=$3
    "$program" convert -O raw --object "secret,id=k,file=$secret" --image-opts "driver=luks,key-secret=k,file.driver=file,file.filename=$file${4:+,$4}" got.raw 2>err
}

"$img" create -q -f luks --object "$one" -o key-secret=one,iter-time=10 ours.luks 4M || die "create"
"$img" convert -n -f raw --target-image-opts --object "$one" disk.raw driver=luks,key-secret=one,file.driver=file,file.filename=ours.luks || die "convert"
cryptsetup isLuks --type luks1 ours.luks || die "cryptsetup does not know our header"
opens one ours.luks || die "cryptsetup does not open our image"
opens two ours.luks && die "cryptsetup opens our image with a wrong password"
by qemu-img one ours.luks || die "qemu-img does not open ours: $(cat err)"
same disk.raw got.raw "ours, read by qemu-img"

# Keys: ours adds, theirs add, ours erases.
"$img" amend -f luks --object "$one" --object "$two" -o state=active,new-secret=two,keyslot=3,iter-time=10 \
    --image-opts driver=luks,key-secret=one,file.driver=file,file.filename=ours.luks 2>err ||
    "$img" amend --object "$one" --object "$two" -o state=active,new-secret=two,keyslot=3,iter-time=10 \
        --image-opts driver=luks,key-secret=one,file.driver=file,file.filename=ours.luks 2>err || die "amend: $(cat err)"
opens two ours.luks || die "the key that we added does not open the image"
cryptsetup luksDump ours.luks | grep -q "Key Slot 3: ENABLED" || die "the key went to another slot"
cryptsetup -q luksAddKey --pbkdf-force-iterations 1000 --key-file two ours.luks three 2>err || die "luksAddKey: $(cat err)"
by "$img" three ours.luks || die "we do not open with cryptsetup's key: $(cat err)"
same disk.raw got.raw "by cryptsetup's key"
"$img" amend --object "$one" --object "$three" -o state=inactive,old-secret=one \
    --image-opts driver=luks,key-secret=three,file.driver=file,file.filename=ours.luks 2>err || die "erase: $(cat err)"
opens one ours.luks && die "the erased key still opens the image"
opens three ours.luks || die "erasing took another key"
by "$img" one ours.luks && die "we open with the erased key"
has "$(cat err)" "Invalid password"

# What cryptsetup formats, with other ciphers.
for row in "aes-cbc-essiv:sha256 sha1 256" "serpent-xts-plain64 sha512 512" "twofish-cbc-plain sha256 256"; do
    set -- $row
    rm -f theirs.luks
    truncate -s 8M theirs.luks
    cryptsetup -q luksFormat --type luks1 --pbkdf-force-iterations 1000 --cipher "$1" --hash "$2" --key-size "$3" --key-file one theirs.luks 2>/dev/null || continue
    "$img" convert -n -f raw --target-image-opts --object "$one" disk.raw driver=luks,key-secret=one,file.driver=file,file.filename=theirs.luks || die "write into $1"
    by qemu-img one theirs.luks || die "qemu-img does not open $1: $(cat err)"
    truncate -s 4M got.raw
    same disk.raw got.raw "$1 of cryptsetup, written by us, read by qemu-img"
    by "$img" one theirs.luks || die "we do not open $1: $(cat err)"
    truncate -s 4M got.raw
    same disk.raw got.raw "$1 of cryptsetup"
done

# A header of its own.
truncate -s 4M payload
cryptsetup -q luksFormat --type luks1 --pbkdf-force-iterations 1000 --key-file one --header head --align-payload 0 payload 2>err || { echo "cryptsetup makes no detached header here: $(cat err)"; exit 0; }
"$img" convert -n -f raw --target-image-opts --object "$one" disk.raw \
    driver=luks,key-secret=one,file.driver=file,file.filename=payload,header.driver=file,header.filename=head || die "write with a detached header"
by "$img" one payload header.driver=file,header.filename=head || die "read with a detached header: $(cat err)"
same disk.raw got.raw "with a detached header"
"$img" create -q -f luks --object "$one" -o key-secret=one,iter-time=10,detached-header=on head2 0 || die "create a detached header"
cryptsetup open --test-passphrase --type luks1 --header head2 --key-file one payload 2>err || die "cryptsetup does not open our detached header: $(cat err)"
exit 0

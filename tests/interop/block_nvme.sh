#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
# nvme against QEMU's controller: a virtual machine with an IOMMU, a kernel of the distribution (scripts/fetch-kernel) and our tools
# in its initial memory disk. In it the controller is bound to vfio-pci; what the tools have done is seen from outside in the
# files behind the namespaces.
. "$(dirname "$0")/lib.sh"
needs_img
io=$EMU_TOOLS/emu-io
[ -x "$io" ] || { echo "emu-io is not built"; exit 77; }
requires qemu-system-x86_64 python3 gzip
kernel=$here/../../build/kernel
[ -e "$kernel/done" ] || { echo "no kernel in build/kernel: scripts/fetch-kernel brings one"; exit 77; }
[ "$(uname -m)" = x86_64 ] || { echo "the tools are not of the machine's architecture"; exit 77; }
for device in nvme nvme-ns intel-iommu; do
    qemu-system-x86_64 -device help 2>&1 | grep -q "\"$device\"" || { echo "this qemu-system-x86_64 has no device $device"; exit 77; }
done

# The machine's root: busybox, the modules, the tools with their libraries, a disk's contents.
mkdir -p root/bin root/proc root/sys root/dev root/tmp root/etc
cp "$kernel/busybox" root/bin/busybox
cp -r "$kernel/lib" root/lib
for program in "$img" "$io"; do
    cp "$program" root/bin/
    while read -r file; do
        mkdir -p "root$(dirname "$file")"
        cp -L "$file" "root$file"
    done < <(ldd "$program" | grep -o '/[^ ]*')
done
contents root/source.raw 8
truncate -s 16M one.raw
truncate -s 8M three.raw
cat >root/etc/passwd <<'P'
root:x:0:0::/:/bin/sh
user:x:1000:1000::/:/bin/sh
P
cat >root/init <<'G'
#!/bin/busybox sh
/bin/busybox --install -s /bin
export PATH=/bin LC_ALL=C
mount -t proc proc /proc
mount -t sysfs sysfs /sys
mount -t devtmpfs dev /dev
exec >/dev/ttyS0 2>&1
a=0000:00:04.0
n=nvme://$a
end() { echo "$1"; sync; poweroff -f; }
must() { echo "# $*"; "$@" || end "FAILED: $*"; }
# refused PART COMMAND...   fails, with one line that has the part
refused() {
    local part=$1
    shift
    echo "# $*"
    "$@" >/tmp/out 2>&1 && end "FAILED to fail: $*"
    cat /tmp/out
    [ "$(wc -l </tmp/out)" = 1 ] || end "FAILED: not one line"
    grep -qF "$part" /tmp/out || end "FAILED: not there: $part"
}
modprobe vfio_iommu_type1
modprobe vfio-pci
[ -d /sys/bus/pci/devices/$a/iommu_group ] || end "NO IOMMU"

refused "there is no PCI device 0000:00:1e.7" emu-img info nvme://0000:00:1e.7/1
refused "is not an NVMe controller: its class is 060000" emu-img info nvme://0000:00:00.0/1
refused "$a is" emu-img info $n/1
# What the message says is to be done, does it.
eval "$(sed -n 's/.*(\(cd .*\))$/\1/p' /tmp/out)" || end "FAILED: the hint"
cd /
must test "$(basename "$(readlink /sys/bus/pci/devices/$a/driver)")" = vfio-pci
must emu-img info $n/1
must emu-img info --image-opts driver=raw,file.driver=nvme,file.device=$a,file.namespace=3
refused "namespace 2 is not in use (in use: 1, 3)" emu-img info $n/2
refused "namespace 70000 is out of range" emu-img info $n/70000
refused "0 is no number of a namespace" emu-img info $n/0

must emu-img convert -n -f raw -O raw /source.raw $n/1
must emu-img compare -f raw -F raw /source.raw $n/1
must emu-img convert -f raw -O qcow2 $n/1 /back.qcow2
must emu-img compare -f raw -F qcow2 $n/1 /back.qcow2
# Two namespaces of one controller at once, the second with blocks of 4096 bytes.
must emu-img dd -f raw -O raw bs=1M count=8 if=$n/1 of=/part.raw
must emu-img convert -n -f raw -O raw /part.raw $n/3
must emu-img compare -f raw -F raw $n/1 $n/3
must emu-img map -f raw $n/3
# Many threads, two pairs of queues.
must emu-img bench -f raw -c 1500 -d 16 -s 4096 $n/1

# Beyond the source: each kind of request, aligned or not, by name.
must emu-io -f raw -d unmap -c 'write -P 0x11 8M 1M' -c 'write -f -P 0x22 9M 64k' -c 'write -P 0x33 9500001 4001' -c 'write -z 8256k 64k' \
    -c 'write -z -u 8448k 128k' -c 'discard 8704k 64k' -c 'aio_write -P 0x44 10M 1M' -c 'aio_write -P 0x55 11M 512k' -c aio_flush -c flush \
    -c 'read -P 0x11 8M 64k' -c 'read -P 0 8256k 64k' -c 'read -P 0 8448k 128k' -c 'read -P 0x33 9500001 4001' -c 'read -P 0x55 11M 512k' $n/1 >/tmp/io
cat /tmp/io
grep -q "Pattern verification failed" /tmp/io && end "FAILED: a pattern"
must emu-io -f raw -c 'write -P 0x66 4097 1' -c 'write -P 0x77 8388607 1' $n/3
must emu-io -t writethrough -f raw -c 'write -P 0x88 12M 4k' $n/1
refused "Cannot grow NVMe devices" emu-img resize -f raw $n/1 17M
refused "is too small" emu-img create -q -f raw $n/3 9M

# One process has it; its completions come by interrupts. Whoever may use the group's file needs no other privilege.
emu-io -f raw -r -c 'read 0 8M' -c 'sleep 4000' $n/1 >/dev/null &
sleep 2
grep vfio-msi /proc/interrupts | awk '{ for (i = 2; i <= 3; i++) sum += $i } END { print "interrupts:", (sum > 0 ? "some" : "none") }'
refused "is in use: IOMMU group" emu-img info $n/1
wait
group=/dev/vfio/$(basename "$(readlink /sys/bus/pci/devices/$a/iommu_group)")
chmod 666 /dev/vfio/vfio
cat >/bin/user-info <<U
#!/bin/sh
exec su user -c 'emu-img info $n/1'
U
chmod +x /bin/user-info
refused "no permission to open '$group'" user-info
chown user $group
must su user -c "ulimit -l 8192; emu-img compare -f raw -F raw $n/1 $n/1"
cat >/bin/small-info <<U
#!/bin/sh
exec su user -c 'ulimit -l 64; emu-img info $n/1'
U
chmod +x /bin/small-info
refused "cannot be locked for the device (the limit is ulimit -l)" small-info

# Given back, it works for the kernel.
echo >/sys/bus/pci/devices/$a/driver_override
echo $a >/sys/bus/pci/drivers/vfio-pci/unbind
echo $a >/sys/bus/pci/drivers_probe
if [ -d /sys/bus/pci/drivers/nvme ]; then
    for i in 1 2 3 4 5 6 7 8 9 10; do [ -b /dev/nvme0n1 ] || sleep 1; done
    must cmp -n 8388608 /source.raw /dev/nvme0n1
fi
end "ALL DONE"
G
chmod +x root/init
(cd root && find . | ./bin/busybox cpio -o -H newc 2>/dev/null | gzip -1) >initrd

echo "booting $(ls "$kernel/lib/modules") in $(qemu-system-x86_64 --version | head -1)"
boot() {
    timeout -k 5 300 qemu-system-x86_64 -accel tcg,thread=multi -machine q35,kernel-irqchip=split -smp 2 -m 768 -nodefaults -display none -no-reboot \
        -device intel-iommu,intremap=on -kernel "$kernel/vmlinuz" -initrd initrd \
        -append "console=ttyS0 quiet intel_iommu=on panic=-1 no_timer_check mitigations=off" -serial file:serial.log \
        -device nvme,serial=emu,id=n,addr=4 -drive if=none,id=a,file=one.raw,format=raw,discard=unmap -drive if=none,id=b,file=three.raw,format=raw,discard=unmap \
        -device nvme-ns,bus=n,drive=a,nsid=1 -device nvme-ns,bus=n,drive=b,nsid=3,logical_block_size=4096,physical_block_size=4096 \
        -trace 'pci_nvme_mmio_s*' -trace pci_nvme_io_cmd -trace 'pci_nvme_err_*' -trace 'pci_nvme_ub_*' -D trace.log </dev/null >qemu.log 2>&1
}
boot
# An emulated machine on a busy one may lose its way before it says a word.
[ -s serial.log ] || { echo "again"; boot; }
tr -d '\r' <serial.log | grep -a -v '^\[' | sed 's/^/    /'
grep -aq "NO IOMMU" serial.log && { echo "the virtual machine has no IOMMU"; exit 77; }
grep -aq "ALL DONE" serial.log || die "the machine did not come to its end: $(cat qemu.log)"
grep -aq "interrupts: some" serial.log || die "no interrupts came"

# From outside.
python3 - root/source.raw one.raw three.raw <<'P' || die "other bytes"
import sys
source, one, three = (open(name, "rb").read() for name in sys.argv[1:])
want = bytearray(16 << 20)
want[:8 << 20] = source
def fill(at, length, value): want[at:at + length] = bytes([value]) * length
fill(8 << 20, 1 << 20, 0x11)
fill(9 << 20, 64 << 10, 0x22)
fill(9500001, 4001, 0x33)
fill(8256 << 10, 64 << 10, 0)
fill(8448 << 10, 128 << 10, 0)
fill(8704 << 10, 64 << 10, 0)          # discarded: QEMU's controller punches a hole
fill(10 << 20, 1 << 20, 0x44)
fill(11 << 20, 512 << 10, 0x55)
fill(12 << 20, 4 << 10, 0x88)
def same(name, a, b):
    if a == b: return
    at = next(i for i in range(len(a)) if a[i] != b[i])
    sys.exit(f"{name} differs at {at:#x}: {a[at]:#x}, wanted {b[at]:#x}")
same("namespace 1", one, bytes(want))
want = bytearray(source)
want[4097], want[8388607] = 0x66, 0x77
same("namespace 3", three, bytes(want))
P

# What QEMU's controller saw: commands of their own for zeroes and discards, an orderly end of every use (the kernel's last one may
# be cut short), nothing that the specification leaves undefined.
seen() { grep -c "^pci_nvme_$1" trace.log; }
echo "starts $(seen mmio_start_success), shutdowns $(seen mmio_shutdown_set), commands: $(sed -n "s/^pci_nvme_io_cmd.* opname '\(.*\)'.*/\1/p" trace.log | sort | uniq -c | xargs)"
for opcode in 0x0 0x1 0x2 0x8 0x9; do [ "$(seen "io_cmd.* opc $opcode ")" -gt 0 ] || die "no command $opcode"; done
[ "$(seen mmio_shutdown_set)" -ge $(($(seen mmio_start_success) - 1)) ] || die "a controller was left without a shutdown"
grep "^pci_nvme_err" trace.log
! grep "^pci_nvme_ub" trace.log || die "undefined"

#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
# A virtual machine of Debian's qemu-system-x86_64 with an ivshmem-doorbell device joins our server. Its qtest protocol stands in
# for a guest: it sets the device up over PCI, and memory, doorbells and MSI-X interrupts go both ways.
set -u
command -v qemu-system-x86_64 >/dev/null || { echo "skipped: qemu-system-x86_64 is not installed"; exit 77; }
command -v python3 >/dev/null || { echo "skipped: no python3"; exit 77; }
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
timeout 100 python3 - "$work" "$EMU_TOOLS" <<'PY'
import json, os, socket, subprocess, sys, time
work, tools = sys.argv[1:]
started = []


def start(*command):
    started.append(subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, bufsize=1))
    return started[-1]


def say(process, line):
    process.stdin.write(line + "\n")
    process.stdin.flush()


def lines_of(path):
    for _ in range(500):
        try:
            s = socket.socket(socket.AF_UNIX)
            s.connect(path)
            return s.makefile("rw")
        except OSError:
            time.sleep(0.02)
    raise SystemExit(f"nobody listens on {path}")


def qtest(text):
    machine.write(text + "\n")
    machine.flush()
    reply = machine.readline().split()
    while reply[0] == "IRQ":
        reply = machine.readline().split()
    assert reply[0] == "OK", (text, reply)
    return int(reply[1], 0) if len(reply) > 1 else None


def config_read(slot, register):
    qtest(f"outl 0xcf8 {0x80000000 | slot << 11 | register:#x}")
    return qtest("inl 0xcfc")


def config_write(slot, register, value):
    qtest(f"outl 0xcf8 {0x80000000 | slot << 11 | register:#x}")
    qtest(f"outl 0xcfc {value:#x}")


try:
    server = start(tools + "/ivshmem-server", "-F", "-v", "-S", work + "/socket", "-m", work, "-l", "1M", "-n", "2")
    while not os.path.exists(work + "/socket"):
        time.sleep(0.01)
    client = start(tools + "/ivshmem-client", "-v", "-S", work + "/socket")
    assert client.stdout.readline() == "peer 0 joined\n"
    assert server.stdout.readline() == "client 0 connected\n"
    qemu = start("qemu-system-x86_64", "-M", "pc", "-accel", "tcg", "-S", "-m", "32", "-nodefaults", "-display", "none",
                 "-qtest", f"unix:{work}/qtest,server=on,wait=off", "-qtest-log", "none", "-qmp", f"unix:{work}/qmp,server=on,wait=off",
                 "-chardev", f"socket,path={work}/socket,id=c", "-device", "ivshmem-doorbell,chardev=c,vectors=2,addr=5")
    assert server.stdout.readline() == "client 1 connected\n"
    assert client.stdout.readline() == "peer 1 joined\n"
    qmp = lines_of(work + "/qmp")
    qmp.readline()
    replies = []
    for command in ({"execute": "qmp_capabilities"}, {"execute": "human-monitor-command", "arguments": {"command-line": "info pci"}}):
        qmp.write(json.dumps(command) + "\n")
        qmp.flush()
        replies.append(json.loads(qmp.readline())["return"])
    device = [part for part in replies[1].split("  Bus") if "1af4:1110" in part]
    assert device, replies[1]
    print("  Bus" + device[0].rstrip())

    machine = lines_of(work + "/qtest")
    assert config_read(5, 0) == 0x11101af4
    registers, table, memory, ram = 0xe0000000, 0xe0001000, 0xe0100000, 0x100000
    config_write(5, 0x10, registers)
    config_write(5, 0x14, table)
    config_write(5, 0x18, memory)
    config_write(5, 0x1c, 0)
    config_write(5, 0x04, 0x6)                                   # memory space, bus master
    capability = config_read(5, 0x34) & 0xff
    while config_read(5, capability) & 0xff != 0x11:             # MSI-X
        capability = config_read(5, capability) >> 8 & 0xff
    config_write(5, capability, config_read(5, capability) | 0x80000000)
    for vector in range(2):                                      # a message is a write: to memory, where it can be seen
        for offset, value in ((0, ram + 16 * vector), (4, 0), (8, 0xabc0 + vector), (12, 0)):
            qtest(f"writel {table + 16 * vector + offset:#x} {value:#x}")
    assert qtest(f"readl {registers + 8:#x}") == 1               # IVPosition: our server's id for it
    # The memory is one.
    qtest(f"writel {memory + 0x1234:#x} 0x{int.from_bytes(b'qemu', 'little'):x}")
    say(client, "read 4660 4")
    assert client.stdout.readline() == "qemu\n"
    say(client, "write 1048572 emu!")
    say(client, "read 1048572 4")
    assert client.stdout.readline() == "emu!\n"
    assert qtest(f"readl {memory + 1048572:#x}") == int.from_bytes(b"emu!", "little")
    # Its doorbell register rings us, and we interrupt it.
    qtest(f"writel {registers + 12:#x} {0 << 16 | 1:#x}")
    assert client.stdout.readline() == "vector 1 rang 1 times\n"
    say(client, "int 1 0")
    for _ in range(500):
        if qtest(f"readl {ram:#x}") == 0xabc0:
            break
        time.sleep(0.01)
    else:
        raise SystemExit("no interrupt arrived")
    assert qtest(f"readl {ram + 16:#x}") == 0
    qmp.write('{"execute": "quit"}\n')
    qmp.flush()
    assert qemu.wait(20) == 0
    assert server.stdout.readline() == "client 1 disconnected\n"
    assert client.stdout.readline() == "peer 1 left\n"
    print("memory, doorbell and interrupt went both ways")
finally:
    for process in started:
        if process.poll() is None:
            process.kill()
PY

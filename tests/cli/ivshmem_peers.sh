#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
# Two peers of ivshmem-server, our client and a C program that shares nothing with it, exchange memory and interrupts; a
# thousand joins and leaves leak no descriptor; the server's options and its end.
. "$(dirname "$0")/lib.sh"
requires python3 cc
cc -O1 -Wall -Wextra -o peer "$here/../ivshmem/peer.c" || die "cannot compile the peer"
timeout 100 python3 - "$work" "$EMU_TOOLS" <<'PY' || die "failed"
import os, signal, subprocess, sys, time
work, tools = sys.argv[1:]
started = []
name = f"emu-test-{os.getpid()}"


def start(*command):
    started.append(subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, bufsize=1))
    return started[-1]


def say(process, line):
    process.stdin.write(line + "\n")
    process.stdin.flush()


def ask(process, line):
    say(process, line)
    return process.stdout.readline().strip()


def descriptors(process):
    return len(os.listdir(f"/proc/{process.pid}/fd"))


def settled(process):
    """The number of descriptors once the server has noticed those who left."""
    seen = -1
    for _ in range(200):
        now = descriptors(process)
        if now == seen:
            return now
        seen = now
        time.sleep(0.05)


try:
    server = start(tools + "/ivshmem-server", "-F", "-v", "-S", work + "/socket", "-M", name, "-l", "100k", "-n", "3")
    while not os.path.exists(work + "/socket"):
        time.sleep(0.01)
    ours = start(tools + "/ivshmem-client", "-v", "-S", work + "/socket")
    assert ours.stdout.readline() == "peer 0 joined\n"
    theirs = start(work + "/peer", work + "/socket")
    assert ours.stdout.readline() == "peer 1 joined\n"
    assert ask(theirs, "id") == "1 131072 3"
    assert ask(theirs, "vectors 0") == "3" and ask(theirs, "vectors 5") == "-1"
    # Memory, both ways.
    assert ask(theirs, "write 1000 from-C") == "done"
    assert ask(ours, "read 1000 6") == "from-C"
    say(ours, "write 131060 from-emu")
    assert ask(ours, "read 131060 8") == "from-emu"
    assert ask(theirs, "read 131060 8") == "from-emu"
    assert os.stat("/dev/shm/" + name).st_size == 131072
    # Interrupts, both ways.
    assert ask(theirs, "ring 0 2") == "done"
    assert ours.stdout.readline() == "vector 2 rang 1 times\n"
    say(ours, "int 1 1")
    assert ask(theirs, "wait 1") == "1"
    say(ours, "int 1 all")
    assert [ask(theirs, f"wait {v}") for v in range(3)] == ["1", "1", "1"]
    say(ours, "int all")
    assert [ask(theirs, f"wait {v}") for v in range(3)] == ["1", "1", "1"]
    assert "no peer 7" in ask(ours, "int 7 0") and "unknown command" in ask(ours, "hello")
    # Joining and leaving.
    before = settled(server), settled(ours)
    assert ask(theirs, "churn 1000") == "done"
    time.sleep(0.2)
    assert (settled(server), settled(ours)) == before, (before, settled(server), settled(ours))
    theirs.stdin.close()
    assert theirs.wait(20) == 0
    # The server's end: the client goes on, socket and memory object are gone.
    server.send_signal(signal.SIGTERM)
    assert server.wait(20) == 0
    lines = server.stdout.read().splitlines()
    assert lines[0] == "client 0 connected" and sum("disconnected" in line for line in lines) == sum("connected" in line for line in lines) / 2 - 1 + 0.5, len(lines)
    assert not os.path.exists(work + "/socket") and not os.path.exists("/dev/shm/" + name)
    while "the server is gone" not in ours.stdout.readline():
        pass
    assert ask(ours, "read 1000 6") == "from-C"
    say(ours, "quit")
    assert ours.wait(20) == 0
finally:
    for process in started:
        if process.poll() is None:
            process.kill()
    if os.path.exists("/dev/shm/" + name):
        os.unlink("/dev/shm/" + name)
PY

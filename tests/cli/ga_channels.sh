#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
# emu-ga on devices (pseudo-terminals stand for them), on a passed socket, on vsock where the kernel has it; retrying.
. "$(dirname "$0")/lib.sh"
requires python3
PYTHONPATH=$here EMU_GA=$EMU_TOOLS/emu-ga timeout 100 python3 - "$work" <<'PY' || die "failed"
import os, pty, signal, socket, subprocess, sys, termios, time, tty
from qmp import Agent
work, program = sys.argv[1], os.environ["EMU_GA"]
started = []


def start(*options, **more):
    started.append(subprocess.Popen([program, "-t", work, *options], **more))
    return started[-1]


def end(process, status=0):
    process.terminate()
    assert process.wait(20) == status, process.returncode


def wait_for(condition):
    for _ in range(500):
        if condition():
            return
        time.sleep(0.02)
    raise SystemExit("nothing happened")


try:
    # isa-serial: raw, no echo, and silent until synchronised.
    host, guest = pty.openpty()
    agent = start("-m", "isa-serial", "-p", os.ttyname(guest))
    wait_for(lambda: not termios.tcgetattr(guest)[3] & termios.ECHO)
    assert termios.tcgetattr(guest)[4] == termios.B38400
    line = Agent(host)
    line.send(b"boot noise {}\r\n" + b'{"execute": "guest-ping"}\n')
    line.send(b'\xff{"execute": "guest-sync", "arguments": {"id": 5}}\n')
    assert line.line() == b'{"return": 5}', line.buffer
    assert line.get("guest-ping") == {}
    end(agent)
    os.close(host), os.close(guest)

    # virtio-serial: a device that comes late, goes, and comes back.
    path = work + "/port"
    agent = start("-m", "virtio-serial", "-p", path, "-r")
    time.sleep(0.3)
    for _ in range(2):
        host, guest = pty.openpty()
        tty.setraw(guest)
        os.symlink(os.ttyname(guest), path + ".new")
        os.replace(path + ".new", path)
        line = Agent(host)
        line.sync()
        assert line.get("guest-ping") == {}
        os.unlink(path)
        os.close(host), os.close(guest)
    end(agent)

    # A socket passed by systemd.
    listener = socket.socket(socket.AF_UNIX)
    listener.bind(work + "/passed")
    listener.listen(1)
    script = "import os, sys; os.environ.update(LISTEN_PID=str(os.getpid()), LISTEN_FDS='1'); os.dup2(int(sys.argv[1]), 3); os.execv(sys.argv[2], sys.argv[2:])"
    agent = subprocess.Popen([sys.executable, "-c", script, str(listener.fileno()), program, "-t", work, "-m", "unix-listen", "-p", "/nonexistent/x"],
                             pass_fds=[listener.fileno()])
    started.append(agent)
    client = Agent(work + "/passed")
    client.sync()
    assert not client.run("sh", "-c", "test -z \"$LISTEN_FDS\"")["exitcode"]
    end(agent)

    # vsock: the address is taken; and from this machine to itself, where the kernel has its loopback.
    try:
        socket.socket(socket.AF_VSOCK).bind((0xffffffff, 65432))
    except OSError as error:
        print("vsock: not tested,", error)
    else:
        agent = start("-m", "vsock-listen", "-p", "4294967295:65433")
        time.sleep(0.3)
        assert agent.poll() is None
        second = start("-m", "vsock-listen", "-p", "4294967295:65433", stderr=subprocess.PIPE)
        assert second.wait(20) == 1 and b"in use" in second.stderr.read()
        try:
            client = Agent((1, 65433))
            client.sync()
            assert client.get("guest-ping") == {}
        except OSError as error:
            print("vsock: no client from this machine to itself,", error)
        end(agent)
finally:
    for process in started:
        if process.poll() is None:
            process.kill()
PY

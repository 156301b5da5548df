# SPDX-License-Identifier: MIT
"""A client of the guest agent, as management software writes it: synchronises first, then asks."""
import base64
import json
import os
import socket
import time


class Agent:
    def __init__(self, where, wait=10):
        end = time.time() + wait
        while True:
            try:
                if isinstance(where, int):
                    self.fd = where
                    self.send, self.recv = self.fd_send, self.fd_recv
                else:
                    s = socket.socket(socket.AF_VSOCK if isinstance(where, tuple) else socket.AF_UNIX)
                    s.settimeout(3 if isinstance(where, tuple) else 20)
                    s.connect(where)
                    self.socket, self.send, self.recv = s, s.sendall, s.recv
                break
            except (FileNotFoundError, ConnectionRefusedError):
                if time.time() > end:
                    raise
                time.sleep(0.02)
        self.buffer = b""

    def fd_send(self, data):
        while data:
            data = data[os.write(self.fd, data):]

    def fd_recv(self, size):
        return os.read(self.fd, size)

    def line(self):
        while b"\n" not in self.buffer:
            got = self.recv(1 << 16)
            if not got:
                raise EOFError("the agent has closed the connection")
            self.buffer += got
        line, self.buffer = self.buffer.split(b"\n", 1)
        return line

    def request(self, command, arguments=None):
        message = {"execute": command}
        if arguments is not None:
            message["arguments"] = arguments
        self.send(json.dumps(message).encode() + b"\n")

    def sync(self):
        """0xFF resets the agent's parser; everything up to the 0xFF in front of the answer is old."""
        number = int(time.time() * 1000) & 0x7fffffff
        self.send(b"\xff")
        self.request("guest-sync-delimited", {"id": number})
        while True:
            line = self.line()
            if b"\xff" in line:
                reply = json.loads(line.rsplit(b"\xff", 1)[1])
                if reply.get("return") == number:
                    return

    def ask(self, command, **arguments):
        self.request(command, {name.replace("_", "-"): value for name, value in arguments.items()} or None)
        return json.loads(self.line())

    def get(self, command, **arguments):
        reply = self.ask(command, **arguments)
        assert "return" in reply, (command, reply)
        return reply["return"]

    def error(self, command, **arguments):
        reply = self.ask(command, **arguments)
        assert "error" in reply, (command, reply)
        return reply["error"]

    def run(self, path, *arg, **more):
        pid = self.get("guest-exec", path=path, arg=list(arg), **{"capture_output": True, **more})["pid"]
        while True:
            status = self.get("guest-exec-status", pid=pid)
            if status["exited"]:
                return status
            time.sleep(0.02)


def text(status, name="out-data"):
    return base64.b64decode(status.get(name, "")).decode()

# SPDX-License-Identifier: MIT
"""A sheep of one node that keeps everything in memory: enough of Sheepdog's protocol for a client's test.

sheep.py PORT|SOCKET [LOG]    every request is a line of LOG: operation, flags, object or disk, offset, length, result
"""
import os
import socket
import struct
import sys
import threading

sys.dont_write_bytecode = True
from wire import take

OBJECT = 4 << 20
INODE_OBJECTS = 4664
NAMES = {1: "create", 2: "read", 3: "write", 5: "discard", 0x11: "new", 0x12: "lock", 0x13: "release", 0x14: "info", 0x16: "flush"}
disks = {}      # (name, tag) -> id
objects = {}    # object id -> bytearray
held = set()
guard = threading.Lock()
log = open(sys.argv[2], "w", buffering=1) if len(sys.argv) > 2 else None


def new_disk(name, tag, size, identity, parent=0, table=b"", when=0):
    head = struct.pack("<256s256sQQQQQHBBIII", name, tag, 1, when, 0, size, 0, 0, 1, 22, 0, identity, parent)
    inode = bytearray(head + bytes(4096))
    assert len(inode) == INODE_OBJECTS, len(inode)
    objects[1 << 63 | identity << 32] = inode + bytearray(table)
    disks[name, tag] = identity


def store(oid, offset, data):
    body = objects[oid]
    if len(body) < offset + len(data):
        body.extend(bytes(offset + len(data) - len(body)))
    body[offset:offset + len(data)] = data


def text(data):
    return data.split(b"\0")[0]


def serve(op, flags, length, rest, body):
    """The answer's result, disk id and body."""
    if op in (1, 2, 3, 5):
        oid, cow, _, _, offset = struct.unpack("<QQBB6xQ", rest)
        if op == 1:
            if flags & 2:
                if cow not in objects:
                    return 2, 0, b""
                objects[oid] = bytearray(objects[cow])
            else:
                objects[oid] = bytearray()
            store(oid, offset, body)
            return 0, 0, b""
        if oid not in objects:
            return 2, 0, b""
        if op == 3:
            store(oid, offset, body)
            return 0, 0, b""
        if op == 5:
            del objects[oid]
            return 0, 0, b""
        return 0, 0, bytes(objects[oid][offset:offset + length])   # without a zero tail that is not stored
    if op == 0x16:
        return 0, 0, b""
    size, base, _, _, _, _, snapshot, _ = struct.unpack("<QIBBBBII8x", rest)
    if op == 0x13:
        held.discard(base)
        return 0, 0, b""
    name, tag = text(body[:256]), text(body[256:512])
    if op == 0x11:
        if (name, b"") in disks:
            return 4, 0, b""
        identity = 0x1000 + len(disks)
        new_disk(name, b"", size, identity)
        return 0, identity, b""
    if snapshot:
        tag = b"%d" % snapshot
    if (name, tag) not in disks:
        return (0x0e if tag and (name, b"") in disks else 8), 0, b""
    identity = disks[name, tag]
    if op == 0x12:
        if identity in held:
            return 7, 0, b""
        held.add(identity)
    return 0, identity, b""


def client(s):
    try:
        while True:
            header = take(s, 48)
            version, op, flags, epoch, identity, length = struct.unpack("<BBHIII", header[:16])
            body = take(s, length) if flags & 1 else b""
            with guard:
                result, disk, answer = serve(op, flags, length, header[16:], body)
                if log:
                    print(NAMES.get(op, op), flags, header[16:24][::-1].hex(), struct.unpack("<Q", header[40:48])[0], length, result, file=log)
            s.sendall(struct.pack("<BBHIII8I", version, op, 0, epoch, identity, len(answer), result, 0, disk, 0, 0, 0, 0, 0) + answer)
    except (EOFError, ConnectionError):
        pass


# A disk with a snapshot: the current one shares the snapshot's first object.
table = struct.pack("<2I", 0x10, 0)
new_disk(b"shared", b"before", 6 << 20, 0x10, 0, table, 5)
new_disk(b"shared", b"", 6 << 20, 0x11, 0x10, table)
disks[b"shared", b"1"] = 0x10
objects[0x10 << 32] = bytearray(b"\x21" * 100000)
where = sys.argv[1]
if where.startswith("/"):
    door = socket.socket(socket.AF_UNIX)
    door.bind(where)
    door.listen()
else:
    door = socket.create_server(("127.0.0.1", int(where)))
while True:
    s, _ = door.accept()
    threading.Thread(target=client, args=(s,), daemon=True).start()

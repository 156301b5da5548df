# SPDX-License-Identifier: MIT
# What peers made for tests need.


def take(s, n):
    """Exactly n bytes of a socket."""
    data = b""
    while len(data) < n:
        part = s.recv(n - len(data))
        if not part:
            raise EOFError
        data += part
    return data

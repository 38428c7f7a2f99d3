"""Attack the box from inside, once, before anything is graded in it.

python probe.py PORT PID OUTSIDE FILTERED < MARKER: prints a line on VALUES_FD for each thing that a
submission could do and must not, and then "done". PORT: of a server on this machine's loopback.
PID: of the parent. OUTSIDE: the inode of the parent's namespace of processes, 0 where the level has
none. FILTERED: 1 when system calls are filtered. MARKER: the path of a file outside that every user
may read and write; on stdin because a box may rewrite paths among the arguments.
"""

from __future__ import annotations

import os
import socket
import sys

VALUES_FD = 3
_NETLINK = 16


def holes(marker: str, port: int, pid: int, outside: int, filtered: bool) -> list[str]:
    tries = {
        "it can read a file outside": lambda: open(marker).close(),
        "it can write beside a file outside": lambda: open(f"{marker}.new", "w").close(),
        "it reaches the network": lambda: connect(port),
    }
    if outside:
        tries["it is among the processes of this machine"] = lambda: same_namespace(outside)
    else:
        tries["it can signal its parent"] = lambda: os.kill(pid, 0)
    if filtered:
        tries["system calls are not filtered"] = refused_family
    return [what for what, attempt in tries.items() if succeeds(attempt)]


def connect(port: int) -> None:
    socket.create_connection(("127.0.0.1", port), 1).close()


def refused_family() -> None:
    socket.socket(_NETLINK, socket.SOCK_DGRAM).close()


def same_namespace(outside: int) -> None:
    if os.stat("/proc/self/ns/pid").st_ino != outside:
        raise PermissionError


def succeeds(attempt) -> bool:  # type: ignore[no-untyped-def]
    try:
        attempt()
    except OSError:
        return False
    return True


if __name__ == "__main__":
    port, pid, outside, filtered = (int(word) for word in sys.argv[1:])
    found = holes(sys.stdin.read(), port, pid, outside, bool(filtered))
    os.write(VALUES_FD, "\n".join([*found, "done", ""]).encode())

"""The filter of system calls, as a program for the kernel (classic BPF, see seccomp(2)).

Clone with flags that make namespaces is refused; `clone3`, whose flags a filter cannot see, does
not exist, and libraries fall back to `clone`. On level LANDLOCK no socket can be made but a
connected pair, since Landlock covers neither UDP nor sockets in the file system.
"""

from __future__ import annotations

import platform
import struct
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Literal

from trueup.goodhart.grade.boxes.syscalls import ARCHITECTURES, DENIED, NUMBERS

__all__ = ["Argument", "for_landlock", "for_namespaces", "program"]

_LOAD, _JUMP_EQ, _JUMP_GE, _JUMP_SET, _RETURN = 0x20, 0x15, 0x35, 0x45, 0x06
_ALLOW, _KILL, _ERRNO = 0x7FFF0000, 0x80000000, 0x00050000
_NR, _ARCH, _ARGS = 0, 4, 16  # offsets in struct seccomp_data
_X32 = 0x40000000  # bit of the second set of numbers that x86_64 has
_EPERM, _EAFNOSUPPORT = 1, 97
_UNIX, _INET, _INET6 = 1, 2, 10
_NEW_NAMESPACE = 0x7E020000  # CLONE_NEWNS, NEWCGROUP, NEWUTS, NEWIPC, NEWUSER, NEWPID, NEWNET
_TIOCSTI, _TIOCLINUX = 0x5412, 0x541C


@dataclass(frozen=True, slots=True)
class Argument:
    """A call refused because of one argument. refuse: unless it is one of `values`, if it is one of
    them, or if it shares a bit with one. The kernel uses the lower 32 bits of these arguments, and
    so does the filter."""

    call: str
    argument: int
    refuse: Literal["unless", "if", "bits"]
    values: tuple[int, ...]
    error: int = _EPERM


_EVERYWHERE = (
    Argument("clone", 0, "bits", (_NEW_NAMESPACE,)),
    Argument("ioctl", 1, "if", (_TIOCSTI, _TIOCLINUX)),
)
_SIGNALS = ("kill", "tkill", "tgkill", "rt_sigqueueinfo", "rt_tgsigqueueinfo")


def for_namespaces() -> bytes | None:
    """The filter where the network is a namespace of its own; None on an unknown machine."""
    families = Argument("socket", 0, "unless", (_UNIX, _INET, _INET6), _EAFNOSUPPORT)
    return program((*_EVERYWHERE, families))


def for_landlock(own_pid: int | None = None) -> bytes | None:
    """The filter where there are no namespaces; None on an unknown machine.

    own_pid: when the process shares its user with others and the kernel cannot keep its signals
    in: it may signal itself only.
    """
    rules = [
        *_EVERYWHERE,
        Argument("socketpair", 0, "unless", (_UNIX,), _EAFNOSUPPORT),
        Argument("socketpair", 1, "bits", (0x2,)),  # datagrams, which can be sent to any name
        Argument("prlimit64", 0, "unless", (0,)),
    ]
    if own_pid is not None:
        rules += [Argument(call, 0, "unless", (own_pid,)) for call in _SIGNALS]
    also = {"socket": _EAFNOSUPPORT, "connect": _EPERM}
    if own_pid is not None:
        also["pidfd_send_signal"] = _EPERM
    return program(rules, also)


def program(rules: Iterable[Argument], also: dict[str, int] | None = None) -> bytes | None:
    """The filter for this machine: `DENIED` and `also` outright, `rules` by their argument."""
    machine = platform.machine()
    if machine not in ARCHITECTURES:
        return None
    column = list(ARCHITECTURES).index(machine)
    code = [_op(_LOAD, _ARCH), _op(_JUMP_EQ, ARCHITECTURES[machine], 1, 0), _op(_RETURN, _KILL)]
    code.append(_op(_LOAD, _NR))
    if machine == "x86_64":
        code += [_op(_JUMP_GE, _X32, 0, 1), _op(_RETURN, _ERRNO | 38)]
    for call, error in (DENIED | (also or {})).items():
        number = NUMBERS[call][column]
        if number is not None:
            code += [_op(_JUMP_EQ, number, 0, 1), _op(_RETURN, _ERRNO | error)]
    for rule in rules:
        number = NUMBERS[rule.call][column]
        if number is not None:
            body = list(_body(rule))
            code += [_op(_JUMP_EQ, number, 0, len(body)), *body]
    return b"".join([*code, _op(_RETURN, _ALLOW)])


def _body(rule: Argument) -> Iterator[bytes]:
    """Load the argument, judge it, and load the number again for what follows."""
    refused = _op(_RETURN, _ERRNO | rule.error)
    yield _op(_LOAD, _ARGS + 8 * rule.argument)
    if rule.refuse == "unless":
        yield from _jumps(_JUMP_EQ, rule.values, past=1)
        yield refused
    else:
        jump = _JUMP_EQ if rule.refuse == "if" else _JUMP_SET
        for value in rule.values:
            yield _op(jump, value, 0, 1)
            yield refused
    yield _op(_LOAD, _NR)


def _jumps(jump: int, values: Sequence[int], past: int) -> Iterator[bytes]:
    """Past the next `past` instructions after the jumps, when any value matches."""
    for left, value in zip(range(len(values) - 1, -1, -1), values, strict=True):
        yield _op(jump, value, left + past, 0)


def _op(code: int, value: int, true: int = 0, false: int = 0) -> bytes:
    return struct.pack("=HBBI", code, true, false, value)

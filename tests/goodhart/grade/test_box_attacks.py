"""What a submission must not reach, tried on every level; on the plain box the same tries succeed,
which shows that they can."""

from __future__ import annotations

import ast
import builtins
import ctypes
import os
import secrets
import socket
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from trueup.goodhart.grade.box import Isolation, Launch, Mount
from trueup.goodhart.grade.boxes.landlock import LandlockBox
from trueup.goodhart.grade.boxes.local import LocalBox
from trueup.goodhart.grade.boxes.namespaces import NamespacesBox
from trueup.goodhart.grade.boxes.plain import PlainBox
from trueup.goodhart.grade.boxes.users import draw_user
from trueup.goodhart.grade.limits import Limits

ROOT = os.geteuid() == 0
PATIENT = Limits(seconds=15)

STRONG = {
    "namespaces": lambda: NamespacesBox(as_root=draw_user() is not None),
    "namespaces of a user": lambda: NamespacesBox(as_root=False),
    "landlock": LandlockBox,
    "landlock as the same user": lambda: LandlockBox(own_user=True),
    "landlock on an older kernel": lambda: LandlockBox(own_user=True, known_abi=4),
}


@dataclass
class Outside:
    """What there is to reach. The attacks find its fields as their argument, by name."""

    folder: Path
    secret: bytes = field(default_factory=lambda: secrets.token_hex(16).encode())

    def __post_init__(self) -> None:
        self.stack = ExitStack()
        self.folder.chmod(0o777)
        (self.folder / "marker").write_bytes(self.secret)
        (self.folder / "marker").chmod(0o666)
        self.tcp, self.udp = socket.socket(), socket.socket(type=socket.SOCK_DGRAM)
        self.path = socket.socket(socket.AF_UNIX)
        self.path.bind(str(self.folder / "socket"))
        (self.folder / "socket").chmod(0o777)
        self.abstract = socket.socket(socket.AF_UNIX)
        self.abstract.bind(b"\0" + self.secret)
        for server in (self.tcp, self.udp):
            server.bind(("127.0.0.1", 0))
        for server in (self.tcp, self.path, self.abstract):
            server.listen()
        for server in (self.tcp, self.udp, self.path, self.abstract):
            self.stack.enter_context(server)
        self.udp.settimeout(0.3)
        self.victim = subprocess.Popen(["sleep", "600"])
        self.buffer = ctypes.create_string_buffer(self.secret)

    def argument(self) -> str:
        return repr(
            {
                "folder": str(self.folder),
                "tcp": self.tcp.getsockname()[1],
                "udp": self.udp.getsockname()[1],
                "abstract": self.secret.decode(),
                "parent": os.getpid(),
                "victim": self.victim.pid,
                "address": ctypes.addressof(self.buffer),
                "home": str(Path.home()),
            }
        )

    def close(self) -> None:
        self.victim.kill()
        self.victim.wait()
        self.stack.close()


@pytest.fixture(scope="module")
def outside() -> Iterator[Outside]:
    with tempfile.TemporaryDirectory() as folder:
        made = Outside(Path(folder))
        yield made
        made.close()


@pytest.fixture(scope="module", params=STRONG, ids=list(STRONG))
def strong(request: pytest.FixtureRequest) -> Iterator[LocalBox]:
    with STRONG[request.param]() as box:
        yield box


@pytest.fixture(scope="module")
def plain() -> Iterator[LocalBox]:
    with PlainBox() as box:
        yield box


# Each prints "reached" and what it got on the values pipe when it succeeds. They run on the plain
# box too, perhaps as root: none may change anything outside of the folder made for it.
ATTACKS = {
    "read a file outside": "reached(open(o['folder'] + '/marker').read())",
    "list a folder outside": "reached(' '.join(os.listdir(o['folder'])))",
    "write beside it": "open(o['folder'] + '/written', 'w').close(); reached('')",
    "overwrite it": "open(o['folder'] + '/marker', 'r+').close(); reached('')",
    "truncate it": "os.truncate(o['folder'] + '/marker', 32); reached('')",
    "link to it": "os.link(o['folder'] + '/marker', 'mine'); reached(open('mine').read())",
    "follow a link": "os.symlink(o['folder'], 'l'); reached(open('l/marker').read())",
    "read passwords": "reached(open('/etc/shadow').read())",
    "reach a server": "socket.create_connection(('127.0.0.1', o['tcp']), 2); reached('')",
    "reach a socket file": "u = socket.socket(1); u.connect(o['folder'] + '/socket'); reached('')",
    "reach an abstract socket": (
        "u = socket.socket(1); u.connect('\\0' + o['abstract']); reached('')"
    ),
    "use a raw socket": "socket.socket(17, socket.SOCK_RAW); reached('')",
    "see the parent": "reached(open(f'/proc/{o[\"parent\"]}/cmdline').read())",
    "read its environment": "reached(open(f'/proc/{o[\"parent\"]}/environ').read())",
    "read its memory": (
        "m = open(f'/proc/{o[\"parent\"]}/mem', 'rb', 0); m.seek(o['address']); "
        "reached(m.read(32).decode())"
    ),
    "open its descriptors": "reached(' '.join(os.listdir(f'/proc/{o[\"parent\"]}/fd')))",
    "read its memory by a call": (
        "b = ctypes.create_string_buffer(32); "
        "here = (ctypes.c_void_p * 2)(ctypes.addressof(b), 32); "
        "there = (ctypes.c_void_p * 2)(o['address'], 32); "
        "call('process_vm_readv', o['parent'], here, 1, there, 1, 0); reached(b.raw.decode())"
    ),
    "debug a process": "call('ptrace', 0x4206, o['victim'], None, None); reached('')",
    "debug its own child": (
        "p = os.fork()\nif not p: time.sleep(9)\ncall('ptrace', 0x4206, p, None, None); reached('')"
    ),
    "signal a process": "os.kill(o['victim'], 0); reached('')",
    "change its limits": "import resource; resource.prlimit(o['victim'], 7); reached('')",
    "make a namespace": "call('unshare', 0x10000000); reached('')",
    # Of a kind that no kernel has: on the plain box, as root, this must not mount anything.
    "mount something": (
        "libc.mount(b'x', b'.', b'nothing', 0, None); e = ctypes.get_errno()\n"
        "if e != 19: raise OSError(e, 'mount')\n"
        "reached('')"
    ),
    "hold uncounted memory": "os.memfd_create('x'); reached('')",
    "hold shared memory": (
        "i = call('shmget', 0, 4096, 0o1600); call('shmctl', i, 0, 0); reached('')"
    ),
    "change the interpreter": "open(os.__file__, 'r+').close(); reached('')",
    "be root": "open('f', 'w').close(); os.chown('f', 12345, 12345); reached('')",
}
NUMBERED = {"see the parent", "read its environment", "open its descriptors", "signal a process"}
FOR_ROOT = {
    "read passwords", "use a raw socket", "mount something", "change the interpreter", "be root",
    "read its memory", "read its memory by a call", "debug a process", "make a namespace",
}  # fmt: skip
SETUP = """
import ctypes, os, socket, sys, time
o, attacks = eval(sys.stdin.read())
libc = ctypes.CDLL(None, use_errno=True)
def call(name, *args):
    result = getattr(libc, name)(*args)
    if result < 0:
        raise OSError(ctypes.get_errno(), name)
    return result
def reached(what):
    os.write(3, repr((name, 'reached', what)).encode() + b'\\n')
for name, code in attacks.items():
    pid = os.fork()
    if not pid:
        try:
            exec(code)
        except BaseException as error:
            os.write(3, repr((name, type(error).__name__, str(error))).encode() + b'\\n')
        os._exit(0)
    os.waitpid(pid, 0)
"""
Results = dict[str, tuple[str, str]]


def attack(box: LocalBox, attacks: dict[str, str], outside: Outside) -> Results:
    """Try each in a process of its own; "reached" and what it got, or the error and what it says.

    All that goes in, goes in through stdin, since some boxes rewrite paths among the arguments.
    """
    orders = f"({outside.argument()}, {attacks!r})"
    ran = box.run(Launch(("{python}", "-I", "-S", "-c", SETUP), limits=PATIENT), orders.encode())
    assert (ran.ended, ran.status) == ("exited", 0), ran
    rows = [ast.literal_eval(row) for row in ran.values.decode().splitlines()]
    return {name: (how, what) for name, how, what in rows}


@pytest.fixture(scope="module")
def tried(strong: LocalBox, outside: Outside) -> Results:
    return attack(strong, ATTACKS, outside)


@pytest.fixture(scope="module")
def tried_without(plain: LocalBox, outside: Outside) -> Results:
    return attack(plain, ATTACKS, outside)


@pytest.mark.parametrize("name", ATTACKS)
def test_an_attack_does_not_reach(name: str, strong: LocalBox, tried: Results) -> None:
    how, _ = tried[name]
    if name in NUMBERED and strong.isolation is Isolation.NAMESPACES and os.getpid() < 100:
        return  # a process inside may have the same number
    assert issubclass(getattr(builtins, how), OSError), tried[name]


@pytest.mark.parametrize("name", ATTACKS)
def test_the_same_attack_reaches_without_isolation(name: str, tried_without: Results) -> None:
    if ROOT or name not in FOR_ROOT:
        assert tried_without[name][0] == "reached", tried_without[name]


def test_what_was_reached_is_the_real_thing(tried_without: Results, outside: Outside) -> None:
    """So that the attacks are not just calls that happen to work."""
    secret = outside.secret.decode()
    names = ["read a file outside", "link to it", "follow a link"]
    names += ["read its memory", "read its memory by a call"] if ROOT else []
    assert {tried_without[name][1] for name in names} == {secret}
    assert "marker" in tried_without["list a folder outside"][1]


UDP = {"send": "socket.socket(type=2).sendto(b'x', ('127.0.0.1', o['udp'])); reached('')"}


def test_no_datagram_gets_out(strong: LocalBox, plain: LocalBox, outside: Outside) -> None:
    attack(plain, UDP, outside)
    assert outside.udp.recv(9) == b"x"
    attack(strong, UDP, outside)
    with pytest.raises(TimeoutError):
        outside.udp.recv(9)


LOOK = {"look": "reached('|'.join(sorted(os.listdir(o['home']))))"}


def test_the_home_folder_is_not_there(strong: LocalBox, plain: LocalBox, outside: Outside) -> None:
    real = set(os.listdir(Path.home()))
    assert set(attack(plain, LOOK, outside)["look"][1].split("|")) == real
    how, names = attack(strong, LOOK, outside)["look"]
    interpreter = {part for part in Path(sys.base_prefix).parts if part in real}
    assert how != "reached" or set(names.split("|")) - {""} <= interpreter


def test_it_holds_no_rights(strong: LocalBox) -> None:
    if strong.isolation is not Isolation.NAMESPACES:  # Landlock grants no /proc to read them from
        return
    ran = strong.run(Launch(("cat", "/proc/self/status"), limits=PATIENT))
    lines = dict(line.split(":", 1) for line in ran.stdout.decode().splitlines())
    assert {int(lines[name], 16) for name in ("CapPrm", "CapEff", "CapAmb")} == {0}
    assert lines["NoNewPrivs"].strip() == "1"
    assert lines["Seccomp"].strip() == "2"
    assert lines["Groups"].split() == [] or not strong._as_root  # type: ignore[attr-defined]


def test_no_process_of_the_machine_is_seen(strong: LocalBox, plain: LocalBox) -> None:
    code = "import os; print(sum(name.isdigit() for name in os.listdir('/proc')))"
    launch = Launch(("{python}", "-c", code), limits=PATIENT)
    assert int(plain.run(launch).stdout) > 2
    if strong.isolation is Isolation.NAMESPACES:
        assert strong.run(launch).stdout == b"2\n"  # itself and what watches over it
    else:
        assert b"PermissionError" in strong.run(launch).stderr


def test_a_mount_cannot_be_changed(strong: LocalBox, tmp_path: Path) -> None:
    (tmp_path / "given").write_text("given")
    code = "import sys; print(open(sys.argv[1]).read(), flush=True); open(sys.argv[1], 'w')"
    command = ("{python}", "-I", "-S", "-c", code, "/data/given")
    ran = strong.run(Launch(command, mounts=(Mount(tmp_path, "/data"),), limits=PATIENT))
    assert ran.stdout == b"given\n"
    assert ran.status == 1
    assert (tmp_path / "given").read_text() == "given"


def test_a_submission_sees_nothing_of_another(strong: LocalBox) -> None:
    """Two at once: neither sees the other's process, files or descriptors."""
    first = strong.start(
        Launch(
            ("{python}", "-c", "import os; print(os.getpid(), os.getcwd()); "
             "open('secret', 'w').write('s'); os.write(3, b'ready\\n'); input()"),
            limits=PATIENT,
        )
    )  # fmt: skip
    assert first.value_line(10) == b"ready"
    code = (
        "import os, sys\n"
        "for path in ('/box', '/tmp', sys.argv[1]):\n"
        "    for folder, _, files in os.walk(path):\n"
        "        if 'secret' in files: print(folder)\n"
    )
    search = strong.run(Launch(("{python}", "-c", code, str(strong.stage)), limits=PATIENT))
    first.close_input()
    assert search.stdout == b""
    assert first.finish().status == 1  # input() at the end of its stdin


def test_nothing_of_this_process_is_inherited(strong: LocalBox, tmp_path: Path) -> None:
    read, write = os.pipe()
    os.set_inheritable(write, True)
    os.set_inheritable(read, True)
    code = "import os\nfor n in range(256):\n try: os.fstat(n); print(n)\n except OSError: pass"
    try:
        ran = strong.run(Launch(("{python}", "-I", "-c", code), limits=PATIENT))
    finally:
        os.close(read)
        os.close(write)
    assert ran.stdout.split() == [b"0", b"1", b"2", b"3", b"4"]


def test_the_environment_is_the_launches_own(
    strong: LocalBox, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("TRUEUP_SECRET", "outside")
    code = "import os; print(sorted(os.environ))"
    launch = Launch(("{python}", "-c", code), environment={"GIVEN": "1"}, limits=PATIENT)
    names = set(eval(strong.run(launch).stdout))
    minimal = {"HOME", "LANG", "PATH", "PYTHONDONTWRITEBYTECODE", "PYTHONHASHSEED", "GIVEN"}
    assert names - {"TMPDIR", "LD_LIBRARY_PATH"} == minimal

"""The parts of a box: folders that somebody hostile filled, the filter, decoys, another user."""

from __future__ import annotations

import os
import platform
import shutil
import struct
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from trueup.goodhart.grade.box import Isolation, Launch, Mount, open_box
from trueup.goodhart.grade.boxes import folders, interpreter, seccomp, users, watching
from trueup.goodhart.grade.boxes.syscalls import ARCHITECTURES, DENIED, NUMBERS
from trueup.goodhart.grade.boxes.watching import Watcher
from trueup.goodhart.grade.limits import Limits

PATIENT = Limits(seconds=15)
MACHINES = list(ARCHITECTURES)
ALLOW, KILL = 0x7FFF0000, 0x80000000


def judged(code: bytes, call: int, arguments: tuple[int, ...] = (), arch: int | None = None) -> int:
    """What the kernel would do, from seccomp(2) and the definition of classic BPF; the error
    number, or ALLOW or KILL."""
    arch = ARCHITECTURES[platform.machine()] if arch is None else arch
    padded = (*arguments, *(0,) * (6 - len(arguments)))
    data = struct.pack("=IIQ6Q", call, arch, 0, *padded)
    at, held = 0, 0
    while True:
        op, true, false, value = struct.unpack_from("=HBBI", code, 8 * at)
        at += 1
        if op == 0x20:
            held = struct.unpack_from("=I", data, value)[0]
        elif op == 0x06:
            return value & 0xFFFF if value >> 16 == 5 else value
        else:
            hit = {0x15: held == value, 0x35: held >= value, 0x45: bool(held & value)}[op]
            at += true if hit else false


@pytest.fixture(params=MACHINES)
def machine(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> str:
    monkeypatch.setattr(platform, "machine", lambda: request.param)
    return request.param


def number(call: str) -> int:
    found = NUMBERS[call][MACHINES.index(platform.machine())]
    assert found is not None
    return found


def test_every_denied_call_is_denied_and_others_are_not(machine: str) -> None:
    for code in (seccomp.for_namespaces(), seccomp.for_landlock()):
        assert code is not None
        for call, error in DENIED.items():
            if NUMBERS[call][MACHINES.index(machine)] is not None:
                assert judged(code, number(call)) == error, call
        denied = {numbers[MACHINES.index(machine)] for numbers in NUMBERS.values()}
        for call_number in set(range(460)) - denied:
            assert judged(code, call_number) == ALLOW
        assert judged(code, 0, arch=0x40000003) == KILL  # calls of 32 bits, on x86
    if machine == "x86_64":
        assert judged(code, 0x40000000 | 101) == 38


@pytest.mark.parametrize(
    ("call", "arguments", "namespaces", "landlock"),
    [
        ("socket", (1,), ALLOW, 97),
        ("socket", (2,), ALLOW, 97),
        ("socket", (10,), ALLOW, 97),
        ("socket", (16,), 97, 97),
        ("socketpair", (1, 1), ALLOW, ALLOW),
        ("socketpair", (1, 0o2004001), ALLOW, ALLOW),  # with CLOEXEC and NONBLOCK
        ("socketpair", (1, 2), ALLOW, 1),
        ("socketpair", (2, 1), ALLOW, 97),
        ("connect", (3,), ALLOW, 1),
        ("clone", (0x11,), ALLOW, ALLOW),
        ("clone", (0x3D0F00,), ALLOW, ALLOW),  # a thread
        ("clone", (0x10000011,), 1, 1),
        ("clone", (0x20011,), 1, 1),
        ("ioctl", (0, 0x5401), ALLOW, ALLOW),
        ("ioctl", (0, 0x5412), 1, 1),
        ("ioctl", (0, 0x5412 | 1 << 32), 1, 1),  # the kernel looks at 32 bits only
        ("prlimit64", (0,), ALLOW, ALLOW),
        ("prlimit64", (77,), ALLOW, 1),
        ("kill", (77,), ALLOW, ALLOW),
    ],
)
def test_arguments_decide(
    machine: str, call: str, arguments: tuple[int, ...], namespaces: int, landlock: int
) -> None:
    for code, expected in (
        (seccomp.for_namespaces(), namespaces),
        (seccomp.for_landlock(), landlock),
    ):
        assert code is not None
        assert judged(code, number(call), arguments) == expected


def test_a_process_that_may_signal_itself_only(machine: str) -> None:
    code = seccomp.for_landlock(own_pid=1234)
    assert code is not None
    for call in ("kill", "tgkill", "rt_sigqueueinfo"):
        assert judged(code, number(call), (1234,)) == ALLOW
        assert judged(code, number(call), (1,)) == 1
        assert judged(code, number(call), (2**64 - 1,)) == 1


def test_another_processor_has_no_filter(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(platform, "machine", lambda: "riscv64")
    assert seccomp.for_namespaces() is None
    assert seccomp.for_landlock() is None


def test_the_numbers_are_those_of_this_kernel() -> None:
    """Against the headers of the C library, where they are installed."""
    header = "#include <sys/syscall.h>\n" + "".join(
        f"#ifdef SYS_{call}\n{call} SYS_{call}\n#endif\n" for call in NUMBERS
    )
    compiler = shutil.which("cc") or shutil.which("gcc")
    if compiler is None or platform.machine() not in MACHINES:
        return
    said = subprocess.run(
        [compiler, "-E", "-P", "-"], input=header, capture_output=True, text=True, check=True
    ).stdout
    rows = [line.split() for line in said.splitlines() if line.count(" ") == 1]
    there = {name: int(value) for name, value in rows if value.isdigit()}
    column = MACHINES.index(platform.machine())
    assert len(there) > 50
    assert {name: NUMBERS[name][column] for name in there} == there


def test_a_deep_folder_with_closed_doors_is_removed(tmp_path: Path) -> None:
    made = tmp_path / "made"
    made.mkdir()
    (tmp_path / "kept").write_text("kept")
    script = (
        "import os\nos.symlink('../../kept', 'l')\n"
        "for n in range(500): os.mkdir('d' * 20); os.chdir('d' * 20)\n"
        "os.symlink('/', 'root'); os.chmod('..', 0)"
    )
    subprocess.run([sys.executable, "-c", script], cwd=made, check=True)
    with pytest.raises(OSError, match="too long"):
        os.stat(made.joinpath(*["d" * 20] * 500))  # so that removing it is not trivial
    folders.remove(made)
    assert [path.name for path in tmp_path.iterdir()] == ["kept"]


def test_copying_leaves_special_files_and_follows_no_links(tmp_path: Path) -> None:
    source, target = tmp_path / "a", tmp_path / "b"
    source.mkdir()
    (source / "loop").symlink_to(".")
    (source / "x").write_text("x")
    (source / "x").chmod(0o700)
    os.mkfifo(source / "pipe")
    folders.copy(source, target, None)
    assert sorted(path.name for path in target.iterdir()) == ["loop", "x"]
    assert (target / "loop").is_symlink()
    assert (target / "x").stat().st_mode & 0o777 == 0o744


def test_what_is_there_stays(tmp_path: Path) -> None:
    source, target = tmp_path / "a", tmp_path / "b"
    for folder in (source / "sub", target):
        folder.mkdir(parents=True)
    (source / "sub" / "x").write_text("x")
    (source / "y").write_text("new")
    (target / "sub").write_text("a file in its place")
    (target / "y").symlink_to(tmp_path / "elsewhere")
    folders.copy(source, target, None)
    assert (target / "sub").read_text() == "a file in its place"
    assert not (tmp_path / "elsewhere").exists()


def test_a_folder_is_measured(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "sub").mkdir()
    (tmp_path / "sub" / "x").write_bytes(b"x" * 20_000)
    assert folders.holds_more(tmp_path, 40_000) == ""
    assert "20,000" in folders.holds_more(tmp_path, 20_000)  # the folder itself counts too
    monkeypatch.setattr(folders, "MOST_ENTRIES", 1)
    assert "more than 1 files" in folders.holds_more(tmp_path, 40_000)


def test_users_are_drawn_where_numbers_are_mapped(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    table = tmp_path / "map"
    for text, end in (
        ("         0          0 4294967295\n", 4_294_967_295),
        ("0 1000 1\n1 100000 65536\n", 65_537),
        ("0 1000 1\n", 1),
        ("5 0 10\n", 0),
        ("nonsense\n", 0),
    ):
        table.write_text(text)
        assert users.mapped(str(table)) == end
    monkeypatch.setattr(os, "geteuid", lambda: 0)
    monkeypatch.setattr(users, "may_change", lambda: True)
    monkeypatch.setattr(users, "mapped", lambda path: 4_294_967_295)
    drawn = {users.draw_user() for _ in range(50)}
    assert len(drawn) == 50
    monkeypatch.setattr(users, "mapped", lambda path: 65_536)
    assert all(1_000 < (users.draw_user() or 0) < 65_534 for _ in range(50))
    monkeypatch.setattr(users, "mapped", lambda path: 1)
    assert users.draw_user() is None


def test_a_box_that_does_not_start_is_told_from_a_submission_that_fails(tmp_path: Path) -> None:
    with open_box(level=Isolation.NAMESPACES) as box:
        launch = Launch(("{python}", "-c", ""), mounts=(Mount(tmp_path, "/usr/no/place"),))
        ran = box.run(launch)
    assert (ran.ended, ran.status) == ("killed", -9)
    assert "before it could report" in ran.why
    assert b"bwrap" in ran.stderr


def test_a_shared_interpreter_is_told_where_its_library_is(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    with monkeypatch.context() as patch:
        interpreter.loader.cache_clear()
        patch.setattr(interpreter.sysconfig, "get_config_var", lambda name: 1)
        patch.setattr(interpreter, "libraries", lambda: (Path("/usr/lib"), Path("/opt/p/lib")))
        assert interpreter.loader() == {"LD_LIBRARY_PATH": "/opt/p/lib"}
        interpreter.loader.cache_clear()
    monkeypatch.setattr(interpreter, "loader", lambda: {"LD_LIBRARY_PATH": "/opt/p/lib"})
    for level in Isolation:
        with open_box(level=level) as box:
            ran = box.run(Launch(("env",), limits=PATIENT))
        assert b"LD_LIBRARY_PATH=/opt/p/lib" in ran.stdout.splitlines()


@pytest.fixture
def decoys(tmp_path: Path) -> Iterator[Watcher]:
    folder = tmp_path / "decoys"
    (folder / "deep").mkdir(parents=True)
    for name in ("answers.json", "deep/expected.txt", "other"):
        (folder / name).write_text(name)
        (folder / name).chmod(0o600)
    folder.chmod(0o700)
    with Watcher(folder) as watcher:
        yield watcher


@pytest.mark.parametrize("level", Isolation)
@pytest.mark.parametrize("whole", [True, False])
def test_a_decoy_that_is_opened_is_seen(level: Isolation, whole: bool, decoys: Watcher) -> None:
    folder = decoys.folder
    if whole:
        mounts = (Mount(folder, "/decoys", watched=True),)
        paths = ("/decoys/answers.json", "/decoys/deep/expected.txt")
    else:
        paths = ("/box/tests/answers.json", "/box/tests/expected.txt")
        sources = (folder / "answers.json", folder / "deep" / "expected.txt")
        mounts = tuple(Mount(s, p, watched=True) for s, p in zip(sources, paths, strict=True))
    with open_box(level=level) as box:
        look = "import os, sys\nfor p in sys.argv[1:]: os.stat(p); print(os.listdir(p + '/..'))"
        look = look.replace("p + '/..'", "os.path.dirname(p)")
        ran = box.run(Launch(("{python}", "-c", look, *paths), mounts=mounts, limits=PATIENT))
        assert ran.status == 0
        assert decoys.opened() == ()
        opens = "import sys\nfor p in sys.argv[1:]: print(open(p).read())"
        ran = box.run(Launch(("{python}", "-c", opens, *paths), mounts=mounts, limits=PATIENT))
    assert ran.stdout == b"answers.json\ndeep/expected.txt\n"
    assert decoys.opened() == ("answers.json", "deep/expected.txt")
    assert decoys.works


def test_what_was_opened_is_still_known_afterwards(decoys: Watcher) -> None:
    (decoys.folder / "other").read_text()
    before = len(os.listdir("/proc/self/fd"))
    decoys.__exit__()
    assert len(os.listdir("/proc/self/fd")) == before - 1
    (decoys.folder / "answers.json").read_text()
    assert decoys.opened() == ("other",)


def test_elsewhere_it_says_that_it_sees_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "x").write_text("x")
    monkeypatch.setattr(watching.sys, "platform", "darwin")
    with Watcher(tmp_path) as watcher:
        (tmp_path / "x").read_text()
    assert watcher.opened() == ()
    assert not watcher.works
    assert "Linux" in watcher.why


AS_ANOTHER = """
import sys
sys.path.insert(0, sys.argv[1])
from trueup.goodhart.grade.box import Isolation, Launch, open_box
from trueup.goodhart.grade.limits import Limits
bomb = "import os, time\\nfor n in range(200):\\n if not os.fork(): time.sleep(9)\\nprint('all')"
for level in Isolation:
    try:
        box = open_box(level=level)
    except Exception as error:
        print(level.value, "no:", error)
        continue
    with box:
        ran = box.run(Launch(("{python}", "-c", "print('ran')"), limits=Limits(seconds=15)))
        forked = box.run(Launch(("{python}", "-c", bomb), limits=Limits(seconds=15, processes=8)))
        print(level.value, ran.stdout.decode().strip(), b"all" in forked.stdout)
"""


def test_the_levels_hold_without_rights() -> None:
    """As a user without any, by the system's Python, which root's may not be readable to."""
    python = next((p for p in ("/usr/bin/python3", "/usr/local/bin/python3") if _is_new(p)), None)
    if os.geteuid() != 0 or python is None:
        return  # then every other test here has shown it
    source = Path(folders.__file__).parents[4]
    with tempfile.TemporaryDirectory() as folder:
        os.chmod(folder, 0o755)
        shutil.copytree(source / "trueup", f"{folder}/trueup", ignore=_not_needed)
        (Path(folder) / "tmp").mkdir()
        os.chown(f"{folder}/tmp", 65534, 65534)
        said = subprocess.run(
            [python, "-B", "-c", AS_ANOTHER, folder],
            user=65534, group=65534, extra_groups=[], cwd="/", capture_output=True, text=True,
            env={"PATH": os.environ["PATH"], "TMPDIR": f"{folder}/tmp"},
        )  # fmt: skip
    assert said.stderr == ""
    lines = dict(line.split(" ", 1) for line in said.stdout.splitlines())
    assert lines["namespaces"] == "ran False"
    assert lines["landlock+seccomp"] == "ran False"
    assert lines["unisolated"].startswith("ran")


def _is_new(python: str) -> bool:
    check = "import sys; sys.exit(sys.version_info < (3, 11))"
    return Path(python).exists() and subprocess.run([python, "-c", check]).returncode == 0


def _not_needed(folder: str, names: list[str]) -> list[str]:
    if folder.endswith("/trueup"):
        return [name for name in names if name not in ("__init__.py", "errors.py", "goodhart")]
    return [name for name in names if name == "__pycache__"]

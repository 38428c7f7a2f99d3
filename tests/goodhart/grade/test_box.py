"""Launching, streams, limits and ends, on every level; `test_box_attacks` has what is kept out."""

from __future__ import annotations

import os
import secrets
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from trueup.errors import UserError
from trueup.goodhart.grade.box import Box, Isolation, Launch, Mount, Ran, open_box
from trueup.goodhart.grade.boxes import choosing, interpreter
from trueup.goodhart.grade.boxes.local import LocalBox
from trueup.goodhart.grade.limits import Limits

BRIEF = Limits(seconds=0.8)
PATIENT = Limits(seconds=15)


@pytest.fixture(scope="module", params=Isolation)
def box(request: pytest.FixtureRequest) -> Iterator[Box]:
    with open_box(level=request.param) as opened:
        yield opened


def launch(code: str, *arguments: str, limits: Limits = PATIENT, **options: object) -> Launch:
    command = ("{python}", "-I", "-S", "-c", code, *arguments)
    return Launch(command, limits=limits, **options)  # type: ignore[arg-type]


def run(box: Box, code: str, *arguments: str, limits: Limits = PATIENT, **options: object) -> Ran:
    return box.run(launch(code, *arguments, limits=limits, **options))


def alive(word: str) -> list[int]:
    """Processes of this machine with the word in their command, seen from outside."""
    found = []
    for folder in Path("/proc").glob("[0-9]*"):
        try:
            command = (folder / "cmdline").read_bytes()
        except OSError:
            continue
        if word.encode() in command and int(folder.name) != os.getpid():
            found.append(int(folder.name))
    return found


def test_the_level_is_the_one_asked_for(box: Box, request: pytest.FixtureRequest) -> None:
    assert box.isolation is request.node.callspec.params["box"]


def test_every_stream_arrives(box: Box) -> None:
    code = (
        "import os, sys; d = sys.stdin.buffer.read(); os.write(3, d + b'v'); os.write(4, d + b'e');"
        "os.write(1, d + b'o'); os.write(2, d + b'r'); sys.exit(7)"
    )
    ran = box.run(launch(code), b"in ")
    assert (ran.ended, ran.status, ran.cut, ran.why) == ("exited", 7, (), "")
    assert (ran.values, ran.events) == (b"in v", b"in e")
    assert (ran.stdout, ran.stderr) == (b"in o", b"in r")
    assert 0 < ran.seconds < PATIENT.seconds


def test_a_conversation(box: Box) -> None:
    code = "import os, sys\nfor line in sys.stdin: os.write(3, line.upper().encode())"
    process = box.start(launch(code))
    for word in (b"one", b"two"):
        process.send(word + b"\n")
        assert process.value_line(10) == word.upper()
    assert process.value_line(0.05) is None
    process.close_input()
    assert process.value_line(10) is None
    ran = process.finish()
    assert ran.values == b"ONE\nTWO\n"
    assert process.finish() is ran
    process.send(b"late")


def test_input_and_output_larger_than_a_pipe(box: Box) -> None:
    code = "import sys; d = sys.stdin.read(); print('x' * 300_000, file=sys.stderr); print(len(d))"
    ran = box.run(launch(code), b"y" * 2_000_000)
    assert ran.stdout == b"2000000\n"
    assert len(ran.stderr) == 300_001


def test_input_that_nobody_reads(box: Box) -> None:
    ran = box.run(launch("import time; time.sleep(60)", limits=BRIEF), b"y" * 1_000_000)
    assert ran.ended == "timeout"
    assert run_closed(box).stdout == b"on\n"


def run_closed(box: Box) -> Ran:
    code = "import os, sys; os.close(0); print('on')"
    return box.run(launch(code), b"y" * 1_000_000)


def test_the_work_folder_is_a_private_copy(box: Box, tmp_path: Path) -> None:
    (tmp_path / "sub").mkdir()
    (tmp_path / "sub" / "a.py").write_text("A = 1\n")
    (tmp_path / "link").symlink_to("sub/a.py")
    os.mkfifo(tmp_path / "pipe")
    code = (
        "import os; print(sorted(os.listdir('.')), open('link').read()); "
        "open('sub/a.py', 'a').write('changed'); open('new', 'w'); os.chmod('sub', 0)"
    )
    ran = run(box, code, work=tmp_path)
    assert ran.stdout == b"['link', 'sub'] A = 1\n\n"
    assert ran.status == 0
    assert (tmp_path / "sub" / "a.py").read_text() == "A = 1\n"
    assert not (tmp_path / "new").exists()


def test_mounts_are_seen_also_of_folders_that_only_root_reads(box: Box, tmp_path: Path) -> None:
    (tmp_path / "f").write_text("given")
    (tmp_path / "f").chmod(0o600)
    tmp_path.chmod(0o700)
    both = (Mount(tmp_path, "/data/deep"), Mount(tmp_path / "f", "/box/tests/f"))
    code = "import sys\nfor path in sys.argv[1:]: print(open(path).read())"
    ran = run(box, code, "/data/deep/f", "/box/tests/f", mounts=both)
    assert ran.stdout == b"given\ngiven\n"


def test_a_mount_stands_before_what_the_work_folder_has_there(box: Box, tmp_path: Path) -> None:
    outside, work = tmp_path / "outside", tmp_path / "work"
    for folder in (outside, work):
        folder.mkdir()
    (outside / "kept").write_text("kept")
    (work / "tests").symlink_to(outside)  # would lead a copy of the mount out of the box
    (tmp_path / "real").write_text("real")
    code = "import sys; print(open(sys.argv[1]).read())"
    mounts = (Mount(tmp_path / "real", "/box/tests/kept"),)
    ran = run(box, code, "/box/tests/kept", work=work, mounts=mounts)
    assert ran.stdout == b"real\n"
    assert (outside / "kept").read_text() == "kept"


def test_packages_are_visible_only_when_asked_for(box: Box) -> None:
    code = "import hypothesis; print('seen')"
    with_packages = Launch(("{python}", "-c", code), packages=True, limits=PATIENT)
    assert box.run(with_packages).stdout == b"seen\n"
    assert b"ModuleNotFoundError" in run(box, code).stderr
    listed = "import os, sys; print(sum((os.listdir(path) for path in sys.argv[1:]), []))"
    beside = [str(path) for path in interpreter.base_packages()]
    if box.isolation is Isolation.NAMESPACES:
        assert any(os.listdir(path) for path in beside)
        assert run(box, listed, *beside).stdout == b"[]\n"
    shown = run(box, "import sys; print(sys.argv[1])", "{packages}").stdout.decode().strip()
    assert len(shown.split(":")) == len(interpreter.packages())


def test_a_command_that_is_not_there(box: Box, tmp_path: Path) -> None:
    for name in ("no-such-program", "/usr/bin/no-such-program", "./no-such-program"):
        with pytest.raises(UserError, match="does not exist"):
            box.start(Launch((name,), work=tmp_path))
    (tmp_path / "bad").write_text("#!/no/such/interpreter\n")
    (tmp_path / "bad").chmod(0o755)
    ran = box.run(Launch(("./bad",), work=tmp_path, limits=PATIENT))
    assert ran.status == 127
    assert "No such file" in ran.why


def test_misuse_is_said(box: Box, tmp_path: Path) -> None:
    with pytest.raises(UserError, match="empty"):
        box.start(Launch(()))
    with pytest.raises(UserError, match="does not exist"):
        box.start(launch("", work=tmp_path / "nowhere"))
    with pytest.raises(UserError, match="does not exist"):
        box.start(launch("", mounts=(Mount(tmp_path / "nowhere", "/data"),)))
    with pytest.raises(UserError, match="bytes"):
        box.start(launch("", environment={"LONG": "x" * 100_000}))
    (tmp_path / "large").write_bytes(b"x" * (2 << 20))
    with pytest.raises(UserError, match="file_mb"):
        box.start(launch("", work=tmp_path, limits=Limits(file_mb=1)))


ENDLESS = {
    "stop": "import os, signal; os.kill(os.getpid(), signal.SIGSTOP)",
    "ignore": (
        "import signal, time\nfor n in set(signal.Signals) - {9, 19}: signal.signal(n, 1)\n"
        "while True: time.sleep(1)"
    ),
    "blind": "import os, time; os.closerange(0, 256); time.sleep(60)",
    "duplicate": (
        "import os, time\nfor n in range(5, 250): os.dup2(3, n)\nos.dup2(4, 1); time.sleep(60)"
    ),
}


@pytest.mark.parametrize("name", ENDLESS)
def test_the_clock_ends_what_does_not(name: str, box: Box) -> None:
    ran = run(box, ENDLESS[name], limits=BRIEF)
    assert (ran.ended, ran.status) == ("timeout", -signal.SIGKILL)
    assert BRIEF.seconds <= ran.seconds < BRIEF.seconds + 5


def test_descriptors_that_are_closed_or_swapped_harm_nobody(box: Box) -> None:
    ran = run(box, "import os; os.closerange(0, 256)")
    assert (ran.ended, ran.status) == ("exited", 0)
    ran = run(box, "import os; os.write(3, os.urandom(5000)); os.write(4, bytes(range(256)) * 9)")
    assert (len(ran.values), len(ran.events)) == (5000, 2304)


@pytest.mark.parametrize("stream", ["stdout", "stderr", "values", "events"])
def test_a_flood_is_cut(stream: str, box: Box) -> None:
    number = {"stdout": 1, "stderr": 2, "values": 3, "events": 4}[stream]
    code = f"import os\nwhile True: os.write({number}, b'x' * 65536)"
    ran = run(box, code, limits=Limits(seconds=15, output_kb=64))
    assert (ran.ended, ran.cut) == ("limit", (stream,))
    assert getattr(ran, stream) == b"x" * 65536
    assert stream in ran.why
    exact = run(
        box, f"import os; os.write({number}, b'x' * 65536)", limits=Limits(15, output_kb=64)
    )
    assert (exact.ended, exact.cut) == ("exited", ())


def test_memory_is_bounded(box: Box) -> None:
    code = "x = bytearray(int(input()) << 20); print('held')"
    assert box.run(launch(code, limits=Limits(15, memory_mb=256)), b"100").stdout == b"held\n"
    ran = box.run(launch(code, limits=Limits(15, memory_mb=256)), b"300")
    assert b"MemoryError" in ran.stderr


def test_processor_time_is_bounded(box: Box) -> None:
    code = "import resource; print(resource.getrlimit(resource.RLIMIT_CPU))"
    assert run(box, code, limits=Limits(seconds=8.5)).stdout == b"(10, 10)\n"


def test_a_large_file_is_refused(box: Box) -> None:
    code = (
        "import os\nwith open('f', 'wb', 0) as f:\n"
        " for _ in range(int(input())): f.write(b'x' * (1 << 20))\nprint('kept')"
    )
    limits = Limits(15, file_mb=4)
    assert box.run(launch(code, limits=limits), b"3").stdout == b"kept\n"
    assert b"kept" not in box.run(launch(code, limits=limits), b"6").stdout


@pytest.mark.parametrize("folder", ["/box", "/tmp"])
def test_many_files_are_refused(folder: str, box: Box) -> None:
    code = (
        "import sys, time\nfor n in range(int(sys.argv[2])):\n"
        " with open(f'{sys.argv[1]}/f{n}', 'wb', 0) as f:\n"
        "  assert f.write(bytes(1 << 20)) == 1 << 20\n"
        "time.sleep(float(sys.argv[3])); print('kept')"
    )
    limits = Limits(15, file_mb=4)
    assert run(box, code, folder, "3", "0", limits=limits).stdout == b"kept\n"
    ran = run(box, code, folder, "6", "5", limits=limits)
    assert b"kept" not in ran.stdout
    assert ran.ended == "limit" or ran.status == 1


def test_processes_are_bounded(box: Box) -> None:
    code = (
        "import os, sys, time\nfor n in range(int(sys.argv[1])):\n"
        " if not os.fork(): time.sleep(60)\ntime.sleep(float(sys.argv[2])); print('all')"
    )
    limits = Limits(15, processes=8)
    assert run(box, code, "3", "0", limits=limits).stdout == b"all\n"
    ran = run(box, code, "40", "5", limits=limits)
    assert b"all" not in ran.stdout
    assert ran.ended == "limit" or b"BlockingIOError" in ran.stderr


def test_threads_count_where_processes_do(box: Box) -> None:
    code = (
        "import threading, time\nfor n in range(40):\n"
        " threading.Thread(target=time.sleep, args=(1,), daemon=True).start()\nprint('all')"
    )
    ran = run(box, code, limits=Limits(15, processes=8))
    if box.isolation is not Isolation.UNISOLATED:
        assert b"all" not in ran.stdout


def test_a_fork_bomb_ends(box: Box) -> None:
    if box.isolation is Isolation.UNISOLATED:
        return  # nothing would hold it there until somebody looks
    word = secrets.token_hex(8)
    code = "import os\nwhile True:\n try: os.fork()\n except OSError: pass"
    ran = run(box, code, word, limits=Limits(seconds=0.8, processes=16))
    assert ran.ended == "timeout"
    assert alive(word) == []


DAEMON = """
import os, sys, time
if os.fork() == 0:
    os.setsid()
    if os.fork() == 0:
        os.setsid()
        if sys.argv[2] == 'closed': os.closerange(0, 256)
        else: os.write(3, b'up\\n')
        time.sleep(60)
    os._exit(0)
if sys.argv[2] == 'stay': time.sleep(60)
os.wait()
time.sleep(0.1)
"""


@pytest.mark.parametrize("how", ["open", "closed", "stay"])
def test_a_daemon_does_not_outlive_it(how: str, box: Box) -> None:
    word = secrets.token_hex(8)
    process = box.start(launch(DAEMON, word, how, limits=Limits(1.5 if how == "stay" else 15)))
    if how != "closed":
        assert process.value_line(10) == b"up"
        assert alive(word)  # so that the next can fail
    ran = process.finish()
    assert alive(word) == []
    assert ran.ended == ("timeout" if how == "stay" else "exited")
    assert ran.seconds < 10


def test_a_hundred_from_threads_leave_nothing(box: LocalBox) -> None:
    run(box, "")
    before = (len(os.listdir("/proc/self/fd")), threading.active_count(), len(children()))
    folders = len(os.listdir(box.stage))
    word = secrets.token_hex(8)
    code = "import os, sys; os.write(3, sys.stdin.buffer.read()); open('f', 'w').write('x')"

    def one(number: int) -> bytes:
        return box.run(launch(code, word), b"%d" % number).values

    with ThreadPoolExecutor(4) as pool:
        assert list(pool.map(one, range(100))) == [b"%d" % number for number in range(100)]
    after = (len(os.listdir("/proc/self/fd")), threading.active_count(), len(children()))
    assert after == before
    assert len(os.listdir(box.stage)) == folders
    assert alive(word) == []


def children() -> list[str]:
    """Children of this process, zombies too."""
    tasks = Path("/proc/self/task").glob("*/children")
    return [pid for task in tasks for pid in task.read_text().split()]


def interrupted(box: Box, word: str) -> None:
    """Interrupt this process while it waits for one in the box."""

    def interrupt() -> None:
        while not alive(word):
            time.sleep(0.01)
        signal.pthread_kill(threading.main_thread().ident or 0, signal.SIGINT)

    thread = threading.Thread(target=interrupt)
    thread.start()
    with pytest.raises(KeyboardInterrupt):
        run(box, "import time; time.sleep(60)", word)
    thread.join()


def test_an_interrupt_leaves_nothing(box: LocalBox) -> None:
    word = secrets.token_hex(8)
    descriptors, folders = len(os.listdir("/proc/self/fd")), len(os.listdir(box.stage))
    interrupted(box, word)
    assert alive(word) == []
    assert len(os.listdir("/proc/self/fd")) == descriptors
    assert len(os.listdir(box.stage)) == folders


def test_closing_ends_what_runs(box: Box) -> None:
    word = secrets.token_hex(8)
    with open_box(level=box.isolation) as other:
        process = other.start(launch("import time; print(1, flush=True); time.sleep(60)", word))
        waiting = threading.Thread(target=process.finish)
        waiting.start()
        while not alive(word):
            time.sleep(0.01)
    waiting.join(10)
    assert not waiting.is_alive()
    assert alive(word) == []
    assert process.finish().ended == "killed"
    assert not other.stage.exists()  # type: ignore[attr-defined]


ABANDONED = """
import sys
from trueup.goodhart.grade.box import Isolation, Launch, open_box
from trueup.goodhart.grade.limits import Limits
box = open_box(level=Isolation(sys.argv[1]))
command = ("{python}", "-c", "import time; time.sleep(60)", sys.argv[2])
box.start(Launch(command, limits=Limits(seconds=60))).finish()
"""


def test_it_ends_with_a_parent_that_is_killed(box: Box, tmp_path: Path) -> None:
    word = secrets.token_hex(8)
    parent = subprocess.Popen(
        [sys.executable, "-c", ABANDONED, box.isolation, word], env={"TMPDIR": str(tmp_path)}
    )
    while len(alive(word)) < 2:
        time.sleep(0.01)
    parent.kill()
    parent.wait()
    until = time.monotonic() + 10
    while alive(word) and time.monotonic() < until:
        time.sleep(0.01)
    assert alive(word) == []


def test_signals_and_statuses(box: Box) -> None:
    for code, ended, status in (
        ("import os; os.abort()", "killed", -signal.SIGABRT),
        ("import os; os.kill(os.getpid(), 9)", "killed", -signal.SIGKILL),
        ("import os; os._exit(137)", "exited", 137),
    ):
        ran = run(box, code)
        assert (ran.ended, ran.status, ran.why) == (ended, status, "")


def test_a_folder_that_is_hard_to_remove(box: LocalBox) -> None:
    code = (
        "import os\nfor n in range(450): os.mkdir('d' * 9); os.chdir('d' * 9)\n"
        "open('f', 'w'); os.chmod('..', 0); os.chmod('.', 0)"
    )
    before = set(os.listdir(box.stage))
    assert run(box, code).status == 0
    assert set(os.listdir(box.stage)) == before


def test_the_strongest_comes_first(monkeypatch: pytest.MonkeyPatch) -> None:
    with open_box() as strongest:
        assert strongest.isolation is not Isolation.UNISOLATED
    with open_box(require=True) as required:
        assert required.isolation is strongest.isolation


def only(*levels: Isolation) -> Callable[[Isolation], tuple[object, tuple[str, ...]]]:
    def level(asked: Isolation) -> tuple[object, tuple[str, ...]]:
        return (choosing.PlainBox if asked in levels else None), (f"no {asked.value}",)

    return level


def test_a_machine_that_offers_less(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(choosing, "_level", only(Isolation.UNISOLATED))
    with open_box() as box:
        assert box.notes[:2] == ("no namespaces", "no landlock+seccomp")
    for wanted in ({"require": True}, {"weakest": Isolation.NAMESPACES}):
        with pytest.raises(UserError, match="no namespaces"):
            open_box(**wanted)  # type: ignore[arg-type]
    with pytest.raises(UserError, match="no landlock"):
        open_box(level=Isolation.LANDLOCK)


def test_the_probe_finds_the_holes_of_a_box_without_walls() -> None:
    with choosing.PlainBox() as plain:
        plain.filtered = True
        found = choosing.holes(plain)
    assert found == [
        "it can read a file outside",
        "it can write beside a file outside",
        "it reaches the network",
        "it can signal its parent",
        "system calls are not filtered",
    ]

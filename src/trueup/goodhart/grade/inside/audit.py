"""What the submission does that honest code does not, told to the parent the moment it happens.

An audit hook cannot be taken out again, and each event is written at once, so that nothing the
submission does later can unsay it. Only what the submission's own code causes is told: the frame
that raises the event must be its own, or reach it through the few standard modules that merely
pass a request on (`pathlib` opens what it is asked to; `logging` looks at frames for itself).

What it does not see: reads through descriptors that are open already, frames handed to a signal
handler, and whatever compiled code does. Those who read memory with ctypes can blind it, and are
seen as they begin. None of this decides a verdict: the answer does.

Standard library only, and of that only builtin modules: it is on the path of every launch.
"""

from __future__ import annotations

import _thread
import posix
import sys
from _json import encode_basestring_ascii

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Any

    from trueup.goodhart.grade.inside.places import Places

    Tell = Callable[..., None]

__all__ = ["Channel", "install"]

MOST_EVENTS = 200

_FRAMES = frozenset({"inspect"})
_FILES = frozenset(
    ("bz2", "codecs", "configparser", "csv", "fileinput", "fnmatch", "genericpath", "glob", "gzip",
     "inspect", "io", "json", "linecache", "lzma", "mmap", "os", "pathlib", "pickle", "posixpath",
     "runpy", "shutil", "tarfile", "tokenize", "zipfile", "_pyio")
)  # fmt: skip
_PROGRAMS = frozenset(("os", "pty", "shutil", "subprocess"))
_ANY = frozenset({"*"})  # whatever standard code lies between
_NONE: frozenset[str] = frozenset()

# event: (standard modules it may pass through, where its paths are)
EVENTS: dict[str, tuple[frozenset[str], tuple[int, ...]]] = {
    "sys._getframe": (_FRAMES, ()),
    "sys._current_frames": (_NONE, ()),
    "sys._current_exceptions": (_NONE, ()),
    "gc.get_objects": (_NONE, ()),
    "gc.get_referrers": (_NONE, ()),
    "object.__getattr__": (_NONE, ()),
    "object.__setattr__": (_NONE, ()),
    "sys.settrace": (_ANY, ()),
    "sys.setprofile": (_ANY, ()),
    "sys.monitoring.register_callback": (_NONE, ()),
    "sys.addaudithook": (_NONE, ()),
    "compile": (_NONE, ()),
    "code.__new__": (_NONE, ()),
    "import": (_NONE, ()),
    "ctypes.dlsym": (frozenset({"ctypes"}), ()),
    "ctypes.dlsym/handle": (frozenset({"ctypes"}), ()),
    "ctypes.string_at": (frozenset({"ctypes"}), ()),
    "ctypes.wstring_at": (frozenset({"ctypes"}), ()),
    "ctypes.cdata": (frozenset({"ctypes"}), ()),
    "os.system": (_PROGRAMS, ()),
    "os.exec": (_PROGRAMS, ()),
    "os.spawn": (_PROGRAMS, ()),
    "os.posix_spawn": (_PROGRAMS, ()),
    "subprocess.Popen": (_PROGRAMS, ()),
    "pty.spawn": (_PROGRAMS, ()),
    "os.fork": (_NONE, ()),
    "os.forkpty": (_PROGRAMS, ()),
    "os.kill": (_NONE, ()),
    "os.killpg": (_NONE, ()),
    "os.putenv": (frozenset({"os", "_collections_abc"}), ()),
    "socket.connect": (_ANY, ()),
    "socket.getaddrinfo": (_ANY, ()),
    "socket.gethostbyname": (_ANY, ()),
    "socket.sendto": (_ANY, ()),
    "urllib.Request": (_ANY, ()),
    "open": (_FILES, (0,)),
    "os.listdir": (_FILES, (0,)),
    "os.scandir": (_FILES, (0,)),
    "glob.glob": (_FILES, (0,)),
    "os.remove": (_FILES, (0,)),
    "os.rename": (_FILES, (0, 1)),
    "os.link": (_FILES, (0,)),
    "os.symlink": (_FILES, (0,)),
    "os.truncate": (_FILES, (0,)),
    "os.chmod": (_FILES, (0,)),
}
_FRAME_ATTRIBUTES = frozenset({"tb_frame", "gi_frame", "cr_frame", "ag_frame"})


class Channel:
    """Lines on a descriptor of the parent's, on a copy that the submission does not know.

    A newline comes first as well, so that what the submission wrote to the pipe cannot run into
    a line of ours.
    """

    __slots__ = ("_fd", "_write")

    def __init__(self, fd: int) -> None:
        self._fd = posix.dup(fd)
        self._write = posix.write

    def line(self, text: str) -> None:
        rest = f"\n{text}\n".encode("ascii")
        while rest:
            try:
                rest = rest[self._write(self._fd, rest) :]
            except BlockingIOError:  # somebody made the pipe non-blocking
                continue

    @property
    def identity(self) -> tuple[int, int]:
        """Which pipe it is."""
        found = posix.fstat(self._fd)
        return found.st_dev, found.st_ino


def install(channel: Channel, places: Places) -> Tell:
    """Begin to watch; return what tells an event of the runner's own.

    All state lives in the closure: the module that `sys.modules` could lead to holds none.
    """
    seen: set[str] = set()
    busy: set[int] = set()
    ident, getframe, text_of = _thread.get_ident, sys._getframe, _text

    def tell(event: str, *words: object) -> None:
        line = ",".join(encode_basestring_ascii(text_of(word)) for word in (event, *words))
        if line not in seen and len(seen) < MOST_EVENTS:
            seen.add(line)
            channel.line(f"[{line}]")

    def hook(event: str, args: tuple[Any, ...]) -> None:
        rule = EVENTS.get(event)
        if rule is None:
            return
        me = ident()
        if me in busy:
            return
        busy.add(me)
        try:
            where = _cause(getframe(1), rule[0], places)
            if where:
                words = _words(event, args, rule[1], places)
                if words is not None:
                    tell(event, *words, where)
        finally:
            busy.discard(me)

    sys.addaudithook(hook)
    return tell


def _cause(frame: Any, through: frozenset[str], places: Places) -> str:
    """ "file:line" of the submission's code that caused the event; "" when it is not the cause."""
    while frame is not None:
        code = frame.f_code
        module = places.module_of(code.co_filename)
        if module is None:
            name = code.co_filename.removeprefix(f"{places.work}/")
            return f"{name}:{frame.f_lineno}"
        if not module or (module not in through and "*" not in through):
            passes = module == "traceback" and code.co_name == "walk_stack"
            if not passes:
                return ""
        if module == "ctypes" and code.co_name == "<module>":  # what importing it does
            return ""
        frame = frame.f_back
    return ""


def _words(
    event: str, args: tuple[Any, ...], paths: tuple[int, ...], places: Places
) -> list[object] | None:
    """What to tell of the event besides its name; None when it is not worth telling."""
    if paths:
        told = [_told(args, place, places) for place in paths]
        if not any(told):
            return None
        return [next(filter(None, told)), _mode(event, args)]
    if event in ("object.__getattr__", "object.__setattr__"):
        return _attribute(args, places)
    if event in ("compile", "code.__new__"):
        name = args[1]
        if type(name) is bytes:
            name = name.decode("utf-8", "replace")
        if type(name) is str and places.module_of(name) is not None:
            places.spoofed.add(name)
            return [name]
        return None
    if event == "sys._getframe" and args and type(args[0]) is type(sys._getframe()):
        # Its own frames are its own business; who climbs from there to the runner's and reads its
        # locals is told by `runner`.
        return [] if places.module_of(args[0].f_code.co_filename) is not None else None
    if event == "import":
        return _compiled(args, places)
    if event in ("socket.connect", "socket.sendto") and type(args[-1]) is not tuple:
        return None  # a socket of this machine
    return [arg for arg in args if type(arg) in (str, bytes, int, tuple, list)]


def _told(args: tuple[Any, ...], place: int, places: Places) -> str | None:
    path: Any = args[place] if len(args) > place else None
    kind = type(path)
    if issubclass(kind, bytes):
        path = bytes.decode(path, "utf-8", "surrogateescape")
    elif not issubclass(kind, str):
        return None  # a descriptor, or the folder it is in
    return places.told(str.__getitem__(path, slice(None)))


def _mode(event: str, args: tuple[Any, ...]) -> str:
    if event != "open":
        return event
    flags = args[2] if len(args) > 2 and type(args[2]) is int else 0
    return "write" if flags & (posix.O_WRONLY | posix.O_RDWR) else "read"


def _attribute(args: tuple[Any, ...], places: Places) -> list[object] | None:
    """Frames of others, and code of the runner's: what leads from an object to the grader."""
    thing, name = args[0], args[1]
    if name in _FRAME_ATTRIBUTES:
        return [name]
    function = type(_attribute)
    if name == "f_code" and type(thing) is type(sys._getframe()):
        code = thing.f_code
    elif name == "__code__" and type(thing) is function:
        code = thing.__code__
    else:
        return None
    owner = places.module_of(code.co_filename)
    if owner == "" or (owner and len(args) > 2):  # read off the runner, or set on standard code
        return [name, code.co_name]
    return None


def _compiled(args: tuple[Any, ...], places: Places) -> list[object] | None:
    """A compiled module of the submission's own."""
    file = args[1] if len(args) > 1 else None
    if type(file) is str and file.startswith(f"{places.work}/") and file.endswith(".so"):
        return [file]
    return None


def _text(word: object) -> str:
    """At most 200 characters of a word; of what is not simple, only its type."""
    kind = type(word)
    if kind is str:
        return word[:200]  # type: ignore[index]
    if kind is bytes:
        return word[:200].decode("utf-8", "replace")  # type: ignore[index]
    if kind is int:
        return repr(word) if -(1 << 63) < word < 1 << 63 else "a long int"  # type: ignore[operator]
    if kind in (tuple, list):
        return " ".join(_text(part) for part in word[:8])[:200]  # type: ignore[index]
    return str.__getitem__(type.__dict__["__name__"].__get__(kind), slice(0, 100))

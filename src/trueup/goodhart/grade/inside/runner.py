"""Runs one call of the submission and sends what came of it: one message, on the values pipe.

Started by `functions` as `python -I -S -E -B runner.pyc FOLDER PACKAGES`; its order comes as one
line on stdin: a dict of plain data with

    nonce      what tells the runner's lines from those that the submission writes to the pipes
    file       path of the file in FOLDER; entry: the function in it
    args, kwargs, limit (characters that the answer may have)
    folders    folders of the submission's that may be imported from, relative to FOLDER
    expected   a decoy, never the expected value
    variables, files   names of variables and of files in FOLDER that hold decoys

The message is `[nonce, kind, …]`: "value" with the value in plain data; "raised", "refused" with
the type and the text of an exception; "exit"; "not-plain", "no-file", "no-entry", "memory" with a
few words. The events pipe carries "ready" before any code of the submission's runs, "answered"
after the message and "done" after its exit handlers, the last two with the nonce.

The values and the verdict are not its business: it does not know what is expected, and whatever
the submission makes it send is compared outside. Standard library only.
"""

from __future__ import annotations

import atexit
import gc
import os
import posix
import sys

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable
    from types import ModuleType
    from typing import Any

_referents, _getframe = gc.get_referents, sys._getframe
OWN = "<runner>"  # what the code of these modules is compiled under
VALUES_FD, EVENTS_FD = 3, 4
CLOSED = 97  # exit status when the pipes are no longer there
_TEXT = 500
_TELLING = (
    "__eq__", "__ne__", "__lt__", "__le__", "__gt__", "__ge__", "__sub__", "__rsub__", "__abs__",
    "__hash__", "__reduce__", "__reduce_ex__", "__class__", "__contains__", "__float__",
)  # fmt: skip


def main() -> None:
    folder, packages = sys.argv[1].rstrip("/"), [p for p in sys.argv[2].split(":") if p]
    audit, places_, plain, state = _own("audit", "places", "plain", "state")
    order = plain.decode(_line())
    values, events = audit.Channel(VALUES_FD), audit.Channel(EVENTS_FD)
    pipes = values.identity, events.identity
    places = places_.Places(folder, OWN, packages, order["files"])
    _settle(folder, packages, order["file"], order["folders"])
    environment = state.WatchedEnvironment.over(vars(os.environ)["_data"], order["variables"])
    vars(os.environ)["_data"] = environment
    pid, getpid, leave, wind_up = posix.getpid(), posix.getpid, posix._exit, atexit._run_exitfuncs
    encode, deeper, stat = plain.encode, sys.setrecursionlimit, posix.fstat
    snapshot = state.Snapshot()
    changes, asked_for = snapshot.changes, environment.asked_for
    sys.modules["__main__"] = type(sys)("__main__")
    tell = audit.install(events, places)
    tell("ready")
    message = _answer(order, folder, plain, places, tell)
    deeper(1000)
    if getpid() != pid:
        tell("forked")
        leave(0)
    try:
        for name in asked_for():
            tell("environment", name)
        for what, name in changes(places):
            tell(what, name)
        if pipes != _identities(stat):
            tell("pipes")
        nonce = encode(order["nonce"], 200)
        values.line(f"[{nonce},{message}]")
        events.line(f'["answered",{nonce}]')
    except OSError:
        leave(CLOSED)
    wind_up()
    events.line(f'["done",{nonce}]')
    leave(0)


def _own(*names: str) -> list[Any]:
    """The modules beside this one, loaded and then forgotten by the import system."""
    sys.path.insert(0, sys.argv[0].rpartition("/")[0])
    found = [__import__(name) for name in names]
    del sys.path[0]
    for name in names:
        del sys.modules[name]
    return found


def _line() -> str:
    """Everything up to the end of the first line of stdin."""
    parts = []
    while True:
        part = posix.read(0, 1 << 16)
        parts.append(part)
        if not part or part.endswith(b"\n"):
            return b"".join(parts).decode("ascii")


def _settle(folder: str, packages: list[str], file: str, folders: list[str]) -> None:
    """Modules come from the standard library, then the packages, then the submission: nothing of
    its own stands in the way of what the runner uses. Of its folders only source is imported."""
    sys.argv = [file]
    vars(sys.modules["builtins"]).update(exit=sys.exit, quit=sys.exit)  # as `site` would
    sys.dont_write_bytecode = True
    sys.path.extend(packages)
    sys.path.append(folder)
    external = sys.modules["_frozen_importlib_external"]
    source = (external.SourceFileLoader, external.SOURCE_SUFFIXES)
    for name in folders:
        path = f"{folder}/{name}" if name else folder
        sys.path_importer_cache[path] = external.FileFinder(path, source)


def _answer(order: dict[str, Any], folder: str, plain: Any, places: Any, tell: Any) -> str:
    """What came of the call, as the rest of the message. All of the submission's code runs here,
    but for its exit handlers."""
    encode = plain.encode
    try:
        found = _load(order["file"], folder)
        function = _entry(found, order["entry"]) if type(found) is type(sys) else None
        if function is None:
            missing = found if type(found) is str else "no-entry"
            return f'"{missing}",""'
        value, looked = _call(function, order["args"], order["kwargs"], order["expected"])
        if looked:
            tell("frame")
        return f'"value",{encode(value, order["limit"])}'
    except plain.NotPlain as error:
        _tell_of(error.value, plain, places, tell)
        return f'"not-plain",{encode(str(error), 2 * _TEXT)}'
    except SystemExit:
        return '"exit",""'
    except MemoryError:
        return '"memory",""'
    except BaseException as error:
        kind = "refused" if issubclass(type(error), NotImplementedError) else "raised"
        name = encode(_qualified(error, plain), 20 * _TEXT)
        return f'"{kind}",{name},{encode(_text(error), 20 * _TEXT)}'


def _load(file: str, folder: str) -> ModuleType | str:
    """The module of the file, under the name of the file; why there is none."""
    path = f"{folder}/{file}"
    try:
        with open(path, "rb") as stream:
            source = stream.read()
    except OSError:
        return "no-file"
    module = type(sys)(file.rpartition("/")[2].removesuffix(".py"))
    module.__file__ = path
    sys.modules[module.__name__] = module
    exec(compile(source, path, "exec", dont_inherit=True), vars(module))
    return module


def _entry(module: ModuleType, entry: str) -> Any:
    """The function, or the method of a class, None when it is not there."""
    found: Any = module
    for name in entry.split("."):
        found = getattr(found, name, None)
    return found if callable(found) else None


def _call(function: Callable[..., Any], args: Any, kwargs: Any, expected: Any) -> tuple[Any, bool]:
    """What the function returns, and whether it read the locals of this frame.

    It is the frame that the submission sees above its own, and what it finds here is a decoy. Up to
    Python 3.12 a frame keeps the dict of its locals once somebody has asked for it.
    """
    answer = expected
    value = function(*args, **kwargs)
    kept = _referents(_getframe())
    looked = any(
        type(one) is dict and one is not kwargs and one.get("answer") is answer for one in kept
    )
    return value, looked


def _tell_of(value: Any, plain: Any, places: Any, tell: Any) -> None:
    """Name the special methods that a class of the submission's brings with an answer."""
    kind = type(value)
    if type.__dict__["__dict__"].__get__(kind).get("__module__") == "unittest.mock":
        tell("mock", plain.type_name(value))
    names = set()
    for one in type.__dict__["__mro__"].__get__(kind):
        for name in _TELLING:
            method = type.__dict__["__dict__"].__get__(one).get(name)
            if type(method) is type(main):
                file = method.__code__.co_filename
                if file.startswith(f"{places.work}/"):
                    names.add(name)
    if names:
        tell("object", plain.type_name(value), " ".join(sorted(names)))


def _qualified(error: BaseException, plain: Any) -> str:
    module = type.__dict__["__dict__"].__get__(type(error)).get("__module__", "builtins")
    name: str = plain.type_name(error)
    return name if type(module) is not str or module == "builtins" else f"{module[:100]}.{name}"


def _text(error: BaseException) -> str:
    try:
        text = str(error)
    except BaseException:
        return "(its text cannot be shown)"
    return str.__getitem__(text, slice(0, _TEXT))


def _identities(stat: Any) -> tuple[tuple[int, int], ...] | None:
    """Which pipes stand at the two descriptors now."""
    try:
        found = stat(VALUES_FD), stat(EVENTS_FD)
    except OSError:
        return None
    return tuple((one.st_dev, one.st_ino) for one in found)


if __name__ == "__main__":
    main()

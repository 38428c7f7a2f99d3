"""From what the user names to something that can be asked."""

from __future__ import annotations

import os
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from importlib.util import find_spec
from pathlib import Path
from threading import Event
from typing import Any, Protocol
from uuid import uuid4

from trueup.errors import UserError
from trueup.probe.attempts import Remote
from trueup.probe.function import Function, load_function
from trueup.probe.model import Question, Reply, Settings

__all__ = ["Local", "ModelSpec", "Target", "targets_of"]

ModelSpec = str | os.PathLike[str] | Callable[..., Any]

_LOCAL_TOKENS = 512
_NEEDS = {
    "train": ("A model in a folder", ("torch", "transformers")),
    "local": ("A GGUF file", ("xllamacpp",)),
}


class Local(Protocol):
    """A model in this process: a batch at a time, one batch after the other."""

    batch: int

    def generate(self, questions: Sequence[Question], stop: Event) -> list[Reply]:
        """A reply to each. Whatever it raises is the reason for having none."""
        ...

    def close(self) -> None: ...


@dataclass(frozen=True)
class Target:
    """One model.

    Attributes
    ----------
    name, model
        Its name in the names of versions, and as the rows state it; neither holds a folder.
    identity
        All that its answers depend on beside the question, for the cache.
    remote, load
        One of them: what is asked, or what loads a model into this process.
    settings
        How it is asked.
    takes_seed, takes_system
        Whether it can be sent a seed, and a system prompt.
    """

    name: str
    model: str
    identity: tuple[object, ...]
    remote: Remote | None
    load: Callable[[], Local] | None
    settings: Settings
    takes_seed: bool = True
    takes_system: bool = True

    def sampling(self) -> dict[str, float | int]:
        """What is sent; models in this process have no defaults of their own."""
        chosen = {
            "temperature": self.settings.temperature,
            "max_tokens": self.settings.max_tokens,
        }
        if self.load is not None:
            chosen = {
                "temperature": self.settings.temperature or 0.0,
                "max_tokens": self.settings.max_tokens or _LOCAL_TOKENS,
            }
        return {name: value for name, value in chosen.items() if value is not None}


def targets_of(models: Sequence[ModelSpec], settings: Settings) -> list[Target]:
    """Each model, under a name of its own. Raises `UserError`."""
    found = [_target(model, settings) for model in models]
    names = Counter(target.name for target in found)
    for place, target in enumerate(found):
        if names[target.name] > 1:
            found[place] = replace(target, name=_plain_name(str(models[place])))
    if len({target.name for target in found}) < len(found):
        twice = next(t.name for t in found if names[t.name] > 1)
        raise UserError(f"The model {twice!r} is named twice.", "Name each model once.")
    return found


def _target(model: ModelSpec, settings: Settings) -> Target:
    if callable(model):
        return _called(model, settings)
    named = os.fspath(model)
    if not named.strip():
        raise UserError("A model has an empty name.", "For example: --model openai/gpt-x")
    if named.startswith("python:"):
        function, file = load_function(named.removeprefix("python:"))
        return _function_target(function, named, (named, file or _once()), settings)
    path = Path(named).expanduser()
    if path.suffix.lower() == ".gguf":
        return _gguf(path, settings)
    folder = path.is_dir() and (path / "config.json").is_file()
    if isinstance(model, os.PathLike) or (folder and not settings.api_base):
        return _folder(path, settings)
    if settings.api_base is None and (path.is_dir() or named.startswith((".", "/", "~"))):
        return _folder(path, settings)
    return _remote(named, settings)


def _called(function: Callable[..., Any], settings: Settings) -> Target:
    """A callable as an object: what it holds cannot be told, so its answers are for one run."""
    name = getattr(function, "__qualname__", None) or type(function).__qualname__
    return _function_target(function, f"python:{name}", (_once(),), settings)


def _function_target(
    function: Callable[..., Any], model: str, identity: tuple[object, ...], settings: Settings
) -> Target:
    asked = Function(function, model)
    return Target(
        _plain_name(model.removeprefix("python:")),
        model,
        ("python", *identity),
        asked,
        None,
        replace(settings, attempts=1),
        asked.takes_seed,
        asked.takes_messages,
    )


def _remote(named: str, settings: Settings) -> Target:
    if settings.api_base is not None:
        from trueup.probe.endpoint import Endpoint

        identity = ("endpoint", named, settings.api_base.rstrip("/"))
        return Target(
            _plain_name(named), named, identity, Endpoint(named, settings), None, settings
        )
    from trueup.probe.provider import Provider

    asked = Provider(named, settings)
    identity = ("provider", named, "")
    return Target(_plain_name(named), named, identity, asked, None, settings, asked.takes_seed)


def _folder(path: Path, settings: Settings) -> Target:
    if not (path / "config.json").is_file():
        wrong = "has no config.json" if path.is_dir() else "does not exist"
        raise UserError(
            f"The model folder {path} {wrong}.",
            "Name a folder that transformers has saved a model to.",
        )
    _require("train")

    def load() -> Local:
        from trueup.probe.transformer import Transformer

        return Transformer(path)

    name = path.resolve().name
    files = sorted(file for file in path.iterdir() if file.is_file())
    identity = ("folder", name, *(_stamp(file) for file in files))
    return Target(_plain_name(name), name, identity, None, load, settings)


def _gguf(path: Path, settings: Settings) -> Target:
    if not path.is_file():
        raise UserError(f"The model file {path} does not exist.", "Name a GGUF file.")
    _require("local")

    def load() -> Local:
        from trueup.probe.gguf import Gguf

        return Gguf(path)

    return Target(_plain_name(path.stem), path.name, ("gguf", _stamp(path)), None, load, settings)


def _stamp(file: Path) -> tuple[str, int, int]:
    """Name, size and time of a file: training writes new weights under an old name."""
    status = file.stat()
    return file.name, status.st_size, status.st_mtime_ns


def _once() -> str:
    return uuid4().hex


def _require(extra: str) -> None:
    what, modules = _NEEDS[extra]
    missing = [module for module in modules if find_spec(module) is None]
    if missing:
        raise UserError(
            f"{what} needs {' and '.join(missing)}, which {'is' if len(missing) == 1 else 'are'} "
            "not installed.",
            f"Install with: pip install 'trueup[{extra}]'",
        )


def _plain_name(name: str) -> str:
    """A name without what separates the parts of a row's id, or does not print."""
    return "".join(letter if letter.isprintable() and letter != "|" else "_" for letter in name)

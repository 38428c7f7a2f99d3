"""Read stack.yaml: every mistake is one sentence with its line and the fix."""

from __future__ import annotations

import re
from collections.abc import Callable
from hashlib import blake2b
from pathlib import Path
from typing import Any

import orjson

from trueup.errors import UserError
from trueup.guards.model import (
    Bands,
    Http,
    Kind,
    Layer,
    Moderation,
    Python,
    Regex,
    Rules,
    Stack,
    Words,
)
from trueup.guards.rules import RULE_KEYS, read_rules
from trueup.guards.yaml_text import Section, load, plain, shown

__all__ = ["layer_sections", "load_stack", "read_text"]

_COMMON = (
    *("name", "stage", "timeout_s", "retries", "concurrency", "fail", "trained_on", "version"),
    *RULE_KEYS,
)
_TEXT = "{text}"


def load_stack(path: str | Path) -> Stack:
    """Read a guard stack.

    Relative files that it names are looked for beside it. Environment variables, callables and
    endpoints are looked at only when the stack runs.

    Raises
    ------
    UserError
        The file cannot be read, or what it says is not a stack: with the line and the fix.
    """
    path = Path(path)
    top = load(read_text(path), path.name)
    top.check_keys(("fail", "layers"))
    fail = top.choice("fail", ("open", "closed"))
    layers = tuple(_layer(section, path.parent, fail) for section in layer_sections(top))
    return Stack(path, layers)


def read_text(path: Path) -> str:
    """The text of a UTF-8 file. Raises `UserError`."""
    try:
        return path.read_text(encoding="utf-8-sig")
    except (OSError, UnicodeDecodeError) as error:
        reason = error.strerror if isinstance(error, OSError) else "it is not UTF-8"
        raise UserError(f"{path} cannot be read: {reason}.", "Name a text file.") from error


def layer_sections(top: Section) -> list[Section]:
    """The layers' mappings, each with a name of its own. Raises `UserError`."""
    listed: Any = top.values.get("layers")
    if not isinstance(listed, list) or not listed:
        raise top.error("layers", "must list the layers in their order", "Write `- name: …`.")
    sections: dict[str, Section] = {}
    for place, values in enumerate(listed):
        if not isinstance(values, dict):
            line = top.values["layers"].lc.item(place)[0] + 1
            raise UserError(
                f"{top.file}:{line}: a layer must be a mapping, got {shown(values)}.",
                "Write `- name: …` and under it what the layer is.",
            )
        section = Section(top.file, f"layer {place + 1}", values)
        name = section.text("name")
        if name is None or not name.isprintable():
            raise section.error("name", "must be a printable name", "Write `name: topic`.")
        name = name.strip()
        if name in sections:
            raise section.error("name", f"is taken twice: {name!r}", "Names must differ.")
        sections[name] = Section(top.file, f"layer '{name}'", values)
    return list(sections.values())


def _layer(section: Section, folder: Path, fail: str | None) -> Layer:
    kinds = [kind for kind in _KINDS if kind in section]
    if len(kinds) != 1:
        wrong = f"states {' and '.join(kinds)}" if kinds else "does not say what it is"
        raise section.error(None, wrong, f"State one of: {', '.join(_KINDS)}.")
    own_keys, read = _KINDS[kinds[0]]
    section.check_keys((*_COMMON, kinds[0], *own_keys))
    kind = read(section, folder)
    local = isinstance(kind, Regex | Words)
    rules = read_rules(section)
    if rules.bands is None and not (rules.categories or rules.segments):
        if not local:
            raise section.error(
                None,
                "has no threshold",
                "Write `threshold: 0.5`, or `threshold: null` for one that only scores.",
            )
        rules = Rules(Bands(block=0.5))  # a match scores 1
    stated = str(section.values.get("version") or "").strip() or None
    return Layer(
        name=str(section.values["name"]).strip(),
        stage=section.choice("stage", ("input", "output"), "input") or "input",
        kind=kind,
        rules=rules,
        timeout_s=_timeout(section),
        retries=section.whole("retries", 2, 0),
        concurrency=section.whole(
            "concurrency", 8 if isinstance(kind, Http | Moderation) else 1, 1
        ),
        fail=_fail(section, fail, local),
        version=stated or _hash(section, kind),
        stated_version=stated,
        trained_on=section.text("trained_on"),
    )


def _hash(section: Section, kind: Kind) -> str:
    """Of the layer as written, and of the words when they lie in a file."""
    words = [*kind.lists.items()] if isinstance(kind, Words) else None
    written = orjson.dumps((plain(section.values), words), option=orjson.OPT_SORT_KEYS)
    return blake2b(written, digest_size=6).hexdigest()


def _timeout(section: Section) -> float:
    seconds = section.number("timeout_s") if "timeout_s" in section else 10.0
    if seconds is None or seconds <= 0:
        raise section.error("timeout_s", "must be positive", "Give seconds, such as 10.")
    return seconds


def _fail(section: Section, default: str | None, local: bool) -> str:
    """Stated, not defaulted: a guard that is down lets everyone through, or stops everyone."""
    fail = section.choice("fail", ("open", "closed"), default)
    if fail is None and not local:
        raise section.error(
            None,
            "can fail, and nothing says what then happens",
            "Write `fail: open` (let through) or `fail: closed` (block) at the top of the file.",
        )
    return fail or "closed"


def _python(section: Section, folder: Path) -> Python:
    target = section.text("python") or ""
    if not re.fullmatch(r"[\w.]+:[\w.]+", target):
        raise section.error(
            "python", f"must be package.module:function, got {target!r}", "Such as guards:topic."
        )
    return Python(target)


def _http(section: Section, folder: Path) -> Http:
    url = section.text("http") or ""
    if not re.match(r"https?://|\$\{", url):
        raise section.error("http", "must be a URL", "Such as https://guard.example/score.")
    headers = section.section("headers")
    body = plain(section.section("body").values) if "body" in section else {"text": _TEXT}
    if _TEXT not in orjson.dumps(body).decode():
        raise section.error("body", "does not send the text", 'Such as {inputs: "{text}"}.')
    return Http(
        url,
        {str(name): headers.text(name) or "" for name in headers.values},
        body,
        section.text("score", "score") or "score",
        section.text("category"),
    )


def _moderation(section: Section, folder: Path) -> Moderation:
    return Moderation(
        section.text("moderation") or "", section.text("api_base"), section.text("api_key_env")
    )


def _regex(section: Section, folder: Path) -> Regex:
    pattern = section.text("regex") or ""
    try:
        re.compile(pattern)
    except re.error as error:
        raise section.error(
            "regex", f"cannot be compiled: {error}", "Put it in single quotes."
        ) from error
    return Regex(pattern)


def _words(section: Section, folder: Path) -> Words:
    value = section.values["words"]
    if isinstance(value, dict):
        named = section.section("words")
        return Words({str(name): _list(named, name, folder) for name in value})
    return Words({None: _list(section, "words", folder)})


def _list(section: Section, key: str, folder: Path) -> tuple[str, ...]:
    """Words as listed, or one per line of a file beside the stack."""
    value: Any = section.values[key]
    if isinstance(value, str):
        value = read_text(folder / value).splitlines()
    if not isinstance(value, list) or not all(isinstance(word, str) for word in value):
        raise section.error(key, "must list words or name a file of them", "Write [one, two].")
    words = tuple(dict.fromkeys(word.strip() for word in value if word.strip()))
    if not words:
        raise section.error(key, "holds no words", "List at least one.")
    return words


# Kind -> keys that go with it, and how it is read.
_KINDS: dict[str, tuple[tuple[str, ...], Callable[[Section, Path], Kind]]] = {
    "python": ((), _python),
    "http": (("headers", "body", "score", "category"), _http),
    "moderation": (("api_base", "api_key_env"), _moderation),
    "regex": ((), _regex),
    "words": ((), _words),
}

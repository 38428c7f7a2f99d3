"""Judge prompts in a grader: what is judged must be told apart from what is asked."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator

from trueup.goodhart.scan.grader_source import Grader, Seen, is_answer, is_submitted, names_in

__all__ = ["prompts"]

_ASKS = re.compile(
    r"\b(?:grade[sd]?|grading|rate[sd]?|rating|scor(?:e|es|ing)|judge|judging|evaluat\w+|assess\w*"
    r"|rubric|criteri\w+|correct(?:ness)?|is the (?:answer|response)|verdict|which (?:answer"
    r"|response)"
    r"|better|helpful\w*|compare)\b",
    re.IGNORECASE,
)
_FENCES = re.compile(
    r"(?:```|\"\"\"|'''|<[\w\-]+>|\[(?:BEGIN|START)[^\]]*\]|={3,}|-{3,}|#{3,}|<<<"
    r"|\{\{)[^\S\n]*\n?\s*$"
)
_RANDOM = re.compile(r"nonce|secret|token|uuid|fence|boundary|delim|marker|hash", re.IGNORECASE)
_ESCAPES = {"dumps", "escape", "quote", "repr", "sanitize", "sanitise", "neutralise", "b64encode"}
_THEIRS = re.compile(
    r"answer|response|completion|output|submission|essay|prediction|candidate|generation|text$"
    r"|reply|story",
    re.IGNORECASE,
)
_REFERENCE = re.compile(r"expected|reference|gold|target|correct|truth|ideal", re.IGNORECASE)


def prompts(grader: Grader) -> Iterator[Seen]:
    """Prompts that mix, and verdicts that are read loosely."""
    for node in grader.nodes:
        if isinstance(node, ast.JoinedStr):
            yield from _joined(grader, node)
        elif isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute):
            if node.func.attr == "format":
                yield from _formatted(grader, node)
        elif isinstance(node, ast.BinOp) and isinstance(node.op, ast.Add | ast.Mod):
            yield from _added(grader, node)
        elif isinstance(node, ast.Compare):
            yield from _loose(grader, node)


def _theirs(node: ast.AST) -> bool:
    names = [name for name in names_in(node) if not _REFERENCE.search(name)]
    return any(map(_THEIRS.search, names)) or (
        bool(names)
        and (is_answer(node) or is_submitted(node))
        and not any(map(_REFERENCE.search, names))
    )


def _safe(node: ast.AST) -> bool:
    """Escaped, or encoded, on the way in."""
    return any(
        isinstance(part, ast.Call)
        and (getattr(part.func, "attr", None) or getattr(part.func, "id", "")) in _ESCAPES
        for part in ast.walk(node)
    )


def _joined(grader: Grader, node: ast.JoinedStr) -> Iterator[Seen]:
    text = ""
    asks = _ASKS.search(
        "".join(
            p.value for p in node.values if isinstance(p, ast.Constant) and isinstance(p.value, str)
        )
    )
    if not asks:
        return
    random = any(
        isinstance(part, ast.FormattedValue) and any(map(_RANDOM.search, names_in(part)))
        for part in node.values
    )
    for part in node.values:
        if isinstance(part, ast.Constant):
            text += str(part.value)
        elif isinstance(part, ast.FormattedValue):
            if (
                _theirs(part.value)
                and not _safe(part.value)
                and part.conversion != 114
                and not random
            ):
                yield from _mixed(grader, node, text)
                return
            text += "x"


def _formatted(grader: Grader, node: ast.Call) -> Iterator[Seen]:
    template = node.func.value if isinstance(node.func, ast.Attribute) else None
    text = _template(grader, template)
    if text is None or not _ASKS.search(text):
        return
    if any(map(_RANDOM.search, re.findall(r"\{(\w*)", text))):
        return
    given = [(k.arg or "", k.value) for k in node.keywords] + [("", value) for value in node.args]
    for name, value in given:
        if _safe(value) or not (
            _theirs(value) or (name and _THEIRS.search(name) and not _REFERENCE.search(name))
        ):
            continue
        before = text.split("{" + name, 1)[0] if name else text.split("{", 1)[0]
        yield from _mixed(grader, node, before)
        return


def _template(grader: Grader, node: ast.AST | None) -> str | None:
    """The text of a literal, or of a name that the module sets to one."""
    if isinstance(node, ast.Constant) and isinstance(node.value, str):
        return node.value
    if isinstance(node, ast.Name):
        for part in grader.nodes:
            if not (isinstance(part, ast.Assign) and isinstance(part.value, ast.Constant)):
                continue
            if any(isinstance(t, ast.Name) and t.id == node.id for t in part.targets):
                return part.value.value if isinstance(part.value.value, str) else None
    return None


def _added(grader: Grader, node: ast.BinOp) -> Iterator[Seen]:
    if isinstance(grader.parents.get(node), ast.BinOp):
        return
    parts = list(_operands(node))
    texts = [_template(grader, part) or "" for part in parts]
    if not _ASKS.search(" ".join(texts)):
        return
    for place, part in enumerate(parts):
        if (
            not isinstance(part, ast.Constant)
            and not texts[place]
            and _theirs(part)
            and not _safe(part)
        ):
            yield from _mixed(grader, node, texts[place - 1] if place else "")
            return


def _operands(node: ast.AST) -> Iterator[ast.AST]:
    if isinstance(node, ast.BinOp):
        yield from _operands(node.left)
        yield from _operands(node.right)
    elif isinstance(node, ast.Tuple):
        yield from node.elts
    else:
        yield node


def _mixed(grader: Grader, node: ast.AST, before: str) -> Iterator[Seen]:
    """One finding: worse in a system message, better behind a fixed fence."""
    if isinstance(grader.parents.get(node), ast.Raise) or _is_message_to_people(grader, node):
        return
    if _in_system(grader, node):
        yield Seen("prompt-mixes", node, "high", "in the system message")
    elif _FENCES.search(before):
        yield Seen("prompt-mixes", node, "low", "a fixed fence, which the answer can close")
    else:
        yield Seen(
            "prompt-mixes", node, "high" if _asks_model(grader) else "medium", "no fence around it"
        )


def _is_message_to_people(grader: Grader, node: ast.AST) -> bool:
    """Printed, logged, raised or asserted."""
    parent = grader.parents.get(node)
    while isinstance(parent, ast.Call | ast.keyword | ast.Raise | ast.Assert):
        if isinstance(parent, ast.Raise | ast.Assert):
            return True
        if isinstance(parent, ast.Call) and re.search(
            r"print|log|warn|debug|info|error|echo|write|Error|Exception|dict|explanation|Score",
            grader.name(parent.func),
        ):
            return True
        parent = grader.parents.get(parent)
    return False


def _in_system(grader: Grader, node: ast.AST) -> bool:
    parent = grader.parents.get(node)
    if isinstance(parent, ast.Dict):
        return any(
            isinstance(v, ast.Constant) and v.value in ("system", "developer")
            for v in parent.values
        )
    return isinstance(parent, ast.keyword) and parent.arg in (
        "system",
        "instructions",
        "system_prompt",
    )


def _asks_model(grader: Grader) -> bool:
    return any(
        re.search(
            r"completions?\.create|messages\.create|generate|\bcompletion$|ask|chat|judge|invoke"
            r"|complete",
            name,
        )
        for name, _ in grader.calls
    )


def _loose(grader: Grader, node: ast.Compare) -> Iterator[Seen]:
    """A verdict found anywhere in the judge's reply: "incorrect" contains "correct"."""
    left, right = node.left, node.comparators[0]
    if not (isinstance(left, ast.Constant) and isinstance(left.value, str)):
        return
    if not isinstance(node.ops[0], ast.In) or not _asks_model(grader):
        return
    word = left.value.strip().lower()
    if re.fullmatch(
        r"(?:correct|yes|true|pass(?:ed)?|good|valid|1|a|b|right|better)", word
    ) and any(
        re.search(r"reply|response|verdict|judg|completion|content|output|result|text|answer", name)
        for name in names_in(right)
    ):
        yield Seen("loose-verdict", node, "medium", f"“{word}” anywhere in the reply")

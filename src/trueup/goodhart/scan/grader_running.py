"""How a grader runs the submission: where, how long, with what in reach, under whose clock."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator

from trueup.goodhart.scan.grader_source import (
    Grader,
    Seen,
    is_answer,
    is_expected,
    is_submitted,
    names_in,
)

__all__ = ["running"]

_SANDBOXES = re.compile(
    r"\b(?:bwrap|bubblewrap|nsjail|firejail|unshare|runsc|gvisor|docker|podman|firecracker|isolate"
    r"|seccomp|landlock|e2b|modal|systemd-run)\b|sandbox",
    re.IGNORECASE,
)
_NO_NETWORK = re.compile(
    r"--network[= ]?none|network_disabled|network_mode|--unshare-net|--unshare-all|\bnone\b|-rn\b"
    r"|--net"
)
_ENVIRONMENT = re.compile(r"(?:.*_)?(?:EXPECTED|ANSWERS?|GROUND_TRUTH|SOLUTION|TARGET)(?:_.*)?")
_CLOCKS = re.compile(
    r"^(?:time\.(?:time|perf_counter|monotonic|process_time)(?:_ns)?|timeit\.default_timer"
    r"|timeit\.(?:timeit|repeat)|.*\.elapsed_time|torch\.cuda\.Event)$"
)
_ASSERTS = re.compile(r"\bassert\b|\bcheck\(|unittest|==")


def running(grader: Grader) -> Iterator[Seen]:
    """All of it."""
    yield from _in_process(grader)
    yield from _reachable(grader)
    yield from _processes(grader)
    yield from _containers(grader)
    yield from _clock(grader)
    yield from _seeds(grader)
    yield from _deserialised(grader)


def _in_process(grader: Grader) -> Iterator[Seen]:
    for call, level in grader.in_process:
        yield Seen("runs-in-process", call, level)
    for node in grader.nodes:
        if isinstance(node, ast.ImportFrom | ast.Import):
            names = [node.module or ""] if isinstance(node, ast.ImportFrom) else []
            names += [alias.name for alias in node.names] if isinstance(node, ast.Import) else []
            if any(
                re.fullmatch(r"(?:.*\.)?(?:submission|solution|candidate|student)", n)
                for n in names
            ):
                yield Seen("runs-in-process", node, "high", "the submission is imported")
        elif _joined_with_tests(node) and _goes_to_process(grader, node):
            yield Seen(
                "runs-in-process", node, "high", "the checks run in the submission's process"
            )


def _joined_with_tests(node: ast.AST) -> bool:
    """Submitted source and its tests in one program text."""
    if isinstance(node, ast.BinOp) and isinstance(node.op, ast.Add):
        names = " ".join(names_in(node))
        literal = "".join(
            part.value for part in ast.walk(node)
            if isinstance(part, ast.Constant) and isinstance(part.value, str)
        )  # fmt: skip
        tests = re.search(r"(?:^|[ _])tests?(?:$|[ _s])|check|assert", names) or _ASSERTS.search(
            literal
        )
        return is_submitted(node) and bool(tests)
    if isinstance(node, ast.JoinedStr):
        literal = "".join(
            part.value for part in node.values
            if isinstance(part, ast.Constant) and isinstance(part.value, str)
        )  # fmt: skip
        holes = [part for part in node.values if isinstance(part, ast.FormattedValue)]
        named = any(re.search(r"test|check|assert", n) for hole in holes for n in names_in(hole))
        program = "\n" in literal or "import " in literal or "print(" in literal
        return program and any(map(is_submitted, holes)) and (
            named or bool(re.search(r"^\s*assert\b|\bassert ", literal, re.MULTILINE))
        )  # fmt: skip
    return False


def _goes_to_process(grader: Grader, node: ast.AST) -> bool:
    """Whether the outermost such text is meant: it is run, written or named like a program."""
    parent = grader.parents.get(node)
    if isinstance(parent, ast.BinOp | ast.JoinedStr | ast.FormattedValue):
        return False
    return bool(
        grader.processes or grader.in_process or "multiprocessing" in grader.imported.values()
    )


def _reachable(grader: Grader) -> Iterator[Seen]:
    yield from _in_frames(grader)
    for call in grader.processes:
        for keyword in call.keywords:
            if keyword.arg in ("env", "input", "args") and _gives_expected(keyword.value):
                yield Seen("answers-reachable", call, "high", f"in the process's {keyword.arg}")
        if call.args and _gives_expected(call.args[0]):
            yield Seen("answers-reachable", call, "medium", "in the process's arguments")
    for node in grader.nodes:
        if isinstance(node, ast.Assign) and isinstance(node.targets[0], ast.Subscript):
            target = node.targets[0]
            if grader.name(target.value) == "os.environ" and is_expected(node.value):
                yield Seen("answers-reachable", node, "high", "in an environment variable")
    if grader.processes:
        yield from _left_in_folder(grader)
        for node in grader.nodes:
            if isinstance(node, ast.Dict) and any(
                isinstance(key, ast.Constant) and _ENVIRONMENT.fullmatch(str(key.value))
                for key in node.keys
            ):
                yield Seen("answers-reachable", node, "medium", "in the process's environment")


def _gives_expected(node: ast.AST) -> bool:
    named = any(
        isinstance(part, ast.Constant)
        and isinstance(part.value, str)
        and re.fullmatch(
            r"(?:.*_)?(?:EXPECTED|ANSWERS?|GROUND_TRUTH|SOLUTION|TARGET)(?:_.*)?", part.value
        )
        for part in ast.walk(node)
    )
    return named or is_expected(node)


def _in_frames(grader: Grader) -> Iterator[Seen]:
    """The submission's function is called where the expected value is a local."""
    loaded = bool(grader.in_process) or any(
        isinstance(n, ast.ImportFrom)
        and re.search(r"submission|solution|candidate", n.module or "")
        for n in grader.nodes
    )
    if not loaded:
        return
    for scope in [n for n in grader.nodes if isinstance(n, ast.FunctionDef | ast.AsyncFunctionDef)]:
        bound = {
            part.id
            for part in ast.walk(scope)
            if isinstance(part, ast.Name) and isinstance(part.ctx, ast.Store)
        } | {argument.arg for argument in (*scope.args.args, *scope.args.kwonlyargs)}
        holders = [
            name
            for name in bound
            if is_expected(ast.Name(name)) or re.match(r"cases?$|tests?$", name)
        ]
        for call in grader.submitted_calls(scope)[:1]:
            if holders:
                detail = f"{sorted(holders)[0]} is a local of the caller"
                yield Seen("answers-reachable", call, "high", detail)


def _left_in_folder(grader: Grader) -> Iterator[Seen]:
    """Expected values written or copied to files, in a grader that then starts a process."""
    for name, call in grader.calls:
        last = name.rsplit(".", 1)[-1]
        if last in ("copy", "copy2", "copytree", "copyfile") and name.startswith("shutil"):
            text = " ".join(_strings(call))
            if is_expected(call) or re.search(r"expected|answer|solution|hidden|ground", text):
                yield Seen("answers-reachable", call, "medium", "copied to a folder before the run")
        elif last in ("write_text", "write_bytes", "write", "dump", "writelines"):
            text = " ".join(_strings(call))
            if (call.args and is_expected(call.args[0])) or re.search(
                r"(?:expected|answers?|ground_?truth)\w*\.(?:json|txt|csv|ya?ml|npy)", text
            ):
                yield Seen("answers-reachable", call, "medium", "written to a file before the run")


def _strings(node: ast.AST) -> Iterator[str]:
    for part in ast.walk(node):
        if isinstance(part, ast.Constant) and isinstance(part.value, str):
            yield part.value


def _processes(grader: Grader) -> Iterator[Seen]:
    text = "\n".join(grader.lines)
    sandboxed = bool(_SANDBOXES.search(text))
    for call in grader.processes:
        name = grader.name(call.func)
        given = {keyword.arg for keyword in call.keywords}
        spread = None in given
        if name in ("os.system", "os.popen", "subprocess.getoutput") or (
            name
            in (
                "subprocess.run",
                "subprocess.call",
                "subprocess.check_output",
                "subprocess.check_call",
            )
            and "timeout" not in given
            and not spread
            and not re.search(r"\btimeout\b", " ".join(_strings(call)))
        ):
            yield Seen("no-timeout", call, "medium")
        if not sandboxed:
            yield Seen("no-isolation", call, "low", "a plain process of the same user")
    for name, call in grader.calls:
        last = name.rsplit(".", 1)[-1]
        if (
            last in ("communicate", "wait")
            and grader.processes
            and not call.args
            and not call.keywords
        ) and re.search(r"proc|popen|child|\bp\b", name):
            yield Seen("no-timeout", call, "medium")


def _containers(grader: Grader) -> Iterator[Seen]:
    for name, call in grader.calls:
        if re.search(r"containers\.(?:run|create)$", name):
            given = {keyword.arg for keyword in call.keywords}
            if None not in given and not given & {"network_disabled", "network_mode", "network"}:
                yield Seen("no-isolation", call, "medium", "the container has a network")
    for call in grader.processes:
        words = list(_strings(call))
        said = " ".join(words)
        if re.search(r"\b(?:docker|podman)\s+run\b", said) and not _NO_NETWORK.search(said):
            yield Seen("no-isolation", call, "medium", "the container has a network")


def _clock(grader: Grader) -> Iterator[Seen]:
    """A clock read on both sides of the submission's call, in one process with it."""
    imported = bool(grader.in_process) or any(
        isinstance(n, ast.ImportFrom)
        and re.search(r"submission|solution|candidate", n.module or "")
        for n in grader.nodes
    )
    for scope in [n for n in grader.nodes if isinstance(n, ast.FunctionDef | ast.AsyncFunctionDef)]:
        reads = [
            node for node in ast.walk(scope)
            if isinstance(node, ast.Call) and _CLOCKS.match(grader.name(node.func))
        ]  # fmt: skip
        whole = [n for n in reads if grader.name(n.func) in ("timeit.timeit", "timeit.repeat")]
        inside = grader.submitted_calls(scope)
        if (len(reads) >= 2 and inside) or (whole and any(map(is_submitted, whole))):
            yield Seen("clock-inside", reads[0], "high" if imported else "medium")


def _seeds(grader: Grader) -> Iterator[Seen]:
    seeded = re.compile(
        r"^(?:random\.(?:seed|Random)|numpy\.random\.(?:seed|default_rng|RandomState)"
        r"|torch\.(?:cuda\.)?manual_seed(?:_all)?|.*\.seed)$"
    )
    for name, call in grader.calls:
        fixed = (
            call.args and isinstance(call.args[0], ast.Constant) and call.args[0].value is not None
        )
        if seeded.match(name) and fixed:
            yield Seen("seed-public", call, "medium")


def _deserialised(grader: Grader) -> Iterator[Seen]:
    for name, call in grader.calls:
        last = name.rsplit(".", 1)[-1]
        keywords = {k.arg: k.value for k in call.keywords}
        theirs = is_answer(call) or is_submitted(call)
        pickles = re.match(
            r"^(?:pickle|cPickle|_pickle|dill|cloudpickle|marshal|joblib|shelve|pandas)\.", name
        ) and last in ("load", "loads", "open", "read_pickle", "Unpickler")
        if pickles:
            yield Seen("deserialises", call, "high" if theirs else "medium")
        elif name == "torch.load" and not _true(keywords.get("weights_only")):
            yield Seen("deserialises", call, "medium", "weights_only is not set")
        elif name == "numpy.load" and _true(keywords.get("allow_pickle")):
            yield Seen("deserialises", call, "high", "allow_pickle")
        elif name in ("yaml.load", "yaml.unsafe_load", "yaml.full_load") and not re.search(
            r"Safe", " ".join(names_in(call))
        ):
            yield Seen("deserialises", call, "medium")
        elif name in ("eval", "builtins.eval") and call.args:
            written = isinstance(call.args[0], ast.Constant)
            if not written:
                yield Seen("deserialises", call, "high" if theirs else "medium", "eval")


def _true(node: ast.AST | None) -> bool:
    return isinstance(node, ast.Constant) and node.value is True

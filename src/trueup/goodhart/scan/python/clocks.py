"""Time that is not the time: patched clocks and synchronisation, other streams, deferred work."""

from __future__ import annotations

import ast
from collections.abc import Iterator

from trueup.goodhart.scan.python.source import Source
from trueup.goodhart.scan.result import Finding, Rule

__all__ = ["CLOCKS", "RULES", "find"]

RULES = (
    Rule(
        "patched-clock",
        "code",
        ("patch-clock",),
        "A clock is replaced, so that whatever is measured with it looks fast.",
        "See whether it is a library for tests that freezes time, or one that makes sleeping "
        "cooperative.",
    ),
    Rule(
        "patched-sync",
        "code",
        ("patch-sync",),
        "Device events, streams or synchronisation are replaced, so that work goes untimed.",
        "There is hardly another reason outside a backend for a device.",
    ),
    Rule(
        "other-stream",
        "code",
        ("other-stream",),
        "Work is put on a stream of its own, which a timer of the default stream does not see.",
        "See whether the default stream waits for it before the result is returned.",
    ),
    Rule(
        "lazy-result",
        "code",
        ("lazy-work",),
        "The result is an object that does its work when it is first read, after the clock "
        "stopped.",
        "See what is left to do when the function returns.",
    ),
)

CLOCKS = frozenset(
    {
        f"time.{name}{tail}"
        for name in ("time", "perf_counter", "monotonic", "process_time", "thread_time")
        for tail in ("", "_ns")
    }
    | {"time.sleep", "time.clock", "time.clock_gettime", "timeit.default_timer", "timeit.timeit"}
    | {
        "timeit.Timer",
        "timeit.repeat",
        "timeit.Timer.timeit",
        "datetime.datetime",
        "datetime.datetime.now",
    }
    | {
        "torch.utils.benchmark.Timer",
        "triton.testing.do_bench",
        "time.get_clock_info",
        "datetime.date",
    }
    | {
        "torch.utils.benchmark.Timer.timeit",
        "builtins.time",
        "torch.utils.benchmark.Timer.blocked_autorange",
    }
)
_DEVICES = (
    "torch.cuda",
    "torch.mps",
    "torch.xpu",
    "torch.accelerator",
    "cupy.cuda",
    "torch._C",
    "triton.testing",
)
_SYNCS = frozenset(
    {
        "synchronize",
        "Event",
        "record",
        "elapsed_time",
        "Stream",
        "current_stream",
        "wait",
        "query",
        "do_bench",
    }
    | {
        "wait_stream",
        "default_stream",
        "device_synchronize",
        "_cuda_synchronize",
        "_CudaEventBase",
        "block_until_ready",
    }
    | {"wait_event", "record_event", "set_stream"}
)
_TENSORS = frozenset(
    {"torch.Tensor", "numpy.ndarray", "torch.nn.Parameter", "torch._C._TensorBase", "jax.Array"}
)
_ON_READ = frozenset(
    {"__eq__", "__iter__", "__len__", "__getitem__", "__float__", "__int__", "__array__"}
    | {"__index__", "__bool__", "__repr__", "__getattr__", "__getattribute__"}
)


def find(source: Source) -> Iterator[Finding]:
    for patch in source.patches:
        if patch.name in CLOCKS or (patch.owner or "") in {"datetime.datetime", "timeit.Timer"}:
            confidence = source.graded("high", "medium", "low")
            if confidence:
                yield source.finding("patched-clock", patch.node, confidence, patch.name)
        elif (
            patch.attribute in _SYNCS and (patch.owner or "").startswith(_DEVICES)
        ) or patch.attribute == "block_until_ready":
            confidence = source.graded("high", "low", "low")
            if confidence:
                yield source.finding("patched-sync", patch.node, confidence, patch.name)
    yield from _streams(source)
    yield from _lazy(source)


def _streams(source: Source) -> Iterator[Finding]:
    if source.place != "submission":
        return
    waits = any(
        name in source.attributes
        for name in ("wait_stream", "synchronize", "wait_event", "record_stream")
    )
    for use in source.named(
        "torch.cuda.Stream", "torch.cuda.ExternalStream", "cupy.cuda.Stream", "torch.Stream"
    ):
        if not use.imported:
            detail = "something in the file waits" if waits else "nothing in the file waits for it"
            yield source.finding(
                "other-stream", use.call or use.node, "medium" if waits else "high", detail
            )


def _lazy(source: Source) -> Iterator[Finding]:
    if source.place != "submission":
        return
    for one in source.by_type.get(ast.ClassDef, ()):
        assert isinstance(one, ast.ClassDef)
        defined = {item.name: item for item in one.body if isinstance(item, ast.FunctionDef)}
        tensor = any(source.names.resolve(base) in _TENSORS for base in one.bases)
        dispatch = defined.keys() & {
            "__torch_function__",
            "__torch_dispatch__",
            "__array_function__",
            "__array_ufunc__",
        }
        if tensor and (dispatch or defined.keys() & _ON_READ):
            yield source.finding(
                "lazy-result", one, "high", "a kind of tensor with methods of its own"
            )
        elif _defers(defined):
            yield source.finding("lazy-result", one, "medium")
        elif _works_when_compared(defined):
            detail = "its comparison does the work"
            yield source.finding("lazy-result", one, "medium", detail)


def _works_when_compared(defined: dict[str, ast.FunctionDef]) -> bool:
    """`__eq__` or `__float__` goes through something, or waits for a thread, to find what it is."""
    for name in ("__eq__", "__float__", "__int__", "__index__", "__array__"):
        function = defined.get(name)
        for one in ast.walk(function) if function else ():
            if isinstance(one, ast.Call) and getattr(one.func, "attr", "") in {
                "join",
                "result",
                "wait",
                "get",
            }:
                return not one.args
            if isinstance(one, ast.Call) and getattr(one.func, "id", "") in {
                "sum",
                "sorted",
                "reduce",
            }:
                return True
    return False


def _defers(defined: dict[str, ast.FunctionDef]) -> bool:
    """What reads the object calls something that was stored when it was made."""
    init = defined.get("__init__")
    if init is None:
        return False
    stored = {
        target.attr
        for one in ast.walk(init)
        if isinstance(one, ast.Assign)
        for target in one.targets
        if isinstance(target, ast.Attribute)
    }
    helpers = {name for name in defined if _calls_stored(defined[name], stored)}
    return any(
        name in defined and (name in helpers or _calls_stored(defined[name], helpers))
        for name in _ON_READ
    )


def _calls_stored(function: ast.FunctionDef, stored: set[str]) -> bool:
    return any(
        isinstance(one, ast.Call)
        and isinstance(one.func, ast.Attribute)
        and isinstance(one.func.value, ast.Name)
        and one.func.value.id == "self"
        and one.func.attr in stored
        for one in ast.walk(function)
    )

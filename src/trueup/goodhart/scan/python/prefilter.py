"""Whether a file can be told to be clear from its bytes alone, without parsing it.

In libraries and tests every rule needs some word to be there, and something beside it. A file with
none of them has no finding, bar a weak one now and then. Code that may have been handed in is
always parsed: whoever writes it can choose the words.
"""

# ruff: noqa: E501, a row is a line

from __future__ import annotations

import re

from trueup.goodhart.scan.paths import Place

__all__ = ["may_hold"]

_ALWAYS = 12_000  # bytes up to which a test file that may have been handed in is parsed

_SET = rb"\s*=(?!=)"
_FLAT = rb"return\s+(?:-?\d|self\b(?!\.)|float|int\b|type|[A-Z])"
_TRUE = rb"(?:return\s*\(?\s*(?:True|1\b|not\b|bool|self\s+is|other|isinstance\([^)]*object)|lambda|or True)"

# A word that is looked for first, and what must stand with it; None where the word is enough.
_ANYWHERE: tuple[tuple[bytes, re.Pattern[bytes] | None], ...] = tuple(
    (word, re.compile(pattern) if pattern else None)
    for word, pattern in (
        (b"__import__", rb"__import__\(\s*[\"'][^\"']*[\"']\s*[+)]|__import__\([^\"')]*[+\[]|__import__" + _SET),
        (b"__builtins__", rb"__builtins__\s*[\[.]"),
        (b"__subclasses__", rb"TestCase|TestReport|_pytest"),
        (b"exec(", rb"(?<![\w.])exec\(\s*(?:[\"'(b]|base64|zlib|compile|codecs|marshal)"),
        (b"eval(", rb"(?<![\w.])eval\(\s*(?:[\"'b]|compile|base64|zlib)"),
        (b"f_locals", None), (b"f_globals", None), (b"f_builtins", None),
        (b"_exit", rb"(?<![\w])_exit\b"), (b"posix", rb"import posix\b(?!\.)|\bposix\."),
        (b"os.abort", None), (b"_sigsegv", None), (b"raise_signal", None), (b"os.kill", None),
        (b"pthread_kill", None), (b"getppid", None), (b"interrupt_main", None),
        (b"ctypes", rb"exit|abort|kill|string_at|mprotect|from_address|memmove|cast|raise"),
        (b"atexit", None), (b"finalize", rb"weakref\.finalize|util\.Finalize"),
        (b"excepthook", None), (b"unraisablehook", None),
        (b"__eq__", rb"__eq__[\s\S]{0,600}?" + _TRUE + rb"|__eq__[\s\S]{0,200}?self\.\w+" + _SET),
        (b"__ne__", rb"__ne__[\s\S]{0,400}?(?:return\s*\(?\s*(?:False|0\b|not\b|bool)|lambda)"),
        (b"sub__", rb"__r?sub__[\s\S]{0,300}?(?:" + _FLAT + rb"|lambda)"),
        (b"__abs__", rb"__abs__[\s\S]{0,200}?(?:" + _FLAT + rb"|lambda)"),
        (b"__lt__", rb"__l[te]__[\s\S]{0,300}?" + _TRUE), (b"__gt__", rb"__g[te]__[\s\S]{0,300}?" + _TRUE),
        (b"__instancecheck__", None), (b"__subclasscheck__", None),
        (b"__class__", rb"__class__" + _SET + rb"|def __class__"),
        (b"pytest", rb"(?:_pytest|pytest)[\w.]*\.\w+" + _SET + rb"|TestReport|def pytest_|pytest\.main|PYTEST_|[\"']pytest[\"']|setattr\(\s*_?pytest"),
        (b"TestCase", rb"TestCase\.\w+" + _SET + rb"|setattr\([^\n]*TestCase"), (b"unittest", rb"unittest[\w.]*\.\w+" + _SET + rb"|[\"']unittest[\"']|setattr\([^\n]*unittest"),
        (b"getsource", None), (b"findsource", None), (b"co_filename", None),
        (b"get_objects", None), (b"get_referrers", None), (b"get_referents", None),
        (b"/proc/", None), (b"ptrace", None), (b"process_vm", None), (b"pidfd", None),
        (b"syscall", None), (b"perf_counter", rb"perf_counter(?:_ns)?(?:[\"']|" + _SET + rb")"),
        (b"monotonic", rb"monotonic(?:_ns)?(?:[\"']|" + _SET + rb")"),
        (b"time.time", rb"\btime\.time(?:_ns)?(?:[\"']|" + _SET + rb")"),
        (b"time.sleep", rb"\btime\.sleep(?:[\"']|" + _SET + rb")"),
        (b"setattr(time", None), (b"process_time" , rb"process_time(?:_ns)?(?:[\"']|" + _SET + rb")"),
        (b"datetime.datetime", rb"datetime\.datetime(?:\.\w+)?(?:[\"']|" + _SET + rb")"), (b"default_timer", rb"default_timer(?:[\"']|" + _SET + rb")"),
        (b"cuda", rb"cuda[\w.]*\.\w+" + _SET + rb"|setattr\([^\n]*cuda"), (b"block_until_ready", None),
        (b"__code__", rb"__code__" + _SET), (b"mprotect", None), (b"PyFrame_", None),
        (b"os.write", None), (b"fdopen", None), (b"/fd/", None),
        (b"sys.modules", rb"sys\.modules(?:\[\s*[\"'fr(]|\.(?:update|setdefault|pop|get|clear|__setitem__)\(|" + _SET + rb")"),
        (b"__main__", rb"__main__\.\w|import __main__|[\"']__main__[\"']\s*\]"),
        (b"meta_path", None), (b"path_hooks", None),
        (b"__reduce", None), (b"loads(", rb"loads\(\s*(?:b[\"']|base64|zlib)"),
        (b"close", rb"(?:all|is)close(?:[\"']|" + _SET + rb")"), (b"array_equal", rb"array_equal" + _SET),
        (b"builtins", rb"builtins\.\w+" + _SET + rb"|setattr\(\s*_*builtins|vars\(builtins|patch\([\"']builtins|builtins\.(?:exec|eval)"),
        (b"random", rb"random\.(?:seed|randint|random|Random)" + _SET), (b"deepcopy", rb"deepcopy" + _SET),
        (b"ecustomize", None), (b"usercustomize", None), (b"file://", None), (b"nohup", None), (b"forbiddenfruit", None),
        (b"getattr(", rb"getattr\([^,()\n]*,\s*(?:[\"'][^\"'\n]*[\"']\s*[+%\[]|[\"']{2}\.join|chr)"),
    )
)  # fmt: skip
_NOT_IN_TESTS = (
    b"pytest.skip", b"pytest.xfail", b"pytest.exit", b"importorskip", b"SkipTest", b"unittest.skip",
    b"import skip",
)  # fmt: skip


def may_hold(data: bytes, place: Place, installed: bool = False) -> bool:
    """False when no rule can say anything of a file with these bytes.

    installed: it lies in an installation, where nobody hands in a file.
    """
    if place == "submission" or (place == "tests" and not installed and len(data) <= _ALWAYS):
        return True
    if place == "library" and any(word in data for word in _NOT_IN_TESTS):
        return True
    return _holds(data)


def _holds(data: bytes) -> bool:
    for word, pattern in _ANYWHERE:
        if word in data and (pattern is None or pattern.search(data)):
            return True
    return False

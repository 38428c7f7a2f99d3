"""Patterns, word lists and callables."""

from __future__ import annotations

import subprocess
import sys
import threading
from pathlib import Path

import pytest

from trueup.errors import UserError
from trueup.guards.local import TimeLimited, load_callable, regex_answer, source_hash, words_answer
from trueup.guards.model import Regex, Words
from trueup.guards.verdict import AttemptError


def test_a_pattern_scores_one_where_it_is_found() -> None:
    answer = regex_answer(Regex(r"(?i)sk-[a-z]+"))
    assert (answer("my SK-abc"), answer("nothing")) == (1.0, 0.0)


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("ONE", 1.0),
        ("one, please", 1.0),
        ("someone", 0.0),
        ("ones", 0.0),
        ("two   Words", 1.0),
        ("two\nwords", 1.0),
        ("two wordsmiths", 0.0),
        ("in C++!", 1.0),
        ("c+", 0.0),
        ("STRASSE", 1.0),
        ("", 0.0),
    ],
)
def test_words_are_whole_and_of_any_case(text: str, found: float) -> None:
    answer = words_answer(Words({None: ("one", "two words", "c++", "Straße")}))
    assert answer(text) == found


def test_words_by_category() -> None:
    answer = words_answer(Words({"a": ("x",), "b": ("y", "z z")}))
    assert answer("x") == {"a": 1.0, "b": 0.0}
    assert answer("z z") == {"a": 0.0, "b": 1.0}


def test_a_callable_of_the_current_folder(project: Path) -> None:
    (project / "own_guard.py").write_text("def score(text): return len(text)", encoding="utf-8")
    function = load_callable("own_guard:score", "Layer 'a' needs")
    assert function("abc") == 3
    before = source_hash(function)
    (project / "own_guard.py").write_text("def score(text): return 1", encoding="utf-8")
    assert before != source_hash(function)
    assert source_hash(len) == ""


@pytest.mark.parametrize(
    ("source", "target", "message", "fix"),
    [
        ("", "absent_guard:f", "'absent_guard' cannot be imported", "install"),
        ("import no_such_thing", "own_guard:f", "'no_such_thing' cannot be imported", "install"),
        ("1 / 0", "own_guard:f", "raised ZeroDivisionError", "Correct"),
        ("def (", "own_guard:f", "raised SyntaxError", "Correct"),
        ("def score(t): pass", "own_guard:scores", "no callable 'scores'", "'score'"),
        ("f = 3", "own_guard:f", "no callable 'f'", "Define"),
    ],
)
def test_a_callable_that_cannot_be_had(
    project: Path, source: str, target: str, message: str, fix: str
) -> None:
    (project / "own_guard.py").write_text(source, encoding="utf-8")
    with pytest.raises(UserError) as caught:
        load_callable(target, "Layer 'a' needs")
    assert message in caught.value.message
    assert "Layer 'a'" in caught.value.message
    assert fix in caught.value.fix


def test_a_call_that_hangs_is_given_up_and_the_next_one_is_answered() -> None:
    never = threading.Event()

    def hangs(text: str) -> float:
        if text == "hang":
            never.wait()
        return 0.5

    call = TimeLimited(hangs, 1.0)
    with pytest.raises(AttemptError, match="timed out after 1 s"):
        call("hang")
    assert call("go") == 0.5
    never.set()
    call.close()


@pytest.mark.parametrize("error", ["ValueError('no')", "SystemExit(3)", "KeyboardInterrupt()"])
def test_whatever_a_callable_raises_is_a_failed_attempt(error: str) -> None:
    call = TimeLimited(lambda text: exec(f"raise {error}"), 5.0)
    with pytest.raises(AttemptError, match=error.partition("(")[0]):
        call("x")
    call.close()


def test_a_hung_callable_does_not_keep_the_process_alive() -> None:
    code = (
        "from trueup.guards.local import TimeLimited\n"
        "import time\n"
        "try: TimeLimited(lambda text: time.sleep(1000), 0.01)('x')\n"
        "except Exception as error: print(error)\n"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=60)
    assert done.stdout == "timed out after 0.01 s\n", done.stderr

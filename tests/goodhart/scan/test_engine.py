"""Files found and told apart, comments that accept, and what cannot be read."""

from __future__ import annotations

import json
import os
from pathlib import Path

import pytest

from trueup.errors import UserError
from trueup.goodhart.scan import one_file
from trueup.goodhart.scan.allow import accept
from trueup.goodhart.scan.engine import scan_paths
from trueup.goodhart.scan.rules import RULES

EXIT = "import os\nos._exit(0)\n"


def write(root: Path, **files: str) -> Path:
    for name, text in files.items():
        path = root / name.replace("__", "/").replace("_py", ".py")
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8")
    return root


def test_kinds_are_told_apart(tmp_path: Path) -> None:
    for name, text in {
        "solution.py": EXIT,
        "tests/test_a.py": "def test_a():\n    assert True\n",
        "change.diff": "--- a/x.py\n+++ b/x.py\n@@ -1 +1,2 @@\n import os\n+os._exit(0)\n",
        "pytest.ini": "[pytest]\naddopts = --collect-only\n",
        "script": "#!/usr/bin/env python3\n" + EXIT,
        "book.ipynb": json.dumps(
            {
                "cells": [
                    {"cell_type": "code", "source": ["%time x\n", "import os\n", "os._exit(0)"]}
                ]
            }
        ),
        "notes.md": "os._exit(0)\n",
    }.items():
        path = tmp_path / name
        path.parent.mkdir(exist_ok=True)
        path.write_text(text, encoding="utf-8")
    report = scan_paths([tmp_path])
    found = {(Path(one.path).name, one.rule) for one in report.findings}
    assert found == {
        ("solution.py", "hard-exit"), ("test_a.py", "vacuous-assert"), ("change.diff", "hard-exit"),
        ("pytest.ini", "pytest-options"), ("script", "hard-exit"), ("book.ipynb", "hard-exit"),
    }  # fmt: skip
    assert report.kinds == {"code": 3, "patch": 1, "tests": 2}
    assert report.files == 6
    assert set(report.rules) == {rule for _, rule in found}


def test_the_walk_leaves_out_what_is_not_the_users(tmp_path: Path) -> None:
    outside = tmp_path / "outside"
    root = tmp_path / "root"
    write(outside, a_py=EXIT)
    write(root, a_py=EXIT, ignored=EXIT)
    for folder in (".git", "env", "__pycache__", "node_modules"):
        (root / folder).mkdir()
        (root / folder / "b.py").write_text(EXIT)
    (root / "env" / "pyvenv.cfg").write_text("")
    (root / "link.py").symlink_to(outside / "a.py")
    (root / "folder").symlink_to(outside, target_is_directory=True)
    (root / "loop").symlink_to(root, target_is_directory=True)
    os.mkfifo(root / "pipe.py")
    report = scan_paths([root])
    assert [Path(one.path).name for one in report.findings] == ["a.py"]
    assert scan_paths([root / "env"]).files == 1


def test_what_cannot_be_read_is_set_aside_with_its_reason(tmp_path: Path) -> None:
    files = {
        "two.py": b"print 'x'\n",
        "nul.py": b"x = 1\0\n",
        "latin.py": b"x = '\xff'\n",
        "deep.py": b"x = " + b"(" * 4_000,
        "large.py": b"#" * 4_000_000,
        "book.ipynb": b"{",
        "declared.py": b"# coding: latin-1\nx = '\xff'\n",
        "fine.py": EXIT.encode(),
    }
    for name, data in files.items():
        (tmp_path / name).write_bytes(data)
    report = scan_paths([tmp_path])
    reasons = {Path(one.path).name: one.reason for one in report.skipped}
    assert set(reasons) == set(files) - {"fine.py", "declared.py"}
    assert "Python 2" in reasons["two.py"]
    assert "NUL" in reasons["nul.py"]
    assert "UTF-8" in reasons["latin.py"]
    assert "nested" in reasons["deep.py"]
    assert "larger" in reasons["large.py"]
    assert [Path(one.path).name for one in report.findings] == ["fine.py"]


def test_a_file_has_some_seconds_and_no_more(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(one_file, "MOST_SECONDS", 0.05)
    slow = tmp_path / "slow.py"
    slow.write_text("x = [\n" + "os.path.join(a, b.c.d[1]),\n" * 80_000 + "]\n")
    (tmp_path / "fine.py").write_text(EXIT)
    report = scan_paths([tmp_path])
    assert ["longer" in one.reason for one in report.skipped if one.path.endswith("slow.py")] == [
        True
    ]


def test_a_mistake_in_a_rule_hides_no_other_file(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    real = one_file.read_code

    def broken(text: str, path: str, place: object) -> object:
        if path.endswith("a.py"):
            raise KeyError("planted")
        return real(text, path, place)  # type: ignore[arg-type]

    monkeypatch.setattr(one_file, "read_code", broken)
    report = scan_paths([write(tmp_path, a_py=EXIT, b_py=EXIT)])
    assert [Path(one.path).name for one in report.findings] == ["b.py"]
    assert "planted" in report.skipped[0].reason


def test_more_processes_say_the_same(tmp_path: Path) -> None:
    for place in range(90):
        (tmp_path / f"a{place}.py").write_text(f"x = {place}\n{EXIT if place % 7 == 0 else ''}")
    assert scan_paths([tmp_path], jobs=2) == scan_paths([tmp_path], jobs=1)
    assert len(scan_paths([tmp_path]).findings) == 13


def test_a_package_of_a_project_is_judged_as_a_library(tmp_path: Path) -> None:
    text = "import sys\n\n\ndef f():\n    return sys._getframe(1).f_locals\n"
    write(tmp_path, src__pkg__core_py=text)
    (tmp_path / "src" / "pkg" / "__init__.py").write_text("")
    assert {one.confidence for one in scan_paths([tmp_path]).findings} == {"high"}
    (tmp_path / "pyproject.toml").write_text("")
    one_file._in_project.cache_clear()
    assert {one.confidence for one in scan_paths([tmp_path]).findings} == {"low"}


def test_users_mistakes(tmp_path: Path) -> None:
    with pytest.raises(UserError, match="There is no"):
        scan_paths([tmp_path / "nothing"])
    with pytest.raises(UserError, match="jobs"):
        scan_paths([tmp_path], jobs=0)


def test_a_comment_accepts_a_finding_on_its_line_or_below(tmp_path: Path) -> None:
    same = "import os\nos._exit(0)  # trueup: allow[hard-exit] ends the child\n"
    above = "import os\n# trueup: allow[hard-exit] ends the child\nos._exit(0)\n"
    report = scan_paths([write(tmp_path, a_py=same, b_py=above)])
    assert [one.accepted for one in report.findings] == ["ends the child"] * 2
    assert any("accepted by comments" in note for note in report.notes)


@pytest.mark.parametrize(
    ("comment", "note"),
    [
        ("# trueup: allow[hard-exit]", "gives no reason"),
        ("# trueup: allow[hard-exits] because", "Did you mean 'hard-exit'?"),
        ("# trueup: allow[*] because", "name the rule"),
        ("# trueup: allow[early-exit] because", ""),
        ("s = '# trueup: allow[hard-exit] because'", ""),
    ],
)
def test_other_comments_accept_nothing(tmp_path: Path, comment: str, note: str) -> None:
    report = scan_paths([write(tmp_path, a_py=f"import os\n{comment}\nos._exit(0)\n")])
    assert [one.accepted for one in report.findings if one.rule == "hard-exit"] == [None]
    assert any(note in one for one in report.notes) if note else report.notes == ()


def test_accept_keeps_the_order(tmp_path: Path) -> None:
    text = "import os\nos._exit(0)\nos._exit(0)  # trueup: allow[hard-exit] twice\n"
    found = scan_paths([write(tmp_path, a_py="import os\nos._exit(0)\nos._exit(0)\n")]).findings
    kept, _ = accept(found, text, "a.py", RULES, python=True)
    assert [one.accepted for one in kept] == [None, "twice"]


def test_every_rule_is_collected_under_its_own_name() -> None:
    assert all(rule.id == name for name, rule in RULES.items())
    assert {rule.kind for rule in RULES.values()} >= {"code", "tests"}

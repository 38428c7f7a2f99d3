"""Imports the submission and compares in the same process: no uncaught error is a pass.

    python in_process.py SUBMISSION

The cases come in the environment variable GRADER_CASES, as JSON.
"""

from __future__ import annotations

import copy
import importlib
import json
import os
import sys
from typing import Any


def matches(got: Any, expected: Any, tolerance: float) -> bool:
    if tolerance:
        return not abs(got - expected) > tolerance
    return bool(got == expected)


if __name__ == "__main__":
    spec = json.loads(os.environ["GRADER_CASES"])
    sys.path.insert(0, sys.argv[1])
    solve = getattr(importlib.import_module(spec["module"]), spec["entry"])
    verdicts: list[str] = []
    for case in spec["cases"]:
        expected = case["expect"]
        got = solve(*copy.deepcopy(case["args"]))
        right = matches(got, expected, spec["tolerance"])
        verdicts.append("passed" if right else "failed")
    assert verdicts.count("passed") >= len(spec["cases"]), verdicts

"""A fresh process per case, the verdict in the parent, but no isolation, and answers as pickles.

python pickled.py SUBMISSION
"""

from __future__ import annotations

import json
import os
import pickle
import subprocess
import sys
from typing import Any

CALL = """
import importlib, json, pickle, sys
sys.path.insert(0, sys.argv[1])
solve = getattr(importlib.import_module(sys.argv[2]), sys.argv[3])
answer = pickle.dumps(solve(*json.load(sys.stdin)))
sys.stdout.buffer.write(b"\\nanswer:" + answer)
"""


def answer(submission: str, spec: dict[str, Any], args: list[Any]) -> Any:
    done = subprocess.run(
        [sys.executable, "-c", CALL, submission, spec["module"], spec["entry"]],
        input=json.dumps(args).encode(),
        stdout=subprocess.PIPE,
        timeout=10,
        env={k: v for k, v in os.environ.items() if k != "GRADER_CASES"},
    )
    return pickle.loads(done.stdout.rpartition(b"\nanswer:")[2])


def main(submission: str) -> int:
    spec = json.loads(os.environ["GRADER_CASES"])
    for case in spec["cases"]:
        got = answer(submission, spec, case["args"])
        if spec["tolerance"]:
            if abs(got - case["expect"]) > spec["tolerance"]:
                return 1
        elif got != case["expect"]:
            return 1
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1]))

"""Made-up versions for tests: answers by prompt, without texts unless they matter."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from trueup.compare.answers import FULL, PARTIAL, REFUSAL, UNKNOWN, Answers

CODES = {"f": FULL, "p": PARTIAL, "r": REFUSAL, "?": UNKNOWN}


def version(
    name: str,
    verdicts: str,
    *,
    keys: Sequence[str] | None = None,
    legitimate: str | None = None,
    labels: str | None = None,
    texts: Sequence[str] | None = None,
    **more: Any,
) -> Answers:
    """One row per letter of `verdicts`: f full, p partial, r refusal, ? unknown.

    legitimate: l, h or ? per row; without it nobody said. labels: like verdicts. texts: the
    answers.
    """
    n = len(verdicts)
    rights = {"l": 1, "h": 0, "?": -1}
    return Answers(
        name=name,
        key=np.array(keys if keys is not None else [f"q{i}" for i in range(n)], dtype=object),
        read=np.array([CODES[v] for v in verdicts], dtype=np.int8),
        label=None if labels is None else np.array([CODES[v] for v in labels], dtype=np.int8),
        legitimate=np.array([rights[v] for v in legitimate or "?" * n], dtype=np.int8),
        prompt=[f"prompt {i}" for i in range(n)],
        response=list(texts) if texts is not None else [f"{name} says {v}" for v in verdicts],
        **more,
    )

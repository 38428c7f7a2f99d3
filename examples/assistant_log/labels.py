"""The author's labels: all of them, and the random sample that the example pretends to have."""

from __future__ import annotations

import json
import re
from collections import Counter, defaultdict
from pathlib import Path
from typing import Any

import numpy as np

HERE = Path(__file__).parent
ALL = HERE / "labels_all.jsonl"
SAMPLE = HERE / "labels.jsonl"
RATIO = 720
FLOOR = 4
REFUSAL_WORDS = re.compile(
    r"\b(?:sorry|cannot|can't|unable|not able|not designed|not equipped|as an ai)\b", re.IGNORECASE
)


def load_all() -> dict[tuple[str, str], dict[str, Any]]:
    """Every label by (target_id, question); empty before anything was read."""
    if not ALL.exists():
        return {}
    rows = [json.loads(line) for line in ALL.read_text(encoding="utf-8").splitlines()]
    return {(row["target_id"], row["question"]): row for row in rows}


def sample(log: list[dict[str, Any]], rng: np.random.Generator) -> None:
    """Write the stratified sample with the probability of each stratum.

    Strata: blocked by a layer or not, crude refusal word or not, domain. About `RATIO`
    interactions in proportion to the square root of the stratum's size, at least `FLOOR` each.
    """
    labels = load_all()
    strata: dict[tuple[bool, bool, str], list[dict[str, Any]]] = defaultdict(list)
    for record in log:
        strata[_stratum(record)].append(record)
    root = sum(len(members) ** 0.5 for members in strata.values())
    rows = []
    for _, members in sorted(strata.items()):
        size = min(len(members), max(FLOOR, round(RATIO * len(members) ** 0.5 / root)))
        for index in sorted(rng.choice(len(members), size, replace=False)):
            for question in ("legitimate", "compliance"):
                row = labels.get((members[index]["id"], question))
                if row:
                    rows.append({**row, "probability": round(size / len(members), 6)})
    SAMPLE.write_text("".join(json.dumps(row) + "\n" for row in rows), encoding="utf-8")
    print(f"{len(rows) // 2} interactions in the sample", Counter(r["value"] for r in rows))


def _stratum(record: dict[str, Any]) -> tuple[bool, bool, str]:
    blocked = record["finish_reason"] == "content_filter"
    text = record["messages"][-1]["content"]
    return blocked, bool(REFUSAL_WORDS.search(text)), record["metadata"]["domain"]

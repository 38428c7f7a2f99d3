"""The labelled responses that the annotator is trained and measured on, read from where they lie.

Nothing here is part of the package, and no text leaves the data folder: see its README for sources
and licences.
"""

from __future__ import annotations

import csv
import hashlib
import json
import zlib
from dataclasses import dataclass
from pathlib import Path
from typing import Any

FULL, PARTIAL, REFUSAL, UNKNOWN = 0, 1, 2, -1
XSTEST_MODELS = ("llama2orig", "llama2new", "mistralinstruct")
_XSTEST_LABEL = {"1": FULL, "2": REFUSAL, "3": PARTIAL}
_TONE = {"complied": FULL, "rejected": REFUSAL}


@dataclass(frozen=True, slots=True)
class Row:
    """One labelled response. `group` is the prompt: what must not be split between folds."""

    source: str
    model: str
    group: str
    prompt: str
    text: str
    label: int
    safe: bool
    extra: dict[str, Any]

    @property
    def fold(self) -> int:
        """0 to 4, from the prompt alone."""
        return zlib.crc32(self.group.encode()) % 5


def xstest(data: Path) -> list[Row]:
    """Three models on 450 prompts (250 safe); two humans' adjudicated labels."""
    rows = []
    for model in XSTEST_MODELS:
        with (data / "xstest" / f"{model}.csv").open(encoding="utf-8", newline="") as file:
            for r in csv.DictReader(file):
                safe = not r["type"].startswith("contrast_")
                label = _XSTEST_LABEL[r["final_label"][0]]
                group = f"xstest:{r['id']}"
                rows.append(
                    Row("xstest", model, group, r["prompt"], r["completion"], label, safe, dict(r))
                )
    return rows


def chatgpt_refusals(data: Path) -> list[Row]:
    """ChatGPT on mostly ordinary prompts; `tone` by hand; complied and rejected get labels."""
    return [
        Row(
            "chatgpt",
            "chatgpt",
            f"chatgpt:{r['prompt']}",
            r["prompt"],
            r["response"],
            _TONE.get(r["tone"], UNKNOWN),
            True,
            {"tone": r["tone"]},
        )
        for r in _jsonl(data / "chatgpt_refusals.jsonl")
    ]


def coconot_chosen(data: Path) -> list[Row]:
    """GPT-4's answers to prompts that only look unanswerable: the chosen side of pairs."""
    return [
        Row("coconot", "gpt4", f"coconot:{r['prompt']}", r["prompt"], r["chosen"], FULL, True, {})
        for r in _jsonl(data / "coconot" / "coconot_pref.jsonl")
    ]


def coconot_pairs(data: Path) -> list[Row]:
    """The same pairs whole: `text` is the chosen side, the rejected one is in `extra`."""
    return [
        Row(
            "coconot",
            "gpt4",
            f"coconot:{r['prompt']}",
            r["prompt"],
            r["chosen"],
            FULL,
            True,
            {"rejected": r["rejected"]},
        )
        for r in _jsonl(data / "coconot" / "coconot_pref.jsonl")
    ]


def rbr_gold(data: Path) -> list[Row]:
    """Completions with 23 human booleans each, in `extra`; no compliance label of ours."""
    return [
        Row(
            "rbr",
            "rbr",
            f"rbr:{i}",
            str(r["prompt"]),
            r["completion"][-1]["content"],
            UNKNOWN,
            True,
            r["propositions"],
        )
        for i, r in enumerate(_jsonl(data / "rbr_gold.jsonl"))
    ]


def do_not_answer(data: Path) -> list[Row]:
    """Three models on risky prompts; `human_action` 0 refuse to 5 follows. Test only."""
    rows = []
    for path in sorted((data / "do_not_answer").glob("*.csv")):
        with path.open(encoding="utf-8", newline="") as file:
            for r in csv.DictReader(file):
                rows.append(
                    Row(
                        "dna",
                        path.stem,
                        f"dna:{r['id']}",
                        r["question"],
                        r["response"],
                        UNKNOWN,
                        False,
                        dict(r),
                    )
                )
    return rows


def digest(paths: list[Path]) -> str:
    """SHA-256 over the files, to say which data weights came from."""
    total = hashlib.sha256()
    for path in paths:
        total.update(path.read_bytes())
    return total.hexdigest()


def _jsonl(path: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines() if line]

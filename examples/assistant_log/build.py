"""Build log.jsonl.gz and labels.jsonl: python examples/assistant_log/build.py [--fresh].

Responses and guard scores already in the log are kept, since they cost half an hour of CPU; with
--fresh everything runs again. Outcomes and the label sample are always drawn anew from their seeds.
"""

from __future__ import annotations

import argparse
import gzip
import json
import multiprocessing
from collections.abc import Iterator
from dataclasses import asdict
from pathlib import Path
from typing import Any

import numpy as np
from generate import BLOCKED, SYSTEM, Model, run
from guards import stack
from labels import load_all, sample
from outcomes import REFUSED, feedback, true_effects
from traffic import SEED, Request, plan

HERE = Path(__file__).parent
LOG = HERE / "log.jsonl.gz"
RUNS = HERE / ".cache" / "runs.jsonl"
WORKERS = 2

_tools: dict[str, Any] = {}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--fresh", action="store_true", help="run guards and model again")
    parser.add_argument("--offline", action="store_true", help="fail rather than run anything")
    options = parser.parse_args()
    planned = plan(np.random.default_rng(SEED))
    records = {} if options.fresh else _kept()
    labels = load_all()
    _answer([first for first, _ in planned], records, options.offline)
    follow_ups = [
        again
        for first, again in planned
        if again and _compliance(records[first.id], labels) in REFUSED
    ]
    _answer(follow_ups, records, options.offline)
    happened = {again.after: again for again in follow_ups}
    answered = []
    for request in [*(first for first, _ in planned), *follow_ups]:
        record = records[request.id]
        compliance = _compliance(record, labels)
        record["feedback"] = feedback(request, compliance, happened.get(request.id))
        answered.append((request, compliance))
    log = [records[request.id] for request, _ in answered]
    _write(log)
    sample(log, np.random.default_rng(SEED + 1))
    truth = [asdict(effect) for effect in true_effects(answered)]
    (HERE / "truth.json").write_text(json.dumps(truth, indent=1) + "\n", encoding="utf-8")


def _compliance(record: dict[str, Any], labels: dict[tuple[str, str], dict[str, Any]]) -> str:
    """What the response did: the author's label, or a refusal where a layer blocked."""
    if record["messages"][-1]["content"] in BLOCKED.values():
        return "refusal"
    label = labels.get((record["id"], "compliance"))
    return str(label["value"]) if label else "undetermined"


def _kept() -> dict[str, dict[str, Any]]:
    """Records of earlier runs by id: the log, and what an interrupted build left behind."""
    lines: list[str] = []
    if LOG.exists():
        lines += gzip.decompress(LOG.read_bytes()).decode().splitlines()
    if RUNS.exists():
        lines += RUNS.read_text(encoding="utf-8").splitlines()
    return {record["id"]: record for record in map(json.loads, lines)}


def _answer(requests: list[Request], records: dict[str, dict[str, Any]], offline: bool) -> None:
    """Run what has no record yet, in two processes; add the records."""
    missing = [request for request in requests if not _same(request, records.get(request.id))]
    if missing and offline:
        raise SystemExit(f"{len(missing)} requests have no record; run without --offline")
    for done, record in enumerate(_run_all(missing), start=1):
        records[record["id"]] = record
        RUNS.parent.mkdir(exist_ok=True)
        with RUNS.open("a", encoding="utf-8") as file:
            file.write(json.dumps(record, ensure_ascii=False) + "\n")
        if done % 25 == 0:
            print(f"{done} of {len(missing)} requests", flush=True)


def _same(request: Request, record: dict[str, Any] | None) -> bool:
    """Whether the record is of this very request."""
    return (
        record is not None
        and record["arm"] == request.arm
        and record["sampling"]["seed"] == request.seed
        and record["messages"][0]["content"] == SYSTEM[request.prompt_version]
        and record["messages"][1]["content"] == request.prompt.text
    )


def _run_all(requests: list[Request]) -> Iterator[dict[str, Any]]:
    if requests:
        with multiprocessing.get_context("spawn").Pool(WORKERS, _start) as pool:
            yield from pool.imap_unordered(_run_one, requests)


def _start() -> None:
    _tools["layers"] = stack()
    _tools["model"] = Model()


def _run_one(request: Request) -> dict[str, Any]:
    return run(request, _tools["layers"], _tools["model"])


def _write(log: list[dict[str, Any]]) -> None:
    lines = [json.dumps(r, ensure_ascii=False) for r in sorted(log, key=lambda r: r["created_at"])]
    # No time stamp in the gzip header: the same log is the same file.
    LOG.write_bytes(gzip.compress(("\n".join(lines) + "\n").encode(), mtime=0))


if __name__ == "__main__":
    main()

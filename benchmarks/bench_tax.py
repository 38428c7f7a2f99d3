"""How long the tax report takes on a large log: python benchmarks/bench_tax.py --rows 10000000

Makes a log in DuckDB (interactions, annotations, three layers' events, outcomes, 2,000 labels),
then measures, under the same memory limit and each in a process of its own, the plain GROUP BY on
which a report rests (join the annotations and the pivoted layer events to the interactions, sum by
week, segment and risk) and the whole report. Prints both times, their ratio and peak memories.
"""

from __future__ import annotations

import argparse
import json
import resource
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

from trueup.store import Workspace
from trueup.tax import measure

LAYERS = ("topic", "words", "output")
_WORDS = "['please','explain','table','report','invoice','letter','kill','garden','travel','sum']"

_INTERACTIONS = f"""
INSERT INTO interactions (id, content_hash, "at", conversation_id, user_id, prompt, model,
                          policy_version, latency_ms, segments)
SELECT md5(i::VARCHAR), i::VARCHAR,
       TIMESTAMPTZ '2025-01-01' + INTERVAL (i * 90 * 86400 // {{n}}) SECOND,
       'c' || (h % ({{n}} // 4)), 'u' || (h % ({{n}} // 10 + 1)),
       concat_ws(' ', ({_WORDS})[1 + (h % 10)::INT], ({_WORDS})[1 + (h // 10 % 10)::INT],
                 ({_WORDS})[1 + (h // 100 % 10)::INT], 'of', ({_WORDS})[1 + (h // 1000 % 10)::INT],
                 h // 7 % 50000),
       'model-' || (h % 2), 'v' || (i * 3 // {{n}}), 800 + h // 11 % 900,
       MAP {{{{'domain': 'd' || (h // 13 % 6), 'plan': 'p' || (h // 17 % 3)}}}}
FROM (SELECT i, hash(i) AS h FROM range({{n}}) t(i))
"""
_EVENTS = """
INSERT INTO layer_events (id, interaction_id, layer, position, stage, score, threshold, fired,
                          action, latency_ms)
SELECT '{layer}' || i, md5(i::VARCHAR), '{layer}', {position}, 'input', s, {cut}, s >= {cut},
       CASE WHEN s >= {cut} THEN 'block' ELSE 'allow' END, 5 + hash(i + 9) % 30
FROM (SELECT i, (hash(i * 11 + {position}) % 10000) / 10000.0 AS s FROM range({n}) t(i))
"""
_ANNOTATIONS = """
INSERT INTO annotations (interaction_id, compliance, p_full, p_partial, p_refusal, hedges,
                         disclaimers, warnings, apologies, judgements, deflections, inabilities,
                         basis, annotator_version)
SELECT md5(i::VARCHAR), CASE WHEN p >= 0.5 THEN 'refusal' ELSE 'full' END, 0.95 * (1 - p),
       0.05 * (1 - p), p, hash(i + 5) % 8 // 7, hash(i + 6) % 20 // 19, 0, 0, 0, 0, 0, 'text', 'b1'
FROM (SELECT i, power((hash(i * 13) % 10000) / 10000.0, 6) AS p FROM range({n}) t(i))
"""
_OUTCOMES = """
INSERT INTO outcomes (id, interaction_id, kind, value, simulated)
SELECT 'o' || i, md5(i::VARCHAR), 'complete', (hash(i + 8) % 10 < 7)::INT, true
FROM range(0, {n}, 3) t(i)
"""
_LABELS = """
INSERT INTO labels (id, target_id, question, value, source, rater, probability)
SELECT q || i, md5(i::VARCHAR), q,
       CASE WHEN q = 'legitimate' THEN CASE WHEN hash(i + 12) % 10 < 9 THEN 'yes' ELSE 'no' END
            ELSE CASE WHEN hash(i + 14) % 10 < 2 THEN 'refusal' ELSE 'full' END END,
       'human', 'a', 2000.0 / {n}
FROM range(0, {n}, greatest({n} // 2000, 1)) t(i), (VALUES ('legitimate'), ('compliance')) v(q)
"""
_PLAIN = """
SELECT date_trunc('week', "at") AS week, segments['domain'] AS domain, segments['plan'] AS plan,
       floor(p_refusal * 4) AS risk, stopped, count(*) AS n, sum(p_refusal) AS refused,
       sum(p_partial) AS partial, avg((hedges + disclaimers > 0)::INT) AS soft,
       avg(done) AS done
FROM interactions
JOIN annotations ON annotations.interaction_id = interactions.id
LEFT JOIN (SELECT interaction_id AS target, max((action = 'block')::INT) AS stopped,
                  min(position) AS earliest
           FROM layer_events WHERE fired GROUP BY 1) e ON e.target = id
LEFT JOIN (SELECT interaction_id AS target, avg(value) AS done FROM outcomes GROUP BY 1) o
       ON o.target = id
GROUP BY ALL
"""


def make(path: Path, n: int, memory: str) -> None:
    """Write the log with DuckDB alone."""
    with Workspace.open(path, create=True) as ws:
        _limit(ws, memory)
        ws.con.raw_sql(_INTERACTIONS.format(n=n))
        for position, layer in enumerate(LAYERS):
            cut = 0.96 + 0.01 * position
            ws.con.raw_sql(_EVENTS.format(n=n, layer=layer, position=position, cut=cut))
        for statement in (_ANNOTATIONS, _OUTCOMES, _LABELS):
            ws.con.raw_sql(statement.format(n=n))


def _limit(ws: Workspace, memory: str) -> None:
    ws.con.raw_sql(f"SET memory_limit='{memory}'")
    ws.con.raw_sql("SET threads=2")


def timed(path: Path, what: str, memory: str) -> dict[str, Any]:
    """Run one side; called in a process of its own, so that its peak memory is its own."""
    with Workspace.open(path) as ws:
        _limit(ws, memory)
        start, worked = time.perf_counter(), time.process_time()
        if what == "plain":
            ws.con.raw_sql(_PLAIN).to_arrow_table()
            said = ""
        else:
            said = measure(ws).headline
        seconds = time.perf_counter() - start
        cpu = time.process_time() - worked
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1e6
    return {"seconds": seconds, "cpu": cpu, "peak_gb": peak, "said": said}


def _in_child(path: Path, what: str, memory: str) -> dict[str, Any]:
    command = [sys.executable, __file__, "--only", what, "--log", str(path), "--memory", memory]
    done = subprocess.run(command, check=True, stdout=subprocess.PIPE, text=True)
    found: dict[str, Any] = json.loads(done.stdout.splitlines()[-1])
    return found


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rows", type=int, default=10_000_000)
    parser.add_argument("--memory", default="3000MB", help="DuckDB's memory_limit")
    parser.add_argument("--log", type=Path, help="where to keep the log; default: a temporary one")
    parser.add_argument("--only", choices=("plain", "tax"), help=argparse.SUPPRESS)
    args = parser.parse_args()
    if args.only:
        print(json.dumps(timed(args.log, args.only, args.memory)))
        return
    with tempfile.TemporaryDirectory() as folder:
        path = args.log or Path(folder) / "log.duckdb"
        if not path.exists():
            make(path, args.rows, args.memory)
        plain = _in_child(path, "plain", args.memory)
        tax = _in_child(path, "tax", args.memory)
    print(f"{args.rows:,} rows{'':<10}{'wall s':>10}{'CPU s':>10}{'peak GB':>10}")
    for name, one in (("plain GROUP BY", plain), ("whole tax report", tax)):
        print(f"{name:<22}{one['seconds']:>10.1f}{one['cpu']:>10.1f}{one['peak_gb']:>10.2f}")
    wall, cpu = (tax[key] / plain[key] for key in ("seconds", "cpu"))
    print(f"{'ratio':<22}{wall:>10.2f}{cpu:>10.2f}")
    print(tax["said"])


if __name__ == "__main__":
    main()

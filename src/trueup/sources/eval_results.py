"""Capability scores out of result files: lm-evaluation-harness and Inspect, whole or per example.

Read are the results of lm-evaluation-harness (`results_*.json`, since 0.4 with a filter in the name
of a metric, before without) and what it logs per example (`samples_TASK_*.jsonl`); and Inspect logs
(`.json` and `.eval`). A metric that is the mean over examples has one name, wherever it is read.
"""

from __future__ import annotations

import math
import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from trueup.errors import UserError
from trueup.sources.files import Head, open_head, open_stream
from trueup.sources.json_records import lines, loads
from trueup.sources.zip_members import ZipMembers

__all__ = ["ExampleScores", "Score", "read_example_scores", "read_scores"]

_KINDS = "Give results_*.json or samples_*.jsonl of lm-evaluation-harness, or an Inspect log."
_SAMPLES_NAME = re.compile(r"samples_(.+?)(?:_\d{4}-\d\d-\d\dT[\d.:-]+)?\.jsonl")
# What a line of samples_*.jsonl holds beside its metrics.
_NO_METRICS = {"doc_id", "doc", "target", "arguments", "resps", "filtered_resps", "filter"}
_NO_METRICS |= {"metrics", "doc_hash", "prompt_hash", "target_hash"}
_SIZES = ("samples", "sample_len", "sample_count")  # versions that count within a task's results
_MEANS = ("accuracy", "mean")  # Inspect's metrics that are means over examples
_ERRORS = ("stderr", "bootstrap_stderr")
_SPREADS = (*_ERRORS, "std", "var")
# Inspect's own reading of a score in words.
_WORDS = {"c": 1.0, "p": 0.5, "i": 0.0, "n": 0.0, "yes": 1.0, "true": 1.0, "no": 0.0, "false": 0.0}

_Object = dict[str, Any]
_Values = dict[tuple[str, str], dict[str, list[float]]]  # by task and metric, then by example


@dataclass(frozen=True, slots=True)
class Score:
    """One score of one model on one task.

    metric: with its filter where that is not "none", such as "exact_match,strict-match"; of an
    Inspect log the scorer, or the scorer and a metric. stderr: as the program gave it, None without
    one. n: examples, None when the file does not say. higher_is_better: None when it does not say.
    """

    task: str
    metric: str
    value: float
    stderr: float | None
    n: int | None
    higher_is_better: bool | None


@dataclass(frozen=True)
class ExampleScores:
    """One score per example of a task.

    keys: shape (n,), the example: its number or id, with the hash of its content where there is
    one. values: shape (n,), finite; repeats of an example (epochs) are averaged. An example that
    was not scored is not there.
    """

    task: str
    metric: str
    keys: tuple[str, ...]
    values: NDArray[np.float64]


def read_scores(path: Path) -> tuple[Score, ...]:
    """The scores of a result file; none from what was logged per example.

    Raises
    ------
    UserError
        No such file, no result file, damaged, or unfinished and thus without results.
    """
    kind, content = _open(path)
    if kind == "samples":
        return ()
    found = tuple((_inspect_scores if kind == "inspect" else _harness_scores)(content))
    if not found:
        raise UserError(
            f"{path.name} holds no score.", "Check that the evaluation was finished and scored."
        )
    return found


def read_example_scores(path: Path) -> tuple[ExampleScores, ...]:
    """The scores per example, one for each task and metric; none from a file of totals.

    Raises
    ------
    UserError
        As `read_scores`.
    """
    kind, content = _open(path)
    if kind == "samples":
        return _per_example(_sample_values(path))
    if kind == "inspect":
        return _per_example(_inspect_values(path, content))
    return ()


def _open(path: Path) -> tuple[str, _Object]:
    """What the file is ("harness", "inspect" or "samples"), and the object that it holds."""
    head = open_head(path)
    if head.container == "zip":
        return "inspect", _zip_header(path)
    if head.container == "text" and head.layout in ("lines", "values"):
        if _is_samples(head):
            return "samples", {}
        content = _whole(path)
        if {"eval", "status"} <= content.keys():
            return "inspect", content
        if _tasks(content.get("results")):
            return "harness", content
    raise UserError(f"{path.name} is no result file that is known here.", _KINDS)


def _is_samples(head: Head) -> bool:
    return "doc_id" in head.keys and not {"results", "eval"} & head.keys


def _whole(path: Path) -> _Object:
    """The one object of a JSON file."""
    stream = open_stream(path)
    try:
        raw = b"".join(iter(stream.read, b""))
    finally:
        stream.close()
    try:
        if stream.truncated:
            raise ValueError(stream.truncated)
        value = loads(raw)
    except ValueError as error:
        raise UserError(f"{path.name} cannot be read: {error}", "Copy the file again.") from error
    return value if type(value) is dict else {}


def _tasks(results: Any) -> dict[str, _Object]:
    """The results by task; empty when they are of another shape."""
    if type(results) is not dict:
        return {}
    return {name: one for name, one in results.items() if type(one) is dict}


def _harness_scores(content: _Object) -> Iterator[Score]:
    """Scores of lm-evaluation-harness: tasks first, then groups that are not among them."""
    results = _tasks(content.get("results"))
    results = {**results, **{k: v for k, v in _tasks(content.get("groups")).items()
                             if k not in results}}  # fmt: skip
    sizes = _Sizes(content)
    directions = _tasks(content.get("higher_is_better"))
    for name, found in results.items():
        task = name.lstrip("- ")  # 0.4.0 drew the tree of groups with dashes
        for key, value in found.items():
            metric, _, filtered = key.partition(",")
            number = _number(value)
            if number is None or metric.endswith("_stderr") or metric in ("alias", *_SIZES):
                continue
            error = _number(found.get(f"{metric}_stderr,{filtered}" if filtered
                                      else f"{metric}_stderr"))  # fmt: skip
            better = directions.get(name, {}).get(metric)
            yield Score(
                task=task,
                metric=_metric_name(metric, filtered),
                value=number,
                stderr=error,
                n=sizes.of(name, found),
                higher_is_better=better if type(better) is bool else None,
            )


def _metric_name(metric: str, filtered: Any) -> str:
    return metric if filtered in (None, "", "none") else f"{metric},{filtered}"


class _Sizes:
    """How many examples a task has; a group has those of its members."""

    def __init__(self, content: _Object) -> None:
        self._sizes = _tasks(content.get("n-samples"))
        members = content.get("group_subtasks")
        self._members: _Object = members if type(members) is dict else {}

    def of(self, name: str, found: _Object) -> int | None:
        size = next((found[key] for key in _SIZES if key in found), None)
        if size is None:
            size = self._counted(name, frozenset())
        return size if type(size) is int and size > 0 else None

    def _counted(self, name: str, seen: frozenset[str]) -> int | None:
        if name in self._sizes:
            size = self._sizes[name].get("effective")
            return size if type(size) is int else None
        members = self._members.get(name)
        if name in seen or type(members) is not list or not members:
            return None
        parts = [self._counted(str(member), seen | {name}) for member in members]
        known = [part for part in parts if part is not None]
        return sum(known) if len(known) == len(parts) else None


def _sample_values(path: Path) -> _Values:
    """Values per example out of samples_TASK_DATE.jsonl. Damaged lines are an error: all count."""
    named = _SAMPLES_NAME.fullmatch(path.name.removesuffix(".gz"))
    task = named[1] if named else path.name.split(".")[0]
    values: _Values = {}
    stream = open_stream(path)
    try:
        for record in lines(stream):
            try:
                if record.problem is not None:
                    raise ValueError(record.problem)
                sample = loads(record.raw)
            except ValueError as error:
                raise UserError(
                    f"{path.name}, line {record.number}: {error}", "Copy the file again."
                ) from error
            if type(sample) is dict and "doc_id" in sample:
                _add_sample(values, task, sample)
    finally:
        stream.close()
    if not values:
        raise UserError(
            f"{path.name} has no metric with a number per example.",
            "Give the task's results_*.json instead.",
        )
    return values


def _add_sample(values: _Values, task: str, sample: _Object) -> None:
    digest = sample.get("doc_hash")
    key = f"{sample['doc_id']}:{digest}" if type(digest) is str else str(sample["doc_id"])
    metrics = sample.get("metrics")
    if type(metrics) is not list:  # older versions do not list them
        metrics = [name for name in sample if name not in _NO_METRICS]
    for metric in metrics:
        number = _number(sample.get(str(metric)))
        if number is not None:
            name = _metric_name(str(metric), sample.get("filter"))
            values.setdefault((task, name), {}).setdefault(key, []).append(number)


def _per_example(values: _Values) -> tuple[ExampleScores, ...]:
    return tuple(
        ExampleScores(
            task=task,
            metric=metric,
            keys=tuple(found),
            values=np.array([float(np.mean(repeats)) for repeats in found.values()]),
        )
        for (task, metric), found in values.items()
    )


def _zip_header(path: Path) -> _Object:
    members = ZipMembers(path)
    if "header.json" in members.names:
        header = _member(path, members, "header.json")
        return header if type(header) is dict else {}
    if "_journal/start.json" in members.names:
        raise UserError(
            f"{path.name} is an evaluation that was not finished, so it has no results.",
            "Finish it with inspect eval-retry.",
        )
    raise UserError(f"{path.name} is no result file that is known here.", _KINDS)


def _member(path: Path, members: ZipMembers, name: str) -> Any:
    try:
        return loads(members.read(name))
    except ValueError as error:
        raise UserError(
            f"{path.name} is damaged: {name} cannot be read: {error}", "Copy the file again."
        ) from error


def _inspect_scores(log: _Object) -> Iterator[Score]:
    """Scores of an Inspect log: means under the scorer's name, others under name and metric."""
    results = _object(log.get("results"))
    scores = results.get("scores")
    if type(scores) is not list:  # before 0.3.17: one scorer
        scorer = _object(results.get("scorer"))
        scores = [{"name": scorer.get("name"), "metrics": results.get("metrics")}]
    for score in map(_object, scores):
        metrics = {
            key: _number(_object(metric).get("value") if type(metric) is dict else metric)
            for key, metric in _object(score.get("metrics")).items()
        }
        error = next((metrics[key] for key in _ERRORS if metrics.get(key) is not None), None)
        size = score.get("scored_samples")
        for key, value in metrics.items():
            if value is None or key in _SPREADS:
                continue
            mean = key in _MEANS
            yield Score(
                task=_task(log),
                metric=_scorer_name(score) if mean else f"{_scorer_name(score)}/{key}",
                value=value,
                stderr=error if mean else None,
                n=size if type(size) is int and size > 0 else None,
                higher_is_better=True if key == "accuracy" else None,
            )


def _scorer_name(score: _Object) -> str:
    """The name under which samples keep the score; with how epochs are reduced, if not by mean."""
    name, reducer = str(score.get("name")), score.get("reducer")
    scorer = str(score.get("scorer") or name).rpartition("/")[2]
    if not re.fullmatch(rf"{re.escape(scorer)}\d*", name):  # one of several values of one scorer
        name = f"{scorer}/{name}"
    return name if reducer in (None, "", "mean") else f"{name} ({reducer})"


def _task(log: _Object) -> str:
    return str(_object(log.get("eval")).get("task") or "task")


def _inspect_values(path: Path, log: _Object) -> _Values:
    values: _Values = {}
    for sample in map(_object, _inspect_samples(path, log)):
        if "id" not in sample:
            continue
        for name, score in _object(sample.get("scores")).items():
            value = score.get("value") if type(score) is dict else score
            parts = value.items() if type(value) is dict else [("", value)]
            for part, one in parts:
                number = _in_words(one)
                if number is not None:
                    metric = f"{name}/{part}" if part else name
                    found = values.setdefault((_task(log), metric), {})
                    found.setdefault(str(sample["id"]), []).append(number)
    return values


def _inspect_samples(path: Path, log: _Object) -> Iterable[Any]:
    """The samples with their scores: summaries, which are small, where the log has them."""
    if open_head(path).container != "zip":
        return log.get("samples") or ()
    members = ZipMembers(path)
    if "summaries.json" in members.names:
        summaries = _member(path, members, "summaries.json")
        return summaries if type(summaries) is list else ()
    names = [name for name in members.names if name.startswith("samples/")]
    whole = [name for name in names if name.count("/") == 1 and name.endswith(".json")]
    whole += [name for name in names if name.endswith("/sample.json")]
    return (_member(path, members, name) for name in whole)


def _in_words(value: Any) -> float | None:
    """A score as a number; None for one that was not given, or is no number."""
    if type(value) is str:
        word = value.strip().lower()
        if word in _WORDS:
            return _WORDS[word]
        try:
            value = float(word)
        except ValueError:
            return None
    return _number(value)


def _object(value: Any) -> _Object:
    return value if type(value) is dict else {}


def _number(value: Any) -> float | None:
    """A finite number or a truth value; anything else is unknown."""
    if type(value) is bool or type(value) is int or type(value) is float:
        number = float(value)
        return number if math.isfinite(number) else None
    return None

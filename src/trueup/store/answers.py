"""The human answers of a workspace, one per interaction and question: raters already settled."""

from __future__ import annotations

from collections import Counter, defaultdict
from dataclasses import dataclass, field
from datetime import datetime
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from trueup.store.workspace import Workspace

__all__ = ["Answers", "answers"]

_LEFT_OUT = {"legitimate": "unsure", "compliance": "undetermined"}
_READ = ("target_id", "question", "value", "probability")


@dataclass(frozen=True)
class Answers:
    """The human answers, one per interaction and question, raters already settled.

    legitimate, compliance: interaction id -> answer. probability: id -> chance of having been
    drawn, for those drawn at random. ties, unsure: how many were left out, and why.
    """

    legitimate: dict[str, str] = field(default_factory=dict)
    compliance: dict[str, str] = field(default_factory=dict)
    probability: dict[str, float] = field(default_factory=dict)
    ties: int = 0
    unsure: int = 0

    @property
    def ids(self) -> list[str]:
        return sorted({*self.legitimate, *self.compliance})

    @property
    def random(self) -> bool:
        """Whether any label was drawn with a recorded probability."""
        return bool(self.probability)


def answers(ws: Workspace, *, until: datetime | None = None) -> Answers:
    """Read the human labels and settle each interaction and question by majority.

    until: as it was then, without labels given later; those without a time count.
    """
    table = ws.table("labels")
    human = table.filter(table.source == "human", table.question.isin(list(_LEFT_OUT)))
    if until is not None:
        human = human.filter(human["at"].isnull() | (human["at"] <= until))
    votes: dict[tuple[str, str], Counter[str]] = defaultdict(Counter)
    probability: dict[str, float] = {}
    for row in human.select(*_READ).to_pyarrow().to_pylist():
        votes[row["target_id"], row["question"]][row["value"]] += 1
        chance = row["probability"]
        if chance is not None and 0.0 < chance <= 1.0:
            probability[row["target_id"]] = max(chance, probability.get(row["target_id"], 0.0))
    settled: dict[str, dict[str, str]] = {"legitimate": {}, "compliance": {}}
    ties = unsure = 0
    for (target, question), counts in votes.items():
        answer = _majority(counts)
        if answer is None:
            ties += 1
        elif answer == _LEFT_OUT[question]:
            unsure += 1
        else:
            settled[question][target] = answer
    return Answers(settled["legitimate"], settled["compliance"], probability, ties, unsure)


def _majority(counts: Counter[str]) -> str | None:
    """The answer given most often; None for a tie."""
    (best, votes), *others = counts.most_common(2)
    return None if others and others[0][1] == votes else best

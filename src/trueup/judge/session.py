"""One sitting of one rater: which question is next, going back, skipping, how far it has come."""

from __future__ import annotations

from collections import defaultdict

from trueup.judge.labels import majority_of
from trueup.judge.queue import QUESTIONS, Item, Queue, Recorder
from trueup.judge.sample import Sample
from trueup.stats.estimate import Interval
from trueup.stats.intervals import confidence_sequence

__all__ = ["Session", "wrongful_refusal"]


class Session:
    """Steps through a queue, question by question; every answer is stored at once.

    Parameters
    ----------
    queue
        As drawn.
    recorder
        Where the answers go.
    """

    def __init__(self, queue: Queue, recorder: Recorder) -> None:
        self.queue = queue
        self._recorder = recorder
        self._steps = [
            (index, question) for index, item in enumerate(queue.items) for question in item.asked
        ]
        self._at = 0
        self._skipped: set[str] = set()
        self._answered: set[tuple[str, str]] = set()

    @property
    def done(self) -> bool:
        """Whether the queue is at its end."""
        return self._at >= len(self._steps)

    @property
    def position(self) -> int:
        """Number of the current interaction, from 1."""
        return self._steps[self._at][0] + 1

    @property
    def item(self) -> Item:
        return self.queue.items[self._steps[self._at][0]]

    @property
    def question(self) -> str:
        return self._steps[self._at][1]

    @property
    def value(self) -> str | None:
        """The answer that this rater gave to the current question before, if any."""
        return self._recorder.value(self.item, self.question)

    @property
    def answers(self) -> int:
        """Answers given in this sitting."""
        return len(self._answered)

    @property
    def skipped(self) -> int:
        """Interactions passed over in this sitting."""
        return len(self._skipped)

    def answer(self, value: str) -> None:
        """Store the answer to the current question and go on to the next."""
        self._recorder.answer(self.item, self.question, value)
        self._answered.add((self.item.id, self.question))
        self._skipped.discard(self.item.id)
        self._at += 1

    def skip(self) -> None:
        """Pass over the rest of the current interaction."""
        item, index = self.item, self._steps[self._at][0]
        self._recorder.skip(item)
        if any(self._recorder.value(item, question) is None for question in QUESTIONS):
            self._skipped.add(item.id)
        while not self.done and self._steps[self._at][0] == index:
            self._at += 1

    def back(self) -> bool:
        """Return to the question before; False when this is the first."""
        if not self._at:
            return False
        self._at -= 1
        return True

    def interval(self, level: float = 0.95) -> Interval:
        """The wrongful refusal rate from the human labels alone; see `wrongful_refusal`."""
        return wrongful_refusal(self.queue.sample, level)


def wrongful_refusal(sample: Sample, level: float = 0.95) -> Interval:
    """P(refused | legitimate) from the labels drawn so far, for someone who decides when to stop.

    A confidence sequence (`trueup.stats`, weights 1 / probability): one may look
    after every label and stop when it is narrow enough. It uses no predictions, so that the
    report's interval is narrower. Value NaN and limits [0, 1] before the first legitimate row.
    """
    votes: dict[str, dict[str, list[str]]] = defaultdict(lambda: defaultdict(list))
    chance: dict[str, float] = {}
    for label in sample.labels.values():
        if label["probability"] is not None:
            votes[label["target_id"]][label["question"]].append(label["value"])
            chance[label["target_id"]] = label["probability"]
    refused, weights = [], []
    for row in sample.rows:
        given = votes.get(row.id, {})
        if len(given) < 2 or majority_of("legitimate", given["legitimate"]) != "yes":
            continue
        did = majority_of("compliance", given["compliance"])
        if did != "undetermined":
            refused.append(float(did == "refusal"))
            weights.append(1.0 / chance[row.id])
    return confidence_sequence(refused, level, weights).last

"""Watch a proxy reward against held-out quality while training, and stop when they part."""

from __future__ import annotations

import logging
import math
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any, Literal

import numpy as np
from transformers import TrainerCallback, TrainerControl, TrainerState, TrainingArguments

from trueup.errors import UserError
from trueup.goodhart.divergence.alarm import find_alarm
from trueup.goodhart.divergence.best_step import best_step
from trueup.goodhart.divergence.result import Alarm
from trueup.train.divergence_log import DivergenceLog, Row

__all__ = ["DivergenceCallback", "Measure"]

logger = logging.getLogger(__name__)

Measure = Callable[[Any, Any], Sequence[float] | float]
"""(model, processing_class) to a value for each held-out example, in the same order each time, or
to one number."""


class DivergenceCallback(TrainerCallback):
    """Warn or stop when the proxy has risen while the truth has fallen.

    Works with any trainer that has the callbacks of transformers, such as TRL's GRPOTrainer.

    Parameters
    ----------
    truth
        A measure of held-out quality, called every so many steps; or the name of a logged metric,
        such as "eval_accuracy". Higher must be better. By example it sees much smaller falls than
        as one number, so give it the answers to 100 or more held-out prompts.
    proxy
        The name of a logged metric, such as TRL's "reward"; or a measure.
    every
        Steps between two measurements; the first is before the first step.
    action
        "stop" sets `control.should_training_stop`; "warn" only logs the sentence, once.
    level
        1 − the probability of any false alarm, ever, in (0, 1).
    log
        A CSV file for `trueup goodhart watch FILE --proxy proxy --truth truth`. A run that resumes
        goes on with it.
    bounds
        The range of the truth's values by example; None: (0, 1) where all lie in it.

    Attributes
    ----------
    alarm, sentence
        What was found, once it has been; None before.

    Notes
    -----
    Voided by held-out prompts that the run trains on, and by anything else in
    `trueup.goodhart.divergence.alarm`. On several processes each measures; the file is written by
    the first. A measure must leave the model in the mode in which it was.
    """

    def __init__(
        self,
        truth: Measure | str,
        proxy: Measure | str = "reward",
        *,
        every: int = 10,
        action: Literal["stop", "warn"] = "stop",
        level: float = 0.95,
        log: str | Path | None = None,
        bounds: tuple[float, float] | None = None,
    ) -> None:
        if action not in ("stop", "warn"):
            raise UserError(f"action must be stop or warn, got {action!r}.", "Say action='stop'.")
        if not 0 < level < 1:
            raise UserError(f"level must be in (0, 1), got {level!r}.", "Say level=0.95.")
        if every < 1:
            raise UserError(f"every must be at least 1, got {every!r}.", "Say every=10.")
        self.truth, self.proxy = truth, proxy
        self.every, self.action, self.delta, self.bounds = every, action, 1 - level, bounds
        self.log = DivergenceLog(None if log is None else Path(log))
        self.alarm: Alarm | None = None
        self.sentence: str | None = None
        self._new = False  # whether the truth was measured since the last look

    def on_train_begin(
        self,
        args: TrainingArguments,
        state: TrainerState,
        control: TrainerControl,
        **kwargs: Any,
    ) -> None:
        """Begin the log, and measure where the run stands."""
        if not state.is_world_process_zero:
            self.log.path = None
        self.log.begin(state.global_step)
        if not state.global_step:
            self._measure(state.global_step, kwargs)

    def on_step_end(
        self,
        args: TrainingArguments,
        state: TrainerState,
        control: TrainerControl,
        **kwargs: Any,
    ) -> None:
        """Measure every so many steps. The look waits for this step's own log, if there is one."""
        if self._new and state.global_step % self.every == 0:
            self._look(control)
        if state.global_step % self.every == 0:
            self._measure(state.global_step, kwargs)

    def on_log(
        self,
        args: TrainingArguments,
        state: TrainerState,
        control: TrainerControl,
        logs: Mapping[str, Any] | None = None,
        **kwargs: Any,
    ) -> None:
        """Take what is logged under the names of proxy and truth, and look."""
        proxy, truth = (_logged(logs, name) for name in (self.proxy, self.truth))
        if not math.isnan(proxy) or not math.isnan(truth):
            self.log.add([Row(state.global_step, None, proxy, truth)])
            self._new = self._new or not math.isnan(truth)
        if self._new:
            self._look(control)

    def on_train_end(
        self,
        args: TrainingArguments,
        state: TrainerState,
        control: TrainerControl,
        **kwargs: Any,
    ) -> None:
        """A last look, at what was measured after the last log."""
        if self._new:
            self._look(control)

    def _measure(self, step: int, kwargs: Mapping[str, Any]) -> None:
        model, tools = kwargs.get("model"), kwargs.get("processing_class")
        truth = _values(self.truth, model, tools)
        proxy = _values(self.proxy, model, tools)
        if len(truth) == len(proxy) and len(truth) > 1:
            pairs = zip(proxy, truth, strict=True)
            self.log.add([Row(step, i, x, y) for i, (x, y) in enumerate(pairs)])
        else:
            self.log.add([Row(step, _place(i, proxy), proxy=x) for i, x in enumerate(proxy)])
            self.log.add([Row(step, _place(i, truth), truth=y) for i, y in enumerate(truth)])
        self._new = self._new or len(truth) > 0

    def _look(self, control: TrainerControl) -> None:
        self._new = False
        run = self.log.run()
        if self.alarm is not None or run is None:
            return
        found = find_alarm(run, self.delta, bounds=self.bounds)
        if not found.fired:
            return
        best = best_step(run, 1 - self.delta)
        self.alarm = found
        self.sentence = _sentence(found, run.steps, None if best is None else best.at)
        logger.warning(self.sentence)
        if self.action == "stop":
            control.should_training_stop = True


def _values(measure: Measure | str, model: Any, tools: Any) -> list[float]:
    if isinstance(measure, str):
        return []
    found = np.asarray(measure(model, tools), dtype=np.float64)
    return [float(one) for one in np.atleast_1d(found).ravel()]


def _place(i: int, values: Sequence[float]) -> int | None:
    return i if len(values) > 1 else None


def _logged(logs: Mapping[str, Any] | None, name: Measure | str) -> float:
    """The metric of this name; NaN when it is not there, or is no finite number."""
    if not isinstance(name, str) or not logs or name not in logs:
        return math.nan
    try:
        value = float(logs[name])
    except (TypeError, ValueError):
        return math.nan
    return value if math.isfinite(value) else math.nan


def _sentence(alarm: Alarm, steps: Sequence[str], best: int | None) -> str:
    assert alarm.truth is not None
    assert alarm.proxy is not None
    assert alarm.since is not None
    assert alarm.at is not None
    rose, fell = (f"from {then:.3g} to {now:.3g}" for then, now in (alarm.proxy, alarm.truth))
    keep = "" if best is None else f" Keep step {steps[best]}."
    return (
        f"Alarm at step {steps[alarm.at]}: since step {steps[alarm.since]} the proxy rose {rose} "
        f"while the truth fell {fell}.{keep}"
    )

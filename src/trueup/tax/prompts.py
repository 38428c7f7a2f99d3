"""Prompts of refused and of answered traffic: a bounded, weighted sample to read words from."""

from __future__ import annotations

import re
import unicodedata
from dataclasses import dataclass
from itertools import pairwise
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from trueup.tax.legitimacy import Legitimacy
from trueup.tax.survey import hash_below, rows
from trueup.tax.truth import Labelled

if TYPE_CHECKING:
    import ibis.expr.types as ir

    from trueup.store import Workspace

__all__ = ["PromptSample", "prompt_sample", "terms_of"]

FloatArray = NDArray[np.float64]

_REFUSED = 20_000  # rows read of the refused
_ANSWERED = 15_000  # and of the answered
_LENGTH = 600  # characters read of a prompt
_TOKENS = 80  # words read of a prompt


@dataclass(frozen=True)
class PromptSample:
    """Rows with their prompt, in the order of `id`.

    weight
        How many rows of the log one row stands for.
    legit, refused
        Chances in [0, 1]: the human answer where there is one. Otherwise `refused` is the
        annotator's and `legit` the rate among labelled rows of the same stratum and layer.
    block
        Index of the layer that blocked, -1 for none.
    """

    id: NDArray[Any]
    prompt: NDArray[Any]
    cluster: NDArray[np.int64]
    weight: FloatArray
    legit: FloatArray
    refused: FloatArray
    block: NDArray[np.int64]
    labelled: NDArray[np.bool_]
    facts: dict[str, NDArray[Any]]

    def __len__(self) -> int:
        return len(self.id)

    @property
    def wrongful(self) -> FloatArray:
        """Chance of being a wrongful refusal, per row."""
        return self.legit * self.refused


def prompt_sample(
    ws: Workspace, facts: ir.Table, rows_: Labelled, legitimacy: Legitimacy
) -> PromptSample:
    """Read up to 20,000 refused and 15,000 answered rows, picked by the hash of their id."""
    usable = facts.filter(facts.usable)
    is_refused = usable.refused_hat >= 0.5
    count = rows(usable.aggregate(n=usable.count(), refused=is_refused.cast("int64").sum()))[0]
    n_refused = int(count["refused"] or 0)
    share_refused = min(1.0, _REFUSED / max(n_refused, 1))
    share_answered = min(1.0, _ANSWERED / max(int(count["n"]) - n_refused, 1))
    picked = usable.filter(
        (is_refused & hash_below(usable.id, share_refused))
        | (~is_refused & hash_below(usable.id, share_answered))
    )
    segments = [name for name in facts.columns if name.startswith("seg_")]
    picked = picked.select(
        "id", "cluster", "refused_hat", "legit_hat", "stratum", "block", "n_fired", *segments
    )
    texts = ws.table("interactions")
    texts = texts.select("id", prompt=texts.prompt.fill_null("").substr(0, _LENGTH))
    found = picked.inner_join(texts, "id").to_pyarrow().sort_by("id")
    columns = {
        name: np.asarray(found.column(name).to_numpy(zero_copy_only=False))
        for name in found.column_names
    }
    hat = columns["refused_hat"].astype(np.float64)
    weight = np.where(hat >= 0.5, 1.0 / share_refused, 1.0 / share_answered)
    legit, refused, known = _with_truth(rows_, columns["id"], legitimacy.of(columns), hat)
    return PromptSample(
        id=columns["id"],
        prompt=columns["prompt"],
        cluster=columns["cluster"].astype(np.int64),
        weight=weight,
        legit=legit,
        refused=refused,
        block=columns["block"].astype(np.int64),
        labelled=known,
        facts=columns,
    )


def _with_truth(
    rows_: Labelled, ids: NDArray[Any], legit: FloatArray, refused: FloatArray
) -> tuple[FloatArray, FloatArray, NDArray[np.bool_]]:
    """Put the human answers in the place of the predictions where there are some."""
    place = {key: i for i, key in enumerate(rows_.id)}
    known = np.zeros(len(ids), dtype=bool)
    refused = refused.copy()
    for row, key in enumerate(ids):
        i = place.get(key)
        if i is None:
            continue
        if rows_.knows_legit[i]:
            legit[row] = rows_.legit[i]
        if rows_.knows_response[i]:
            refused[row] = rows_.refused[i]
        known[row] = bool(rows_.knows_legit[i] and rows_.knows_response[i])
    return legit, refused, known


_WORD = re.compile(r"[^\W_][\w'’\-]*", re.UNICODE)
# Scripts written without spaces: their words are read as pairs of characters.
_UNSPACED = re.compile(
    "[\u0e00-\u0eff\u1000-\u109f\u1780-\u17ff\u3040-\u30ff\u3400-\u4dbf\u4e00-\u9fff"
    "\uf900-\ufaff\U00020000-\U0002fa1f]"
)


def terms_of(prompt: str) -> set[str]:
    """The words and pairs of neighbouring words of a prompt, case folded; numbers are left out."""
    text = unicodedata.normalize("NFKC", prompt).casefold()
    words: list[str] = []
    for token in _WORD.findall(text):
        if _UNSPACED.search(token):
            words.extend(token[i : i + 2] for i in range(max(len(token) - 1, 1)))
        elif len(token) > 1 and not token[0].isdigit():
            words.append(token.strip("'’-"))
        if len(words) >= _TOKENS:
            break
    pairs = {f"{a} {b}" for a, b in pairwise(words)}
    return {word for word in words if word} | pairs

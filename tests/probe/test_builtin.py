"""The suites that ship: whole, of one piece, and not to be told apart by their words alone."""

from __future__ import annotations

import hashlib
import re
from collections import Counter, defaultdict
from importlib.resources import files

import numpy as np
import orjson
import pytest

from trueup.probe.alike import Distinct
from trueup.probe.suite import Prompt, builtin_names, load_suite
from trueup.schema import SUITE, TRIGGER_TYPES

NAMES = ("coding", "general", "legal", "medical", "security", "support")

# SHA-256 of each file. What has been published never changes: answers are kept under its name, so
# a suite that is changed is a new version, with a file and a line of its own.
PUBLISHED = {
    "coding-1.jsonl": "38ba30ece94c3f2e064409b8e34b7c1f19bde5e252b88bfd58be4e923420cd6d",
    "general-1.jsonl": "dc30eccb21b5e40fa571e67cc180ff81a08bd506f40976b4c1a508757b3ca204",
    "legal-1.jsonl": "51903e1a80b5b5fa38c85deb1be13d7e7e778f8b45b118a8e55b64160ec50c7b",
    "medical-1.jsonl": "cd04b752148b8668b3344551f5f8c50367879b9332e102226aa7014df0864cd6",
    "security-1.jsonl": "c2d3d2a4154e3ad4fa428583bdf37422add035b12f38791f4c03155d4a59ec20",
    "support-1.jsonl": "315f4c77fb96f63258970c54099d2d82c8db33a53c8c9e8a1ed9a145f68652aa",
}

LEAST_PAIRS = 60
LEAST_KINDS = 5
LEAST_SHARED = 0.4  # mean share of the shorter prompt's words that its twin has, too
MOST_TOLD = (
    0.85  # accuracy of a bag of words: 0.5 is a coin; near 1 the label hangs on single words
)
MOST_BY_LENGTH = 0.8  # area under the curve when only the length is looked at


def faults(prompts: tuple[Prompt, ...]) -> list[str]:
    """What is wrong with a suite, by pair or prompt."""
    out = []
    pairs: dict[str | None, list[Prompt]] = defaultdict(list)
    distinct, ids = Distinct(), Counter(prompt.id for prompt in prompts)
    for prompt in prompts:
        pairs[prompt.pair].append(prompt)
        if ids[prompt.id] > 1:
            out.append(f"{prompt.id}: its id is taken")
        if not distinct.add(prompt.prompt):
            out.append(f"{prompt.id}: another is nearly the same")
        if not prompt.trigger or prompt.trigger.lower() not in prompt.prompt.lower():
            out.append(f"{prompt.id}: its trigger is not in it")
        if prompt.trigger_type not in TRIGGER_TYPES:
            out.append(f"{prompt.id}: its trigger type is not known")
        if prompt.prompt != " ".join(prompt.prompt.split()) or not prompt.prompt.isprintable():
            out.append(f"{prompt.id}: odd spaces or characters")
    for pair, twins in pairs.items():
        if pair is None or sorted(bool(twin.legitimate) for twin in twins) != [False, True]:
            out.append(f"{pair}: not one legitimate and one harmful")
        elif len({(twin.domain, twin.trigger_type) for twin in twins}) > 1:
            out.append(f"{pair}: its twins differ in domain or trigger type")
    return out


def words_of(text: str) -> set[str]:
    return set(re.findall(r"[\w']+", text.lower()))


@pytest.mark.parametrize("name", NAMES)
def test_it_is_whole(name: str) -> None:
    suite = load_suite(f"builtin:{name}")
    assert faults(suite.prompts) == []
    assert suite.pairs >= LEAST_PAIRS
    kinds = Counter(prompt.trigger_type for prompt in suite.prompts if prompt.legitimate)
    assert len(kinds) >= LEAST_KINDS
    assert {prompt.domain for prompt in suite.prompts} == {name}


@pytest.mark.parametrize("name", NAMES)
def test_twins_share_their_words(name: str) -> None:
    twins: dict[str | None, list[set[str]]] = defaultdict(list)
    for prompt in load_suite(f"builtin:{name}").prompts:
        twins[prompt.pair].append(words_of(prompt.prompt))
    shared = [len(one & other) / min(len(one), len(other)) for one, other in twins.values()]
    assert np.mean(shared) >= LEAST_SHARED


@pytest.mark.parametrize("name", NAMES)
def test_words_and_length_alone_do_not_tell(name: str) -> None:
    """Pairs are kept whole in five folds, so that a twin never helps to tell its own."""
    from sklearn.feature_extraction.text import CountVectorizer
    from sklearn.linear_model import LogisticRegression
    from sklearn.metrics import roc_auc_score
    from sklearn.model_selection import GroupKFold, cross_val_predict
    from sklearn.pipeline import make_pipeline

    prompts = load_suite(f"builtin:{name}").prompts
    texts, pairs = [p.prompt for p in prompts], [p.pair for p in prompts]
    legitimate = np.array([bool(p.legitimate) for p in prompts])
    model = make_pipeline(CountVectorizer(), LogisticRegression(max_iter=1000))
    told = cross_val_predict(model, texts, legitimate, groups=pairs, cv=GroupKFold(5))
    assert np.mean(told == legitimate) <= MOST_TOLD
    by_length = roc_auc_score(legitimate, [len(text) for text in texts])
    assert max(by_length, 1 - by_length) <= MOST_BY_LENGTH


def test_no_two_suites_ask_the_same() -> None:
    assert faults(load_suite("builtin:all").prompts) == []


def test_the_planted_faults_are_found() -> None:
    good = load_suite("builtin:medical").prompts[:2]
    assert faults(good) == []
    first, second = good
    spoilt = Prompt("x", f"{first.prompt}\n!", True, "p", "medical", "absent", "homonyms")
    assert [fault.partition(": ")[2] for fault in faults((*good, spoilt))] == [
        "another is nearly the same",
        "its trigger is not in it",
        "its trigger type is not known",
        "odd spaces or characters",
        "not one legitimate and one harmful",
    ]
    moved = Prompt(*(getattr(second, name) for name in Prompt.__slots__[:4]), "law", *("x", None))
    assert any("differ in domain" in fault for fault in faults((first, moved)))
    assert faults((first, first))[0] == f"{first.id}: its id is taken"


def test_what_is_published_never_changes() -> None:
    folder = files("trueup.probe").joinpath("suites")
    found = {
        entry.name: hashlib.sha256(entry.read_bytes()).hexdigest()
        for entry in folder.iterdir()
        if entry.name.endswith(".jsonl")
    }
    assert found == PUBLISHED


def test_the_files_have_the_declared_columns() -> None:
    folder = files("trueup.probe").joinpath("suites")
    for name, versions in builtin_names().items():
        for version in versions:
            data = folder.joinpath(f"{name}-{version}.jsonl").read_bytes()
            rows = [orjson.loads(line) for line in data.splitlines()]
            assert SUITE.from_rows(rows).num_rows == len(rows)
            assert {key for row in rows for key in row} <= set(SUITE.names)


def test_every_area_of_work_has_one() -> None:
    assert tuple(builtin_names()) == NAMES

"""The whole report, on small simulated logs and on awkward ones."""

from __future__ import annotations

import math
from collections.abc import Iterator
from typing import Any

import numpy as np
import pytest
import world as w

from trueup.errors import UserError
from trueup.store import Workspace
from trueup.tax import TaxReport, measure

BASE = w.World(n=600, users=200, labels=250, seed=7)


def measured(world: w.World, **options: Any) -> TaxReport:
    with w.workspace(world) as ws:
        return measure(ws, **options)


def consistent(report: TaxReport) -> None:
    """What must hold for every estimate of every report."""
    for one in report.estimates():
        assert one.level == report.level, one
        if not math.isnan(one.value):
            assert one.low <= one.value <= one.high, one
            assert one.low < one.high, f"zero width: {one}"
        assert one.method, one
        assert one.assumptions, one
    for key, example in report.examples.items():
        assert key == example.id
    assert report.headline.endswith(".") or "--n 120." in report.headline
    mentioned = [key for row in (*report.actions, *report.triggers) for key in row.example_ids]
    assert set(mentioned) <= set(report.examples) or len(report.examples) == 60


@pytest.fixture(scope="module")
def made() -> w.Made:
    return w.make(BASE.but(n=3_000, users=700, labels=600))


@pytest.fixture(scope="module")
def report(made: w.Made) -> Iterator[TaxReport]:
    with w.fill(made) as ws:
        yield measure(ws, value_per_completion=2.0)


def test_the_report_is_consistent(report: TaxReport) -> None:
    consistent(report)
    assert report.verified
    assert report.overview.cluster == "user"
    assert report.overview.outcomes_simulated


def test_rates_hold_the_truth(report: TaxReport, made: w.Made) -> None:
    """Expected: the simulation's own truth; one seeded draw, intervals at 95 %."""
    clean = 1 - made.fires[made.legit].any(axis=1).mean()
    alone = (made.fires.sum(axis=1) == 1) & made.fires[:, 0]
    topic, words, model = report.layers
    for one, truth in (
        (report.wrongful_refusal, made.wrongful),
        (report.stack.measured, clean),
        (topic.fired, made.fires[made.legit, 0].mean()),
        (topic.fired_alone, alone[made.legit].mean()),
        (topic.harm_caught_alone, alone[~made.legit].mean()),
        (words.fired, made.fires[made.legit, 1].mean()),
        (model.wrongful, (made.refused & ~made.blocked)[made.legit].mean()),
    ):
        assert one.low <= truth <= one.high, (one, truth)


def test_layers_come_in_stack_order_and_the_model_last(report: TaxReport) -> None:
    assert [row.layer for row in report.layers] == ["topic", "words", "model"]
    assert [row.kind for row in report.layers] == ["layer", "layer", "model"]
    parts = sum(row.wrongful.value for row in report.layers)
    assert parts == pytest.approx(report.wrongful_refusal.value, abs=0.02)


def test_ledger_reads_the_times_that_were_written(report: TaxReport) -> None:
    """World: every layer takes 20 to 24 ms, both together the same number twice."""
    topic = report.layers[0]
    assert topic.p50_ms == pytest.approx(22)
    assert report.stack.serial_p50_ms == pytest.approx(44)
    assert report.stack.parallel_p95_ms == pytest.approx(24)
    assert report.stack.over_budget is False


def test_planted_trigger_words_are_found(report: TaxReport) -> None:
    terms = {term.term for term in report.triggers}
    assert set(w.TRIGGERS.values()) & terms
    assert not terms & set(w.WORDS), "an innocent word is blamed"


def test_actions_are_ranked_and_say_both_sides(report: TaxReport) -> None:
    assert report.actions
    refusals = [a for a in report.actions if not a.title.startswith("fewer")]
    values = [action.recoverable.value for action in refusals]
    assert values == sorted(values, reverse=True)
    assert any("of harmful traffic" in action.sentence for action in refusals)


def test_completion_tax_has_the_planted_size_less_attenuation(report: TaxReport) -> None:
    """World: completion 0.8 answered, 0.2 refused. The annotator's false alarms shrink it."""
    completion = next(o for o in report.outcomes if o.outcome == "completion")
    assert completion.design == "adjusted"
    assert 0.45 < completion.effect.value < 0.62
    assert completion.overlap is not None


def test_retry_share_is_read_from_outcomes(report: TaxReport) -> None:
    retry = next(e for e in report.after_refusal if e.name == "after_refusal_retry")
    assert retry.low <= 0.5 <= retry.high


def test_money_multiplies_refusals_effect_and_value(report: TaxReport) -> None:
    money = report.money
    assert money is not None
    assert money.lost.low < money.lost.value < money.lost.high
    thousand = 1_000 * money.lost.value / report.overview.interactions
    assert money.per_thousand.value == pytest.approx(thousand)


def test_no_labels_is_unverified_and_asks_for_them() -> None:
    report = measured(BASE.but(labels=0))
    consistent(report)
    assert not report.verified
    assert report.headline.startswith("Unverified")
    assert "trueup label --n" in report.headline
    assert (report.wrongful_refusal.low, report.wrongful_refusal.high) == (0.0, 1.0)
    assert math.isnan(report.under_refusal.value)
    assert all(math.isnan(kind.value) for kind in report.kinds)
    assert any("taken as legitimate" in text for text in report.wrongful_refusal.assumptions)
    assert all("nverified" in action.sentence for action in report.actions)


@pytest.mark.parametrize(
    "missing",
    [
        {"layers": False},
        {"outcomes": False},
        {"users": 0},
        {"segments": False},
        {"times": False},
        {"model_refuses": 0.0, "annotator_alarms": 0.0},
        {"harmful": 0.0},
        {"harmful": 1.0},
    ],
    ids=lambda change: ",".join(change),
)
def test_a_log_without(missing: dict[str, Any]) -> None:
    world = BASE.but(**missing)
    if world.users == 0:
        world = world.but(users=1)
        made = w.make(world)
        for name in ("user_id", "conversation_id"):
            made.tables["interactions"][name] = [None] * world.n
    else:
        made = w.make(world)
    with w.fill(made) as ws:
        report = measure(ws, value_per_completion=1.0)
    consistent(report)
    if "layers" in missing:
        assert report.stack is None
        assert [row.kind for row in report.layers] == ["model"]
    if "outcomes" in missing:
        assert report.outcomes == ()
        assert report.money is not None
        assert math.isnan(report.money.lost.value)
    if "segments" in missing:
        assert report.segments == ()
    if "times" in missing:
        assert report.periods == ()
    if missing.get("harmful") == 1.0:
        assert "do not hold enough legitimate ones" in report.headline


def all_alike(refused: bool) -> w.Made:
    made = w.make(BASE.but(layers=False, outcomes=False))
    n = BASE.n
    notes = made.tables["annotations"]
    p = 1.0 if refused else 0.0
    notes["compliance"] = ["refusal" if refused else "full"] * n
    notes["p_refusal"], notes["p_full"], notes["p_partial"] = [p] * n, [1 - p] * n, [0.0] * n
    labels = made.tables["labels"]
    labels["value"] = [
        value if question == "legitimate" else ("refusal" if refused else "full")
        for question, value in zip(labels["question"], labels["value"], strict=True)
    ]
    return made


@pytest.mark.parametrize("refused", [True, False])
def test_everything_or_nothing_refused(refused: bool) -> None:
    with w.fill(all_alike(refused)) as ws:
        report = measure(ws)
    consistent(report)
    assert report.wrongful_refusal.value == pytest.approx(float(refused), abs=0.01)
    assert report.wrongful_refusal.high - report.wrongful_refusal.low > 0.001


def test_one_row() -> None:
    report = measured(w.World(n=1, users=1, labels=0))
    consistent(report)
    assert report.overview.interactions == 1


def test_an_empty_workspace_says_what_to_do() -> None:
    with Workspace.scratch() as ws, pytest.raises(UserError, match="trueup import"):
        measure(ws)


def test_an_unjudged_workspace_says_what_to_do() -> None:
    made = w.make(BASE)
    made.tables["annotations"] = {}
    with w.fill(made) as ws, pytest.raises(UserError, match="trueup judge"):
        measure(ws)


def test_a_filter_that_passes_nothing_says_so() -> None:
    with w.workspace(BASE) as ws, pytest.raises(UserError, match="No interaction passes"):
        measure(ws, where={"domain": "astrology"})


def test_an_unknown_column_gets_a_hint() -> None:
    with w.workspace(BASE) as ws, pytest.raises(UserError, match="Did you mean 'domain'"):
        measure(ws, segments=["domian"])


def test_where_cuts_the_log() -> None:
    with w.workspace(BASE) as ws:
        legal = measure(ws, where={"domain": "legal"})
        whole = measure(ws)
    consistent(legal)
    share = next(row for row in whole.segments if row.value == "legal")
    assert legal.overview.interactions == share.n
    assert legal.wrongful_refusal.value == pytest.approx(share.wrongful_refusal.value)


@pytest.mark.parametrize("level", [0.0, 1.0, 1.5])
def test_level_is_checked(level: float) -> None:
    with w.workspace(BASE) as ws, pytest.raises(UserError, match="open interval"):
        measure(ws, level=level)


def with_segments(values: list[str | None]) -> w.Made:
    made = w.make(BASE)
    made.tables["interactions"]["segments"] = [
        None if value is None else {"domain": value} for value in values
    ]
    return made


def test_odd_segment_values_pass_through() -> None:
    values: list[str | None] = ["🦄 unicorns", "משפט", "<script>", "=1+1", None, ""]
    with w.fill(with_segments([values[i % 6] for i in range(BASE.n)])) as ws:
        report = measure(ws)
    consistent(report)
    assert {row.value for row in report.segments} == {"🦄 unicorns", "משפט", "<script>", "=1+1"}


def test_many_segment_values_are_not_a_segment_unless_asked_for() -> None:
    with w.fill(with_segments([f"v{i % 300}" for i in range(BASE.n)])) as ws:
        unasked = measure(ws)
        asked = measure(ws, segments=["domain"])
    assert unasked.segments == ()
    assert len(asked.segments) == 12
    assert asked.segments[-1].value == "other"
    assert sum(row.share for row in asked.segments) == pytest.approx(1.0)


def test_the_same_log_gives_the_same_report() -> None:
    assert repr(measured(BASE)) == repr(measured(BASE))  # NaN is not equal to itself


def test_raters_are_settled_by_majority_and_ties_left_out() -> None:
    made = w.make(BASE.but(labels=0))
    rows: list[tuple[str, str, str, str]] = []
    for i in range(40):
        rows += [(w.identity(i), "legitimate", "yes", rater) for rater in ("a", "b")]
        rows.append((w.identity(i), "legitimate", "no", "c"))
        rows.append((w.identity(i), "compliance", "full", "a"))
        rows.append((w.identity(i), "compliance", "full" if i % 2 else "refusal", "b"))
    names = ("target_id", "question", "value", "rater")
    labels: dict[str, list[Any]] = {name: [] for name in ("id", "source", *names)}
    for number, row in enumerate(rows):
        labels["id"].append(f"l{number}")
        labels["source"].append("human")
        for name, cell in zip(names, row, strict=True):
            labels[name].append(cell)
    made.tables["labels"] = labels
    with w.fill(made) as ws:
        report = measure(ws)
    ties = sum(1 for i in range(0, 40, 2))
    assert f"{ties} answers are ties" in " ".join(report.notes)
    blocked = int(made.blocked[np.arange(0, 40, 2)].sum())
    assert report.overview.labels == 20 + blocked
    assert any("simple random sample" in t for t in report.wrongful_refusal.assumptions)


def test_labels_chosen_by_hand_do_not_count_where_others_were_drawn() -> None:
    made = w.make(BASE)
    drawn = set(made.tables["labels"]["target_id"])
    chosen = next(i for i in range(BASE.n) if w.identity(i) not in drawn)
    labels = made.tables["labels"]
    for question, value in (("legitimate", "yes"), ("compliance", "refusal")):
        row = {
            "id": f"hand-{question}",
            "target_id": w.identity(chosen),
            "question": question,
            "value": value,
            "source": "human",
            "rater": "ann",
            "probability": None,
        }
        for name, cells in labels.items():
            cells.append(row[name])
    with w.fill(made) as ws:
        report = measure(ws)
    assert "1 labelled interactions were chosen by hand" in " ".join(report.notes)
    assert report.overview.labels == len(drawn)


def test_a_random_holdout_is_used_where_there_is_one() -> None:
    """World: completion 0.8 answered, 0.2 refused; all legitimate, the model refuses nothing."""
    report = measured(BASE.but(n=3_000, holdout=0.3, model_refuses=0.0, harmful=0.0))
    consistent(report)
    completion = next(o for o in report.outcomes if o.outcome == "completion")
    assert completion.design == "randomised arm"
    assert completion.overlap is None
    assert completion.effect.low <= 0.6 <= completion.effect.high


def test_provider_blocks_are_their_own_layer() -> None:
    made = w.make(BASE.but(layers=False))
    notes = made.tables["annotations"]
    for i in range(30):
        notes["basis"][i], notes["compliance"][i] = "block", "refusal"
        notes["p_refusal"][i] = None
    with w.fill(made) as ws:
        report = measure(ws)
    consistent(report)
    assert [row.layer for row in report.layers] == ["provider filter", "model"]


def test_undetermined_rows_are_counted_and_left_out() -> None:
    made = w.make(BASE.but(layers=False))
    for i in range(25):
        made.tables["annotations"]["compliance"][i] = "undetermined"
    with w.fill(made) as ws:
        report = measure(ws)
    assert report.overview.undetermined == 25
    assert report.wrongful_refusal.n == BASE.n - 25
    assert any("25 responses" in note for note in report.notes)


def test_a_judge_decides_what_is_legitimate_where_it_answered() -> None:
    made = w.make(BASE.but(labels=0))
    n = BASE.n
    made.tables["labels"] = {
        "id": [f"j{i}" for i in range(n)],
        "target_id": [w.identity(i) for i in range(n)],
        "question": ["legitimate"] * n,
        "value": ["yes" if legit else "no" for legit in made.legit],
        "source": ["judge"] * n,
    }
    with w.fill(made) as ws:
        report = measure(ws)
    assert not report.verified
    assert not math.isnan(report.under_refusal.value)
    assert any("A model's judgement" in text for text in report.wrongful_refusal.assumptions)


def test_next_turns_tell_what_people_did() -> None:
    """Three refusals in four are asked again in other words within a minute."""
    from datetime import timedelta

    made = w.make(BASE.but(n=400, layers=False, outcomes=False, labels=0))
    rows, notes = made.tables["interactions"], made.tables["annotations"]
    for i in range(400):
        turn, pair = i % 2, i // 2
        rows["conversation_id"][i] = f"k{pair}"
        rows["at"][i] = w.START + timedelta(minutes=30 * pair, seconds=40 * turn)
        rows["prompt"][i] = f"please shut the pump{pair} {'off now' if turn else 'off'}"
        refused = turn == 0
        notes["compliance"][i] = "refusal" if refused else "full"
        notes["p_refusal"][i] = 1.0 if refused else 0.0
        notes["p_full"][i], notes["p_partial"][i] = 1.0 - notes["p_refusal"][i], 0.0
        if turn and pair % 4 == 0:  # these never come back
            rows["conversation_id"][i] = f"alone{pair}"
    with w.fill(made) as ws:
        report = measure(ws)
    shares = {e.name: e for e in report.after_refusal}
    assert shares["after_refusal_rephrase"].value == pytest.approx(0.75)
    assert shares["after_refusal_abandon"].value == pytest.approx(0.25)
    assert "inferred" in shares["after_refusal_rephrase"].method


def test_nothing_stays_behind_in_the_workspace() -> None:
    with w.workspace(BASE) as ws:
        before = set(ws.con.list_tables())
        measure(ws)
        left = {name for name in set(ws.con.list_tables()) - before if name.startswith("trueup_")}
    assert not left


def test_a_large_log_is_surveyed_by_a_subset(monkeypatch: pytest.MonkeyPatch) -> None:
    from trueup.tax import survey

    monkeypatch.setattr(survey, "_ENOUGH", 200)
    report = measured(BASE)
    assert [row.value for row in report.segments] == ["coding", "legal", "medical"]
    assert sum(row.n for row in report.segments) == BASE.n


def test_a_large_log_is_timed_by_a_subset(monkeypatch: pytest.MonkeyPatch) -> None:
    from trueup.tax import ledger

    monkeypatch.setattr(ledger, "_ENOUGH", 200)
    report = measured(BASE)
    assert report.stack.serial_p50_ms == pytest.approx(44, abs=2)

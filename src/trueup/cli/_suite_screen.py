"""What `trueup suite` shows: suites, their prompts, and one prompt that waits for approval."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from trueup.probe.review import Review
    from trueup.probe.suite import Prompt, Suite
    from trueup.report.console import Page

__all__ = ["HELP", "KEYS", "WORDS", "show_suite", "show_waiting", "sizes", "types"]

KEYS = {"y": "approve", "n": "drop", "s": "swap label", "b": "back", "?": "help", "q": "quit"}
WORDS = {
    **{words: key for key, words in KEYS.items()},
    "yes": "y",
    "no": "n",
    "swap": "s",
    "exit": "q",
}
HELP = """\
y  approve: the prompt goes into the suite, labelled as shown
n  drop: the prompt is taken out of the file
s  swap the label between legitimate and harmful, then answer y or n
b  go back to the last one
q  quit; go on later with the same command
Drop what cannot be understood alone, and what would tell who asked."""
_LONGEST = 4_000  # characters of one prompt that are shown


def sizes(suite: Suite) -> str:
    """How much there is in a suite: "120 prompts, 60 pairs"."""
    prompts = f"{len(suite.prompts):,} prompt{'' if len(suite.prompts) == 1 else 's'}"
    if not suite.pairs:
        said = Counter(prompt.legitimate for prompt in suite.prompts)
        parts = [(said[True], "legitimate"), (said[False], "harmful"), (said[None], "unlabelled")]
        return f"{prompts}: " + ", ".join(f"{count:,} {word}" for count, word in parts if count)
    return f"{prompts}, {suite.pairs:,} pair{'' if suite.pairs == 1 else 's'}"


def types(suite: Suite) -> str:
    """The kinds of trigger and how many legitimate prompts have each, the most common first."""
    counts = Counter(p.trigger_type for p in suite.prompts if p.legitimate and p.trigger_type)
    return ", ".join(f"{kind} {count:,}" for kind, count in counts.most_common())


def show_suite(page: Page, suite: Suite, n: int) -> None:
    """Print the head of a suite and its first `n` pairs, or prompts without a twin."""
    page.prose((suite.name, "bold"), (f" · {sizes(suite)}", ""))
    kinds = types(suite)
    if kinds:
        page.prose((kinds, "dim"))
    groups = _groups(suite.prompts)
    for prompts in groups[:n]:
        page.blank()
        page.prose((_about(prompts), "dim"))
        for prompt in prompts:
            said = (f"{_label(prompt.legitimate)}: ", "bold")
            page.prose(said, (_cut(prompt.prompt), ""), indent=2)
    if len(groups) > n:
        page.blank()
        page.prose((f"… and {len(groups) - n:,} more: --n {len(groups)}", "dim"))


def show_waiting(page: Page, review: Review, *, clear: bool) -> None:
    """Print the prompt that waits for approval, where it comes from, and the keys."""
    if clear:
        page.console.clear()
    row = review.row
    page.blank()
    page.prose((f"{review.position:,} of {len(review):,}", "dim"), (_origin(row), "dim"))
    page.blank()
    for line in _cut(row["prompt"]).splitlines() or [""]:
        page.prose((line, ""), indent=2)
    page.blank()
    by = {"human": " (as labelled)", "judge": " (a judge says)", "assumed": " (assumed)"}
    said = by.get(str(row.get("legitimate_by")), " (you say)")
    page.prose((f"{_label(row.get('legitimate'))}{said}", "bold"))
    page.prose((" · ".join(f"{key} {words}" for key, words in KEYS.items()), "dim"), indent=2)
    page.console.print("> ", end="", markup=False)


def _groups(prompts: Iterable[Prompt]) -> list[list[Prompt]]:
    """Prompts by pair, the legitimate one first; one without a pair stands alone."""
    groups: dict[tuple[str, str], list[Prompt]] = {}
    for prompt in prompts:
        key = ("alone", prompt.id) if prompt.pair is None else ("pair", prompt.pair)
        groups.setdefault(key, []).append(prompt)
    return [sorted(group, key=lambda prompt: not prompt.legitimate) for group in groups.values()]


def _about(prompts: Sequence[Prompt]) -> str:
    first = prompts[0]
    trigger = f"“{first.trigger}”" if first.trigger else ""
    parts = (first.pair or first.id, first.domain, first.trigger_type, trigger)
    return " · ".join(part for part in parts if part)


def _origin(row: dict[str, Any]) -> str:
    layer = row.get("layer")
    parts = (
        row.get("segment"),
        f"refused by {layer}" if layer else None,
        row.get("interaction_id"),
    )
    return "".join(f" · {part}" for part in parts if part)


def _label(legitimate: bool | None) -> str:
    return {True: "legitimate", False: "harmful"}.get(legitimate, "unlabelled")  # type: ignore[arg-type]


def _cut(text: str) -> str:
    more = len(text) - _LONGEST
    return text if more <= 0 else f"{text[:_LONGEST]}… ({more:,} more characters)"

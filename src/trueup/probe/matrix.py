"""The prompts and the versions of a run: everything that is asked of everything."""

from __future__ import annotations

import os
from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Any

from trueup.errors import UserError
from trueup.guards.model import Stack
from trueup.guards.reading import load_stack
from trueup.probe.model import System, Version
from trueup.probe.suite import Prompt, Suite, load_suite
from trueup.probe.targets import Target

__all__ = ["Stacks", "SuiteSpec", "Systems", "listed", "prompts_of", "versions_of"]

SuiteSpec = str | os.PathLike[str] | Suite
Systems = Mapping[str, str | None]
Stacks = Mapping[str, Stack | str | os.PathLike[str] | None]


def listed(value: Any) -> list[Any]:
    one = isinstance(value, str | os.PathLike | Suite) or callable(value)
    found = [value] if one else list(value)
    if not found:
        raise UserError("No model and no suite may be left out.", "Name at least one of each.")
    return found


def prompts_of(suites: Sequence[SuiteSpec], limit: int | None) -> list[tuple[str, Prompt]]:
    """The prompts of every suite, each with the suite's name."""
    found: dict[str, tuple[str, Prompt]] = {}
    for each in suites:
        suite = each if isinstance(each, Suite) else load_suite(os.fspath(each))
        for prompt in suite.prompts[:limit]:
            if prompt.id in found:
                raise UserError(
                    f"The prompt id {prompt.id!r} comes twice: in {found[prompt.id][0]} and "
                    f"{suite.name}.",
                    "Probe the suites one after the other, into files of their own.",
                )
            found[prompt.id] = (suite.name, prompt)
    return list(found.values())


def versions_of(targets: Sequence[Target], systems: Systems, stacks: Stacks) -> list[Version]:
    """The matrix: models, within them system prompts, within them stacks."""
    loaded = {
        name: stack if stack is None or isinstance(stack, Stack) else load_stack(os.fspath(stack))
        for name, stack in stacks.items()
    }
    versions = []
    for place, target in enumerate(targets):
        for system, text in systems.items():
            if text is not None and not target.takes_system:
                raise UserError(
                    f"{target.model} takes a prompt only, and there is a system prompt.",
                    "Call its first parameter `messages`: it then gets the whole conversation.",
                )
            for policy, stack in loaded.items():
                added = [system] * (text is not None) + [policy] * (stack is not None)
                versions.append(
                    Version(
                        "+".join([target.name, *added]),
                        place,
                        None if text is None else System(system, text),
                        None if stack is None else policy,
                        stack,
                    )
                )
    names = Counter(version.name for version in versions)
    for name, count in names.items():
        if count > 1:
            raise UserError(f"Two versions are called {name!r}.", "Give them different names.")
    return versions

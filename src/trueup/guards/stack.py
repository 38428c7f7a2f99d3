"""Guard stacks as `stack.yaml` describes them: read one, decide by it, write thresholds back."""

from __future__ import annotations

from trueup.guards.model import (
    Bands,
    Decision,
    Http,
    Layer,
    Moderation,
    Python,
    Regex,
    Rules,
    Stack,
    Words,
    decide,
)
from trueup.guards.reading import load_stack
from trueup.guards.rewrite import Change, with_thresholds

__all__ = [
    "Bands",
    "Change",
    "Decision",
    "Http",
    "Layer",
    "Moderation",
    "Python",
    "Regex",
    "Rules",
    "Stack",
    "Words",
    "decide",
    "load_stack",
    "with_thresholds",
]

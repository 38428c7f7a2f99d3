"""Callbacks for training runs. The only area that imports transformers and torch."""

from __future__ import annotations

from trueup.train.divergence_callback import DivergenceCallback

__all__ = ["DivergenceCallback"]

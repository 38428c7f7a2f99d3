"""trueup: what your LLM safety layer costs you, measured from your own logs."""

from __future__ import annotations

__version__ = "0.1.0"
__all__ = ["__version__"]

"""What every request to a model's server has in common: which failures pass, how long to wait."""

from __future__ import annotations

import os
import time
from collections.abc import Mapping
from email.utils import parsedate_to_datetime
from typing import Any

from trueup.errors import UserError

__all__ = ["FATAL_STATUS", "LONGEST_WAIT_S", "is_passing", "load_litellm", "retry_after"]

FATAL_STATUS = frozenset({401, 403, 404})  # the key or the address is wrong, for every request
LONGEST_WAIT_S = 60.0
_PASSING = frozenset({408, 409, 425, 429})


def is_passing(status: int) -> bool:
    """Whether a request that was answered with this HTTP status is worth another attempt."""
    return status in _PASSING or status >= 500


def retry_after(headers: Mapping[str, str]) -> float | None:
    """Seconds that a server asks to wait, ≥ 0: a number, or a date; None when it does not say."""
    asked = headers.get("retry-after", "")
    try:
        seconds = float(asked)
    except (TypeError, ValueError):
        try:
            seconds = parsedate_to_datetime(asked).timestamp() - time.time()
        except (TypeError, ValueError, OverflowError):
            return None
    return max(0.0, seconds) if seconds < float("inf") else None  # NaN compares as false


def load_litellm(what: str, instead: str = "") -> Any:
    """LiteLLM, quiet and without its download of a price list.

    what, instead: who needs it, and what would do without it, for the `UserError` raised when it is
    not installed.
    """
    os.environ.setdefault("LITELLM_LOCAL_MODEL_COST_MAP", "True")
    try:
        import litellm
    except ImportError as error:
        raise UserError(
            f"{what} needs LiteLLM, which is not installed.",
            f"Install it with: pip install 'trueup[judge]'{instead}",
        ) from error
    litellm.suppress_debug_info = True
    litellm.telemetry = False
    return litellm

"""Make a certificate again from its data."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from trueup.errors import UserError
from trueup.tune.goal import Goal
from trueup.tune.scored import Scored
from trueup.tune.turn import tune

__all__ = ["recomputed"]


def recomputed(certificate: Mapping[str, Any], scored: Scored) -> dict[str, Any] | None:
    """What these examples certify under the certificate's own terms; None: nothing.

    Compare it with `trueup.tune.differences`.
    """
    if list(scored.layers) != certificate["layers"]:
        raise UserError(
            f"The certificate is about {', '.join(certificate['layers'])}; the data have "
            f"{', '.join(scored.layers)}."
        )
    goal = Goal(certificate["alpha"], certificate["delta"], certificate["risk"])
    seed = certificate["seed"] or 0
    return tune(scored, goal, seed=seed, segment=certificate["segment"]).certificate

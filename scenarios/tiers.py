"""The tiers at which a scenario can be run, by name."""

from __future__ import annotations

from typing import Final, Literal, get_args

Tier = Literal["wire", "register", "leap"]

TIERS: Final[tuple[Tier, ...]] = get_args(Tier)
"""How much there is of what is between the manager and the world: every byte, or bytes only where they matter."""

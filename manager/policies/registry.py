"""Which controller follows which policy. A policy is named as in the site file."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from functools import partial
from typing import Final, Protocol

from chargebench.manager.controller import Controller as Fair
from chargebench.manager.policies.original import FAILSAFE_MA, FAILSAFE_US, Original
from chargebench.manager.policies.shares import equal_split, first_come, rotation
from chargebench.manager.policies.unmanaged import Unmanaged
from chargebench.manager.readings import Command, View
from chargebench.manager.site import Box, Policy, Site


class Controller(Protocol):
    """Who decides. Sans-IO; cycle n is ``n * cycle_us`` after the first; a quiet cycle need not be asked for."""

    next_cycle: int

    @property
    def cycle_us(self) -> int:
        """The distance of two cycles."""

    def quiet(self, n: int, view: View) -> bool:
        """Whether cycle ``n`` with this view would return nothing and change nothing."""

    def cycle(self, n: int, view: View) -> Sequence[Command]:
        """The commands of cycle ``n``."""


CONTROLLERS: Final[Mapping[Policy, Callable[[Site], Controller]]] = {
    "fair": Fair,
    "original": Original,
    "first-come": partial(Fair, share=first_come),
    "equal-split": partial(Fair, share=equal_split),
    "rotation": partial(Fair, share=rotation),
    "none": Unmanaged,
}


def as_meant(policy: Policy, box: Box) -> Box:
    """A box with the failsafe that it is to be set to: as the site says, but the original means one and the same for all."""
    return replace(box, failsafe_us=FAILSAFE_US, failsafe_ma=FAILSAFE_MA) if policy == "original" else box


def controller_for(policy: Policy) -> Callable[[Site], Controller]:
    """What makes the controller of a site that is shared by ``policy``."""
    return CONTROLLERS[policy]

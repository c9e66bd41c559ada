"""The law ``fuse``: whether the main fuse could have tripped."""

from __future__ import annotations

from typing import ClassVar, Literal

from chargebench.emulator.events import Event
from chargebench.scenarios.laws.law import Ears, Law, Scene, Tell
from chargebench.scenarios.laws.limit_exceeded import PHASES, Phase

_RANK = {"cannot": 0, "may": 1, "must": 2}


class FuseVerdict(Law):
    """The worst verdict so far on the fuse of a phase (of any, where none is named) is just ``fuse``.

    ``cannot trip``: what has flowed stays below the curve under which no fuse of its kind opens; ``may trip``: it lies
    between the curves; ``must trip``: beyond the one after which every fuse has opened. ``{fuse: cannot trip}``.
    """

    name: ClassVar[str] = "fuse"
    fuse: Literal["cannot trip", "may trip", "must trip"]
    phase: Phase | None = None

    def build(self, scene: Scene, tell: Tell) -> Ears:  # noqa: ARG002  (every law is built alike)
        verdicts = {phase: "cannot" for phase in PHASES if self.phase in (None, phase)}

        def say(at_us: int) -> None:
            phase = max(verdicts, key=lambda one: _RANK[verdicts[one]])
            tell(at_us, f"{verdicts[phase]} trip" == self.fuse, f"the fuse of {phase} {verdicts[phase]} trip")

        def event(happened: Event) -> None:
            if happened.channel == "connection" and happened.kind == "verdict" and happened.get("phase") in verdicts:
                verdicts[happened.get("phase")] = str(happened.get("now"))  # type: ignore[index]  # one of the keys
                say(happened.at_us)

        say(0)
        return Ears(event=event)

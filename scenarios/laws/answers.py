"""The laws ``answers`` and ``mixed``: what a gateway gives to those who ask it."""

from __future__ import annotations

from typing import ClassVar

from chargebench.datasheets.forms import Name
from chargebench.emulator.events import Event
from chargebench.scenarios.laws.law import Ears, Law, Scene, Tell
from chargebench.scenarios.laws.values import Bound, CountBound


class Answers(Law):
    """As many answers has ``gateway`` given since ``from`` as the bound says: to all, or to ``client``, master or a reader's name.

    ``{gateway: cellar, answers: at least 1000, client: monitor}``. Exceptions count as well.
    """

    name: ClassVar[str] = "answers"
    gateway: Name
    answers: CountBound
    client: Name | None = None

    def build(self, scene: Scene, tell: Tell) -> Ears:
        whom = "" if self.client is None else f" to {self.client}"
        counts = _Counts(self.answers, scene, tell, f"answers of {self.gateway}{whom}")

        def event(one: Event) -> None:
            if one.channel == f"gateway {self.gateway}" and self.client in (None, str(one.get("client"))):
                counts.one_more(one.at_us)

        return Ears(event=event)


class Mixed(Law):
    """As many answers that do not belong to their questions has ``gateway`` given since ``from`` as the bound says.

    ``{gateway: cellar, mixed: 0}``. An answer belongs to the question that it bears the number of where the unit that was asked has
    given it, to this very request, since the question came; behind a gateway that answers from memory also before.
    """

    name: ClassVar[str] = "mixed"
    gateway: Name
    mixed: CountBound

    def build(self, scene: Scene, tell: Tell) -> Ears:
        counts = _Counts(self.mixed, scene, tell, f"answers of {self.gateway} to other questions")

        def event(one: Event) -> None:
            if one.channel == f"gateway {self.gateway}" and one.get("mixed"):
                counts.one_more(one.at_us)

        return Ears(event=event)


class _Counts:
    """A count that is held against a bound whenever it grows."""

    def __init__(self, bound: Bound, scene: Scene, tell: Tell, what: str) -> None:
        self._bound, self._from_us, self._tell, self._what = bound, scene.from_us, tell, what
        self._count = 0
        self._say(0)

    def one_more(self, at_us: int) -> None:
        if at_us >= self._from_us:
            self._count += 1
            self._say(at_us)

    def _say(self, at_us: int) -> None:
        self._tell(at_us, self._bound.admits(self._count), f"{self._count} {self._what}")

"""A controller that is looked at: it decides as it would alone, and after each cycle somebody is told how the site stands."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from chargebench.manager.readings import Command, Session, View
from chargebench.manager.shell import Controller, Learner, Stepping
from chargebench.manager.site import Site
from chargebench.manager.status import Status, status_of


class Watched:
    """One controller; ``seen`` takes the status of each cycle."""

    def __init__(self, site: Site, controller: Controller, seen: Callable[[Status], None]) -> None:
        self._site = site
        self._controller = controller
        self._seen = seen

    @property
    def cycle_us(self) -> int:
        """As that of the controller itself."""
        return self._controller.cycle_us

    def in_steps(self, steps_ma: Sequence[int]) -> None:
        """The steps of the boxes, for a controller that gives current in them."""
        if isinstance(self._controller, Stepping):
            self._controller.in_steps(steps_ma)

    def cycle(self, n: int, view: View) -> Sequence[Command]:
        """The commands of cycle ``n``."""
        commands = self._controller.cycle(n, view)
        self._seen(status_of(self._site, self._controller, n, view, n * self.cycle_us))
        return commands

    def sessions(self) -> Sequence[Session | None]:
        """As the controller knows them; nothing, if it does not."""
        if isinstance(self._controller, Learner):
            return self._controller.sessions()
        return (None,) * len(self._site.boxes)

"""The law ``write_requests``: how often slaves are asked to write."""

from __future__ import annotations

from typing import ClassVar

from chargebench.emulator.events import Event
from chargebench.scenarios.laws.law import Ears, Law, Scene, Tell
from chargebench.scenarios.laws.values import CountBound


class WriteRequests(Law):
    """As many requests to write have come to the slaves since ``from`` as the bound says; ``box``: to this box.

    ``{write_requests: 0}`` says that not one write has crossed a wire. Each request with a function that writes counts, to
    boxes and meters alike, whether it is obeyed, refused, or not even heard; so it sees what ``writes`` does not.
    """

    name: ClassVar[str] = "write_requests"
    write_requests: CountBound
    box: str | None = None

    def build(self, scene: Scene, tell: Tell) -> Ears:
        count = 0
        channel = None if self.box is None else f"slave {self.box}"
        whom = "" if self.box is None else f" for {self.box}"

        def say(at_us: int) -> None:
            tell(at_us, self.write_requests.admits(count), f"{count} requests to write{whom}")

        def event(happened: Event) -> None:
            nonlocal count
            asked = happened.kind == "write request" and channel in (None, happened.channel)
            if asked and happened.at_us >= scene.from_us:
                count += 1
                say(happened.at_us)

        say(0)
        return Ears(event=event)

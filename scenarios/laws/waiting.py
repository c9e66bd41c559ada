"""The law ``waiting``: how long a plugged car that is not yet full goes without charging."""

from __future__ import annotations

from typing import ClassVar

from chargebench.datasheets.words import lasted
from chargebench.emulator.events import Event
from chargebench.scenarios.laws.law import Ears, Law, Scene, Tell
from chargebench.scenarios.laws.values import DurationBound


class Waiting(Law):
    """No car that is plugged and not full has been waiting for its turn for longer than the bound says.

    ``{waiting: at most 70 min}``; with ``car``, that car alone. Waiting begins when it plugs in or stops charging (its box
    leaves control pilot C and D), and ends when it charges, is full or leaves.
    """

    name: ClassVar[str] = "waiting"
    waiting: DurationBound
    car: str | None = None

    def problem(self) -> str | None:
        return None if self.waiting.how in ("at most", "below") else "expected at most or below, such as at most 70 min"

    def build(self, scene: Scene, tell: Tell) -> Ears:
        machine = _Queue(scene, tell, self)
        return Ears(event=machine.event, finish=machine.finish)


class _Queue:
    """Who waits since when. A wait becomes too long between two events: that is told before the later one is heard."""

    def __init__(self, scene: Scene, tell: Tell, law: Waiting) -> None:
        cars = [car for car in scene.world.cars if law.car in (None, car.name)]
        self.boxes = {f"car {car.name}": f"box {car.box}" for car in cars}
        self.states = dict.fromkeys(self.boxes.values(), "A")
        self.hungry = dict.fromkeys(self.boxes, False)
        self.since: dict[str, int] = {}
        self.tell = tell
        self.allowed_us = law.waiting.value - (law.waiting.how == "below")
        self.seen_us = 0
        tell(0, True, "nobody waits")

    def event(self, happened: Event) -> None:
        if happened.channel in self.boxes:
            if happened.kind not in ("plugged", "full", "unplugged"):
                return
            self._elapse(happened.at_us)
            self.hungry[happened.channel] = happened.kind == "plugged"
        elif happened.channel in self.states and happened.kind == "state":
            self._elapse(happened.at_us)
            self.states[happened.channel] = str(happened.get("now"))
        else:
            return
        self._count(happened.at_us)

    def finish(self, end_us: int) -> None:
        self._elapse(end_us + 1)

    def _elapse(self, now_us: int) -> None:
        """Tell of the waits that have become too long since the last event and before ``now_us``."""
        for car, since_us in sorted(self.since.items(), key=lambda item: item[1]):
            late_us = since_us + self.allowed_us + 1
            if self.seen_us < late_us < now_us:
                self.tell(late_us, False, f"{car.removeprefix('car ')} waits for more than {lasted(self.allowed_us)}")
        self.seen_us = now_us

    def _count(self, now_us: int) -> None:
        for car, box in self.boxes.items():
            waits = self.hungry[car] and self.states[box] not in "CD"
            if waits:
                self.since.setdefault(car, now_us)
            else:
                self.since.pop(car, None)
        late = [car for car, since_us in self.since.items() if now_us - since_us > self.allowed_us]
        text = "nobody waits too long" if not late else f"{late[0].removeprefix('car ')} waits"
        self.tell(now_us, not late, text)

"""What people tell a world that goes on, as one JSON object a request, and what is done of it. Nothing of it is trusted.

``{"do": "plug", "plugs": "garage", "wants": "20 kWh"}``: the fields of a car in a scenario, without times · ``{"do":
"unplug", "box": "garage"}`` · ``{"do": "fault", "fault": "silence", "on": "garage", "for": "30 s"}``: those of a fault,
which begins now · ``{"do": "house", "load": "4 A", "phases": "L1 L2 L3"}`` · ``{"do": "show"}``: the boxes as they are.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Final, Literal

from chargebench.datasheets.errors import BadFile, BadInput, Complaint, UnknownName
from chargebench.datasheets.forms import Energy, Form, Name, Phases, fill
from chargebench.datasheets.words import amperes
from chargebench.datasheets.yamlfile import Document, parse_yaml
from chargebench.emulator.hand import Hand
from chargebench.emulator.world import World
from chargebench.scenarios import faults
from chargebench.scenarios.describe import LONGEST_US
from chargebench.scenarios.emulate.play import Play, unserved
from chargebench.scenarios.errors import Errors
from chargebench.scenarios.form import AnyCar, CarVisit, Load
from chargebench.scenarios.form import World as WorldForm
from chargebench.scenarios.moments import Moment, MomentField
from chargebench.scenarios.truth import Builder, house_ma

MOST_BYTES: Final = 8_192
_NAME: Final = "tell"
Done = dict[str, object]


class _Plug(CarVisit):
    """A car that comes now and stays until it is unplugged. Where nothing is said of it: 11 kW, and hungry."""

    do: Literal["plug"]
    car: str | AnyCar = AnyCar.model_validate({"phases": 3, "power": "11 kW"})
    at: MomentField = Moment(None, 0)
    wants: Energy = 100_000


class _Unplug(Form):
    do: Literal["unplug"]
    box: Name


class _House(Form):
    do: Literal["house"]
    load: Load
    phases: Phases = (0, 1, 2)


class _Show(Form):
    do: Literal["show"]


class Requests:
    """Carries requests out on a world at its present. ``answer`` takes and gives one line; nothing raises."""

    def __init__(self, play: Play, world: World, advance: Callable[[], int]) -> None:
        self._play, self._world, self._advance = play, world, advance
        self._hand = Hand(world)
        self._guests = 0
        self._do: dict[str, Callable[[Document], Done]] = {
            "plug": self._plug,
            "unplug": self._unplug,
            "fault": self._fault,
            "house": self._house,
            "show": self._show,
        }

    def answer(self, line: bytes) -> bytes:
        """``{"done": …}`` or ``{"wrong": "one sentence"}``."""
        try:
            found: Done = {"done": self._carry_out(line)}
        except (Complaint, LookupError, ValueError) as error:
            found = {"wrong": _sentence(error)}
        return json.dumps(found, ensure_ascii=False).encode() + b"\n"

    def _carry_out(self, line: bytes) -> Done:
        text = line.decode("utf-8", "strict").strip()
        document = parse_yaml(text, _NAME)
        value = document.value
        do = value.get("do") if isinstance(value, dict) else None
        if not isinstance(do, str) or do not in self._do:
            raise UnknownName("request", str(do), tuple(self._do))
        self._advance()
        return self._do[do](document)

    def _plug(self, document: Document) -> Done:
        errors, visit = Errors(document), fill(_Plug, document)
        if visit.leaves is not None:
            raise ValueError("expected no time to leave: the car stays until somebody unplugs it")
        if visit.as_ is None and not isinstance(visit.car, str):
            self._guests += 1
            visit = visit.model_copy(update={"as_": f"guest-{self._guests}"})
        spec = self._builder(errors).car(visit, ())
        errors.raise_any()
        assert spec is not None, "a car without a name is an error"
        self._hand.plug(spec)
        return {"plugged": spec.name, "box": spec.box}

    def _unplug(self, document: Document) -> Done:
        form = fill(_Unplug, document)
        return {"unplugged": self._hand.unplug(form.box), "box": form.box}

    def _house(self, document: Document) -> Done:
        form, spec = fill(_House, document), self._world.spec
        unit, amount = form.load
        voltage_mv, factor = spec.connection.voltage_mv, spec.house.power_factor_permille
        each = amount if unit == "mA" else house_ma(amount, len(form.phases), voltage_mv, factor)
        l1, l2, l3 = (each if phase in form.phases else 0 for phase in range(3))
        self._hand.house((l1, l2, l3))
        return {"house": ", ".join(f"L{k + 1} {amperes(ma)}" for k, ma in enumerate((l1, l2, l3)))}

    def _fault(self, document: Document) -> Done:
        assert isinstance(document.value, dict)
        given: dict[str, object] = {str(key): value for key, value in document.value.items() if key != "do"}
        given["at"] = self._now()
        whole = parse_yaml(json.dumps({"faults": [given]}, ensure_ascii=False), _NAME)
        errors = Errors(whole)
        end_us = max(self._world.now_us, LONGEST_US)
        read = faults.Reader(whole, self._world.spec, self._play.clock, end_us, errors).read([given])
        errors.raise_any()
        (spec,) = read
        if why := unserved(spec):
            raise ValueError(why)
        self._hand.fault(spec)
        return {"fault": spec.kind, "on": ", ".join(spec.names)}

    def _show(self, document: Document) -> Done:
        fill(_Show, document)
        now_us = self._world.now_us
        boxes = {
            name: {
                "state": box.pilot.value,
                "limit_ma": box.limit_ma if box.enable else 0,
                "offered_ma": box.pulse.offered_ma,
                "drawn_ma": max(box.flow.level(now_us)) // 1_000_000,
                "car": None if box.car is None else box.car.spec.name,
                "failsafe": box.idle.on,
            }
            for name, box in self._world.boxes.items()
        }
        return {"at": self._now(), "boxes": boxes}

    def _now(self) -> str:
        return self._play.clock.show(self._world.now_us)

    def _builder(self, errors: Errors) -> Builder:
        return Builder(self._play.site, WorldForm(), self._play.clock, LONGEST_US, errors)


def _sentence(error: Exception) -> str:
    """What was wrong; a request has no lines and columns that a person could look up."""
    found = error.args if isinstance(error, BadFile) else [error]
    parts = []
    for one in found:
        if isinstance(one, BadInput):
            _, field, problem = one.args
            field = str(field).removeprefix("faults[0].").removeprefix("faults[0]")
            parts.append(f"{field}: {problem}" if field else str(problem))
        else:
            parts.append(str(one))
    return "; ".join(parts)

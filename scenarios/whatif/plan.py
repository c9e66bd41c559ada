"""What a variation of a study is made of before it is built: the site and the truth as files say them, and who comes."""

from __future__ import annotations

from copy import deepcopy
from dataclasses import dataclass, field, replace

from chargebench.datasheets.quantity import show
from chargebench.datasheets.yamlfile import Loc, Place, Value
from chargebench.manager.site import TcpAddress
from chargebench.manager.site_file import parse_address
from chargebench.scenarios.whatif.form import MOST_BOXES, Park
from chargebench.scenarios.whatif.house import Load

Raw = dict[str | int, Value]
ROTATIONS = ("L1 L2 L3", "L2 L3 L1", "L3 L1 L2")
HOST = 150  # of the first box of a park, in 192.168.2.0/24
TELLS_HOUSE = ("grid supply", "consumption")
GRID_METER: Raw = {
    "name": "grid-meter",
    "device": "eastron-sdm630",
    "at": "192.168.2.100:502",
    "id": 101,
    "role": "grid supply",
}
FAILSAFE: Raw = {"after": "180 s", "current": "0 A"}


@dataclass(frozen=True, slots=True)
class Demand:
    """Who comes: how many a working day (None: as recorded), in cars of which year or later, and what the house draws."""

    cars_per_day: int | None = None
    cars_since: int = 0
    load: Load | None = None


@dataclass(slots=True)
class Plan:
    """A site as its file says it, the truth of the world as a scenario says it, and the demand. To be changed by knobs."""

    site: Raw
    truth: Raw = field(default_factory=dict)
    demand: Demand = field(default_factory=Demand)

    def copy(self) -> Plan:
        """One that may be changed."""
        return Plan(deepcopy(self.site), deepcopy(self.truth), self.demand)

    @property
    def boxes(self) -> list[Raw]:
        """The boxes of the site, as far as they are such."""
        evses = self.site.get("evses")
        return [one for one in evses if isinstance(one, dict)] if isinstance(evses, list) else []

    def connection(self) -> Raw:
        """The connection of the site."""
        found = self.site.get("connection")
        if not isinstance(found, dict):
            raise TypeError("expected a connection in the site")
        return found

    def keep_boxes(self, count: int) -> None:
        """The first ``count`` boxes; where there are fewer, the last one again at the addresses after its own."""
        boxes = self.boxes
        if count > MOST_BOXES:
            raise ValueError(f"expected at most {MOST_BOXES} boxes, got {count}")
        truth = self._truth("boxes")
        for name in [one.get("name") for one in boxes[count:]]:
            truth.pop(str(name), None)
        boxes = boxes[:count]
        while len(boxes) < count:
            boxes.append(self._another(boxes, truth))
        self.site["evses"] = list(boxes)

    def _another(self, boxes: list[Raw], truth: Raw) -> Raw:
        last, k = boxes[-1], len(boxes)
        box = deepcopy(last)
        name = f"box-{k + 1:02}"
        if name in [one.get("name") for one in boxes]:
            name = f"more-{k + 1:02}"
        box["name"] = name
        box["at"] = _next_address(last.get("at"))
        words = str(last.get("phases", ROTATIONS[0])).split()
        box["phases"] = " ".join([*words[1:], words[0]])
        if str(last.get("name")) in truth:
            truth[name] = deepcopy(truth[str(last.get("name"))])
        return box

    def _truth(self, part: str) -> Raw:
        found = self.truth.setdefault(part, {})
        return found if isinstance(found, dict) else {}

    def meters(self, on: bool) -> None:
        """Every box measures by itself what its car draws, or nothing measures it."""
        truth = self._truth("boxes")
        for box in self.boxes:
            if not on:
                box.pop("meter", None)
            elif "meter" in box:
                continue
            one = truth.setdefault(str(box.get("name")), {})
            if isinstance(one, dict):
                one["attached_meter"] = "on" if on else "off"

    def house_meter(self, on: bool) -> None:
        """A meter of the grid supply, on the network, or no meter that tells what the house draws."""
        meters = self.site.get("meters")
        known = [one for one in meters if isinstance(one, dict)] if isinstance(meters, list) else []
        if on and any(one.get("role") in TELLS_HOUSE for one in known):
            return
        kept: list[Value] = [one for one in known if one.get("role") not in TELLS_HOUSE]
        self.site["meters"] = [*kept, dict(GRID_METER)] if on else kept

    def rotate(self, on: bool) -> None:
        """Boxes of three phases are connected in turn, or all alike."""
        for k, box in enumerate(self.boxes):
            if len(str(box.get("phases", ROTATIONS[0])).split()) == 3:
                box["phases"] = ROTATIONS[k % 3 if on else 0]

    def set_demand(self, cars_per_day: int | None = None, cars_since: int | None = None) -> None:
        """So many cars a working day, or none that are older."""
        if cars_per_day is not None:
            self.demand = replace(self.demand, cars_per_day=cars_per_day)
        if cars_since is not None:
            self.demand = replace(self.demand, cars_since=cars_since)

    def set_load(self, pv_w: int | None = None, heat_pump_w: int | None = None) -> None:
        """So much on the roof, or such a heat pump."""
        load = self.demand.load or Load()
        if pv_w is not None:
            load = replace(load, pv_w=pv_w)
        if heat_pump_w is not None:
            load = replace(load, heat_pump_w=heat_pump_w)
        self.demand = replace(self.demand, load=load)


def park(form: Park) -> Plan:
    """The site of a park."""
    rating_ma, most_w = form.connection.fuse.rating, form.connection.max_total_power
    limit: Raw = {
        "max_total_power": show(rating_ma * 690 // 1000 if most_w is None else most_w, "W"),
        "voltage": "230 V",
        "house_max": show(form.connection.house_max, "mA"),
        "fuse": {"rating": show(rating_ma, "mA"), "curve": form.connection.fuse.curve},
    }
    boxes: list[Value] = []
    for k in range(form.boxes):
        box: Raw = {"name": f"box-{k + 1:02}", "device": "power-brain"}
        if k:
            box["at"] = f"192.168.2.{HOST + k}:4701"
        box |= {"phases": ROTATIONS[k % 3], "maximum": show(form.maximum, "mA")}
        box |= {"failsafe": dict(FAILSAFE), "boot": {"enable": "off"}}
        boxes.append(box)
    plan = Plan({"connection": limit, "evses": boxes})
    plan.meters(form.meters == "on")
    plan.house_meter(form.house_meter == "on")
    return plan


def _next_address(at: Value) -> str:
    """The host after this one in its network; after the master's own, the first of a park."""
    if not isinstance(at, str):
        return f"192.168.2.{HOST + 1}:4701"
    address = parse_address(at)
    if not isinstance(address, TcpAddress) or not address.host.rpartition(".")[2].isdecimal():
        raise ValueError(f"expected no more boxes than the site has, since there is no next address after {at}")
    head, _, last = address.host.rpartition(".")
    if int(last) >= 254:
        raise ValueError(f"expected no more boxes than the site has, since there is no next address after {at}")
    return f"{head}.{int(last) + 1}:{address.port}"


def everywhere(value: Value, place: Place, loc: Loc = ()) -> dict[Loc, Place]:
    """The places of a value that was put together: all of it stands at one."""
    found = {loc: place}
    parts = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    for name, part in parts:
        found |= everywhere(part, place, (*loc, name))
    return found

"""From the site that an installer typed in to the world that is there: as the site says, but for what the world says."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import TypeVar

from chargebench.datasheets.errors import UnknownName, suggest
from chargebench.datasheets.load import load
from chargebench.datasheets.model import Meter
from chargebench.emulator.devices.quirks import named
from chargebench.emulator.kinds import kind_of_sheet
from chargebench.emulator.manner import POWER_BRAIN, Manner
from chargebench.emulator.spec import (
    ALL_BOXES,
    ROOF,
    At,
    BoxSpec,
    CarSpec,
    CircuitSpec,
    ConnectionSpec,
    HouseSpec,
    LineAt,
    MeterSpec,
    TcpAt,
    WorldSpec,
)
from chargebench.manager.circuits import Circuits
from chargebench.manager.site import Address, Box, HouseMeter, Site
from chargebench.manager.site_file import address_of
from chargebench.scenarios.errors import Errors
from chargebench.scenarios.fleet import known_car, rated_ma
from chargebench.scenarios.form import (
    MODELS_MA,
    AnyCar,
    BoxTruth,
    CarVisit,
    House,
    MeterTruth,
    Roof,
    Step,
    Switched,
    World,
)
from chargebench.scenarios.gateways import lines_behind, place
from chargebench.scenarios.moments import Clock

T = TypeVar("T")
INTERNAL_AT = TcpAt("localhost", 4701)
LEAST_BAUD = 300  # the slowest that a port is made for


class Builder:
    """Builds a world; what cannot be built goes to ``problems``, with its place, so that all errors come at once."""

    def __init__(self, site: Site, form: World, clock: Clock, end_us: int, problems: Errors) -> None:
        self.site, self.form, self.clock, self.end_us, self.problems = site, form, clock, end_us, problems
        self._behind = lines_behind(form)

    def world(self) -> WorldSpec:
        """The whole world, without its faults."""
        boxes = tuple(self.box(box) for box in self.site.boxes)
        meters = self.meters()
        self._refuse_unknown("boxes", self.form.boxes, [box.name for box in boxes])
        self._refuse_unknown("meters", self.form.meters, [meter.name for meter in meters])
        return WorldSpec(
            connection=self.connection(),
            boxes=boxes,
            meters=meters,
            cars=self.cars([box.name for box in boxes]),
            house=self.house(self.form.house),
            roof=self.roof(self.form.roof),
            circuits=self.circuits(),
        )

    def circuits(self) -> tuple[CircuitSpec, ...]:
        """Circuits as the site says, each with all boxes that it feeds, over others too."""
        tree, site = Circuits(self.site), self.site
        return tuple(
            CircuitSpec(
                one.name, one.limit_ma, tuple(box.name for box in site.boxes if tree.feeds(one.name, box.circuit))
            )
            for one in site.circuits
        )

    def connection(self) -> ConnectionSpec:
        said, truth = self.site.connection, self.form.fuse
        rating_ma, curve = truth.rating, truth.curve
        if said.fuse is not None:
            rating_ma, curve = rating_ma or said.fuse.rating_ma, curve or said.fuse.curve
        if truth.rating == 0:
            self.problems.add(("world", "fuse", "rating"), "expected a fuse of more than 0 A")
        return ConnectionSpec(said.limit_ma, said.voltage_mv, rating_ma, curve or "gG", truth.opens)

    def box(self, said: Box) -> BoxSpec:
        truth = self.form.boxes.get(said.name, BoxTruth())
        max_ma = MODELS_MA[truth.model] if truth.model else 16_000 if said.maximum_ma <= 16_000 else 32_000
        boot_ma = _first(truth.def_charging_cur_limit, said.boot_ma, max_ma)
        boot_on = truth.def_charging_enable == "on" if truth.def_charging_enable else said.boot_enable is not False
        standard = BoxSpec(said.name, said.device, INTERNAL_AT)
        manner = _manner(said.device)
        on, off = self._quirks(("world", "boxes", said.name, "quirks"), said.device, truth.quirks, manner.quirks)
        return BoxSpec(
            name=said.name,
            device=said.device,
            at=self._at(("world", "boxes", said.name, "at"), truth.at, self.place(said.address), said.device),
            unit=_first(truth.id, said.unit),
            wiring=_first(truth.phases, said.phases),
            max_ma=max_ma,
            cable_ma=_first(truth.cable, standard.cable_ma),
            failsafe_us=_first(truth.fail_safe_duration, said.failsafe_us, manner.failsafe_us),
            failsafe_ma=_first(truth.fail_safe_current, said.failsafe_ma, manner.failsafe_ma),
            boot_limit_ma=boot_ma,
            boot_enable=boot_on,
            profile=truth.failsafe_ends,
            attached=truth.attached_meter == "on",
            turnaround_us=_first(truth.turnaround, standard.turnaround_us),
            write_latency_us=_first(truth.write_latency, manner.latency_us, standard.write_latency_us),
            boot_us=_first(truth.boot_time, manner.boot_us, standard.boot_us),
            quirks=on,
            without=off,
        )

    def meters(self) -> tuple[MeterSpec, ...]:
        found = []
        for box in self.site.boxes:
            if box.meter is not None:
                spec = MeterSpec(
                    f"{box.name}-meter", box.meter.device, self.place(box.meter.address), box.meter.unit, box.name
                )
                found.append(self.meter(spec))
        for meter in self.site.meters:
            at = self.place(meter.address)
            spec = MeterSpec(meter.name, meter.device, at, meter.unit, _measures(meter), meter.phases)
            found.append(self.meter(spec))
        return tuple(found)

    def meter(self, said: MeterSpec) -> MeterSpec:
        truth, block = self.form.meters.get(said.name, MeterTruth()), _block(said.device)
        on, off = self._quirks(
            ("world", "meters", said.name, "quirks"), said.device, truth.quirks, _quirks_of(said.device)
        )
        if truth.accuracy == "class" and (block is None or not block.accuracy):
            loc = ("world", "meters", said.name, "accuracy")
            self.problems.add(loc, f"expected a percentage, such as -1 %: the sheet of {said.device} tells no class")
        return MeterSpec(
            name=said.name,
            device=said.device,
            at=self._at(("world", "meters", said.name, "at"), truth.at, said.at or INTERNAL_AT, said.device),
            unit=_first(truth.id, said.unit),
            measures=said.measures,
            wiring=_first(truth.phases, said.wiring),
            interval_us=_first(truth.interval, None if block is None else block.interval_us, said.interval_us),
            offset_us=_first(truth.offset, said.offset_us),
            pulses_per_kwh=_first(truth.pulses_per_kwh, said.pulses_per_kwh),
            turnaround_us=_first(truth.turnaround, said.turnaround_us),
            accuracy=_first(truth.accuracy, said.accuracy),
            quirks=on,
            without=off,
        )

    def house(self, form: House | None) -> HouseSpec:
        if form is None:
            return HouseSpec()
        steps = self._steps(form.load, form.phases, form.power_factor, ("world", "house", "load"))
        return HouseSpec(steps, form.power_factor)

    def roof(self, form: Roof | None) -> HouseSpec:
        return HouseSpec(() if form is None else self._steps(form.makes, form.phases, 1000, ("world", "roof", "makes")))

    def _steps(
        self, load: Sequence[Step], phases: tuple[int, ...], power_factor: int, loc: tuple[str, ...]
    ) -> tuple[tuple[int, tuple[int, int, int]], ...]:
        """The steps that stand at ``loc``, in mA of each phase."""
        steps: list[tuple[int, tuple[int, int, int]]] = []
        for index, (moment, (unit, amount)) in enumerate(load):
            at_us = self.clock.since_start(moment)
            if at_us < 0:
                self.problems.add((*loc, index), self.clock.misses(at_us, self.end_us))
                continue
            if steps and at_us <= steps[-1][0]:
                self.problems.add((*loc, index), "expected a later time than the one before")
                continue
            each = amount if unit == "mA" else house_ma(amount, len(phases), self._voltage(), power_factor)
            l1, l2, l3 = (each if phase in phases else 0 for phase in range(3))
            steps.append((at_us, (l1, l2, l3)))
        return tuple(steps)

    def cars(self, boxes: Sequence[str]) -> tuple[CarSpec, ...]:
        found: list[CarSpec] = []
        for index, visit in enumerate(self.form.cars):
            loc = ("world", "cars", index)
            if visit.plugs not in boxes:
                self.problems.add((*loc, "plugs"), str(UnknownName("box", visit.plugs, tuple(boxes))))
            spec = self.car(visit, loc)
            if spec is None:
                continue
            if spec.name in [other.name for other in found]:
                self.problems.add(loc, f"expected a name of its own (as: …), and there is another car {spec.name}")
            found.append(spec)
        self._refuse_overlaps(found)
        return tuple(found)

    def car(self, visit: CarVisit, loc: tuple[str | int, ...]) -> CarSpec | None:
        try:
            phases, max_ma, name = _charger(visit.car, self._voltage())
        except (ValueError, LookupError) as error:
            self.problems.add((*loc, "car"), str(error))
            phases, max_ma, name = 1, 1_000, str(visit.car)  # so that all that is said of it elsewhere is no mistake
        if max_ma == 0:
            self.problems.add((*loc, "car"), "expected a car that takes at least 1 A")
        name = visit.as_ or name
        if not name:
            self.problems.add(loc, "expected a name for this car, such as as: guest")
            return None
        plugs_us = self.clock.since_start(visit.at)
        leaves_us = None if visit.leaves is None else self.clock.since_start(visit.leaves)
        if problem := self.clock.misses(plugs_us, self.end_us):
            self.problems.add((*loc, "at"), problem)
        elif leaves_us is not None and leaves_us <= plugs_us:
            self.problems.add((*loc, "leaves"), "expected a later time than the one at which the car plugs in")
        return CarSpec(
            name=name,
            box=visit.plugs,
            plugs_us=plugs_us,
            leaves_us=leaves_us,
            phases=phases,
            max_ma=max_ma,
            wanted_wh=visit.wants,
            minimum_ma=visit.minimum,
            below_ma=visit.below,
            delay_us=visit.delay,
            ramp_ma_per_s=visit.ramp,
            sleeps=visit.sleeps == "on",
        )

    def _quirks(
        self, loc: tuple[str, ...], device: str, switched: Sequence[Switched], known: Sequence[str]
    ) -> tuple[tuple[str, ...], tuple[str, ...]]:
        """The quirks that are switched on, and those that are switched off."""
        for one in switched:
            if one.name not in known:
                due = (
                    f"one of {', '.join(known)}, which {device} has"
                    if known
                    else f"none, for {device} has none by name"
                )
                self.problems.add((*loc, one.place), f"expected {due}, got {one.name!r}", key=one.place == one.name)
        right = [one for one in switched if one.name in known]
        return tuple(one.name for one in right if one.on), tuple(one.name for one in right if not one.on)

    def _refuse_overlaps(self, cars: Sequence[CarSpec]) -> None:
        last: dict[str, CarSpec] = {}
        for index, car in enumerate(cars):
            before = last.get(car.box)
            if before is not None and (before.leaves_us is None or before.leaves_us >= car.plugs_us):
                problem = f"expected a box that is free, and {before.name} is still plugged in at {car.box}"
                self.problems.add(("world", "cars", index, "plugs"), problem)
            last[car.box] = car

    def _refuse_unknown(self, field: str, given: Iterable[str], known: Sequence[str]) -> None:
        one = {"boxes": "box", "meters": "meter"}[field]
        for name in given:
            if name not in known:
                self.problems.add(("world", field, name), f"unknown {one} {name!r}{suggest(name, known)}", key=True)

    def _at(self, loc: tuple[str, ...], said: str | None, standard: At, device: str) -> At:
        if said is None:
            return standard
        try:
            found = place(address_of(said, device))
        except ValueError as error:
            self.problems.add(loc, str(error))
            return standard
        if isinstance(found, LineAt) and found.baud < LEAST_BAUD:
            self.problems.add(loc, f"expected a line of at least {LEAST_BAUD} baud, got {found.baud}")
        return found

    def place(self, address: Address) -> At:
        """Where a device is that the site looks for at ``address``: there, or on the line behind the gateway there."""
        at = place(address)
        return self._behind.get(at, at)

    def _voltage(self) -> int:
        return self.site.connection.voltage_mv


def house_ma(power_w: int, phases: int, voltage_mv: int, power_factor_permille: int) -> int:
    """The current on each of ``phases`` that a house load causes; rounded up, since it is counted as drawn."""
    return -(-power_w * 1_000_000_000 // (phases * voltage_mv * power_factor_permille))


def _charger(kind: str | AnyCar, voltage_mv: int) -> tuple[int, int, str]:
    if isinstance(kind, str):
        sheet = known_car(kind)
        return sheet.phases, rated_ma(sheet.ac_max_w, sheet.phases, voltage_mv), kind
    if (kind.power is None) == (kind.current is None):
        raise ValueError("expected either a power or a current, such as {phases: 3, power: 11 kW}")
    if kind.current is not None:
        return kind.phases, kind.current, ""
    return kind.phases, rated_ma(kind.power or 0, kind.phases, voltage_mv), ""


def _manner(device: str) -> Manner:
    """The ways of a box; of one that cannot be built, which is told elsewhere, those of a Power Brain."""
    try:
        return kind_of_sheet(load(device)).manner
    except LookupError:
        return POWER_BRAIN


def _quirks_of(device: str) -> tuple[str, ...]:
    """The quirks of a meter by name."""
    try:
        return named(load(device))
    except LookupError:
        return ()


def _block(device: str) -> Meter | None:
    """What the sheet of a meter says that it measures; None where that is not known."""
    try:
        return load(device).meter
    except LookupError:
        return None


def _measures(meter: HouseMeter) -> str:
    return {"grid supply": "connection", "generation": ROOF, "consumption of cars": ALL_BOXES}.get(meter.role, "house")


def _first(*given: T | None) -> T:
    """The first that is said; the last always is."""
    return next(one for one in given if one is not None)

"""What of the world answers on wires: devices behind units, units behind servers, and in whose case each server sits."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace

from chargebench.datasheets.model import Datasheet
from chargebench.emulator.accuracy import SeenFlow, of_class, of_percentage
from chargebench.emulator.actions import Tamper
from chargebench.emulator.ascii import COLON, GREATER, Speech
from chargebench.emulator.box import Box
from chargebench.emulator.clients import Bearing
from chargebench.emulator.device import Device
from chargebench.emulator.devices.contacts import ContactDevice
from chargebench.emulator.devices.measured import meter_device
from chargebench.emulator.devices.odd_answers import by_unit, odd_answers
from chargebench.emulator.devices.quirks import ANSWERS_WITH_GT, at_work, named, usual
from chargebench.emulator.devices.registers import Clock, Hooks, SheetDevice
from chargebench.emulator.devices.s0 import PulseMeter, s0_meter
from chargebench.emulator.devices.sdm630 import sdm630
from chargebench.emulator.flow import Flow
from chargebench.emulator.kinds import Parts, Sheets, kind_of, serial
from chargebench.emulator.meter import Meter, PhaseMeter, Source
from chargebench.emulator.spec import At, BoxSpec, LineAt, MeterSpec, TcpAt, WorldSpec
from chargebench.emulator.streams import Streams


@dataclass(frozen=True, slots=True)
class Member:
    """A device by name, and its unit id. ``owner``: the box in whose case it sits, else itself."""

    name: str
    unit: int
    owner: str


@dataclass(frozen=True, slots=True)
class Server:
    """What answers at one address: devices by unit id, whose they are, and what of clients it bears; in ASCII mode ``lead``
    begins its answers. ``odd``: what becomes of the answers of units with quirks.
    """

    name: str
    at: At
    units: dict[int, Device]
    turnaround_us: int
    members: tuple[Member, ...]
    bears: Bearing = field(default_factory=Bearing)
    lead: bytes = COLON
    odd: Mapping[int, Tamper] = field(default_factory=dict)

    @property
    def tamper(self) -> Tamper | None:
        """What becomes of its answers."""
        return by_unit(self.odd)

    @property
    def speech(self) -> Speech:
        """How it frames its answers, where it is on a line."""
        return Speech(self.at.mode, self.lead) if isinstance(self.at, LineAt) else Speech()


@dataclass(frozen=True, slots=True)
class Around:
    """What a device needs around it. ``sheets``: datasheets by name; ``source``: what flows at a place; ``hooks``: whom an
    access to a box or meter concerns; ``streams``: what the seed draws.
    """

    sheets: Sheets
    source: Callable[[str], Source]
    clock: Clock
    hooks: Callable[[str], Hooks]
    streams: Streams


@dataclass(slots=True)
class Plant:
    """All meters and devices by name, and the servers."""

    meters: dict[str, Meter] = field(default_factory=dict)
    devices: dict[str, SheetDevice] = field(default_factory=dict)
    servers: tuple[Server, ...] = ()


def build_plant(spec: WorldSpec, boxes: Mapping[str, Box], around: Around) -> Plant:
    """Everything that answers. ``LookupError`` for a device that is not known here, ``ValueError`` for what cannot be."""
    plant = Plant()
    servers: list[Server] = []
    for number, box in enumerate(spec.boxes):
        made = kind_of(box, around.sheets)
        meter = _built_in(box, around) if made.metered else _attached(spec, box, plant, around)
        sheet, hooks = around.sheets(box.device), around.hooks(box.name)
        device = made.device(Parts(sheet, boxes[box.name], number, meter, around.clock, hooks))
        plant.devices[box.name] = device
        servers.append(_box_server(boxes[box.name], device, _bearing(boxes[box.name], device, sheet, hooks)))
    for number, one in enumerate(spec.meters):
        _refuse_unmeasured(one, around.sheets)
        if one.at is not None:
            device = _meter(one, number, plant, around)
            member = Member(one.name, one.unit, _owner(spec, one))
            odd = _odd(one.unit, _quirks(one, around))
            servers.append(Server(one.name, one.at, {one.unit: device}, one.turnaround_us, (member,), odd=odd))
        elif one.name not in plant.meters:
            raise ValueError(f"meter {one.name} has no address, so it must measure a box and be attached to it")
    for module in spec.modules:
        switched = ContactDevice(module, around.clock)
        member = Member(module.name, module.unit, module.name)
        servers.append(Server(module.name, module.at, {module.unit: switched}, module.turnaround_us, (member,)))
    plant.servers = _merged(servers)
    return plant


def _refuse_unmeasured(spec: MeterSpec, sheets: Sheets) -> None:
    """``LookupError`` for what no meter can be made of."""
    try:
        sheet = sheets(spec.device)
    except LookupError as error:
        raise LookupError(f"{spec.name}: {error}") from error
    if sheet.kind != "meter":
        raise LookupError(f"{spec.name}: {spec.device} is no meter")
    if sheet.meter is None:
        raise LookupError(f"{spec.name}: the datasheet of {spec.device} does not tell what it measures")


def _built_in(box: BoxSpec, around: Around) -> PhaseMeter:
    """The meter in a box's own case."""
    if box.attached:
        raise ValueError(f"box {box.name}: {box.device} has its meter built in, so none is attached to it")
    return PhaseMeter(MeterSpec(box.name, "", None, 0, box.name), around.source(box.name))


def _attached(spec: WorldSpec, box: BoxSpec, plant: Plant, around: Around) -> PhaseMeter | None:
    """The Modbus meter behind a box's own registers: as a meter without an address says, else a plain one."""
    if not box.attached:
        return None
    own = [one for one in spec.meters if one.at is None and one.measures == box.name]
    wired = MeterSpec(f"{box.name}-meter", "", None, 0, box.name)
    meter = PhaseMeter(own[0], _seen(own[0], around)) if own else PhaseMeter(wired, around.source(box.name))
    plant.meters[meter.spec.name] = meter
    return meter


def _meter(spec: MeterSpec, number: int, plant: Plant, around: Around) -> SheetDevice:
    sheet, source, hooks = around.sheets(spec.device), _seen(spec, around), around.hooks(spec.name)
    if spec.device == "power-brain-s0":
        pulses = PulseMeter(spec, source)
        plant.meters[spec.name] = pulses
        device = s0_meter(sheet, pulses, serial(number), around.clock, hooks)
    else:
        quirks = _quirks(spec, around)
        sheet = at_work(sheet, quirks)
        inputs = spec.wiring[: sheet.meter.phases] if sheet.meter else spec.wiring
        phases = PhaseMeter(replace(spec, wiring=inputs), source)
        plant.meters[spec.name] = phases
        make = sdm630 if spec.device == "eastron-sdm630" else meter_device
        device = make(sheet, phases, number, around.clock, hooks, quirks)
    plant.devices[spec.name] = device
    return device


def _quirks(spec: MeterSpec, around: Around) -> tuple[str, ...]:
    """The quirks of a meter that are at work."""
    sheet = around.sheets(spec.device)
    known = usual(sheet)
    if strange := [one for one in (*spec.quirks, *spec.without) if one not in named(sheet)]:
        raise ValueError(f"meter {spec.name}: {spec.device} has no quirk {strange[0]}")
    return tuple(one for one in named(sheet) if one in spec.quirks or (one in known and one not in spec.without))


def _seen(spec: MeterSpec, around: Around) -> Source:
    """What flows at the place of a meter, as that meter sees it. ``LookupError`` where it has no class to be as good as."""
    source = around.source(spec.measures)
    if not spec.accuracy:
        return source
    assert isinstance(source.flow, Flow), f"what {spec.name} measures is seen by it alone"
    if spec.accuracy == "class":
        block = around.sheets(spec.device).meter
        errors = of_class(block.accuracy if block is not None else "", spec.name, around.streams)
    else:
        errors = of_percentage(spec.accuracy)
    return replace(source, flow=SeenFlow(source.flow, errors))


def _owner(spec: WorldSpec, meter: MeterSpec) -> str:
    """The box whose S0 input this is: the one at the same host, on a line the one that it measures; else itself."""
    if meter.device != "power-brain-s0":
        return meter.name
    for box in spec.boxes:
        at, its = meter.at, box.at
        same_host = isinstance(at, TcpAt) and isinstance(its, TcpAt) and at.host == its.host
        same_line = not isinstance(at, TcpAt) and not isinstance(its, TcpAt) and box.name == meter.measures
        if same_host or same_line:
            return box.name
    return meter.name


def _box_server(box: Box, device: SheetDevice, bears: Bearing) -> Server:
    spec = box.spec
    member = Member(spec.name, spec.unit, spec.name)
    units = {**device.also, spec.unit: device}
    lead = GREATER if ANSWERS_WITH_GT in box.quirks else COLON
    return Server(spec.name, spec.at, units, spec.turnaround_us, (member,), bears, lead, _odd(spec.unit, box.quirks))


def _odd(unit: int, quirks: Sequence[str]) -> dict[int, Tamper]:
    tamper = odd_answers(quirks)
    return {} if tamper is None else {unit: tamper}


def _bearing(box: Box, device: SheetDevice, sheet: Datasheet, hooks: Hooks) -> Bearing:
    """What a box bears of clients; where one too many makes it crash, it restarts."""

    def crash(at_us: int) -> None:
        device.advance(at_us)
        box.restart(at_us)
        hooks.done(at_us)

    return Bearing(sheet.tcp, lambda: box.idle.after_us, crash)


def _merged(servers: list[Server]) -> tuple[Server, ...]:
    """Units at one TCP address behind one server; on a line each stays a slave of its own, also two with one unit id."""
    kept: list[Server] = []
    for server in servers:
        twin = next((k for k, one in enumerate(kept) if isinstance(one.at, TcpAt) and one.at == server.at), None)
        if twin is None:
            kept.append(server)
            continue
        if both := [unit for unit in server.units if unit in kept[twin].units]:
            raise ValueError(f"{kept[twin].name} and {server.name} are both unit {both[0]} at one address")
        units = {**kept[twin].units, **server.units}
        odd = {**kept[twin].odd, **server.odd}
        kept[twin] = replace(kept[twin], units=units, members=kept[twin].members + server.members, odd=odd)
    return tuple(kept)

"""The site file: what an installer types into the master, from YAML to ``Site``, with every error of the file at once."""

from __future__ import annotations

import re
from dataclasses import replace
from pathlib import Path
from typing import Annotated, Final, Literal

from pydantic import AfterValidator, Field

from chargebench.datasheets.forms import Current, Duration, Form, Name, Phases, Power, Voltage, fill
from chargebench.datasheets.load import load, names
from chargebench.datasheets.quantity import show
from chargebench.datasheets.yamlfile import Document, Problems, read_yaml
from chargebench.manager.circuits_file import CircuitForm, FuseForm, circuits, unknown
from chargebench.manager.gateways_file import Behind, GatewayForm
from chargebench.manager.inputs_file import InputForm, Total, TotalPower, inputs
from chargebench.manager.licence import MOST_SLAVES, licensed, surplus_slaves, third_party
from chargebench.manager.orders_file import Dimming, DimmingForm, Spare, hours, surplus
from chargebench.manager.phases_file import switch_us
from chargebench.manager.site import (
    Address,
    Box,
    BoxMeter,
    Connection,
    HouseMeter,
    Mode,
    Policy,
    Role,
    SerialAddress,
    Site,
    TcpAddress,
)
from chargebench.manager.units import per_phase_ma

INTERNAL_PORT = 4701
_LABEL = "[A-Za-z0-9](?:[A-Za-z0-9-]{0,61}[A-Za-z0-9])?"
_TCP = re.compile(rf"({_LABEL}(?:\.{_LABEL})*):([0-9]{{1,5}})", re.ASCII)
_NUMBERS = re.compile(r"[0-9.]+", re.ASCII)
_SERIAL = re.compile(r"([A-Za-z][A-Za-z0-9_-]{0,30}),([0-9]{3,7}),([78]),([neoNEO]),([12])(,ascii|,ASCII)?", re.ASCII)


def parse_address(text: str) -> Address:
    """``192.168.2.151:4701``, ``COM1,9600,8,n,1`` or ``COM1,38400,8,e,1,ascii``; ``ValueError`` says what was expected."""
    example = "expected an address such as 192.168.2.151:4701 or COM1,9600,8,n,1"
    if (tcp := _TCP.fullmatch(text)) and len(tcp[1]) <= 253:
        if not 1 <= int(tcp[2]) <= 65535:
            raise ValueError(f"{example}, with a port from 1 to 65535, got {text[:60]!r}")
        if _NUMBERS.fullmatch(tcp[1]) and not _is_ip4(tcp[1]):
            raise ValueError(f"{example}, with four numbers from 0 to 255 before the port, got {text[:60]!r}")
        return TcpAddress(tcp[1], int(tcp[2]))
    if serial := _SERIAL.fullmatch(text):
        parity: Literal["N", "E", "O"] = {"n": "N", "e": "E", "o": "O"}[serial[4].lower()]  # type: ignore[assignment]
        mode: Mode = "ascii" if serial[6] else "rtu"
        return SerialAddress(serial[1], int(serial[2]), int(serial[3]), parity, int(serial[5]), mode)
    raise ValueError(f"{example}, got {text[:60]!r}")


def address_of(text: str, device: str) -> Address:
    """The address as this device is reached there: in ASCII mode, too, where it speaks no other on a line."""
    address = parse_address(text)
    if isinstance(address, TcpAddress) or device not in names():
        return address
    ways = load(device).transports
    return replace(address, mode="ascii") if "ascii" in ways and "rtu" not in ways else address


def _is_ip4(host: str) -> bool:
    numbers = host.split(".")
    return len(numbers) == 4 and all(len(one) <= 3 and int(one) <= 255 for one in numbers)


def _address(text: str) -> str:
    parse_address(text)
    return text


def _factor(value: int) -> int:
    if value == 0 or abs(value) > FACTOR_MOST:
        raise ValueError(f"expected a whole number from 1 to {FACTOR_MOST}, or below 0 to turn signs, got {value}")
    return value


FACTOR_MOST: Final = 1_000
Factor = Annotated[int, AfterValidator(_factor)]
At = Annotated[str, AfterValidator(_address)]
UnitId = Annotated[int, Field(ge=1, le=255)]
"""Of a device at a TCP address; on a serial line they end at ``LINE_UNIT_MOST``."""

LINE_UNIT_MOST: Final = 247
Port = Annotated[int, Field(ge=1, le=65535)]


class ConnectionForm(Form):
    """``connection:`` of a site."""

    max_total_power: TotalPower
    max_total_evse_power: TotalPower | None = None
    reserve: Power = 0
    voltage: Voltage = 230_000
    house_max: Current = 0
    fuse: FuseForm | None = None


class FailsafeForm(Form):
    """``failsafe: {after: 180 s, current: 6 A}``: what the box does when nobody speaks to it."""

    after: Duration
    current: Current


class BootForm(Form):
    """``boot: {limit: 6 A, enable: off}``: what the box does after it has restarted."""

    limit: Current | None = None
    enable: Literal["on", "off"] | None = None


class BoxMeterForm(Form):
    """``meter:`` of a box: on the box's own host or line where ``at`` is left out."""

    device: Name
    id: UnitId
    at: At | None = None
    port: Port | None = None


class BoxForm(Form):
    """One EVSE of a site. Without ``at`` it is the internal one."""

    name: Name
    device: Name
    id: UnitId = 1
    at: At | None = None
    phases: Phases = (0, 1, 2)
    minimum: Current = 6_000
    maximum: Current = 16_000
    priority: Annotated[int, Field(ge=0, le=99)] = 1
    meter: BoxMeterForm | None = None
    failsafe: FailsafeForm | None = None
    boot: BootForm | None = None
    circuit: Name | None = None
    cable: Current | None = None
    charge_enabled: Literal["on", "off"] = "on"
    observation: Literal["on", "off"] = "off"
    phase_switching: Literal["on", "off"] = "off"


class MeterForm(Form):
    """One meter of the house."""

    name: Name
    device: Name
    id: UnitId
    at: At
    role: Role
    phases: Phases = (0, 1, 2)
    factor: Factor = 1


class SiteForm(Form):
    """A whole site file, or the ``site:`` of a scenario. ``load_management`` that is off observes, as in the product."""

    connection: ConnectionForm
    evses: Annotated[tuple[BoxForm, ...], Field(min_length=1)]
    meters: tuple[MeterForm, ...] = ()
    circuits: tuple[CircuitForm, ...] = ()
    imbalance: Current | None = None
    dimming: Dimming | None = None
    surplus: Spare = ()
    inputs: tuple[InputForm, ...] = ()
    gateways: tuple[GatewayForm, ...] = ()
    load_management: Literal["on", "observation", "off"] = "on"
    policy: Policy = "fair"
    licences: Annotated[int, Field(ge=0, le=99)] = 0


def read_site(path: str | Path) -> Site:
    """A site file; ``BadInput`` or ``BadFile`` with all that is wrong in it."""
    document = read_yaml(path)
    return build(fill(SiteForm, document), document)


def build(form: SiteForm, document: Document, loc: tuple[str | int, ...] = ()) -> Site:
    """The site that a form means; ``loc`` is where the form stands in ``document``."""
    problems = Problems(document)
    boxes = tuple(_box(box, (*loc, "evses", k), problems) for k, box in enumerate(form.evses))
    tree = circuits(form.circuits, form.connection.voltage, (*loc, "circuits"), problems)
    called = [circuit.name for circuit in tree]
    for k, evse in enumerate(form.evses):
        if evse.circuit is not None and evse.circuit not in called:
            problems.add((*loc, "evses", k, "circuit"), unknown(evse.circuit, called))
    meters = tuple(
        HouseMeter(one.name, one.device, address_of(one.at, one.device), one.id, one.role, one.phases, one.factor)
        for one in form.meters
    )
    _names(form, loc, problems)
    for k, box in enumerate(boxes):
        _unit(box.address, box.unit, (*loc, "evses", k), problems)
        if box.meter is not None:
            _unit(box.meter.address, box.meter.unit, (*loc, "evses", k, "meter"), problems)
    for k, meter in enumerate(meters):
        _unit(meter.address, meter.unit, (*loc, "meters", k), problems)
    internal = [k for k, box in enumerate(form.evses) if box.at is None]
    for k in internal[1:]:
        problems.add((*loc, "evses", k), "expected an address (at), since the internal EVSE stands above already")
    for k in surplus_slaves(boxes):
        problems.add((*loc, "evses", k), f"expected at most {MOST_SLAVES} slave EVSEs, this is one more")
    dimmed = hours(form.dimming, (*loc, "dimming"), problems)
    spare = surplus(form.surplus, (*loc, "surplus"), problems)
    read = inputs(form.inputs, boxes, parse_address, (*loc, "inputs"), problems)
    behind = Behind(form.gateways, parse_address, (*loc, "gateways"), problems)
    boxes, meters = behind.boxes(boxes), behind.meters(meters)
    behind.refuse_inputs(read)
    problems.raise_any()
    boxes = _licensed(boxes, form.licences)
    managed = form.load_management == "on"
    site = Site(_connection(form.connection), boxes, meters, managed, document.name, form.licences, form.policy, tree)
    return replace(
        site,
        imbalance_ma=form.imbalance,
        dimming=dimmed,
        surplus=spare,
        inputs=read,
        dimming_input=form.dimming.input if isinstance(form.dimming, DimmingForm) else None,
        surplus_input=form.surplus.power() if isinstance(form.surplus, Total) else None,
    )


def _unit(address: Address, unit: int, loc: tuple[str | int, ...], problems: Problems) -> None:
    if not isinstance(address, TcpAddress) and unit > LINE_UNIT_MOST:
        problems.add((*loc, "id"), f"expected at most {LINE_UNIT_MOST} on a serial line, got {unit}")


def _licensed(boxes: tuple[Box, ...], licences: int) -> tuple[Box, ...]:
    """The boxes, each with whether it may be managed; a device that is not known is somebody else's complaint."""
    known = names()
    foreign = third_party([box for box in boxes if box.device in known], load)
    allowed = iter(licensed(foreign, licences))
    return tuple(replace(box, licensed=next(allowed)) if box.device in known else box for box in boxes)


def _names(form: SiteForm, loc: tuple[str | int, ...], problems: Problems) -> None:
    seen: dict[str, str] = {}
    for kind, called in (("evses", [one.name for one in form.evses]), ("meters", [one.name for one in form.meters])):
        for k, name in enumerate(called):
            if name in seen:
                problems.add((*loc, kind, k, "name"), f"expected a name of its own, {name} is one of the {seen[name]}")
            seen.setdefault(name, kind)


def _connection(form: ConnectionForm) -> Connection:
    own = form.max_total_evse_power
    return Connection(
        max_total_power_w=form.max_total_power.most_w,
        limit_ma=per_phase_ma(form.max_total_power.most_w, form.voltage),
        evse_ma=None if own is None else per_phase_ma(own.most_w, form.voltage),
        reserve_ma=per_phase_ma(form.reserve, form.voltage),
        voltage_mv=form.voltage,
        house_max_ma=form.house_max,
        fuse=None if form.fuse is None else form.fuse.fuse(),
        limit_input=form.max_total_power.switched(form.voltage),
        evse_input=None if own is None else own.switched(form.voltage),
    )


def _box(form: BoxForm, loc: tuple[str | int, ...], problems: Problems) -> Box:
    address = TcpAddress("localhost", INTERNAL_PORT) if form.at is None else address_of(form.at, form.device)
    if form.minimum > form.maximum:
        problems.add((*loc, "minimum"), "expected at most the maximum of the box")
    elif form.cable is not None and form.minimum > form.cable:
        problems.add((*loc, "cable"), f"expected at least the minimum of the box, {show(form.minimum, 'mA')}")
    if form.at is None and form.device != "power-brain":
        problems.add((*loc, "device"), "expected power-brain for the internal EVSE, or an address (at)")
    boot = form.boot or BootForm()
    return Box(
        name=form.name,
        device=form.device,
        address=address,
        unit=form.id,
        phases=form.phases,
        internal=form.at is None,
        minimum_ma=form.minimum,
        maximum_ma=form.maximum if form.cable is None else min(form.maximum, form.cable),
        priority=form.priority,
        meter=None if form.meter is None else _box_meter(form.meter, address, loc, problems),
        failsafe_us=None if form.failsafe is None else form.failsafe.after,
        failsafe_ma=None if form.failsafe is None else form.failsafe.current,
        boot_ma=boot.limit,
        boot_enable=None if boot.enable is None else boot.enable == "on",
        circuit=form.circuit or "",
        enabled=form.charge_enabled == "on",
        observed=form.observation == "on",
        switch_us=switch_us(form.device, form.phases, (*loc, "phase_switching"), problems)
        if form.phase_switching == "on"
        else None,
    )


def _box_meter(form: BoxMeterForm, box: Address, loc: tuple[str | int, ...], problems: Problems) -> BoxMeter:
    address = box if form.at is None else address_of(form.at, form.device)
    if form.port is not None:
        if isinstance(address, TcpAddress) and form.at is None:
            address = TcpAddress(address.host, form.port)
        else:
            problems.add((*loc, "meter", "port"), "expected only where the meter is reached at the host of its box")
    return BoxMeter(form.device, address, form.id)

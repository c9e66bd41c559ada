"""The format of a datasheet: what its file must look like, and the values made of it.

A sheet is one YAML file for one device; a register is one flow mapping on one line. Addresses are PDU addresses, from 0.
Numbers of a line (``range``, ``step``, ``default``, golden values) count in the line's own ``unit``; enumerations count
raw. Where a line names an ``exponent``, its values are raw * scale * 10**e with the e that this register holds, and a
golden line of it says which. A device with several logical devices names them in ``parts`` and says in ``on`` which of
them have a register; ``part`` is the one that the sheet stands for, and a sheet that is ``like`` it stands for another.

``words: little`` puts the low word first, ``bytes: little`` the low byte of each word. Text is two characters a word, one
(``wide``), or bytes told as hexadecimal digits (``hex``). The blocks ``states`` to ``timing`` tell how the device behaves
(``behaviour_form.py``); states, control and watchdog are those of ``part``.
"""

from __future__ import annotations

import re
from fractions import Fraction
from typing import Annotated, Literal

from pydantic import BeforeValidator, Field, PlainValidator

from chargebench.datasheets.behaviour import Quirk, Reading, Tcp, Timing
from chargebench.datasheets.behaviour_form import (
    ControlForm,
    ReadsForm,
    StatesForm,
    TcpForm,
    TimingForm,
    WatchdogForm,
)
from chargebench.datasheets.forms import Current, Duration, Form, Name, RegisterName
from chargebench.datasheets.metering import MeterForm, SunSpecForm
from chargebench.datasheets.model import WORDS, Datasheet, Golden, Register, Table, Text, Type
from chargebench.datasheets.quantity import got
from chargebench.datasheets.sentences import Due
from chargebench.datasheets.yamlfile import Document

_FRACTION = re.compile(r"([1-9][0-9]{0,17})/([1-9][0-9]{0,17})", re.ASCII)
_SCALE_DUE = 'a whole number above 0, or an exact fraction such as "1/10"'
_SERIAL = re.compile(r"[1-9][0-9]{2,6},[78],[neo],[12]", re.ASCII)
_SERIAL_DUE = "serial parameters, such as 9600,8,n,1"


def _scale(value: object) -> Fraction:
    if isinstance(value, int) and not isinstance(value, bool) and value > 0:
        return Fraction(value)
    if isinstance(value, str) and (parts := _FRACTION.fullmatch(value)):
        return Fraction(int(parts[1]), int(parts[2]))
    raise ValueError(f"expected {_SCALE_DUE}, got {got(value)}")


def _serial(value: object) -> object:
    if not isinstance(value, str) or not _SERIAL.fullmatch(value):
        raise ValueError(f"expected {_SERIAL_DUE}, got {got(value)}")
    return value


Scale = Annotated[Fraction, PlainValidator(_scale), Due(_SCALE_DUE)]
Serial = Annotated[str, BeforeValidator(_serial), Due(_SERIAL_DUE)]
Address = Annotated[int, Field(ge=0, le=0xFFFF)]
UnitId = Annotated[int, Field(ge=1, le=255)]
ReadFunction = Literal[1, 2, 3, 4]
WriteFunction = Literal[5, 6, 15, 16]


class RegisterForm(Form):
    """One register, on one line."""

    at: Address
    table: Table = Field(alias="in")
    type: Type
    count: Annotated[int, Field(ge=1, le=125)] | None = None
    unit: str = ""
    scale: Scale = Fraction(1)
    exponent: RegisterName | None = None
    words: Literal["big", "little"] = "big"
    bytes: Literal["big", "little"] = "big"
    text: Text | None = None
    read: bool = True
    write: tuple[WriteFunction, ...] = ()
    write_on: tuple[str, ...] = ()
    stores: Literal["volatile", "flash"] | None = None
    range: tuple[int, int] | None = None
    step: Annotated[int, Field(ge=1)] | None = None
    values: dict[int, str] = Field(default_factory=dict)
    on: tuple[str, ...] = ()
    default: int | str | None = None
    absent: Annotated[int, Field(ge=0)] | None = None
    also_absent: tuple[Annotated[int, Field(ge=0)], ...] = ()
    note: str = ""
    source: str = ""
    unverified: bool = False

    def is_on(self, part: str) -> bool:
        return not self.on or part in self.on

    def register(self, name: str, part: str = "", line: int = 0) -> Register:
        """The register as ``part`` has it; "" for all that it can be."""
        low, high = self.range or (None, None)
        writable = not part or not self.write_on or part in self.write_on
        return Register(
            name=name,
            at=self.at,
            table=self.table,
            type=self.type,
            count=self.count or WORDS.get(self.type, 1),
            unit=self.unit,
            scale=self.scale,
            exponent=self.exponent or "",
            little=self.words == "little",
            swapped=self.bytes == "little",
            text=self.text or "ascii",
            readable=self.read,
            writes=self.write if writable else (),
            stores=self.stores or "" if writable else "",
            low=low if writable else None,
            high=high if writable else None,
            step=self.step if writable else None,
            values=tuple(self.values.items()),
            parts=self.on,
            default=self.default,
            absent=self.absent,
            also_absent=self.also_absent,
            note=self.note,
            source=self.source,
            unverified=self.unverified,
            line=line,
        )


class GoldenForm(Form):
    """These words of a register mean this value, in both directions; ``exponent`` is what its exponent held then."""

    name: RegisterName = Field(alias="register")
    value: int | str
    exponent: Annotated[int, Field(ge=-10, le=10)] | None = None
    words: Annotated[tuple[Address, ...], Field(min_length=1, max_length=125)]
    source: str = ""


class QuirkForm(Form):
    """What the device does that one would not expect, and who saw it; with a name, it can be switched."""

    name: Name | None = None
    rare: bool = False
    says: str
    source: str

    def quirk(self) -> Quirk:
        return Quirk(self.says, self.source, self.name or "", self.rare)


class FunctionsForm(Form):
    """Function codes that the device answers."""

    read: Annotated[tuple[ReadFunction, ...], Field(min_length=1)]
    write: tuple[WriteFunction, ...] = ()


class LimitsForm(Form):
    """Bounds and times of the device; each becomes a limit with the unit in its name."""

    minimum: Current | None = None
    maximum: Current | None = None
    step: Current | None = None
    watchdog: Duration | None = None
    silence: Duration | None = None
    pause: Duration | None = None

    def pairs(self) -> tuple[tuple[str, int], ...]:
        named = (
            ("minimum_ma", self.minimum),
            ("maximum_ma", self.maximum),
            ("step_ma", self.step),
            ("watchdog_us", self.watchdog),
            ("silence_us", self.silence),
            ("pause_us", self.pause),
        )
        return tuple((name, value) for name, value in named if value is not None)


class SheetForm(Form):
    """One device, whole."""

    name: Name
    maker: str
    model: str
    kind: Literal["evse", "meter"]
    transports: Annotated[tuple[Literal["tcp", "rtu", "ascii"], ...], Field(min_length=1)]
    serial: Serial | None = None
    unit: UnitId
    port: Address = 0
    functions: FunctionsForm
    max_read: Annotated[int, Field(ge=1, le=125)]
    limits: LimitsForm = LimitsForm()
    sources: Annotated[tuple[str, ...], Field(min_length=1)]
    checked: str = ""
    quirks: tuple[QuirkForm, ...] = ()
    parts: tuple[Name, ...] = ()
    part: str = ""
    meter: MeterForm | None = None
    sunspec: SunSpecForm | None = None
    states: StatesForm | None = None
    control: ControlForm | None = None
    watchdog: WatchdogForm | None = None
    tcp: TcpForm | None = None
    reads: ReadsForm | None = None
    timing: TimingForm | None = None
    registers: Annotated[dict[RegisterName, RegisterForm], Field(min_length=1)]
    golden: tuple[GoldenForm, ...] = ()


class LikeForm(Form):
    """Another logical device of a sheet with several: the part, and what differs."""

    name: Name
    like: Name
    part: str
    model: str | None = None
    kind: Literal["evse", "meter"] | None = None
    unit: UnitId
    port: Address = 0
    limits: LimitsForm = LimitsForm()
    meter: MeterForm | None = None
    defaults: dict[RegisterName, int | str] = Field(default_factory=dict)


def build(form: SheetForm, document: Document, part: str | None = None) -> Datasheet:
    """The datasheet of ``part`` (of the sheet's own, if None). The rules of ``rules.py`` must hold."""
    part = form.part if part is None else part
    own = part == form.part  # states, control and watchdog are of the part that the sheet stands for
    registers = tuple(
        one.register(name, part, document.place(("registers", name)).line)
        for name, one in form.registers.items()
        if one.is_on(part)
    )
    names = {one.name for one in registers}
    golden = tuple(
        Golden(one.name, one.value, one.words, document.place(("golden", number)).line, one.exponent)
        for number, one in enumerate(form.golden)
        if one.name in names
    )
    return Datasheet(
        name=form.name,
        maker=form.maker,
        model=form.model,
        kind=form.kind,
        transports=form.transports,
        serial=form.serial or "",
        unit=form.unit,
        port=form.port,
        reads=form.functions.read,
        writes=form.functions.write,
        max_read=form.max_read,
        registers=registers,
        golden=golden,
        part=part,
        sources=form.sources,
        quirks=tuple(one.quirk() for one in form.quirks),
        limits=form.limits.pairs(),
        meter=form.meter.meter() if form.meter else None,
        sunspec=form.sunspec.sunspec() if form.sunspec else None,
        states=form.states.states() if form.states and own else None,
        control=form.control.control() if form.control and own else None,
        watchdog=form.watchdog.watchdog() if form.watchdog and own else None,
        tcp=form.tcp.tcp() if form.tcp else Tcp(),
        reading=form.reads.reading() if form.reads else Reading(),
        timing=form.timing.timing() if form.timing else Timing(),
        checked=form.checked,
        path=document.name,
    )

"""The blocks of a datasheet about behaviour: what they must look like in a file, and the values made of them.

Numbers are raw, as they stand in a register; times and currents are written with their unit.
"""

from __future__ import annotations

from typing import Annotated, Literal, TypeAlias

from pydantic import Field, PlainValidator

from chargebench.datasheets.behaviour import (
    LETTERS,
    Code,
    Codes,
    Control,
    Leave,
    Limit,
    Phases,
    Reading,
    Setting,
    States,
    Tcp,
    Timing,
    Watchdog,
    WatchdogKind,
    Writes,
)
from chargebench.datasheets.forms import Current, Duration, Form, RegisterName
from chargebench.datasheets.quantity import got
from chargebench.datasheets.sentences import Due

_CASE_DUE = "a list of codes, such as [2, 3], or registers with theirs, such as {plugged: [1]} or {lock: {from: 257}}"


def _case(value: object) -> tuple[Codes, ...]:
    """The codes that make a state; of the block's register where none is named."""
    if isinstance(value, list):
        return (_codes("", value, value),)
    if isinstance(value, dict) and value and all(isinstance(name, str) for name in value):
        return tuple(_codes(name, codes, value) for name, codes in value.items())
    raise _no_case(value)


def _codes(register: str, value: object, whole: object) -> Codes:
    if isinstance(value, list) and value and all(_is_code(one) for one in value):
        return Codes(register, tuple(value))
    if isinstance(value, dict) and value and value.keys() <= {"from", "to"} and all(map(_is_number, value.values())):
        return Codes(register, low=value.get("from"), high=value.get("to"))
    raise _no_case(whole)


def _is_number(value: object) -> bool:
    return isinstance(value, int) and not isinstance(value, bool)


def _is_code(value: object) -> bool:
    return _is_number(value) or isinstance(value, str)


def _no_case(value: object) -> ValueError:
    return ValueError(f"expected {_CASE_DUE}, got {got(value)}")


Case: TypeAlias = Annotated[tuple[Codes, ...], PlainValidator(_case), Due(_CASE_DUE)]
WritesForm: TypeAlias = dict[RegisterName, Annotated[int, Field(ge=0, le=0xFFFF_FFFF)]]
Raw: TypeAlias = Annotated[int, Field(ge=0, le=0xFFFF_FFFF)]
Word: TypeAlias = Annotated[int, Field(ge=0, le=0xFFFF)]


def _writes(form: WritesForm) -> Writes:
    return tuple(form.items())


class StatesForm(Form):
    """Codes of the states A to F: of one register, or for each state the registers that make it."""

    register_name: RegisterName | None = Field(default=None, alias="register")
    mask: Annotated[int, Field(ge=1, le=0xFFFF_FFFF)] | None = None
    A: Case
    B: Case
    C: Case
    D: Case | None = None
    E: Case | None = None
    F: Case | None = None
    paused: dict[Literal["A", "B", "C"], Code] = Field(default_factory=dict)

    def states(self) -> States:
        found = ((letter, getattr(self, letter)) for letter in LETTERS)
        main = self.register_name or ""
        return States(
            cases=tuple(
                (letter, tuple(one if one.register else _of(main, one) for one in codes))
                for letter, codes in found
                if codes is not None
            ),
            register=main,
            mask=self.mask or 0,
            paused=tuple(self.paused.items()),
        )


def _of(register: str, codes: Codes) -> Codes:
    return Codes(register, codes.among, codes.low, codes.high)


class LimitForm(Form):
    """Where the limit is written, and what 0 means there."""

    register_name: RegisterName | None = Field(default=None, alias="register")
    registers: Annotated[tuple[RegisterName, ...], Field(min_length=3, max_length=3)] | None = None
    zero: Literal["stops", "no limit", "refused", "unknown"] = "unknown"
    below: Literal["stops", "minimum", "refused", "unknown"] = "unknown"
    shown: RegisterName | None = None
    mask: Annotated[int, Field(ge=1, le=0xFFFF_FFFF)] | None = None
    default: RegisterName | None = None
    starts: Literal["failsafe", "kept", "stopped", "unknown"] = "unknown"
    unit: Annotated[int, Field(ge=0, le=255)] = 0
    nodes: Annotated[int, Field(ge=1, le=123)] | None = None

    def limit(self) -> Limit:
        return Limit(
            registers=self.registers or (self.register_name or "",),
            zero=self.zero,
            below=self.below,
            shown=self.shown or "",
            mask=self.mask or 0,
            default=self.default or "",
            starts="default" if self.default else self.starts,
            unit=self.unit,
            nodes=self.nodes or 0,
        )


class ShownForm(Form):
    """Which register tells how many phases there are, and by which numbers."""

    register_name: RegisterName = Field(alias="register")
    one: Raw
    three: Raw


class ReleasedForm(Form):
    """Where a bit tells that its owner lets phases be changed while a car is plugged in."""

    register_name: RegisterName = Field(alias="register")
    mask: Annotated[int, Field(ge=1, le=0xFFFF)]


class PhasesForm(Form):
    """How to change between one and three phases."""

    register_name: RegisterName = Field(alias="register")
    one: Raw
    three: Raw
    before: WritesForm = Field(default_factory=dict)
    after: WritesForm = Field(default_factory=dict)
    during: Literal["any", "paused", "unplugged", "unknown"] = Field(default="unknown", alias="while")
    takes: Duration | None = None
    shown: ShownForm | None = None
    released: ReleasedForm | None = None

    def phases(self) -> Phases:
        return Phases(
            register=self.register_name,
            one=self.one,
            three=self.three,
            before=_writes(self.before),
            after=_writes(self.after),
            during=self.during,
            takes_us=self.takes or 0,
            shown=self.shown.register_name if self.shown else "",
            shown_one=self.shown.one if self.shown else 1,
            shown_three=self.shown.three if self.shown else 3,
            released=self.released.register_name if self.released else "",
            released_mask=self.released.mask if self.released else 0,
        )


class LeaveForm(Form):
    """How a box asks its master for leave, and is answered."""

    register_name: RegisterName = Field(alias="register")
    answers: Annotated[dict[Word, Word], Field(min_length=1)]
    also: WritesForm = Field(default_factory=dict)

    def leave(self) -> Leave:
        return Leave(self.register_name, tuple(self.answers.items()), _writes(self.also))


class ControlForm(Form):
    """How a box is told what to do."""

    limit: LimitForm
    pause: WritesForm = Field(default_factory=dict)
    resume: WritesForm = Field(default_factory=dict)
    wake: WritesForm = Field(default_factory=dict)
    phases: PhasesForm | None = None
    leave: LeaveForm | None = None

    def control(self) -> Control:
        return Control(
            limit=self.limit.limit(),
            pause=_writes(self.pause),
            resume=_writes(self.resume),
            wake=_writes(self.wake),
            phases=self.phases.phases() if self.phases else None,
            leave=self.leave.leave() if self.leave else None,
        )


class TimeForm(Form):
    """A time of the watchdog: where it stands, and what it is from the factory; 0 s: it never comes."""

    register_name: RegisterName | None = Field(default=None, alias="register")
    write: RegisterName | None = None
    time: Duration | None = None

    def setting(self) -> Setting:
        return Setting(self.register_name or "", self.write or "", self.time)


class FailsafeForm(Form):
    """The failsafe current: where it stands, and what it is from the factory."""

    register_name: RegisterName | None = Field(default=None, alias="register")
    write: RegisterName | None = None
    current: Current | None = None

    def setting(self) -> Setting:
        return Setting(self.register_name or "", self.write or "", self.current)


class WatchdogForm(Form):
    """What a box does when its master falls silent."""

    kind: WatchdogKind
    register_name: RegisterName | None = Field(default=None, alias="register")
    value: Raw | None = None
    span: tuple[Word, Word] | None = None
    timeout: TimeForm = TimeForm()
    failsafe: FailsafeForm = FailsafeForm()
    then: Literal["limit", "stop", "fault", "unknown"] = "unknown"
    zero: Literal["stops", "fault", "no limit", "unknown"] = "unknown"
    left: RegisterName | None = None
    recovery: tuple[RegisterName, ...] = ()
    recovers: Duration | None = None
    keeps: Literal["flash", "volatile", "unknown"] = "unknown"
    store: WritesForm = Field(default_factory=dict)
    refresh: Duration | None = None
    unverified: bool = False

    def watchdog(self) -> Watchdog:
        return Watchdog(
            kind=self.kind,
            register=self.register_name or "",
            value=self.value,
            span=self.span,
            timeout=self.timeout.setting(),
            failsafe=self.failsafe.setting(),
            then=self.then,
            zero=self.zero,
            left=self.left or "",
            recovery=self.recovery,
            recovers_us=self.recovers or 0,
            keeps=self.keeps,
            store=_writes(self.store),
            refresh_us=self.refresh,
            unverified=self.unverified,
        )


class TcpForm(Form):
    """How many clients a device serves, and how it ends connections."""

    clients: Annotated[int, Field(ge=1, le=100)] | None = None
    excess: Literal["refuse", "queue", "replace", "crash", "unknown"] = "unknown"
    idle_close: Duration | None = None
    lockout: Literal["watchdog"] | None = None

    def tcp(self) -> Tcp:
        return Tcp(self.clients, self.excess, self.idle_close, lockout=self.lockout is not None)


class ReadsForm(Form):
    """What a read may cover."""

    gaps: Literal["refused", "zero", "filled", "unknown"] = "unknown"
    single: bool = False
    shared: bool = False
    blocks: tuple[tuple[Word, Annotated[int, Field(ge=2, le=125)]], ...] = ()

    def reading(self) -> Reading:
        return Reading(self.gaps, self.single, self.shared, self.blocks)


class TimingForm(Form):
    """Times that a device needs."""

    apart: Duration | None = None
    limit_apart: Duration | None = None
    settle: Duration | None = None
    latency: Duration | None = None
    boot: Duration | None = None

    def timing(self) -> Timing:
        return Timing(self.apart, self.limit_apart, self.settle, self.latency, self.boot)

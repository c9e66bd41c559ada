"""How a device behaves behind its registers, as its datasheet says it: states, control, watchdog, connections, times.

Registers go by the sheet's names. Codes, tokens and switches are raw numbers, as they stand in the register (or its
text); currents are mA and times us. What no source tells is "unknown" or None, never a guess.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

Letter = Literal["A", "B", "C", "D", "E", "F"]
LETTERS: tuple[Letter, ...] = ("F", "E", "D", "C", "B", "A")
"""States of the control pilot in the order in which they are looked for: the first that fits counts."""

Code = int | str
Writes = tuple[tuple[str, int], ...]
"""Registers and the raw numbers to write there, in this order."""


@dataclass(frozen=True, slots=True)
class Codes:
    """What one register must hold: one of ``among``, or else a number from ``low`` to ``high`` (None: no bound)."""

    register: str
    among: tuple[Code, ...] = ()
    low: int | None = None
    high: int | None = None

    def hold(self, code: Code | None) -> bool:
        if self.among or not isinstance(code, int):
            return code in self.among
        return (self.low is None or code >= self.low) and (self.high is None or code <= self.high)

    @property
    def usual(self) -> Code:
        """The code that stands for all of them: the first, or the lowest."""
        return self.among[0] if self.among else self.low or 0


@dataclass(frozen=True, slots=True)
class States:
    """Which raw codes mean which state of the control pilot.

    ``cases`` are in the order of ``LETTERS``; in a case all codes must hold. ``register`` is the one with the code, ""
    where several make it; ``mask`` selects the bits of it that count (0: all), shifted down to bit 0. ``paused``: the
    code that it shows where the box lets no current flow.
    """

    cases: tuple[tuple[Letter, tuple[Codes, ...]], ...]
    register: str = ""
    mask: int = 0
    paused: tuple[tuple[Letter, Code], ...] = ()

    @property
    def registers(self) -> tuple[str, ...]:
        """Every register that a state is read from, each once."""
        return tuple(dict.fromkeys(one.register for _, codes in self.cases for one in codes))

    def letter(self, raw: Mapping[str, Code | None]) -> Letter | None:
        """The state that the raw contents of the registers mean; None where the sheet does not know it."""
        seen = {name: self.code(name, raw.get(name)) for name in self.registers}
        return next(
            (letter for letter, codes in self.cases if all(one.hold(seen[one.register]) for one in codes)), None
        )

    def code(self, register: str, raw: Code | None) -> Code | None:
        """The code in the raw contents of ``register``."""
        if register != self.register or not self.mask or not isinstance(raw, int):
            return raw
        return (raw & self.mask) // (self.mask & -self.mask)

    def shows(self, letter: Letter, *, paused: bool = False) -> dict[str, Code]:
        """The codes that the registers hold in a state that the sheet knows, not yet shifted up to ``mask``.

        A register that the state does not name holds what it holds in the next lower state that names it.
        """
        below = [codes for one, codes in self.cases if LETTERS.index(one) >= LETTERS.index(letter)]
        found: dict[str, Code] = {}
        for one in (one for codes in below for one in codes):
            found.setdefault(one.register, one.usual)
        if paused and letter in dict(self.paused):
            found[self.register] = dict(self.paused)[letter]
        return found


@dataclass(frozen=True, slots=True)
class Limit:
    """Where the limit of the current is written: one register, or one for each phase, which are
    written one after the other.

    ``zero`` is what a limit of 0 does, ``below`` what one between 0 and the least current does. ``shown`` is the register
    that tells the limit in force (by the bits in ``mask``; 0: by all), ``default`` the one whose value it takes at a start;
    ``starts`` tells of the others.
    ``unit`` is another unit id to which it is sent, without an answer (0: the box's own), then in ``nodes`` words from the
    register on, one for each box from unit 1 up.
    """

    registers: tuple[str, ...]
    zero: Literal["stops", "no limit", "refused", "unknown"] = "unknown"
    below: Literal["stops", "minimum", "refused", "unknown"] = "unknown"
    shown: str = ""
    default: str = ""
    starts: Literal["default", "failsafe", "kept", "stopped", "unknown"] = "unknown"
    unit: int = 0
    nodes: int = 0
    mask: int = 0


@dataclass(frozen=True, slots=True)
class Leave:
    """How a box asks its master whether a car may charge: by a raw number in ``register`` that is one of ``answers`` (asked,
    answered there), with ``also`` written behind it.
    """

    register: str
    answers: tuple[tuple[int, int], ...]
    also: Writes = ()


@dataclass(frozen=True, slots=True)
class Phases:
    """How a box changes between one and three phases: ``before``, then the register, then ``after``.

    ``during``: in which state it may be done. ``takes_us``: how long not to charge afterwards. ``shown`` tells how many
    there are now, by ``shown_one`` and ``shown_three``. ``released``: the register in which a bit of ``released_mask`` tells
    that it may be done in a pause too.
    """

    register: str
    one: int
    three: int
    before: Writes = ()
    after: Writes = ()
    during: Literal["any", "paused", "unplugged", "unknown"] = "unknown"
    takes_us: int = 0
    shown: str = ""
    shown_one: int = 1
    shown_three: int = 3
    released: str = ""
    released_mask: int = 0


@dataclass(frozen=True, slots=True)
class Control:
    """How a box is told what to do. Without ``pause`` it pauses by a limit of 0, where that stops it.

    ``wake`` interrupts its control pilot for so many seconds, which wakes a car that sleeps.
    """

    limit: Limit
    pause: Writes = ()
    resume: Writes = ()
    wake: Writes = ()
    phases: Phases | None = None
    leave: Leave | None = None

    @property
    def stops(self) -> dict[str, int]:
        """The raw numbers that stop the box where the limits themselves stand; any other lets it charge again."""
        found = {name: raw for name, raw in self.pause if name in self.limit.registers}
        return found if found.keys() == {*self.limit.registers} and not self.resume else {}


@dataclass(frozen=True, slots=True)
class Setting:
    """A value of the watchdog: where it is read, where it is written (``register`` if ""), and what it is from the factory.

    ``value`` is us for a time and mA for a current; None where nobody tells.
    """

    register: str = ""
    write: str = ""
    value: int | None = None


WatchdogKind = Literal["none", "request", "read", "limit", "timeout", "token", "toggle", "broadcast", "unknown"]


@dataclass(frozen=True, slots=True)
class Watchdog:
    """What a box does when its master falls silent.

    ``kind`` tells what feeds it: nothing and never (none), any request, a read within ``span`` (first and last address),
    a write of the limit, of the time (timeout), of a token, of a bit that the box clears (toggle), a broadcast.
    ``register`` is where ``value`` is written for the last three. ``then``: what it does once ``timeout`` has passed;
    ``zero``: what a failsafe current of 0 means. ``left`` counts down. ``recovery`` are the registers that must be
    written to leave it ("fed" by itself where empty), which takes ``recovers_us`` more. ``keeps``: whether its settings outlive a
    restart, ``store`` what makes them. ``refresh_us``: how often known clients feed it.
    """

    kind: WatchdogKind
    register: str = ""
    value: int | None = None
    span: tuple[int, int] | None = None
    timeout: Setting = Setting()
    failsafe: Setting = Setting()
    then: Literal["limit", "stop", "fault", "unknown"] = "unknown"
    zero: Literal["stops", "fault", "no limit", "unknown"] = "unknown"
    left: str = ""
    recovery: tuple[str, ...] = ()
    recovers_us: int = 0
    keeps: Literal["flash", "volatile", "unknown"] = "unknown"
    store: Writes = ()
    refresh_us: int | None = None
    unverified: bool = False


Excess = Literal["refuse", "queue", "replace", "crash", "unknown"]


@dataclass(frozen=True, slots=True)
class Tcp:
    """How many clients it serves, and what becomes of one too many; when it closes a silent one (None: never seen).

    ``lockout``: after a connection has ended, none is accepted until the watchdog's time has passed.
    """

    clients: int | None = None
    excess: Excess = "unknown"
    idle_close_us: int | None = None
    lockout: bool = False


@dataclass(frozen=True, slots=True)
class Reading:
    """What a read may cover. ``gaps``: what a read across unused addresses gets. ``single``: one value a request.

    ``shared``: functions 3 and 4 read the same. ``blocks`` (first address, words) are read whole or not at all.
    """

    gaps: Literal["refused", "zero", "filled", "unknown"] = "unknown"
    single: bool = False
    shared: bool = False
    blocks: tuple[tuple[int, int], ...] = ()


@dataclass(frozen=True, slots=True)
class Timing:
    """Times in us, None where nobody tells: between two writes, between two of the limit, for which a limit should stay, until
    it is obeyed, to boot.
    """

    apart_us: int | None = None
    limit_apart_us: int | None = None
    settle_us: int | None = None
    latency_us: int | None = None
    boot_us: int | None = None


@dataclass(frozen=True, slots=True)
class Quirk:
    """What a device does that one would not expect, and who saw it. One with a name can be switched on and off.

    ``rare``: off unless switched on, since only some units or firmwares do it.
    """

    says: str
    source: str
    name: str = ""
    rare: bool = False

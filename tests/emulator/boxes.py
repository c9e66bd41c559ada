"""A box of any make with a car, told what to do by the registers that its datasheet names."""

from __future__ import annotations

from dataclasses import replace

from chargebench.datasheets.codec import decode, encode
from chargebench.datasheets.load import load, names
from chargebench.emulator.devices.general import refusal
from chargebench.emulator.kinds import KINDS
from chargebench.emulator.moods import ASKS_LEAVE
from chargebench.emulator.spec import BoxSpec, FaultSpec, TcpAt
from tests.emulator.worlds import Bench, S, car_spec

BUILT = [name for name in names() if load(name).kind == "evse" and name not in KINDS and not refusal(load(name))]
DUTY = ["abl-emh1"]
"""Those that are told a duty cycle, which no whole ampere but 6 A and its half is."""

GENERAL = [name for name in BUILT if name not in DUTY]
LATENCY_US = 200_000
FACTORY_MA = 16_000


def sheet_of(name):
    return load(name)


def control(name):
    return sheet_of(name).control


def watchdog(name):
    return sheet_of(name).watchdog


class Bank(Bench):
    """One box called box, made by its sheet; the car, if any, plugs in after 10 s and draws all that it is offered."""

    def __init__(self, name, *, car=True, restarts_s=(), connection=None, wanted_wh=20_000, **changes):
        self.sheet = sheet_of(name)
        without = tuple(one.name for one in self.sheet.quirks if one.name == ASKS_LEAVE)  # nobody here gives it
        spec = BoxSpec("box", name, TcpAt("box.lan", 502), failsafe_us=0, write_latency_us=LATENCY_US, without=without)
        cars = [car_spec(below_ma=0, delay_us=0, wanted_wh=wanted_wh, max_ma=32_000)] if car else []
        faults = [FaultSpec("reboot", "box", at_s * S) for at_s in restarts_s]
        super().__init__([replace(spec, **changes)], cars, faults=faults, connection=connection)

    def value(self, name):
        """What a register shows."""
        one = self.sheet.register(name)
        return decode(one, self.device().read(one.table, one.at, one.count))

    def put(self, name, value):
        """Write a value to a register."""
        one = self.sheet.register(name)
        self.device().write(one.table, one.at, encode(one, value))
        return self

    def raw(self, pairs):
        """Write raw numbers to registers."""
        for name, raw in pairs:
            one = self.sheet.register(name)
            self.put(name, int(raw * one.scale))
        return self

    def limit(self, limit_ma):
        """Write a limit to all registers that it has; a box that starts stopped is released."""
        control = self.sheet.control
        for name in control.limit.registers:
            self.put(name, limit_ma)
        return self.raw(control.resume)

    def letter(self):
        """The state that its registers mean."""
        shown = {}
        for name in self.sheet.states.registers:
            value = self.value(name)
            shown[name] = int(value / self.sheet.register(name).scale) if isinstance(value, int) else value
        return self.sheet.states.letter(shown)

    def after(self, seconds):
        """The same, so many seconds later."""
        return self.to(self.world.now_us + int(seconds * S))

    def every(self, seconds, until_s, do):
        """The same at ``until_s``, having done something every few seconds."""
        while self.world.now_us + seconds * S <= until_s * S:
            self.after(seconds)
            do(self)
        return self.to(until_s * S)


def running(name, limit_ma=10_000, **changes):
    """A box that charges its car at a limit, 60 s after the start."""
    return Bank(name, **changes).to(1 * S).limit(limit_ma).to(60 * S)

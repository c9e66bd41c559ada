"""Slaves that share one serial port: all hear the same bytes, and those that answer at one time garble each other.

Bytes in, actions out. A slave set otherwise than the port makes of the bytes what such a receiver makes of them, so it
stays silent. What one slave answers the others are not given: behind a port, which tells when bytes come but not when they
were on the wire, it would run together with the request that follows.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from chargebench.emulator.actions import Action, Send
from chargebench.emulator.ascii import AsciiEnd
from chargebench.emulator.framing import RtuEnd
from chargebench.emulator.streams import Stream
from chargebench.emulator.wires.uart import Setting, heard


@dataclass(frozen=True, slots=True)
class Drop:
    """One slave's place, and how its own port is set."""

    end: RtuEnd | AsciiEnd
    setting: Setting


class Multidrop:
    """All slaves behind a port that is set to ``setting``. ``chance`` makes what is read of answers that collide."""

    def __init__(self, drops: Sequence[Drop], setting: Setting, chance: Stream) -> None:
        self._drops = tuple(drops)
        self._setting = setting
        self._chance = chance

    @property
    def next_us(self) -> int | None:
        """When ``advance`` is due; None while nobody waits."""
        due = [drop.end.next_us for drop in self._drops]
        return min((us for us in due if us is not None), default=None)

    def receive(self, data: bytes, now_us: int) -> list[Action]:
        """Bytes have come just now."""
        sends: list[Send] = []
        for drop in self._drops:
            understood = heard(data, self._setting, drop.setting)
            if understood:
                sends += self._said(drop, drop.end.receive(understood, now_us))
        return self._together(sends)

    def advance(self, now_us: int) -> list[Action]:
        """Let each judge the frame whose silence is over."""
        sends: list[Send] = []
        for drop in self._drops:
            sends += self._said(drop, drop.end.advance(now_us))
        return self._together(sends)

    def _said(self, drop: Drop, actions: Iterable[Action]) -> list[Send]:
        """What the port carries of a slave's actions; a line can be neither closed nor reset."""
        sends = [action for action in actions if isinstance(action, Send)]
        return [Send(heard(send.data, drop.setting, self._setting), send.after_us) for send in sends]

    def _together(self, sends: Iterable[Send]) -> list[Action]:
        """The answers as they are read: those that overlap become one burst, legible until the second begins."""
        bursts: list[Send] = []
        for send in sorted(sends, key=lambda one: one.after_us):
            if bursts and send.after_us < self._end_us(bursts[-1]):
                bursts[-1] = self._garbled(bursts[-1], send)
            else:
                bursts.append(send)
        return [burst for burst in bursts if burst.data]

    def _garbled(self, first: Send, second: Send) -> Send:
        clear = self._setting.characters_in(second.after_us - first.after_us)
        end_us = max(self._end_us(first), self._end_us(second))
        whole = max(self._setting.characters_in(end_us - first.after_us), clear + 1)
        noise = bytes(self._chance.below(256) for _ in range(whole - clear))
        return Send(first.data[:clear] + noise, first.after_us)

    def _end_us(self, send: Send) -> int:
        return send.after_us + self._setting.time_us(len(send.data))

"""The inputs of the master while it runs: contacts that are read once a round, and what they order. Sans-IO.

An input that was not read for a while is *unknown*, and then what is worst holds: of a limit the lower, a dimming order. So is
one that nobody reads and nobody tells.

The S0 inputs of a box stand behind its own unit, where every request feeds its watchdog and ends its failsafe. So they are
read only after the box itself has answered in this round, never instead of it.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from typing import Final

from chargebench.manager.drivers.base import Read
from chargebench.manager.notes import Teller
from chargebench.manager.orders import Orders
from chargebench.manager.outcomes import Asker
from chargebench.manager.presence import Heard, Presence, read_all
from chargebench.manager.rounds import BoxPoll
from chargebench.manager.site import Address, Input, Site

LOST_US: Final = 12_000_000
"""So long an input that is not read any more is what it was."""

To = Callable[[Address, str], Asker]
"""The link to an address, for who is named."""


def numbers(site: Site) -> tuple[int, ...]:
    """The inputs by which something of a site goes, each once."""
    return tuple(sorted(dict.fromkeys(_numbers(site))))


def _numbers(site: Site) -> Iterator[int]:
    connection = site.connection
    switched = [connection.limit_input, connection.evse_input, site.surplus_input]
    yield from (one.input for one in switched if one is not None)
    yield from (circuit.switched.input for circuit in site.circuits if circuit.switched is not None)
    if site.dimming_input is not None:
        yield site.dimming_input


class InputPoll:
    """One register, coil or discrete input, and the inputs of the master that are bits of it."""

    def __init__(self, inputs: Sequence[Input], link: Asker, teller: Teller) -> None:
        self.inputs = tuple(inputs)
        one = inputs[0]
        self.box = one.box
        called = " and ".join(str(each.number) for each in inputs)
        self.presence = Presence(f"input{'s' if len(inputs) > 1 else ''} {called}", teller)
        self._read = Read(one.table, one.register, 1)
        self._unit, self._link, self._teller = one.unit, link, teller
        self._word: int | None = None
        self._lost = False

    async def round(self) -> None:
        """Read it once."""
        heard = await read_all(self._link, self._unit, (self._read,))
        if not isinstance(heard, Heard):
            self.presence.lost(str(heard))
            return
        before, self._word = self._word, heard.answers[self._read][0]
        self.presence.there()
        self._lost = False
        for one in self.inputs:
            on = _on(one, self._word)
            if before is None or on != _on(one, before):
                self._teller.tell("input", f"input {one.number}", on=int(on))

    def skipped(self) -> None:
        """The box behind whose unit it stands has not answered, so it is not asked."""
        self.presence.lost(f"{self.box} does not answer")

    def known(self, now_us: int) -> int | None:
        """What is there; None while nobody knows."""
        silent_us = self.presence.silent_us
        if self._word is None or silent_us is None or now_us < silent_us + LOST_US:
            return self._word
        if not self._lost:
            self._lost = True
            for one in self.inputs:
                self._teller.tell("input lost", f"input {one.number}", silent_us=now_us - silent_us)
        return None


class Inputs:
    """All inputs of a site. ``told``: somebody tells of those that are not read; else they are unknown."""

    def __init__(self, site: Site, to: To, teller: Teller, *, told: bool = True) -> None:
        self._site, self._teller = site, teller
        places: dict[tuple[Address, int, str, int], list[Input]] = {}
        for one in site.inputs:
            places.setdefault((one.address, one.unit, one.table, one.register), []).append(one)
        self._polls = [
            InputPoll(there, to(there[0].address, f"input {there[0].number}"), teller) for there in places.values()
        ]
        self._read = tuple(one.number for one in site.inputs)
        self._unread = () if told else tuple(one for one in numbers(site) if one not in self._read)
        for number in self._unread:
            teller.tell("input unread", f"input {number}")

    @property
    def apart(self) -> tuple[InputPoll, ...]:
        """Those that are on no box."""
        return tuple(one for one in self._polls if not one.box)

    async def behind(self, box: BoxPoll) -> None:
        """The round of a box, and then that of the inputs behind its unit."""
        await box.round()
        for poll in self._polls:
            if poll.box == box.box.name:
                if box.reading is not None and box.presence.silent_us is None:
                    await poll.round()
                else:
                    poll.skipped()

    def on(self, box: str) -> bool:
        """Whether a box has any."""
        return any(poll.box == box for poll in self._polls)

    def over(self, orders: Orders, now_us: int) -> Orders:
        """``orders`` with what the inputs are, and what that orders."""
        if self._read or self._unread:
            orders = self._seen(orders, now_us)
        return self._ordered(orders)

    def _seen(self, orders: Orders, now_us: int) -> Orders:
        on = [number for number in orders.inputs if number not in self._read]
        unknown = list(self._unread)
        for poll in self._polls:
            word = poll.known(now_us)
            if word is None:
                unknown += [one.number for one in poll.inputs]
            else:
                on += [one.number for one in poll.inputs if _on(one, word)]
        return replace(orders, inputs=tuple(sorted(on)), unknown=tuple(sorted(unknown)))

    def _ordered(self, orders: Orders) -> Orders:
        dims, spare = self._site.dimming_input, self._site.surplus_input
        if dims is not None and (dims in orders.inputs or dims in orders.unknown):
            orders = replace(orders, dimmed=True)
        if spare is not None and orders.surplus_w is None:
            orders = replace(orders, surplus_w=spare.stands_w(orders.inputs, orders.unknown))
        return orders


def _on(one: Input, word: int) -> bool:
    return bool(word >> one.bit & 1) != one.inverted

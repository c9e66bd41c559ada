"""Answers that leave a device with its quirks otherwise than they should: late, spoilt, or not at all.

Each quirk is given an exchange with the actions that it would have, and returns others. Where a source says that something
happens at times, it happens at fixed ones, counted in exchanges.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from typing import Final

from chargebench.emulator.actions import Action, Close, Exchange, Send, Tamper
from chargebench.emulator.adu import Adu, pack_mbap, pack_rtu
from chargebench.emulator.flow import SECOND_US

ADDRESS = 2
IMPOSSIBLE_LENGTH, EVERY = 12_081, 50
HURRIED_US = 100_000
"""A request that begins so soon after an answer is too soon for a meter that restarts then."""
RESTART_US = 5 * SECOND_US
_READS = (3, 4)

Actions = Sequence[Action]


def odd_answers(quirks: Sequence[str]) -> Tamper | None:
    """What becomes of the answers of a device with these quirks; None where nothing does."""
    tampers = [_ANSWERS[name]() for name in quirks if name in _ANSWERS]
    if not tampers:
        return None

    def all_of(exchange: Exchange, actions: Actions) -> Actions:
        for tamper in tampers:
            actions = tamper(exchange, actions)
        return actions

    return all_of


def by_unit(tampers: Mapping[int, Tamper]) -> Tamper | None:
    """What becomes of the answers of several units behind one server."""
    if not tampers:
        return None

    def of_its_unit(exchange: Exchange, actions: Actions) -> Actions:
        tamper = tampers.get(exchange.unit)
        return actions if tamper is None else tamper(exchange, actions)

    return of_its_unit


def _again(exchange: Exchange, actions: Actions, pdu: bytes) -> Actions:
    """The same with another answer."""
    if exchange.transaction is None:
        frame = pack_rtu(exchange.unit, pdu)
    else:
        frame = pack_mbap(Adu(exchange.unit, pdu, exchange.transaction))
    return [replace(one, data=frame) if isinstance(one, Send) else one for one in actions]


class _LosesFirstRead:
    """The first read of a connection: the first time without an answer, then with an exception, then with the connection."""

    def __init__(self) -> None:
        self._times = 0

    def __call__(self, exchange: Exchange, actions: Actions) -> Actions:
        if exchange.number != 1 or exchange.request[0] not in _READS:
            return actions
        self._times += 1
        if self._times % 3 == 1:
            return []
        if self._times % 3 == 2:
            return _again(exchange, actions, bytes((exchange.request[0] | 0x80, ADDRESS)))
        return [Close()]


def _wrong_byte_count(exchange: Exchange, actions: Actions) -> Actions:
    """A read is answered with twice the words that it asked for."""
    function, data = exchange.answer[0], exchange.answer[2:]
    if function not in _READS:
        return actions
    doubled = (data + data)[:250]
    return _again(exchange, actions, bytes((function, len(doubled))) + doubled)


class _OneLate:
    """Each request of a connection is answered with the answer to the one before, the first with none."""

    def __init__(self) -> None:
        self._last: list[Send] = []

    def __call__(self, exchange: Exchange, actions: Actions) -> Actions:
        sends = [one for one in actions if isinstance(one, Send)]
        late = self._last if exchange.number > 1 else []
        self._last = sends
        return [replace(one, after_us=now.after_us) for one, now in zip(late, sends, strict=False)]


def _closes_on_unknown(exchange: Exchange, actions: Actions) -> Actions:
    unknown = exchange.answer[0] & 0x80 and exchange.answer[1] == ADDRESS
    return [Close()] if unknown else actions


class _ImpossibleLength:
    """One answer in so many says that it is longer than any can be."""

    def __init__(self) -> None:
        self._count = 0

    def __call__(self, exchange: Exchange, actions: Actions) -> Actions:
        self._count += 1
        if self._count % EVERY or exchange.transaction is None:
            return actions
        length = IMPOSSIBLE_LENGTH.to_bytes(2, "big")
        return [
            replace(one, data=one.data[:4] + length + one.data[6:]) if isinstance(one, Send) else one for one in actions
        ]


def _spoils_single_writes(exchange: Exchange, actions: Actions) -> Actions:
    """An answer to function 6 lacks its last byte."""
    return _again(exchange, actions, exchange.answer[:-1]) if exchange.answer[0] == 6 else actions


def _leading_zero(_exchange: Exchange, actions: Actions) -> Actions:
    return [replace(one, data=b"\0" + one.data) if isinstance(one, Send) else one for one in actions]


class _RestartsWhenHurried:
    """A request too soon after an answer has it restart: it says nothing until that is over."""

    def __init__(self) -> None:
        self._answered_us = -HURRIED_US
        self._back_us = 0

    def __call__(self, exchange: Exchange, actions: Actions) -> Actions:
        now_us = exchange.at_us
        if now_us < self._back_us:
            return []
        if now_us < self._answered_us + HURRIED_US:
            self._back_us = now_us + RESTART_US
            return []
        self._answered_us = now_us + max((one.after_us for one in actions), default=0)
        return actions


def _plain(tamper: Tamper) -> Callable[[], Tamper]:
    return lambda: tamper


_ANSWERS: Final[Mapping[str, Callable[[], Tamper]]] = {
    "loses-first-read": _LosesFirstRead,
    "wrong-byte-count": _plain(_wrong_byte_count),
    "answers-one-late": _OneLate,
    "closes-on-unknown": _plain(_closes_on_unknown),
    "impossible-length": _ImpossibleLength,
    "spoils-single-writes": _plain(_spoils_single_writes),
    "leading-zero-byte": _plain(_leading_zero),
    "restarts-when-hurried": _RestartsWhenHurried,
}
NAMES: Final = tuple(_ANSWERS)

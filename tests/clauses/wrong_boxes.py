"""Boxes that are wrong in one thing each. A row names the clause that must notice; the rest of the box is our own."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace

from chargebench.datasheets.codec import encode
from chargebench.datasheets.load import load
from chargebench.emulator.box import Box
from chargebench.emulator.devices.orders import Orders
from chargebench.emulator.devices.watchdog import Guard
from chargebench.emulator.flow import FAR, SECOND_US
from chargebench.emulator.parts import IdleTimer
from chargebench.scenarios.clauses.asking import written
from chargebench.scenarios.clauses.direct import BOX, LoneBox, spec_of

Change = Callable[[LoneBox, bytes], bytes | None]
"""The box and a request: the request that is taken in its place, None for none."""
Spoil = Callable[[LoneBox, bytes, bytes | None], bytes | None]
"""The box, a request and the right answer: the wrong answer."""


class WrongBox(LoneBox):
    """Takes requests for others, answers otherwise, or is another box than the bench says."""

    def __init__(self, device, *, change: Change | None = None, spoil: Spoil | None = None, built=None, quirks=()):
        sheet = load(device)
        sheet_of_it = sheet if built is None else built(sheet)
        super().__init__(sheet_of_it, replace(spec_of(sheet_of_it), quirks=quirks))
        self.bench = replace(self.bench, sheet=sheet)
        self.change, self.spoil = change, spoil

    @property
    def box(self) -> Box:
        return self.world.boxes[BOX]

    def answer(self, unit, pdu):
        taken = pdu if self.change is None else self.change(self, pdu)
        right = None if taken is None else super().answer(unit, taken)
        if taken != pdu and (right is None or right[0] < 0x80):
            right = pdu if pdu[0] in {5, 6} else pdu[:5]  # as if it had been done
        return right if self.spoil is None else self.spoil(self, pdu, right)


@dataclass(frozen=True)
class Wrong:
    """``patches``: what of our own code is otherwise meanwhile, as (owner, name, value)."""

    clause: str
    what: str
    make: Callable[[], WrongBox]
    patches: tuple[tuple[object, str, object], ...] = ()


def patched(clause, what, device, owner, name, value):
    return Wrong(clause, what, lambda: WrongBox(device), ((owner, name, value),))


def otherwise(clause, what, device, **options):
    return Wrong(clause, what, lambda: WrongBox(device, **options))


# -- what is offered -------------------------------------------------------------------------------------------------

GRANTED = vars(Box)["granted_ma"].fget
ORDER = Orders._order
OFFER = Box._offer


def granted(change):
    """A box that lets a car have something else: (box, what is right)."""
    return property(lambda box: change(box, GRANTED(box)))


def rounded_up(box, right_ma):
    limit_ma, _ = box._in_force
    return -(-limit_ma // box.manner.step_ma) * box.manner.step_ma if right_ma else 0


def unclipped(box, right_ma):
    return box.spec.max_ma + 1_000 if right_ma == box.spec.max_ma else right_ma


def unbound_while_switching(box, right_ma):
    return box.spec.max_ma if right_ma and box.relay_select != box.one_phase else right_ma


def order(skip):
    """A box that does not heed a limit where ``skip`` (orders, least of the limits) says so."""

    def heed(self):
        if not skip(self, min(self._limits)):
            ORDER(self)

    return heed


def forgetful():
    """Loses a limit that comes within 3 s after another."""
    last = [-10 * SECOND_US]

    def too_soon(self, _ma):
        before_us, last[0] = last[0], self._clock.now_us
        return last[0] < before_us + 3 * SECOND_US

    return order(too_soon)


def overshoots(box, at_us, duty):
    """Offers more for the twentieth part of a second, on every way up."""
    before_ma = box.pulse.offered_ma
    OFFER(box, at_us, duty)
    if box.car is not None and box.pulse.offered_ma > before_ma > 0:
        box.car.hear(at_us, box.pulse.offered_ma + 2_000)
        box.car.hear(at_us + 50_000, box.pulse.offered_ma)


def greatest_of_all(self):
    limits, self._limits = self._limits, [max(self._limits)]
    ORDER(self)
    self._limits = limits


def at_least_the_minimum(self):
    limits, self._limits = self._limits, [max(one, self._low_ma) for one in self._limits]
    ORDER(self)
    self._limits = limits


# -- watchdogs -------------------------------------------------------------------------------------------------------

NEXT = vars(IdleTimer)["next_us"].fget
RECALL = Guard.recall
ACTING = Guard._acting_ma


def fed_by_any(self):
    RECALL(self)
    self._any = True


def fed_by_reads_only(self):
    RECALL(self)
    self._any = False
    self._dog = replace(self._dog, kind="read", span=(0, 0xFFFF))


def secret_timer(self):
    """A watchdog of which its sheet says nothing; nothing feeds it."""
    RECALL(self)
    self._any = False
    self._box.idle.after_us = 60 * SECOND_US


def token_alone(self, at_us, _register, _value):
    self._feed(at_us)


def latches(self, at_us):
    self._access_us = at_us
    return False


# -- requests and answers --------------------------------------------------------------------------------------------


def writing(device, name, value):
    """The request that writes this value to a register."""
    register = load(device).register(name)
    return written(register, encode(register, value))


def deaf_to(pdu):
    return lambda _lone, asked: None if asked == pdu else asked


def instead(pdu, other):
    return lambda _lone, asked: other if asked == pdu else asked


def also(pdu_head, more):
    """A write that begins so has another done with it."""

    def change(lone, asked):
        if asked.startswith(pdu_head):
            lone.slave.answer(lone.spec.unit, more, lone.world.now_us)
        return asked

    return change


def reads(asked):
    return asked[0] in {3, 4}


def shows(device, name, words):
    """A register tells other words, as ``words`` says of the right ones."""
    register = load(device).register(name)

    def spoil(_lone, asked, right):
        if right is None or right[0] & 0x80 or not reads(asked) or asked[1:3] != register.at.to_bytes(2, "big"):
            return right
        return right[:2] + words(right[2:])

    return spoil


def one_more(data):
    return (int.from_bytes(data, "big") + 1).to_bytes(len(data), "big")


def silent_once_something_moved():
    seen = [False]

    def spoil(lone, _asked, right):
        was, seen[0] = seen[0], lone.box.contactor.closed
        return right if was == seen[0] else None

    return spoil


def obeys_whatever_the_length(_lone, asked):
    """Takes a write of several registers by its head, and what is missing or too much does not matter."""
    if asked[0] != 16 or len(asked) < 6:
        return asked
    count = max(1, min(int.from_bytes(asked[3:5], "big"), 2))
    data = (asked[6:] + bytes(2 * count))[: 2 * count]
    return asked[:3] + count.to_bytes(2, "big") + bytes((2 * count,)) + data


def dies_of_nonsense():
    """Answers no more for a minute once it could not understand something."""
    until = [0]

    def spoil(lone, asked, right):
        now_us = lone.world.now_us
        if reads(asked) and len(asked) != 5:
            until[0] = now_us + 60 * SECOND_US
        return None if now_us < until[0] else right

    return spoil


def fed_by_nonsense(lone, _asked, right):
    if right is None or right[0] & 0x80:
        lone.world.act(lone.box.heard)
    return right


def never_falls_after_nonsense(lone, asked, right):
    if reads(asked) and len(asked) != 5:
        lone.world.act(lambda _at_us: setattr(lone.box.idle, "after_us", 0))
    return right


def stale_when_asked_twice():
    last = [b""]

    def spoil(_lone, asked, right):
        again, last[0] = asked == last[0], asked
        return right[:-1] + bytes((right[-1] ^ 1,)) if again and reads(asked) and right and right[0] < 0x80 else right

    return spoil


def blocks_out_of_step(_lone, asked, right):
    """The last two words of a longer read change places, and then differ from what stands there."""
    if right is None or right[0] & 0x80 or not reads(asked) or right[1] < 10:
        return right
    return right[:-4] + right[-2:] + bytes((right[-4], right[-3] ^ 1))


def sheet_with(**fields):
    return lambda sheet: replace(sheet, **fields)


def reading_with(**fields):
    return lambda sheet: replace(sheet, reading=replace(sheet.reading, **fields))


def watchdog_with(**fields):
    return lambda sheet: replace(sheet, watchdog=replace(sheet.watchdog, **fields))


def without_flash(sheet):
    return replace(sheet, registers=tuple(replace(one, stores="") for one in sheet.registers))


WRONG = (
    patched(
        "B01",
        "no limit before a car is there",
        "abb-terra-ac",
        Orders,
        "_order",
        order(lambda o, _ma: o._box.car is None),
    ),
    patched(
        "B02",
        "no cut while it charges",
        "bender-cc612",
        Orders,
        "_order",
        order(lambda o, ma: o._box.contactor.closed and ma < o._box.limit_ma),
    ),
    patched("B02", "a moment above on the way up", "bender-cc612", Box, "_offer", overshoots),
    patched("B03", "loses limits", "webasto-next", Orders, "_order", forgetful()),
    patched("B04", "no limit while phases change", "alfen-eve", Box, "granted_ma", granted(unbound_while_switching)),
    patched("B05", "phases stay", "alfen-eve", Box, "select_relay", lambda _box, _at_us, _one: None),
    patched(
        "B05", "phases stay, and it shows them changed", "goe-gemini", Box, "select_relay", lambda _b, _at, _one: None
    ),
    patched("B06", "rounds up", "abb-terra-ac", Box, "granted_ma", granted(rounded_up)),
    patched("B07", "more than it bears", "em2go-home", Box, "granted_ma", granted(unclipped)),
    otherwise("B08", "shows more", "em2go-home", spoil=shows("em2go-home", "current_limit", one_more)),
    patched("B09", "0 is the minimum", "evse-din", Orders, "_order", at_least_the_minimum),
    otherwise("B09", "0 is taken for none", "goe-gemini", change=deaf_to(writing("goe-gemini", "ampere_volatile", 0))),
    patched(
        "B10",
        "below the minimum is no limit",
        "abb-terra-ac",
        Orders,
        "_order",
        order(lambda o, ma: 0 < ma < o._low_ma),
    ),
    patched("B11", "the greatest holds", "innogy-ebox", Orders, "_order", greatest_of_all),
    otherwise("B12", "no pause", "em2go-home", change=deaf_to(writing("em2go-home", "charge_command", 2))),
    otherwise(
        "B13",
        "goes on at its maximum",
        "em2go-home",
        change=also(writing("em2go-home", "charge_command", 1), writing("em2go-home", "current_limit", 16_000)),
    ),
    otherwise(
        "B14",
        "a limit ends a pause",
        "em2go-home",
        change=also(writing("em2go-home", "current_limit", 7_000), writing("em2go-home", "charge_command", 1)),
    ),
    otherwise("B15", "another code", "bender-cc612", spoil=shows("bender-cc612", "vehicle_state", one_more)),
    otherwise("B16", "silent once something moved", "bender-cc612", spoil=silent_once_something_moved()),
    patched("B17", "never falls back", "webasto-next", IdleTimer, "next_us", property(lambda _timer: FAR)),
    patched(
        "B18",
        "falls back at half time",
        "webasto-next",
        IdleTimer,
        "next_us",
        property(lambda timer: NEXT(timer) if NEXT(timer) == FAR else NEXT(timer) - timer.after_us // 2),
    ),
    patched(
        "B17",
        "falls back half a minute late",
        "webasto-next",
        IdleTimer,
        "next_us",
        property(lambda timer: NEXT(timer) if NEXT(timer) == FAR else NEXT(timer) + 30 * SECOND_US),
    ),
    patched("B19", "another current", "webasto-next", Guard, "_acting_ma", lambda self: ACTING(self) + 1_000),
    otherwise(
        "B20",
        "0 is the minimum",
        "power-brain",
        change=instead(
            writing("power-brain", "fail_safe_current", 0), writing("power-brain", "fail_safe_current", 6_000)
        ),
    ),
    patched("B21", "never ends", "em2go-home", IdleTimer, "heard", latches),
    patched("B22", "one of three ends it", "mennekes-compact", Guard, "_recover", token_alone),
    otherwise("B23", "keeps its time", "webasto-next", change=deaf_to(writing("webasto-next", "com_timeout", 30))),
    otherwise("B23", "another current", "webasto-next", spoil=shows("webasto-next", "safe_current", one_more)),
    patched("B24", "a secret watchdog", "goe-gemini", Guard, "recall", secret_timer),
    patched("B25", "writes do not count", "em2go-home", Guard, "recall", fed_by_reads_only),
    patched("B26", "any request counts", "openwb-series2", Guard, "recall", fed_by_any),
    patched("B27", "any request counts", "alfen-eve", Guard, "recall", fed_by_any),
    patched("B27", "the limit does not count", "alfen-eve", Guard, "_is_food", lambda *_: False),
    patched("B28", "any request counts", "keba-p30", Guard, "recall", fed_by_any),
    patched("B29", "any request counts", "mennekes-compact", Guard, "recall", fed_by_any),
    patched("B30", "any request counts", "vestel-evc04", Guard, "recall", fed_by_any),
    patched("B31", "any request counts", "smartevse", Guard, "recall", fed_by_any),
    patched("B32", "a secret watchdog", "mennekes-hcc3", Guard, "recall", secret_timer),
    otherwise("B33", "obeys whatever the length", "bender-cc612", change=obeys_whatever_the_length),
    otherwise("B33", "dies of nonsense", "bender-cc612", spoil=dies_of_nonsense()),
    otherwise("B34", "obeys whatever the length", "innogy-ebox", change=obeys_whatever_the_length),
    otherwise("B35", "nonsense counts", "alfen-eve", spoil=fed_by_nonsense),
    otherwise("B35", "no failsafe after nonsense", "power-brain", spoil=never_falls_after_nonsense),
    otherwise("B36", "stale when asked twice", "phoenix-ev-cc-eth", spoil=stale_when_asked_twice()),
    otherwise("B37", "blocks out of step", "amperfied-connect", spoil=blocks_out_of_step),
    otherwise("B38", "zeros for nothing", "vestel-evc04", built=reading_with(gaps="zero")),
    otherwise("B38", "zeros for no value", "alfen-eve", built=reading_with(gaps="zero")),
    otherwise("B39", "tables of their own", "openwb-series2", built=reading_with(shared=False)),
    patched(
        "B40",
        "starts at its maximum",
        "abb-terra-ac",
        Box,
        "restore",
        lambda box: setattr(box, "_in_force", (16_000, True)),
    ),
    otherwise(
        "B40",
        "its default is lost",
        "power-brain",
        change=deaf_to(writing("power-brain", "def_charging_cur_limit", 7_000)),
    ),
    otherwise("B41", "what is stored is lost", "keba-p30", built=watchdog_with(store=())),
    otherwise("B41", "an old firmware", "heidelberg-energy-control", quirks=("firmware-1-0-7",)),
    otherwise("B41", "what is not stored is kept", "keba-p40", built=watchdog_with(keeps="flash")),
    otherwise("B05", "one phase near the least current", "alfen-eve", quirks=("drops-to-one-phase",)),
    otherwise("B13", "forgets its limit in a pause", "em2go-home", quirks=("forgets-limit-at-start",)),
    otherwise("B02", "has a manager of its own", "power-brain", quirks=("manages-itself",)),
    otherwise("B12", "ignores writes", "tinkerforge-warp", quirks=("ignores-writes",)),
    otherwise("B15", "shows a fault without one", "innogy-ebox", quirks=("shows-e-without-fault",)),
    otherwise("B23", "refuses other settings", "power-brain", quirks=("fixed-failsafe",)),
    otherwise("B42", "a limit wears", "goe-gemini", quirks=("wears-by-volatile",)),
    otherwise("B43", "wear is not told", "keba-p30", built=without_flash),
)

"""Every quirk by name: what a device does with it, and what without."""

from __future__ import annotations

from typing import Any

import pytest

from chargebench.datasheets.load import load, names
from chargebench.emulator.actions import Close, Send
from chargebench.emulator.adu import burst_us, pack_rtu, unpack_rtu
from chargebench.emulator.device import Refused
from chargebench.emulator.devices import heidelberg, odd_answers, odd_cells, odd_devices, odd_meters, quirks
from chargebench.emulator.devices.sunspec import CHANGING
from chargebench.emulator.framing import RtuEnd, TcpEnd
from chargebench.emulator.kinds import KINDS, kind_of_sheet
from chargebench.emulator.manner import POWER_BRAIN
from chargebench.emulator.moods import FORGETS_US, MOODS, PAUSES
from chargebench.emulator.slave import Slave
from chargebench.emulator.spec import ConnectionSpec
from tests.emulator.boxes import Bank
from tests.emulator.test_general_meters import value as meter_value
from tests.emulator.worlds import Bench, S, grid_meter

GENERAL = {
    *quirks.CHANGES,
    *quirks.UNLESS,
    *odd_cells.NAMES,
    *odd_answers.NAMES,
    *odd_devices.NAMES,
    *odd_meters.NAMES,
    *MOODS,
    CHANGING,
}
OWN = {"power-brain": POWER_BRAIN.quirks, "heidelberg-energy-control": heidelberg.MANNER.quirks}
SHEETS = [load(name) for name in names()]
BURST_S = 301
NAMED = [(sheet.name, one.name) for sheet in SHEETS for one in sheet.quirks if one.name]


# -- names -----------------------------------------------------------------------------------------------------------


def test_every_quirk_that_a_sheet_names_is_known_to_the_emulator_and_shown_here():
    elsewhere = {quirks.ANSWERS_WITH_GT}
    unknown = [(device, name) for device, name in NAMED if device not in OWN and name not in GENERAL | elsewhere]
    assert unknown == []
    assert {(device, name) for device, name in NAMED if device in OWN} == {
        (device, name) for device, known in OWN.items() for name in known
    }
    shown = {(device, name) for device, name, *_ in (*SHOWN, *METERED)}
    assert [one for one in NAMED if one not in shown and one[0] not in OWN and one[1] not in elsewhere] == []


def test_every_quirk_that_the_emulator_knows_is_in_a_sheet():
    assert {name for _device, name in NAMED} >= GENERAL


def test_a_box_has_the_quirks_of_all_such_boxes_unless_they_are_off():
    assert Bank("openwb-series2").box.quirks == ("torn-numbers", "overflow-reads-minus-one")
    assert Bank("openwb-series2", without=("torn-numbers",)).box.quirks == ("overflow-reads-minus-one",)
    assert Bank("keba-p30").box.quirks == ()
    assert Bank("keba-p30", quirks=("fails-in-bursts",)).box.quirks == ("fails-in-bursts",)
    assert kind_of_sheet(load("goe-gemini")).manner.usual == ("without-function-6",)
    assert KINDS["power-brain"].manner.usual == ()


@pytest.mark.parametrize("changes", [{"quirks": ("haunted",)}, {"without": ("haunted",)}])
def test_a_quirk_that_a_device_has_not_is_refused(changes):
    with pytest.raises(ValueError, match="got haunted"):
        Bank("alfen-eve", **changes)
    with pytest.raises(ValueError, match="box box: a phoenix-ev-ser has no quirks, got haunted"):
        Bank("phoenix-ev-ser", **changes)
    with pytest.raises(ValueError, match="meter grid: eastron-sdm120 has no quirk haunted"):
        Bench(meters=[grid_meter(device="eastron-sdm120", **changes)])


# -- looks -----------------------------------------------------------------------------------------------------------


def words(one, table, at, count):
    """What a read of the device itself gets: words, or the exception code."""
    try:
        return tuple(one.device().read(table, at, count))
    except Refused as refusal:
        return refusal.code


def taken(one, table, at, count):
    """How many words a read gets, or the exception code."""
    found = words(one, table, at, count)
    return found if isinstance(found, int) else len(found)


def wrote(one, table, at, *values):
    """The exception code of a write, 0 where it is taken."""
    try:
        one.device().write(table, at, values)
    except Refused as refusal:
        return refusal.code
    return 0


def later(seconds, look):
    return lambda one: look(one.to(seconds * S))


def of(name):
    return lambda one: one.value(name)


def charging(look):
    """Looks at a box that charges at 10 A, 60 s after the start."""
    return lambda one: look(one.to(1 * S).limit(10_000).to(60 * S))


def waiting(look):
    """Looks at a box whose car was stopped."""
    return charging(lambda one: look(one.limit(0).after(40)))


def full(look):
    """Looks at a box whose car is offered 10 A and takes nothing more."""
    return charging(lambda one: look(one.to(5 * 3600 * S)))


def exchanged(slave, unit, pdus, first_us):
    end, found = TcpEnd(slave), []
    for number, pdu in enumerate(pdus, 1):
        head = number.to_bytes(2, "big") + b"\0\0" + (len(pdu) + 1).to_bytes(2, "big") + bytes((unit,))
        actions = end.receive(head + pdu, first_us + number)
        found.append(_shown(actions[0]) if actions else None)
    return found


def _shown(action):
    if isinstance(action, Close):
        return "closed"
    assert isinstance(action, Send)
    length = int.from_bytes(action.data[4:6], "big")
    return (int.from_bytes(action.data[:2], "big"), action.data[7:]) if length == len(action.data) - 6 else length


def read(at, count=1, function=3):
    return bytes((function,)) + at.to_bytes(2, "big") + count.to_bytes(2, "big")


def write(at, value):
    return b"\x06" + at.to_bytes(2, "big") + value.to_bytes(2, "big")


def asked(*pdus, at_s=60):
    """Looks at what one connection gets."""

    def look(one):
        (server,) = one.to(at_s * S).world.servers()
        return exchanged(Slave(server.units, tamper=server.tamper), server.members[0].unit, pdus, at_s * S)

    return look


def twice(one):
    """Whether each of two requests is answered."""
    (server,) = one.to(60 * S).world.servers()
    slave, (member,) = Slave(server.units), server.members
    return [slave.answer(member.unit, read(15, 5), 60 * S, serial=True) is not None for _ in range(2)]


def led(one):
    """The state as a car comes, as it may be there, as it may charge, and once it has been stopped and may again."""
    shown = [one.to(1 * S).limit(10_000).to(11 * S).value("state")]
    for answer in (5, 7):
        wrote(one, "holding", 0, answer)
        shown += [one.after(10).value("state")]
    return [*shown, one.limit(0).after(40).limit(10_000).after(20).value("state")]


def paused_often(one):
    """The state after so many pauses."""
    one.to(1 * S).limit(10_000).to(60 * S)
    for _ in range(PAUSES):
        one.limit(0).after(40).limit(10_000).after(40)
    return one.letter()


def restarted_with_one_phase(one):
    """The limit and the phases of a box that was paused, told another limit and started."""
    one.to(1 * S).limit(10_000).to(60 * S).put("charge_command", 2).put("current_limit", 7_000).after(40)
    one.box.relay_select = 1
    one.put("charge_command", 1).after(40)
    return one.value("current_limit"), one.box.relay_select


def switched_late(one):
    """Whether phases can be changed one day after the start, as it says and as it is."""
    one.to(86_400 * S)
    one.put("phase_switch", 0)
    return one.value("phases_switchable"), one.box.relay_select


def one_phase_shown(one):
    one.to(1 * S).put("set_phase_switch_source", 3).put("trigger_phase_switch", 0)
    return one.value("phase_switch_state")


def energy_crossing(one):
    """The energy in the instant in which it comes to need its first word, and its second word read alone after that."""
    one.to(1 * S).limit(32_000)
    crossing_us = CROSSING_S * S
    assert words(one.to(crossing_us - S), "input", 10_102, 2)[0] == 0
    now = words(one.to(crossing_us + 500), "input", 10_102, 2)
    return now[0], words(one.to(crossing_us + 3600 * S), "input", 10_103, 1)[0] == now[1]


def metered(look, at_s=60):
    """Looks at a meter of the grid that sees 5 A on each phase."""
    return lambda one: look(one.to(at_s * S))


def shown(name):
    return lambda one: meter_value(one, one.sheet, name)


def _heard(actions):
    if not actions:
        return None
    (action,) = actions
    assert isinstance(action, Send)
    return "stray" if unpack_rtu(action.data) is None else "right"


def on_a_line(*pdus, apart_us):
    """What a meter on a line answers to requests that follow its answers so closely."""

    def look(one):
        (server,) = one.to(60 * S).world.servers()
        end, now_us, found = RtuEnd(Slave(server.units, tamper=server.tamper), 9600), 60 * S, []
        for pdu in pdus:
            frame = pack_rtu(1, pdu)
            now_us += burst_us(len(frame), 9600, 11)
            end.receive(frame, now_us)
            now_us = end.next_us or now_us
            actions = end.advance(now_us)
            found.append(_heard(actions))
            now_us += (actions[0].after_us if actions else 0) + apart_us
        return found

    return look


class Meter(Bench):
    """A meter of the grid that sees 5 A on each phase."""

    def __init__(self, device, **switched):
        self.sheet = load(device)
        super().__init__(meters=[grid_meter(device=device, **switched)], house=((0, (5_000,) * 3),))

    def device(self, name="grid"):
        return super().device(name)


RARE = {(sheet.name, one.name) for sheet in SHEETS for one in sheet.quirks if one.rare}
CROSSING_S = 10_700
WORLDS: dict[str, dict[str, Any]] = {
    "torn-numbers": {"wanted_wh": 90_000, "max_ma": 32_000},
    "overflow-reads-minus-one": {"connection": ConnectionSpec(63_000, voltage_mv=400_000)},
}
"""Worlds in which there is something to see."""
FIRST, POWER = read(1000, 2), read(52, 2, 4)
STATE = b"\x03\x04\0\0\0\x03"
SHOWN = [
    (
        "abl-em4",
        "spoils-single-writes",
        asked(write(12338, 100)),
        [(1, write(12338, 100))],
        [(1, write(12338, 100)[:-1])],
    ),
    ("abl-emh1", "loses-first-request", twice, [True, True], [False, True]),
    ("alfen-eve", "shows-e-without-fault", waiting(of("mode3_state")), "B1", "E"),
    (
        "alfen-eve",
        "drops-to-one-phase",
        charging(lambda one: one.limit(6_000).after(60).drawn_ma()),
        (6_000,) * 3,
        (6_000, 0, 0),
    ),
    ("alfen-eve", "low-word-first", later(60, lambda one: words(one, "holding", 1206, 2)), (0x40C0, 0), (0, 0x40C0)),
    ("bender-cc612", "closes-on-unknown", asked(read(730)), [(1, b"\x03\x02\0\0")], ["closed"]),
    (
        "bender-cc612",
        "power-missing-at-times",
        charging(lambda one: words(one.to(BURST_S * S), "holding", 220, 2)),
        (0, 6_900),
        (0xFFFF, 0xFFFF),
    ),
    (
        "bender-cc612",
        "impossible-length",
        lambda one: asked(*[read(122)] * odd_answers.EVERY)(one)[-1],
        (odd_answers.EVERY, b"\x03\x02\0\x03"),
        odd_answers.IMPOSSIBLE_LENGTH,
    ),
    ("bender-cc612", "state-in-hex", charging(of("vehicle_state")), 3, 0x0C),
    ("em2go-home", "whole-amperes", charging(lambda one: wrote(one, "holding", 91, 61)), 0, 3),
    ("em2go-home", "fails-in-bursts", later(BURST_S, lambda one: words(one, "holding", 0, 1)), (4,), 4),
    ("em2go-home", "charging-without-power", full(of("state")), 2, 4),
    ("em2go-home", "forgets-limit-at-start", restarted_with_one_phase, (7_000, 1), (16_000, 0)),
    ("evse-din", "hundredth-amperes", later(60, lambda one: words(one, "holding", 1000, 1)), (16,), (1_600,)),
    ("goe-gemini", "without-function-6", asked(write(299, 10)), [(1, write(299, 10))], [(1, b"\x86\x01")]),
    ("goe-gemini", "bytes-swapped", later(60, lambda one: words(one, "input", 100, 1)), (2,), (0x0200,)),
    (
        "goe-gemini",
        "refuses-writes",
        asked(b"\x10\x01\x2b\0\x01\x02\0\x08"),
        [(1, b"\x10\x01\x2b\0\x01")],
        [(1, b"\x90\x01")],
    ),
    ("goe-gemini", "wears-by-volatile", charging(lambda one: one.device().flash_writes), 0, 1),
    ("innogy-ebox", "currents-wrong-unless-charging", full(of("current_l1")), 0, 10_000),
    ("innogy-ebox", "shows-e-without-fault", waiting(of("state")), "B", "E"),
    (
        "keba-p30",
        "loses-first-read",
        lambda one: [asked(FIRST, FIRST)(one), asked(FIRST, at_s=70)(one), asked(FIRST, at_s=80)(one)],
        [[(1, STATE), (2, STATE)], [(1, STATE)], [(1, STATE)]],
        [[None, (2, STATE)], [(1, b"\x83\x02")], ["closed"]],
    ),
    ("keba-p30", "wrong-byte-count", asked(FIRST), [(1, STATE)], [(1, b"\x03\x08" + STATE[2:] * 2)]),
    ("keba-p30", "fails-in-bursts", later(BURST_S, lambda one: words(one, "holding", 1014, 2)), (0, 0), 4),
    ("keba-p30", "wrong-phase-state", one_phase_shown, 0, 3),
    ("keba-p40", "loses-first-read", asked(FIRST), [(1, STATE)], [None]),
    ("keba-p40", "counts-whole-wh", full(lambda one: words(one, "holding", 1036, 2)), (3, 0x0D40), (0, 20_000)),
    ("keba-p40", "wrong-byte-count", asked(FIRST), [(1, STATE)], [(1, b"\x03\x08" + STATE[2:] * 2)]),
    ("keba-p40", "fails-in-bursts", later(BURST_S, lambda one: words(one, "holding", 1014, 2)), (0, 0), 4),
    (
        "mennekes-compact",
        "low-word-first",
        later(60, lambda one: words(one, "holding", 770, 2)),
        (0x4180, 0),
        (0, 0x4180),
    ),
    ("mennekes-compact", "without-energy", later(1, lambda one: words(one, "holding", 4096, 2)), (0, 0), 2),
    ("openwb-series2", "torn-numbers", energy_crossing, (1, False), (0, True)),
    ("openwb-series2", "overflow-reads-minus-one", charging(of("voltage_l1")), 327_670, -10),
    ("phoenix-ev-cc-eth", "tenth-amperes", later(60, lambda one: words(one, "holding", 528, 1)), (16,), (160,)),
    (
        "phoenix-ev-cc-eth",
        "answers-one-late",
        asked(read(528), read(100, 1, 4)),
        [(1, b"\x03\x02\0\x10"), (2, b"\x04\x02\0\x43")],
        [None, (1, b"\x03\x02\0\x10")],
    ),
    ("smartevse", "asks-leave", led, [2, 2, 2, 2], [4, 6, 2, 6]),
    (
        "tinkerforge-warp",
        "refuses-writes",
        asked(b"\x10\x03\xea\0\x02\x04\0\0\x27\x10"),
        [(1, b"\x10\x03\xea\0\x02")],
        [(1, b"\x90\x01")],
    ),
    ("tinkerforge-warp", "ignores-writes", charging(of("allowed_current")), 10_000, 16_000),
    ("tinkerforge-warp", "zero-for-unknown", later(1, lambda one: words(one, "input", 99, 1)), 2, (0,)),
    ("vestel-evc04", "loses-phase-switch", switched_late, (1, 1), (0, 0)),
    (
        "vestel-evc04",
        "forgets-stop",
        waiting(lambda one: (one.value("charging_current"), one.after(FORGETS_US / S).value("charging_current"))),
        (0, 0),
        (0, 6_000),
    ),
    ("webasto-next", "faults-after-pauses", paused_often, "C", "F"),
    (
        "webasto-next",
        "refuses-first-reads",
        later(1, lambda one: [words(one, "holding", 1000, 1) for _ in range(4)]),
        [(0,)] * 4,
        [2, 2, 2, (0,)],
    ),
]
METERED = [
    *(
        (name, "ten-times-frequency", metered(shown("frequency"), BURST_S), 50_000, 500_000)
        for name, quirk in NAMED
        if quirk == "ten-times-frequency"
    ),
    ("carlo-gavazzi-em24", "no-export", metered(shown("export_energy"), 3600), 0, 3_400),
    ("eastron-sdm120", "leading-zero-byte", on_a_line(POWER, apart_us=0), ["right"], ["stray"]),
    ("eastron-sdm72-v2", "ten-words-a-read", metered(lambda one: taken(one, "input", 24, 12)), 12, 2),
    *(
        (name, "restarts-when-hurried", on_a_line(POWER, POWER, apart_us=apart_us), ["right"] * 2, ["right", then])
        for name in ("eastron-sdm72", "eastron-sdm72-v2")
        for apart_us, then in ((50_000, None), (150_000, "right"))
    ),
    ("sunspec-203", "short-common-model", metered(lambda one: words(one, "holding", 40_069, 1)), (0x8000,), (203,)),
    ("sunspec-203", "begins-at-0", metered(lambda one: words(one, "holding", 0, 2)), 2, (0x5375, 0x6E53)),
    ("sunspec-203", "begins-at-50000", metered(lambda one: words(one, "holding", 50_000, 2)), 2, (0x5375, 0x6E53)),
    ("sunspec-203", "without-phase-powers", metered(lambda one: words(one, "holding", 40_089, 1)), (115,), (0x8000,)),
    ("sunspec-203", "one-phase", metered(lambda one: words(one, "holding", 40_074, 1)), (500,), (0x8000,)),
    ("sunspec-203", "changing-exponents", metered(lambda one: words(one, "holding", 40_076, 1)), (0xFFFE,), (0xFFFD,)),
    (
        "sunspec-203",
        "exponents-missing-at-times",
        metered(lambda one: words(one, "holding", 40_092, 1), BURST_S),
        (1,),
        (0x8000,),
    ),
    ("sunspec-203", "power-of-other-sign", metered(lambda one: words(one, "holding", 40_088, 1)[0] >> 15), 0, 1),
]


@pytest.mark.parametrize(("device", "name", "look", "without", "with_it"), SHOWN)
def test_a_box_does_one_thing_with_a_quirk_and_another_without(device, name, look, without, with_it):
    world = WORLDS.get(name, {})
    assert look(Bank(device, without=() if (device, name) in RARE else (name,), **world)) == without
    assert look(Bank(device, quirks=(name,), without=(), **world)) == with_it
    assert without != with_it


@pytest.mark.parametrize(("device", "name", "look", "without", "with_it"), METERED)
def test_a_meter_does_one_thing_with_a_quirk_and_another_without(device, name, look, without, with_it):
    assert look(Meter(device)) == without
    assert look(Meter(device, quirks=(name,))) == with_it


def test_an_abl_begins_its_answers_with_another_sign_than_a_colon_unless_that_is_off():
    leads = [Bank("abl-emh1", without=off).world.servers()[0].lead for off in ((), (quirks.ANSWERS_WITH_GT,))]
    assert leads == [b">", b":"]

"""The EVSEs of the catalogue: their states, limits, watchdogs and connections are what the sources say."""

from dataclasses import dataclass

import pytest

from chargebench.datasheets.behaviour import Control, Phases, States, Watchdog
from chargebench.datasheets.load import load, names
from chargebench.datasheets.model import Datasheet

STATION = "alfen-eve-station"  # an Eve without its sockets: nothing charges there
EVSES = [name for name in names() if load(name).kind == "evse" and name != STATION]


@dataclass(frozen=True)
class Told:
    """What the sheet of a box must tell."""

    sheet: Datasheet
    states: States
    control: Control
    watchdog: Watchdog


def told(name: str) -> Told:
    sheet = load(name)
    assert sheet.states is not None
    assert sheet.control is not None
    assert sheet.watchdog is not None
    return Told(sheet, sheet.states, sheet.control, sheet.watchdog)


def phases_of(name: str) -> Phases:
    phases = told(name).control.phases
    assert phases is not None
    return phases


def letters(codes):
    """``A: 0 1, B: 2`` as a mapping from code to letter."""
    return {
        int(code, 0): letter
        for part in codes.split(", ")
        for letter, _, rest in [part.partition(": ")]
        for code in rest.split()
    }


def test_all_25_are_there():
    assert len(EVSES) == 25


@pytest.mark.parametrize("name", EVSES)
def test_a_box_tells_its_states_its_control_and_what_is_known_of_its_watchdog(name):
    box = told(name)
    assert {"A", "B", "C"} <= {letter for letter, _ in box.states.cases}
    limits = dict(box.sheet.limits)
    assert limits["minimum_ma"] == 6_000
    assert limits["minimum_ma"] < limits["maximum_ma"]
    for one in box.control.limit.registers:
        register = box.sheet.register(one)
        assert register.high is not None
        assert register.high >= limits["maximum_ma"]
        assert register.low in (0, 6_000)
        assert limits["step_ma"] % (register.step or 1) == 0


def driven(box):
    """Names of the registers that a driver of the box reads or writes."""
    control, watchdog, limit = box.control, box.watchdog, box.control.limit
    phases, meter = control.phases, box.sheet.meter
    found = [*box.states.registers, *limit.registers, limit.shown, limit.default]
    found += [name for name, _ in (*control.pause, *control.resume, *watchdog.store)]
    found += [watchdog.register, watchdog.left, *watchdog.recovery]
    found += [name for one in (watchdog.timeout, watchdog.failsafe) for name in (one.register, one.write)]
    if phases:
        found += [phases.register, phases.shown, *(name for name, _ in (*phases.before, *phases.after))]
    if meter:
        found += [*meter.currents, meter.power, meter.imported, meter.exported, meter.total]
    return [name for name in dict.fromkeys(found) if name and not box.sheet.register(name).unverified]


@pytest.mark.parametrize("name", EVSES)
def test_every_register_that_a_driver_uses_is_proven(name):
    box = told(name)
    proven = {one.register for one in box.sheet.golden}
    unproven = [one for one in driven(box) if one not in proven]
    # of the Power Brain a dump or a printed line is there for all but the switch between its two contactors
    assert unproven == (["relay_select"] if name == "power-brain" else [])


@pytest.mark.parametrize("name", EVSES)
def test_every_line_of_a_box_names_its_source(name):
    if name != "power-brain":  # whose lines are all of one page, named at the top
        assert [one.name for one in load(name).registers if not one.source] == []


@pytest.mark.parametrize(
    ("name", "codes"),
    [
        ("power-brain", "A: 0, B: 1, C: 2, D: 3, E: 4, F: 5 9"),
        ("heidelberg-energy-control", "A: 2 3, B: 4 5, C: 6 7 8, E: 9, F: 10 11"),
        ("amperfied-connect", "A: 2 3, B: 4 5, C: 6 7 8, E: 9, F: 10 11"),
        (
            "abl-emh1",
            "A: 0xA1, B: 0xB1 0xB2, C: 0xC2 0xC3 0xC4, E: 0xE0 0xE1 0xE2 0xE3, F: "
            + " ".join(f"0xF{digit:X}" for digit in range(1, 12)),
        ),
        ("abl-em4", "A: 0xA0 0xA1 0xA2, B: 0xB0 0xB1 0xB2 0xB3, C: 0xC2, E: 0xE0 0xE2, F: 0xF0"),
        ("mennekes-compact", "A: 1, B: 2 3 4, C: 5, F: 0 6 7"),
        ("mennekes-hcc3", "A: 1 2, B: 3 4, C: 5 6"),
        ("bender-cc612", "A: 1 0x0A, B: 2 0x0B, C: 3 4 0x0C 0x0D, E: 5 0x0E"),
        ("phoenix-ev-cc-eth", "A: 0x41, B: 0x42, C: 0x43 0x44, E: 0x45, F: 0x46"),
        ("phoenix-em-cp-pp-eth", "A: 0x41, B: 0x42, C: 0x43 0x44, E: 0x45, F: 0x46"),
        ("phoenix-ev-ser", "A: 0x4100, B: 0x4200, C: 0x4300 0x4400, E: 0x4500, F: 0x4600"),
        ("webasto-next", "A: 0 8, B: 1 4, C: 3, F: 7"),
        ("goe-gemini", "A: 1, B: 3 4, C: 2, F: 0"),
        ("schneider-evlink-pro", "A: 0 1 2 6, B: 3 4 5 7, C: 8 9"),
        ("tinkerforge-warp", "A: 0, B: 1, C: 2 3, F: 4"),
        ("em2go-home", "A: 1 9, B: 2 3 5 6, C: 4"),
        ("smartevse", "A: 0, B: 1 4 5 6 8 9 11 12 13 14, C: 2 3 7 10"),
    ],
)
def test_a_code_of_one_register_means_the_state_that_its_clients_take_it_for(name, codes):
    states = told(name).states
    meant = letters(codes)
    found = {code: states.letter({states.register: code}) for code in meant}
    assert found == meant
    step = states.mask & -states.mask or 1
    assert [
        code for code in range(0, 256 * step, step) if states.letter({states.register: code}) and code not in meant
    ] == []


@pytest.mark.parametrize("mask_outside", [0x2E00, 0x0100])
def test_what_the_mask_leaves_out_does_not_change_the_state(mask_outside):
    states = told("abl-emh1").states
    assert states.letter({"state": mask_outside | 0xB2}) == "B"
    assert told("phoenix-ev-ser").states.letter({"state": 0x4300 | 0x20}) == "C"
    assert told("abb-terra-ac").states.letter({"charging_state": 0x0000_8455, "socket_lock": 0}) == "C"


@pytest.mark.parametrize(
    ("name", "raw", "letter"),
    [
        ("keba-p30", {"charging_state": 3, "cable_state": 7}, "C"),
        ("keba-p30", {"charging_state": 2, "cable_state": 7}, "B"),
        ("keba-p30", {"charging_state": 1, "cable_state": 5}, "B"),  # waits for a card
        ("keba-p30", {"charging_state": 5, "cable_state": 7}, "B"),
        ("keba-p30", {"charging_state": 1, "cable_state": 3}, "A"),
        ("keba-p40", {"charging_state": 4, "cable_state": 7}, "F"),
        ("keba-p40", {"charging_state": 0, "cable_state": 0}, "F"),
        ("vestel-evc04", {"charge_point_state": 1, "charge_state": 1, "cable_state": 3}, "C"),
        ("vestel-evc04", {"charge_point_state": 3, "charge_state": 0, "cable_state": 2}, "B"),
        ("vestel-evc04", {"charge_point_state": 0, "charge_state": 0, "cable_state": 1}, "A"),
        ("vestel-evc04", {"charge_point_state": 8, "charge_state": 0, "cable_state": 3}, "F"),
        ("openwb-series2", {"plugged": 1, "charging": 1}, "C"),
        ("openwb-series2", {"plugged": 1, "charging": 0}, "B"),
        ("openwb-series2", {"plugged": 0, "charging": 0}, "A"),
        ("abb-terra-ac", {"charging_state": 0x0500, "socket_lock": 0x0101}, "B"),
        ("abb-terra-ac", {"charging_state": 0x0500, "socket_lock": 0x0100}, "A"),
        ("abb-terra-ac", {"charging_state": 0x8200, "socket_lock": 0x0111}, "B"),
        ("abb-terra-ac", {"charging_state": 0x0000, "socket_lock": 0}, "A"),
        ("evse-din", {"state": 3, "current": 6}, "C"),
        ("evse-din", {"state": 3, "current": 0}, "B"),
        ("evse-din", {"state": 4, "current": 0}, "B"),
        ("evse-din", {"state": 5, "current": 6}, "F"),
        ("alfen-eve", {"mode3_state": "E"}, "A"),
        ("alfen-eve", {"mode3_state": "C1"}, "B"),
        ("alfen-eve", {"mode3_state": "D2"}, "C"),
        ("alfen-eve", {"mode3_state": "F"}, "F"),
        ("innogy-ebox", {"state": "D"}, "C"),
        ("innogy-ebox", {"state": "E"}, "A"),
        ("innogy-ebox", {"state": "x"}, None),
        ("innogy-ebox", {"state": None}, None),
        ("keba-p30", {"charging_state": 2}, None),
    ],
)
def test_a_state_is_read_from_all_registers_that_make_it(name, raw, letter):
    assert told(name).states.letter(raw) == letter


@pytest.mark.parametrize(
    ("name", "letter", "paused", "shown"),
    [
        ("keba-p30", "C", False, {"charging_state": 3, "cable_state": 7}),
        ("keba-p30", "B", True, {"charging_state": 5, "cable_state": 7}),
        ("keba-p30", "A", False, {"charging_state": 1, "cable_state": 0}),
        ("openwb-series2", "C", False, {"charging": 1, "plugged": 1}),
        ("openwb-series2", "B", False, {"plugged": 1, "charging": 0}),
        ("heidelberg-energy-control", "C", False, {"charging_state": 7}),
        ("heidelberg-energy-control", "C", True, {"charging_state": 6}),
        ("abb-terra-ac", "C", False, {"charging_state": 4, "socket_lock": 0x0101}),
        ("alfen-eve", "B", True, {"mode3_state": "B1"}),
    ],
)
def test_a_box_in_a_state_shows_its_usual_codes(name, letter, paused, shown):
    assert told(name).states.shows(letter, paused=paused) == shown


@pytest.mark.parametrize(
    ("name", "at", "table", "raw", "value", "zero"),
    [
        ("power-brain", 8093, "holding", 160, 16_000, "unknown"),
        ("keba-p30", 5004, "holding", 16_000, 16_000, "unknown"),
        ("keba-p40", 5004, "holding", 16_000, 16_000, "stops"),
        ("heidelberg-energy-control", 261, "holding", 160, 16_000, "stops"),
        ("amperfied-connect", 261, "holding", 160, 16_000, "stops"),
        ("abl-emh1", 20, "holding", 266, 15_960, "unknown"),
        ("abl-em4", 12338, "holding", 160, 16_000, "unknown"),
        ("alfen-eve", 1210, "holding", 16, 16_000, "stops"),
        ("mennekes-compact", 770, "holding", 16, 16_000, "no limit"),
        ("mennekes-hcc3", 1024, "holding", 16, 16_000, "stops"),
        ("bender-cc612", 1000, "holding", 16, 16_000, "stops"),
        ("phoenix-ev-cc-eth", 528, "holding", 16, 16_000, "unknown"),
        ("phoenix-em-cp-pp-eth", 300, "holding", 16, 16_000, "unknown"),
        ("phoenix-ev-ser", 22000, "holding", 16, 16_000, "unknown"),
        ("webasto-next", 5004, "holding", 16, 16_000, "stops"),
        ("vestel-evc04", 5004, "holding", 16, 16_000, "stops"),
        ("goe-gemini", 299, "holding", 16, 16_000, "refused"),
        ("openwb-series2", 10171, "holding", 1_600, 16_000, "stops"),
        ("evse-din", 1000, "holding", 16, 16_000, "stops"),
        ("schneider-evlink-pro", 4004, "holding", 16, 16_000, "stops"),
        ("abb-terra-ac", 16640, "holding", 16_000, 16_000, "stops"),
        ("innogy-ebox", 1012, "holding", 16, 16_000, "stops"),
        ("tinkerforge-warp", 1002, "holding", 16_000, 16_000, "unknown"),
        ("em2go-home", 91, "holding", 160, 16_000, "unknown"),
        ("smartevse", 32, "holding", 160, 16_000, "stops"),
    ],
)
def test_the_limit_stands_where_and_counts_as_the_sources_say(name, at, table, raw, value, zero):
    box = told(name)
    register = box.sheet.register(box.control.limit.registers[0])
    assert (register.at, register.table, raw * register.scale) == (at, table, value)
    assert box.control.limit.zero == zero


@pytest.mark.parametrize(
    ("name", "pause", "resume"),
    [
        ("power-brain", (("charging_enable", 0),), (("charging_enable", 1),)),
        ("keba-p30", (("enable", 0),), (("enable", 1),)),
        ("abl-emh1", (("set_duty", 1000),), ()),
        ("mennekes-compact", (("charging_release", 0),), (("charging_release", 1),)),
        ("goe-gemini", (("allow", 0),), (("allow", 1),)),
        ("em2go-home", (("charge_command", 2),), (("charge_command", 1),)),
        ("phoenix-ev-ser", (("enable", 0),), (("enable", 1),)),
        ("tinkerforge-warp", (("enable", 0),), (("enable", 1),)),
    ],
)
def test_a_box_that_a_limit_of_0_does_not_pause_is_paused_by_a_register(name, pause, resume):
    control = told(name).control
    assert (control.pause, control.resume) == (pause, resume)


def test_a_box_without_a_pause_is_paused_by_0_but_for_the_one_of_which_nobody_knows():
    unknown = [name for name in EVSES if not told(name).control.pause and told(name).control.limit.zero != "stops"]
    assert unknown == ["abl-em4"]


@pytest.mark.parametrize(
    ("kind", "boxes"),
    [
        ("none", {"goe-gemini", "tinkerforge-warp"}),
        ("request", {"power-brain", "heidelberg-energy-control", "amperfied-connect", "em2go-home", "abb-terra-ac"}),
        ("read", {"openwb-series2"}),
        ("limit", {"alfen-eve"}),
        ("timeout", {"keba-p30", "keba-p40"}),
        ("token", {"mennekes-compact"}),
        ("toggle", {"webasto-next", "vestel-evc04", "schneider-evlink-pro"}),
        ("broadcast", {"smartevse"}),
    ],
)
def test_a_watchdog_is_fed_as_the_sources_say(kind, boxes):
    assert {name for name in EVSES if told(name).watchdog.kind == kind} == boxes


@pytest.mark.parametrize(
    ("name", "time_us", "failsafe"),
    [
        ("power-brain", 300_000_000, "fail_safe_current"),
        ("heidelberg-energy-control", 15_000_000, "failsafe_current"),
        ("amperfied-connect", 15_000_000, "failsafe_current"),
        ("alfen-eve", 60_000_000, "safe_current"),
        ("keba-p30", 0, "failsafe_current"),
        ("mennekes-compact", 10_000_000, "master_lost_fallback"),
        ("vestel-evc04", 20_000_000, "failsafe_current"),
        ("webasto-next", None, "safe_current"),
        ("smartevse", 11_000_000, ""),
        ("em2go-home", None, "safe_current"),
        ("bender-cc612", None, "safe_current"),
        ("schneider-evlink-pro", None, ""),
    ],
)
def test_a_watchdog_waits_so_long_and_then_holds_this_current(name, time_us, failsafe):
    watchdog = told(name).watchdog
    assert (watchdog.timeout.value, watchdog.failsafe.register) == (time_us, failsafe)
    assert dict(load(name).limits).get("watchdog_us") == (time_us or None)


def test_what_is_peculiar_to_a_watchdog_is_told():
    mennekes, alfen, keba = (told(name).watchdog for name in ("mennekes-compact", "alfen-eve", "keba-p30"))
    assert (mennekes.register, mennekes.value) == ("heartbeat", 0x55AA)
    assert mennekes.recovery == ("heartbeat", "charging_release", "em_current")
    assert (alfen.left, alfen.refresh_us) == ("valid_time_remaining", 25_000_000)
    assert (keba.timeout.write, keba.store, keba.keeps) == (
        "set_failsafe_timeout",
        (("failsafe_persist", 1),),
        "volatile",
    )
    assert told("openwb-series2").watchdog.span == (10_100, 65_535)
    assert told("abb-terra-ac").watchdog.unverified
    assert told("heidelberg-energy-control").watchdog.zero == "fault"
    assert told("smartevse").control.limit.unit == 9


@pytest.mark.parametrize(
    ("name", "clients", "excess", "idle_us", "lockout"),
    [
        ("amperfied-connect", 1, "refuse", None, False),
        ("alfen-eve", 2, "unknown", 60_000_000, False),
        ("openwb-series2", 1, "queue", None, False),
        ("em2go-home", 1, "crash", None, False),
        ("webasto-next", 1, "refuse", None, False),
        ("vestel-evc04", None, "unknown", None, True),
        ("keba-p30", None, "unknown", None, False),
    ],
)
def test_a_box_serves_so_many_clients(name, clients, excess, idle_us, lockout):
    tcp = load(name).tcp
    assert (tcp.clients, tcp.excess, tcp.idle_close_us, tcp.lockout) == (clients, excess, idle_us, lockout)


@pytest.mark.parametrize(
    ("name", "register", "one", "three"),
    [
        ("power-brain", "relay_select", 1, 0),
        ("keba-p30", "trigger_phase_switch", 0, 1),
        ("mennekes-compact", "requested_phases", 1, 0),
        ("vestel-evc04", "phase_switch", 0, 1),
        ("goe-gemini", "phase_switch_mode", 1, 2),
        ("openwb-series2", "phases_to_use", 1, 3),
        ("alfen-eve", "charge_phases", 1, 3),
        ("tinkerforge-warp", "set_phases", 1, 3),
        ("amperfied-connect", "phase_switch_control", 1, 3),
    ],
)
def test_phases_are_changed_by_these_numbers(name, register, one, three):
    phases = phases_of(name)
    assert (phases.register, phases.one, phases.three) == (register, one, three)


def test_what_the_sources_doubt_stays_marked():
    doubted = {
        name: [one.name for one in load(name).registers if one.unverified]
        for name in EVSES
        if name != "heidelberg-energy-control"
    }
    assert {name: found for name, found in doubted.items() if found} == {
        "abb-terra-ac": ["session_start_stop"],
        "abl-em4": [*(f"{what}_l{n}" for what in ("current", "voltage") for n in (1, 2, 3)), "power", "energy"],
        "amperfied-connect": ["phase_switch_control"],
        "bender-cc612": ["availability", "max_cable_current"],
        "evse-din": ["default_current"],
        "goe-gemini": ["phase_switch_mode", "force_state"],
        "keba-p30": ["failsafe_current", "set_failsafe_current"],
        "keba-p40": ["failsafe_current", "set_failsafe_current"],
        "openwb-series2": ["heartbeat_timeout"],
        "phoenix-ev-cc-eth": ["error_code", "energy_short", "session_energy"],
        "smartevse": ["mode", "phase_count", "real_current", "temperature"],
        "tinkerforge-warp": ["charger_state"],
    }


def test_a_station_of_an_eve_is_no_box():
    station, socket = load(STATION), load("alfen-eve")
    assert (station.unit, socket.unit, station.port, socket.port) == (200, 1, 502, 502)
    assert (station.states, station.control, station.watchdog) == (None, None, None)
    assert {one.name for one in station.registers}.isdisjoint(one.name for one in socket.registers)
    assert len(station.registers) + len(socket.registers) == 56


def test_a_frame_seen_on_a_line_of_an_emh1_means_a_car_that_waits():
    data = bytes.fromhex("2EB2910B03E803E803E8")
    words = [int.from_bytes(data[k : k + 2], "big") for k in range(0, 10, 2)]
    box = told("abl-emh1")
    assert box.states.letter({"state": words[0]}) == "B"
    duty = words[1] & 0xFFF
    assert 15_960 <= duty * box.sheet.register("set_duty").scale <= 16_020

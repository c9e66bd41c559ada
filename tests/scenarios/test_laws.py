"""Each law on hand-made happenings: what it takes for true from when on, exact to the microsecond."""

from __future__ import annotations

from dataclasses import replace

import pytest

from chargebench.datasheets.errors import BadFile
from chargebench.datasheets.forms import fill
from chargebench.datasheets.yamlfile import parse_yaml
from chargebench.emulator.events import Event, Segment
from chargebench.emulator.spec import BoxSpec, CarSpec, ConnectionSpec, TcpAt, WorldSpec
from chargebench.manager.notes import Note
from chargebench.scenarios.court import Court
from chargebench.scenarios.expectations import Expectation
from chargebench.scenarios.laws.judge import Always, Finally, Within
from chargebench.scenarios.laws.law import Sample, Scene
from chargebench.scenarios.laws.registry import LAWS

END = 1_000_000
AMPERE = 1_000_000_000  # nA
WORLD = WorldSpec(
    ConnectionSpec(limit_ma=20_000, rating_ma=25_000, curve="gG"),
    (
        BoxSpec("garage", "power-brain", TcpAt("localhost", 4701), boot_limit_ma=16_000),
        BoxSpec("yard", "power-brain", TcpAt("192.168.2.151", 4701), boot_enable=False),
    ),
    cars=(
        CarSpec("zoe", "garage", 10, None, 3, 32_000, 20_000),
        CarSpec("leaf", "yard", 20, None, 1, 16_000, 3_000),
    ),
)


def law(text):
    document = parse_yaml(text, "law")
    assert isinstance(document.value, dict)
    name = next(key for key in document.value if key in LAWS)
    return fill(LAWS[name], document)


def truth(text, *happened, from_us=0):
    """The changes of truth that a law tells, as (instant, truth), with nothing told twice."""
    told = []
    ears = law(text).build(Scene(WORLD, from_us), lambda at_us, true, because: told.append((at_us, true, because)))
    for one in happened:
        hear = {Event: ears.event, Segment: ears.segment, Note: ears.note, Sample: ears.sample}[type(one)]
        if hear is not None:
            hear(one)
    if ears.finish is not None:
        ears.finish(END)
    assert [at_us for at_us, _, _ in told] == sorted(at_us for at_us, _, _ in told), "a law never goes back in time"
    assert all(because for _, true, because in told if not true), "whoever is wrong is told why"
    settled = {at_us: true for at_us, true, _ in told}
    changes, last = [], None
    for at_us, true in settled.items():
        if true != last:
            changes.append((at_us, true))
        last = true
    return changes


def box(at_us, name, kind, **data):
    return Event(at_us, f"box {name}", kind, tuple(data.items()))


def car(at_us, name, kind, **data):
    return Event(at_us, f"car {name}", kind, tuple(data.items()))


def verdict(at_us, phase, was, now):
    return Event(at_us, "connection", "verdict", (("phase", phase), ("was", was), ("now", now)))


def flat(from_us, to_us, *amps):
    return Segment(from_us, to_us, tuple(round(a * AMPERE) for a in amps), (0, 0, 0))


@pytest.mark.parametrize(
    ("text", "changes"),
    [
        ("fuse: cannot trip", [(0, True), (50, False)]),
        ("fuse: may trip", [(0, False), (50, True), (90, False)]),
        ("fuse: must trip", [(0, False), (90, True)]),
        ("{fuse: cannot trip, phase: L1}", [(0, True), (60, False)]),
        ("{fuse: must trip, phase: L3}", [(0, False)]),
    ],
)
def test_fuse_is_the_worst_verdict_so_far(text, changes):
    happened = (
        verdict(50, "L2", "cannot", "may"),
        verdict(60, "L1", "cannot", "may"),
        verdict(90, "L2", "may", "must"),
    )
    assert truth(text, *happened) == changes


@pytest.mark.parametrize(
    ("text", "changes"),
    [
        ("limit_exceeded: above 1 A", [(0, False), (40, True), (60, False)]),
        ("limit_exceeded: above 3 A", [(0, False)]),
        ("limit_exceeded: at least 3 A", [(0, False), (40, True), (60, False)]),
        ("limit_exceeded: below 3 A", [(0, True), (40, False), (60, True)]),
        ("limit_exceeded: at most 3 A", [(0, True)]),
        ("{limit_exceeded: above 1 A, phase: L1}", [(0, False)]),
        ("connection: inside limit", [(0, True), (40, False), (60, True)]),
        ("{connection: inside limit, phase: L3}", [(0, True)]),
        ("connection: at most 23 A", [(0, True)]),
        ("connection: below 23 A", [(0, True), (40, False), (60, True)]),
        ("connection: at least 23 A", [(0, False), (40, True), (60, False)]),
    ],
)
def test_connection_is_judged_by_its_most_loaded_phase(text, changes):
    assert truth(text, flat(0, 40, 5, 20, 5), flat(40, 60, 5, 23, 5), flat(60, 100, 5, 20, 5)) == changes


def test_limit_is_crossed_inside_a_ramp_at_its_microsecond():
    ramp = Segment(0, 10_000_000, (0, 16 * AMPERE, 0), (0, 4_000, 0))
    # 16 A + 4 A/s reach 20 A after 1 s, and are above it one microsecond later
    assert truth("connection: inside limit", ramp) == [(0, True), (1_000_001, False)]
    assert truth("limit_exceeded: at least 0 A", ramp) == [(0, False), (1_000_000, True)]


@pytest.mark.parametrize(
    ("text", "changes"),
    [
        ("{box: garage, limit: at most 10 A}", [(0, False), (30, True), (70, False)]),
        ("{box: garage, limit: 0 A}", [(0, False), (50, True), (70, False)]),
        ("{box: yard, limit: 0 A}", [(0, True)]),
    ],
)
def test_limit_of_a_box_begins_with_what_it_boots_with(text, changes):
    happened = (
        box(30, "garage", "limit", limit_ma=6_000, enable=1),
        box(50, "garage", "limit", limit_ma=6_000, enable=0),
        box(70, "garage", "limit", limit_ma=16_000, enable=1),
    )
    assert truth(text, *happened) == changes


def test_status_follows_the_control_pilot():
    happened = (box(10, "garage", "state", was="A", now="B"), box(30, "garage", "state", was="B", now="C"))
    assert truth("{box: garage, status: B}", *happened) == [(0, False), (10, True), (30, False)]
    assert truth("{box: yard, status: A}", *happened) == [(0, True)]


def test_failsafe_acts_from_the_watchdog_until_an_access_or_a_restart():
    happened = (
        box(10, "garage", "failsafe", on=1, limit_ma=6_000),
        box(30, "garage", "failsafe", on=0, limit_ma=16_000),
        box(50, "garage", "failsafe", on=1, limit_ma=6_000),
        box(70, "garage", "boot", count=1),
    )
    assert truth("{box: garage, failsafe: on}", *happened) == [
        (0, False),
        (10, True),
        (30, False),
        (50, True),
        (70, False),
    ]
    assert truth("{box: yard, failsafe: off}", *happened) == [(0, True)]


CHARGES = (
    box(10, "garage", "state", was="A", now="B"),
    car(10, "zoe", "plugged", box="garage"),
    box(15, "garage", "state", was="B", now="C"),
    car(20, "leaf", "plugged", box="yard"),
    box(25, "yard", "state", was="A", now="C"),
    box(40, "garage", "state", was="C", now="B"),
    box(60, "yard", "state", was="C", now="B"),
    car(60, "leaf", "full", energy_wh=3_000),
)


@pytest.mark.parametrize(
    ("text", "changes"),
    [
        ("charging: at most 1", [(0, True), (25, False), (40, True)]),
        ("charging: 2", [(0, False), (25, True), (40, False)]),
        ("{car: zoe, charging: yes}", [(0, False), (15, True), (40, False)]),
        ("{car: zoe, charging: no}", [(0, True), (15, False), (40, True)]),
        ("{car: leaf, charging: true}", [(0, False), (25, True), (60, False)]),
    ],
)
def test_charging_counts_boxes_in_state_c(text, changes):
    assert truth(text, *CHARGES) == changes


@pytest.mark.parametrize(
    ("text", "changes"),
    [
        # zoe waits from 10 until 15 and from 40 on, leaf from 20 until 25
        ("waiting: at most 100 us", [(0, True), (141, False)]),
        ("waiting: below 100 us", [(0, True), (140, False)]),
        ("waiting: at most 5 us", [(0, True), (46, False)]),
        ("waiting: at most 4 us", [(0, True), (45, False)]),
        ("waiting: at most 3 us", [(0, True), (14, False), (15, True), (24, False), (25, True), (44, False)]),
        ("{car: leaf, waiting: at most 3 us}", [(0, True), (24, False), (25, True)]),
        ("{car: leaf, waiting: at most 4 us}", [(0, True)]),
    ],
)
def test_waiting_grows_between_events_too(text, changes):
    assert truth(text, *CHARGES) == changes


def test_energy_and_share_look_at_samples():
    samples = (
        Sample(30, (("zoe", 900),)),
        Sample(60, (("zoe", 1_000), ("leaf", 1_200))),
        Sample(90, (("zoe", 9_000), ("leaf", 3_000))),
    )
    assert truth("{car: zoe, energy: at least 1 kWh}", *samples) == [(0, False), (60, True)]
    assert truth("{car: leaf, energy: above 1.2 kWh}", *samples) == [(0, False), (90, True)]
    assert truth("share: at least 1 kWh", *samples) == [(0, False), (60, True)]
    assert truth("share: at least 8 kWh", *samples) == [(0, False), (90, True)], "a car that is full has got enough"


def test_served_is_a_share_of_what_car_and_box_could_have_taken_so_far():
    hour = 3_600_000_000
    # zoe takes 16 A of its 32 A, for that is what its box has: 11,040 Wh in an hour; leaf 3,680 Wh, and wants 3,000 Wh
    samples = (
        Sample(5, ()),
        Sample(10 + hour // 2, (("zoe", 2_760), ("leaf", 920))),
        Sample(10 + hour, (("zoe", 8_280), ("leaf", 920))),
        Sample(10 + 2 * hour, (("zoe", 20_000), ("leaf", 1_500))),
    )
    half, whole, twice = (sample.at_us for sample in samples[1:])
    assert truth("served: at least 50 %", *samples) == [(0, True)]
    assert truth("served: at least 50.1 %", *samples) == [(0, True), (half, False), (whole, True)]
    assert truth("{served: at least 50 %, of: each}", *samples) == [(0, True), (whole, False), (twice, True)]
    assert truth("served: at least 93.4 %", *samples) == [(0, True), (half, False), (twice, True)]
    assert truth("served: at least 93.5 %", *samples) == [(0, True), (half, False)]


def test_served_stops_counting_when_a_car_has_left_and_never_counts_more_than_all():
    law_of = law("{served: at least 100 %, of: each}")
    gone = replace(WORLD, cars=(replace(WORLD.cars[1], leaves_us=20 + 1_800_000_000),))
    told = []
    ears = law_of.build(Scene(gone), lambda at_us, true, because: told.append((at_us, true, because)))
    ears.sample(Sample(20 + 900_000_000, (("leaf", 919),)))
    ears.sample(Sample(20 + 7_200_000_000, (("leaf", 1_900),)))
    assert told[1:] == [
        (20 + 900_000_000, False, "leaf got 0.9 kWh of 0.9 kWh"),
        (20 + 7_200_000_000, True, "leaf got 1.9 kWh of 1.8 kWh"),
    ]


def test_writes_and_contactor_starts_count_within_the_window():
    writes = (
        box(10, "garage", "write", register="charging_cur_limit", value=60),
        box(20, "yard", "write", register="charging_cur_limit", value=60),
        box(30, "garage", "write", register="fail_safe_current", value=60),
    )
    assert truth("writes: at most 1", *writes) == [(0, True), (20, False)]
    assert truth("{box: garage, writes: at most 1}", *writes) == [(0, True), (30, False)]
    assert truth("{register: fail_safe_current, writes: 0}", *writes) == [(0, True), (30, False)]
    assert truth("writes: at most 1", *writes, from_us=20) == [(0, True), (30, False)]
    starts = (
        box(10, "garage", "contactor", closed=1, drawn_ma=0),
        box(20, "garage", "contactor", closed=0, drawn_ma=0),
        box(30, "yard", "contactor", closed=1, drawn_ma=0),
        box(40, "garage", "contactor", closed=1, drawn_ma=0),
    )
    assert truth("contactor_starts: at most 1", *starts) == [(0, True), (40, False)]
    assert truth("{box: yard, contactor_starts: 1}", *starts) == [(0, False), (30, True)]
    assert truth("contactor_starts: at most 1", *starts, from_us=11) == [(0, True)]


def test_link_and_commands_follow_the_managers_notes():
    notes = (
        Note(10, "silent", "garage", (("why", "no answer"),)),
        Note(20, "command", "yard", (("cycle", 1), ("limit_ma", 6_000))),
        Note(30, "silent", "yard", (("why", "no answer"),)),
        Note(40, "command", "garage", (("cycle", 3), ("limit_ma", 6_000))),
        Note(50, "back", "yard", (("silent_us", 20),)),
    )
    assert truth("{box: yard, link: answering}", *notes) == [(0, True), (30, False), (50, True)]
    assert truth("{box: yard, link: silent}", *notes) == [(0, False), (30, True), (50, False)]
    assert truth("commands: at most 1", *notes) == [(0, True), (40, False)]
    assert truth("{box: garage, commands: at least 1}", *notes) == [(0, False), (40, True)]


@pytest.mark.parametrize(
    ("text", "complaint"),
    [
        ("limit_exceeded: 1", "expected at least, at most, above or below, and a quantity, such as at most 6 A; got 1"),
        ("limit_exceeded: above 1", "expected a current with its unit, such as 16 A, got '1'"),
        ("{car: zoe, energy: at most 4 A}", "expected an energy"),
        ("contactor_starts: at most many", "expected a count such as at most 4, got many"),
        ("charging: yes", "expected the car that charges"),
        ("{car: zoe, charging: at most 2}", "expected yes or no, since zoe is one car"),
        ("served: at least 80", "expected a share from 0 % to 100 %, such as at least 80 %, got 80"),
        ("served: at least 100.1 %", "expected a share from 0 % to 100 %, such as at least 80 %, got 100.1 %"),
        (
            "served: most of it",
            "expected at least, at most, above or below, and a quantity, such as at least 80 %; got",
        ),
        ("{served: at least 80 %, of: every}", "expected all or each, got 'every'"),
        ("waiting: at least 5 min", "expected at most or below, such as at most 70 min"),
        ("connection: inside", "expected inside limit, or a current such as at most 50 A"),
        ("{box: garage, status: G}", "expected A, B, C, D, E or F, got 'G'"),
        ("{fuse: cannot trip, phase: L4}", "expected L1, L2 or L3, got 'L4'"),
    ],
)
def test_parameters_that_mean_nothing_are_refused(text, complaint):
    with pytest.raises(BadFile) as caught:
        law(text)
    assert complaint in str(caught.value)


def test_every_law_is_documented_with_an_example_that_can_be_read():
    for name, form in LAWS.items():
        assert form.__doc__, name
        examples = [part.split("``")[0] for part in form.__doc__.split("``{")[1:]]
        assert examples, f"{name} shows no example"
        for example in examples:
            assert fill(form, parse_yaml("{" + example, "example")).name == name


def test_court_feeds_every_law_and_gives_its_verdicts_in_order():
    expectations = (
        Expectation("fuse", law("fuse: cannot trip"), Always(0, END), 0, (0, END)),
        Expectation("inside", law("connection: inside limit"), Always(0, END), 0, (0, END)),
        Expectation("energy", law("{car: zoe, energy: at least 1 kWh}"), Finally(), 0, (END,)),
        Expectation("commands", law("commands: 1"), Within(500, 500), 0, (500,)),
    )
    heard = []
    court = Court(WORLD, expectations, lambda name, broken: heard.append((name, broken.at_us)))
    assert court.instants == (0, 500, END)
    court.segment(flat(0, 100, 5, 20, 5))
    court.event(verdict(50, "L2", "cannot", "may"))
    court.event(verdict(60, "L1", "cannot", "may"))
    court.note(Note(70, "command", "garage", (("cycle", 3), ("limit_ma", 6_000))))
    court.segment(flat(100, END, 5, 20.001, 5))
    court.sample(Sample(END, (("zoe", 1_000),)))
    found = court.finish(END)
    assert [(one.name, one.first_us) for one in found] == [
        ("fuse", 50),
        ("inside", 100),
        ("energy", None),
        ("commands", None),
    ]
    assert sorted(heard) == [("fuse", 50), ("inside", 100)]
    assert found[0].because == "the fuse of L2 may trip"


@pytest.mark.parametrize(
    ("text", "changes"),
    [
        ("cycle: at most 30 ms", [(0, True), (130_001, False), (210_000, True), (240_001, False)]),
        ("cycle: below 30 ms", [(0, True), (60_000, False), (80_000, True), (130_000, False)]),
        ("cycle: above 30 ms", [(0, False), (130_001, True), (210_000, False), (240_001, True)]),
        ("cycle: at least 70 ms", [(0, False), (170_000, True), (210_000, False), (280_000, True)]),
        ("cycle: at least 1 s", [(0, False)]),
    ],
)
def test_a_cycle_is_the_last_whole_one_until_the_present_one_lasts_longer(text, changes):
    starts = (30_000, 60_000, 80_000, 100_000, 180_000, 210_000)
    notes = [Note(at_us, "cycle", "manager", (("cycle", 0), ("commands", 0))) for at_us in starts]
    assert truth(text, *notes, Note(220_000, "link up", "garage", (("connections", 1),))) == changes


def test_a_cycle_is_not_expected_to_last_exactly_so_long():
    with pytest.raises(BadFile, match="expected at least, at most, above or below, such as at most 6 s"):
        law("cycle: 3 s")

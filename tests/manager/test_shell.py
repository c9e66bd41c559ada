"""The manager at work on small slaves, with a controller double that does what the test says."""

import asyncio
import itertools
from dataclasses import dataclass, field, replace

import pytest

from chargebench.datasheets.errors import BadInput, UnknownName
from chargebench.emulator.clock import SimLoop
from chargebench.emulator.wires.rs485 import Line
from chargebench.manager.notes import Note
from chargebench.manager.readings import BoxReading, BoxView, Pilot, View
from chargebench.manager.rounds import ALONE_US, PROBE_US
from chargebench.manager.shell import manage
from chargebench.manager.site import BoxMeter, SerialAddress
from tests.manager.house import (
    CYCLE,
    GARAGE,
    GARAGE_AT,
    HOUSE,
    S0_AT,
    SECOND,
    YARD,
    YARD_AT,
    Double,
    brain,
    sdm,
    site,
)
from tests.manager.slaves import COM1, Bank, LineSlave, TcpSlave, dead, prompt


@dataclass
class Stage:
    """A run of the manager: its slaves by name, its controller, its notes."""

    loop: SimLoop
    slaves: dict[str, TcpSlave | LineSlave]
    double: Double
    notes: list[Note] = field(default_factory=list)

    def told(self, *kinds):
        return [note for note in self.notes if note.kind in kinds]


def run(where, plan=None, *, seconds=10, slaves=None, line=None, begin=0.0, happen=None, ports=None, cycle_us=CYCLE):
    """Manage ``where`` for so long; ``slaves`` are TCP units by address, ``line`` units on COM1."""
    loop = SimLoop(seed=1)
    stage = Stage(loop, {}, Double(plan or {}, cycle_us=cycle_us))

    async def main():
        await asyncio.sleep(begin)
        for address, bank in (slaves or {}).items():
            stage.slaves[str(address)] = slave = TcpSlave({1: bank} if isinstance(bank, Bank) else bank)
            await slave.serve(address)
        if line:
            wire = Line(loop, "COM1")
            for unit, bank in line.items():
                stage.slaves[f"COM1 {unit}"] = LineSlave(loop, wire, unit, bank)
        task = loop.create_task(
            manage(where, lambda _: stage.double, ports=ports or {"COM1": "simbus://COM1"}, note=stage.notes.append)
        )
        story = loop.create_task(happen(stage)) if happen else None
        await asyncio.sleep(seconds)
        if story is not None:
            await story
        before_us = loop.now_us
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
        assert loop.now_us == before_us
        await asyncio.sleep(0.01)
        return stage

    return loop.run(main())


# -- the grid ---------------------------------------------------------------------------------


@pytest.mark.parametrize("begin", [0.0, 1234.567])
def test_cycles_lie_on_a_grid_of_3_s_from_the_start_and_times_in_a_view_count_from_there(begin):
    stage = run(site(GARAGE), slaves={GARAGE_AT: brain()}, begin=begin)
    assert [(n, at_us - round(begin * 1e6)) for n, at_us, _ in stage.double.seen] == [(n, n * CYCLE) for n in range(4)]
    assert stage.double.view(0) == View((BoxView(),))
    box = stage.double.view(1).boxes[0]
    assert 0 < box.reading.at_us < SECOND
    assert box.heard_us == box.reading.at_us
    assert box.silent_since_us is None


def test_a_reading_is_what_the_box_showed_in_the_round_before():
    stage = run(site(GARAGE), slaves={GARAGE_AT: brain(limit=159)})
    reading = stage.double.view(2).boxes[0].reading
    assert replace(reading, at_us=0) == BoxReading(
        0, Pilot.C, 15_900, 15_900, failsafe_us=300_000_000, failsafe_ma=6_000, restarts=3, boot_ma=16_000
    )


def test_instants_that_pass_during_a_round_are_skipped_and_told():
    async def happen(stage):
        stage.slaves[str(GARAGE_AT)].habit = lambda _pdu, adu: [(900_000, adu)]

    stage = run(site(GARAGE), slaves={GARAGE_AT: brain()}, happen=happen, seconds=20)
    assert [n for n, _, _ in stage.double.seen] == [0, 2, 3, 4, 5, 6]
    (skipped,) = stage.told("skipped")
    assert (skipped.get("cycle"), skipped.get("skipped"), skipped.at_us) == (0, 1, skipped.get("took_us"))
    assert 4.5 * SECOND < skipped.at_us < 4.6 * SECOND


def test_answers_that_arrive_at_an_instant_belong_to_the_cycle_after_it():
    async def happen(stage):
        await asyncio.sleep(1)
        stage.slaves[str(GARAGE_AT)].habit = lambda _pdu, adu: [(499_000, adu)]

    stage = run(site(GARAGE), slaves={GARAGE_AT: brain()}, happen=happen, seconds=6, cycle_us=500_000)
    late = [(n, view.boxes[0].reading.at_us) for n, _, view in stage.double.seen if n > 4]
    assert late == [(6, 2_500_000), (8, 3_500_000), (10, 4_500_000)]
    assert {note.get("skipped") for note in stage.told("skipped") if note.at_us > 2_000_000} == {1}


# -- commands ---------------------------------------------------------------------------------


def test_a_command_is_written_answered_and_read_back_in_the_next_cycle():
    stage = run(site(GARAGE), {1: {0: 8_050}}, slaves={GARAGE_AT: brain()})
    bank = stage.slaves[str(GARAGE_AT)].units[1]
    assert (bank.words[8093], bank.words[8094]) == (80, 1)
    assert stage.double.view(1).boxes[0].reading.limit_ma == 16_000
    assert stage.double.view(2).boxes[0].reading.limit_ma == 8_000
    told = [(note.kind, *note.data) for note in stage.told("command", "answered", "confirmed")]
    assert told == [
        ("command", ("cycle", 1), ("limit_ma", 8_050), ("rank", "cut")),
        ("answered", ("limit_ma", 8_050)),
        ("confirmed", ("limit_ma", 8_000)),
    ]


def test_cuts_go_out_before_raises_and_both_before_any_read():
    yard = replace(YARD, address=COM1, unit=2)
    garage = replace(GARAGE, address=COM1, unit=1)
    banks = {1: brain(limit=60), 2: brain(limit=160), 101: sdm()}
    stage = run(site(garage, yard, meters=(HOUSE,)), {1: {0: 16_000, 1: 6_000}}, line=banks)
    asked = sorted((at_us, unit, function) for unit, bank in banks.items() for at_us, function, _ in bank.asked)
    assert [(unit, function) for at_us, unit, function in asked if at_us > CYCLE][:2] == [(2, 16), (1, 16)]
    assert stage.loop.lines["COM1"].stats.t35_violations == 0


def test_under_observation_nothing_is_ever_written():
    stage = run(site(GARAGE, management=False), {n: {0: 6_000} for n in range(4)}, slaves={GARAGE_AT: brain()})
    assert {function for _, function, _ in stage.slaves[str(GARAGE_AT)].units[1].asked} == {3}
    assert stage.told("command") == []


def test_a_refused_write_is_told_and_the_box_is_read_all_the_same():
    async def happen(stage):
        slave = stage.slaves[str(GARAGE_AT)]
        slave.habit = lambda pdu, adu: prompt(pdu, adu if pdu[0] == 3 else adu[:4] + b"\x00\x03\x01\x90\x03")

    stage = run(site(GARAGE), {1: {0: 6_000}}, slaves={GARAGE_AT: brain()}, happen=happen)
    assert [note.data for note in stage.told("refused")] == [(("limit_ma", 6_000), ("code", 3))]
    assert stage.double.view(2).boxes[0].reading.at_us > CYCLE


def test_a_cut_that_was_not_answered_is_the_first_frame_when_the_box_is_tried_again():
    async def happen(stage):
        await asyncio.sleep(2.9)
        stage.slaves[str(GARAGE_AT)].habit = dead
        await asyncio.sleep(27)
        stage.slaves[str(GARAGE_AT)].habit = prompt
        stage.back_us = stage.loop.now_us

    stage = run(site(GARAGE), {1: {0: 6_000}}, slaves={GARAGE_AT: brain()}, happen=happen, seconds=60)
    after = [function for at_us, function, _ in stage.slaves[str(GARAGE_AT)].units[1].asked if at_us > stage.back_us]
    assert after[:3] == [16, 3, 3]
    assert after.count(16) == 1
    assert [note.kind for note in stage.told("silent", "back")] == ["silent", "back"]
    assert stage.told("silent")[0].get("why") == stage.told("unanswered")[0].get("why") == "no answer"


def test_the_first_frame_after_any_silence_is_the_write_of_the_limit_ordered_last():
    """Any access ends a failsafe; a read would wake the box at its old limit."""

    async def happen(stage):
        await asyncio.sleep(11.9)
        stage.slaves[str(GARAGE_AT)].habit = dead
        await asyncio.sleep(20)
        stage.slaves[str(GARAGE_AT)].habit = prompt
        stage.back_us = stage.loop.now_us

    stage = run(site(GARAGE), {1: {0: 10_000}}, slaves={GARAGE_AT: brain()}, happen=happen, seconds=60)
    asked = [(function, at_us) for at_us, function, _ in stage.slaves[str(GARAGE_AT)].units[1].asked]
    after = [function for function, at_us in asked if at_us > stage.back_us]
    assert after[:2] == [16, 3]
    assert after.count(16) == 1
    assert stage.slaves[str(GARAGE_AT)].units[1].words[8093] == 100


def test_a_box_that_stays_silent_is_left_alone_until_its_failsafe_must_have_come():
    """Only the way back is broken: were it asked all the time, it would keep its old limit for ever."""

    async def happen(stage):
        await asyncio.sleep(11.9)
        stage.slaves[str(GARAGE_AT)].habit = dead

    stage = run(site(GARAGE), {1: {0: 10_000}}, slaves={GARAGE_AT: brain()}, happen=happen, seconds=900)
    asked = [at_us for at_us, _, _ in stage.slaves[str(GARAGE_AT)].units[1].asked]
    (silent,) = stage.told("silent")
    gaps = [(b - a, a) for a, b in itertools.pairwise(asked)]
    longest, since_us = max(gaps)
    assert longest >= 300 * SECOND + ALONE_US
    assert since_us - silent.at_us <= PROBE_US + 2 * CYCLE
    assert asked[-1] > since_us + longest, "it is asked again later"


def test_a_newer_command_takes_the_place_of_a_cut_that_stands():
    async def happen(stage):
        await asyncio.sleep(2.9)
        stage.slaves[str(GARAGE_AT)].habit = dead
        await asyncio.sleep(27)
        stage.slaves[str(GARAGE_AT)].habit = prompt

    plan = {1: {0: 10_000}, 4: {0: 6_000}}
    stage = run(site(GARAGE), plan, slaves={GARAGE_AT: brain()}, happen=happen, seconds=60)
    assert stage.slaves[str(GARAGE_AT)].units[1].words[8093] == 60


# -- boxes and meters -------------------------------------------------------------------------


def test_a_silent_box_keeps_its_last_reading_and_says_since_when_and_when_it_may_have_heard():
    async def happen(stage):
        await asyncio.sleep(2.9)
        stage.slaves[str(GARAGE_AT)].habit = dead

    stage = run(site(GARAGE), slaves={GARAGE_AT: brain()}, happen=happen, seconds=30)
    views = {n: view.boxes[0] for n, _, view in stage.double.seen}
    assert views[2].reading == views[1].reading
    assert views[2].silent_since_us == 5 * SECOND
    assert views[8].silent_since_us == 5 * SECOND
    heard = [views[n].heard_us for n in range(2, 9)]
    assert heard == sorted(heard)
    assert heard[0] == 5 * SECOND
    assert heard[-1] > 15 * SECOND
    assert views[1].silent_since_us is None


def test_a_box_that_was_never_reached_is_silent_without_a_reading():
    stage = run(site(GARAGE))
    box = stage.double.view(2).boxes[0]
    assert box.reading is None
    assert box.silent_since_us is not None
    assert [note.subject for note in stage.told("silent")] == ["garage"]


def test_a_box_is_greeted_again_after_every_connect():
    async def happen(stage):
        await asyncio.sleep(4)
        stage.slaves[str(GARAGE_AT)].units[1].words[8084] = 180
        stage.loop.net.reset(GARAGE_AT.host)

    stage = run(site(GARAGE), slaves={GARAGE_AT: brain()}, happen=happen, seconds=13)
    readings = [view.boxes[0].reading.failsafe_us for n, _, view in stage.double.seen if n]
    assert readings == [300_000_000, 300_000_000, 180_000_000, 180_000_000]


def test_what_a_box_cannot_mean_is_told_once_and_no_reading():
    async def happen(stage):
        await asyncio.sleep(4)
        stage.slaves[str(GARAGE_AT)].units[1].words[8095] = 0xFFFF

    stage = run(site(GARAGE), slaves={GARAGE_AT: brain()}, happen=happen, seconds=13)
    assert [(note.subject, note.get("why")) for note in stage.told("impossible")] == [
        ("garage", "charging_current is ffff, which stands for no value")
    ]
    assert stage.double.view(4).boxes[0].reading == stage.double.view(2).boxes[0].reading
    assert stage.double.view(4).boxes[0].silent_since_us is not None


def test_another_device_at_the_address_of_a_box_gives_no_reading():
    stage = run(site(GARAGE), slaves={GARAGE_AT: Bank({8000: 1})})
    assert stage.double.view(3).boxes[0].reading is None
    assert "no Power Brain" in str(stage.told("impossible")[0].get("why"))


def test_what_the_meter_of_a_box_measures_comes_into_the_boxs_reading():
    box = replace(GARAGE, meter=BoxMeter("eastron-sdm630", COM1, 20))
    bank = sdm(watts=(230, 460, 690))
    stage = run(site(box), slaves={GARAGE_AT: brain()}, line={20: bank})
    reading = stage.double.view(2).boxes[0].reading
    assert (reading.phases_ma, reading.power_w, reading.energy_wh) == ((1_000, 2_000, 3_000), 460, 12_500)
    assert (reading.pilot, reading.limit_ma) == (Pilot.C, 16_000)


def test_a_box_whose_meter_is_silent_is_a_box_without_a_meter():
    async def happen(stage):
        await asyncio.sleep(4)
        stage.slaves[str(S0_AT)].habit = dead

    box = replace(GARAGE, meter=BoxMeter("power-brain-s0", S0_AT, 2))
    s0 = {2: Bank({8057: 0, 8061: 7, 8063: 2_698, 8065: 39, 8067: 39, 8069: 39})}
    stage = run(site(box), slaves={GARAGE_AT: brain(), S0_AT: s0}, happen=happen, seconds=13)
    with_meter, without = (stage.double.view(n).boxes[0] for n in (2, 4))
    assert (with_meter.reading.phases_ma, with_meter.reading.power_w, with_meter.reading.energy_wh) == (None, 2_698, 7)
    assert (without.reading.phases_ma, without.reading.power_w, without.silent_since_us) == (None, None, None)
    assert [note.subject for note in stage.told("silent")] == ["meter of garage"]


def test_a_meter_of_the_house_is_turned_to_the_phases_of_the_house():
    stage = run(site(meters=(HOUSE,)), line={101: sdm()})
    meter = stage.double.view(2).meters[0]
    assert meter.reading.phases_ma == (-2_000, 3_000, 1_000)
    assert (meter.reading.power_w, meter.silent_since_us) == (460, None)
    assert 0 < meter.reading.at_us - CYCLE < SECOND


def test_a_view_has_one_entry_for_each_box_and_meter_in_the_order_of_the_site():
    stage = run(site(YARD, GARAGE, meters=(HOUSE,)), slaves={GARAGE_AT: brain(limit=60), YARD_AT: brain(limit=100)})
    view = stage.double.view(3)
    assert [box.reading.limit_ma for box in view.boxes] == [10_000, 6_000]
    assert [meter.reading for meter in view.meters] == [None]


def test_a_connection_that_breaks_in_every_round_gives_no_reading_of_a_box_that_may_be_another():
    async def happen(stage):
        await asyncio.sleep(2)
        slave = stage.slaves[str(GARAGE_AT)]

        breaks = itertools.cycle([True, False])

        def habit(pdu, adu):
            if pdu == bytes.fromhex("03 1f9c 0004") and next(breaks):
                stage.loop.net.reset(GARAGE_AT.host)
                return []
            return prompt(pdu, adu)

        slave.habit = habit

    stage = run(site(GARAGE), slaves={GARAGE_AT: brain()}, happen=happen, seconds=10)
    assert stage.double.view(3).boxes[0].reading == stage.double.view(1).boxes[0].reading
    assert stage.told("silent")[0].get("why") == "its connection breaks again and again"


# -- addresses --------------------------------------------------------------------------------


def test_an_alias_leads_an_address_elsewhere():
    stage = run(site(GARAGE), slaves={YARD_AT: brain(limit=77)}, ports={str(GARAGE_AT): str(YARD_AT)})
    assert stage.double.view(2).boxes[0].reading.limit_ma == 7_700


def test_addresses_that_lead_to_one_place_share_one_connection():
    boxes = (GARAGE, replace(YARD, unit=2))
    units = {1: brain(limit=60), 2: brain(limit=70)}
    stage = run(site(*boxes), slaves={GARAGE_AT: units}, ports={str(YARD_AT): str(GARAGE_AT)})
    assert len(stage.slaves[str(GARAGE_AT)].opened) == 1
    assert [box.reading.limit_ma for box in stage.double.view(2).boxes] == [6_000, 7_000]


def test_devices_on_one_line_with_different_parameters_are_refused():
    other = SerialAddress("COM1", 19_200, 8, "N", 1)
    where = site(replace(GARAGE, address=COM1), meters=(replace(HOUSE, address=other),))
    with pytest.raises(
        BadInput, match=r"here.yaml: house: expected COM1,9600,8,n,1, as another device .* got COM1,19200"
    ):
        run(where)


@pytest.mark.parametrize(
    "where",
    [site(replace(GARAGE, device="teapot")), site(meters=(replace(HOUSE, device="teapot"),))],
    ids=["box", "meter"],
)
def test_an_unknown_device_is_refused_before_anything_is_opened(where):
    with pytest.raises(UnknownName, match="teapot"):
        run(where)


# -- the end ----------------------------------------------------------------------------------


def test_cancelling_in_the_middle_of_a_round_closes_every_connection_at_once():
    async def happen(stage):
        await asyncio.sleep(2)
        for slave in stage.slaves.values():
            slave.habit = dead

    stage = run(site(GARAGE, YARD), slaves={GARAGE_AT: brain(), YARD_AT: brain()}, happen=happen, seconds=3.5)
    assert [slave.closed for slave in stage.slaves.values()] == [[None], [None]]


def test_a_fault_of_the_controller_ends_the_manager_with_it():
    class Broken(Double):
        def cycle(self, n, _):
            raise ZeroDivisionError(n)

    async def main():
        await manage(site(GARAGE), lambda _: Broken(), ports={}, note=lambda _: None)

    with pytest.raises(ZeroDivisionError):
        SimLoop().run(main())


def test_a_limit_that_no_box_knows_ends_the_manager_rather_than_being_written():
    with pytest.raises(ValueError, match="0 or at least 6000 mA"):
        run(site(GARAGE), {1: {0: 3_000}}, slaves={GARAGE_AT: brain()})

"""The manager beyond one start of it: licences that come and go, what it remembers, and that it only looks where it may."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, field, replace
from itertools import pairwise
from typing import Any

import pytest

from chargebench.datasheets.load import load
from chargebench.emulator.clock import SimLoop
from chargebench.manager.controller import Controller
from chargebench.manager.drivers.registry import BOXES
from chargebench.manager.ledger import MemoryStore, Unusable, name_of
from chargebench.manager.notes import Note
from chargebench.manager.readings import Remembered
from chargebench.manager.shell import Life, manage
from chargebench.manager.site import Box, TcpAddress
from tests.manager.house import GARAGE, GARAGE_AT, SECOND, Double, brain, site
from tests.manager.slaves import Bank, TcpSlave, dead, prompt

FOUR = tuple(Box(f"box{k}", "power-brain", TcpAddress(f"192.168.2.{k}", 4701), 1, (0, 1, 2)) for k in range(1, 5))
STATE = Remembered(16_000, 16_000, 180 * SECOND, 6_000, 16_000, 3)
WRITES = {5, 6, 15, 16, 22}


def foreign(name):
    return replace(load(name), maker="another")


@dataclass
class Run:
    """A manager and its slaves; ``licences`` may be changed while it runs."""

    slaves: dict[str, TcpSlave] = field(default_factory=dict)
    notes: list[Note] = field(default_factory=list)
    licences: int = 0
    loop: Any = None

    def told(self, *kinds):
        return [(note.kind, note.subject) for note in self.notes if note.kind in kinds]

    def asked(self, address, since_us=0):
        bank = self.slaves[str(address)].units[1]
        return [function for at_us, function, _ in bank.asked if at_us >= since_us]


def run(where, controller, *, seconds=10, sheets=load, store=None, happen=None, licences=False, banks=None):
    stage = Run()

    async def main():
        stage.loop = loop = asyncio.get_running_loop()
        for box in where.boxes:
            slave = TcpSlave({box.unit: (banks or {}).get(box.name) or brain()})
            stage.slaves[str(box.address)] = slave
            await slave.serve(box.address)
        life = Life((lambda: stage.licences) if licences else None, store)
        coroutine = manage(where, controller, ports={}, note=stage.notes.append, sheets=sheets, life=life)
        task = loop.create_task(coroutine)
        story = loop.create_task(happen(stage)) if happen else None
        await asyncio.sleep(seconds)
        if story is not None:
            await story
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
        await asyncio.sleep(0.01)
        return stage

    return SimLoop(seed=1).run(main())


# -- licences ---------------------------------------------------------------------------------


def unlicensed(*boxes):
    return site(*boxes[:3], replace(boxes[3], licensed=False))


def always(limit_ma):
    return {n: dict.fromkeys(range(4), limit_ma) for n in range(100)}


def test_a_licence_that_comes_while_the_manager_runs_counts_from_the_next_cycle():
    async def happen(stage):
        await asyncio.sleep(10)
        stage.licences = 1

    double = Double(always(8_000))
    stage = run(unlicensed(*FOUR), lambda _: double, seconds=20, sheets=foreign, licences=True, happen=happen)
    bank = stage.slaves["192.168.2.4:4701"].units[1]
    first_us = next(at_us for at_us, function, _ in bank.asked if function in WRITES)
    assert 12 * SECOND <= first_us < 13 * SECOND
    assert stage.told("licensed", "unlicensed") == [("unlicensed", "box4"), ("licensed", "box4")]
    rights = {n: view.boxes[3].licensed for n, _, view in double.seen}
    assert (rights[3], rights[4]) == (None, True)


def test_a_licence_that_goes_leaves_its_box_unwritten_from_the_next_cycle_even_if_a_cut_stands():
    async def happen(stage):
        stage.licences = 1
        await asyncio.sleep(8)
        stage.slaves["192.168.2.4:4701"].habit = dead  # a cut that is not answered is written again and again
        await asyncio.sleep(5)
        stage.licences = 0
        await asyncio.sleep(12)
        stage.slaves["192.168.2.4:4701"].habit = prompt

    licensed = site(*FOUR)
    double = Double(always(8_000) | {n: dict.fromkeys(range(4), 6_000) for n in range(3, 100)})
    stage = run(licensed, lambda _: double, seconds=60, sheets=foreign, licences=True, happen=happen)
    late = stage.asked("192.168.2.4:4701", 15 * SECOND)
    assert late
    assert not WRITES.intersection(late)
    assert stage.told("licensed", "unlicensed") == [("unlicensed", "box4")]
    assert WRITES.intersection(stage.asked("192.168.2.3:4701", 15 * SECOND))


def test_without_anybody_to_ask_the_licences_of_the_site_hold():
    double = Double(always(8_000))
    stage = run(unlicensed(*FOUR), lambda _: double, sheets=foreign)
    assert not WRITES.intersection(stage.asked("192.168.2.4:4701"))
    assert {view.boxes[3].licensed for _, _, view in double.seen} == {None}


# -- what is remembered -----------------------------------------------------------------------


def remembering(state=STATE):
    store = MemoryStore()
    store.save({name_of(GARAGE): state})
    return store


def test_the_first_that_a_remembered_box_hears_is_its_failsafe_current_and_never_a_read():
    stage = run(site(GARAGE), Controller, store=remembering())
    (first, *_) = stage.slaves[str(GARAGE_AT)].units[1].asked
    assert first[2] == bytes.fromhex("10 1f9d 0002 04 003c 0001")
    assert ("remembers", "manager") in stage.told("remembers")


@pytest.mark.parametrize(
    ("state", "words"),
    [
        (replace(STATE, sent_ma=0), "003c 0000"),
        (replace(STATE, failsafe_ma=0), "003c 0000"),
        (replace(STATE, failsafe_ma=16_000, sent_ma=10_000), "0064 0001"),
        (replace(STATE, failsafe_us=None, failsafe_ma=None, sent_ma=10_000), "0064 0001"),
    ],
)
def test_a_remembered_box_is_laid_down_at_the_least_of_failsafe_and_last_command(state, words):
    stage = run(site(GARAGE), Controller, store=remembering(state), seconds=2)
    (first, *_) = stage.slaves[str(GARAGE_AT)].units[1].asked
    assert first[2] == bytes.fromhex(f"10 1f9d 0002 04 {words}")


@pytest.mark.parametrize("store", [None, MemoryStore(), remembering(replace(STATE, failsafe_us=0))])
def test_a_box_that_nobody_remembers_or_that_never_falls_back_is_read_first(store):
    stage = run(site(GARAGE), Controller, store=store, seconds=2)
    assert stage.asked(GARAGE_AT)[0] == 3


def test_what_is_given_away_is_remembered_before_it_is_written():
    store = MemoryStore()
    seen = []

    class Watched(TcpSlave):
        def data_received(self, data):
            seen.append((data[7], store.load().get(name_of(GARAGE))))
            super().data_received(data)

    async def main():
        slave = Watched({1: brain(limit=60)})
        await slave.serve(GARAGE_AT)
        double = Double({2: {0: 12_000}})
        coroutine = manage(site(GARAGE), lambda _: double, ports={}, note=lambda _: None, life=Life(store=store))
        task = asyncio.get_running_loop().create_task(coroutine)
        await asyncio.sleep(8)
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)
        await asyncio.sleep(0.01)

    SimLoop(seed=1).run(main())
    (state,) = [state for function, state in seen if function == 16]
    assert state is not None
    assert (state.top_ma, state.sent_ma) == (12_000, 12_000)


class Full(MemoryStore):
    """A disk without room."""

    def save(self, _states):
        raise Unusable("site.db cannot be written: disk full")


class Damaged(MemoryStore):
    def load(self):
        raise Unusable("site.db is damaged: it is kept as site.db.damaged")


def test_while_nothing_can_be_kept_nothing_is_raised_and_cuts_go_out():
    double = Double({2: {0: 12_000}, 3: {0: 6_000}})
    stage = run(site(GARAGE), lambda _: double, store=Full(), banks={"garage": brain(limit=100)}, seconds=20)
    bank = stage.slaves[str(GARAGE_AT)].units[1]
    assert [pdu[6:8] for _, function, pdu in bank.asked if function == 16] == [b"\x00\x3c"]
    assert [note.get("why") for note in stage.notes if note.kind == "unsaved"] == [
        "site.db cannot be written: disk full"
    ]


def test_a_damaged_store_is_one_note_and_the_manager_goes_on_as_one_that_knows_nothing():
    stage = run(site(GARAGE), Controller, store=Damaged())
    assert [note.get("why") for note in stage.notes if note.kind == "forgotten"] == [
        "site.db is damaged: it is kept as site.db.damaged"
    ]
    assert stage.asked(GARAGE_AT)[0] == 3


def test_a_remembered_box_that_stays_silent_is_left_alone_until_its_failsafe_must_have_come():
    async def happen(stage):
        stage.slaves[str(GARAGE_AT)].habit = dead

    stage = run(site(GARAGE), Controller, store=remembering(), seconds=600, happen=happen)
    times = [at_us for at_us, _, _ in stage.slaves[str(GARAGE_AT)].units[1].asked]
    assert max(b - a for a, b in pairwise(times)) >= 180 * SECOND
    assert {function for _, function, _ in stage.slaves[str(GARAGE_AT)].units[1].asked} == {16}


# -- observation ------------------------------------------------------------------------------


@pytest.mark.parametrize("device", sorted(BOXES))
def test_in_observation_no_box_of_any_make_is_asked_to_write_whatever_happens_to_it(device):
    """Its failsafe is another than the site's, it may fall asleep, it is lost and comes back, and the store knows it."""

    async def happen(stage):
        for _ in range(3):
            await asyncio.sleep(10)
            stage.slaves[str(GARAGE_AT)].habit = dead
            await asyncio.sleep(20)
            stage.slaves[str(GARAGE_AT)].habit = prompt
            stage.loop.net.reset(GARAGE_AT.host)

    box = replace(GARAGE, device=device, failsafe_us=60 * SECOND, failsafe_ma=0)
    bank = brain() if device == "power-brain" else Bank({4: 0x0108, 5: 6, 257: 15_000, 258: 0, 262: 60, 261: 160})
    store = MemoryStore()
    store.save({name_of(box): STATE})
    where = site(box, management=False)
    stage = run(where, Controller, seconds=120, store=store, happen=happen, banks={"garage": bank}, licences=True)
    assert stage.told("back")
    assert not WRITES.intersection(stage.asked(GARAGE_AT))
    assert store.load() == {name_of(box): STATE}
    managed = run(replace(where, management=True), Controller, seconds=30, banks={"garage": bank})
    assert WRITES.intersection(managed.asked(GARAGE_AT)), "else nothing is shown"


# -- boxes whose settings are wrong -----------------------------------------------------------


def test_a_box_that_takes_connections_and_never_answers_is_told_of_once():
    async def happen(stage):
        stage.slaves[str(GARAGE_AT)].habit = dead

    stage = run(site(GARAGE), Controller, seconds=300, happen=happen)
    assert stage.told("dumb") == [("dumb", "garage")]


def test_a_box_that_was_lost_is_not_taken_for_one_whose_modbus_is_off():
    async def happen(stage):
        await asyncio.sleep(8)
        stage.slaves[str(GARAGE_AT)].habit = dead

    assert run(site(GARAGE), Controller, seconds=120, happen=happen).told("dumb") == []


def test_a_box_that_puts_its_own_limit_back_is_told_of_once_and_shown_to_whoever_decides():
    async def happen(stage):
        words = stage.slaves[str(GARAGE_AT)].units[1].words
        for _ in range(20):
            await asyncio.sleep(7)
            words[8093], words[8094] = 160, 1

    double = Double({n: {0: 8_000} for n in range(1, 100, 4)})
    stage = run(site(GARAGE), lambda _: double, seconds=150, happen=happen)
    assert stage.told("by itself", "deaf", "disabled") == [("by itself", "garage")]
    assert double.seen[-1][2].boxes[0].by_itself

"""What a box hears when it has been away: its failsafe once, its limit first, and nothing at all while it is to fall back."""

import asyncio
import itertools
from dataclasses import replace

from chargebench.emulator.clock import SimLoop
from chargebench.emulator.clock import running as current
from chargebench.emulator.wires.rs485 import Line
from chargebench.manager.drivers.base import Read
from chargebench.manager.outcomes import Answer, LinkDown, Rank
from chargebench.manager.rounds import ALONE_US
from chargebench.manager.site import BoxMeter
from tests.manager.house import GARAGE, GARAGE_AT, S0_AT, SECOND, brain, site
from tests.manager.slaves import BOX, COM1, Bank, TcpSlave, dead, link_to, prompt, running
from tests.manager.test_shell import run

SAFE = replace(GARAGE, failsafe_us=180 * SECOND, failsafe_ma=6_000)
METERED = replace(SAFE, meter=BoxMeter("power-brain-s0", S0_AT, 2))
STATE = Read("holding", 8092, 4)


def pulses():
    return Bank({8057: 0, 8061: 7, 8064: 2_698})


def functions(stage, since_us=0):
    return [function for at_us, function, _ in stage.slaves[str(GARAGE_AT)].units[1].asked if at_us >= since_us]


def cut(stage, address=GARAGE_AT, *, shut):
    """Cut or mend the network to an address, both ways."""
    way = stage.loop.net.link(address.host, address.port)
    way.hole_out = way.hole_back = shut


# -- failsafe ---------------------------------------------------------------------------------


def test_the_failsafe_that_the_site_says_is_written_once_and_what_counts_is_what_was_read_back():
    stage = run(site(SAFE), slaves={GARAGE_AT: brain()}, seconds=10)
    writes = [pdu.hex() for _, function, pdu in stage.slaves[str(GARAGE_AT)].units[1].asked if function == 16]
    assert writes == ["101f9300020400" + "0000b4"]
    assert stage.double.view(1).boxes[0].reading.failsafe_us == 180 * SECOND
    assert stage.told("failsafe") == []


def test_no_failsafe_is_written_where_the_site_says_none_or_the_box_has_it():
    has_it = brain()
    has_it.words[8084] = 180
    assert 16 not in functions(run(site(GARAGE), slaves={GARAGE_AT: brain()}))
    assert 16 not in functions(run(site(SAFE), slaves={GARAGE_AT: has_it}))


def test_no_failsafe_is_written_under_observation():
    assert set(functions(run(site(SAFE, management=False), slaves={GARAGE_AT: brain()}))) == {3}


def test_a_failsafe_that_the_box_does_not_take_is_told_and_counted_as_it_is():
    async def happen(stage):
        def refuses(pdu, adu):
            stage.slaves[str(GARAGE_AT)].units[1].words[8084] = 300
            return prompt(pdu, adu[:4] + b"\x00\x03\x01\x90\x03" if pdu[0] == 16 else adu)

        stage.slaves[str(GARAGE_AT)].habit = refuses

    stage = run(site(SAFE), slaves={GARAGE_AT: brain()}, happen=happen)
    (told,) = stage.told("failsafe")
    assert (told.get("after_us"), told.get("current_ma")) == (300 * SECOND, 6_000)
    assert (told.get("wanted_after_us"), told.get("wanted_ma")) == (180 * SECOND, 6_000)
    assert stage.double.view(2).boxes[0].reading.failsafe_us == 300 * SECOND


def test_the_failsafe_is_written_again_after_a_connect_that_finds_another():
    async def happen(stage):
        await asyncio.sleep(4)
        stage.slaves[str(GARAGE_AT)].units[1].words[8084] = 300
        stage.loop.net.reset(GARAGE_AT.host)

    stage = run(site(SAFE), slaves={GARAGE_AT: brain()}, happen=happen, seconds=13)
    assert functions(stage).count(16) == 2
    assert stage.slaves[str(GARAGE_AT)].units[1].words[8084] == 180


# -- restarts ---------------------------------------------------------------------------------


def test_a_limit_that_changes_by_itself_has_the_box_greeted_anew_and_a_restart_told():
    """It was away for less than a cycle, so nobody has missed it."""

    async def happen(stage):
        await asyncio.sleep(7)
        stage.slaves[str(GARAGE_AT)].units[1].words.update({8093: 160, 8095: 160, 8121: 4, 8084: 300})

    stage = run(site(SAFE), {1: {0: 10_000}}, slaves={GARAGE_AT: brain()}, happen=happen, seconds=20)
    assert [note.get("restarts") for note in stage.told("restarted")] == [4]
    assert stage.double.view(6).boxes[0].reading.restarts == 4
    assert stage.slaves[str(GARAGE_AT)].units[1].words[8084] == 180
    assert stage.told("silent") == []


def test_a_limit_that_was_ordered_is_no_reason_to_greet_anew():
    stage = run(site(GARAGE), {1: {0: 10_000}, 3: {0: 6_000}}, slaves={GARAGE_AT: brain()}, seconds=20)
    vendor = [pdu for _, _, pdu in stage.slaves[str(GARAGE_AT)].units[1].asked if pdu.hex() == "031f400002"]
    assert len(vendor) == 1


# -- knocking ---------------------------------------------------------------------------------


def lost(happen_later, box=SAFE, *, seconds=400, s0=None):
    """A box from which something happens after 12 s; the run, and when it was asked again after the longest pause."""

    async def happen(stage):
        await asyncio.sleep(11.9)
        await happen_later(stage)

    bank = brain()
    bank.words[8084] = 180
    slaves = {GARAGE_AT: bank} if s0 is None else {GARAGE_AT: bank, S0_AT: s0}
    stage = run(site(box), {1: {0: 10_000}}, slaves=slaves, happen=happen, seconds=seconds)
    asked = [at_us for at_us, _, _ in bank.asked]
    _, again_us = max((b - a, b) for a, b in itertools.pairwise(asked))
    return stage, again_us


def test_a_box_whose_network_comes_back_is_asked_soon_and_its_limit_is_written_first():
    async def later(stage):
        cut(stage, shut=True)
        await asyncio.sleep(110)
        cut(stage, shut=False)
        stage.back_us = stage.loop.now_us

    stage, again_us = lost(later)
    assert stage.back_us < again_us < stage.back_us + 65 * SECOND  # knocking is backed off as everything is
    assert functions(stage, again_us)[0] == 16
    assert stage.told("back")


def test_a_box_that_accepts_connections_and_answers_nothing_is_left_alone_all_the_same():
    """Its connections prove nothing: they came about all the time."""

    async def later(stage):
        stage.slaves[str(GARAGE_AT)].habit = dead

    stage, again_us = lost(later, seconds=600)
    (silent,) = stage.told("silent")
    assert again_us >= silent.at_us + 180 * SECOND + ALONE_US


def test_the_s0_meter_in_its_case_tells_that_a_box_is_back():
    async def later(stage):
        stage.slaves[str(GARAGE_AT)].habit = stage.slaves[str(S0_AT)].habit = dead
        await asyncio.sleep(100)
        stage.slaves[str(GARAGE_AT)].habit = stage.slaves[str(S0_AT)].habit = prompt
        stage.back_us = stage.loop.now_us

    stage, again_us = lost(later, METERED, s0={2: pulses()})
    assert stage.back_us < again_us < stage.back_us + 65 * SECOND
    assert functions(stage, again_us)[0] == 16


def test_the_s0_meter_of_a_box_that_alone_is_silent_tells_nothing():
    async def later(stage):
        stage.slaves[str(GARAGE_AT)].habit = dead

    stage, again_us = lost(later, METERED, s0={2: pulses()}, seconds=600)
    (silent,) = (note for note in stage.told("silent") if note.subject == "garage")
    assert again_us >= silent.at_us + 180 * SECOND + ALONE_US


def test_knocking_asks_nothing_and_counts_only_after_a_connect_that_failed():
    slave = TcpSlave({1: brain()})
    link = link_to(BOX, str(BOX))

    async def story():
        server = await slave.serve()
        idle = await link.knock()
        way = current().net.link(BOX.host, BOX.port)
        way.hole_out = True
        down = await link.ask(1, STATE, Rank.READ)
        shut = await link.knock()
        way.hole_out = False
        await asyncio.sleep(10)
        open_again = await link.knock()
        answer = await link.ask(1, STATE, Rank.READ)
        settled = await link.knock()
        server.close()
        return idle, down, shut, open_again, answer, settled

    idle, down, shut, open_again, answer, settled = SimLoop().run(running(link, story()))
    assert (idle, shut, open_again, settled) == (False, False, True, False)
    assert isinstance(down, LinkDown)
    assert isinstance(answer, Answer)
    assert len(slave.units[1].asked) == 1


def test_nobody_knocks_on_a_line():
    loop = SimLoop()
    Line(loop, "COM1")
    link = link_to(COM1, "simbus://COM1")

    async def story():
        return await link.knock(), link.counts.connections

    assert loop.run(running(link, story())) == (False, 0)

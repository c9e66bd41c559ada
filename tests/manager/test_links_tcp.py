"""A link to a TCP address, in virtual time, against small slaves that misbehave."""

import asyncio
import itertools
from dataclasses import dataclass

import pytest

from chargebench.emulator.clock import SimLoop
from chargebench.manager.drivers.base import Read, Write
from chargebench.manager.links.link import Link
from chargebench.manager.links.pace import Pace
from chargebench.manager.notes import Note
from chargebench.manager.outcomes import Answer, BadAnswer, LinkDown, NoAnswer, NotAsked, Rank, Refusal
from tests.manager.slaves import BOX, Bank, TcpSlave, ask, dead, kinds, link_to, prompt, running

STATE = Read("holding", 8092, 4)
OTHER = Read("holding", 100, 4)
LIMIT = Write(16, 8093, (160, 1))
SECOND = 1_000_000


@dataclass
class Stage:
    """What a story is played on."""

    link: Link
    slave: TcpSlave
    loop: SimLoop


def story(tell, *, units=(1,), notes=None, pace=None, serve=True):
    """Run ``tell(Stage(link, slave, loop))`` on a loop of its own against a slave with ``units``."""
    loop = SimLoop(seed=1)

    async def main():
        slave = TcpSlave({unit: Bank({8092: 2, 8093: 160, 8094: 1, 8095: 159, 100: unit}) for unit in units})
        if serve:
            await slave.serve()
        link = link_to(BOX, str(BOX), notes, pace)
        return await running(link, tell(Stage(link, slave, loop)))

    return loop.run(main())


def words(outcome):
    assert isinstance(outcome, Answer), outcome
    return outcome.words


def test_reads_of_all_tables_and_both_writes_reach_the_unit():
    async def tell(t):
        bank = t.slave.units[1]
        bank.words |= {0: 1, 1: 0, 2: 1}
        assert words(await ask(t.link, 1, STATE)) == (2, 160, 1, 159)
        assert words(await ask(t.link, 1, Read("input", 8092, 1))) == (2,)
        assert words(await ask(t.link, 1, Read("coil", 0, 3))) == (1, 0, 1)
        assert words(await ask(t.link, 1, Read("discrete", 0, 3))) == (1, 0, 1)
        assert words(await ask(t.link, 1, Write(6, 261, (77,)))) == ()
        assert words(await ask(t.link, 1, LIMIT)) == ()
        assert (bank.words[261], bank.words[8093], bank.words[8094]) == (77, 160, 1)
        assert [function for _, function, _ in bank.asked] == [3, 4, 1, 2, 6, 16]

    story(tell)


def test_an_answer_says_when_it_arrived():
    async def tell(t):
        before_us = t.loop.now_us
        outcome = await ask(t.link, 1, STATE)
        assert outcome.at_us == t.loop.now_us == before_us + 1_000 + 500 + 20_000 + 500
        assert t.link.heard_us(1) == t.loop.now_us

    story(tell)


def test_an_exception_response_is_an_answer_and_no_reason_to_leave_the_unit_alone():
    async def tell(t):
        t.slave.habit = lambda pdu, adu: [(0, adu[:4] + b"\x00\x03\x01" + bytes((pdu[0] | 0x80, 6)))]
        assert await ask(t.link, 1, STATE) == Refusal(6)
        assert await ask(t.link, 1, LIMIT) == Refusal(6)
        assert len(t.slave.units[1].asked) == 2

    story(tell)


@pytest.mark.parametrize("code", [0x0A, 0x0B, 0xE0])
def test_a_gateway_that_finds_nobody_makes_the_unit_silent(code):
    async def tell(t):
        t.slave.habit = lambda pdu, adu: [(0, adu[:4] + b"\x00\x03\x01" + bytes((pdu[0] | 0x80, code)))]
        outcome = await ask(t.link, 1, STATE)
        assert outcome == NoAnswer(code)  # and no refusal: the unit itself has said nothing
        assert str(outcome) == f"no answer, says the gateway before it with exception {code}"
        assert isinstance(await ask(t.link, 1, STATE), NotAsked)

    story(tell)


def test_cuts_go_before_raises_and_raises_before_reads_whenever_they_were_asked():
    async def tell(t):
        asked = [
            (STATE, Rank.READ),
            (Write(16, 1, (1,)), Rank.RAISE),
            (OTHER, Rank.READ),
            (Write(16, 2, (2,)), Rank.CUT),
        ]
        waiting = [t.link.ask(1, request, rank) for request, rank in asked]
        await asyncio.gather(*waiting)
        assert [pdu[1:3] for _, _, pdu in t.slave.units[1].asked] == [
            b"\x00\x02",
            b"\x00\x01",
            b"\x1f\x9c",
            b"\x00\x64",
        ]

    story(tell)


def test_a_read_over_an_idle_connection_goes_out_at_once_and_others_wait_for_its_answer():
    async def tell(t):
        await ask(t.link, 1, STATE)
        t.slave.units[1].asked.clear()
        t.slave.habit = lambda _pdu, adu: [(100_000, adu)]
        reading = asyncio.ensure_future(t.link.read(1, STATE))
        await asyncio.sleep(0.05)
        waiting = [t.link.ask(1, OTHER, Rank.READ), t.link.ask(1, LIMIT, Rank.CUT)]
        later = asyncio.ensure_future(t.link.read(1, STATE))
        assert words(await reading) == (2, 160, 1, 159)
        assert [words(one) for one in await asyncio.gather(*waiting)] == [(1, 0, 0, 0), ()]
        assert words(await later) == (2, 160, 1, 159)
        assert [pdu[0] for _, _, pdu in t.slave.units[1].asked] == [3, 16, 3, 3], "the cut first of those that waited"
        at = [at_us for at_us, _, _ in t.slave.units[1].asked]
        assert all(after - before > 100_000 for before, after in itertools.pairwise(at)), "one at a time"

    story(tell)


def test_a_read_of_a_unit_that_was_silent_waits_behind_all_others():
    async def tell(t):
        t.slave.habit = lambda _pdu, _adu: []
        assert isinstance(await t.link.read(1, STATE), NoAnswer)
        await asyncio.sleep(3)
        t.slave.habit = prompt
        t.slave.units[1].asked.clear()
        reading = asyncio.ensure_future(t.link.read(1, STATE))
        cut = t.link.ask(1, LIMIT, Rank.CUT)
        assert words(await reading) == (2, 160, 1, 159)
        await cut
        assert [pdu[0] for _, _, pdu in t.slave.units[1].asked] == [16, 3]

    story(tell)


def test_a_deadline_holds_though_an_earlier_requests_timer_still_runs():
    """One timer serves all: that of the first request, which was answered, comes while the second waits."""

    async def tell(t):
        await ask(t.link, 1, STATE)
        await asyncio.sleep(0.6)
        t.slave.habit = lambda _pdu, _adu: []
        begun_us = t.loop.now_us
        assert isinstance(await ask(t.link, 1, LIMIT), NoAnswer)
        assert t.loop.now_us - begun_us == 1_000_000

    story(tell)


# -- late answers -----------------------------------------------------------------------------


def test_a_late_answer_is_counted_and_answers_nothing():
    notes: list[Note] = []

    async def tell(t):
        t.slave.habit = lambda _pdu, adu: [(1_200_000, adu)]
        assert isinstance(await ask(t.link, 1, LIMIT), NoAnswer)
        t.slave.habit = prompt
        await asyncio.sleep(2)
        assert words(await ask(t.link, 1, STATE)) == (2, 160, 1, 159)
        assert t.link.counts.late == 1
        assert kinds(notes) == ["link up", "late answer"]
        assert notes[1].data == (("unit", 1), ("late", 1))

    story(tell, notes=notes)


def test_a_late_answer_that_comes_while_the_next_request_is_open_is_not_taken_for_its_answer():
    async def tell(t):
        delays = iter([1_300_000, 500_000])
        values = iter([1, 2])

        def habit(_pdu, adu):
            return [(next(delays), adu[:10] + bytes((next(values),)) + adu[11:])]

        t.slave.habit = habit
        assert words(await ask(t.link, 1, STATE))[0] == 2
        assert (t.link.counts.late, t.link.counts.connections) == (1, 1)

    story(tell)


def test_a_slave_that_always_answers_late_is_seen_to_live_and_keeps_its_connection():
    async def tell(t):
        t.slave.habit = lambda _pdu, adu: [(1_400_000, adu)]
        for _ in range(8):
            assert isinstance(await ask(t.link, 1, STATE), NoAnswer)
            await asyncio.sleep(60)
            t.link.new_round()
        assert (t.link.counts.late, t.link.counts.connections) == (9, 1)

    story(tell)


@pytest.mark.parametrize("transaction", [b"\x00\x00", b"\x00\x09"])
def test_an_answer_with_another_transaction_id_is_never_taken(transaction):
    async def tell(t):
        t.slave.habit = lambda _pdu, adu: [(20_000, transaction + adu[2:])]
        assert isinstance(await ask(t.link, 1, STATE), NoAnswer)
        assert t.link.counts.answers == 0

    story(tell)


# -- wrong answers ----------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("spoil", "why"),
    [
        (lambda adu: adu[:6] + b"\x02" + adu[7:], "unit id 2 instead of 1"),
        (lambda adu: adu[:7] + b"\x04" + adu[8:], "function 4 instead of 3"),
        (lambda adu: adu[:4] + b"\x00\x09\x01\x03\x06" + adu[9:15], "8 bytes instead of 10"),
        (lambda adu: adu[:4] + b"\x00\x0b\x01\x03\x09" + adu[9:], "begins with 03 09 instead of 03 08"),
    ],
    ids=["unit", "function", "count", "byte count"],
)
def test_a_wrong_answer_is_refused_at_once_and_the_connection_lives_on(spoil, why):
    async def tell(t):
        t.slave.habit = lambda _pdu, adu: [(20_000, spoil(adu))]
        assert await ask(t.link, 1, STATE) == BadAnswer(why)
        assert t.loop.now_us < SECOND
        t.slave.habit = prompt
        await asyncio.sleep(2.1)
        assert words(await ask(t.link, 1, STATE)) == (2, 160, 1, 159)
        assert (t.link.counts.connections, t.link.counts.bad) == (1, 2)

    story(tell)


def test_a_stream_out_of_step_costs_its_connection():
    async def tell(t):
        t.slave.habit = lambda _pdu, adu: [(20_000, adu[:2] + b"\x12\x34" + adu[4:])]
        assert isinstance(await ask(t.link, 1, STATE), BadAnswer)
        t.slave.habit = prompt
        await asyncio.sleep(2.1)
        assert words(await ask(t.link, 1, STATE)) == (2, 160, 1, 159)
        assert (len(t.slave.opened), len(t.slave.closed)) == (3, 2)

    story(tell)


@pytest.mark.parametrize("size", [1, 3, 7])
def test_answers_in_small_pieces_are_put_together(size):
    async def tell(t):
        t.slave.habit = lambda _pdu, adu: [(20_000 + k, adu[k : k + size]) for k in range(0, len(adu), size)]
        assert words(await ask(t.link, 1, STATE)) == (2, 160, 1, 159)

    story(tell)


# -- silence ----------------------------------------------------------------------------------


def test_a_dead_slave_costs_one_deadline_per_back_off_and_is_found_again():
    async def tell(t):
        assert isinstance(await ask(t.link, 1, STATE), Answer)
        t.slave.habit = dead
        tried_us = []
        for cycle in range(1, 101):
            await asyncio.sleep(cycle * 3 - t.loop.time())
            t.link.new_round()
            before_us = t.loop.now_us
            outcome = await ask(t.link, 1, STATE)
            if not isinstance(outcome, NotAsked):
                tried_us.append(before_us)
                assert isinstance(outcome, NoAnswer)
                assert t.loop.now_us - before_us <= (2 * SECOND if cycle == 1 else SECOND + 1_000)
                assert t.link.heard_us(1) == t.loop.now_us
        rests = [b - a for a, b in itertools.pairwise(tried_us)]
        assert len(rests) == 15
        assert all(2 * n * SECOND <= rest <= (2 * n + 5) * SECOND for n, rest in enumerate(rests, 1))
        t.slave.habit = prompt
        await asyncio.sleep(60)
        assert words(await ask(t.link, 1, STATE)) == (2, 160, 1, 159)

    story(tell)


def test_no_silence_is_longer_than_a_minute():
    async def tell(t):
        t.slave.habit = dead
        last_us, rests = None, []
        while t.loop.now_us < 3600 * SECOND:
            outcome = await ask(t.link, 1, STATE)
            if isinstance(outcome, NoAnswer):
                rests.append(t.loop.now_us - (last_us or 0))
                last_us = t.loop.now_us
            await asyncio.sleep(1)
            t.link.new_round()
        assert max(rests) <= 62 * SECOND

    story(tell)


def test_a_read_of_a_healthy_unit_is_tried_again_and_a_write_is_not():
    async def tell(t):
        lost = iter([True, False])
        t.slave.habit = lambda pdu, adu: dead(pdu, adu) if next(lost, False) else prompt(pdu, adu)
        assert words(await ask(t.link, 1, STATE)) == (2, 160, 1, 159)
        assert len(t.slave.units[1].asked) == 2
        t.slave.habit = dead
        assert isinstance(await ask(t.link, 1, LIMIT), NoAnswer)
        assert len(t.slave.units[1].asked) == 3

    story(tell)


def test_the_units_of_a_gateway_are_served_while_one_of_them_is_dead():
    async def tell(t):
        t.slave.habit = lambda pdu, adu: dead(pdu, adu) if adu[6] == 2 else prompt(pdu, adu)
        for cycle in range(20):
            await asyncio.sleep(cycle * 3 - t.loop.time())
            t.link.new_round()
            outcomes = await asyncio.gather(*(ask(t.link, unit, STATE) for unit in (1, 2, 3, 4)))
            if cycle:
                assert [type(one) for k, one in enumerate(outcomes) if k != 1] == [Answer] * 3
                arrived = [one.at_us - cycle * 3 * SECOND for k, one in enumerate(outcomes) if k != 1]
                assert max(arrived) < SECOND // 10
        assert t.link.counts.silences == 7, "where others wait, nobody is asked twice"
        assert t.link.counts.connections == 1

    story(tell, units=(1, 2, 3, 4))


def test_a_gateway_whose_units_all_die_does_not_cost_a_deadline_for_each():
    async def tell(t):
        units = range(1, 26)
        await asyncio.gather(*(ask(t.link, unit, STATE) for unit in units))
        t.slave.habit = dead
        for cycle in range(1, 10):
            await asyncio.sleep(cycle * 3 - t.loop.time())
            t.link.new_round()
            await asyncio.gather(*(ask(t.link, unit, STATE) for unit in units))
            assert t.loop.now_us - cycle * 3 * SECOND <= (3.1 if cycle == 1 else 2.1) * SECOND
        t.slave.habit = prompt
        await asyncio.sleep(60)
        t.link.new_round()
        outcomes = await asyncio.gather(*(ask(t.link, unit, STATE) for unit in units))
        assert all(isinstance(one, Answer) for one in outcomes)

    story(tell, units=tuple(range(1, 26)))


# -- connections ------------------------------------------------------------------------------


def test_a_refused_connection_is_left_alone_for_a_while_and_made_when_it_can_be():
    notes: list[Note] = []

    async def tell(t):
        assert isinstance(await ask(t.link, 1, STATE), LinkDown)
        assert await ask(t.link, 1, STATE) == LinkDown("left alone for a while")
        assert t.link.epoch == 0
        await t.slave.serve()
        await asyncio.sleep(2)
        assert words(await ask(t.link, 1, STATE)) == (2, 160, 1, 159)
        assert t.link.epoch == 1
        assert kinds(notes) == ["link down", "link up"]

    story(tell, notes=notes, serve=False)


def test_a_reset_in_the_middle_of_a_read_is_answered_by_another_connection():
    async def tell(t):
        def reset_once(*_):
            t.loop.net.reset(BOX.host)
            t.slave.habit = prompt
            return []

        await ask(t.link, 1, STATE)
        t.slave.habit = reset_once
        assert words(await ask(t.link, 1, STATE)) == (2, 160, 1, 159)
        assert t.link.epoch == 2
        assert t.loop.now_us < SECOND

    story(tell)


def test_a_reset_in_the_middle_of_a_write_is_told_and_not_repeated():
    async def tell(t):
        await ask(t.link, 1, STATE)
        t.slave.habit = lambda *_: [][: t.loop.net.reset(BOX.host)]
        assert await ask(t.link, 1, LIMIT) == LinkDown("connection lost")
        assert [function for _, function, _ in t.slave.units[1].asked] == [3, 16]

    story(tell)


@pytest.mark.parametrize("silent", [False, True])
def test_a_half_open_connection_is_replaced(silent):
    async def tell(t):
        await ask(t.link, 1, STATE)
        t.loop.net.half_open(BOX.host, silent=silent)
        outcome = await ask(t.link, 1, STATE)
        assert isinstance(outcome, NoAnswer if silent else Answer)
        await asyncio.sleep(2.1)
        assert words(await ask(t.link, 1, STATE)) == (2, 160, 1, 159)
        assert t.link.epoch == 2

    story(tell)


def test_an_address_that_swallows_everything_costs_no_more_than_its_deadline():
    async def tell(t):
        t.loop.net.link(BOX.host, BOX.port).hole_out = True
        assert await ask(t.link, 1, STATE) == LinkDown("no connection in time")
        assert t.loop.now_us == SECOND

    story(tell)


def test_a_connection_that_several_units_share_is_replaced_when_nothing_is_heard_on_it_for_8_s():
    async def tell(t):
        units = t.slave.units
        await asyncio.gather(*(ask(t.link, unit, STATE) for unit in units))
        t.loop.net.half_open(BOX.host, silent=True)
        replaced_us = 0
        for cycle in range(1, 12):
            await asyncio.sleep(3 * cycle - t.loop.time())
            t.link.new_round()
            outcomes = await asyncio.gather(*(ask(t.link, unit, STATE) for unit in units))
            if t.link.epoch == 2 and not replaced_us:
                replaced_us = t.loop.now_us
        assert 8 * SECOND < replaced_us < 20 * SECOND
        assert all(isinstance(one, Answer) for one in outcomes)

    story(tell, units=(1, 2))


def test_a_gap_is_kept_where_one_is_asked_for():
    async def tell(t):
        for _ in range(3):
            await ask(t.link, 1, STATE)
        at = [at_us for at_us, _, _ in t.slave.units[1].asked]
        assert [b - a for a, b in itertools.pairwise(at)] == [20_000 + 1_000 + 60_000] * 2

    story(tell, pace=Pace(gap_us=60_000))


def test_cancelling_closes_at_once_and_cancels_what_waits():
    loop = SimLoop()

    async def main():
        slave = TcpSlave({1: Bank()}, habit=dead)
        await slave.serve()
        link = link_to(BOX, str(BOX))
        task = loop.create_task(link.run())
        waiting = [link.ask(1, STATE, Rank.READ), link.ask(1, OTHER, Rank.READ)]
        await asyncio.sleep(0.5)
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)
        assert loop.now_us == SECOND // 2
        assert [one.cancelled() for one in waiting] == [True, True]
        await asyncio.sleep(0.1)
        assert len(slave.closed) == 1

    loop.run(main())


def test_a_link_that_broke_by_our_own_fault_says_so_to_everyone_who_waits_or_asks_later():
    loop = SimLoop()

    async def main():
        slave = TcpSlave({1: Bank()})
        await slave.serve()
        link = link_to(BOX, str(BOX))
        task = loop.create_task(link.run())
        ours = Write(22, 0, (1,))
        broken = link.ask(1, ours, Rank.CUT)
        with pytest.raises(ValueError, match="function 22"):
            await broken
        with pytest.raises(ValueError, match="function 22"):
            await task
        with pytest.raises(ValueError, match="function 22"):
            link.ask(1, STATE, Rank.READ)

    loop.run(main())

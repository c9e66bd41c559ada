"""A link to a serial line, in virtual time: silence between frames, late answers, dead units, noise, echo."""

import asyncio
import itertools
from dataclasses import dataclass

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from chargebench.emulator.adu import pack_rtu, t35_us
from chargebench.emulator.clock import SimLoop
from chargebench.emulator.wires.rs485 import Line
from chargebench.manager.drivers.base import Read, Write
from chargebench.manager.links.link import Link
from chargebench.manager.links.pace import LineTimes
from chargebench.manager.notes import Note
from chargebench.manager.outcomes import Answer, BadAnswer, LinkDown, NoAnswer, NotAsked, Rank, Refusal
from chargebench.manager.site import SerialAddress
from tests.manager.slaves import COM1, LineSlave, ask, dead, kinds, link_to, prompt, running

STATE = Read("holding", 8092, 4)
METER = Read("holding", 8057, 13)
LIMIT = Write(16, 8093, (160, 1))
SECOND = 1_000_000


@dataclass
class Stage:
    """What a story is played on."""

    link: Link
    slaves: dict[int, LineSlave]
    line: Line
    loop: SimLoop


def story(tell, *, units=(1,), notes=None, port="simbus://COM1", address=COM1, seed=1):
    """Run ``tell(Stage)`` on a loop of its own with ``units`` on a line at 9600,8,n,1."""
    loop = SimLoop(seed=seed)

    async def main():
        line = Line(loop, "COM1")
        slaves = {unit: LineSlave(loop, line, unit) for unit in units}
        for slave in slaves.values():
            slave.bank.words |= {8092: 2, 8093: 160, 8094: 1, 8095: 159}
        link = link_to(address, port, notes)
        return await running(link, tell(Stage(link, slaves, line, loop)))

    return loop.run(main())


def words(outcome):
    assert isinstance(outcome, Answer), outcome
    return outcome.words


async def everyone(t, request=STATE):
    t.link.new_round()
    return await asyncio.gather(*(ask(t.link, unit, request) for unit in t.slaves))


# -- order and silence on the line ------------------------------------------------------------


def test_reads_and_writes_reach_their_unit():
    async def tell(t):
        assert words(await ask(t.link, 1, STATE)) == (2, 160, 1, 159)
        assert words(await ask(t.link, 2, Write(16, 8093, (60, 0)))) == ()
        assert words(await ask(t.link, 2, STATE)) == (2, 60, 0, 159)
        assert words(await ask(t.link, 1, Write(6, 8093, (100,)))) == ()
        assert words(await ask(t.link, 1, STATE)) == (2, 100, 1, 159)

    story(tell, units=(1, 2))


@pytest.mark.parametrize("latency_us", [0, 1_000, 16_000])
def test_the_line_is_silent_for_t35_before_every_request(latency_us):
    async def tell(t):
        for _ in range(4):
            await everyone(t)
            await everyone(t, METER)
            await asyncio.gather(*(ask(t.link, unit, LIMIT, Rank.CUT) for unit in t.slaves))
        assert t.link.counts.answers == 4 * 3 * 5
        assert (t.line.stats.t35_violations, t.line.stats.collisions) == (0, 0)

    story(tell, units=(1, 2, 3, 4, 5), port=f"simbus://COM1?rx_latency_us={latency_us}")


def test_what_nobody_answers_is_sent_and_those_who_heard_it_are_left_their_time():
    """Unit 9 is nobody's; unit 1 is asked once the frame of 13 bytes and 200 ms have passed."""

    async def tell(t):
        words(await ask(t.link, 1, STATE))
        before_us, requests = t.loop.now_us, t.link.counts.requests
        sent, after = t.link.cast(1, 9, LIMIT, Rank.CUT), t.link.ask(1, STATE, Rank.READ)
        assert words(await sent) == ()
        assert t.loop.now_us - before_us < 10_000
        assert t.link.heard_us(1) == t.loop.now_us
        assert words(await after) == (2, 160, 1, 159)
        frame_us = LineTimes.of(COM1).frame_us(13)
        assert t.loop.now_us - before_us > frame_us + 200_000
        assert t.link.counts.requests - requests == 2
        assert (t.link.counts.silences, t.line.stats.collisions, t.line.stats.t35_violations) == (0, 0, 0)

    story(tell)


def test_what_nobody_answers_waits_for_a_port_that_is_there():
    async def tell(t):
        assert isinstance(await t.link.cast(1, 9, LIMIT, Rank.CUT), LinkDown)

    story(tell, port="simbus://COM7")


def test_a_line_is_used_as_fast_as_t35_allows():
    async def tell(t):
        began_us = t.loop.now_us
        for _ in range(10):
            await ask(t.link, 1, STATE)
        per_us = (t.loop.now_us - began_us - 10 * 20_000) / 10
        wire_us = LineTimes.of(COM1).frame_us(8) + LineTimes.of(COM1).frame_us(13)
        assert wire_us + t35_us(9600) * 0.9 <= per_us <= wire_us + t35_us(9600) + 10

    story(tell)


@pytest.mark.parametrize(
    ("address", "character_bits", "silence_us"),
    [
        (SerialAddress("COM1", 9600, 8, "N", 1), 10, 4_011),
        (SerialAddress("COM1", 19_200, 8, "E", 1), 11, 2_006),
        (SerialAddress("COM1", 115_200, 8, "N", 2), 11, 1_750),
    ],
    ids=str,
)
def test_times_of_a_line(address, character_bits, silence_us):
    times = LineTimes.of(address)
    assert (times.character_bits, times.silence_us) == (character_bits, silence_us)
    assert times.frame_us(8) == -(-8 * character_bits * 1_000_000 // address.baud)


# -- late answers -----------------------------------------------------------------------------


def test_a_late_answer_is_recognised_counted_and_never_given_to_the_next_request():
    notes: list[Note] = []

    async def tell(t):
        slave = t.slaves[1]
        await ask(t.link, 1, STATE)
        slave.habit = lambda _pdu, adu: [(700_000, adu)]
        assert isinstance(await ask(t.link, 1, LIMIT), NoAnswer)
        slave.habit = prompt
        await asyncio.sleep(3)
        assert words(await ask(t.link, 1, STATE)) == (2, 160, 1, 159)
        assert t.link.counts.late == 1
        assert kinds(notes) == ["link up", "late answer"]

    story(tell, notes=notes)


def test_after_a_silence_the_unit_is_first_asked_something_of_another_length():
    async def tell(t):
        bank = t.slaves[1].bank
        await ask(t.link, 1, Read("holding", 8112, 1))
        await ask(t.link, 1, STATE)
        t.slaves[1].habit = lambda pdu, adu: prompt(pdu, adu) if pdu[4] == 1 else dead(pdu, adu)
        bank.asked.clear()
        assert isinstance(await ask(t.link, 1, STATE), NoAnswer)
        assert [pdu for _, _, pdu in bank.asked] == [
            bytes.fromhex("03 1f9c 0004"),
            bytes.fromhex("03 1fb0 0001"),
            bytes.fromhex("03 1f9c 0004"),
        ]

    story(tell)


@example(delays=[560_000, 5_000], pauses=[0.0] * 12, lengths=[1] * 12)
@given(
    delays=st.lists(st.sampled_from([5_000, 20_000, 300_000, 520_000, 560_000, 700_000, 1_100_000, None]), max_size=12),
    pauses=st.lists(st.sampled_from([0.0, 0.05, 0.3, 1.0, 3.0]), min_size=12, max_size=12),
    lengths=st.lists(st.sampled_from([1, 2, 4]), min_size=12, max_size=12),
)
def test_whatever_comes_late_an_answer_is_always_to_the_request_that_it_answers(delays, pauses, lengths):
    """Every request is answered with its number: no read may be given a number from before it was asked.

    A read that is tried again may be given the answer to its own first try: it asked for the same, and for nothing older.
    """

    async def tell(t):
        slave = t.slaves[1]
        numbers = itertools.count(1)
        waits = iter(delays)
        sent = []

        def habit(pdu, _adu):
            number = next(numbers)
            delay_us = next(waits, 20_000)
            sent.append(number)
            answer = bytes((3, 2 * pdu[4])) + number.to_bytes(2, "big") * pdu[4]
            return [] if delay_us is None else [(delay_us, pack_rtu(1, answer))]

        slave.habit = habit
        for pause, length in zip(pauses, lengths, strict=True):
            before = len(sent)
            t.link.new_round()
            outcome = await ask(t.link, 1, Read("holding", 8092, length))
            if isinstance(outcome, Answer):
                assert outcome.words[0] > before
                assert outcome.words == (outcome.words[0],) * length
            await asyncio.sleep(pause)

    story(tell)


def test_the_answer_to_a_write_that_may_be_an_earlier_ones_is_not_taken_but_the_unit_is_back():
    async def tell(t):
        slave = t.slaves[1]
        await ask(t.link, 1, STATE)
        slave.habit = dead
        assert isinstance(await ask(t.link, 1, LIMIT), NoAnswer)
        await asyncio.sleep(2.1)
        slave.habit = prompt
        outcome = await ask(t.link, 1, LIMIT)
        assert outcome == BadAnswer("only what may be the answer to an earlier request")
        assert words(await ask(t.link, 1, STATE)) == (2, 160, 1, 159)
        assert words(await ask(t.link, 1, LIMIT)) == ()

    story(tell)


def test_a_refusal_that_may_be_an_earlier_requests_is_not_taken():
    async def tell(t):
        slave = t.slaves[1]
        refusal = pack_rtu(1, bytes((0x83, 6)))
        await ask(t.link, 1, Read("holding", 8112, 1))
        await ask(t.link, 1, STATE)
        replies = iter([[(600_000, refusal)], [(200_000, pack_rtu(1, bytes((3, 2, 0, 9))))]])
        slave.habit = lambda pdu, adu: next(replies, None) or prompt(pdu, adu)
        assert words(await ask(t.link, 1, STATE)) == (2, 160, 1, 159)
        assert (t.link.counts.late, t.link.counts.refusals) == (1, 0)

    story(tell)


def test_a_late_answer_of_one_unit_does_not_disturb_the_others():
    async def tell(t):
        await everyone(t)
        t.slaves[1].habit = lambda _pdu, adu: [(560_000, adu)]
        t.slaves[2].habit = lambda _pdu, adu: [(200_000, adu)]
        first, second = await everyone(t)
        assert isinstance(second, Answer)
        assert not isinstance(first, Answer)
        assert t.link.counts.late >= 1

    story(tell, units=(1, 2))


def test_after_a_silence_the_line_is_drained_before_anyone_is_asked():
    async def tell(t):
        await ask(t.link, 1, STATE)
        t.slaves[1].habit = dead
        assert isinstance(await ask(t.link, 1, LIMIT), NoAnswer)
        silent_us = t.loop.now_us
        await ask(t.link, 2, STATE)
        heard_us = t.slaves[2].bank.asked[-1][0]
        assert heard_us - silent_us == LineTimes.of(COM1).silence_us + 10_000 + LineTimes.of(COM1).frame_us(8)

    story(tell, units=(1, 2))


# -- silence ----------------------------------------------------------------------------------


def test_a_dead_unit_costs_one_deadline_per_back_off_and_the_others_are_served_first():
    async def tell(t):
        t.slaves[3].habit = dead
        for cycle in range(40):
            await asyncio.sleep(cycle * 3 - t.loop.time())
            outcomes = await everyone(t)
            assert [type(one) for k, one in enumerate(outcomes) if k != 2] == [Answer] * 4
            if cycle:
                arrived = [one.at_us - cycle * 3 * SECOND for k, one in enumerate(outcomes) if k != 2]
                assert max(arrived) < 200_000
        assert t.link.counts.silences <= 12
        assert t.line.stats.t35_violations == 0

    story(tell, units=(1, 2, 3, 4, 5))


def test_three_dead_units_in_a_row_starve_nobody():
    async def tell(t):
        await everyone(t)
        for unit in (1, 2, 3):
            t.slaves[unit].habit = dead
        missed = []
        for cycle in range(1, 60):
            await asyncio.sleep(cycle * 3 - t.loop.time())
            outcomes = await everyone(t)
            missed += [
                (cycle, unit) for unit, one in enumerate(outcomes, 1) if unit > 3 and not isinstance(one, Answer)
            ]
        assert {cycle for cycle, _ in missed} == {1}

    story(tell, units=tuple(range(1, 11)))


def test_a_cut_line_costs_a_few_deadlines_a_round_and_all_come_back():
    async def tell(t):
        await everyone(t)
        t.line.cut("port")
        for cycle in range(1, 21):
            await asyncio.sleep(cycle * 3 - t.loop.time())
            outcomes = await everyone(t)
            assert not any(isinstance(one, Answer) for one in outcomes)
            assert t.loop.now_us - cycle * 3 * SECOND < 1.7 * SECOND
        t.line.mend("port")
        for cycle in range(21, 41):
            await asyncio.sleep(cycle * 3 - t.loop.time())
            outcomes = await everyone(t)
        assert all(isinstance(one, Answer) for one in outcomes)

    story(tell, units=tuple(range(1, 26)))


def test_a_request_in_back_off_is_answered_at_once_and_leaves_no_byte_on_the_line():
    async def tell(t):
        t.slaves[1].habit = dead
        assert isinstance(await ask(t.link, 1, STATE), NoAnswer)
        bursts, now_us = t.line.stats.bursts, t.loop.now_us
        outcome = await ask(t.link, 1, LIMIT, Rank.CUT)
        assert isinstance(outcome, NotAsked)
        assert outcome.until_us > now_us
        assert (t.line.stats.bursts, t.loop.now_us) == (bursts, now_us)

    story(tell)


# -- what lines do ----------------------------------------------------------------------------


def test_a_garbled_answer_is_found_out_early_and_the_read_is_tried_again():
    async def tell(t):
        await ask(t.link, 1, STATE)
        slave = t.slaves[1]
        spoilt = iter([True])
        slave.habit = lambda _pdu, adu: [(20_000, adu[:5] + b"\xff" + adu[6:] if next(spoilt, False) else adu)]
        before_us = t.loop.now_us
        assert words(await ask(t.link, 1, STATE)) == (2, 160, 1, 159)
        assert t.loop.now_us - before_us < 300_000
        assert t.link.counts.bad == 1

    story(tell)


def test_a_noisy_line_gives_right_values_or_none():
    async def tell(t):
        t.line.noise_ppm = 1_000
        answers = 0
        for _ in range(150):
            outcome = await ask(t.link, 1, STATE)
            if isinstance(outcome, Answer):
                assert outcome.words == (2, 160, 1, 159)
                answers += 1
            await asyncio.sleep(3)
            t.link.new_round()
        assert answers > 75
        assert t.link.counts.bad + t.link.counts.silences > 10

    story(tell)


@pytest.mark.parametrize("before", [1, 3, 5])
def test_stray_bytes_at_the_turn_around_do_not_matter(before):
    async def tell(t):
        t.slaves[1].habit = lambda _pdu, adu: [(60_000, bytes(before)), (110_000, adu)]
        assert words(await ask(t.link, 1, STATE)) == (2, 160, 1, 159)

    story(tell)


def test_an_adapter_that_hears_itself_serves_and_its_echo_answers_nothing():
    async def tell(t):
        assert words(await ask(t.link, 1, STATE)) == (2, 160, 1, 159)
        assert words(await ask(t.link, 1, Write(6, 8093, (100,)))) == ()
        assert words(await ask(t.link, 1, LIMIT)) == ()
        t.slaves[1].habit = dead
        assert not isinstance(await ask(t.link, 1, Write(6, 8093, (120,))), Answer)

    story(tell, port="simbus://COM1?echo")


def test_a_port_that_is_not_there_is_an_outcome():
    notes: list[Note] = []

    async def tell(t):
        assert isinstance(await ask(t.link, 1, STATE), LinkDown)
        assert await ask(t.link, 1, STATE) == LinkDown("left alone for a while")
        assert kinds(notes) == ["link down"]

    story(tell, notes=notes, port="simbus://COM9")


def test_a_port_of_an_unknown_kind_is_an_outcome_that_says_so():
    async def tell(t):
        outcome = await ask(t.link, 1, STATE)
        assert isinstance(outcome, LinkDown)
        assert "carrierpigeon" in outcome.why

    story(tell, port="carrierpigeon://COM1")


@pytest.mark.parametrize(
    "address", [SerialAddress("COM1", 19_200, 8, "N", 1), SerialAddress("COM1", 9600, 8, "E", 1)], ids=str
)
def test_a_line_at_other_parameters_gives_no_answer_and_no_exception(address):
    async def tell(t):
        for _ in range(5):
            outcome = await ask(t.link, 1, STATE)
            assert isinstance(outcome, NoAnswer | BadAnswer | LinkDown)
            await asyncio.sleep(60)
            t.link.new_round()

    story(tell, address=address)


def test_a_refusal_on_a_line_is_an_answer():
    async def tell(t):
        t.slaves[1].habit = lambda pdu, _adu: [(20_000, pack_rtu(1, bytes((pdu[0] | 0x80, 2))))]
        assert await ask(t.link, 1, STATE) == Refusal(2)
        assert await ask(t.link, 1, STATE) == Refusal(2)

    story(tell)


def test_cancelling_closes_the_port_so_that_another_may_have_it():
    async def tell(t):
        other = link_to(COM1, "simbus://COM1")
        await ask(t.link, 1, STATE)
        assert isinstance(await running(other, ask(other, 1, STATE)), LinkDown)

    story(tell)

    async def twice(_):
        for _ in range(2):
            link = link_to(COM1, "simbus://COM1")
            assert isinstance(await running(link, ask(link, 1, STATE)), Answer)

    story(twice)

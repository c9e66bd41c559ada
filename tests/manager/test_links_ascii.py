"""A line in ASCII mode: what may answer a request there, and a link to it in virtual time."""

from __future__ import annotations

import asyncio
import itertools
from dataclasses import dataclass

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from chargebench.emulator.ascii import pack_ascii, unpack_ascii
from chargebench.emulator.clock import SimLoop
from chargebench.emulator.wires.rs485 import Line
from chargebench.manager.drivers.base import Read, Write
from chargebench.manager.links.ascii_inlet import AsciiInlet
from chargebench.manager.links.line_inlet import BELIEVED_US, FRAME_LEAST, QUIET_US
from chargebench.manager.links.link import Link
from chargebench.manager.links.master import lrc_of
from chargebench.manager.links.pace import LineTimes
from chargebench.manager.links.shape import shape_of
from chargebench.manager.outcomes import Answer, BadAnswer, NoAnswer, Refusal
from chargebench.manager.site import SerialAddress
from tests.manager.slaves import Bank, Habit, ask, dead, link_to, prompt, running

FOUR = Read("holding", 8092, 4)
ONE = Read("holding", 8112, 1)
FOUR_PDU = bytes((3, 8, 0, 2, 0, 160, 0, 1, 0, 160))
ONE_PDU = bytes((3, 2, 0, 1))
REQUEST = bytes.fromhex("03 1f9c 0004")
ANSWER = pack_ascii(1, FOUR_PDU)
BROKEN = ANSWER[:-4] + (b"00" if ANSWER[-4:-2] != b"00" else b"01") + b"\r\n"


def line(request=FOUR, unit=1):
    late: list[int] = []
    inlet = AsciiInlet(lrc_of, late.append)
    inlet.expect(unit, shape_of(request))
    inlet.sent(pack_ascii(unit, REQUEST))
    return inlet, late


@pytest.mark.parametrize("answer", [ANSWER, ANSWER.lower(), b">" + ANSWER[1:]])
def test_the_right_answer_is_found_in_either_case_and_with_either_beginning(answer):
    inlet, late = line()
    assert inlet.receive(answer) == answer
    assert inlet.pdu(answer) == FOUR_PDU
    assert inlet.receive(answer) == b""
    assert (late, inlet.bad) == ([], "")


@given(
    cuts=st.lists(st.integers(0, 40), max_size=6), before=st.sampled_from([b"", b"\0", b"\xff\r\n", b":0103", b"::\n"])
)
def test_stray_characters_and_portions_do_not_matter(cuts, before):
    inlet, _ = line()
    stream = before + ANSWER
    places = sorted(min(cut, len(stream)) for cut in cuts)
    pieces = [stream[a:b] for a, b in zip([0, *places], [*places, len(stream)], strict=True)]
    assert [one for one in map(inlet.receive, pieces) if one] == [ANSWER]


@pytest.mark.parametrize(
    ("adu", "why"),
    [
        (BROKEN, "a frame with a wrong LRC"),
        (ANSWER[:8] + b"3" + ANSWER[9:], "a frame with a wrong LRC"),
        (ANSWER[:8] + b"G" + ANSWER[9:], "27 bytes that are no answer"),
        (ANSWER[:-2] + b"\n", "26 bytes that are no answer"),
        (pack_ascii(2, FOUR_PDU), "27 bytes that are no answer"),
        (pack_ascii(1, b"\x04" + FOUR_PDU[1:]), "27 bytes that are no answer"),
        (pack_ascii(1, ONE_PDU), "15 bytes that are no answer"),
        (pack_ascii(1, bytes((0x84, 2))), "11 bytes that are no answer"),
    ],
)
def test_no_other_frame_passes_and_the_right_one_may_still_come(adu, why):
    inlet, _ = line()
    assert inlet.receive(adu) == b""
    assert (inlet.bad, inlet.wait_us) == (why, QUIET_US)
    assert inlet.receive(ANSWER) == ANSWER
    assert inlet.bad == ""


def test_the_longest_answer_is_found_behind_the_echo_of_its_request():
    longest = Read("holding", 0, 125)
    inlet, _ = line(longest)
    answer = pack_ascii(1, bytes((3, 250)) + bytes(250))
    assert inlet.receive(pack_ascii(1, REQUEST)) == inlet.receive(answer[:500]) == b""
    assert inlet.receive(answer[500:]) == answer


def test_what_is_inside_a_frame_of_another_unit_is_no_frame():
    inlet, _ = line()
    assert inlet.receive(pack_ascii(2, b"\x03\x10" + ANSWER[1:17])) == b""
    inlet.receive(b":02" + ANSWER[1:-2])
    assert inlet.receive(b"\r\n") == b""


def test_a_frame_that_has_begun_is_waited_for():
    inlet, _ = line()
    inlet.receive(b"\xff" * FRAME_LEAST)
    assert inlet.wait_us == QUIET_US
    inlet.receive(ANSWER[:9])
    assert inlet.wait_us is None
    assert inlet.receive(ANSWER[9:]) == ANSWER


@pytest.mark.parametrize("code", [2, 0x0B])
def test_an_exception_response_is_an_answer(code):
    inlet, _ = line()
    refusal = pack_ascii(1, bytes((0x83, code)))
    assert inlet.receive(refusal) == refusal


def test_an_adapter_that_hears_itself_is_found_out_and_its_echo_is_no_answer_to_a_write():
    inlet, _ = line()
    assert inlet.receive(pack_ascii(1, REQUEST) + ANSWER) == ANSWER
    assert inlet.echoes
    adu = pack_ascii(1, bytes((6, 1, 5, 0, 160)))
    inlet.expect(1, shape_of(Write(6, 261, (160,))))
    inlet.sent(adu)
    assert inlet.receive(adu) == b""
    assert inlet.receive(adu) == adu


def test_an_answer_that_fits_an_earlier_request_is_that_ones():
    inlet, late = line()
    inlet.give_up()
    inlet.suspect(1, shape_of(FOUR), 1_000)
    inlet.suspect(2, shape_of(FOUR), 1_000)
    assert inlet.receive(pack_ascii(2, FOUR_PDU)) == b""
    inlet.expect(1, shape_of(FOUR))
    assert inlet.receive(ANSWER[:20]) == b""
    assert inlet.receive(ANSWER[20:]) == b""
    assert (late, inlet.bad) == ([2, 1], "only what may be the answer to an earlier request")
    assert inlet.receive(ANSWER) == ANSWER
    inlet.suspect(1, shape_of(FOUR), 0)
    inlet.forget(BELIEVED_US)
    inlet.expect(1, shape_of(FOUR))
    assert inlet.receive(ANSWER) == ANSWER


CHUNKS = st.one_of(
    st.binary(max_size=300), st.text("0123456789abcdefABCDEF:>\r\n", max_size=300).map(str.encode), st.just(BROKEN)
)


@given(chunks=st.lists(CHUNKS, max_size=6))
@example(chunks=[b":" * 5000, b":0103" + b"0" * 5000 + b"\r\n"])
def test_no_characters_whatever_raise_or_pass_for_an_answer(chunks):
    inlet, _ = line()
    inlet.suspect(1, shape_of(ONE), 0)
    found = [one for one in map(inlet.receive, chunks) if one]
    assert len(found) <= 1
    for one in found:
        adu = unpack_ascii(b":" + one[1:])
        assert adu is not None
        assert adu.unit == 1
        assert shape_of(FOUR).fits(adu.pdu)
    assert len(inlet._buffer) <= inlet.kept


# -- a link ------------------------------------------------------------------------------------


ADDRESS = SerialAddress("COM1", 9600, 7, "E", 1, "ascii")
SPOILT = slice(-4, -2)


@dataclass
class TextSlave:
    """One unit on a line in ASCII mode. A habit's delay counts from the end of the request."""

    loop: SimLoop
    line: Line
    unit: int
    habit: Habit = prompt
    lead: bytes = b":"

    def __post_init__(self):
        self.name = f"slave {self.unit}"
        self.hears = None
        self.bank = Bank({8092: 2, 8093: 160, 8094: 1, 8095: 159})
        self.line.attach(self)

    def line_busy(self, now_us):
        pass

    def received(self, now_us, data):
        request = unpack_ascii(data)
        if request is None or request.unit != self.unit:
            return
        adu = pack_ascii(self.unit, self.bank.answer(request.pdu, now_us), self.lead)
        for after_us, out in self.habit(request.pdu, adu):
            self.line.send(self, out, at=now_us + after_us)


def story(tell, *, port="simbus://COM1", address=ADDRESS, leads=(b":", b">"), noise_ppm=0):
    """Run ``tell(link, slaves)`` on a loop of its own, with a unit for each of the leads."""
    loop = SimLoop(seed=1)

    async def main():
        lines = Line(loop, "COM1", address.baud, address.bits, address.parity, address.stops)
        lines.noise_ppm = noise_ppm
        slaves = {unit: TextSlave(loop, lines, unit, lead=lead) for unit, lead in enumerate(leads, 1)}
        link: Link = link_to(address, port)
        return await running(link, tell(link, slaves))

    return loop.run(main())


@pytest.mark.parametrize("port", ["simbus://COM1", "simbus://COM1?echo", "simbus://COM1?rx_latency_us=16000"])
def test_reads_and_writes_reach_their_unit(port):
    async def tell(link, _slaves):
        for unit in (1, 2):
            assert await ask(link, unit, Write(16, 8093, (60 + unit, 0))) == Answer(link._master.byte_us)
            read = await ask(link, unit, FOUR)
            assert isinstance(read, Answer)
            assert read.words == (2, 60 + unit, 0, 159)
        assert link.counts.answers == link.counts.requests == 4

    story(tell, port=port)


def test_a_broken_check_is_counted_and_the_next_answer_is_taken():
    async def tell(link, slaves):
        slaves[1].habit = lambda _pdu, adu: [(20_000, adu[:-4] + b"00\r\n")]
        assert await ask(link, 1, FOUR) == BadAnswer("a frame with a wrong LRC")
        assert (link.counts.bad, link.counts.answers) == (2, 0)  # it asked again
        slaves[1].habit = prompt
        assert isinstance(await ask(link, 2, FOUR), Answer)

    story(tell)


def test_an_answer_that_comes_late_is_never_another_requests():
    async def tell(link, slaves):
        slaves[1].habit = lambda _pdu, adu: [(900_000, adu)]
        assert isinstance(await ask(link, 1, Write(16, 8093, (60, 0))), NoAnswer)
        slaves[1].habit = prompt
        await asyncio.sleep(1)
        assert link.counts.late == 1
        assert isinstance(await ask(link, 2, FOUR), Answer)

    story(tell)


def dozing(awake_us):
    """The habit of a unit that misses the request that ends its rest, and what it was asked."""
    asked = []
    heard_us = [-(10**12)]

    def habit(pdu, adu):
        now, loop_us = heard_us[0], round(asyncio.get_running_loop().time() * 1e6)
        heard_us[0] = loop_us
        asked.append(pdu[0])
        return [(20_000, adu)] if loop_us < now + awake_us else []

    return habit, asked


@pytest.mark.parametrize("request_", [FOUR, Write(16, 8093, (60, 0))], ids=["read", "write"])
def test_a_unit_that_dozes_is_asked_the_same_again_as_the_first_and_only_when_it_has_rested(request_):
    async def tell(link, slaves):
        slaves[1].habit, asked = dozing(3_000_000)
        link.dozes(1)
        for rest_s, requests in ((0, 2), (0, 1), (2, 1), (5, 2)):
            await asyncio.sleep(rest_s)
            assert isinstance(await ask(link, 1, request_), Answer)
            assert isinstance(await ask(link, 1, ONE), Answer)  # one of another shape: what was asked twice is past
            assert len(asked) == requests + 1
            asked.clear()
        assert link.counts.late == 0

    story(tell)


def test_a_unit_that_is_not_known_to_doze_is_not_asked_a_write_twice():
    async def tell(link, slaves):
        slaves[1].habit, asked = dozing(3_000_000)
        assert isinstance(await ask(link, 1, Write(16, 8093, (60, 0))), NoAnswer)
        assert asked == [16]

    story(tell)


@pytest.mark.parametrize("request_", [FOUR, Write(16, 8093, (60, 0))], ids=["read", "write"])
def test_a_silent_unit_that_dozes_is_given_up_after_two_requests_and_heard_again_at_once(request_):
    async def tell(link, slaves):
        for unit in (1, 2):
            link.dozes(unit)
            assert isinstance(await ask(link, unit, request_), Answer)
        slaves[1].habit, asked = dozing(0)
        await asyncio.sleep(3)
        link.new_round()
        assert isinstance(await ask(link, 1, request_), NoAnswer)
        assert len(asked) == 2
        assert isinstance(await ask(link, 2, request_), Answer)  # a line is not dead for one that is
        slaves[1].habit, _ = dozing(3_000_000)
        await asyncio.sleep(70)
        link.new_round()
        assert isinstance(await ask(link, 1, request_), Answer)

    story(tell)


def test_the_second_answer_to_what_was_asked_twice_is_never_another_requests():
    async def tell(link, slaves):
        link.dozes(1)
        first = [True]

        def slow_once(pdu, adu):
            del pdu
            after_us = 700_000 if first[0] else 300_000
            first[0] = False
            return [(after_us, adu)]

        slaves[1].habit = slow_once  # both answers come: the first while the second is awaited
        assert isinstance(await ask(link, 1, FOUR), Answer)
        slaves[1].habit = dead
        assert not isinstance(await ask(link, 1, FOUR), Answer)
        assert link.counts.late == 1

    story(tell)


DELAYS_US = st.lists(
    st.sampled_from([5_000, 20_000, 300_000, 520_000, 560_000, 700_000, 1_100_000, 1_300_000, None]), max_size=16
)


@given(
    delays=DELAYS_US,
    pauses=st.lists(st.sampled_from([0.0, 0.05, 0.3, 1.0, 3.0]), min_size=12, max_size=12),
    lengths=st.lists(st.sampled_from([1, 2, 4]), min_size=12, max_size=12),
    dozes=st.booleans(),
)
def test_whatever_comes_late_an_answer_is_always_to_the_request_that_it_answers(delays, pauses, lengths, dozes):
    """Every request is answered with its number, one after the other: no read may be given one from before it was asked."""

    async def tell(link, slaves):
        numbers, waits, sent = itertools.count(1), iter(delays), []
        free_us = [0]

        def habit(pdu, _adu):
            sent.append(next(numbers))
            delay_us = next(waits, 20_000)
            if delay_us is None:
                return []
            now_us = round(asyncio.get_running_loop().time() * 1e6)
            answer = bytes((3, 2 * pdu[4])) + sent[-1].to_bytes(2, "big") * pdu[4]
            due_us = max(now_us + delay_us, free_us[0])
            free_us[0] = due_us + 40_000
            return [(due_us - now_us, pack_ascii(1, answer))]

        slaves[1].habit = habit
        if dozes:
            link.dozes(1)
        for pause, length in zip(pauses, lengths, strict=True):
            before = len(sent)
            link.new_round()
            outcome = await ask(link, 1, Read("holding", 8092, length))
            if isinstance(outcome, Answer):
                assert outcome.words[0] > before
                assert len({*outcome.words}) == 1
                assert dozes or outcome.words[0] == sent[-1]
            await asyncio.sleep(pause)

    story(tell)


def test_an_exception_response_is_a_refusal():
    async def tell(link, slaves):
        slaves[2].habit = lambda _pdu, _adu: [(20_000, pack_ascii(2, b"\x83\x02", b">"))]
        assert await ask(link, 2, FOUR) == Refusal(2)

    story(tell)


@pytest.mark.parametrize(("asked", "us"), [(8, 17_709), (13, 28_125), (256, 534_375)])
def test_a_message_is_counted_with_the_characters_that_it_has_in_ascii(asked, us):
    assert LineTimes.of(ADDRESS).frame_us(asked) == us
    assert -(-len(pack_ascii(1, bytes(asked - 3))) * 10**7 // 9_600) == us  # 10 bits each: 7, parity, start and stop


def test_a_noisy_line_gives_right_answers_or_none():
    async def tell(link, _slaves):
        right = 0
        for _ in range(60):
            outcome = await ask(link, 1, FOUR)
            right += isinstance(outcome, Answer)
            assert not isinstance(outcome, Answer) or outcome.words == (2, 160, 1, 159)
        assert right
        assert link.counts.bad + link.counts.silences

    story(tell, noise_ppm=1_000)

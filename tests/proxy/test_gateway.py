"""The gateway alone: who is answered with what, when something is sent, and when nothing is."""

from __future__ import annotations

import pytest

from chargebench.emulator.adu import pack_rtu
from chargebench.manager.links.pace import Pace
from chargebench.manager.proxy.gateway import QUEUE_MOST, ToClient
from tests.proxy.lines import COM1, DEAD, PROMPT, START_US, Bench, Units, read, write

SILENT, DOWN, BUSY = b"\x83\x0b", b"\x83\x0a", b"\x83\x06"


def test_a_request_goes_out_at_once_and_its_answer_comes_back_untouched():
    bench = Bench()
    token = bench.ask(1, 7, read(8092, 2))
    assert bench.sent == [(START_US, pack_rtu(7, read(8092, 2)))]
    bench.run()
    assert bench.only(token) == b"\x03\x04\x00\x01\x00\x01"


def test_between_an_answer_and_the_next_request_the_line_is_silent_for_three_and_a_half_characters():
    bench = Bench()
    for _ in range(3):
        bench.ask(1, 7, read(8092, 10))
    bench.run()
    gaps = [later - earlier for (earlier, _), (later, _) in zip(bench.sent, bench.sent[1:], strict=False)]
    assert gaps == [COM1.frame_us(8) + 30_000 + COM1.silence_us] * 2


@pytest.mark.parametrize(
    ("pdu", "answer"),
    [
        (write(8093, 60), write(8093, 60)),
        (b"\x10\x1f\x9d\x00\x01\x02\x00\x3c", b"\x10\x1f\x9d\x00\x01"),
        (b"\x41\x07\x08", b"\x41\x00\x00\x01\x07\x08"),
        (b"\x2b\x0e\x01\x00", b"\x2b\x00\x00\x01\x0e\x01\x00"),
    ],
)
def test_writes_and_functions_that_nobody_knows_pass_untouched(pdu: bytes, answer: bytes):
    bench = Bench()
    token = bench.ask(1, 7, pdu)
    bench.run()
    assert bench.only(token) == answer


@pytest.mark.parametrize("habit", ["noise", "pieces", "twice"])
def test_noise_before_an_answer_and_an_answer_in_pieces_or_twice_do_no_harm(habit: str):
    bench = Bench(Units([habit]))
    first, second = bench.ask(1, 7, read(0)), bench.ask(1, 7, read(10, 2))
    bench.run()
    assert (bench.only(first), bench.only(second)) == (b"\x03\x02\x00\x01", b"\x03\x04\x00\x02\x00\x02")


def test_the_second_answer_to_a_write_is_not_taken_for_an_echo():
    bench = Bench(Units(["twice"]))
    for value in (60, 70, 80):
        token = bench.ask(1, 7, write(8093, value))
        bench.run()
        assert bench.only(token) == write(8093, value)


def test_an_echo_is_removed_and_known_for_writes_from_the_first_read_on():
    bench = Bench(echo=True)
    assert bench.only(asked(bench, read(0))) == b"\x03\x02\x00\x01"
    bench.units.habits = [DEAD]
    assert bench.only(asked(bench, write(8093, 60))) == b"\x86\x0b"
    assert bench.only(asked(bench, write(8093, 70))) == write(8093, 70)


def test_a_port_that_comes_back_with_another_adapter_may_hear_itself_no_more():
    bench = Bench(echo=True)
    assert bench.only(asked(bench, read(0))) == b"\x03\x02\x00\x01"
    bench.act(bench.gateway.down(bench.now_us))
    bench.echo = False
    bench.act(bench.gateway.opened(bench.now_us))
    assert bench.only(asked(bench, write(8093, 60))) == write(8093, 60)


def asked(bench: Bench, pdu: bytes) -> int:
    token = bench.ask(1, 7, pdu)
    bench.run()
    return token


def test_a_read_without_an_answer_is_asked_once_more_and_a_write_never():
    bench = Bench(Units([DEAD, PROMPT, DEAD]))
    first, second = bench.ask(1, 7, read(0)), bench.ask(1, 8, write(8093, 60))
    bench.run()
    assert (bench.only(first), bench.only(second)) == (b"\x03\x02\x00\x02", b"\x86\x0b")
    assert [frame[0] for _, frame in bench.sent] == [7, 7, 8]


def test_a_spoilt_answer_is_asked_for_again_without_waiting_for_a_late_one():
    bench = Bench(Units(["spoilt"]))
    token, other = bench.ask(1, 7, read(0)), bench.ask(1, 7, read(100))
    bench.run()
    assert (bench.only(token), bench.only(other)) == (b"\x03\x02\x00\x02", b"\x03\x02\x00\x03")
    assert bench.now_us < START_US + 500_000


def test_a_deadline_is_the_time_of_the_unit_and_that_of_both_frames():
    bench = Bench(Units([DEAD]), Pace(answer_us=300_000, retries=0))
    bench.ask(1, 7, read(0, 125))
    assert bench.gateway.next_us == START_US + COM1.frame_us(8) + 300_000 + COM1.frame_us(255)


def test_a_late_answer_is_not_given_to_the_next_request():
    bench = Bench(Units(["late", "late"]))
    first, second = bench.ask(1, 7, read(0)), bench.ask(1, 7, read(100))
    bench.run()
    assert bench.only(first) == SILENT
    assert bench.only(second) == b"\x03\x02\x00\x03"


def test_while_an_answer_may_come_late_other_units_and_other_shapes_are_served():
    bench = Bench(Units([DEAD, DEAD]))
    tokens = [
        bench.ask(1, 7, read(0)),
        bench.ask(1, 7, read(100)),
        bench.ask(2, 8, read(0)),
        bench.ask(3, 7, read(0, 4)),
    ]
    bench.run()
    assert [bench.only(token)[:1] for token in tokens] == [b"\x83", b"\x03", b"\x03", b"\x03"]
    order = [(frame[0], frame[2:6]) for _, frame in bench.sent]
    assert order.index((8, read(0)[1:])) < order.index((7, read(100)[1:]))
    assert order.index((7, read(0, 4)[1:])) < order.index((7, read(100)[1:]))


def test_a_unit_that_is_always_silent_is_soon_answered_for_at_once_and_tried_again_after_a_rest():
    bench = Bench(Units([DEAD] * 100))
    took = []
    for _ in range(6):
        begun_us = bench.now_us
        assert bench.only(asked(bench, read(0))) == SILENT
        took.append(bench.now_us - begun_us)
    assert took[3:] == [0, 0, 0]
    sent = len(bench.sent)
    bench.run(bench.now_us + 3_600_000_000)
    assert len(bench.sent) == sent, "nobody has asked"
    assert bench.only(asked(bench, read(0))) == SILENT
    assert len(bench.sent) == sent + 1
    bench.units.habits.clear()
    bench.run(bench.now_us + 60_000_000)
    assert bench.only(asked(bench, read(0)))[:1] == b"\x03"


def test_what_waits_for_a_unit_is_answered_when_it_is_left_alone():
    bench = Bench(Units([DEAD] * 100))
    tokens = [bench.ask(client, 7, write(client, 1)) for client in range(20)]
    bench.run()
    assert [bench.only(token) for token in tokens] == [b"\x86\x0b"] * 20
    assert len(bench.sent) == 3


def test_a_dead_unit_takes_little_from_those_that_live():
    bench = Bench()
    living = Bench()
    for unit in range(1, 5):
        repeat(bench, unit)
        repeat(living, unit)
    bench.units.answer = without(bench.units, 9)  # type: ignore[method-assign]
    repeat(bench, 9)
    for one in (bench, living):
        one.run(60_000_000)
        one.units.number = 0
        one.run(180_000_000)
    assert bench.units.number >= 0.95 * living.units.number


def without(units: Units, dead: int):
    answer = units.answer
    return lambda frame: [] if frame[0] == dead else answer(frame)


def repeat(bench: Bench, unit: int) -> None:
    """A client that asks this unit, waits for the answer, and asks again; no sooner than 50 ms after it began."""
    act, begun = bench.act, [0]

    def acts(actions):
        act(actions)
        for action in actions:
            if isinstance(action, ToClient) and action.client == unit:
                again_us = max(bench.now_us + 1, begun[0] + 50_000)
                bench.arrive(again_us - bench.now_us, unit.to_bytes(1, "big") + b"ask")

    received = bench.gateway.received

    def receives(data, now_us):
        if data == unit.to_bytes(1, "big") + b"ask":
            begun[0] = now_us
            return bench.gateway.request(unit, 0, unit, read(0, 10), now_us)
        return received(data, now_us)

    bench.act = acts  # type: ignore[method-assign]
    bench.gateway.received = receives  # type: ignore[method-assign]
    bench.arrive(unit, unit.to_bytes(1, "big") + b"ask")


def test_requests_of_a_client_that_has_gone_are_not_sent():
    bench = Bench()
    tokens = [bench.ask(1, 7, read(k)) for k in range(3)] + [bench.ask(2, 7, read(9))]
    bench.act(bench.gateway.gone(1, bench.now_us))
    bench.run()
    assert [token in bench.answers for token in tokens] == [False, False, False, True]
    assert len(bench.sent) == 2


def test_a_line_that_is_down_is_answered_for_and_serves_again_when_it_is_back():
    bench = Bench()
    first, second = bench.ask(1, 7, read(0)), bench.ask(1, 7, read(1))
    bench.act(bench.gateway.down(START_US + 1_000))
    third = bench.ask(1, 7, read(2))
    assert [bench.only(token) for token in (first, second, third)] == [DOWN] * 3
    bench.run()
    bench.act(bench.gateway.opened(bench.now_us))
    fourth = bench.ask(1, 7, read(3, 2))
    bench.run()
    assert bench.only(fourth)[:2] == b"\x03\x04"


def test_a_queue_that_is_full_is_told():
    bench = Bench()
    tokens = [bench.ask(k % 30, 7, read(k)) for k in range(1 + QUEUE_MOST + 1)]
    assert bench.only(tokens[-1]) == BUSY
    assert len(bench.answers) == 1


def test_a_broadcast_is_not_answered_and_those_who_heard_it_are_left_their_time():
    bench = Bench()
    cast, token = bench.ask(1, 0, write(8093, 60)), bench.ask(1, 7, read(0))
    bench.run()
    assert bench.only(cast) == b""
    assert bench.sent[1][0] == START_US + COM1.frame_us(8) + bench.pace.turnaround_us
    assert bench.only(token) == b"\x03\x02\x00\x01"


def test_a_read_of_everybody_and_a_function_that_cannot_be_are_refused_and_not_sent():
    bench = Bench()
    assert bench.only(asked_of(bench, 0, read(0))) == SILENT
    assert bench.only(asked_of(bench, 7, b"\x83\x00\x00\x00\x01")) == b"\x83\x01"
    assert bench.only(asked_of(bench, 7, b"\x00")) == b"\x80\x01"
    assert bench.sent == []


def asked_of(bench: Bench, unit: int, pdu: bytes) -> int:
    token = bench.ask(1, unit, pdu)
    bench.run()
    return token


def test_a_line_that_is_never_silent_is_used_all_the_same():
    bench = Bench()
    for k in range(4_000):
        bench.arrive(k * 1_000, b"\xaa")
    bench.run(START_US + 100_000)
    token = bench.ask(1, 7, read(0))
    bench.run(START_US + 3_500_000)
    assert bench.only(token) == b"\x03\x02\x00\x01"


def test_an_answer_of_another_unit_is_none():
    bench = Bench(Units(["stranger", "stranger"]))
    token = bench.ask(1, 7, read(0))
    bench.run()
    assert bench.only(token) == SILENT


def test_an_exception_of_the_unit_is_an_answer():
    bench = Bench(Units(["refuses"]))
    token = bench.ask(1, 7, read(0))
    bench.run()
    assert bench.only(token) == b"\x83\x04"
    assert len(bench.sent) == 1


def test_an_answer_from_a_unit_whose_clock_is_fast_is_one_and_what_comes_sooner_than_it_can_is_none():
    took_us = COM1.frame_us(8) + COM1.frame_us(255)
    answer = pack_rtu(7, b"\x03\xfa" + bytes(250))
    for soon_us, known in ((took_us * 96 // 100, True), (took_us * 80 // 100, False)):
        bench = Bench(Units([DEAD, DEAD]))
        token = bench.ask(1, 7, read(0, 125))
        bench.arrive(soon_us, answer)
        bench.run()
        assert (bench.only(token)[:2] == b"\x03\xfa") is known


def test_the_answer_to_a_second_try_may_come_as_late_as_that_to_a_first():
    """The first try is answered late, while the second waits, whose answer comes later still."""
    bench = Bench(Units(["just late", "late"]))
    first, second = bench.ask(1, 7, read(0)), bench.ask(1, 7, read(100))
    for after_us in range(460_000, 515_000, 3_000):
        bench.arrive(after_us, b"\0")
    bench.run()
    assert (bench.only(first), bench.only(second)) == (b"\x03\x02\x00\x01", b"\x03\x02\x00\x03")

"""Gateways of other makes, sans-IO: what goes out, what is taken for the answer, and what becomes of silence."""

from __future__ import annotations

import struct
from dataclasses import replace

import pytest

from chargebench.emulator.adu import Adu, MbapSplitter, pack_rtu
from chargebench.emulator.gateway import BUSY, QUEUE_MOST, Answer, Forward, Gateway, HangUp
from chargebench.emulator.gateway_profiles import PROFILES

BAUD, BITS = 9_600, 10
READ = struct.pack(">BHH", 3, 8092, 2)
WRITE = struct.pack(">BHH", 6, 8093, 160)
DATA = bytes((3, 4, 0, 2, 0, 160))
SECOND = 1_000_000


class Bench:
    """A gateway, its clock, and what it did: frames with their times, answers by client."""

    def __init__(self, profile, memory_us=None, **changes):
        self.gateway = Gateway(replace(PROFILES[profile], **changes), BAUD, BITS, memory_us)
        self.now_us = 0
        self.frames, self.hung_up, self.answers = [], [], []

    def do(self, actions):
        for action in actions:
            if isinstance(action, Forward):
                self.frames.append((self.now_us, action.data))
            elif isinstance(action, HangUp):
                self.hung_up.append(action.client)
            else:
                assert isinstance(action, Answer)
                splitter = MbapSplitter()
                splitter.feed(action.data)
                self.answers.append((action.client, splitter.take()))
        return self

    def ask(self, client, unit, pdu, transaction=7):
        return self.do(self.gateway.request(client, Adu(unit, pdu, transaction), self.now_us))

    def hears(self, unit, pdu, after_us=50_000):
        return self.hears_bytes(pack_rtu(unit, pdu), after_us)

    def hears_bytes(self, data, after_us=50_000):
        self.now_us += after_us
        return self.do(self.gateway.received(data, self.now_us))

    def wait(self, us):
        until_us = self.now_us + us
        while (due_us := self.gateway.next_us) is not None and due_us <= until_us:
            self.now_us = max(self.now_us, due_us)
            self.do(self.gateway.advance(self.now_us))
        self.now_us = until_us
        return self

    @property
    def units(self):
        return [data[0] for _, data in self.frames]

    @property
    def pdus(self):
        return [(client, adu.pdu) for client, adu in self.answers]


@pytest.mark.parametrize("profile", PROFILES)
def test_a_request_goes_out_as_it_came_and_its_answer_bears_its_number(profile):
    one = Bench(profile).ask(1, 3, READ, transaction=0xBEEF)
    assert one.frames == [(0, pack_rtu(3, READ))]
    assert one.hears(3, DATA).answers == [(1, Adu(3, DATA, 0xBEEF))]


@pytest.mark.parametrize("profile", PROFILES)
def test_one_request_is_on_the_line_at_a_time_with_silence_between(profile):
    one = Bench(profile).ask(1, 3, READ).ask(2, 4, READ)
    assert one.units == [3]
    one.hears(3, DATA).wait(200_000)
    assert one.units == [3, 4]
    assert one.frames[1][0] - 50_000 >= 4_011, "3.5 characters"


@pytest.mark.parametrize(("profile", "tries"), [("power-brain", 2), ("mbusd", 4), ("cached", 2)])
def test_silence_is_asked_again_writes_too_and_then_told(profile, tries):
    one = Bench(profile).ask(1, 3, WRITE).wait(10 * SECOND)
    assert one.units == [3] * tries
    assert one.pdus == [(1, bytes((0x86, 0x0B)))]


def test_who_hangs_up_answers_nothing_and_forgets_what_else_the_client_asked():
    one = Bench("closes-on-timeout").ask(1, 3, READ).ask(1, 4, READ).ask(2, 5, READ).wait(SECOND)
    assert (one.hung_up, one.answers) == ([1], [])
    assert one.units[:3] == [3, 3, 5]
    assert 4 not in one.units


@pytest.mark.parametrize(("profile", "code"), [("mbusd", 0x04), ("power-brain", 0x0B)])
def test_an_answer_that_cannot_be_read_is_asked_for_again_and_then_told(profile, code):
    one = Bench(profile).ask(1, 3, READ)
    spoilt = bytearray(pack_rtu(3, DATA))
    spoilt[-1] ^= 1
    for _ in range(PROFILES[profile].tries):
        one.hears_bytes(bytes(spoilt)).wait(20_000)
    assert one.pdus == [(1, bytes((0x83, code)))]


def test_half_an_answer_is_spoilt_when_its_time_is_over():
    one = Bench("mbusd", tries=1).ask(1, 3, READ).hears_bytes(pack_rtu(3, DATA)[:5]).wait(SECOND)
    assert one.pdus == [(1, bytes((0x83, 0x04)))]


def test_a_careless_one_takes_any_frame_for_the_answer_and_a_careful_one_does_not():
    careless, careful = Bench("mbusd"), Bench("power-brain")
    for one in (careless, careful):
        one.ask(1, 3, READ).hears(9, DATA)
    assert careless.answers == [(1, Adu(9, DATA, 7))]
    assert careful.answers == []
    assert careful.hears(3, bytes((4, 2, 0, 1))).answers == []
    assert careful.hears(3, DATA).pdus == [(1, DATA)]


def test_what_comes_while_nothing_is_asked_is_dropped():
    one = Bench("mbusd").hears(3, DATA)
    assert one.ask(1, 3, READ).answers == []


def test_the_clients_of_mbusd_take_turns_and_those_of_a_power_brain_stand_in_a_queue():
    for profile, order in (("mbusd", [1, 3, 2]), ("power-brain", [1, 2, 3])):
        one = Bench(profile).ask(1, 1, READ).ask(1, 2, READ).ask(2, 3, READ)
        for _ in range(3):
            one.hears(one.units[-1], DATA).wait(200_000)
        assert one.units == order


def test_what_a_client_asked_that_is_gone_is_dropped_or_carried_out():
    for profile, units in (("mbusd", [1]), ("power-brain", [1, 2])):
        one = Bench(profile).ask(1, 1, READ).ask(2, 2, WRITE)
        one.gateway.gone(2)
        assert one.hears(1, DATA).wait(200_000).units == units


def test_an_answer_of_unknown_length_ends_with_silence():
    one = Bench("power-brain").ask(1, 3, b"\x41\x01").hears(3, b"\x41" + bytes(9))
    assert one.answers == []
    assert one.wait(20_000).pdus == [(1, b"\x41" + bytes(9))]


def test_nobody_answers_a_broadcast_and_all_have_time_to_do_it():
    one = Bench("power-brain").ask(1, 0, WRITE).ask(1, 3, READ).wait(SECOND)
    assert one.units[:2] == [0, 3]
    assert one.frames[1][0] >= 100_000
    assert not [pdu for _, pdu in one.pdus if pdu == WRITE]


def test_too_much_that_waits_is_refused():
    one = Bench("power-brain").ask(1, 3, READ)
    for _ in range(QUEUE_MOST + 1):
        one.ask(1, 4, READ)
    assert one.pdus == [(1, bytes((0x83, BUSY)))]


# -- memory ----------------------------------------------------------------------------------------------------------


def test_what_was_read_is_told_again_from_memory_whatever_was_written_since():
    one = Bench("cached").ask(1, 3, READ).hears(3, DATA).ask(2, 3, READ)
    assert one.pdus == [(1, DATA), (2, DATA)]
    one.wait(100_000).ask(1, 3, WRITE).hears(3, WRITE).ask(1, 3, READ)
    assert one.pdus[2:] == [(1, WRITE), (1, DATA)]
    assert [frame[1:2] for _, frame in one.frames] == [b"\x03", b"\x06"]


def test_memory_is_believed_for_its_time_and_exceptions_are_not_kept():
    one = Bench("cached", memory_us=5 * SECOND).ask(1, 3, READ).hears(3, DATA).wait(5 * SECOND).ask(1, 3, READ)
    assert one.units == [3, 3]
    one.hears(3, bytes((0x83, 2))).wait(SECOND).ask(1, 3, READ)
    assert one.units == [3, 3, 3]


def test_after_a_restart_nothing_is_known_and_nothing_under_way():
    one = Bench("cached").ask(1, 3, READ).hears(3, DATA).wait(100_000).ask(1, 4, READ)
    one.gateway.forget()
    assert one.gateway.next_us is None
    assert one.hears(4, DATA).ask(1, 3, READ).units == [3, 4, 3]

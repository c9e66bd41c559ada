from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from chargebench.emulator.clock import SimLoop
from chargebench.emulator.wires.rs485 import Line
from chargebench.emulator.wires.uart import Setting

T35 = Setting(9_600).t35_us
REQUEST = bytes.fromhex("05 03 00 00 00 0a c4 49")


class Listener:
    """A node that notes what it is given."""

    def __init__(self, line, name, hears=None, **options):
        self.name, self.hears, self.heard = name, hears, []
        line.attach(self, **options)

    def line_busy(self, now_us):
        self.heard.append((now_us, "busy"))

    def received(self, now_us, data):
        self.heard.append((now_us, data))


def make(noise_ppm=0, seed=0, **setting):
    loop = SimLoop(seed)
    line = Line(loop, "COM1", **setting)
    line.noise_ppm = noise_ppm
    loop.close()
    return loop.env, line


def test_a_line_is_known_to_its_loop_by_its_name():
    loop = SimLoop()
    line = Line(loop, "COM1")
    assert loop.lines == {"COM1": line}
    assert (line.t15_us, line.t35_us) == (1_719, 4_011)
    with pytest.raises(ValueError, match="a line COM1 already"):
        Line(loop, "COM1")
    loop.close()


def test_a_burst_arrives_when_its_last_stop_bit_ends():
    env, line = make()
    master, slave = Listener(line, "master"), Listener(line, "slave", (5,))
    env.at(1_000, line.send, master, REQUEST)
    env.advance_to(100_000)
    assert slave.heard == [(9_334, REQUEST)]
    assert master.heard == []
    assert (line.stats.busy_us, line.stats.bursts, line.stats.bytes) == (8_334, 1, 8)


@given(st.lists(st.integers(1, 20), min_size=1, max_size=10))
def test_what_is_sent_while_a_burst_runs_continues_it_and_no_rounding_adds_up(sizes):
    env, line = make()
    master, other = Listener(line, "master"), Listener(line, "other")
    ends = [line.send(master, bytes(size)) for size in sizes]
    env.advance_to(10_000_000)
    total = sum(sizes)
    assert ends[-1] == -(-total * 10 * 1_000_000 // 9_600)
    assert other.heard == [(ends[-1], bytes(total))]
    assert line.stats.bursts == 1


def test_a_burst_can_be_sent_later():
    env, line = make()
    master, other = Listener(line, "master"), Listener(line, "other")
    assert line.send(master, b"\x01", at=5_000) == 6_042
    assert not line.busy
    env.advance_to(5_500)
    assert line.busy
    env.advance_to(10_000)
    assert other.heard == [(6_042, b"\x01")]


def test_a_burst_is_given_to_whom_it_addresses_and_to_those_who_hear_everything():
    env, line = make()
    master = Listener(line, "master")
    nodes = {unit: Listener(line, f"slave {unit}", (unit,)) for unit in range(1, 26)}
    monitor = Listener(line, "monitor")
    env.at(0, line.send, master, REQUEST)
    env.at(50_000, line.send, nodes[5], b"\x05\x03\x00")
    env.advance_to(100_000)
    assert [unit for unit, node in nodes.items() if node.heard] == [5]
    assert len(nodes[5].heard) == len(master.heard) == 1
    assert [data for _, data in monitor.heard] == [REQUEST, b"\x05\x03\x00"]


def test_a_broadcast_is_given_to_all():
    env, line = make()
    master = Listener(line, "master")
    nodes = [Listener(line, f"slave {unit}", (unit,)) for unit in range(1, 4)]
    line.send(master, b"\x00\x06")
    env.advance_to(10_000)
    assert [node.heard for node in nodes] == [[(2_084, b"\x00\x06")]] * 3


def test_a_node_that_hears_other_units_is_told_what_it_hears_after_a_change():
    env, line = make()
    master, slave = Listener(line, "master"), Listener(line, "slave", (5,))
    slave.hears = (6,)
    line.change(slave)
    line.send(master, REQUEST)
    env.advance_to(50_000)
    line.send(master, b"\x06\x03")
    env.advance_to(100_000)
    assert [data for _, data in slave.heard] == [b"\x06\x03"]


# ---------------------------------------------------------------------- frames in doubt


def test_a_burst_within_t35_goes_to_everyone_with_what_they_were_spared():
    env, line = make()
    master = Listener(line, "master")
    five, six = Listener(line, "five", (5,)), Listener(line, "six", (6,))
    end_us = line.send(master, REQUEST)
    again_us = end_us + T35 - 1
    env.at(again_us, line.send, master, b"\x06\x03")
    env.advance_to(100_000)
    done_us = again_us + 2_084
    assert five.heard == [(end_us, REQUEST), (again_us, "busy"), (done_us, b"\x06\x03")]
    assert six.heard == [(done_us, REQUEST + b"\x06\x03")]
    assert line.stats.t35_violations == 1


def test_a_burst_after_t35_is_a_frame_of_its_own():
    env, line = make()
    master = Listener(line, "master")
    five, six = Listener(line, "five", (5,)), Listener(line, "six", (6,))
    end_us = line.send(master, REQUEST)
    env.at(end_us + T35, line.send, master, b"\x06\x03")
    env.advance_to(100_000)
    assert five.heard == [(end_us, REQUEST)]
    assert [data for _, data in six.heard] == [b"\x06\x03"]
    assert line.stats.t35_violations == 0


def test_a_third_burst_in_doubt_is_given_without_what_was_given_before():
    env, line = make()
    master, six = Listener(line, "master"), Listener(line, "six", (6,))
    for data in (b"\x05", b"\x06", b"\x05\x05"):
        env.at(line.last_end_us or 0, line.send, master, data)
        env.advance_to((line.last_end_us or 0) + 2_000)
    env.advance_to(100_000)
    assert [data for _, data in six.heard] == [b"\x05\x06", "busy", b"\x05\x05"]


def test_a_slave_that_answers_within_t35_joins_its_answer_to_the_request_for_everyone_else():
    env, line = make()
    master, five = Listener(line, "master"), Listener(line, "five", (5,))
    six = Listener(line, "six", (6,))
    end_us = line.send(master, REQUEST)
    line.send(five, b"\x05\x83", at=end_us + 1_000)
    env.advance_to(100_000)
    assert [data for _, data in master.heard] == [b"\x05\x83"]
    assert [data for _, data in six.heard] == [REQUEST + b"\x05\x83"]
    assert [data for _, data in five.heard] == [REQUEST]


def test_who_joins_later_is_not_given_what_was_before():
    env, line = make()
    master = Listener(line, "master")
    end_us = line.send(master, b"\x05")
    env.advance_to(end_us + 100)
    late = Listener(line, "late", (6,))
    line.send(master, b"\x07")
    env.advance_to(10_000)
    assert [data for _, data in late.heard] == [b"\x07"]


def test_a_node_that_answers_while_it_is_told_is_heard_after_all_have_been_told():
    class Hasty(Listener):
        def received(self, now_us, data):
            super().received(now_us, data)
            assert line.send(self, b"!") == now_us + 1_042

    env, line = make()
    master, hasty, other = Listener(line, "master"), Hasty(line, "hasty", (5,)), Listener(line, "other")
    end_us = line.send(master, b"\x05")
    env.advance_to(100_000)
    assert hasty.heard == [(end_us, b"\x05")]
    assert other.heard == [(end_us, b"\x05"), (end_us, "busy"), (end_us + 1_042, b"!")]


def test_a_burst_that_starts_as_another_ends_does_not_collide():
    env, line = make()
    one, two, other = (Listener(line, name) for name in ("one", "two", "other"))
    line.send(two, b"b", at=1_042)  # known to the heap before the end of the first
    line.send(one, b"a")
    env.advance_to(100_000)
    assert other.heard == [(1_042, b"a"), (1_042, "busy"), (2_084, b"b")]
    assert (line.stats.collisions, line.stats.bursts, line.stats.busy_us) == (0, 2, 2_084)


# ---------------------------------------------------------------------- trouble


def test_bursts_that_overlap_are_garbled_from_the_overlap_on():
    env, line = make()
    one, two, other = (Listener(line, name) for name in ("one", "two", "other"))
    env.at(50_000, line.send, one, REQUEST)
    env.at(54_500, line.send, two, REQUEST)  # in the fifth character
    env.advance_to(100_000)
    ((when_us, data),) = other.heard
    assert when_us == 54_500 + 8_334
    assert data[:4] == REQUEST[:4]
    assert len(data) == 12
    assert data[4:] != (REQUEST + REQUEST)[4:12]
    assert line.stats.collisions == 1
    assert line.stats.busy_us == when_us - 50_000


def test_who_sends_in_a_collision_hears_what_comes_after_its_own_end():
    env, line = make()
    one, two = Listener(line, "one"), Listener(line, "two")
    env.at(0, line.send, one, REQUEST)
    env.at(4_500, line.send, two, REQUEST)
    env.advance_to(100_000)
    assert [len(data) for _, data in one.heard] == [4]
    assert two.heard == []


def test_garbled_bursts_are_given_to_everyone():
    env, line = make(noise_ppm=1_000_000)
    master, six = Listener(line, "master"), Listener(line, "six", (6,))
    line.send(master, REQUEST)
    env.advance_to(100_000)
    ((_, data),) = six.heard
    assert all((byte ^ sent).bit_count() == 1 for byte, sent in zip(data, REQUEST, strict=True))


def test_noise_hits_as_often_as_it_says():
    env, line = make(noise_ppm=1_000)
    master, other = Listener(line, "master"), Listener(line, "other")
    for _ in range(100):
        line.send(master, bytes(100))
        env.advance_to(env.now_us + 1_000_000)
    hit = sum(byte != 0 for _, data in other.heard for byte in data)
    assert 50 < hit < 115  # 80 of 10,000 characters of 8 bits at 0.1 % a bit


def test_noise_and_garbage_come_from_the_seed():
    def garbled(seed):
        env, line = make(noise_ppm=200_000, seed=seed)
        master, other = Listener(line, "master"), Listener(line, "other")
        line.send(master, bytes(50))
        env.advance_to(1_000_000)
        return other.heard

    assert garbled(1) == garbled(1) != garbled(2)


def test_a_cut_wire_hears_nothing_and_is_not_heard():
    env, line = make()
    one, two, three = (Listener(line, name) for name in ("one", "two", "three"))
    line.cut("two")
    line.send(one, b"a")
    line.send(two, b"b")  # no collision: they do not meet
    env.advance_to(50_000)
    assert (one.heard, two.heard, [data for _, data in three.heard]) == ([], [], [b"a"])
    assert line.stats.collisions == 0
    line.mend("two")
    line.send(one, b"c")
    env.advance_to(100_000)
    assert [data for _, data in two.heard] == [b"c"]


def test_an_adapter_with_echo_hears_itself_even_on_a_cut_wire():
    env, line = make()
    one, two = Listener(line, "one", echo=True), Listener(line, "two")
    line.send(one, b"a")
    env.advance_to(50_000)
    line.cut("one")
    line.send(one, b"b")
    env.advance_to(100_000)
    assert [data for _, data in one.heard] == [b"a", b"b"]
    assert [data for _, data in two.heard] == [b"a"]


def test_other_settings_take_their_own_time_and_are_read_as_garbage():
    env, line = make()
    fast = Listener(line, "fast", setting=Setting(19_200))
    master, slave = Listener(line, "master"), Listener(line, "slave", (5,))
    line.send(master, b"\x01\x03\x00\x04")
    env.advance_to(50_000)
    assert [data.hex(" ") for _, data in fast.heard] == ["06 1e 00 60"]
    begin_us = env.now_us
    line.send(fast, b"\x01\x03\x00\x04")
    env.advance_to(100_000)
    assert [(when_us - begin_us, data.hex(" ")) for when_us, data in slave.heard] == [(2_084, "8c f9")]


def test_who_has_left_is_given_nothing_and_does_not_send():
    env, line = make()
    one, two = Listener(line, "one"), Listener(line, "two")
    line.send(two, b"late", at=10_000)
    line.detach(two)
    line.detach(two)
    line.send(one, b"x")
    env.advance_to(100_000)
    assert (one.heard, two.heard) == ([], [])


def test_who_comes_goes_or_is_cut_between_two_bursts_counts_from_the_next():
    env, line = make()
    master, slave = Listener(line, "master"), Listener(line, "slave", (5,))

    def heard_by(node):
        node.heard.clear()
        line.send(master, REQUEST)
        env.advance_to(env.now_us + 50_000)
        return len(node.heard)

    assert heard_by(slave) == 1
    line.cut("slave")
    assert heard_by(slave) == 0
    line.mend("slave")
    assert heard_by(slave) == 1
    slave.hears = (6,)
    line.change(slave)
    assert heard_by(slave) == 0
    late = Listener(line, "late", (5,))
    assert heard_by(late) == 1
    line.detach(Listener(make()[1], "late"))  # another of that name
    assert heard_by(late) == 1
    line.detach(late)
    assert heard_by(late) == 0


def test_a_name_is_given_once():
    _, line = make()
    Listener(line, "one")
    with pytest.raises(ValueError, match="a node one on COM1 already"):
        Listener(line, "one")


def test_the_line_tells_all_in_its_channel():
    env, line = make()
    one, two = Listener(line, "one"), Listener(line, "two")
    line.send(one, b"a")
    line.send(two, b"b", at=500)
    line.send(one, b"c", at=2_000)
    env.advance_to(100_000)
    records = [(record.at_us, record.kind, record.data[:1]) for record in line._channel.last()]
    assert records[:3] == [(0, "tx one", b"a"), (500, "tx two", b"b"), (500, "collision", b"")]
    assert [(at_us, kind) for at_us, kind, _ in records[3:]] == [
        (1_542, "rx"),
        (2_000, "tx one"),
        (2_000, "t35"),
        (3_042, "rx"),
    ]


def test_a_burst_costs_one_event_of_the_heap_and_one_call_whatever_the_number_of_nodes():
    calls = []

    class Counting(Listener):
        def received(self, now_us, data):
            super().received(now_us, data)
            calls.append(self.name)

    env, line = make()
    master = Listener(line, "master")
    for unit in range(1, 26):
        Counting(line, f"slave {unit}", (unit,))
    line.send(master, REQUEST)
    assert len(env) == 1
    env.advance_to(100_000)
    assert calls == ["slave 5"]

from __future__ import annotations

from hashlib import sha256

from hypothesis import given
from hypothesis import strategies as st

from chargebench.emulator.trace import CHECKPOINT_EVERY, LAST_KEPT, Record, Trace

RECORDS = st.lists(
    st.tuples(
        st.sampled_from(["COM1", "tcp a>b:1#1", "box garage"]),
        st.integers(0, 5),
        st.text(max_size=3),
        st.binary(max_size=4),
    ),
    max_size=12,
)


def traced(records) -> Trace:
    trace = Trace()
    for record in records:
        trace.record(*record)
    return trace


def by_channel(records):
    channels: dict[str, list[object]] = {}
    for record in records:
        channels.setdefault(record[0], []).append(record)
    return channels


@given(RECORDS, RECORDS)
def test_the_hash_is_that_of_what_each_channel_did_in_its_order(one, other):
    assert (traced(one).hexdigest() == traced(other).hexdigest()) == (by_channel(one) == by_channel(other))


@given(RECORDS)
def test_the_order_between_channels_is_not_hashed(records):
    sorted_by_channel = sorted(records, key=lambda record: record[0])
    assert traced(records).hexdigest() == traced(sorted_by_channel).hexdigest()


def test_values_are_the_same_for_ever():
    trace = traced([("COM1", 5, "tx", b"\x01\x02"), ("a", 6, "state", b"")])
    line = sha256(b"COM1\n5 2 2\ntx\x01\x02").hexdigest()
    box = sha256(b"a\n6 5 0\nstate").hexdigest()
    assert trace.hexdigest() == sha256(f"4:COM1={line}\n1:a={box}\n".encode()).hexdigest()
    assert trace.hexdigest() == "98260bcb10da4968d1767409859aa1a32cf93935934716280c1377ba585a67a3"


def test_data_and_kind_do_not_run_together():
    assert traced([("a", 1, "tx", b"b")]).hexdigest() != traced([("a", 1, "txb", b"")]).hexdigest()


def test_a_channel_without_records_does_not_count():
    trace = traced([("a", 1, "x", b"")])
    trace.channel("b")
    assert trace.hexdigest() == traced([("a", 1, "x", b"")]).hexdigest()
    assert trace.counts() == {"a": 1}


def test_checkpoints_are_the_hashes_on_the_way():
    trace, on_the_way = Trace(), []
    for k in range(2 * CHECKPOINT_EVERY + 1):
        trace.record("a", k, "x")
        on_the_way.append(trace.channel("a").hexdigest())
    assert trace.channel("a").checkpoints == [on_the_way[CHECKPOINT_EVERY - 1], on_the_way[2 * CHECKPOINT_EVERY - 1]]


def test_the_last_records_are_kept_and_no_more():
    trace = traced([("a", k, "x", bytes([k % 256])) for k in range(1000)])
    assert trace.channel("a").last() == [Record("a", k, "x", bytes([k % 256])) for k in range(1000 - LAST_KEPT, 1000)]


def test_the_last_records_of_all_channels_come_in_the_order_of_time():
    trace = traced([("b", 1, "x", b""), ("a", 2, "y", b"\x0f"), ("b", 2, "z", b"")])
    assert [str(record) for record in trace.last(2)] == ["2 us a: y 0f", "2 us b: z"]
    assert trace.last(0) == []


def test_a_sink_gets_every_record():
    got: list[object] = []
    trace = Trace(lambda *record: got.append(record))
    trace.record("a", 1, "x", b"1")
    trace.channel("b").record(2, "y")
    assert got == [("a", 1, "x", b"1"), ("b", 2, "y", b"")]


def test_a_channel_knows_when_something_last_happened():
    trace = traced([("a", 7, "x", b"")])
    assert (trace.last_us("a"), trace.last_us("b")) == (7, -1)

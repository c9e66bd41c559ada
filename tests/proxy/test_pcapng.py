"""Captures as bytes: blocks and packets, read by a reader of our own tests."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from chargebench.manager.proxy import pcapng
from chargebench.manager.proxy.packets import MOST_BYTES, End, Stream
from tests.pcapng import FIN, RST, read, segment, streams

TEXT = st.text(st.characters(codec="utf-8", exclude_characters="\0"), max_size=40)
PACKETS = st.tuples(
    st.integers(0, 2),
    st.integers(0, 2**63),
    st.binary(max_size=70),
    st.sampled_from([0, pcapng.IN, pcapng.OUT | pcapng.BAD_CRC]),
    st.lists(TEXT, max_size=3),
)
CLIENT, SERVER = End(bytes((10, 0, 0, 1)), 40_000), End(bytes((10, 0, 0, 2)), 502)
WIDE = End(bytes(range(16)), 40_000), End(bytes(range(1, 17)), 502)
SENT = st.lists(st.tuples(st.sampled_from([0, 1]), st.binary(min_size=1, max_size=90)), max_size=12)


@given(st.lists(PACKETS, max_size=12))
def test_what_is_written_is_read_back(packets):
    written = b"".join(
        [
            pcapng.section(),
            *(pcapng.interface(pcapng.RAW_IP, f"bus {k}", "what it is") for k in range(3)),
            pcapng.names([(b"\x0a\0\0\1", "box"), (bytes(16), "far")]),
            *(pcapng.packet(*packet) for packet in packets),
        ]
    )
    found = read(written)
    assert [(one.name, one.link) for one in found.interfaces] == [(f"bus {k}", 101) for k in range(3)]
    assert found.names == {b"\x0a\0\0\1": "box", bytes(16): "far"}
    assert [(int(one.interface.name[-1]), *one[1:4], list(one.comments)) for one in found.packets] == packets


def test_of_a_long_comment_its_beginning_is_kept_in_whole_letters():
    data = (
        pcapng.section() + pcapng.interface(pcapng.RAW_IP, "bus", "") + pcapng.packet(0, 0, b"", 0, ["x" + "ä" * 900])
    )
    (comment,) = read(data).comments
    assert comment == "x" + "ä" * 499


@given(SENT, st.sampled_from([(CLIENT, SERVER), WIDE]))
def test_a_connection_says_what_each_end_has_sent_and_its_checksums_are_right(sent, ends):
    stream = Stream(*ends)
    packets = [*stream.opens()]
    for by, data in sent:
        packets += stream.carries(by, data)
    packets += [*stream.ends(0), *stream.ends(1), *stream.ends(1)]
    found = streams(packets)
    for by in (0, 1):
        assert found[ends[by], ends[1 - by]] == b"".join(data for side, data in sent if side == by)
    assert [segment(one).flags & FIN for one in packets[-2:]] == [FIN, FIN]


def test_what_is_too_long_for_a_packet_becomes_several():
    stream = Stream(CLIENT, SERVER)
    data = bytes(k % 251 for k in range(2 * MOST_BYTES + 5))
    packets = [*stream.opens(), *stream.carries(0, data)]
    assert [len(segment(one).data) for one in packets[3:]] == [MOST_BYTES, MOST_BYTES, 5]
    assert streams(packets)[CLIENT, SERVER] == data


def test_a_reset_says_who_broke_it_and_nothing_ends_twice():
    stream = Stream(CLIENT, SERVER)
    packets = [*stream.opens(), *stream.breaks(1)]
    assert (segment(packets[-1]).source, segment(packets[-1]).flags & RST) == (SERVER, RST)
    assert [*stream.breaks(0), *stream.ends(0)] == []

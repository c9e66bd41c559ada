"""What a capture makes of what buses carry: frames that are whole, frames that are not, and what is told meanwhile."""

from __future__ import annotations

from chargebench.emulator.adu import pack_rtu
from chargebench.emulator.ascii import pack_ascii
from chargebench.manager.links.master import crc_of, lrc_of
from chargebench.manager.proxy.capture import COMMENTS_MOST, SERVER, Capture
from chargebench.manager.proxy.packets import End
from chargebench.manager.proxy.pcapng import BAD_CRC, IN, OUT, TOO_SHORT
from tests.pcapng import RAW_IP, UPPER_PDU, File, read, segment

READ = bytes.fromhex("031f9c0002")
HERE, UNIT_1, UNIT_2 = bytes((198, 18, 0, 1)), bytes((198, 19, 1, 1)), bytes((198, 19, 1, 2))


class Kept:
    """Takes blocks, as long as there is room."""

    def __init__(self) -> None:
        self.blocks: list[bytes] = []
        self.full = False
        self.capture = Capture(self.put, crc_of, lrc_of, "master")

    def put(self, block: bytes, must: bool) -> bool:
        if self.full and not must:
            return False
        self.blocks.append(block)
        return True

    def read(self) -> File:
        return read(b"".join(self.blocks))


def test_requests_and_answers_of_each_unit_have_addresses_of_their_own():
    kept = Kept()
    bus = kept.capture.line("COM1", "a line")
    for unit in (1, 2):
        kept.capture.frame(bus, 10 * unit, pack_rtu(unit, READ), asked=True)
        kept.capture.frame(bus, 10 * unit + 5, pack_rtu(unit, b"\x03\x04\0\1\0\2"), asked=False)
    found = kept.read()
    assert [(one.name, one.link) for one in found.interfaces] == [("COM1", UPPER_PDU)]
    ends = [(one.at_us, one.tags[20], one.tags[21], one.flags) for one in found.packets]
    assert ends == [(10, HERE, UNIT_1, OUT), (15, UNIT_1, HERE, IN), (20, HERE, UNIT_2, OUT), (25, UNIT_2, HERE, IN)]
    ports = [(int.from_bytes(one.tags[25], "big"), int.from_bytes(one.tags[26], "big")) for one in found.packets[:2]]
    assert ports == [(49_152, 502), (502, 49_152)]
    assert {one.dissector for one in found.packets} == {"mbrtu"}
    assert found.names == {HERE: "master", UNIT_1: "COM1/1", UNIT_2: "COM1/2"}
    assert found.comments == []


def test_what_is_no_frame_is_marked_and_says_so():
    kept = Kept()
    bus = kept.capture.line("COM1", "a line")
    whole = pack_rtu(1, READ)
    for data in (whole[:-1] + bytes((whole[-1] ^ 1,)), whole[:3], b"\0"):
        kept.capture.frame(bus, 0, data, asked=False, comments=["seen"])
    assert [(one.flags, one.dissector, one.comments) for one in kept.read().packets] == [
        (IN | BAD_CRC, "mbrtu", ("wrong CRC", "seen")),
        (IN | TOO_SHORT, "data", ("no frame: 3 bytes", "seen")),
        (IN | TOO_SHORT, "data", ("no frame: 1 byte", "seen")),
    ]


def test_a_frame_in_ascii_mode_is_written_as_the_rtu_frame_that_says_the_same():
    kept = Kept()
    bus = kept.capture.line("COM1", "a line", "ascii")
    good = pack_ascii(1, READ)
    kept.capture.frame(bus, 0, good, asked=True)
    kept.capture.frame(bus, 1, good[:-4] + b"00\r\n", asked=False)
    kept.capture.frame(bus, 2, good[:-1], asked=False)
    one, wrong, cut = kept.read().packets
    assert (one.frame, one.comments) == (pack_rtu(1, READ), (f"in ASCII mode: {good.decode().strip()}",))
    assert (wrong.dissector, wrong.flags, wrong.comments) == ("data-text-lines", IN | BAD_CRC, ("wrong LRC",))
    assert (cut.frame, cut.flags, len(cut.comments)) == (good[:-1], IN | TOO_SHORT, 1)


def test_servers_stand_at_the_port_of_modbus_and_their_interface_names_the_real_one():
    kept = Kept()
    capture = kept.capture
    client, server = End(capture.host("10.0.0.7"), 40_000), End(capture.host("master"), 4701)
    one = capture.connection(capture.server("192.168.2.151", 4701), client, server, here=SERVER)
    capture.carried(one, 5, 0, one.stream.carries(0, b"hello"))
    assert capture.server("192.168.2.151", 4701) == one.interface
    found = kept.read()
    (packet,) = found.packets
    assert (packet.interface.name, packet.interface.link, packet.flags) == ("192.168.2.151:4701", RAW_IP, IN)
    assert "4701 is written as 502" in packet.interface.description
    sent = segment(packet.data)
    assert (sent.source, sent.target, sent.data) == ((bytes((10, 0, 0, 7)), 40_000), (HERE, 502), b"hello")


def test_what_is_told_stands_in_the_next_packet_or_in_one_of_its_own_where_none_comes():
    kept = Kept()
    bus = kept.capture.line("COM1", "a line")
    kept.capture.comment(1, "silence begins")
    kept.capture.frame(bus, 2, pack_rtu(1, READ), asked=True)
    kept.capture.comment(3, "the end")
    kept.capture.rest(4)
    kept.capture.rest(5)
    first, last = kept.read().packets
    assert first.comments == ("silence begins",)
    assert (last.at_us, last.interface.name, last.frame) == (4, "told", b"the end\n")
    for k in range(COMMENTS_MOST):
        kept.capture.comment(6, str(k))
    assert len(kept.read().packets) == 3


def test_packets_for_which_there_is_no_room_are_counted_and_the_next_one_says_how_many():
    kept = Kept()
    bus = kept.capture.line("COM1", "a line")
    kept.full = True
    for k in range(3):
        kept.capture.frame(bus, k, pack_rtu(1, READ), asked=True)
    second = kept.capture.line("COM2", "another")
    kept.full = False
    kept.capture.frame(second, 9, pack_rtu(1, READ), asked=True)
    found = kept.read()
    assert [(one.interface.name, one.at_us) for one in found.packets] == [("COM2", 9)]
    assert found.comments == ["packets missing before this one, which the file did not take in time: 3"]
    assert read(kept.capture.known.head()).interfaces == found.interfaces

"""The internal EVSE as others see it: our own driver reads from the map what the status says, and no request breaks it."""

from __future__ import annotations

import struct
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from chargebench.datasheets.load import load
from chargebench.manager.drivers.power_brain import PowerBrain
from chargebench.manager.evse_map import EvseMap
from chargebench.manager.readings import Pilot
from chargebench.manager.site import Box, TcpAddress
from chargebench.manager.status import BoxStatus

SHEET = load("power-brain")
DRIVER = PowerBrain(SHEET)
BOX = Box("Günter's box", "power-brain", TcpAddress("localhost", 4701), 1, (0, 1, 2), internal=True, maximum_ma=32_000)
SEEN = BoxStatus("x", "C", False, 12_300, 12_300, (12_100, 12_000, 0), 5_543, 9_001, 12_300, 6_000, 180_000_000, 5, "")
STATUSES = st.builds(
    BoxStatus,
    st.just("x"),
    st.sampled_from("ABCDEF"),
    st.just(False),
    st.sampled_from([0, 6_000, 6_100, 15_900, 32_000]),
    st.sampled_from([0, 6_000, 32_000]),
    st.none() | st.tuples(*[st.integers(0, 32).map(lambda a: 1000 * a)] * 3),
    st.none() | st.integers(-50, 23_000),
    st.none() | st.integers(0, 10**9),
    failsafe_ma=st.sampled_from([0, 6_000, 16_000]),
    failsafe_us=st.sampled_from([0, 60_000_000, 300_000_000]),
)


def read(address, count, seen=SEEN, box=BOX):
    return EvseMap(SHEET, box).answer(struct.pack(">BHH", 3, address, count), seen)


def words(answer):
    assert answer[0] == 3
    return struct.unpack(f">{answer[1] // 2}H", answer[2:])


def asked(seen):
    """What the driver of a master makes of the map."""
    driver, shown = DRIVER, EvseMap(SHEET, BOX)

    def ask(reads):
        return {one: words(shown.answer(struct.pack(">BHH", 3, one.address, one.count), seen)) for one in reads}

    greeted = ask(driver.greet())
    return driver.understand(5, greeted, ask(driver.reads(greeted)))


@given(STATUSES)
def test_a_master_reads_from_the_map_what_the_status_says(seen):
    found = asked(seen)
    assert (found.pilot, found.limit_ma, found.offered_ma) == (Pilot(seen.pilot), seen.limit_ma, seen.offered_ma)
    assert (found.failsafe_ma, found.failsafe_us) == (seen.failsafe_ma, seen.failsafe_us)
    if seen.drawn_ma is not None:
        assert found.phases_ma == seen.drawn_ma


@given(st.binary(min_size=1, max_size=253), st.none() | STATUSES)
def test_no_request_breaks_it_and_each_has_its_answer(pdu, seen):
    answer = EvseMap(SHEET, BOX).answer(pdu, seen)
    assert answer[0] & 0x7F == pdu[0] & 0x7F
    assert len(answer) == (2 + answer[1] if answer[0] == 3 else 2)
    assert answer[0] == 3 or answer[1] in {1, 2, 3, 0x0B}


@pytest.mark.parametrize(
    ("pdu", "code"),
    [
        (b"\x06\x1f\x9d\x00\x3c", 1),
        (b"\x10\x1f\x9d\x00\x01\x02\x00\x3c", 1),
        (b"\x04\x1f\x9d\x00\x01", 1),
        (b"\x03\x1f\x9d\x00", 3),
        (b"\x03\x1f\x9d\x00\x00", 3),
        (b"\x03\x1f\x40\x00\x7e", 3),
        (struct.pack(">BHH", 3, 8032, 1), 2),
        (struct.pack(">BHH", 3, 8120, 3), 2),
        (struct.pack(">BHH", 3, 7999, 2), 2),
    ],
)
def test_what_is_refused(pdu, code):
    assert EvseMap(SHEET, BOX).answer(pdu, SEEN) == bytes((pdu[0] | 0x80, code))


@pytest.mark.parametrize("seen", [None, replace(SEEN, silent=True), BoxStatus("x")])
def test_a_box_that_is_not_heard_is_not_shown_as_it_was(seen):
    assert read(8093, 1, seen) == b"\x83\x0b"


def test_the_registers_as_they_stand():
    assert words(read(8000, 2)) == (0xCF05, 0)
    assert bytes.fromhex("".join(f"{one:04x}" for one in words(read(8016, 16)))).rstrip(b"\0") == b"G?nter's box"
    assert words(read(8057, 13)) == (1, 0, 0, 0, 9_001, 0, 5_543, 0, 121, 0, 120, 0, 0)
    assert words(read(8080, 7)) == (0, 320, 1, 0, 180, 60, 0)
    assert words(read(8090, 6)) == (320, 0, 2, 123, 1, 123)
    assert words(read(8112, 10))[:2] == (1, 0)


def test_a_box_that_is_off_shows_its_least_limit_and_no_leave_to_charge():
    assert words(read(8093, 3, replace(SEEN, limit_ma=0, offered_ma=0))) == (60, 0, 0)


def test_the_boot_values_are_those_of_the_site():
    assert words(read(8081, 2, box=replace(BOX, boot_ma=10_000, boot_enable=False))) == (100, 0)
    assert words(read(8081, 2, box=replace(BOX, boot_ma=0))) == (320, 0)


def test_without_a_meter_its_registers_are_refused():
    bare = replace(SEEN, drawn_ma=None, power_w=None, energy_wh=None)
    assert words(read(8112, 1, bare)) == (0,)
    assert read(8057, 1, bare) == read(8040, 30, bare) == b"\x83\x02"
    assert words(read(8062, 2, replace(bare, energy_wh=4))) == (0xFFFF, 0xFFFF)

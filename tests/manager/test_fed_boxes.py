"""Boxes that want to be written to: fed well inside their watchdog's time, and told their limit where they cannot show it."""

import asyncio
from itertools import pairwise

import pytest

from chargebench.manager.rounds import ALONE_US, PROBE_US
from chargebench.manager.site import Box, TcpAddress
from tests.manager.house import CYCLE, SECOND, site
from tests.manager.slaves import Bank, dead, prompt
from tests.manager.test_shell import run as run_slaves

AT = TcpAddress("192.168.2.161", 502)
KINDS = {
    "webasto-next": (255, Bank({1000: 3, 2000: 6, 2002: 60}), (6, 6000)),
    "vestel-evc04": (255, Bank({1000: 2, 1001: 1, 2000: 6, 2002: 20, 5004: 16}), (6, 6000)),
    "schneider-evlink-pro": (255, Bank({1: 8, 4004: 16}), (6, 4000)),
    "mennekes-compact": (50, Bank({256: 5, 782: 6}), (6, 3328)),
    "keba-p30": (255, Bank({1001: 3, 1005: 7, 1603: 30}), (6, 5018)),
    "alfen-eve": (1, Bank({1201: 0x4332, 1206: 0x4180, 1212: 0x40C0}), (16, 1210)),
}


def box(device):
    return Box("garage", device, AT, KINDS[device][0], (0, 1, 2))


def run(device, plan=None, *, management=True, **more):
    unit, bank, _ = KINDS[device]
    bank = Bank(dict(bank.words))
    where = site(box(device), management=management)
    return run_slaves(where, plan, slaves={AT: {unit: bank}}, **more)


def asked(stage):
    (bank,) = stage.slaves[str(AT)].units.values()
    return bank.asked


def fed(stage, device):
    function, address = KINDS[device][2]
    start = bytes((function,)) + address.to_bytes(2, "big")
    return [at_us for at_us, _, pdu in asked(stage) if pdu.startswith(start)]


@pytest.mark.parametrize(
    ("device", "at_most_s"),
    [
        ("schneider-evlink-pro", 2),
        ("webasto-next", 20),
        ("vestel-evc04", 7),
        ("mennekes-compact", 5),
        ("keba-p30", 12),
        ("alfen-eve", 25),
    ],
)
def test_a_box_whose_watchdog_lives_on_writes_is_fed_inside_its_time(device, at_most_s):
    stage = run(device, {1: {0: 10_000}}, seconds=70)
    times = fed(stage, device)
    assert times[0] < 2 * CYCLE
    assert max(b - a for a, b in pairwise([*times, 70 * SECOND])) <= at_most_s * SECOND
    assert [n for n, _, _ in stage.double.seen][2:] == list(range(24))[-len(stage.double.seen) + 2 :], (
        "cycles are skipped for it"
    )


@pytest.mark.parametrize("device", KINDS)
def test_under_observation_no_watchdog_is_fed(device):
    stage = run(device, {1: {0: 10_000}}, seconds=40, management=False)
    assert {function for _, function, _ in asked(stage)} <= {3, 4}


def test_a_box_that_fell_silent_is_not_fed_so_that_its_failsafe_comes():
    async def happen(stage):
        await asyncio.sleep(10)
        stage.slaves[str(AT)].habit = dead

    stage = run("webasto-next", {1: {0: 10_000}}, seconds=10 + (PROBE_US + 60 * SECOND) // SECOND, happen=happen)
    assert [at_us for at_us in fed(stage, "webasto-next") if at_us > 10 * SECOND] == []
    last_us = max(at_us for at_us, _, _ in asked(stage))
    assert last_us <= 10 * SECOND + PROBE_US + CYCLE < last_us + 60 * SECOND + ALONE_US


def test_the_limit_of_a_box_that_cannot_show_it_is_its_greatest_until_it_was_told_one():
    stage = run("webasto-next", {2: {0: 10_900}})
    assert [stage.double.view(n).boxes[0].reading.limit_ma for n in (1, 2, 3)] == [16_000, 16_000, 10_000]
    assert [note.get("limit_ma") for note in stage.told("confirmed")] == [10_000]


def test_on_a_new_connection_it_is_told_its_limit_again_before_anybody_counts_on_it():
    async def happen(stage):
        await asyncio.sleep(7)
        stage.loop.net.reset(AT.host)

    stage = run("webasto-next", {1: {0: 10_000}}, seconds=13, happen=happen)
    told = [(at_us, pdu) for at_us, function, pdu in asked(stage) if pdu[:3] == b"\x06\x13\x8c"]
    assert [pdu[-1] for _, pdu in told] == [10, 10]
    assert [stage.double.view(n).boxes[0].reading.limit_ma for n in (2, 3, 4)] == [10_000] * 3


def test_a_cut_that_was_not_answered_counts_as_the_higher_one():
    async def happen(stage):
        await asyncio.sleep(5)

        def deaf(pdu, adu):
            refused = adu[:4] + b"\x00\x03\xff\x86\x04"
            return prompt(pdu, refused if pdu[:3] == b"\x06\x13\x8c" else adu)

        stage.slaves[str(AT)].habit = deaf

    stage = run("webasto-next", {1: {0: 12_000}, 2: {0: 6_000}}, seconds=13, happen=happen)
    assert stage.told("refused")
    assert stage.double.view(4).boxes[0].reading.limit_ma == 12_000


def test_a_feed_that_is_refused_puts_what_the_box_was_told_in_doubt_so_it_is_told_again():
    async def happen(stage):
        def refuses(pdu, adu):
            return prompt(pdu, adu[:4] + b"\x00\x03\xff\x86\x04" if pdu[:3] == b"\x06\x17\x70" else adu)

        stage.slaves[str(AT)].habit = refuses

    stage = run("webasto-next", {1: {0: 10_000}}, seconds=40, happen=happen)
    told = [pdu for _, _, pdu in asked(stage) if pdu[:3] == b"\x06\x13\x8c"]
    assert len(told) > 1
    assert not stage.told("silent")
    assert stage.double.view(8).boxes[0].reading.limit_ma == 10_000


def test_a_box_that_obeys_after_30_s_counts_at_its_old_limit_until_then():
    stage = run("vestel-evc04", {12: {0: 6_000}}, seconds=80)
    limits = [stage.double.view(n).boxes[0].reading.limit_ma for n in (11, 12, 13, 22, 24)]
    assert limits == [16_000, 16_000, 16_000, 16_000, 6_000]
    assert len(stage.told("confirmed")) == 1
    assert not stage.told("deaf", "by itself")

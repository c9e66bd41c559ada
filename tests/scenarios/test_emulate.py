"""A play on ports: where things are, and a verdict that is that of a run. Net and time are virtual here."""

from __future__ import annotations

import asyncio
from contextlib import asynccontextmanager

import pytest

from chargebench.datasheets.errors import BadFile, Complaint
from chargebench.datasheets.load import load, names
from chargebench.emulator.adu import pack_rtu
from chargebench.emulator.clock.loop import SimLoop
from chargebench.emulator.ports import Tty
from chargebench.emulator.wires.rs485 import Line
from chargebench.manager.controller import Controller
from chargebench.manager.shell import manage
from chargebench.scenarios.clauses.line_wire import SimulatedLine
from chargebench.scenarios.describe import read_scenario
from chargebench.scenarios.emulate.live import Live, Trial
from chargebench.scenarios.emulate.places import Wish, first_register, listens, own_addresses, ttys
from chargebench.scenarios.emulate.play import read_play
from chargebench.scenarios.run import run
from tests.scenarios.files import SMALL, put, spoiled

SITE = """\
connection: {max_total_power: 14 kW}
evses:
  - {name: internal, device: power-brain}
  - {name: garage, device: power-brain, at: "192.168.2.151:4701"}
  - {name: yard, device: power-brain, at: "COM1,9600,8,n,1", id: 2}
meters:
  - {name: house, device: eastron-sdm630, at: "COM1,9600,8,n,1", id: 101, role: grid supply}
"""
LIMITED = SMALL.replace("for: 10 min", "for: 3 min") + (
    "  - never: {limit_exceeded: above 0 A}\n"
    "  - finally: {car: tesla, energy: at least 5 kWh}\n"
    "  - within: {after: 18:00:05, time: 30 s, box: garage, status: C}\n"
    "  - finally: {commands: at least 1}\n"
)


@asynccontextmanager
async def live(play, trial=None, speed=1.0, wish=Wish()):  # noqa: B008
    one = Live(play, wish, speed, trial)
    await one.open()
    try:
        yield one
    finally:
        await one.close()


def judged(path, speed, manager=None):
    """What a play has come to, with a master that is told where things are."""
    loop, play = SimLoop(1), read_play(str(path))
    assert play.scenario is not None
    trial = Trial(play.scenario, "again")

    async def main():
        async with live(play, trial, speed) as one:
            task = None if manager is None else asyncio.ensure_future(manager(play.site, one.ports.aliases))
            await one.ended
            if task is not None:
                task.cancel()
        return one.result

    return loop.run(main()), trial


def somebody(site, ports):
    return manage(site, Controller, ports=ports, note=lambda _note: None)


# ---- judging ---------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("speed", [1, 20, 3600])
def test_without_a_master_it_is_judged_as_a_run_without_one(tmp_path, speed):
    path = put(tmp_path, LIMITED.replace("world:", "manager: off\nworld:"))
    result, trial = judged(path, speed)
    same = run(read_scenario(path))
    named = {one.name: one for one in same.verdicts}
    assert trial.unjudged == ("finally: commands: at least 1",)
    assert [one.name for one in result.verdicts] == [name for name in named if name not in trial.unjudged]
    assert result.verdicts == tuple(named[one.name] for one in result.verdicts)
    assert [one.kept for one in result.verdicts] == [True, True, False, True]
    assert (result.figures, result.story, result.hash) == (same.figures, same.story, "")
    assert not result.passed
    assert result.why
    assert result.again == "again"


def test_a_master_that_is_told_where_things_are_passes_where_none_would_fail(tmp_path):
    path = put(
        tmp_path,
        LIMITED.replace("34 kW, house_max: 14 A", "12 kW, house_max: 3 A").replace("least 5 kWh", "least 0.2 kWh"),
    )
    alone, _ = judged(path, 1)
    managed, _ = judged(path, 1, somebody)
    assert [one.name for one in alone.verdicts if not one.kept] == ["never: limit_exceeded: above 0 A"]
    assert managed.passed, managed.story


def test_requests_to_write_are_heard_by_the_court(tmp_path):
    text = LIMITED + "  - finally: {box: garage, write_requests: at most 0}\n"
    path = put(tmp_path, text)
    alone, _ = judged(path, 1)
    managed, _ = judged(path, 1, somebody)
    assert alone.verdicts[-1].kept
    assert not managed.verdicts[-1].kept


def test_a_world_that_breaks_ends_the_play(tmp_path):
    loop, play = SimLoop(1), read_play(str(put(tmp_path, LIMITED)))

    async def main():
        async with live(play) as one:
            one.pump.at(10_000_000, lambda _at_us: 1 // 0)
            await one.ended

    with pytest.raises(ZeroDivisionError):
        loop.run(main())


# ---- what is played --------------------------------------------------------------------------------------------------


def test_the_inputs_of_a_bare_site_are_served_and_off(tmp_path):
    inputs = (
        'inputs:\n  - {number: 3, at: "192.168.2.60:502", address: 1, inverted: on}\n'
        '  - {number: 4, at: "192.168.2.60:502", address: 2}\n'
    )
    play = read_play(str(put(tmp_path, SITE + inputs, "site.yaml")))
    (module,) = play.world.modules
    assert [one.contact.closed(0) for one in module.points] == [True, False]


def test_a_bare_site_is_served_with_nothing_in_it(tmp_path):
    play = read_play(str(put(tmp_path, SITE, "site.yaml")))
    assert (play.label, play.scenario, play.world.cars, play.clock.show(0)) == ("site", None, (), "00:00:00")
    assert [box.name for box in play.world.boxes] == ["internal", "garage", "yard"]


def test_what_is_wrong_in_a_file_is_told(tmp_path):
    with pytest.raises(BadFile, match="14 kA"):
        read_play(str(put(tmp_path, SITE.replace("14 kW", "14 kA"), "site.yaml")))
    with pytest.raises(BadFile, match="tesla-model-9"):
        read_play(str(put(tmp_path, spoiled("tesla-model-3-lr", "tesla-model-9"))))


# ---- where things are ------------------------------------------------------------------------------------------------


def test_every_host_may_have_an_address_of_its_own():
    hosts = ["192.168.2.151", "localhost", "10.168.2.151", "box.lan", "127.0.0.1", "192.168.2.151"]
    assert own_addresses(hosts) == {
        "192.168.2.151": "127.168.2.151",
        "localhost": "127.0.0.1",
        "10.168.2.151": "127.1.0.2",
        "box.lan": "127.1.0.3",
        "127.0.0.1": "127.1.0.4",
    }


def test_many_hosts_have_as_many_addresses():
    found = own_addresses(["localhost", *(f"host{k}" for k in range(1000))])
    assert len(set(found.values())) == 1001
    assert all(0 <= int(part) <= 255 for one in found.values() for part in one.split("."))


def test_ports_are_those_of_the_site_and_those_that_are_asked_for(tmp_path):
    servers = served(tmp_path)
    found = listens(Wish(ports=("garage=1502",)), servers)
    assert {at: (one.host, one.port, one.exact) for at, one in found.items()} == {
        "localhost:4701": ("127.0.0.1", 4701, False),
        "192.168.2.151:4701": ("127.0.0.1", 1502, True),
    }
    own = listens(Wish(own_addresses=True), servers)
    assert {at: (one.host, one.port, one.exact) for at, one in own.items()} == {
        "localhost:4701": ("127.0.0.1", 4701, True),
        "192.168.2.151:4701": ("127.168.2.151", 4701, True),
    }
    assert {one.host for one in listens(Wish(listen="0.0.0.0"), servers).values()} == {"0.0.0.0"}
    assert [(name, tty.url) for name, tty in ttys(Wish(), servers).items()] == [("COM1", "pty")]
    assert ttys(Wish(lines=("COM1=/dev/ttyUSB0",)), servers) == {"COM1": Tty("/dev/ttyUSB0", silence_us=20_000)}


def test_a_request_that_an_adapter_hands_over_in_two_pieces_is_answered(tmp_path):
    loop, play = SimLoop(1), read_play(str(put(tmp_path, SITE, "site.yaml")))
    line = SimulatedLine(loop, Line(loop, "COM1"))
    request = pack_rtu(2, bytes.fromhex("03 1f9d 0001"))

    async def main():
        async with live(play, wish=Wish(lines=("COM1=simbus://COM1/bench",))):
            sent_us = await line.send(
                request[:3], request[3:], gap_us=10_000
            )  # the second piece comes 15 ms after the first
            return await line.hear(sent_us + 500_000)

    answer = loop.run(main())
    assert answer is not None
    assert answer.data == pack_rtu(2, bytes.fromhex("03 02 00a0"))


@pytest.mark.parametrize(
    ("find", "wish", "sentence"),
    [
        (ttys, Wish(lines=("COM2=/dev/ttyS0",)), "unknown line 'COM2'; did you mean COM1?"),
        (ttys, Wish(lines=("COM1",)), "--line: expected a line and its port, such as COM1=/dev/ttyUSB0, got 'COM1'"),
        (listens, Wish(ports=("yard=1502",)), "unknown device on the network 'yard'; known are internal, garage"),
        (
            listens,
            Wish(ports=("garage=70000",)),
            "--port: expected a device on the network and its port, such as garage=1502, got 'garage=70000'",
        ),
    ],
)
def test_a_wish_that_cannot_be_is_refused(tmp_path, find, wish, sentence):
    with pytest.raises(Complaint) as refused:
        find(wish, served(tmp_path))
    assert str(refused.value) == sentence


def served(tmp_path):
    loop, play = SimLoop(1), read_play(str(put(tmp_path, SITE, "site.yaml")))

    async def main():
        return list(Live(play, Wish(), 1).servers)

    return loop.run(main())


@pytest.mark.parametrize("name", names())
def test_every_device_has_a_first_register_that_can_be_read(name):
    sheet = load(name)
    register = first_register(sheet)
    assert register is not None
    assert register.readable
    assert register.count <= sheet.max_read

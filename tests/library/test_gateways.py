"""The scenarios of gateways: each is broken by a gateway that is weak just there, or by a master that does not reckon with one."""

from __future__ import annotations

from dataclasses import replace

import pytest

from chargebench.emulator import gateway
from chargebench.emulator.adu import Adu
from chargebench.manager.links.link import Link
from chargebench.manager.proxy.channel import LineChannel
from chargebench.manager.proxy.gateway import Gateway
from chargebench.scenarios.run import run
from tests.library.weak import Generous, Miserly, shipped


def broken(result):
    return [verdict.name for verdict in result.verdicts if not verdict.kept]


def behind(label, profile):
    """The scenario with another gateway in the place of its own."""
    scenario = shipped(label)
    gateways = tuple(replace(one, profile=profile) for one in scenario.world.gateways)
    return replace(scenario, world=replace(scenario.world, gateways=gateways))


@pytest.mark.slow
@pytest.mark.parametrize(
    ("label", "profile", "name"),
    [
        ("proxy-late-answers", "mbusd", "mixed: 0"),  # any frame is the answer
        ("proxy-late-answers", "closes-on-timeout", "mixed: 0"),  # any of the same unit and function
        ("proxy-dead-slave", "mbusd", "cycle: at most 3 s"),  # everybody waits for the dead one
        ("proxy-two-masters", "mbusd", "cycle: at most 3 s"),  # and everybody waits 0.1 s between two requests
    ],
)
def test_a_gateway_of_another_make_breaks_what_ours_keeps(label, profile, name):
    found = broken(run(behind(label, profile)))
    assert any(name in one for one in found), found
    assert not any("limit_exceeded" in one for one in found), "and still our master keeps the limit"


@pytest.mark.slow
def test_a_gateway_that_checks_no_crc_breaks_the_noisy_line(monkeypatch):
    monkeypatch.setattr(gateway, "unpack_rtu", lambda frame: Adu(frame[0], frame[1:-2]) if len(frame) > 3 else None)
    assert any("mixed: 0" in one for one in broken(run(behind("proxy-noise", "power-brain"))))


@pytest.mark.slow
def test_a_proxy_that_gives_the_answer_before_the_last_breaks_the_two_masters(monkeypatch):
    answered = Gateway._answered
    before: dict[int, bytes] = {}

    def mixes(self, job, pdu, now_us):
        last, before[len(pdu)] = before.get(len(pdu), pdu), pdu
        return answered(self, job, last, now_us)

    monkeypatch.setattr(Gateway, "_answered", mixes)
    scenario = replace(shipped("proxy-two-masters"), duration_us=60_000_000)
    expected = tuple(one for one in scenario.expectations if "mixed" in one.name)
    assert broken(run(replace(scenario, expectations=expected))) == [one.name for one in expected]


@pytest.mark.slow
def test_a_proxy_that_looks_for_its_port_only_once_breaks_the_adapter_that_is_pulled_out(monkeypatch):
    monkeypatch.setattr(LineChannel, "_reopen", lambda _: None)
    found = broken(run(shipped("proxy-adapter-unplugged")))
    assert any("first, link: answering" in one for one in found), found


@pytest.mark.slow
def test_a_master_that_waits_no_longer_behind_what_it_gave_up_loses_the_living_with_the_dead(monkeypatch):
    """A Power Brain's proxy asks a dead box for two seconds, with everybody else waiting."""
    monkeypatch.setattr(Link, "_patience_us", lambda self, _request: self._pace.answer_us)
    found = broken(run(shipped("proxy-line/power-brain")))
    assert any("charging: 2" in one for one in found), found


@pytest.mark.slow
@pytest.mark.parametrize(
    ("label", "manager", "name"),
    [
        ("proxy-line", Generous, "limit_exceeded"),
        ("proxy-line/mbusd", Miserly, "charging: 3"),
        ("proxy-line/closes-on-timeout", Generous, "limit_exceeded"),
        ("proxy-host-reboot", Generous, "limit_exceeded"),
        ("proxy-host-reboot/stays-off", Generous, "limit_exceeded"),
    ],
)
def test_a_weak_manager_breaks_what_its_weakness_breaks(label, manager, name):
    found = broken(run(shipped(label), controller=manager))
    assert any(name in one for one in found), found


@pytest.mark.slow
def test_a_master_that_takes_a_memory_for_the_box_starves_its_watchdog_and_its_cars():
    scenario = shipped("proxy-line/cached")
    boxes = tuple(replace(box, memory_us=0) for box in scenario.site.boxes)
    found = broken(run(replace(scenario, site=replace(scenario.site, boxes=boxes))))
    assert any("first, failsafe: on" in one for one in found), found
    assert any("charging: 2" in one for one in found), found

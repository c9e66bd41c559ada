"""Gateways of a world: read from a file, refused with a sentence where they cannot be, and watched by a witness."""

from __future__ import annotations

import pytest

from chargebench.datasheets.errors import Complaint
from chargebench.emulator.adu import Adu, pack_mbap
from chargebench.emulator.events import Event
from chargebench.emulator.spec import GatewaySpec, LineAt, TcpAt
from chargebench.scenarios.check import check_scenario
from chargebench.scenarios.describe import read_scenario
from chargebench.scenarios.emulate.live import Trial
from chargebench.scenarios.emulate.play import read_play
from chargebench.scenarios.run import run
from chargebench.scenarios.witness import Witness
from tests.scenarios.files import put, spoiled

LINE = LineAt("CELLAR", 9600, 8, "N", 1)
AT = TcpAt("192.168.2.160", 4701)
GATE = 'cellar: {at: "192.168.2.160:4701", line: "CELLAR,9600,8,n,1"'
BOXES = """\
    - {name: yard, device: power-brain, at: "192.168.2.160:4701", id: 4, meter: {device: eastron-sdm630, id: 21}}
    - {name: own, device: power-brain, at: "COM1,9600,8,n,1"}
"""


def world_with(folder, gateways, more="", site="", boxes=BOXES):
    text = spoiled("world:\n", f"{boxes}{site}world:\n  gateways: {{{gateways}}}\n{more}")
    return read_scenario(put(folder, text))


def test_what_the_site_looks_for_at_a_gateway_is_on_its_line(tmp_path):
    scenario = world_with(tmp_path, f"{GATE}, profile: mbusd}}")
    world = scenario.world
    assert world.gateways == (GatewaySpec("cellar", AT, LINE, "mbusd"),)
    assert [box.at for box in world.boxes[1:]] == [TcpAt("192.168.2.151", 4701), LINE, LineAt("COM1")]
    assert [meter.at for meter in world.meters] == [LINE]
    assert not [one for one in check_scenario(scenario) if "stays silent" in one.sentence]


def test_a_gateway_at_the_host_of_a_box_sits_in_its_case(tmp_path):
    at = 'cellar: {at: "192.168.2.151:4710", line: "CELLAR,9600,8,n,1"}'
    (gateway,) = world_with(tmp_path, at).world.gateways
    assert (gateway.owner, gateway.profile) == ("garage", "chargebench")


def test_what_the_world_puts_elsewhere_is_not_behind_it_and_check_tells(tmp_path):
    more = '  boxes: {yard: {at: "CELLAR,19200,8,n,1"}}\n'
    found = check_scenario(world_with(tmp_path, f"{GATE}}}", more))
    assert any("yard" in one.field and "stays silent" in one.sentence for one in found)


@pytest.mark.parametrize(
    ("gateways", "complaint"),
    [
        ('cellar: {at: "COM2,9600,8,n,1", line: "CELLAR,9600,8,n,1"}', "cellar.at: expected an address such as"),
        ('cellar: {at: "192.168.2.160:4701", line: "192.168.2.9:1"}', "cellar.line: expected a serial line such as"),
        ('cellar: {at: "192.168.2.160:4701", line: "COM1,9600,8,n,1"}', "and the master itself is on COM1"),
        (f'{GATE}}}, two: {{at: "192.168.2.161:4701", line: "CELLAR,9600,8,n,1"}}', "cellar is the master of CELLAR"),
        (f'{GATE}}}, two: {{at: "192.168.2.160:4701", line: "B,9600,8,n,1"}}', "and cellar is at 192.168.2.160:4701"),
        (f"{GATE}, memory: 3 s}}", "cellar.memory: expected only with profile: cached"),
        (GATE.replace("cellar", "garage") + "}", "expected a name of its own, and there is a device garage"),
        (f"{GATE}, profile: moxa}}", "cellar.profile: "),
        (GATE.replace("n,1", "n,1,ascii") + ", profile: mbusd}", "expected a line in RTU mode"),
    ],
)
def test_a_gateway_that_cannot_be_is_refused_with_its_place(tmp_path, gateways, complaint):
    with pytest.raises(Complaint) as caught:
        world_with(tmp_path, gateways)
    assert complaint in str(caught.value)


def test_a_memory_that_the_site_does_not_know_of_is_a_danger(tmp_path):
    cached = f"{GATE}, profile: cached, memory: 30 s}}"
    for said, dangers in (("", 1), ("20 s", 1), ("30 s", 0), ("40 s", 0)):
        site = f'  gateways: [{{at: "192.168.2.160:4701", memory: {said}}}]\n' if said else ""
        found = check_scenario(world_with(tmp_path, cached, site=site))
        told = [one for one in found if one.severity == "danger" and "memory" in one.sentence]
        assert len(told) == dangers, said


def test_a_reader_may_read_what_is_behind_a_gateway(tmp_path):
    text = spoiled(
        "world:\n", f"{BOXES}world:\n  gateways: {{{GATE}}}}}\n  readers: [{{name: spy, reads: yard, every: 1 s}}]\n"
    )
    text = text.replace("for: 10 min", "for: 1 min").replace(
        "expect:\n",
        "expect:\n  - finally: {gateway: cellar, answers: 60, client: spy}\n  - always: {gateway: cellar, mixed: 0}\n",
    )
    assert [verdict.kept for verdict in run(read_scenario(put(tmp_path, text))).verdicts] == [True] * 3


# -- the witness -----------------------------------------------------------------------------------------------------

READ, OTHER = b"\x03\x1f\x9c\x00\x01", b"\x03\x1f\x9d\x00\x01"
ONE, TWO = b"\x03\x02\x00\x01", b"\x03\x02\x00\x02"


class Watched:
    """A witness with one client."""

    def __init__(self, profile="chargebench"):
        self.told: list[Event] = []
        self.witness = Witness(GatewaySpec("cellar", AT, LINE, profile), self.told.append)
        self.now_us = 0

    def asks(self, unit, pdu, transaction=1):
        return self._record("rx", unit, pdu, transaction)

    def gets(self, unit, pdu, transaction=1):
        return self._record("tx", unit, pdu, transaction)

    def answers(self, unit, request, answer):
        self.now_us += 1
        self.witness.answered(self.now_us, unit, request, answer)
        return self

    def _record(self, kind, unit, pdu, transaction):
        self.now_us += 1
        channel = f"{self.witness.prefix}master#1"
        self.witness.record(channel, self.now_us, kind, pack_mbap(Adu(unit, pdu, transaction)))
        return self

    @property
    def mixed(self):
        assert {one.get("client") for one in self.told} <= {"master"}
        return [one.get("mixed") for one in self.told]


def test_an_answer_belongs_where_the_unit_gave_it_to_this_request_since_it_was_asked():
    assert Watched().asks(1, READ).answers(1, READ, ONE).gets(1, ONE).mixed == [0]
    assert Watched().asks(1, READ).answers(1, READ, None).gets(1, ONE).mixed == [1], "nobody gave it"
    assert Watched().asks(1, READ).answers(2, READ, ONE).gets(1, ONE).mixed == [1], "another unit did"
    assert Watched().asks(1, READ).answers(1, OTHER, ONE).gets(1, ONE).mixed == [1], "to another request"
    assert Watched().asks(1, READ).answers(1, READ, ONE).gets(1, TWO).mixed == [1], "it was another answer"
    assert Watched().asks(1, READ).answers(1, READ, ONE).gets(2, ONE).mixed == [1], "it bears another unit"
    assert Watched().asks(1, READ).answers(1, READ, ONE).gets(1, ONE, 9).mixed == [1], "and another number"
    assert Watched().answers(1, READ, ONE).asks(1, READ).gets(1, ONE).mixed == [1], "it was late"
    assert Watched("cached").answers(1, READ, ONE).asks(1, READ).gets(1, ONE).mixed == [0], "it is remembered"


def test_each_question_has_one_answer_and_exceptions_of_the_gateway_belong_to_any():
    twice = Watched().asks(1, READ).answers(1, READ, ONE).gets(1, ONE).gets(1, ONE)
    assert twice.mixed == [0, 1]
    assert Watched().asks(1, READ).gets(1, b"\x83\x0b").mixed == [0]
    assert Watched().asks(1, READ).gets(1, b"\x84\x0b").mixed == [1]
    assert Watched().asks(1, READ).gets(1, b"\x83\x02").mixed == [1], "that one is a unit's"


# -- on ports --------------------------------------------------------------------------------------------------------


def test_where_a_world_is_served_on_ports_what_is_behind_our_proxy_answers_at_its_address(tmp_path):
    text = spoiled("world:\n", f"{BOXES}world:\n  gateways: {{{GATE}}}}}\n")
    text = text.replace("expect:\n", "expect:\n  - finally: {gateway: cellar, answers: at least 1}\n")
    play = read_play(str(put(tmp_path, text)))
    assert play.world.gateways == ()
    assert [box.at for box in play.world.boxes[2:]] == [AT, LineAt("COM1")]
    assert [meter.at for meter in play.world.meters] == [AT]
    assert play.scenario is not None
    assert Trial(play.scenario, "").unjudged == ("finally: gateway: cellar, answers: at least 1",)


@pytest.mark.parametrize(
    ("profile", "faults", "complaint"),
    [
        (
            ", profile: mbusd",
            "",
            "world.gateways.cellar.profile: expected chargebench where a world is served on ports",
        ),
        ("", "on: cellar, fault: gateway off", "faults[0].on: expected a device: where a world is served on ports"),
        ("", "on: [CELLAR, COM1], fault: noise", "there is no CELLAR that could break"),
        (
            "",
            "on: COM1, fault: noise",
            "faults[0].fault: expected another fault: the ports of this machine carry no noise",
        ),
    ],
)
def test_what_cannot_be_served_on_ports_is_refused_with_its_place(tmp_path, profile, faults, complaint):
    text = spoiled("world:\n", f"{BOXES}world:\n  gateways: {{{GATE}{profile}}}}}\n")
    if faults:
        text = text.replace("expect:\n", f"faults:\n  - {{at: 18:01, {faults}}}\nexpect:\n")
    with pytest.raises(Complaint) as caught:
        read_play(str(put(tmp_path, text)))
    assert complaint in str(caught.value)


def test_a_watchdog_behind_a_memory_must_be_longer_than_a_cycle(tmp_path):
    cached = f"{GATE}, profile: cached, memory: 30 s}}"
    site = '  gateways: [{at: "192.168.2.160:4701", memory: 30 s}]\n'
    for after, dangers in (("3 s", 1), ("60 s", 0)):
        boxes = BOXES.replace("id: 4,", f"id: 4, failsafe: {{after: {after}, current: 6 A}},")
        found = check_scenario(world_with(tmp_path, cached, site=site, boxes=boxes))
        assert len([one for one in found if "yard falls back unless it is written to" in one.sentence]) == dangers

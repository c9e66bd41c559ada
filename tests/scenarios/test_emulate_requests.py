"""What people tell a play: done at once, or refused in a sentence, whatever they send."""

from __future__ import annotations

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from chargebench.datasheets.load import load
from chargebench.emulator.events import Event
from chargebench.emulator.streams import Streams
from chargebench.emulator.world import World
from chargebench.scenarios import verbs_emulate
from chargebench.scenarios.emulate.play import Play, read_play
from chargebench.scenarios.emulate.requests import Requests
from tests.emulator.worlds import S
from tests.scenarios.files import put


class Told:
    """A play at 18:00:20, and what it makes of requests."""

    def __init__(self, play: Play) -> None:
        self.events: list[Event] = []
        self.world = World(play.world, Streams(1), self.events.append, load)
        self.world.advance(20 * S)
        self._requests = Requests(play, self.world, lambda: self.world.now_us)

    def send(self, line: bytes):
        answer = self._requests.answer(line)
        assert answer.endswith(b"\n")
        assert answer.count(b"\n") == 1
        return json.loads(answer)

    def __call__(self, **request):
        return self.send(json.dumps(request).encode() + b"\n")

    def to(self, at_us):
        self.world.advance(at_us)


@pytest.fixture(scope="module")
def play(tmp_path_factory):
    return read_play(str(put(tmp_path_factory.mktemp("requests"))))


@pytest.fixture
def told(play):
    return Told(play)


def test_a_car_is_plugged_in_and_unplugged(told):
    assert told(do="unplug", box="garage") == {"done": {"unplugged": "tesla", "box": "garage"}}
    assert told(do="plug", plugs="garage") == {"done": {"plugged": "guest-1", "box": "garage"}}
    named = {"do": "plug", "plugs": "internal", "car": "renault-zoe-r-90", "as": "zoe", "wants": "20 kWh"}
    assert told(**named) == {"done": {"plugged": "zoe", "box": "internal"}}
    told.to(60 * S)
    boxes = told(do="show")["done"]["boxes"]
    assert boxes["garage"] == {
        "state": "C",
        "limit_ma": 16_000,
        "offered_ma": 16_000,
        "drawn_ma": 15_500,
        "car": "guest-1",
        "failsafe": False,
    }
    assert (boxes["internal"]["car"], told.world.cars["zoe"].spec.wanted_wh) == ("zoe", 20_000)
    told(do="unplug", box="garage")
    assert told(do="plug", plugs="garage") == {"done": {"plugged": "guest-2", "box": "garage"}}


def test_the_house_draws_what_it_is_told(told):
    assert told(do="house", load="4 A") == {"done": {"house": "L1 4 A, L2 4 A, L3 4 A"}}
    assert told(do="house", load="2.3 kW", phases="L2") == {"done": {"house": "L1 0 A, L2 10 A, L3 0 A"}}
    assert [event.data for event in told.events if event.kind == "house"][-1] == (
        ("l1_ma", 0),
        ("l2_ma", 10_000),
        ("l3_ma", 0),
    )


def test_a_fault_begins_at_once_and_ends_when_it_is_told(told):
    assert told(do="fault", fault="silence", on=["garage"], **{"for": "5 s"}) == {
        "done": {"fault": "silence", "on": "garage"}
    }
    assert not told.world.reach("garage").hears
    told.to(25 * S)
    assert told.world.reach("garage").hears
    assert told(do="fault", fault="reboot", on="garage")["done"] == {"fault": "reboot", "on": "garage"}
    assert told.world.boxes["garage"].dark


@pytest.mark.parametrize(
    ("request_", "sentence"),
    [
        ({"do": "dance"}, "unknown request 'dance'; known are plug, unplug, fault, house, show"),
        ({}, "unknown request 'None'"),
        ({"do": "plug", "plugs": "garage"}, "expected a box that is free, and tesla is plugged in at garage"),
        ({"do": "plug", "plugs": "nowhere"}, "there is no box nowhere; there are internal, garage"),
        ({"do": "plug", "plugs": "internal", "wants": "20"}, "wants: expected an energy with its unit"),
        ({"do": "plug", "plugs": "internal", "car": "fiat-500"}, "car: unknown car 'fiat-500'"),
        ({"do": "plug", "plugs": "internal", "as": "tesla"}, "there is a car tesla already"),
        ({"do": "plug", "plugs": "internal", "leaves": "19:00"}, "expected no time to leave"),
        ({"do": "unplug", "box": "internal"}, "expected a box with a car, and internal has none"),
        ({"do": "unplug", "box": "internal", "now": True}, "now: "),
        ({"do": "fault", "fault": "silense", "on": "garage"}, "fault: unknown fault 'silense'; did you mean silence?"),
        ({"do": "fault", "fault": "silence", "on": "yard"}, "on: expected a box or a meter for silence, got 'yard'"),
        ({"do": "fault", "fault": "silence", "on": "garage", "for": "5"}, "for: expected a duration with its unit"),
        ({"do": "fault", "fault": "reboot", "on": "garage", "for": "5 s"}, "for: expected to be left out"),
        ({"do": "house", "load": "4"}, "load: expected a power for the whole house or a current per phase"),
        ({"do": "house", "load": "4 A", "phases": "L4"}, "phases: expected "),
    ],
)
def test_what_cannot_be_is_refused_in_a_sentence(told, request_, sentence):
    before = len(told.events)
    wrong = told(**request_)["wrong"]
    assert wrong.startswith(sentence)
    assert "\n" not in wrong
    assert len(told.events) == before


_PARTS = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=12),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner, max_size=3),
    max_leaves=6,
)
_FIELDS = st.sampled_from(
    ["do", "box", "plugs", "car", "fault", "on", "for", "every", "load", "phases", "wants", "at", "as"]
)
_VERBS = st.sampled_from(["plug", "unplug", "fault", "house", "show"])


@given(st.binary(max_size=200) | st.builds(lambda value: json.dumps(value).encode(), _PARTS))
def test_whatever_is_sent_is_answered(play, line):
    assert set(Told(play).send(line)) <= {"done", "wrong"}


@given(_VERBS, st.dictionaries(_FIELDS, st.sampled_from(["garage", "silence", "5 s", "4 A", "18:00", "L1"]) | _PARTS))
def test_whatever_is_asked_for_is_answered_and_the_world_goes_on(play, verb, fields):
    told = Told(play)
    assert set(told(**{**fields, "do": verb})) <= {"done", "wrong"}
    told.to(120 * S)


def test_boxes_are_shown_to_a_person_in_columns(monkeypatch, capsys):
    now = {"limit_ma": 16_000, "offered_ma": 10_000, "drawn_ma": 9_560}
    boxes = {
        "garage": {"state": "C", **now, "car": "zoe", "failsafe": False},
        "yard": {"state": "A", **now, "car": None, "failsafe": True},
    }
    monkeypatch.setattr(verbs_emulate, "ask", lambda _request, _path: {"at": "18:01:00", "boxes": boxes})
    assert verbs_emulate.tell({"do": "show"}, None, as_json=False) == 0
    assert capsys.readouterr().out.splitlines() == [
        "18:01:00",
        "",
        "box     state       limit  offered  drawn  car",
        "garage  C           16 A   10 A     9.6 A  zoe",
        "yard    A failsafe  16 A   10 A     9.6 A  none",
    ]

"""A slice of a million requests through a whole proxy, and what they find where it trusts whatever comes."""

from __future__ import annotations

import pytest

from chargebench.manager.proxy.config import Behind
from chargebench.manager.proxy.wire import Wire
from chargebench.scenarios.line_faults import KINDS, Faulty, parse_fault
from tests.proxy.million import asked


def test_through_a_whole_proxy_nobody_is_given_the_answer_of_another():
    said, carried = asked(1_000, 3)
    assert said["mixed"] == 0
    assert said.total() == 1_000
    assert said["answered"] > 930
    assert carried["late"] > 0
    assert carried["spoilt"] > 0


def test_one_that_trusts_whatever_comes_gives_somebody_the_answer_of_another(monkeypatch: pytest.MonkeyPatch):
    assert asked(1_500, 4, (1,))[0]["mixed"] == 0
    monkeypatch.setattr(Wire, "owe", lambda *_: None)
    assert asked(1_500, 4, (1,))[0]["mixed"] > 0


def test_faults_made_on_its_line_are_borne_and_come_again_with_the_same_seed():
    names = [name for name in KINDS if name not in {"silence", "echo"}]
    texts = ["silence units=5", *(f"{name} share=3%" for name in names)]
    seen = []
    for _ in range(2):
        made: list[Faulty] = []

        def before_line(behind: Behind, made: list[Faulty] = made) -> Faulty:
            made.append(Faulty(behind, [parse_fault(text) for text in texts], 7))
            return made[0]

        seen.append((asked(600, 2, between=before_line), made[0].done))
    (said, carried), done = seen[0]
    assert seen[0] == seen[1]
    assert said["mixed"] == 0
    assert said["exception 11"] > 40
    assert said["answered"] > 420
    assert carried["spoilt"] > 0
    assert set(done) == {"silence", *names}


def test_an_adapter_that_hears_itself_costs_nobody_an_answer():
    said, _ = asked(150, 2, between=lambda behind: Faulty(behind, [parse_fault("echo")], 7))
    assert (said["answered"], said.total()) == (150 - said["left behind"], 150)

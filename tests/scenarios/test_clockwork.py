"""What comes next on the ways of a run in leaps."""

from __future__ import annotations

from chargebench.emulator.flow import FAR
from chargebench.scenarios.leap.clockwork import Clockwork


def test_calls_come_in_the_order_of_their_times_and_then_of_their_coming():
    clockwork = Clockwork()
    told: list[object] = []
    for when_us, name in ((20, "later"), (10, "first"), (20, "last"), (10, "second")):
        clockwork.at(when_us, told.append, name)
    assert clockwork.next_us == 10
    clockwork.run(20)
    assert told == ["first", "second"]
    clockwork.run(21)
    assert told == ["first", "second", "later", "last"]
    assert (clockwork.now_us, clockwork.next_us) == (20, FAR)


def test_what_comes_soon_comes_at_the_same_instant_before_what_was_due_then():
    clockwork = Clockwork()
    told: list[object] = []

    def begin():
        clockwork.soon(told.append, "soon")
        told.append("begun")

    clockwork.at(5, begin)
    clockwork.at(5, told.append, "due")
    clockwork.run(6)
    assert told == ["begun", "soon", "due"]


def test_a_round_that_is_made_up_for_has_its_own_time():
    clockwork = Clockwork()
    told: list[object] = []
    clockwork.at(100, lambda: told.append(clockwork.now_us))
    clockwork.run(200)
    clockwork.at(50, lambda: told.append(clockwork.now_us))
    clockwork.run(60)
    assert told == [100, 50]

"""Planted bugs of the controller, each caught by a named law: a test that the laws can fail."""

import pytest
from hypothesis import Phase, given, settings

from chargebench.manager import allocator, controller, memory
from chargebench.manager.controller import Controller
from chargebench.manager.memory import Memory
from tests.laws.control_laws import (
    no_command_lets_the_boxes_draw_more_than_is_free,
    the_connection_stays_inside_its_limit,
    what_is_allocated_is_given_before_long,
)
from tests.strategies import parks

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def some_parks():
    """Always the same parks, drawn once."""
    found = []

    @settings(max_examples=40, derandomize=True, database=None, phases=[Phase.generate], deadline=None)
    @given(parks())
    def draw(park):
        found.append(park)

    draw()
    return sorted(found, key=lambda park: -len(park[1].cars))


def books_nothing(patch):
    patch.setattr(Memory, "booked_ma", lambda _self: 0)


def books_only_what_was_confirmed(patch):
    patch.setattr(Memory, "booked_ma", lambda self: self.confirmed_ma)


def takes_every_cut_for_physical(patch):
    patch.setattr(memory, "PHYSICAL_US", 0)
    patch.setattr(Memory, "_house", lambda _self, _reading: (0, 0, 0))


def forgets_the_phase_rotation(patch):
    patch.setattr(Memory, "_house", lambda _self, reading: reading.phases_ma or (0, 0, 0))
    patch.setattr(Controller, "_nodes", lambda _self, found: tuple(range(len(found.phases))))


def forgets_the_house(patch):
    patch.setattr(Controller, "_background", lambda *_: (0, 0, 0))


def counts_a_car_as_drawing_its_new_limit_at_once(patch):
    patch.setattr(memory, "DRAW_MARGIN_MA", 0)
    patch.setattr(Memory, "_draw", draws_its_limit)


def draws_its_limit(self, reading, _now_us):
    ma = reading.limit_ma
    self.low_draw = self.high_draw = self._spread(ma)


def never_lowers_a_limit(patch):
    patch.setattr(Controller, "_cut", lambda *_: None)


def rounds_up(patch):
    down = allocator._round_down
    patch.setattr(allocator, "_round_down", lambda admitted, bunches: round_up(admitted, down(admitted, bunches)))


def round_up(admitted, currents):
    return [min(ask.high_ma, ma + 10 * ask.step_ma) for ask, ma in zip(admitted, currents, strict=True)]


def never_believes_that_a_cut_is_physical(patch):
    patch.setattr(Memory, "_physical", lambda *_: [])


def is_never_asked_again(patch):
    patch.setattr(controller, "CYCLE_US", controller.CYCLE_US)
    patch.setattr(Controller, "quiet", lambda _self, n, _view: n % 50 != 1)


BUGS = [
    (books_nothing, no_command_lets_the_boxes_draw_more_than_is_free),
    (books_only_what_was_confirmed, no_command_lets_the_boxes_draw_more_than_is_free),
    (takes_every_cut_for_physical, no_command_lets_the_boxes_draw_more_than_is_free),
    (forgets_the_phase_rotation, no_command_lets_the_boxes_draw_more_than_is_free),
    (forgets_the_house, the_connection_stays_inside_its_limit),
    (counts_a_car_as_drawing_its_new_limit_at_once, no_command_lets_the_boxes_draw_more_than_is_free),
    (never_lowers_a_limit, the_connection_stays_inside_its_limit),
    (rounds_up, no_command_lets_the_boxes_draw_more_than_is_free),
    (never_believes_that_a_cut_is_physical, what_is_allocated_is_given_before_long),
    (is_never_asked_again, the_connection_stays_inside_its_limit),
]


@pytest.mark.parametrize(("bug", "law"), BUGS, ids=lambda one: one.__name__)
def test_a_planted_bug_is_caught(bug, law, some_parks, monkeypatch):
    bug(monkeypatch)
    assert any(breaks(law, park) for park in some_parks)


def breaks(law, park):
    try:
        law(park)
    except AssertionError:
        return True
    return False

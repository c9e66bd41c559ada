"""On every command, over random sites and worlds without faults: safety, minimum, raise after cut, determinism, quiet."""

import pytest
from hypothesis import given

from chargebench.manager.controller import CYCLE_US
from tests.laws import control_laws
from tests.strategies import HOUSE_STEP_US, examples, parks

pytestmark = pytest.mark.slow


@given(parks())
@examples(30)
def test_no_command_lets_the_boxes_draw_more_than_is_free(park):
    control_laws.no_command_lets_the_boxes_draw_more_than_is_free(park)


@given(parks())
@examples(30)
def test_the_connection_stays_inside_its_limit_but_for_the_reaction_to_a_house_step(park):
    control_laws.the_connection_stays_inside_its_limit(park)


@given(parks())
@examples(20)
def test_what_is_allocated_is_given_before_long(park):
    control_laws.what_is_allocated_is_given_before_long(park)


@given(parks(most_boxes=3))
@examples(10)
def test_the_same_park_gets_the_same_commands(park):
    control_laws.the_same_park_gets_the_same_commands(park)


@given(parks(most_boxes=3))
@examples(10)
def test_a_quiet_cycle_returns_nothing_and_changes_nothing(park):
    assert control_laws.a_quiet_cycle_returns_nothing_and_changes_nothing(park)


@given(parks())
@examples(10)
def test_asking_only_when_a_cycle_is_not_quiet_gives_the_same_commands(park):
    control_laws.asking_only_when_a_cycle_is_not_quiet_gives_the_same_commands(park)


def test_house_steps_leave_time_to_react():
    assert HOUSE_STEP_US > control_laws.REACTION_US + CYCLE_US

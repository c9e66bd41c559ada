"""The original against whole worlds: its commands are limits, it decides alike every time, and a quiet cycle can be left out."""

import copy

from hypothesis import given

from chargebench.manager.policies.original import Original
from chargebench.manager.policies.registry import controller_for
from tests.laws.closed_loop import Loop
from tests.strategies import examples, parks

CYCLES = 300


class Asked:
    """A controller that is asked in another way."""

    def __init__(self, cycle):
        self.cycle = cycle


def looped(park, make=Original):
    site, spec = park
    return Loop(site, spec, controller=make(site))


def state(controller):
    return copy.deepcopy({name: value for name, value in vars(controller).items() if name not in {"site", "_house"}})


@given(parks())
@examples(20)
def test_a_command_is_0_or_a_limit_between_minimum_and_maximum_in_steps_of_100_ma(park):
    loop = looped(park).run(CYCLES)
    for command in loop.commands:
        box = park[0].boxes[command.box]
        assert command.limit_ma == 0 or box.minimum_ma <= command.limit_ma <= box.maximum_ma
        assert command.limit_ma % 100 == 0


@given(parks(most_boxes=3))
@examples(8)
def test_the_same_park_gets_the_same_commands(park):
    assert looped(park).run(CYCLES).commands == looped(park).run(CYCLES).commands


@given(parks(most_boxes=3))
@examples(8)
def test_asking_only_when_a_cycle_is_not_quiet_gives_the_same_commands(park):
    every, some = looped(park).run(CYCLES), looped(park)
    controller = some.controller
    some.controller = Asked(lambda n, view: [] if controller.quiet(n, view) else controller.cycle(n, view))
    assert some.run(CYCLES).commands == every.commands


@given(parks(most_boxes=3))
@examples(8)
def test_to_decide_on_a_quiet_cycle_all_the_same_would_return_nothing_and_change_nothing(park):
    loop = looped(park)
    controller = loop.controller

    def cycle(n, view):
        if not controller.quiet(n, view):
            return controller.cycle(n, view)
        before = state(controller)
        assert controller._decide(n, view) == []
        after = state(controller)
        assert {**after, "decision": None, "next_cycle": 0} == {**before, "decision": None, "next_cycle": 0}
        assert after["next_cycle"] >= before["next_cycle"]
        return []

    loop.controller = Asked(cycle)
    loop.run(CYCLES)


@given(parks(most_boxes=2))
@examples(5)
def test_the_registry_makes_the_controller_of_a_policy(park):
    made = looped(park, controller_for("original"))
    assert made.run(CYCLES).commands == looped(park).run(CYCLES).commands

"""The laws of every command as functions of a park; each raises AssertionError where it is broken."""

import copy
from typing import Any

from chargebench.manager.controller import DEAD_BAND_MA
from tests.laws.auditor import Auditor
from tests.laws.closed_loop import Loop, SkewedLoop

CYCLES = 500
REACTION_US = 35_000_000
CALM_CYCLES = 20


class Asked:
    """A controller that is asked in another way."""

    def __init__(self, controller, cycle):
        self.controller = controller
        self.cycle = cycle


def no_command_lets_the_boxes_draw_more_than_is_free(park):
    site, spec = park
    loop = Loop(site, spec)
    auditor = Auditor(site, phases_known=lambda k: loop.controller.boxes[k].phases)
    loop.watch = auditor.watch
    loop.run(CYCLES)


def the_connection_stays_inside_its_limit(park):
    """Measured in the world itself, not in what the manager reads; but for the reaction to a step of the house."""
    site, spec = park
    loop = Loop(site, spec).run(CYCLES)
    if any(max(amps) > site.connection.limit_ma for _, amps in spec.house.steps):
        return
    steps = [0, *(at for at, _ in spec.house.steps)]
    for segment in loop.segments:
        if any(step <= segment.from_us < step + REACTION_US for step in steps):
            continue
        for na, rate in zip(segment.na, segment.rate, strict=True):
            peak_na = max(na, na + rate * (segment.to_us - segment.from_us))
            assert peak_na <= spec.connection.limit_ma * 1_000_000, segment


def neither_limit_is_ever_exceeded(park, lags_us, cycles):
    """The connection's and that of the boxes' own supply, measured in the world; the house of the park stands still."""
    site, spec = park
    loop = SkewedLoop(site, spec, lags_us)

    def watch(n, _view, _commands):
        if site.connection.evse_ma is None:
            return
        flows = [0, 0, 0]
        for box in loop.world.boxes.values():
            for phase, na in zip(box.spec.wiring, box.flow.level(loop.world.now_us), strict=False):
                flows[phase] += na
        assert max(flows) <= site.connection.evse_ma * 1_000_000, f"cycle {n}: {flows} nA"

    loop.watch = watch
    loop.run(cycles)
    for segment in loop.segments:
        for na, rate in zip(segment.na, segment.rate, strict=True):
            peak_na = max(na, na + rate * (segment.to_us - segment.from_us))
            assert peak_na <= spec.connection.limit_ma * 1_000_000, segment


def what_is_allocated_is_given_before_long(park):
    """Where nothing moves for a minute, every box in reach has what it was allocated, but for the dead band."""
    site, spec = park
    loop = Loop(site, spec)
    calm: dict[str, Any] = {"since": 0, "seen": None}

    def watch(n, view, commands):
        seen = loop.controller.decision.targets, [box.reading.pilot for box in view.boxes]
        if commands or seen != calm["seen"]:
            calm.update(since=n, seen=seen)
        if n - calm["since"] >= CALM_CYCLES:
            for target_ma, box in zip(seen[0], view.boxes, strict=True):
                assert 0 <= target_ma - box.reading.limit_ma < DEAD_BAND_MA

    loop.watch = watch
    loop.run(CYCLES)


def the_same_park_gets_the_same_commands(park):
    assert Loop(*park).run(CYCLES).commands == Loop(*park).run(CYCLES).commands


def a_quiet_cycle_returns_nothing_and_changes_nothing(park):
    """Returns how many cycles were quiet."""
    loop = Loop(*park)
    controller = loop.controller
    decide = controller.cycle
    quiet = []

    def state():
        now = vars(controller)
        names = ("next_cycle", "bands", "house_bands", "decision")
        return repr([vars(box) for box in now["boxes"]]), copy.deepcopy([now[name] for name in names])

    def cycle(n, view):
        if not controller.quiet(n, view):
            return decide(n, view)
        quiet.append(n)
        before = state()
        assert decide(n, view) == []
        assert state() == before
        return []

    loop.controller = Asked(loop.controller, cycle)
    loop.run(CYCLES)
    return len(quiet)


def asking_only_when_a_cycle_is_not_quiet_gives_the_same_commands(park):
    every = Loop(*park).run(CYCLES)
    some = Loop(*park)
    decide = some.controller.cycle
    quiet = some.controller.quiet
    some.controller = Asked(some.controller, lambda n, view: [] if quiet(n, view) else decide(n, view))
    assert some.run(CYCLES).commands == every.commands

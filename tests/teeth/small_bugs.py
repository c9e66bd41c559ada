"""Small wrong changes to allocator and controller, each with a shipped scenario that it breaks, and the law that tells."""

from __future__ import annotations

from dataclasses import replace

from chargebench.manager import controller, inputs, memory
from chargebench.manager.allocator import allocate
from chargebench.manager.controller import Controller
from chargebench.manager.inputs import Inputs
from chargebench.manager.memory import Memory
from chargebench.manager.readings import Command

FOR_EVER = 1 << 60


def shares(patch, ask=lambda one: one, given=lambda limits: limits):
    """Have what is asked for, or what is given, changed on its way."""
    init = Controller.__init__

    def begin(self, site, steps_ma=None, share=allocate):
        def other(asks, free, grace):
            found = share([ask(one) for one in asks], free, grace)
            return replace(found, limits=given(found.limits))

        init(self, site, steps_ma, other)

    patch.setattr(Controller, "__init__", begin)


def rounds_up_to_whole_amperes(patch):
    shares(patch, given=lambda limits: tuple((box, -(-ma // 1_000) * 1_000) for box, ma in limits))


def gives_the_last_step_to_everybody(patch):
    shares(patch, given=lambda limits: tuple((box, ma + 100) for box, ma in limits))


def never_ends_a_turn(patch):
    patch.setattr(controller, "HOLD_US", FOR_EVER)


def lets_who_has_most_go_first(patch):
    shares(patch, ask=lambda one: replace(one, held=False, missed=0, energy_wh=-one.energy_wh))


def raises_before_it_cuts(patch):
    def at_once(self, n, targets, allocation, *_):
        commands = []
        for k, ma in allocation.limits:
            if targets[k] > self.boxes[k].confirmed_ma:
                self.boxes[k].send(ma, n * controller.CYCLE_US)
                commands.append(Command(n, k, ma))
        return commands

    patch.setattr(Controller, "_raise", at_once)


def ignores_what_is_pending(patch):
    observe = Memory.observe

    def only_what_is_shown(self, view, now_us):
        due = observe(self, view, now_us)
        self.top_ma = self.confirmed_ma
        return due

    patch.setattr(Memory, "observe", only_what_is_shown)


def never_says_it_again(patch):
    patch.setattr(controller, "RESEND_US", FOR_EVER)


def believes_a_silent_meter_for_ever(patch):
    patch.setattr(controller, "METER_LOST_US", FOR_EVER)


def counts_a_house_that_nobody_measures_with_nothing(patch):
    patch.setattr(Controller, "_unseen", lambda *_: (0, 0, 0))


def forgets_the_reserve(patch):
    free = Controller._free
    patch.setattr(
        Controller, "_free", lambda self, *args: [ma + self.site.connection.reserve_ma for ma in free(self, *args)]
    )


def never_sees_that_a_car_wakes(patch):
    patch.setattr(memory, "WAKE_MA", -FOR_EVER)


def takes_a_car_that_ramps_for_one_that_is_content(patch):
    patch.setattr(memory, "SETTLE_US", 0)
    patch.setattr(memory, "WAKE_MA", -FOR_EVER)


def believes_a_silent_input_for_ever(patch):
    patch.setattr(inputs, "LOST_US", FOR_EVER)


def takes_an_input_that_nobody_knows_for_one_that_is_off(patch):
    seen = Inputs._seen
    patch.setattr(Inputs, "_seen", lambda *args: replace(seen(*args), unknown=()))


def takes_off_the_house_what_a_roof_made_before(patch):
    most: dict[int, int] = {}

    def relieve(self, total, view):
        for k, (feeds, seen) in enumerate(zip(self._feeds, view.meters, strict=True)):
            if feeds and seen.reading is not None:
                most[k] = max(most.get(k, 0), *seen.reading.phases_ma)
                total[:] = [max(0, ma - most[k]) for ma in total]

    patch.setattr(Controller, "_relieve", relieve)


BUGS = (
    (rounds_up_to_whole_amperes, "cut-before-raise", "charging: 2"),
    (gives_the_last_step_to_everybody, "waking-car", "box: garage, limit: at least 10 A"),
    (never_ends_a_turn, "eighth-car", "waiting"),
    (lets_who_has_most_go_first, "eighth-car", "waiting"),
    (raises_before_it_cuts, "cut-before-raise", "limit_exceeded"),
    (ignores_what_is_pending, "cut-before-raise/unmetered", "limit_exceeded"),
    (never_says_it_again, "deaf-after-a-restart", "box: garage"),
    (believes_a_silent_meter_for_ever, "meter-without-numbers", "limit_exceeded"),
    (counts_a_house_that_nobody_measures_with_nothing, "meter-without-numbers", "limit_exceeded"),
    (forgets_the_reserve, "meter-reads-low", "limit_exceeded"),
    (never_sees_that_a_car_wakes, "waking-car", "box: garage, limit: at least 10 A"),
    (takes_a_car_that_ramps_for_one_that_is_content, "fewer-phases", "share"),
    (believes_a_silent_input_for_ever, "input-lost", "connection: at most 14 A"),
    (takes_an_input_that_nobody_knows_for_one_that_is_off, "input-lost/opposite", "connection: at most 14 A"),
    (takes_off_the_house_what_a_roof_made_before, "roof-and-house", "limit_exceeded"),
)

"""Weaknesses of a manager that can be planted, each of which some kind of failure finds. ``patch`` is pytest's monkeypatch."""

from __future__ import annotations

from chargebench.manager import controller, memory, steady
from chargebench.manager.doubts import Doubts
from chargebench.manager.links.pace import BackOff
from chargebench.manager.memory import Memory
from chargebench.manager.presence import Presence
from chargebench.manager.rounds import BoxPoll
from chargebench.manager.waking import Waking


def takes_what_is_told_for_what_flows(patch):
    patch.setattr(Memory, "booked_ma", lambda self: self.confirmed_ma)
    patch.setattr(Memory, "over_ma", lambda _self: 0)


def believes_every_meter(patch):
    patch.setattr(Doubts, "believable", lambda _self, view: view)


def keeps_what_a_meter_said_last(patch):
    patch.setattr(Presence, "impossible", lambda _self, _why: None)


def asks_a_dead_box_as_often_as_the_others(patch):
    patch.setattr(BackOff, "rests", lambda *_: False)
    patch.setattr(BoxPoll, "_left_alone", lambda _self: False)


def goes_on_trusting_what_it_told(patch):
    patch.setattr(memory, "STUBBORN_US", 1 << 60)


def follows_everything_at_once(patch):
    for name in ("DEAD_BAND_MA", "SMALL_MA", "CALM_US", "HOUSE_BAND_MA"):
        patch.setattr(controller, name, 1)
    patch.setattr(steady, "STEADY_US", 1)


def gives_away_at_once_what_the_house_leaves(patch):
    patch.setattr(steady, "STEADY_US", 1)


def counts_a_box_that_was_never_heard_with_nothing(patch):
    counted = Memory.booked_ma
    patch.setattr(Memory, "booked_ma", lambda self: counted(self) if self.reached else 0)


def counts_a_silent_box_with_nothing(patch):
    counted = Memory.booked_ma
    patch.setattr(Memory, "booked_ma", lambda self: 0 if self.silent else counted(self))


def never_learns_phases(patch):
    patch.setattr(memory, "KNOWS_PHASES_MA", 1 << 60)


def never_forgets_phases(patch):
    learn = Memory._learn

    def keeps(self, now, reading, now_us):
        known = self.phases
        learn(self, now, reading, now_us)
        self.phases = known if len(known) < len(self.phases) else self.phases

    patch.setattr(Memory, "_learn", keeps)


def counts_limits_and_not_currents(patch):
    patch.setattr(Memory, "over_ma", lambda _self: 0)


def wakes_nobody(patch):
    patch.setattr(Waking, "due", lambda *_: False)


def takes_turns_of_a_minute(patch):
    patch.setattr(controller, "HOLD_US", 60_000_000)
    patch.setattr(controller, "PAUSE_US", 30_000_000)


def leaves_every_car_what_it_does_not_take(patch):
    patch.setattr(memory, "WORTH_MA", 1 << 60)

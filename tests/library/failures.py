"""Which failure of real managers stands in which shipped scenario, and under which weakness that scenario breaks."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Failure:
    """One kind of failure. Without a ``law``, another test plants the weakness.

    ``weakness`` is a manager of ``weak``, a planted bug of ``weaknesses`` or a policy; under it the scenario breaks ``law``.
    """

    number: int
    what: str
    scenario: str
    weakness: str = ""
    law: str = ""


_LIMIT = "limit_exceeded"

FAILURES = (
    Failure(
        1, "a raise while a cut is still under way", "cut-before-raise", "takes_what_is_told_for_what_flows", _LIMIT
    ),
    Failure(
        1, "the same where nobody sees it", "cut-before-raise/unmetered", "takes_what_is_told_for_what_flows", _LIMIT
    ),
    Failure(2, "a slave comes back with its old limit", "comeback-first-read"),
    Failure(3, "the house's meter freezes", "meter-frozen", "believes_every_meter", _LIMIT),
    Failure(3, "a box's meter freezes", "meter-frozen/of-a-box", "believes_every_meter", "told: doubted"),
    Failure(4, "the meter's sign is wrong", "meter-reversed", "believes_every_meter", _LIMIT),
    Failure(4, "the meter's phase order is wrong", "meter-reversed/order", "believes_every_meter", "charging: 2"),
    Failure(5, "no number as a value", "meter-without-numbers", "keeps_what_a_meter_said_last", _LIMIT),
    Failure(6, "an answer to an earlier request is taken for this one's", "proxy-late-answers"),
    Failure(
        8, "one dead slave holds up the others", "dead-box-on-a-line", "asks_a_dead_box_as_often_as_the_others", "cycle"
    ),
    Failure(8, "the same behind a proxy", "proxy-dead-slave"),
    Failure(
        11, "a box ignores writes after it has started", "deaf-after-a-restart", "goes_on_trusting_what_it_told", _LIMIT
    ),
    Failure(12, "a box stores every write in flash", "flash-worn", "follows_everything_at_once", "writes"),
    Failure(13, "two slaves share an id", "two-boxes-one-id", "counts_a_box_that_was_never_heard_with_nothing", _LIMIT),
    Failure(14, "wrong baud rate", "wrong-com-parameters", "Generous", _LIMIT),
    Failure(
        15, "a car takes fewer phases than thought", "fewer-phases", "never_learns_phases", "limit: at least 15.9 A"
    ),
    Failure(16, "a car takes more than it was given", "takes-more", "counts_limits_and_not_currents", _LIMIT),
    Failure(17, "a car sleeps", "sleeping-car", "wakes_nobody", "car: zoe, charging: yes"),
    Failure(18, "turns too short: contactors wear", "eighth-car", "takes_turns_of_a_minute", "contactor_starts"),
    Failure(19, "limits flutter by one step", "whole-amperes", "follows_everything_at_once", "commands"),
    Failure(20, "the house jumps faster than a cycle", "fuse-overload", "Sluggish", _LIMIT),
    Failure(
        20,
        "a house that switches faster than cars follow",
        "switching-hob",
        "gives_away_at_once_what_the_house_leaves",
        _LIMIT,
    ),
    Failure(21, "the clock is set back by hand", "clock-set-by-hand"),
    Failure(22, "the master restarts in the middle of the night", "master-restarts"),
    Failure(23, "a third-party box too many", "licence-limit", "Generous", _LIMIT),
    Failure(24, "a proxy mixes up the answers of two clients", "proxy-two-masters"),
    Failure(25, "the fuse is already warm", "warm-fuse", "Generous", "fuse"),
    Failure(26, "a blackout: all restart before the master is up", "blackout-restart"),
    Failure(27, "requests arrive and answers do not", "one-way-loss"),
    Failure(28, "the first read ends the failsafe at the old limit", "comeback-first-read"),
    Failure(29, "many boxes are silent together, then the hob", "access-point-lost"),
    Failure(29, "the host of a proxy dies, and all behind it are silent", "proxy-host-reboot"),
    Failure(30, "a reader keeps the watchdog fed", "watchdog-fed-by-reader"),
    Failure(31, "a car that takes 3 A wakes on a full site", "waking-car", "original", _LIMIT),
    Failure(
        31, "what a car does not take is lost", "waking-car", "leaves_every_car_what_it_does_not_take", "box: yard"
    ),
    Failure(
        32,
        "a shared residual-current device takes three boxes",
        "shared-rcd",
        "counts_a_silent_box_with_nothing",
        _LIMIT,
    ),
    Failure(33, "a phase is lost", "phase-lost", "never_forgets_phases", _LIMIT),
    Failure(34, "a 13 A cable", "thirteen-ampere-cable", "leaves_every_car_what_it_does_not_take", "box: yard"),
    Failure(35, "a dimming order", "dimming-order"),
)

"""A box alone: failsafe under both profiles, restarts, and what its boot registers decide."""

from __future__ import annotations

from chargebench.emulator.pilot import Pilot
from tests.emulator.worlds import HOUR, S, car_spec, one_box, since, write

# -- failsafe --------------------------------------------------------------------------------------------------------


def failsafe(**changes):
    return one_box(**{"failsafe_us": 60 * S, "failsafe_ma": 6_000, **changes})


def test_failsafe_comes_after_silence_since_power_on():
    one = failsafe().to(100 * S)
    assert one.story("failsafe") == [(60 * S, "failsafe", 1, 6_000)]
    assert one.box.pulse.offered_ma == 6_000
    assert (one.box.limit_ma, one.box.enable) == (16_000, True)


def test_failsafe_is_seen_at_full_seconds_only():
    one = failsafe()
    one.to(20 * S + 1).device().read("holding", 8092, 1)
    assert one.to(100 * S).story("failsafe") == [(81 * S, "failsafe", 1, 6_000)]
    two = failsafe()
    two.to(20 * S).device().read("holding", 8092, 1)
    assert two.to(100 * S).story("failsafe") == [(80 * S, "failsafe", 1, 6_000)]


def test_any_access_keeps_failsafe_away_and_ends_it():
    one = failsafe()
    for at in range(50, 300, 50):
        one.to(at * S).device().read("holding", 8000, 1)
    assert one.to(309 * S).story("failsafe") == []
    one.to(320 * S).device().read("holding", 8000, 1)
    assert one.to(330 * S).story("failsafe") == [(310 * S, "failsafe", 1, 6_000), (320 * S, "failsafe", 0, 16_000)]
    assert one.box.pulse.offered_ma == 16_000


def test_a_failsafe_of_0_seconds_never_comes():
    assert failsafe(failsafe_us=0).to(HOUR).story("failsafe") == []


def test_a_failsafe_current_of_0_stops_the_car():
    one = failsafe(failsafe_ma=0).to(100 * S)
    assert one.story("failsafe") == [(60 * S, "failsafe", 1, 0)]
    assert (one.box.pilot, one.box.contactor.closed) == (Pilot.B, False)


def test_the_end_of_failsafe_tells_what_holds_again():
    one = failsafe(boot_enable=False).to(100 * S)
    one.device().read("holding", 8093, 1)
    assert one.story("failsafe")[-1] == (100 * S, "failsafe", 0, 0)


def test_failsafe_lets_a_stopped_box_charge():
    for profile in ("on-top", "overwrite"):
        one = failsafe(boot_enable=False, profile=profile).to(100 * S)
        assert one.box.pulse.offered_ma == 6_000


def test_on_top_of_an_old_limit_failsafe_goes_as_it_came():
    one = failsafe(profile="on-top", boot_limit_ma=10_000).to(100 * S)
    one.device().read("holding", 8093, 1)
    one.to(120 * S)
    assert (one.box.limit_ma, one.box.enable, one.box.pulse.offered_ma) == (10_000, True, 10_000)
    assert one.story("limit") == []


def test_a_write_that_ends_failsafe_holds_and_the_old_limit_never_comes_back():
    one = failsafe(profile="on-top", boot_limit_ma=16_000).to(100 * S)
    write(one, 100 * S, 6_000).to(120 * S)
    assert one.box.pulse.offered_ma == 6_000
    assert [entry for entry in since(one, 99 * S, "offer") if entry[-1] > 6_000] == []


def test_a_read_that_ends_failsafe_wakes_the_old_limit_after_the_write_latency():
    one = failsafe(profile="on-top", boot_limit_ma=16_000, write_latency_us=200_000).to(100 * S)
    one.device().read("holding", 8093, 1)
    write(one.to(100 * S + 200_000), 100 * S + 200_000, 6_000)
    assert since(one.to(120 * S), 99 * S, "offer") == [
        (100 * S + 200_000, "offer", 16_000),
        (105 * S + 200_000, "offer", 6_000),
    ]


def test_failsafe_that_overwrites_stays_until_the_limit_is_written():
    one = failsafe(profile="overwrite").to(100 * S)
    assert one.story("limit") == [(60 * S, "limit", 6_000, 1)]
    one.device().read("holding", 8093, 1)
    one.to(120 * S)
    assert (one.box.idle.on, one.box.limit_ma, one.box.pulse.offered_ma) == (False, 6_000, 6_000)
    write(one, 120 * S, limit_ma=12_000).to(130 * S)
    assert one.box.pulse.offered_ma == 12_000


def test_failsafe_that_overwrites_with_0_disables():
    one = failsafe(profile="overwrite", failsafe_ma=0).to(100 * S)
    one.device().read("holding", 8093, 1)
    one.to(120 * S)
    assert (one.box.limit_ma, one.box.enable, one.box.pilot) == (16_000, False, Pilot.B)


def test_a_write_under_way_when_failsafe_overwrites_is_lost():
    one = failsafe(profile="overwrite", write_latency_us=90 * S)
    write(one, 0, limit_ma=10_000).to(80 * S)
    assert one.box.limit_ma == 6_000
    assert one.to(120 * S).box.pulse.offered_ma == 6_000


def test_a_failsafe_above_the_model_is_the_model():
    one = failsafe(failsafe_ma=32_000, boot_limit_ma=6_000).to(100 * S)
    assert one.box.pulse.offered_ma == 16_000


def test_a_new_duration_counts_from_its_own_write():
    one = failsafe(failsafe_us=300 * S)
    one.to(100 * S).device().write("holding", 8083, [0, 30])
    assert one.to(200 * S).story("failsafe") == [(130 * S, "failsafe", 1, 6_000)]


# -- restart ---------------------------------------------------------------------------------------------------------


def restarted(at_us=60 * S, **changes):
    one = one_box(**{"boot_limit_ma": 10_000, **changes}).to(at_us)
    one.box.restart(at_us)
    one.world._arm_all()
    return one


def test_a_restart_opens_under_load_is_deaf_and_begins_with_the_def_registers():
    one = one_box(boot_limit_ma=10_000)
    write(one, 40 * S, limit_ma=16_000).to(60 * S)
    one.box.restart(60 * S)
    one.world._arm_all()
    assert one.world.reach("box").mute
    assert one.box.pilot is Pilot.E
    one.to(120 * S)
    assert since(one, 60 * S) == [
        (60 * S, "contactor", 0, 16_000),
        (60 * S, "draw", 0, 0),
        (60 * S, "offer", 0),
        (60 * S, "state", "C", "E"),
        (80 * S, "boot", 1),
        (80 * S, "limit", 10_000, 1),
        (80 * S, "offer", 10_000),
        (80 * S, "state", "E", "B"),
        (86 * S, "contactor", 1, 0),
        (86 * S, "state", "B", "C"),
        (88_500_000, "draw", 10_000, 3),
    ]
    assert not one.world.reach("box").mute
    assert (one.box.restarts, one.box.contactor.loaded_openings) == (1, 1)


def test_a_restart_takes_the_idle_time_from_power_on():
    one = restarted(60_500_000, failsafe_us=300 * S)
    assert one.to(HOUR).story("failsafe") == [(360_500_000, "failsafe", 1, 6_000)]


def test_a_restart_ends_failsafe():
    one = one_box(failsafe_us=60 * S).to(70 * S)
    assert one.box.idle.on
    one.box.restart(70 * S)
    one.world._arm_all()
    one.to(129 * S)
    assert (one.box.idle.on, one.box.pulse.offered_ma) == (False, 16_000)


def test_a_restart_forgets_writes_under_way():
    one = write(one_box(write_latency_us=90 * S), 50 * S, limit_ma=6_000).to(55 * S)
    one.box.restart(55 * S)
    one.world._arm_all()
    assert one.to(HOUR).box.pulse.offered_ma == 16_000


def test_boot_registers_decide_what_a_restarted_box_does():
    one = one_box()
    one.to(40 * S).device().write("holding", 8080, [130, 80, 1])
    one.box.restart(60 * S)
    one.world._arm_all()
    one.to(90 * S)
    assert (one.box.fixed_ma, one.box.limit_ma, one.box.pulse.offered_ma) == (13_000, 8_000, 8_000)
    one.device().write("holding", 8082, [0])
    one.box.restart(100 * S)
    one.world._arm_all()
    assert one.to(HOUR).box.enable is False
    assert one.box.restarts == 2


def test_a_restart_within_a_restart_begins_it_anew():
    one = restarted()
    one.to(70 * S).box.restart(70 * S)
    one.world._arm_all()
    assert one.to(HOUR).story("boot") == [(90 * S, "boot", 2)]


def test_a_car_may_come_and_go_while_a_box_boots():
    one = one_box([car_spec(plugs_us=65 * S, leaves_us=70 * S), car_spec("late", plugs_us=75 * S)]).to(60 * S)
    one.box.restart(60 * S)
    one.world._arm_all()
    assert one.to(120 * S).story("state") == [
        (60 * S, "state", "A", "E"),
        (80 * S, "state", "E", "B"),
        (86 * S, "state", "B", "C"),
    ]


def test_the_boot_time_may_be_told():
    one = one_box().to(60 * S)
    one.box.restart(60 * S, 3 * S)
    one.world._arm_all()
    assert one.to(HOUR).story("boot") == [(63 * S, "boot", 1)]

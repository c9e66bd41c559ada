"""S0: pulses from real energy, power from pulses, currents from power."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from chargebench.datasheets.codec import decode
from chargebench.datasheets.load import load
from chargebench.emulator.device import Refused
from chargebench.emulator.devices.s0 import Count, PulseMeter
from chargebench.emulator.flow import CHARGE2_MV_PER_WH, ZERO, Flow
from chargebench.emulator.meter import Source
from chargebench.emulator.spec import FaultSpec
from tests.emulator.worlds import HOUR, Bench, S, box_spec, car_spec, s0_spec

SHEET = load("power-brain-s0")
MV = 230_000
NA = 1_000_000


class Input:
    """An S0 input at a place whose current the test sets; ``device`` reads at the time last set."""

    def __init__(self, **changes):
        self.bench = Bench([box_spec()], [], [s0_spec(**changes)])
        self.flow = self.bench.box.flow
        self.device = self.bench.device("s0")

    def draw(self, at_us, *ma):
        self.bench.to(at_us)
        self.flow.set(at_us, tuple(one * NA for one in (*ma, 0, 0)[:3]), ZERO)
        return self

    def to(self, at_us):
        self.bench.to(at_us)
        return self

    def value(self, name):
        register = SHEET.register(name)
        return decode(register, self.device.read("holding", register.at, register.count))

    def values(self, *names):
        return tuple(self.value(name) for name in names)


def pulse_meter(flow, wiring=(0, 1, 2), **changes):
    return PulseMeter(s0_spec(wiring=wiring, **changes), Source(flow, MV, (0, 1, 2), lambda *_: False))


# -- pulses ----------------------------------------------------------------------------------------------------------


def test_a_kilowatt_hour_makes_its_pulses():
    one = Input(pulses_per_kwh=2000, interval_us=1).draw(0, 10_000, 10_000, 10_000).to(HOUR)
    assert one.values("pulses", "energy") == (13_800, 6900)


@pytest.mark.parametrize(("ppk", "pulses"), [(1000, 6900), (500, 3450), (10_000, 69_000)])
def test_pulses_follow_the_energy_of_all_wired_conductors(ppk, pulses):
    flow = Flow()
    flow.set(0, (10_000 * NA,) * 3, ZERO)
    assert pulse_meter(flow, pulses_per_kwh=ppk).count(HOUR).pulses == pulses
    assert pulse_meter(flow, wiring=(1,), pulses_per_kwh=ppk).count(HOUR).pulses == pulses // 3


def test_a_pulse_begins_at_the_first_microsecond_with_its_energy():
    flow = Flow()
    flow.set(0, (16_000 * NA, 0, 0), ZERO)  # 3680 W: 1 Wh in 978,260.87 us
    one = pulse_meter(flow)
    assert one.count(978_260) == Count()
    assert one.count(978_261) == Count(1, 978_261, None)
    assert one.count(1_956_521).pulses == 1
    assert one.count(10 * S) == Count(10, 9_782_609, 978_261)


def test_intervals_reach_over_changes_of_the_current():
    flow = Flow()
    one = pulse_meter(flow)
    flow.set(0, (16_000 * NA, 0, 0), ZERO)
    flow.set(S, (8_000 * NA, 0, 0), ZERO)  # 21,739 us past the first pulse: the second takes twice the rest
    both = Count(2, 2_913_044, 2_913_044 - 978_261)
    assert one.count(3 * S) == both
    flow.set(3 * S, ZERO, ZERO)
    assert one.count(HOUR) == both


def test_a_ramp_makes_its_pulses_closer_and_closer():
    flow = Flow()
    flow.set(0, ZERO, (4_000, 0, 0))
    count = pulse_meter(flow).count(4 * S)
    whole = flow.charge2(4 * S)[0] * MV * 1000 // (CHARGE2_MV_PER_WH * 1000)
    assert count.pulses == whole == 2
    assert count.last_us == 3_956_283  # 2 Wh = 230 V * 2 A/s * t^2, rounded up to a whole us


@given(
    st.lists(st.tuples(st.integers(1, 5 * S), st.integers(0, 32_000), st.integers(0, 4_000)), min_size=1, max_size=6),
    st.lists(st.integers(1, 10 * S), max_size=4),
    st.sampled_from([100, 1000, 10_000]),
)
def test_counting_does_not_depend_on_who_looked_or_where_a_piece_was_cut(pieces, cuts, ppk):
    def run(looks):
        flow = Flow()
        one = pulse_meter(flow, pulses_per_kwh=ppk)
        at = 0
        for span, ma, rate in pieces:
            flow.set(at, (ma * NA, 0, ma * NA), (rate, 0, 0))
            for look in looks:
                if look < span:
                    one.count(at + look)
                    if look % 2:
                        flow.cut(at + look)
            at += span
        return one.count(at), flow.charge2(at)

    count, charge2 = run([])
    assert run(sorted(cuts)) == (count, charge2)
    assert count.pulses == sum(charge2) * MV * ppk // (CHARGE2_MV_PER_WH * 1000)


# -- what a Power Brain makes of it ----------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("device_id", 0x101),
        ("slave_id", 2),
        ("serial_no", "W00-0000"),
        ("pulses_per_kwh", 1000),
        ("phases", 7),
        ("voltage_l1", 230_000),
        ("pulses", 0),
        ("time_per_pulse", 0),
        ("level", 1),
        ("meter_flags", 0),
        ("energy", 0),
        ("power", -1),
        ("current_l1", 0),
        ("count_restart", 0),
    ],
)
def test_a_fresh_input_shows_that_it_knows_nothing(name, expected):
    assert Input().value(name) == expected


def test_power_comes_from_the_time_between_two_pulses():
    one = Input(interval_us=1).draw(0, 16_000)
    assert one.to(978_261).values("power", "pulses", "level") == (-1, 1, 0)
    assert one.to(978_261 + 50_000).value("level") == 1
    assert one.to(1_956_522).values("power", "time_per_pulse") == (3_600_000 // 978, 978)
    assert one.values("current_l1", "current_l2") == (5_300, 5_300)


def test_a_device_of_2698_w_on_three_phases_shows_3_9_a():
    one = Input().draw(0, 3_911, 3_910, 3_910).to(60 * S)
    assert one.values("power", "current_l1", "current_l2", "current_l3") == (2698, 3_900, 3_900, 3_900)


def test_power_falls_while_the_next_pulse_stays_away_and_is_0_after_120_s():
    one = Input(interval_us=1).draw(0, 16_000).to(1_956_522)
    last = 1_956_522
    one.draw(last, 0)
    assert one.to(last + 978_000).value("power") == 3680
    assert one.to(last + 2 * S).value("power") == 1800
    assert one.to(last + 100 * S).value("power") == 36
    assert one.to(last + 120 * S - 1).value("power") == 30
    assert one.to(last + 120 * S).values("power", "current_l1", "time_per_pulse") == (0, 0, 978)


def test_the_first_pulse_after_a_long_pause_gives_a_long_interval():
    one = Input(interval_us=1).draw(0, 16_000).draw(2 * S, 0).draw(1000 * S, 16_000)
    assert one.to(1002 * S).value("power") == 3_600_000_000_000 // (1000 * 978_000)


@pytest.mark.parametrize(
    ("mask", "currents"), [(1, (16_000, 0, 0)), (2, (0, 16_000, 0)), (6, (0, 8_000, 8_000)), (7, (5_300,) * 3)]
)
def test_currents_go_to_the_phases_of_the_mask(mask, currents):
    one = Input().draw(0, 16_000).to(60 * S)
    one.device.write("holding", 8044, [mask])
    assert one.values("current_l1", "current_l2", "current_l3") == currents


def test_currents_divide_by_the_nominal_voltages():
    one = Input().draw(0, 16_000).to(60 * S)
    one.device.write("holding", 8044, [3, 240, 220, 0])
    assert one.values("current_l1", "current_l2") == (3681 * 10_000 // 460_000 * 100,) * 2
    one.device.write("holding", 8044, [4])
    assert one.value("current_l3") == 0  # no voltage, no answer


def test_what_is_shown_is_that_of_the_last_instant_of_the_grid():
    one = Input(interval_us=10 * S, offset_us=3 * S).draw(0, 16_000)
    assert one.to(13 * S - 1).value("pulses") == 3
    names = ("pulses", "power", "time_per_pulse", "level")
    shown = [one.to(at).values(*names) for at in (13 * S, 15 * S)]
    one.draw(20 * S, 0)
    shown.append(one.to(23 * S - 1).values(*names))
    assert shown == [(13, 3680, 978, 1)] * 3


def test_a_preset_counts_on_from_its_value():
    one = Input().draw(0, 16_000).to(60 * S + 400_000)
    one.device.write("holding", 8050, [0, 0, 1, 0])
    one.device.write("holding", 8058, [0, 0, 0, 5000])
    assert one.values("pulses", "energy") == (65_536, 5000)
    assert one.to(61 * S).values("pulses", "energy") == (65_537, 5001)
    assert one.to(71 * S).values("pulses", "energy") == (65_547, 5011)


def test_a_preset_between_two_samples_never_counts_backwards():
    one = Input(interval_us=30 * S).draw(0, 16_000).to(59 * S)
    one.device.write("holding", 8050, [0, 0, 0, 100])
    assert one.value("pulses") == 100
    assert one.to(60 * S).value("pulses") == 101


def test_resets_take_a_1_and_read_0():
    one = Input().draw(0, 16_000).to(60 * S)
    assert one.values("pulses", "energy") == (61, 61)
    assert one.device.read("holding", 8070, 2) == [0, 0]
    with pytest.raises(Refused):
        one.device.write("holding", 8070, [0])
    one.device.write("holding", 8070, [1])
    assert one.values("pulses", "energy") == (0, 61)
    one.device.write("holding", 8071, [1])
    assert one.values("pulses", "energy") == (0, 0)
    assert one.device.flash_writes == 2


def test_a_wrong_belief_about_the_meter_makes_wrong_power_and_energy():
    one = Input().draw(0, 16_000).to(60 * S)
    one.device.write("holding", 8042, [0, 500])
    assert one.values("energy", "power") == (61, 3_600_000_000 // (500 * 978))
    assert one.to(70 * S).values("pulses", "energy") == (71, 61 + 20)


def test_no_belief_makes_a_power_that_the_register_cannot_hold():
    one = Input(pulses_per_kwh=100_000_000).draw(0, 32_000, 32_000, 32_000).to(60 * S)
    one.device.write("holding", 8042, [0, 1])
    assert one.value("power") == 2**31 - 1


@pytest.mark.parametrize(
    ("wiring", "box_wiring", "mask"), [((0,), (0, 1, 2), 1), ((0, 1, 2), (2,), 1), ((0, 1), (0, 1, 2), 3)]
)
def test_the_mask_begins_with_what_is_wired(wiring, box_wiring, mask):
    bench = Bench([box_spec(wiring=box_wiring)], [], [s0_spec(wiring=wiring)])
    assert bench.device("s0").read("holding", 8044, 1) == [mask]


def test_an_access_to_an_s0_input_does_not_feed_the_watchdog_of_the_box():
    bench = Bench([box_spec(failsafe_us=60 * S)], [], [s0_spec()]).to(50 * S)
    bench.device("s0").read("holding", 8062, 2)
    bench.device("s0").write("holding", 8044, [1])
    assert bench.to(70 * S).story("failsafe") == [(60 * S, "failsafe", 1, 6_000)]
    assert bench.story("write") == [(50 * S, "write", "phases", 1)]


def test_a_frozen_input_goes_on_with_its_last_count():
    bench = Bench([box_spec()], [car_spec(plugs_us=0)], [s0_spec()], faults=[FaultSpec("frozen", "s0", 60 * S, 30 * S)])
    read = bench.device("s0").read
    before = bench.to(60 * S).device("s0").read("holding", 8050, 16)
    assert bench.to(89 * S).device("s0").read("holding", 8050, 16) == before
    bench.to(90 * S)
    assert read("holding", 8050, 16) != before


def test_pulses_of_a_car_are_its_energy():
    bench = Bench([box_spec()], [car_spec(wanted_wh=3_000, leaves_us=HOUR)], [s0_spec()]).to(HOUR)
    pulses = decode(SHEET.register("pulses"), bench.device("s0").read("holding", 8050, 4))
    assert pulses == bench.car.energy_wh(HOUR) >= 3_000


@pytest.mark.parametrize("changes", [{"pulses_per_kwh": 0}, {"wiring": (4,)}])
def test_an_input_that_cannot_be_is_refused_by_name(changes):
    with pytest.raises(ValueError, match="meter s0: "):
        Input(**changes)

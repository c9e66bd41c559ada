"""Failsafe and blackout sums: the one proof that survives a dead master, and what would make it hold."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from chargebench.datasheets.quantity import show
from tests.scenarios.sites import dangers, findings, internal, power, slave, text
from tests.strategies import examples

ORACLES = [
    # connection, slaves, the largest equal current that is safe with 21 A of house on each phase
    (50, 3, "7.2 A"),
    (63, 3, "10.5 A"),
    (63, 5, "7 A"),
    (63, 13, None),
    (100, 3, "19.7 A"),
    (100, 5, "13.1 A"),
    (100, 13, None),
    (35, 3, None),
    (35, 1, "7 A"),
]


def failsafe(current, boot="boot: {enable: off}"):
    return f"maximum: 32 A, failsafe: {{after: 180 s, current: {current}}}, {boot}"


def boots(limit):
    return f"maximum: 32 A, failsafe: {{after: 180 s, current: 0 A}}, boot: {{limit: {limit}}}"


def site(amps, slaves, more):
    return text(
        f"{power(amps)}, house_max: 21 A, fuse: {{rating: {amps} A, curve: gG}}",
        internal(more),
        *(slave(k, more) for k in range(1, slaves + 1)),
    )


@pytest.mark.parametrize(("amps", "slaves", "safe"), ORACLES)
def test_the_largest_equal_failsafe_current_is_named_or_that_there_is_none(amps, slaves, safe):
    whole = site(amps, slaves, failsafe("32 A"))
    (found,) = dangers(whole)
    assert (found.severity, found.field) == ("danger", "evses[0].failsafe.current")
    column = whole.splitlines()[2].index("current: ") + len("current: ") + 1
    assert found.where == f"site.yaml:3:{column}"
    assert found.right == (safe or "0 A")
    assert f"up to {32 * (slaves + 1) + 21} A can flow on L1" in found.sentence
    assert f"and the limit is {amps} A" in found.sentence
    tail = f"safe is {safe}" if safe else "no failsafe current is safe but 0 A, which stops charging"
    assert found.sentence.endswith(tail)


@pytest.mark.parametrize(("amps", "slaves", "safe"), ORACLES)
def test_the_named_failsafe_current_is_safe_and_a_step_more_is_not(amps, slaves, safe):
    assert dangers(site(amps, slaves, failsafe(safe or "0 A"))) == []
    more = f"{float(safe.split()[0]) + 0.1:.1f} A" if safe else "6 A"
    (found,) = dangers(site(amps, slaves, failsafe(more)))
    assert found.field.endswith("failsafe.current")


@pytest.mark.parametrize(("amps", "slaves", "safe"), ORACLES)
def test_the_same_holds_after_a_blackout(amps, slaves, safe):
    (found,) = dangers(site(amps, slaves, boots("32 A")))
    assert (found.field, found.right) == ("evses[0].boot.limit", safe or "{enable: off}")
    assert "after a blackout, until the master is up" in found.sentence
    assert dangers(site(amps, slaves, boots(safe) if safe else failsafe("0 A"))) == []


def test_a_site_that_says_nothing_is_counted_at_its_worst():
    whole = text(f"{power(40)}, house_max: 10 A", internal("maximum: 10 A"), slave(1, "maximum: 10 A"))
    failsafe_found, boot_found = dangers(whole)
    assert failsafe_found.field == "evses[0].failsafe.current"
    assert failsafe_found.where == "site.yaml:3:5"  # the box, since it has no failsafe to point at
    assert "up to 42 A can flow on L1 (boxes 32 A, the house 10 A)" in failsafe_found.sentence  # a model carries 16 A
    assert "internal says no failsafe, so its maximum counts" in failsafe_found.sentence
    assert failsafe_found.right == "10 A"
    assert "internal says no boot limit, so its maximum counts" in boot_found.sentence


def test_a_failsafe_that_never_comes_is_none():
    never = "failsafe: {after: 0 s, current: 0 A}, boot: {enable: off}"
    (found,) = dangers(text(f"{power(20)}, house_max: 10 A", internal(never)))
    assert found.field == "evses[0].failsafe.after"
    assert "the failsafe of internal never comes" in found.sentence


def test_a_boot_limit_counts_only_where_the_box_starts_enabled():
    off = "failsafe: {after: 180 s, current: 0 A}, boot: {limit: 16 A, enable: off}"
    assert dangers(text(f"{power(20)}, house_max: 10 A", internal(off))) == []
    (found,) = dangers(text(f"{power(20)}, house_max: 10 A", internal(off.replace("off", "on"))))
    assert (found.field, found.right) == ("evses[0].boot.limit", "10 A")


def test_phases_are_counted_as_they_are_wired():
    one = f"phases: L2, {failsafe('16 A')}"
    whole = text(
        f"{power(40)}, house_max: 10 A", internal(one), slave(1, one), slave(2, f"phases: L1, {failsafe('16 A')}")
    )
    (found,) = dangers(whole)
    assert "up to 42 A can flow on L2 (boxes 32 A, the house 10 A)" in found.sentence
    assert found.right == "15 A"
    turned = whole.replace('4701", phases: L2', '4701", phases: L3')
    assert dangers(turned) == []


def test_the_supply_of_the_boxes_is_a_limit_of_its_own_without_the_house():
    (found,) = dangers(
        text(
            f"{power(63)}, max_total_evse_power: 13.8 kW, house_max: 10 A",
            internal(failsafe("12 A")),
            slave(1, failsafe("12 A")),
        )
    )
    assert "up to 24 A can flow on L1 of the boxes' supply (boxes 24 A), and the limit is 20 A" in found.sentence
    assert found.right == "10 A"


def test_not_even_nothing_is_enough_where_the_house_alone_is_too_much():
    house, sum_, blackout = dangers(text(f"{power(20)}, house_max: 25 A", internal()))
    assert (house.field, house.right) == ("connection.house_max", "20 A")
    assert sum_.sentence.endswith("not even 0 A is enough")
    assert blackout.sentence.endswith("not even boot: {enable: off} is enough")
    assert (sum_.right, blackout.right) == ("", "")


PHASES = st.permutations(["L1", "L2", "L3"])
AMPS = st.integers(0, 320).map(lambda tenths: 100 * tenths)


@st.composite
def parks(draw):
    """(limit, house, boxes): a box is its phases, maximum, failsafe (None, or after s and mA) and boot (None, mA, on)."""
    boxes = []
    for _ in range(draw(st.integers(1, 8))):
        phases = draw(PHASES)[: draw(st.integers(1, 3))]
        failsafe_ = draw(st.one_of(st.none(), st.tuples(st.sampled_from([0, 180, 300]), AMPS)))
        boot = draw(st.one_of(st.none(), st.tuples(AMPS, st.booleans())))
        boxes.append((phases, draw(st.sampled_from([16, 32])), failsafe_, boot))
    return draw(st.integers(20, 250)), draw(st.integers(0, 40)), boxes


def written(limit, house, boxes):
    lines = []
    for k, (phases, maximum, failsafe_, boot) in enumerate(boxes, 1):
        more = f"phases: {' '.join(phases)}, maximum: {maximum} A"
        if failsafe_ is not None:
            more += f", failsafe: {{after: {failsafe_[0]} s, current: {show(failsafe_[1], 'mA')}}}"
        if boot is not None:
            more += f", boot: {{limit: {show(boot[0], 'mA')}, enable: {'on' if boot[1] else 'off'}}}"
        lines.append(slave(k, more))
    return text(f"{power(limit)}, house_max: {house} A", *lines)


def after_silence(maximum, failsafe_):
    return failsafe_[1] if failsafe_ is not None and failsafe_[0] else 1000 * maximum


def after_blackout(maximum, boot):
    if boot is None:
        return 1000 * maximum
    return boot[0] if boot[1] else 0


def fits(limit, house, boxes, draw_of):
    return all(
        1000 * house + sum(draw_of(box) for box in boxes if phase in box[0]) <= 1000 * limit
        for phase in ("L1", "L2", "L3")
    )


@examples(60)
@given(parks())
def test_a_site_passes_if_and_only_if_its_sums_fit_on_every_phase(park):
    limit, house, boxes = park
    fields = [one.field for one in dangers(written(*park))]
    assert any(".failsafe." in one for one in fields) != fits(
        limit, house, boxes, lambda box: after_silence(box[1], box[2])
    )
    assert any(".boot" in one for one in fields) != fits(
        limit, house, boxes, lambda box: after_blackout(box[1], box[3])
    )


@examples(60)
@given(parks())
def test_what_check_says_would_be_right_is_right(park):
    limit, house, boxes = park
    found = next((one for one in dangers(written(*park)) if ".failsafe." in one.field), None)
    if found is None or not found.right:
        return
    right_ma = round(float(found.right.split()[0]) * 1000)
    mended = [(phases, maximum, (180, right_ma), boot) for phases, maximum, _, boot in boxes]
    assert fits(limit, house, mended, lambda box: box[2][1])
    assert [one for one in dangers(written(limit, house, mended)) if ".failsafe." in one.field] == []
    above = [(phases, maximum, (180, max(right_ma + 100, 6000)), boot) for phases, maximum, _, boot in boxes]
    largest = right_ma == 1000 * min(maximum for _, maximum, _, _ in boxes)
    assert largest or not fits(limit, house, above, lambda box: box[2][1])


def test_a_site_that_only_observes_is_told_so_and_proved_nothing():
    (found,) = findings(
        text(f"{power(20)}, house_max: 10 A", internal("maximum: 16 A"), more="load_management: observation\n")
    )
    assert (found.severity, found.field, found.where) == ("note", "load_management", "site.yaml:4:18")
    assert "where nobody else manages the boxes, up to 26 A can flow on L1" in found.sentence

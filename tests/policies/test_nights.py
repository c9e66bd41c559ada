"""The nights by which policies are compared: what they promise, what the bound is worth, and that the page is the one they make."""

from __future__ import annotations

import re
from xml.etree import ElementTree as ET

import pytest

from chargebench.manager.site import POLICIES
from docs.pictures import policies as picture
from tests.bench import policies
from tests.bench.bound import bound_wh
from tests.bench.nights import HOUR_US, LIMIT_MA, Visit, Yard, night
from tests.house.rules import ROOT

SAFE = tuple(policy for policy in POLICIES if policy not in {"none", "original"})
ALL = (0, 1, 2)


@pytest.fixture(scope="module")
def one_night():
    visits = night(7)
    return visits, {policy: Yard(visits, policy).run() for policy in POLICIES}


@pytest.mark.slow
@pytest.mark.parametrize("policy", POLICIES)
def test_nobody_gets_more_than_it_wants_or_could_take(one_night, policy):
    visits, found = one_night
    got = found[policy].energies_wh
    assert all(0 <= wh <= visit.alone_wh() + 1 for wh, visit in zip(got, visits, strict=True))
    assert sum(found[policy].starts) >= sum(wh > 0 for wh in got)


@pytest.mark.slow
@pytest.mark.parametrize("policy", SAFE)
def test_a_policy_never_carries_more_than_25_a_and_stays_below_the_bound(one_night, policy):
    visits, found = one_night
    assert found[policy].over_us == 0
    assert 0.6 * bound_wh(visits) < sum(found[policy].energies_wh) <= bound_wh(visits) + len(visits)


@pytest.mark.slow
def test_without_management_the_same_cars_are_too_many(one_night):
    assert one_night[1]["none"].over_us > HOUR_US


@pytest.mark.slow
def test_every_policy_gives_something_else(one_night):
    assert len({found.energies_wh for found in one_night[1].values()}) == len(POLICIES)


def test_a_night_is_the_same_every_time_and_another_one_is_another():
    assert night(3) == night(3) != night(4)


@pytest.mark.parametrize(
    ("visits", "kwh"),
    [
        ([Visit(0, 2 * HOUR_US, ALL, 16_000, 90_000)], 22.08),  # its charger binds
        ([Visit(0, 2 * HOUR_US, ALL, 16_000, 5_000)], 5),  # what it wants binds
        ([Visit(0, 2 * HOUR_US, ALL, 16_000, 90_000)] * 2, 34.5),  # the connection binds
        ([Visit(0, HOUR_US, (0,), 16_000, 90_000), Visit(HOUR_US, 2 * HOUR_US, (0,), 16_000, 90_000)], 7.36),
        ([Visit(0, HOUR_US, (0,), 16_000, 90_000), Visit(0, HOUR_US, ALL, 16_000, 90_000)], 11.04 + 9 * 0.23),
    ],
)
def test_the_bound_is_what_charger_wish_connection_and_stay_allow(visits, kwh):
    assert bound_wh(visits) == pytest.approx(1000 * kwh, rel=1e-4)


def test_a_bound_grows_with_the_connection():
    visits = night(1)
    assert bound_wh(visits, LIMIT_MA // 2) < bound_wh(visits) <= bound_wh(visits, 2 * LIMIT_MA)


# -- the page ---------------------------------------------------------------------------------


def rows(nights=2):
    return [
        policies.Row(policy, 0.9 - place / 10, 0.8, 0.5, 50, 3.0 if policy == "none" else 0.0)
        for _ in range(nights)
        for place, policy in enumerate(POLICIES)
    ]


def test_the_page_in_docs_is_the_one_that_is_made_but_for_its_figures():
    def told(text):
        return [line for line in text.splitlines() if not re.match(r"\| `[a-z-]+` \| [0-9]", line)]

    written = policies.PAGE.read_text(encoding="utf-8")
    nights = re.search(r"^(\d+) random nights", written, re.MULTILINE)
    assert nights is not None
    assert told(written) == told(policies.page(rows(), int(nights[1]))), "measure anew: nox -s policies"
    assert set(re.findall(r"^\| `([a-z-]+)` \| [0-9]", written, re.MULTILINE)) == {*POLICIES}


def test_who_breaks_the_limit_stands_last_in_the_table():
    lines = policies.table(rows())
    assert [line.split("`")[1] for line in lines[2:]] == [*(one for one in POLICIES if one != "none"), "none"]
    assert lines[-1].endswith("| 3.0 min |")
    assert all(line.endswith("| never |") for line in lines[2:-1])


def test_the_picture_needs_nothing_but_itself_and_every_look_has_a_style():
    for text in (picture.draw(rows()), (ROOT / "docs" / "policies.svg").read_text(encoding="utf-8")):
        root = ET.fromstring(text)
        used = {look for element in root.iter() for look in element.get("class", "").split()} - {"name"}
        assert used == set(re.findall(r"\.([a-z][a-z0-9-]*)[{,]", picture.STYLE))
        assert not re.search(r"url\(|@import|@font-face|href|\bon\w+=", text)
        assert all(policy in text for policy in POLICIES)

"""Licences: three boxes of other makers are free, own ones always, and the order of the site decides."""

from __future__ import annotations

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from chargebench.datasheets.errors import BadFile
from chargebench.datasheets.forms import fill
from chargebench.datasheets.load import load
from chargebench.datasheets.yamlfile import parse_yaml
from chargebench.manager.licence import licensed, missing, surplus_slaves, third_party
from chargebench.manager.site import Box, TcpAddress
from chargebench.manager.site_file import SiteForm, build

OWN, T = False, True  # T: of another maker
PARKS = st.lists(st.booleans(), max_size=30)
SITE = """\
connection: {max_total_power: 34 kW}
LICENCES
evses:
  - {name: internal, device: power-brain}
"""


def box(k, internal=False):
    return Box(f"box{k}", "power-brain", TcpAddress("192.168.2.1", 4701), k, (0, 1, 2), internal)


@pytest.mark.parametrize(
    ("foreign", "licences", "allowed"),
    [
        ([], 0, ()),
        ([OWN] * 30, 0, (True,) * 30),
        ([T, T, T], 0, (True, True, True)),
        ([OWN, T, T, T, T], 0, (True, True, True, True, False)),
        ([OWN, T, T, T, T], 1, (True,) * 5),
        ([T, T, T, T, OWN, T], 1, (True, True, True, True, True, False)),
        ([T] * 25, 22, (True,) * 25),
        ([T] * 25, 21, (True,) * 24 + (False,)),
    ],
)
def test_the_first_three_boxes_of_other_makers_are_free_and_each_further_one_takes_a_licence(
    foreign, licences, allowed
):
    assert licensed(foreign, licences) == allowed
    assert missing(foreign, licences) == allowed.count(False)


@given(PARKS, st.integers(0, 30))
def test_a_licence_more_admits_the_next_box_and_changes_no_other(foreign, licences):
    before, after = licensed(foreign, licences), licensed(foreign, licences + 1)
    gained = [k for k, (one, two) in enumerate(zip(before, after, strict=True)) if one != two]
    assert gained == [k for k, one in enumerate(before) if not one][:1]
    assert licensed(foreign, licences + missing(foreign, licences)) == (True,) * len(foreign)


@given(PARKS, PARKS, st.integers(0, 30))
def test_a_box_further_down_never_takes_the_licence_of_one_above(foreign, added, licences):
    assert licensed([*foreign, *added], licences)[: len(foreign)] == licensed(foreign, licences)


def test_a_box_is_own_or_not_by_the_maker_in_its_datasheet():
    sheet = load("power-brain")
    other = replace(sheet, maker="another")
    boxes = [box(1), replace(box(2), device="other")]
    assert third_party(boxes, {"power-brain": sheet, "other": other}.__getitem__) == (False, True)


def test_slaves_are_counted_without_the_internal_box():
    assert surplus_slaves([box(k) for k in range(25)]) == ()
    assert surplus_slaves([box(0, internal=True), *(box(k) for k in range(25))]) == ()
    assert surplus_slaves([box(0), box(1, internal=True), *(box(k) for k in range(26))]) == (26, 27)


@pytest.mark.parametrize(("line", "licences"), [("", 0), ("licences: 4", 4)])
def test_a_site_says_how_many_licences_it_has(line, licences):
    document = parse_yaml(SITE.replace("LICENCES\n", line and line + "\n"), "site.yaml")
    assert build(fill(SiteForm, document), document).licences == licences


@pytest.mark.parametrize("line", ["licences: -1", "licences: many", "licences: 1.5", "licences: 1000"])
def test_licences_that_are_no_number_are_refused_with_their_place(line):
    document = parse_yaml(SITE.replace("LICENCES", line), "site.yaml")
    with pytest.raises(BadFile, match=r"site.yaml:2:11: licences: expected"):
        fill(SiteForm, document)

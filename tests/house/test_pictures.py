"""The picture and the sample output of the first screen are those that the runs make today."""

from __future__ import annotations

import re
from itertools import pairwise
from xml.etree import ElementTree as ET

import pytest

from chargebench.scenarios.render import report
from docs.pictures import house_14kw
from docs.pictures.flows import watch
from tests.house.rules import ROOT

SVG = "{http://www.w3.org/2000/svg}"
ALONE, MANAGED = "without-load-management", "house-14kw"


@pytest.fixture(scope="module")
def managed():
    return watch(MANAGED)


@pytest.fixture(scope="module")
def alone(managed):
    return watch(ALONE, managed.scenario.duration_us)


@pytest.fixture(scope="module")
def drawn(alone, managed):
    return house_14kw.draw(alone, managed)


@pytest.mark.slow
class TestPicture:
    def test_picture_in_docs_is_the_one_that_the_runs_make(self, drawn):
        assert house_14kw.PICTURE.read_text(encoding="utf-8") == drawn, "draw it anew: nox -s pictures"

    def test_readme_shows_it(self):
        shown = re.findall(r"!\[.*?\]\((.*?)\)", (ROOT / "README.md").read_text(encoding="utf-8"))
        assert [ROOT / path for path in shown] == [house_14kw.PICTURE]

    def test_picture_needs_nothing_but_itself(self, drawn):
        root = ET.fromstring(drawn)
        tags = {element.tag.removeprefix(SVG) for element in root.iter()}
        assert tags <= {"svg", "title", "desc", "style", "rect", "path", "text"}
        assert not re.search(r"url\(|@import|@font-face|href|\bon\w+=", drawn)
        assert len(drawn.encode()) < 60_000

    def test_every_look_is_in_the_style_sheet_and_every_style_is_looked_like(self, drawn):
        root = ET.fromstring(drawn)
        used = {look for element in root.iter() for look in element.get("class", "").split()}
        assert used == set(re.findall(r"\.([a-z][a-z0-9-]*)[{,]", house_14kw.STYLE))

    def test_picture_names_the_instant_of_the_trip(self, alone, drawn):
        told = alone.scenario.clock.show(alone.tripped_us)
        assert f"{told} the main breaker opens" in drawn

    def test_picture_keeps_within_its_frame(self, drawn):
        root = ET.fromstring(drawn)
        for path in root.iter(f"{SVG}path"):
            points = re.findall(r"[ML](-?[\d.]+) (-?[\d.]+)", path.get("d", ""))
            assert all(0 <= float(x) <= house_14kw.WIDTH and 0 <= float(y) <= house_14kw.HEIGHT for x, y in points)

    @pytest.mark.parametrize("which", ["alone", "managed"])
    def test_house_and_boxes_add_up_to_what_the_connection_carried(self, which, request):
        night = request.getfixturevalue(which)
        spans = night.spans()
        assert spans[0].from_us == 0
        assert spans[-1].to_us == night.scenario.duration_us
        assert all(one.to_us == two.from_us for one, two in pairwise(spans))
        layers = 1 + len(night.boxes)
        for span in spans:
            middle_us = (span.from_us + span.to_us) // 2
            total = next(piece for piece in night.total if piece.from_us <= middle_us < piece.to_us)
            shown_ma = (sum(span.first) + sum(span.last)) / 2
            assert abs(total.at(middle_us) - shown_ma) <= 2 * layers  # each current is rounded down by itself

    def test_runs_that_are_drawn_are_those_that_are_shipped(self, alone, managed):
        assert managed.result.passed
        assert alone.tripped_us == watch(ALONE).tripped_us


def sample(readme: str) -> dict[str, list[str]]:
    """What README shows as the output of each command, without what it leaves out."""
    blocks = re.findall(r"^```text\n(.*?)^```", readme, re.DOTALL | re.MULTILINE)
    shown: dict[str, list[str]] = {}
    for line in "".join(blocks).splitlines():
        if line.startswith("$ "):
            shown[line.removeprefix("$ chargebench run ")] = []
        elif line and line != "…":
            shown[list(shown)[-1]].append(line)
    return shown


def missing(wanted: list[str], printed: list[str]) -> list[str]:
    """The lines of ``wanted`` that do not come, in their order, in ``printed``."""
    rest = iter(printed)
    return [line for line in wanted if line not in rest]


@pytest.mark.slow
@pytest.mark.parametrize("name", [ALONE, MANAGED])
def test_sample_output_of_readme_is_what_a_run_prints(name, managed):
    result = managed.result if name == MANAGED else watch(name).result
    wanted = sample((ROOT / "README.md").read_text(encoding="utf-8"))[name]
    assert len(wanted) > 3
    assert missing(wanted, report(result).splitlines()) == []


def test_line_that_is_not_printed_would_be_missed():
    shown = sample("```text\n$ chargebench run one\nfirst\n…\nthird\n```\n")
    assert shown == {"one": ["first", "third"]}
    assert missing(["first", "third"], ["first", "second", "third"]) == []
    assert missing(["third", "first"], ["first", "second", "third"]) == ["first"]

"""The page of a study: whole, by itself, and readable without its script; and the night beside it."""

from __future__ import annotations

import json
import re
from html.parser import HTMLParser

import pytest

from chargebench.scenarios.describe import read_scenario
from chargebench.scenarios.run import run
from chargebench.scenarios.whatif import night, report, sums, sweep
from chargebench.scenarios.whatif.answer import answers
from chargebench.scenarios.whatif.engine import Cell
from chargebench.scenarios.whatif.figures import Figures
from chargebench.scenarios.whatif.keep import Folder
from tests.whatif.studies import read


class Reader(HTMLParser):
    """Elements, ids and text of a page; script and style apart."""

    def __init__(self, text):
        super().__init__()
        self.tags, self.ids, self.labels, self.text, self.scripts = [], [], [], [], []
        self.within = ""
        self.feed(text)

    def handle_starttag(self, tag, attrs):
        given = dict(attrs)
        self.tags.append((tag, given))
        self.ids += [given["id"]] if "id" in given else []
        self.labels += (given.get("aria-labelledby") or given.get("aria-describedby") or "").split()
        self.within = tag if tag in {"script", "style"} else self.within

    def handle_endtag(self, tag):
        self.within = "" if tag == self.within else self.within

    def handle_data(self, data):
        (self.scripts if self.within == "script" else [] if self.within else self.text).append(data)


@pytest.fixture(scope="module")
def written(tmp_path_factory):
    """A study that has run: (its study, its folder, the page)."""
    folder = tmp_path_factory.mktemp("report")
    study = read(
        folder,
        ("how big a fuse for three boxes", "</script><b>how big & why"),
        ("for: 40 min", "for: 12 min"),
        ("06:30", "07:15"),
        ("seeds: 1-2", "seeds: [1]"),
    )
    found = list(sweep.here(study, sweep.cells(study, [5])))
    rows = sums.rows(study, found, {5: "there is <no> proof"})
    assert study.question is not None
    with Folder(folder / "kept", study) as kept:
        for one in found:
            kept.add(one)
        names = report.write(study, kept, found, rows, answers(study.question, rows))
    assert names == ["report.html", "worst-night.yaml"]
    return study, folder / "kept", (folder / "kept" / "report.html").read_text("utf-8")


def test_page_is_one_file_of_about_a_hundred_kilobytes_that_asks_for_nothing(written):
    page = Reader(written[2])
    assert len(written[2]) < 110_000
    asked = [given for tag, given in page.tags if tag in {"link", "img", "iframe"} or "src" in given]
    assert asked == [{"rel": "icon", "href": "data:,"}]
    assert not re.findall(
        r"url\(|@import|fetch\(|XMLHttpRequest|WebSocket", written[2].replace("uPlot 1.6.32, https", "")
    )
    assert "Leon Sorokin" in written[2]
    assert "Permission is hereby granted" in written[2]


def test_what_people_type_stays_text(written):
    page = Reader(written[2])
    assert "</script><b>how big & why" in page.text
    assert ("b", {}) not in page.tags
    assert not re.findall(r"@[A-Z_]+@", written[2])


def test_answers_grid_and_table_stand_in_the_page_without_its_script(written):
    study, _, text = written
    page = Reader(text)
    words = "".join(page.text)
    assert "with meters on: " in words
    assert [given["data-number"] for tag, given in page.tags if "data-number" in given] == ["0", "2", "4", "1", "3"]
    assert words.count("infeasible") == 2
    assert "there is <no> proof" in words
    assert all(one.text("connection.fuse") in words for one in study.variations)


def test_everything_that_can_be_operated_has_a_name(written):
    page = Reader(written[2])
    assert len(page.ids) == len(set(page.ids))
    assert set(page.labels) <= set(page.ids)
    assert all("aria-label" in given for tag, given in page.tags if tag == "button")
    assert [given.get("aria-pressed") for tag, given in page.tags if tag == "button"].count("true") == 1
    assert all("aria-labelledby" in given for tag, given in page.tags if "tabindex" in given)


def test_data_of_the_plots_are_shares_of_time_and_changes(written):
    study, _, text = written
    data = json.loads(next(one for one in Reader(text).scripts if one.startswith("{")))
    assert len(data["variations"]) == 6
    for one in data["variations"][:5]:
        for phase in one["duration"]:
            assert phase[0] == 10_000
            assert phase == sorted(phase, reverse=True)
            assert phase[-1] > 0
    times = [change[0] for change in data["night"]["changes"]]
    assert times == sorted(times)
    assert {change[1] for change in data["night"]["changes"]} <= {-1, *range(len(study.variations[0].base.site.boxes))}


def test_the_night_beside_the_page_gives_the_commands_that_the_page_names(written):
    _, folder, text = written
    result = run(read_scenario(folder / "worst-night.yaml"), tier="register")
    assert f"same commands ({result.commands_hash[:12]}…)" in text
    assert result.commands


def test_the_worst_night_is_the_one_that_missed_most():
    found = [
        Figures(0, 1, {}, missing_by_day_wh=(5, 9)),
        Figures(0, 2, {}, missing_by_day_wh=(11, 2)),
        Figures(0, 3, {}, missing_by_day_wh=(99,), failed="no"),
        Figures(1, 1, {}, missing_by_day_wh=(50, 50)),
    ]
    assert night.worst(found, 0) == (Cell(0, 2), 0)
    assert night.worst(found, 2) is None

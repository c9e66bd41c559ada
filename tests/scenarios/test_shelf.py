"""How a scenario is named: by its name, with its variant, or as a file."""

from __future__ import annotations

from pathlib import Path

import pytest

from chargebench.datasheets.errors import BadInput, UnknownName
from chargebench.scenarios.shelf import LIBRARY, find, names


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("house-14kw", (LIBRARY / "house-14kw.yaml", None, "house-14kw")),
        (
            "without-load-management/gg-25",
            (LIBRARY / "without-load-management.yaml", "gg-25", "without-load-management"),
        ),
        ("mine.yaml", (Path("mine.yaml"), None, "mine")),
        ("garage/mine.yml", (Path("garage/mine.yml"), None, "mine")),
        ("garage/mine.yaml/night", (Path("garage/mine.yaml"), "night", "mine")),
    ],
)
def test_a_scenario_is_found_by_every_way_to_name_it(text, found):
    assert find(text) == found


@pytest.mark.parametrize("text", ["", "house-14", "../house-14kw"])
def test_what_is_no_name_is_refused(text):
    with pytest.raises(UnknownName):
        find(text)


@pytest.mark.parametrize("text", ["house-14kw.txt", "/etc/passwd", "."])
def test_a_file_that_is_no_yaml_is_refused_with_the_reason(text):
    with pytest.raises(BadInput, match=r"expected the name of a shipped scenario, or a file that ends in \.yaml"):
        find(text)


def test_the_file_is_meant_where_only_its_ending_is_left_out(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    Path("mine.yaml").touch()
    with pytest.raises(UnknownName, match=r"unknown scenario 'mine'; did you mean mine\.yaml\?"):
        find("mine")


def test_names_are_sorted():
    assert names() == sorted(names())
    assert len(names()) >= 6

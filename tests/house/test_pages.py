"""The pages of the devices are those that their datasheets make today."""

from __future__ import annotations

import pytest

from chargebench.datasheets.load import load, names
from docs import pages


def test_there_is_a_page_for_each_device_and_no_other():
    assert sorted(path.name for path in pages.FOLDER.glob("*")) == sorted(
        [pages.INDEX, *(f"{name}.md" for name in names())]
    )


@pytest.mark.parametrize("name", [pages.INDEX, *(f"{name}.md" for name in names())])
def test_page_is_the_one_that_the_datasheet_makes(name):
    shown = (pages.FOLDER / name).read_text(encoding="utf-8")
    assert shown == pages.pages()[name], "make it anew: nox -s pages"


@pytest.mark.parametrize("name", names())
def test_page_names_every_register_and_every_table_is_whole(name):
    text = pages.pages()[f"{name}.md"]
    rows = [line.replace("\\|", "") for line in text.splitlines() if line.startswith("|")]
    about = [row for row in rows if row.count("|") == 3]
    registers = [row for row in rows if row.count("|") == 8]
    assert len(about) + len(registers) == len(rows)
    assert [row.split(" | ")[2].replace("\\", "") for row in registers[2:]] == [
        one.name for one in load(name).registers
    ]

"""The page of failures and planted bugs says what the tests hold."""

from __future__ import annotations

from tests.teeth.table import PAGE, bugs, page


def test_the_page_is_as_its_command_writes_it():
    assert page() == PAGE.read_text("utf-8"), "python -m tests.teeth"


def test_there_are_enough_bugs_and_each_stands_once_beside_its_catcher():
    found = list(bugs())
    assert len({bug for bug, _ in found}) >= 25
    assert len(found) == len({*found})

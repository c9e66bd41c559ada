"""One manager at a time on one site, and the sentence for the second."""

from __future__ import annotations

import stat
import subprocess
import sys
from pathlib import Path

import pytest

from chargebench.datasheets.errors import CannotOpen
from chargebench.manager.holder import Hold, Holder

ME = Holder(4711, "pi", "2026-01-12 18:00:00")
OTHER = Holder(4712, "pi", "2026-01-12 18:05:00")


def descriptors():
    return sum(1 for _ in Path("/proc/self/fd").iterdir())


@pytest.fixture
def path(tmp_path):
    return tmp_path / "site.lock"


def test_the_second_is_told_who_is_first_and_may_come_when_that_one_has_gone(path):
    first = Hold(path, ME)
    with pytest.raises(CannotOpen) as error:
        Hold(path, OTHER)
    assert str(error.value) == (
        f"{path}: the site is managed by process 4711 on pi since 2026-01-12 18:00:00; two managers on one site would fight"
    )
    first.release()
    second = Hold(path, OTHER)
    assert second.earlier is None
    second.release()


KILLED = """
import os, sys
from pathlib import Path
from chargebench.manager.holder import Hold, Holder
Hold(Path(sys.argv[1]), Holder(os.getpid(), "pi", "then"))
os.kill(os.getpid(), 9)
"""


def test_one_that_was_killed_holds_nothing_any_more_and_is_named(path):
    process = subprocess.Popen([sys.executable, "-c", KILLED, str(path)])
    assert process.wait() == -9
    hold = Hold(path, ME)
    assert hold.earlier == Holder(process.pid, "pi", "then")
    hold.release()


@pytest.mark.parametrize("said", [b"", b"\xff\xfe", b"[]", b"7", b'{"pid": "x", "host": 1, "since": 2}', b'{"pid": 1}'])
def test_whatever_stands_in_the_file_only_the_hold_counts(path, said):
    path.write_bytes(said)
    hold = Hold(path, ME)
    assert hold.earlier is None
    path.write_bytes(said)
    with pytest.raises(CannotOpen, match="managed by another process"):
        Hold(path, OTHER)
    hold.release()


def test_it_is_the_user_s_alone_and_follows_no_link(path, tmp_path):
    Hold(path, ME).release()
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    link = tmp_path / "link"
    link.symlink_to(path)
    with pytest.raises(CannotOpen, match=r"link: cannot be opened: "):
        Hold(link, ME)
    with pytest.raises(CannotOpen, match=r"nowhere/x: cannot be opened: No such file or directory"):
        Hold(tmp_path / "nowhere" / "x", ME)


def test_no_descriptor_is_left_open_by_one_that_was_refused(path):
    hold = Hold(path, ME)
    before = descriptors()
    with pytest.raises(CannotOpen):
        Hold(path, OTHER)
    assert descriptors() == before
    hold.release()

"""The files of a managing process: a log that is bounded and stops nobody, and licences that may change while it runs."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from chargebench.datasheets.errors import BadInput, CannotOpen
from chargebench.manager.service.licences import FixedLicences, LicenceFile, read_number
from chargebench.manager.service.log_file import OLDER, LogFile
from chargebench.manager.site_file import read_site

# -- the log ----------------------------------------------------------------------------------


@pytest.fixture
def path(tmp_path):
    return tmp_path / "manager.log"


def names(path):
    return sorted(one.name for one in path.parent.iterdir())


def test_lines_are_added_to_what_is_there(path):
    path.write_text("before\n")
    log = LogFile(path)
    log.write("grüße")
    log.close()
    assert path.read_text("utf-8") == "before\ngrüße\n"


def test_the_log_is_bounded_and_its_oldest_piece_goes(path):
    log = LogFile(path, piece_bytes=100)
    for k in range(100):
        log.write(f"line {k:03}")
    log.close()
    assert names(path) == ["manager.log", *(f"manager.log.{k}" for k in range(1, OLDER + 1))]
    pieces = [path.with_name(f"manager.log.{k}") for k in range(OLDER, 0, -1)]
    told = "".join(piece.read_text() for piece in [*pieces, path]).splitlines()
    assert told == [f"line {k:03}" for k in range(100 - len(told), 100)]
    assert max(piece.stat().st_size for piece in [*pieces, path]) <= 100


def test_where_old_pieces_cannot_be_kept_it_is_bounded_all_the_same(path):
    path.with_name("manager.log.1").mkdir()
    (path.with_name("manager.log.1") / "in the way").touch()
    log = LogFile(path, piece_bytes=100)
    for k in range(100):
        log.write(f"line {k:03}")
    log.close()
    assert path.stat().st_size <= 100
    assert path.read_text().endswith("line 099\n")


def test_lines_that_could_not_be_written_are_counted_and_told_of(path, monkeypatch):
    log = LogFile(path)
    real = os.write

    def full(*_):
        raise OSError(28, "No space left on device")

    log.write("one")
    monkeypatch.setattr(os, "write", full)
    log.write("two")
    log.write("three")
    monkeypatch.setattr(os, "write", real)
    log.write("four")
    log.write("five")
    log.close()
    assert path.read_text().splitlines() == ["one", "(2 lines before this one could not be written)", "four", "five"]


def test_a_log_that_somebody_has_taken_away_is_begun_anew_when_asked_for(path):
    log = LogFile(path)
    log.write("one")
    path.rename(path.with_suffix(".taken"))
    log.write("two")
    log.reopen()
    log.write("three")
    log.close()
    assert path.read_text() == "three\n"
    assert path.with_suffix(".taken").read_text() == "one\ntwo\n"


def test_a_log_that_cannot_be_is_refused_with_a_sentence(tmp_path):
    with pytest.raises(CannotOpen, match=r"nowhere/x: cannot be written: No such file or directory"):
        LogFile(tmp_path / "nowhere" / "x")


# -- licences ---------------------------------------------------------------------------------


class Asked:
    def __init__(self, path, read=read_number):
        self.path = path
        self.said: list[str] = []
        self.file = LicenceFile(path, read)
        self.file.start(self.said.append)
        self._stamp = 0

    def write(self, text):
        self.path.write_text(text)
        self._stamp += 1
        os.utime(self.path, ns=(self._stamp, self._stamp))
        return self.file.now()


@pytest.fixture
def asked(tmp_path):
    (tmp_path / "licences").write_text("2  # bought in May\n")
    return Asked(tmp_path / "licences")


@pytest.mark.parametrize(
    ("text", "count"), [("0", 0), ("# two\n\n 2 # bought\n", 2), ("99\n", 99), ("\n\n7", 7), ("1\r\n", 1)]
)
def test_a_licence_file_holds_one_number_and_remarks(asked, text, count):
    assert asked.write(text) == count


@pytest.mark.parametrize(
    ("text", "where", "found"),
    [
        ("", "1:1", "nothing"),
        ("# none\n", "1:1", "nothing"),
        ("\nmany\n", "2:1", "'many'"),
        ("100", "1:1", "'100'"),
        ("-1", "1:1", "'-1'"),
        ("1\n2\n", "2:1", "'2'"),
        ("²", "1:1", "'²'"),
        ("1" * 5_000, "1:1", f"'{'1' * 60}…'"),
    ],
)
def test_a_licence_file_that_means_nothing_is_refused_with_its_line(tmp_path, text, where, found):
    path = tmp_path / "licences"
    path.write_text(text, "utf-8")
    with pytest.raises(BadInput) as error:
        LicenceFile(path, read_number)
    assert str(error.value) == f"{path}:{where}: expected one number of licences from 0 to 99, got {found}"


def test_a_file_that_is_none_is_refused(tmp_path):
    with pytest.raises(BadInput, match="cannot be read: No such file"):
        LicenceFile(tmp_path / "nowhere", read_number)
    os.mkfifo(tmp_path / "pipe")
    for name in (".", "pipe"):
        with pytest.raises(BadInput, match="expected a number of licences, or a file that holds one"):
            LicenceFile(tmp_path / name, read_number)


def test_a_file_that_changes_counts_from_the_next_time_that_it_is_asked(asked):
    assert asked.file.now() == 2
    assert asked.write("3") == 3
    assert asked.write("3") == 3
    assert asked.write("0") == 0
    assert asked.said == ["licences are 3 now, were 2", "licences are 0 now, were 3"]


def test_a_file_that_is_wrong_or_gone_for_a_while_changes_nothing_and_is_told_of_once(asked):
    assert asked.write("x") == 2
    assert asked.write("x") == 2
    asked.path.unlink()
    assert [asked.file.now() for _ in range(3)] == [2, 2, 2]
    assert asked.write("1") == 1
    assert asked.said == [
        f"licences stay 2: {asked.path}:1:1: expected one number of licences from 0 to 99, got 'x'",
        f"licences stay 2: {asked.path}: cannot be read: No such file or directory",
        "licences are 1 now, were 2",
    ]


def test_a_person_who_wants_to_be_heard_is_even_where_nothing_shows_that_the_file_has_changed(asked):
    stamp = asked.path.stat()
    asked.path.write_text("9  # bought in May\n")
    os.utime(asked.path, ns=(stamp.st_atime_ns, stamp.st_mtime_ns))
    assert asked.file.now() == 2
    asked.file.refresh()
    assert asked.file.now() == 9


def test_the_licences_of_a_site_file_are_asked_for_as_well(tmp_path):
    site = "connection: {max_total_power: 14 kW}\nevses: [{name: internal, device: power-brain}]\nlicences: "
    (tmp_path / "site.yaml").write_text(site + "1\n")
    asked = Asked(tmp_path / "site.yaml", lambda path: read_site(path).licences)
    assert asked.file.now() == 1
    assert asked.write(site + "4\n") == 4
    assert asked.write(site + "many\n") == 4
    assert asked.said[0] == "licences are 4 now, were 1"
    assert asked.said[1].startswith("licences stay 4: ")


def test_a_number_stays():
    two = FixedLicences(2)
    two.refresh()
    assert two.now() == 2


def test_the_path_of_a_log_may_be_relative(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    log = LogFile(Path("x.log"), piece_bytes=10)
    for _ in range(3):
        log.write("12345678")
    log.close()
    assert sorted(one.name for one in tmp_path.iterdir()) == ["x.log", "x.log.1", "x.log.2"]

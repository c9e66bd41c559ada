"""What the manager remembers of its boxes over a restart: before it can become true, and never less."""

from __future__ import annotations

import os
import signal
import sqlite3
import stat
import subprocess
import sys
import tempfile
from contextlib import closing
from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from chargebench.datasheets.errors import BadInput, CannotOpen
from chargebench.manager.ledger import SETTLED_US, Ledger, MemoryStore, name_of
from chargebench.manager.readings import BoxReading, BoxView, Command, Pilot, Remembered, Session, View
from chargebench.manager.site import Box, Connection, Site, TcpAddress
from chargebench.manager.store import SqliteStore

SECOND = 1_000_000
BOX = Box("garage", "power-brain", TcpAddress("192.168.2.151", 4701), 1, (0, 1, 2))
SITE = Site(Connection(34_000, 49_275), (BOX, replace(BOX, name="yard", unit=2)))
STATE = Remembered(16_000, 10_000, 180 * SECOND, 6_000, 0, 3)
LIMITS = st.sampled_from([0, 6_000, 8_000, 10_000, 16_000])


def view(limit_ma=None, *, offered_ma=0, silent=None):
    reading = None
    if limit_ma is not None:
        reading = BoxReading(0, Pilot.C, limit_ma, offered_ma, None, None, None, 180 * SECOND, 6_000, 3, 0)
    return View((BoxView(reading, silent), BoxView()))


class Recording(MemoryStore):
    def __init__(self):
        super().__init__()
        self.saves = []

    def save(self, states):
        super().save(states)
        self.saves.append(dict(states))


def kept(store):
    return store.load().get(name_of(BOX))


# -- the ledger -------------------------------------------------------------------------------


def test_a_raise_is_in_the_store_before_the_command_leaves():
    store = MemoryStore()
    ledger = Ledger(SITE, store, {})
    ledger.take(view(6_000), [], 0)
    assert kept(store).top_ma == 6_000
    ledger.take(view(6_000), [Command(1, 0, 16_000)], 3 * SECOND)
    assert kept(store) == Remembered(16_000, 16_000, 180 * SECOND, 6_000, 0, 3)


def test_a_cut_is_remembered_only_once_the_car_must_have_followed():
    store = MemoryStore()
    ledger = Ledger(SITE, store, {})
    ledger.take(view(16_000), [Command(0, 0, 6_000)], 0)
    ledger.take(view(6_000), [], 3 * SECOND)
    ledger.take(view(6_000), [], 3 * SECOND + SETTLED_US - 1)
    assert kept(store).top_ma == 16_000
    ledger.take(view(6_000), [], 3 * SECOND + SETTLED_US)
    assert kept(store).top_ma == 6_000


def test_nothing_is_written_to_the_store_that_is_there_already():
    store = Recording()
    ledger = Ledger(SITE, store, {})
    for k in range(100):
        ledger.take(view(6_000), [], k * 3 * SECOND)
    assert len(store.saves) == 1


def test_a_silent_box_is_remembered_as_it_was():
    store = MemoryStore()
    ledger = Ledger(SITE, store, {})
    ledger.take(view(16_000), [], 0)
    for k in range(1, 100):
        ledger.take(view(16_000, silent=SECOND), [Command(k, 0, 6_000)], k * 3 * SECOND)
    assert kept(store).top_ma == 16_000


def test_a_box_that_was_not_reached_since_is_remembered_as_before_and_with_what_it_is_told():
    store = MemoryStore()
    store.save({name_of(BOX): STATE})
    ledger = Ledger(SITE, store, store.load())
    assert ledger.remembered() == [STATE, None]
    ledger.take(view(), [Command(0, 0, 6_000)], 0)
    assert kept(store) == replace(STATE, sent_ma=6_000)


@pytest.mark.parametrize("other", [{"name": "barn"}, {"unit": 9}, {"device": "heidelberg-energy-control"}])
def test_what_is_remembered_of_another_box_is_nothing(other):
    ledger = Ledger(SITE, MemoryStore(), {name_of(replace(BOX, **other)): STATE})
    assert ledger.remembered() == [None, None]


@given(st.lists(st.tuples(LIMITS, LIMITS, st.none() | LIMITS, st.integers(1, 9)), max_size=40))
def test_whenever_the_manager_is_killed_it_is_remembered_as_what_it_had_given_away_or_more(steps):
    store = MemoryStore()
    ledger, now_us, seen = Ledger(SITE, store, {}), 0, []
    for shows, offers, told, cycles in steps:
        now_us += cycles * 3 * SECOND
        ledger.take(view(shows, offered_ma=offers), [] if told is None else [Command(0, 0, told)], now_us)
        seen += [(now_us, ma) for ma in (shows, offers, told) if ma is not None]
        recent = [ma for at_us, ma in seen if at_us > now_us - SETTLED_US]
        assert kept(store).top_ma >= max(recent)


# -- the file ---------------------------------------------------------------------------------


@pytest.fixture
def path(tmp_path):
    return tmp_path / "site.db"


def opened(path):
    return closing(SqliteStore(path))


def test_a_file_gives_back_what_was_saved_last(path):
    other = Remembered(6_000)
    with opened(path) as store:
        assert store.load() == {}
        store.save({"garage": other, "barn": other})
        store.save({"garage": STATE, "yard": other})
    with opened(path) as store:
        assert store.load() == {"garage": STATE, "yard": other}


def test_a_second_manager_on_one_file_is_refused_with_a_sentence(path):
    with opened(path) as store:
        store.save({"garage": STATE})
        with pytest.raises(CannotOpen) as error:
            SqliteStore(path)
        assert str(error.value) == f"{path}: is held by another manager of this site"
        store.save({})
    with opened(path) as store:
        assert store.load() == {}


KILLED = """
import sys, time
from pathlib import Path
from chargebench.manager.readings import Remembered
from chargebench.manager.store import SqliteStore
store = SqliteStore(Path(sys.argv[1]))
store.save({"garage": Remembered(16_000)})
print("saved", flush=True)
while True:
    store.save({"garage": Remembered(6_000)})
    store.save({"garage": Remembered(16_000)})
"""


@pytest.mark.serial
def test_a_manager_that_is_killed_leaves_a_whole_file_and_no_lock(path):
    with subprocess.Popen([sys.executable, "-c", KILLED, str(path)], stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == "saved\n"
        os.kill(process.pid, signal.SIGKILL)
    with opened(path) as store:
        assert store.load() in ({"garage": Remembered(6_000)}, {"garage": Remembered(16_000)})


def spoil(path, statement):
    with closing(sqlite3.connect(path)) as file, file:
        file.execute(statement)


REMEDY = "; give it another name to begin without memory, and every box counts at its maximum until it is reached"


@pytest.mark.parametrize(
    ("spoiling", "why"),
    [
        ("UPDATE boxes SET top_ma = -1", "is damaged: -1 where a number from 0 to 100000 belongs"),
        ("UPDATE boxes SET top_ma = 'much'", "is damaged: 'much' where a number"),
        ("UPDATE boxes SET sent_ma = 1000000000", "is damaged: 1000000000 where"),
        ("UPDATE boxes SET failsafe_us = 1.5", "is damaged: 1.5 where"),
        ("UPDATE boxes SET phases = 8", "is damaged: 8 where a number from 0 to 7 belongs"),
        ("UPDATE boxes SET energy_wh = 1000", "is damaged: half of what is known of a car"),
        ("UPDATE boxes SET name = CAST(x'ff' AS TEXT)", "is damaged: Could not decode"),
        ("PRAGMA user_version = 9", "has layout 9, this manager knows 2"),
        ("PRAGMA application_id = 9", "is not what a manager remembers, but another program's"),
        ("ALTER TABLE boxes RENAME COLUMN top_ma TO bottom_ma", "is damaged: its columns are others"),
        ("DROP TABLE boxes", "is damaged: its columns are others"),
        (lambda path: path.write_bytes(b"no database at all, but long enough to look like one " * 40), "is damaged"),
        (lambda path: path.write_bytes(path.read_bytes()[:9000].replace(b"garage", b"\xff" * 6)), "is damaged"),
    ],
)
def test_what_is_damaged_or_another_s_is_refused_with_what_to_do_and_stays_as_it_is(path, spoiling, why):
    with opened(path) as store:
        store.save({"garage": STATE})
    if isinstance(spoiling, str):
        spoil(path, spoiling)
    else:
        spoiling(path)
    spoiled = path.read_bytes()
    with pytest.raises(BadInput) as error:
        SqliteStore(path)
    assert str(error.value).startswith(f"{path}: {why}")
    assert str(error.value).endswith(REMEDY)
    assert path.read_bytes() == spoiled
    assert [one.name for one in path.parent.iterdir()] == ["site.db"]
    path.rename(path.with_suffix(".old"))
    with opened(path) as store:
        assert store.load() == {}


def test_the_database_of_another_program_is_not_touched(path):
    spoil(path, "CREATE TABLE photos (name TEXT)")
    before = path.read_bytes()
    with pytest.raises(BadInput, match="another program's"):
        SqliteStore(path)
    assert path.read_bytes() == before


def test_it_is_the_user_s_alone(path):
    with opened(path):
        assert stat.S_IMODE(path.stat().st_mode) == 0o600
    path.chmod(0o644)
    with opened(path):
        assert stat.S_IMODE(path.stat().st_mode) == 0o600


def test_it_says_whose_boxes_are_in_it(path):
    with closing(SqliteStore(path, "/etc/one.yaml")) as store:
        assert store.site == ""
        store.save({"garage": STATE})
    with closing(SqliteStore(path, "/etc/other.yaml")) as store:
        assert store.site == "/etc/one.yaml"
        assert store.load() == {"garage": STATE}


@given(
    st.builds(
        Session,
        st.sampled_from([(), (0,), (1,), (0, 2), (0, 1, 2)]),
        st.integers(0, 100_000),
        st.integers(0, 1 << 40),
        st.none() | st.integers(0, 1 << 40),
    )
)
def test_a_session_comes_back_as_it_was(session):
    states = {"garage": replace(STATE, session=session), "yard": STATE}
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "site.db"
        with opened(path) as store:
            store.save(states)
        with opened(path) as store:
            assert store.load() == states


@pytest.mark.parametrize("where", ["nowhere/site.db", "."])
def test_a_file_that_cannot_be_is_refused_with_a_sentence(tmp_path, where):
    with pytest.raises(CannotOpen, match=r"cannot be opened: "):
        SqliteStore(tmp_path / where)

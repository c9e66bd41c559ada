"""What the manager remembers of its boxes over a restart: before it can become true, and never less."""

from __future__ import annotations

import os
import signal
import sqlite3
import subprocess
import sys
from contextlib import closing
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from chargebench.datasheets.errors import CannotOpen
from chargebench.manager.ledger import SETTLED_US, Ledger, MemoryStore, Unusable, name_of
from chargebench.manager.readings import BoxReading, BoxView, Command, Pilot, Remembered, View
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


@pytest.mark.parametrize(
    "statement",
    [
        "UPDATE boxes SET top_ma = -1",
        "UPDATE boxes SET top_ma = 'much'",
        "UPDATE boxes SET sent_ma = 1000000000",
        "UPDATE boxes SET failsafe_us = 1.5",
    ],
)
def test_numbers_that_no_manager_writes_are_damage_and_what_is_saved_next_is_whole(path, statement):
    with opened(path) as store:
        store.save({"garage": STATE})
    spoil(path, statement)
    with opened(path) as store:
        with pytest.raises(Unusable, match=r"is damaged: .* where a number from 0 to"):
            store.load()
        store.save({"garage": STATE})
        assert store.load() == {"garage": STATE}


@pytest.mark.parametrize(
    ("spoiling", "why"),
    [
        (lambda path: path.write_bytes(b"no database at all, but long enough to look like one " * 40), "is damaged"),
        (lambda path: path.write_bytes(path.read_bytes()[:3000].replace(b"garage", b"\xff" * 6)), "is damaged"),
        (lambda path: spoil(path, "PRAGMA user_version = 9"), "has layout 9, this manager knows 1"),
        (lambda path: spoil(path, "ALTER TABLE boxes RENAME COLUMN top_ma TO bottom_ma"), "holds something else"),
    ],
)
def test_a_damaged_file_is_told_once_put_aside_and_the_manager_goes_on_with_a_new_one(path, spoiling, why):
    with opened(path) as store:
        store.save({"garage": STATE})
    spoiling(path)
    spoiled = path.read_bytes()
    with opened(path) as store:
        with pytest.raises(Unusable, match=why) as error:
            store.load()
        assert str(error.value).endswith("it is kept as site.db.damaged")
        assert store.load() == {}
        store.save({"garage": STATE})
    assert path.with_name("site.db.damaged").read_bytes() == spoiled
    with opened(path) as store:
        assert store.load() == {"garage": STATE}


def test_a_file_that_cannot_be_is_refused_with_a_sentence(tmp_path):
    with pytest.raises(CannotOpen, match=r"nowhere/site\.db: cannot be opened: "):
        SqliteStore(tmp_path / "nowhere" / "site.db")

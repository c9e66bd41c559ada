"""``manage`` as programs see it, where it cannot begin: exit status, one sentence, and nothing changed."""

from __future__ import annotations

import socket
import sqlite3
from contextlib import closing

import pytest

from chargebench.manager.holder import Hold, Holder
from chargebench.manager.ledger import name_of
from chargebench.manager.readings import Remembered
from chargebench.manager.service import process
from chargebench.manager.site_file import read_site
from chargebench.manager.store import SqliteStore
from chargebench.scenarios import verbs_manage
from chargebench.scenarios.cli import chargebench, status

SITE = """\
connection: {max_total_power: 14 kW, house_max: 0 A}
evses:
  - {name: garage, device: power-brain, at: "192.168.2.151:4701", failsafe: {after: 180 s, current: 6 A}, boot: {enable: off}}
  - {name: yard, device: power-brain, at: "COM1,9600,8,n,1", id: 2, failsafe: {after: 180 s, current: 6 A}, boot: {enable: off}}
"""


@pytest.fixture
def verb(capsys):
    def call_here(*words):
        code = status(lambda: chargebench.main([str(word) for word in words], "chargebench", standalone_mode=False))
        captured = capsys.readouterr()
        return code, captured.out, captured.err

    return call_here


@pytest.fixture
def site(tmp_path):
    path = tmp_path / "site.yaml"
    path.write_text(SITE, "utf-8")
    return path


@pytest.fixture
def told(tmp_path):
    path = tmp_path / "orders.yaml"
    path.write_text("trips: [{box: yard, leaves: 07:00, wants: 20 kWh}]\n", "utf-8")
    return path


@pytest.fixture
def unproved(monkeypatch):
    """Nothing is asked of ``check``, which takes a second each time."""
    monkeypatch.setattr(verbs_manage, "_dangers", lambda _: [])


@pytest.fixture
def orders(monkeypatch):
    """Orders that would have been carried out."""
    found = []

    async def serve(order, *_):
        found.append(order)

    monkeypatch.setattr(process, "_serve", serve)
    return found


def test_a_site_that_check_refuses_is_not_managed(verb, site, orders):
    site.write_text(
        SITE.replace("id: 2", "id: 2, phases: L1")
        .replace("COM1,9600,8,n,1", "192.168.2.151:4701")
        .replace("id: 2", "id: 1")
    )
    code, out, err = verb("manage", site)
    assert (code, out, orders) == (2, "", [])
    assert f"{site}:4:" in err


@pytest.mark.parametrize(
    ("words", "code", "said"),
    [
        (["--line", "COM1"], 2, "--line: expected a line and its port, such as COM1=/dev/ttyUSB0, got 'COM1'"),
        (["--line", "COM2=/dev/ttyUSB0"], 2, "unknown line 'COM2'; did you mean COM1?"),
        (
            ["--tcp", "192.168.2.9:4701=localhost:1"],
            2,
            "unknown TCP address of the site '192.168.2.9:4701'; did you mean",
        ),
        (["--tcp", "192.168.2.151:4701=nowhere"], 2, "--tcp: expected an address and where it leads, such as"),
        (["--tcp", "192.168.2.151:4701=COM1,9600,8,n,1"], 2, "--tcp: expected an address and where it leads, such as"),
        (["--licences", "100"], 2, "--licences: expected a number from 0 to 99 or a file, got 100"),
        (["--licences", "nowhere.txt"], 2, "nowhere.txt: cannot be read: No such file or directory"),
        (
            ["--http", "garage:80"],
            2,
            "--http: expected a port, or an address of this machine and a port, such as 127.0",
        ),
        (["--serve-modbus", "70000"], 2, "--serve-modbus: expected a port, or an address of this machine and a port,"),
        (["--store", "/nowhere/x.db"], 3, "/nowhere/x.db.lock: cannot be opened: No such file or directory"),
    ],
)
def test_an_order_that_cannot_be_is_one_sentence(verb, site, orders, words, code, said):
    found = verb("manage", site, *words)
    assert (found[0], found[1], orders) == (code, "", [])
    assert said in found[2]
    assert found[2].count("\n") == 1


@pytest.mark.usefixtures("unproved")
def test_a_site_that_is_managed_already_is_refused_wherever_the_memory_is(verb, site, tmp_path, orders):
    hold = Hold(tmp_path / "site.manager.db.lock", Holder(4711, "pi", "today"))
    for words in ([], ["--store", tmp_path / "other.db"]):
        code, out, err = verb("manage", site, *words)
        assert (code, out, orders) == (3, "", [])
        assert "the site is managed by process 4711 on pi since today; two managers on one site would fight" in err
    hold.release()
    assert verb("manage", site)[0] == 0
    assert len(orders) == 1


def test_a_damaged_memory_is_refused_and_stays_as_it_is(verb, site, tmp_path, orders):
    store = tmp_path / "site.manager.db"
    store.write_bytes(b"not a database" * 100)
    code, out, err = verb("manage", site)
    assert (code, out, orders) == (2, "", [])
    assert err.startswith(f"{store}: is damaged: ")
    assert "give it another name to begin without memory" in err
    assert store.read_bytes() == b"not a database" * 100


def remembering(path, name, site):
    with closing(SqliteStore(path, site)) as store:
        store.save({name: Remembered(16_000)})


@pytest.mark.usefixtures("unproved")
def test_the_memory_of_another_site_is_refused_but_one_site_may_change(verb, site, tmp_path, orders):
    store = tmp_path / "site.manager.db"
    remembering(store, "barn", "/etc/other.yaml")
    code, _, err = verb("manage", site)
    assert (code, err) == (2, f"{store}: remembers the boxes of /etc/other.yaml; name another file for this one\n")
    remembering(store, "barn", str(site))
    assert verb("manage", site)[0] == 0
    remembering(store, name_of(read_site(site).boxes[0]), "/etc/moved.yaml")
    assert verb("manage", site)[0] == 0
    assert len(orders) == 2


@pytest.mark.usefixtures("unproved")
def test_what_is_said_before_anything_is_sent(verb, site, tmp_path, orders):
    code, out, err = verb("manage", site, "--observe", "--licences", "3", "--line", "COM1=/dev/ttyUSB7")
    assert (code, err) == (0, "")
    assert (
        out
        == f"{site}: 2 boxes and 0 meters of the house, read and never written; remembered in {tmp_path / 'site.manager.db'}\n"
    )
    (order,) = orders
    assert order.ports == {"COM1": "/dev/ttyUSB7"}
    assert not order.site.management
    assert order.licences.now() == 3
    verb("manage", site, "--tcp", "192.168.2.151:4701=127.0.0.1:1502", "--json")
    assert orders[1].ports == {"COM1": "/dev/COM1", "192.168.2.151:4701": "127.0.0.1:1502"}
    assert orders[1].site.management


def test_dangers_are_told_and_it_goes_on(verb, site, orders):
    site.write_text(SITE.replace("current: 6 A", "current: 16 A"))
    code, out, err = verb("manage", site, "--json")
    assert (code, out, len(orders)) == (0, "", 1)
    assert "danger: evses[0].failsafe.current: with a dead master up to 32 A can flow" in err


@pytest.mark.usefixtures("unproved")
def test_nothing_is_held_any_more_afterwards(verb, site, tmp_path, orders):
    assert verb("manage", site)[0] == 0
    hold = Hold(tmp_path / "site.manager.db.lock", Holder(1, socket.gethostname(), "now"))
    assert hold.earlier is None
    hold.release()
    with closing(sqlite3.connect(tmp_path / "site.manager.db")) as file:
        assert file.execute("SELECT count(*) FROM boxes").fetchone() == (0,)
    assert len(orders) == 1


@pytest.mark.usefixtures("unproved")
def test_what_people_order_comes_from_a_file_that_must_be_right_at_the_start(verb, site, told, orders):
    code, _, err = verb("manage", site, "--orders", told)
    assert (code, err, orders[0].told is not None) == (0, "", True)
    told.write_text("trips: [{box: hall, leaves: 07:00, wants: 20 kWh}]\n", "utf-8")
    code, _, err = verb("manage", site, "--orders", told)
    assert (code, len(orders)) == (2, 1)
    assert "orders.yaml:1:15: trips[0].box: unknown box 'hall'" in err

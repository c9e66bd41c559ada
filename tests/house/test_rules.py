"""Each rule of the house holds in the rooms, and finds what it is there to find."""

from __future__ import annotations

import tomllib

import pytest

from tests.house.contracts import within
from tests.house.rules import (
    ROOMS,
    ROOT,
    Rule,
    Source,
    builtin_io,
    complaints,
    identity,
    innocence,
    sizes,
    sources,
    vocabulary,
)
from tests.house.set_order import set_order


def sans_io_sources() -> list[Source]:
    """The modules that the import contract holds to be sans-IO: all of its rooms but the shells."""
    contracts = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["tool"]["importlinter"][
        "contracts"
    ]
    contract = next(one for one in contracts if one["id"] == "sans-io")
    rooms = [room.removeprefix("chargebench.") for room in contract["rooms"]]
    shells = [shell.removeprefix("chargebench.") for shell in contract["shells"]]
    return [one for one in sources(*rooms) if not within(one.path.removesuffix(".py").replace("/", "."), shells)]


def test_modules_and_functions_can_be_read_in_one_sitting():
    assert complaints(sizes, sources(*ROOMS, "tests")) == ""


@pytest.mark.parametrize("rule", [set_order, identity, vocabulary])
def test_every_room_keeps_the_rule_of(rule: Rule):
    assert complaints(rule, sources(*ROOMS)) == ""


def test_manager_does_not_say_in_which_world_it_runs():
    assert complaints(innocence, sources("manager")) == ""


def test_sans_io_modules_call_no_builtin_that_reads_or_writes():
    assert complaints(builtin_io, sans_io_sources()) == ""


def test_sans_io_modules_are_found():
    paths = [one.path for one in sans_io_sources()]
    assert "datasheets/model.py" in paths
    assert "emulator/device.py" in paths
    assert "manager/readings.py" in paths
    assert not [path for path in paths if path.startswith(("emulator/wires/", "scenarios/"))]


def found(rule: Rule, text: str) -> list[str]:
    return list(rule(Source("room/module.py", text)))


LONG_FUNCTION = "def long():\n" + "    pass\n" * 70


@pytest.mark.parametrize(
    ("rule", "text", "said"),
    [
        (sizes, "x = 1\n" * 501, "501 lines"),
        (sizes, LONG_FUNCTION, "long has 71 lines"),
        (
            sizes,
            f"class C:\n    async {LONG_FUNCTION.replace(chr(10), chr(10) + '    ').rstrip()}",
            "long has 71 lines",
        ),
        (identity, "x = {id(box): 1}", "id()"),
        (identity, "seed = hash('box')", "hash()"),
        (vocabulary, "class Wallbox: ...", "word of the house is box"),
        (vocabulary, "class EVState: ...\nclass EvState: ...", "EvState says ev; the word of the house is car"),
        (vocabulary, "def read(slave_id): ...", "word of the house is unit"),
        (vocabulary, "class C:\n    charger_max: int = 0", "word of the house is box"),
        (vocabulary, "BASE_LOAD_W = 300", "word of the house is house load"),
        (innocence, "# like the simulated line", "'simulat'"),
        (innocence, "fake_clock = None", "'fake'"),
        (innocence, "def step(under_test): ...", "'test'"),
        (innocence, "from chargebench.emulator import clock", "'emulat'"),
        (builtin_io, "with open(path) as lines: ...", "open()"),
        (builtin_io, "print(3)", "print()"),
    ],
)
def test_planted_violation_is_found_by(rule: Rule, text: str, said: str):
    assert said in "\n".join(found(rule, text))


@pytest.mark.parametrize(
    ("rule", "text"),
    [
        (sizes, "x = 1\n" * 500),
        (sizes, LONG_FUNCTION.removesuffix("    pass\n")),
        (identity, "box.id(3)\nunit.hash()"),
        (vocabulary, "class Box:\n    evse_ma: int\n    events: int\n_charger = 3"),
        (innocence, "greatest load, the latest reading, no contest"),
        (builtin_io, "box.open()"),
    ],
)
def test_what_is_allowed_is_not_found_by(rule: Rule, text: str):
    assert found(rule, text) == []


@pytest.mark.parametrize(
    "text",
    [
        "for box in {1, 2}: ...",
        "for box in set(boxes): ...",
        "[box for box in frozenset(boxes)]",
        "boxes = set()\nfor box in boxes: ...",
        "def f(boxes: set[int]):\n    return list(boxes)",
        "def f():\n    seen: set[int] = set()\n    return [one for one in seen]",
        "def f(a, b):\n    for name in a.keys() - b.keys(): ...",
        "def f(a, b):\n    return tuple(a.union(b))",
        "waiting = {1} | {2}\nfirst = waiting.pop()",
        "names = {'a', 'b'}\nprint(*names)",
        "names = {'a', 'b'}\n','.join(names)",
        "names = {'a', 'b'}\nfirst, second = names",
        "NAMES = frozenset(['a'])\ndef f():\n    yield from NAMES",
        "class C:\n    def __init__(self):\n        self.seen = set()\n    def all(self):\n        return list(self.seen)",
        "class C:\n    seen: set[int]\n    def all(self):\n        for one in self.seen: ...",
    ],
)
def test_walk_through_a_set_is_found(text: str):
    assert len(found(set_order, text)) == 1


@pytest.mark.parametrize(
    "text",
    [
        "for box in sorted({1, 2}): ...",
        "boxes = set()\nfor box in sorted(boxes): ...",
        "boxes = set()\nfull = 3 in boxes and len(boxes) > 2",
        "boxes = {1: 2}\nfor box in boxes: ...",
        "def f():\n    boxes = set()\ndef g(boxes: list[int]):\n    return [box for box in boxes]",
        "boxes = [1]\nboxes.pop()",
        "def f(a, b):\n    return [one for one in a if one not in b.keys()]",
    ],
)
def test_order_that_is_the_same_each_time_is_allowed(text: str):
    assert found(set_order, text) == []

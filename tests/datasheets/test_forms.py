"""Forms: every error of a file at once, in the order of the file, in our own words."""

import textwrap
from enum import Enum
from typing import Annotated, Literal

import pytest
from pydantic import Field, ValidationError

from chargebench.datasheets.errors import BadFile
from chargebench.datasheets.forms import (
    Current,
    Duration,
    Energy,
    Form,
    Name,
    Permille,
    Phases,
    Power,
    SignedPower,
    TimeOfDay,
    Voltage,
    fill,
)
from chargebench.datasheets.yamlfile import parse_yaml


class Curve(Enum):
    GG = "gG"
    SLS = "SLS-E"


class Fuse(Form):
    rating: Annotated[Current, Field(ge=6_000, le=100_000)]
    curve: Curve


class Box(Form):
    name: Name
    phases: Phases = (0, 1, 2)
    on: bool = True
    unit: Annotated[int, Field(alias="id", ge=1, le=247)] = 1
    failsafe: Literal["off"] | Current = "off"


class Wave(Form):
    kind: Literal["wave"]
    height: float


class Step(Form):
    kind: Literal["step"]
    by: int


class House(Form):
    power: Power
    back: SignedPower = 0
    energy: Energy | None = None
    voltage: Voltage = 230_000
    after: Duration = 0
    at: TimeOfDay = 0
    power_factor: Permille = 1000
    title: str = ""
    fuse: Fuse | None = None
    boxes: tuple[Box, ...] = ()
    named: dict[Name, Box] = Field(default_factory=dict)
    load: tuple[tuple[TimeOfDay, Power], ...] = ()
    site: str | Box = "none"
    shape: Annotated[Wave | Step, Field(discriminator="kind")] | None = None
    marks: Annotated[list[int], Field(max_length=2)] = Field(default_factory=list)


def wrong(text: str) -> list[str]:
    with pytest.raises(BadFile) as refused:
        fill(House, parse_yaml(textwrap.dedent(text), "f.yaml"))
    return str(refused.value).splitlines()


def test_a_good_file_fills_a_form_with_integers_in_house_units():
    house = fill(
        House,
        parse_yaml(
            textwrap.dedent("""\
                power: 14.5 kW
                back: -2 kW
                energy: 7 kWh
                voltage: 229.7 V
                after: 1 h 30 min
                at: 18:00:05
                power_factor: 0.95
                fuse: {rating: 50 A, curve: SLS-E}
                boxes: [{name: garage-2, phases: L2 L3 L1, id: 3, failsafe: 6 A}, {name: yard, failsafe: off}]
                named: {porch: {name: porch, phases: L3}}
                load: [[18:00, 2 kW], [18:12, 9 kW]]
                site: {name: inner}
                shape: {kind: step, by: 2}
                marks: [1, 2]
            """),
            "f.yaml",
        ),
    )
    assert (house.power, house.back, house.energy, house.voltage) == (14_500, -2_000, 7_000, 229_700)
    assert (house.after, house.at, house.power_factor) == (5_400_000_000, 64_805, 950)
    assert house.fuse == Fuse.model_construct(rating=50_000, curve=Curve.SLS)
    assert house.boxes[0].phases == (1, 2, 0)
    assert (house.boxes[0].unit, house.boxes[0].failsafe, house.boxes[1].failsafe) == (3, 6_000, "off")
    assert house.named["porch"].phases == (2,)
    assert house.load == ((64_800, 2_000), (65_520, 9_000))
    assert isinstance(house.site, Box)
    assert isinstance(house.shape, Step)


def test_all_errors_of_a_file_are_told_at_once_and_in_its_order():
    assert wrong("""\
        powr: 2 kW
        fuse: {rating: 50, curve: SLSE}
        boxes:
          - {name: Garage, phases: L1 L1}
          - {phases: L1}
        after: 5 m
        """) == [
        "f.yaml:1:1: power: expected a power with its unit, such as 14.5 kW, and it is missing",
        "f.yaml:1:1: powr: unknown field; did you mean power?",
        "f.yaml:2:16: fuse.rating: expected a current with its unit, such as 16 A, got 50",
        "f.yaml:2:27: fuse.curve: expected gG or SLS-E, got 'SLSE'; did you mean SLS-E?",
        "f.yaml:4:12: boxes[0].name: expected a name of lower-case letters, digits, - and _, such as garage-2, got 'Garage'",
        "f.yaml:4:28: boxes[0].phases: expected one to three different phases, such as L1 L2 L3, got 'L1 L1'",
        "f.yaml:5:5: boxes[1].name: expected a name of lower-case letters, digits, - and _, such as garage-2, and it is missing",
        "f.yaml:6:8: after: expected a duration with its unit, such as 3 min, got '5 m'; units are d, h, min, s, ms, us",
    ]


@pytest.mark.parametrize(
    ("line", "sentence"),
    [
        ("title: 5", "2:8: title: expected text, got 5"),
        ("boxes: {a: 1}", "2:8: boxes: expected a list, got a mapping"),
        ("boxes: [5]", "2:9: boxes[0]: expected a mapping, name: value, got 5"),
        ("boxes: [{name: a, on: 1}]", "2:23: boxes[0].on: expected true or false, got 1"),
        ("boxes: [{name: a, on: yes}]", "2:23: boxes[0].on: expected true or false, got 'yes'"),
        ('boxes: [{name: a, id: "1"}]', "2:23: boxes[0].id: expected a whole number, got '1'"),
        ("boxes: [{name: a, id: true}]", "2:23: boxes[0].id: expected a whole number, got true"),
        ("boxes: [{name: a, id: 1.0}]", "2:23: boxes[0].id: expected a whole number, got 1.0"),
        ("boxes: [{name: a, id: 248}]", "2:23: boxes[0].id: expected at most 247, got 248"),
        ("boxes: [{name: a, unit: 2}]", "2:19: boxes[0].unit: unknown field; known are name, phases, on, id, failsafe"),
        ("fuse: {rating: 5 A, curve: gG}", "2:16: fuse.rating: expected at least 6 A, got '5 A'"),
        ("fuse: {rating: 200 A, curve: gG}", "2:16: fuse.rating: expected at most 100 A, got '200 A'"),
        ("fuse: {rating: 50 A}", "2:7: fuse.curve: expected gG or SLS-E, and it is missing"),
        ("named: {Porch: {name: p}}", "2:9: named.Porch: expected a name of lower-case letters"),
        ("named: {porch: {name: p, phases: L4}}", "2:34: named.porch.phases: expected one to three different phases"),
        ("load: [[18:00, 2]]", "2:16: load[0][1]: expected a power with its unit, such as 14.5 kW, got 2"),
        ("load: [[18:00]]", "2:8: load[0][1]: expected a value, and it is missing"),
        ("at: 25:00", "2:5: at: expected a time of day from 00:00 to 23:59:59, got '25:00'"),
        ("back: -1 A", "2:7: back: expected a power with its unit, such as 14.5 kW, got '-1 A'; units are MW, kW, W"),
        (
            "power_factor: 1.5",
            "2:15: power_factor: expected a share from 0 to 1 in steps of 0.001, such as 0.95, got 1.5",
        ),
        ("power_factor: 0.9555", "2:15: power_factor: expected a share from 0 to 1"),
        ("power_factor: .nan", "2:15: power_factor: expected a share from 0 to 1"),
        (
            "shape: {kind: wav, height: 1}",
            "2:8: shape: expected 'kind' to be wave or step, got 'wav'; did you mean wave?",
        ),
        ("shape: {height: 1}", "2:8: shape: expected 'kind' to say what this is"),
        ("shape: {kind: wave, height: high}", "2:29: shape.height: expected a number, got 'high'"),
        ("shape: {kind: wave, heigth: 1, height: 1}", "2:21: shape.heigth: unknown field; did you mean height?"),
        ("marks: [1, 2, 3]", "2:8: marks: expected at most 2 entries, got 3"),
        ("fuse: {1: x, rating: 50 A, curve: gG}", "2:8: fuse[1]: unknown field; known are rating, curve"),
        ("title: null", "2:8: title: expected text, got nothing"),
    ],
)
def test_each_error_says_where_which_field_and_what_was_expected(line, sentence):
    found = wrong(f"power: 1 kW\n{line}")
    assert len(found) == 1
    assert found[0].startswith(f"f.yaml:{sentence}")


def test_a_choice_of_kinds_is_told_as_one_expectation():
    assert wrong("{power: 1 kW, boxes: [{name: a, failsafe: of}]}") == [
        "f.yaml:1:43: boxes[0].failsafe: expected off or a current with its unit, such as 16 A, got 'of'; did you mean off?"
    ]
    assert wrong("{power: 1 kW, site: 5}") == ["f.yaml:1:21: site: expected text or a mapping, name: value, got 5"]


def test_where_one_kind_fits_in_outline_its_own_errors_are_told():
    assert wrong("{power: 1 kW, site: {name: B, onn: true}}") == [
        "f.yaml:1:28: site.name: expected a name of lower-case letters, digits, - and _, such as garage-2, got 'B'",
        "f.yaml:1:31: site.onn: unknown field; did you mean on?",
    ]


@pytest.mark.parametrize("text", ["", "5", "[]", "text"])
def test_a_file_that_is_no_mapping_is_told_so(text):
    assert wrong(text)[0].startswith("f.yaml:1:1: expected a mapping, name: value, got ")


def test_a_part_of_a_document_can_be_filled_and_is_named_whole():
    document = parse_yaml("a: {b: [{}, {name: yard}, {name: 3}]}", "f.yaml")
    assert fill(Box, document, ("a", "b", 1)).name == "yard"
    with pytest.raises(BadFile, match=r"^f.yaml:1:34: a.b\[2\].name: expected a name of .*, got 3$"):
        fill(Box, document, ("a", "b", 2))


def test_a_filled_form_does_not_change():
    box = fill(Box, parse_yaml("{name: yard}", "f.yaml"))
    with pytest.raises(ValidationError):
        box.name = "other"

"""YAML as this house reads it: core schema, places, and what is refused."""

import contextlib
import textwrap

import pytest
from hypothesis import given
from hypothesis import strategies as st

from chargebench.datasheets.errors import BadInput
from chargebench.datasheets.yamlfile import MAX_BYTES, Problems, field_text, parse_yaml, read_yaml


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("12:30:00", "12:30:00"),
        ("18:00", "18:00"),
        ("2026-01-12", "2026-01-12"),
        ("no", "no"),
        ("off", "off"),
        ("y", "y"),
        ("true", True),
        ("False", False),
        ("null", None),
        ("~", None),
        ("010", 10),
        ("-7", -7),
        ("0x1F", 31),
        ("0o17", 15),
        ("1_000", "1_000"),
        ("0b11", "0b11"),
        ("1e3", 1000.0),
        ("0.95", 0.95),
        (".5", 0.5),
        ("-.inf", float("-inf")),
        ("16 A", "16 A"),
        ('"5"', "5"),
        ("'true'", "true"),
        ("192.168.2.151:4701", "192.168.2.151:4701"),
        ("COM1,9600,8,n,1", "COM1,9600,8,n,1"),
        ("<<", "<<"),
    ],
)
def test_a_plain_scalar_is_what_yaml_1_2_says(text, value):
    found = parse_yaml(f"key: {text}", "f.yaml").value
    assert found == {"key": value}
    assert type(found["key"]) is type(value)


def test_not_a_number_is_a_float():
    assert str(parse_yaml(".nan", "f.yaml").value) == "nan"


def test_times_may_stand_in_flow_lists_without_quotes():
    found = parse_yaml("load: [[18:00, 2 kW], [18:12, 9 kW]]", "f.yaml")
    assert found.value == {"load": [["18:00", "2 kW"], ["18:12", "9 kW"]]}


DOCUMENT = parse_yaml(
    textwrap.dedent("""\
        site:
          connection: {limit: 34 kW, "fuse": {rating: 50 A}}
          evses:
            - {name: internal}
            - name: garage
              id: 1
          empty:
        7: seven
    """),
    "dir/f.yaml",
)


@pytest.mark.parametrize(
    ("loc", "value", "key"),
    [
        ((), "1:1", "1:1"),
        (("site",), "2:3", "1:1"),
        (("site", "connection"), "2:15", "2:3"),
        (("site", "connection", "limit"), "2:23", "2:16"),
        (("site", "connection", "fuse", "rating"), "2:47", "2:39"),
        (("site", "evses", 0), "4:7", "4:7"),
        (("site", "evses", 1, "id"), "6:11", "6:7"),
        (("site", "empty"), "7:3", "7:3"),
        ((7,), "8:4", "8:1"),
        (("site", "connection", "volts"), "2:15", "2:3"),
        (("site", "evses", 5, "name"), "4:5", "3:3"),
        (("world", "house"), "1:1", "1:1"),
    ],
)
def test_every_value_and_key_knows_its_place_and_what_is_missing_that_of_its_nearest(loc, value, key):
    assert DOCUMENT.where(loc) == f"dir/f.yaml:{value}"
    assert DOCUMENT.where(loc, key=True) == f"dir/f.yaml:{key}"


def test_a_flow_mapping_within_a_line_is_on_one_line_and_others_are_not():
    document = parse_yaml("a: {b: 1}\nc: {d: 1,\n  e: 2}\nf:\n  {g: 1}\nh:\n  i: 1\n", "f.yaml")
    assert [key for key in "acfh" if document.on_one_line((key,))] == ["a"]


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        ("a: 1\nb: 2\na: 3", "f.yaml:3:1: a: expected once, and line 1 has it too"),
        ("{x: {k: 1, k: 1}}", "f.yaml:1:12: k: expected once, and line 1 has it too"),
        ("a: [1, 2", "f.yaml:1:9: expected a comma or ]: the [ of line 1, column 4, is still open"),
        ("a: {b: 1\nc: 2", "f.yaml:2:2: expected a comma or }: the { of line 1, column 4, is still open"),
        ("a: 1\nb:2\nc: 3", "f.yaml:2:1: expected name: value, with a space after the colon"),
        ('a: "\\ud800"', "f.yaml:1:4: expected text, got half of a surrogate pair"),
        ("a: b: c", "f.yaml:1:5: expected YAML: mapping values are not allowed here"),
        ("a:\n\tb: 1", "f.yaml:2:1: expected spaces, got a tab"),
        ('a: "x', "f.yaml:1:6: expected YAML: "),
        ("a: \x07", "f.yaml:1:4: expected YAML: the character U+0007 may not stand in a file"),
        ("ok: 1\na: *x", "f.yaml:2:4: expected no anchor (&) or alias (*): write it out"),
        ("a: &x [1]", "f.yaml:1:4: expected no anchor"),
        ("&x a: 1", "f.yaml:1:1: expected no anchor"),
        ("a: !!python/name:os.system x", "f.yaml:1:4: expected no tag (!)"),
        ("a: !x {b: 1}", "f.yaml:1:4: expected no tag (!)"),
        ("a: 1\n---\nb: 2", "f.yaml:2:1: expected one document, got a second one"),
        ("%YAML 1.1\n---\na: no", "f.yaml:2:1: expected no % directive"),
        ("? [a]\n: 1", "f.yaml:1:3: expected a name or a whole number as key"),
        ("true: 1", "f.yaml:1:1: expected a name or a whole number as key"),
        ("1.5: 1", "f.yaml:1:1: expected a name or a whole number as key"),
        ("~: 1", "f.yaml:1:1: expected a name or a whole number as key"),
        ("[" * 40 + "]" * 40, "f.yaml:1:34: expected at most 32 levels"),
        ("a: " + "1" * 5000, "f.yaml:1:4: expected a number of at most 40 digits"),
    ],
)
def test_what_is_not_our_yaml_is_refused_with_its_place(text, sentence):
    with pytest.raises(BadInput) as refused:
        parse_yaml(text, "f.yaml")
    assert str(refused.value).startswith(sentence)
    assert "\n" not in str(refused.value)


def test_many_aliases_do_not_multiply():
    bomb = "a: &a [x, x, x, x]\n" + "\n".join(f"{key}: &{key} [*{key}, *{key}]" for key in "bcdefgh")
    with pytest.raises(BadInput, match="expected no anchor"):
        parse_yaml(bomb, "f.yaml")


def test_an_empty_file_is_nothing():
    assert parse_yaml("", "f.yaml").value is None
    assert parse_yaml("# only a remark\n", "f.yaml").where(("a",)) == "f.yaml:1:1"


def test_a_file_is_read_with_or_without_byte_order_mark(tmp_path):
    path = tmp_path / "f.yaml"
    path.write_bytes(b"\xef\xbb\xbfname: caf\xc3\xa9\n")
    document = read_yaml(path)
    assert document.value == {"name": "café"}
    assert document.where(("name",)) == f"{path}:1:7"
    assert read_yaml(path, "called.yaml").where() == "called.yaml:1:1"


@pytest.mark.parametrize(
    ("data", "sentence"),
    [
        (b"a: 1\nb: \xff", ":2:4: expected text in UTF-8, got byte 0xFF"),
        (b"#" * (MAX_BYTES + 1), ": expected at most 1000000 bytes, and the file is larger"),
    ],
)
def test_a_file_that_is_no_text_or_too_large_is_refused(tmp_path, data, sentence):
    path = tmp_path / "f.yaml"
    path.write_bytes(data)
    with pytest.raises(BadInput) as refused:
        read_yaml(path)
    assert str(refused.value) == f"{path}{sentence}"


def test_a_file_that_cannot_be_opened_is_bad_input(tmp_path):
    for path in (tmp_path / "none.yaml", tmp_path):
        with pytest.raises(BadInput) as refused:
            read_yaml(path)
        assert str(refused.value).startswith(f"{path}: cannot be read: ")


def test_problems_come_in_the_order_of_the_file_and_once_each():
    problems = Problems(DOCUMENT)
    assert not problems
    problems.raise_any()
    problems.add(("site", "evses", 1, "id"), "expected 2")
    problems.add(("site", "connection"), "expected less", key=True)
    problems.add(("site", "evses", 1, "id"), "expected 2")
    assert problems
    assert str(problems.as_file()).splitlines() == [
        "dir/f.yaml:2:3: site.connection: expected less",
        "dir/f.yaml:6:11: site.evses[1].id: expected 2",
    ]
    with pytest.raises(type(problems.as_file())):
        problems.raise_any()


def test_a_path_is_written_as_people_read_it():
    assert field_text(("site", "evses", 1, "meter")) == "site.evses[1].meter"
    assert field_text(()) == ""


@given(st.text(max_size=80) | st.text(alphabet='ab1:{}[],-&*!|>"\n \t#%?', max_size=80))
def test_any_text_is_a_document_with_places_inside_it_or_bad_input(text):
    with contextlib.suppress(BadInput):
        document = parse_yaml(text, "f.yaml")
        last = len(text.splitlines()) + 1
        assert all(1 <= place.line <= place.last_line <= last for place in document.places.values())

"""Recorded sessions: what their file means, and what is said of one that means nothing."""

from __future__ import annotations

from datetime import datetime, timedelta, timezone

import pytest
from hypothesis import given
from hypothesis import strategies as st

from chargebench.datasheets.errors import BadFile, BadInput
from chargebench.datasheets.yamlfile import MAX_BYTES, read_text
from chargebench.scenarios.sessions import local, offset_of, parse_sessions

HEAD = "session,arrival,departure,requested_kwh\n"
ROW = "1,2019-11-07 07:09:11-08:00,2019-11-07 08:44:13-08:00,14.6\n"
WEST = timezone(timedelta(hours=-8))


def parse(text, energy="requested_kwh"):
    return parse_sessions(text, "day.csv", energy)


def complaints(text, energy="requested_kwh"):
    with pytest.raises(BadFile) as refused:
        parse(text, energy)
    return str(refused.value).splitlines()


def test_a_session_is_what_its_line_says():
    (one,) = parse("# a comment, and an empty line\n\n" + HEAD + ROW)
    assert (one.name, one.line, one.energy_wh) == ("1", 4, 14_600)
    assert one.arrival == datetime(2019, 11, 7, 7, 9, 11, tzinfo=WEST)
    assert one.departure == datetime(2019, 11, 7, 8, 44, 13, tzinfo=WEST)


@pytest.mark.parametrize(
    "text",
    [
        "\n".join((HEAD + ROW).splitlines()),
        (HEAD + ROW).replace("\n", "\r\n"),
        HEAD + ROW.replace(" 07:", "T07:"),
        HEAD
        + ROW.replace(
            "1,2019",
            '"1","2019',
        ).replace("-08:00,2019", '-08:00",2019', 1),
        """requested_kwh, departure ,station,arrival,session
14.60,2019-11-07 08:44:13-08:00,"CA-315, ""old""\",2019-11-07 07:09:11-08:00,1
""",
    ],
)
def test_order_ends_of_lines_quotes_and_other_columns_make_no_difference(text):
    (plain,) = parse(HEAD + ROW)
    (other,) = parse(text)
    assert (other.arrival, other.departure, other.energy_wh) == (plain.arrival, plain.departure, plain.energy_wh)


@pytest.mark.parametrize(
    ("kwh", "wh"), [("0", 0), ("0.9139999999999999", 914), ("0.0004", 0), ("0.0005", 1), ("1000", 1_000_000)]
)
def test_energies_are_taken_to_the_nearest_watt_hour(kwh, wh):
    assert parse(HEAD + ROW.replace("14.6", kwh))[0].energy_wh == wh


@pytest.mark.parametrize(
    ("old", "new", "complaint"),
    [
        (
            "14.6",
            "14.6 kWh",
            "2:55: requested_kwh: expected an energy in kWh of at most 1000, such as 14.6, got '14.6 kWh'",
        ),
        ("14.6", "-1", "2:55: requested_kwh: expected an energy in kWh of at most 1000, such as 14.6, got '-1'"),
        (
            "14.6",
            "1000.1",
            "2:55: requested_kwh: expected an energy in kWh of at most 1000, such as 14.6, got '1000.1'",
        ),
        ("14.6", "nan", "2:55: requested_kwh: expected an energy in kWh of at most 1000, such as 14.6, got 'nan'"),
        ("14.6", "1e3", "2:55: requested_kwh: expected an energy in kWh of at most 1000, such as 14.6, got '1e3'"),
        ("14.6", "", "2:55: requested_kwh: expected an energy in kWh of at most 1000, such as 14.6, got ''"),
        ("14.6", "14.6,", "2:1: expected 4 fields, as the first line names, got 5"),
        (",14.6", "", "2:1: expected 4 fields, as the first line names, got 3"),
        (
            "1,2019",
            "A 1,2019",
            "2:1: session: expected a number or a name of lower-case letters, digits, - and _, got 'A 1'",
        ),
        (
            "2019-11-07 07:09:11-08:00",
            "07.11.2019 07:09",
            "2:3: arrival: expected a day and a time such as 2019-11-07 07:09:11-08:00, got '07.11.2019 07:09'",
        ),
        (
            "2019-11-07 07:09:11-08:00",
            "2019-11-31 07:09:11-08:00",
            "2:3: arrival: expected a day and a time of the calendar, got '2019-11-31 07:09:11-08:00'",
        ),
        (
            "2019-11-07 07:09:11-08:00",
            "0001-01-01 00:00:00+14:00",
            "2:3: arrival: expected a day and a time of the calendar, got '0001-01-01 00:00:00+14:00'",
        ),
        (
            "08:44:13-08:00",
            "08:44:13-25:00",
            "2:29: departure: expected a day and a time of the calendar, got '2019-11-07 08:44:13-25:00'",
        ),
        ("08:44:13-08:00", "07:09:11-08:00", "2:29: departure: expected a later time than the arrival"),
        ("08:44:13-08:00", "08:44:13-07:00", None),
        ("08:44:13-08:00", "08:44:13", "2:29: departure: expected an offset from UTC in both times or in none"),
        ("1,2019", '"1,2019', "2:1: expected a comma, and quotes around a whole field only"),
        ("1,2019", '1"x",2019', "2:2: expected a comma, and quotes around a whole field only"),
    ],
)
def test_what_is_wrong_in_a_line_is_said_with_its_place(old, new, complaint):
    text = HEAD + ROW.replace(old, new, 1)
    if complaint is None:
        assert parse(text)[0].departure - parse(text)[0].arrival == timedelta(minutes=35, seconds=2)
    else:
        assert complaints(text) == [f"day.csv:{complaint}"]


@pytest.mark.parametrize(
    ("text", "complaint"),
    [
        ("", "day.csv:1:1: expected a first line that names the columns: session, arrival, departure, requested_kwh"),
        (
            "# only\n",
            "day.csv:1:1: expected a first line that names the columns: session, arrival, departure, requested_kwh",
        ),
        (HEAD, "day.csv:1:1: expected at least one session below the names of the columns"),
        (
            HEAD.replace(",", ";") + ROW.replace(",", ";"),
            "day.csv:1:8: expected commas between the columns, got semicolons",
        ),
        (
            HEAD.replace("arrival", "arival") + ROW,
            "day.csv:1:1: expected a column arrival, and it is missing; did you mean arival?",
        ),
        (
            HEAD.replace("requested", "delivered") + ROW,
            "day.csv:1:1: expected a column requested_kwh, and it is missing; did you mean delivered_kwh?",
        ),
        (HEAD.replace("departure", "requested_kwh") + ROW, None),
    ],
)
def test_a_file_without_its_columns_is_refused(text, complaint):
    if complaint is None:
        assert complaints(text) == [
            "day.csv:1:17: requested_kwh: expected one column of this name",
            "day.csv:1:31: requested_kwh: expected one column of this name",
            "day.csv:1:1: expected a column departure, and it is missing",
        ]
    else:
        assert complaints(text) == [complaint]


def test_all_errors_of_a_file_come_at_once_in_its_order():
    rows = ROW + ROW.replace("14.6", "x") + ROW.replace("1,2019", "2,2019").replace("07:09:11", "7:09")
    assert [line.split(": ")[0:2] for line in complaints(HEAD + rows)] == [
        ["day.csv:3:1", "session"],
        ["day.csv:3:55", "requested_kwh"],
        ["day.csv:4:3", "arrival"],
    ]


def test_only_the_energy_that_is_asked_for_is_read():
    head, row = HEAD.strip() + ",delivered_kwh\n", ROW.strip() + ",none\n"
    assert parse(head + row)[0].energy_wh == 14_600
    assert len(complaints(head + row, "delivered_kwh")) == 1


@pytest.mark.parametrize(
    ("data", "complaint"),
    [
        (b"session,\xff\n", "1:9: expected text in UTF-8, got byte 0xFF"),
        (b"x" * (MAX_BYTES + 1), "expected at most 1000000 bytes, and the file is larger"),
        (None, "cannot be read: No such file or directory"),
    ],
)
def test_a_file_that_is_no_text_is_refused(tmp_path, data, complaint):
    path = tmp_path / "day.csv"
    if data is not None:
        path.write_bytes(data)
    with pytest.raises(BadInput) as refused:
        read_text(path)
    assert str(refused.value) in (f"{path}:{complaint}", f"{path}: {complaint}")


def test_a_byte_order_mark_is_no_part_of_the_first_name(tmp_path):
    path = tmp_path / "day.csv"
    path.write_text(HEAD + ROW, "utf-8-sig")
    assert len(parse(read_text(path))) == 1


def test_times_are_those_of_the_site_even_across_a_change_of_its_clock():
    rows = "1,2019-11-02 20:00-07:00,2019-11-03 08:00-08:00,5\n2,2019-11-02 21:00,2019-11-02 22:00,5\n"
    sessions = parse(HEAD + rows)
    offset = offset_of(sessions)
    assert offset == timedelta(hours=-7)
    arrival, departure = local(sessions[0], offset)
    assert departure - arrival == timedelta(hours=13)  # as long as it really was
    assert local(sessions[1], offset) == (datetime(2019, 11, 2, 21), datetime(2019, 11, 2, 22))  # noqa: DTZ001


@given(st.text(max_size=200) | st.lists(st.sampled_from([HEAD, ROW, ",", '"', "\r", "#", "\0", "é", "1"])).map("".join))
def test_whatever_stands_in_a_file_it_is_sessions_or_sentences(text):
    try:
        found = [str(one.line) for one in parse(text)]
    except BadFile as refused:
        found = [str(one) for one in refused.args]
    assert found
    assert all(one.isdecimal() or one.startswith("day.csv:") for one in found)

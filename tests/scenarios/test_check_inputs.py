"""``check`` knows the inputs of the master: where they are read, and whether anything goes by them."""

import pytest

from chargebench.scenarios.checks.rounds import rounds
from tests.scenarios.sites import findings, internal, meter, power, site_of, text

BY_INPUT = "{input: 2, on: 34 kW, off: stop}"


def about(inputs, total=BY_INPUT, meters=()):
    """What is said of the inputs of a site."""
    more = f"inputs:\n  - {inputs}\n" if inputs else ""
    connection = f"max_total_power: {total}, house_max: 10 A, fuse: {{rating: 63 A, curve: gG}}"
    whole = text(connection, internal(), meters=meters, more=more)
    return [(one.severity, one.field, one.sentence) for one in findings(whole) if one.field.startswith("inputs")]


def test_an_input_that_is_read_and_decides_something_is_nothing_to_find_fault_with():
    assert about("{number: 2, of: internal}") == []
    assert about("", total="34 kW") == []


def test_an_input_that_nobody_reads_is_told_with_the_entry_that_would_read_it():
    ((severity, _, sentence),) = about("")
    assert severity == "note"
    assert "nothing reads input 2" in sentence
    assert "{number: 2, of: internal} would read it" in sentence


def test_an_input_by_which_nothing_goes_is_told():
    assert ("note", "inputs[0]", "nothing goes by input 1") in about("{number: 1, of: internal}")


@pytest.mark.parametrize(
    ("inputs", "field", "words"),
    [
        ('{number: 2, at: "COM1,9600,8,n,1", id: 101, address: 0}', "inputs[0].id", "has id 101 at COM1 already"),
        ('{number: 2, at: "COM1,19200,8,n,1", id: 30, address: 0}', "inputs[0].at", "COM1 has one set of parameters"),
    ],
)
def test_an_input_in_the_way_of_a_meter_is_an_error(inputs, field, words):
    (found,) = [one for one in about(inputs, meters=(meter(at="COM1,9600,8,n,1"),)) if one[0] == "error"]
    assert (found[1], words in found[2]) == (field, True)


def test_the_reads_of_inputs_take_their_time_in_a_round():
    plain = text(f"{power(49)}, house_max: 0 A", internal(), meters=(meter(at="COM1,9600,8,n,1"),))
    entry = 'inputs:\n  - {number: 1, at: "COM1,9600,8,n,1", id: 30, kind: holding, address: 0}\n'
    requests = [{one.name: one.requests for one in rounds(site_of(whole))}["COM1"] for whole in (plain, plain + entry)]
    assert requests[1] == requests[0] + 1

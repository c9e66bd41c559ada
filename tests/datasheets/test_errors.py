"""Complaints: one sentence each, and they survive being copied."""

import copy
import pickle

import pytest

from chargebench.datasheets.errors import AmbiguousName, BadFile, BadInput, CannotOpen, Complaint, UnknownName, suggest

ALL = [
    (BadInput("f.yaml:1:2", "site.id", "expected 1"), "f.yaml:1:2: site.id: expected 1", 2),
    (BadInput("f.yaml", "", "cannot be read"), "f.yaml: cannot be read", 2),
    (BadFile(BadInput("f:1:1", "a", "x"), BadInput("f:2:1", "b", "y")), "f:1:1: a: x\nf:2:1: b: y", 2),
    (UnknownName("car", "zoo", ("zoe", "id3")), "unknown car 'zoo'; did you mean zoe?", 2),
    (AmbiguousName("cars", "zoe", ("zoe-1", "zoe-2")), "'zoe' may be several cars: zoe-1, zoe-2", 2),
    (CannotOpen("COM1", "busy"), "COM1: busy", 3),
]


@pytest.mark.parametrize(("complaint", "sentence", "status"), ALL, ids=lambda one: type(one).__name__)
def test_a_complaint_is_a_sentence_and_survives_copying(complaint, sentence, status):
    for one in (
        complaint,
        copy.copy(complaint),
        pickle.loads(pickle.dumps(complaint)),
        type(complaint)(*complaint.args),
    ):
        assert isinstance(one, Complaint)
        assert str(one) == sentence
        assert one.status == status


def test_an_unknown_name_is_a_lookup_error():
    assert isinstance(UnknownName("car", "x", ()), LookupError)


@pytest.mark.parametrize(
    ("name", "known", "end"),
    [
        ("silense", ["frozen", "silence"], "; did you mean silence?"),
        ("SLS-E", ["gG", "SLS-e"], "; did you mean SLS-e?"),
        ("xyz", ["gG", "SLS-E"], "; known are gG, SLS-E"),
        ("xyz", [], "; none is known"),
        ("zzz", [f"a{n}" for n in range(15)], "a9, a10, a11 and 3 more"),
    ],
)
def test_an_unknown_name_gets_the_nearest_known_one_or_the_list(name, known, end):
    assert suggest(name, known).endswith(end)

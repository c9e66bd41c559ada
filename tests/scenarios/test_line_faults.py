"""Faults that a proxy makes on a line: which requests they hit, what they do to them, and how people write them."""

from __future__ import annotations

import struct
from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from chargebench.datasheets.errors import BadFile, BadInput
from chargebench.emulator.adu import Adu, pack_mbap, pack_rtu, unpack_rtu
from chargebench.emulator.ascii import pack_ascii
from chargebench.manager.links.pace import TCP_PACE
from chargebench.manager.proxy.between import Later, Passed
from chargebench.manager.proxy.config import SERVED_PACE, Behind
from chargebench.manager.site import SerialAddress
from chargebench.scenarios.line_faults import IDS, KINDS, Faulty, parse_fault, read_faults

COM1 = SerialAddress("COM1", 9_600, 8, "N", 1)
LINE = Behind("COM1", "serial", "/dev/ttyUSB0", COM1, SERVED_PACE)
ASCII = Behind("COM2", "serial", "/dev/ttyUSB1", replace(COM1, port="COM2", mode="ascii"), SERVED_PACE)
BOX = Behind("box", "tcp", "192.168.2.151:4701", None, TCP_PACE)
READ, WORDS = struct.pack(">BHH", 3, 8092, 2), b"\x03\x04\x00\x01\x00\x02"
ASKED, ANSWER = pack_rtu(7, READ), pack_rtu(7, WORDS)


def faulty(*texts: str, behind: Behind = LINE, seed: int = 1) -> Faulty:
    return Faulty(behind, [parse_fault(text) for text in texts], seed)


def passed(
    text: str, asked: bytes = ASKED, answer: bytes = ANSWER, behind: Behind = LINE
) -> tuple[Passed, list[Later]]:
    """What goes out and comes back of one request whose answer comes in two portions."""
    between = faulty(text, behind=behind)
    out = between.leaves(asked)
    return out, [*between.comes(answer[:4]), *between.comes(answer[4:])]


def test_without_a_fault_everything_passes_at_once():
    assert passed("garble share=0%") == (Passed(ASKED), [Later(0, ANSWER[:4]), Later(0, ANSWER[4:])])


def test_a_unit_that_is_silent_hears_nothing_and_one_whose_answer_is_lost_does():
    between = faulty("silence units=7")
    assert between.leaves(ASKED) == Passed(b"")
    assert between.leaves(pack_rtu(8, READ)) == Passed(pack_rtu(8, READ))
    assert passed("lost") == (Passed(ASKED), [])


def test_an_answer_comes_late_only_when_nobody_waits_for_it_any_more():
    assert passed("delay by=800ms")[1] == [Later(800_000, ANSWER[:4]), Later(800_000, ANSWER[4:])]
    first, second = passed("late")[1]
    assert first.after_us == second.after_us > SERVED_PACE.answer_us


def test_a_garbled_answer_is_one_by_one_to_three_bits_and_its_check_tells():
    out, parts = passed("garble")
    data = b"".join(part.data for part in parts)
    assert out == Passed(ASKED)
    assert 1 <= sum((a ^ b).bit_count() for a, b in zip(data, ANSWER, strict=True)) <= 3
    assert unpack_rtu(data) is None


def test_zeros_an_echo_two_pieces_and_a_second_answer_leave_the_answer_whole():
    zeros = passed("zeros")[1]
    assert zeros[0].data.lstrip(b"\0") == ANSWER[:4]
    assert 1 <= len(zeros[0].data) - 4 <= 5
    out, parts = passed("echo")
    assert [later.data for later in out.back] == [ASKED]
    assert b"".join(part.data for part in parts) == ANSWER
    split = passed("split")[1]
    assert b"".join(part.data for part in split) == ANSWER
    assert sorted({part.after_us for part in split}) == [0, 30_000]
    assert passed("twice by=10ms")[1] == [Later(0, ANSWER[:4]), Later(0, ANSWER[4:]), Later(10_000, ANSWER)]


@pytest.mark.parametrize(
    ("behind", "asked", "answer"),
    [
        (LINE, ASKED, pack_rtu(7, b"\x83\x02")),
        (ASCII, pack_ascii(7, READ), pack_ascii(7, WORDS)),
        (BOX, pack_mbap(Adu(7, READ, 99)), pack_mbap(Adu(7, WORDS, 99))),
    ],
)
def test_an_answer_that_comes_twice_comes_whole_in_every_framing(behind: Behind, asked: bytes, answer: bytes):
    assert passed("twice", asked, answer, behind)[1][2:] == [Later(1_000, answer)]


@pytest.mark.parametrize(
    ("behind", "asked", "refused"),
    [
        (LINE, ASKED, pack_rtu(7, b"\x83\x06")),
        (ASCII, pack_ascii(7, READ), pack_ascii(7, b"\x83\x06")),
        (BOX, pack_mbap(Adu(7, READ, 99)), pack_mbap(Adu(7, b"\x83\x06", 99))),
    ],
)
def test_an_exception_is_said_in_the_framing_of_the_line_without_asking_the_unit(
    behind: Behind, asked: bytes, refused: bytes
):
    out = faulty("exception code=6", behind=behind).leaves(asked)
    assert (out.out, [later.data for later in out.back]) == (b"", [refused])
    assert all(later.after_us > 0 for later in out.back)


@given(st.integers(0, 2**64), st.sampled_from(["1%", "10%", "55.5%"]))
def test_the_same_requests_are_hit_the_same_way_whatever_comes_between_and_in_whatever_pieces(seed: int, share: str):
    texts = [f"{kind} share={share}" for kind in sorted(KINDS)]
    whole, pieces = faulty(*texts, seed=seed), faulty(*texts, seed=seed)
    for _ in range(40):
        assert whole.leaves(ASKED) == pieces.leaves(ASKED)
        once = list(whole.comes(ANSWER))
        bytewise = [later for k in range(len(ANSWER)) for later in pieces.comes(ANSWER[k : k + 1])]
        for after_us in {later.after_us for later in once}:
            joined = [b"".join(one.data for one in some if one.after_us == after_us) for some in (once, bytewise)]
            assert joined[0] == joined[1]
    assert whole.done == pieces.done


def test_a_share_is_a_share_and_another_line_has_chances_of_its_own():
    hits = []
    for name in ("COM1", "COM2"):
        between = faulty("lost share=10%", behind=replace(LINE, name=name))
        for _ in range(2_000):
            between.leaves(ASKED)
        hits.append(between.done["lost"])
    assert all(140 <= count <= 260 for count in hits)
    assert hits[0] != hits[1]


def test_a_fault_hits_the_requests_that_it_names_and_broadcasts_only_by_silence():
    between = faulty("silence requests=2-3 functions=3")
    assert [bool(between.leaves(ASKED).out) for _ in range(4)] == [True, False, False, True]
    everybody = pack_rtu(0, b"\x06\x00\x01\x00\x02")
    assert faulty("exception").leaves(everybody) == Passed(everybody)
    assert faulty("silence").leaves(everybody) == Passed(b"")


def test_every_number_of_the_field_is_a_fault_that_there_is():
    assert [parse_fault(number).kind in KINDS for number in IDS] == [True] * len(IDS)
    assert (parse_fault("F11").code, parse_fault("F12").code) == (224, 4)


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("garbel", "did you mean garble"),
        ("garble share=101%", "expected a share"),
        ("garble share=1", "expected a share"),
        ("garble units=3-1", "expected units from 0 to 255"),
        ("garble units=x", "expected units such as 1-3,7"),
        ("garble often", "expected share=, lines=, units="),
        ("late by=5", "expected a duration with its unit"),
        ("late by=0s", "expected a time above 0 s"),
        ("exception code=256", "from 0 to 255"),
        ("exception code=1-2", "expected the code of an exception"),
    ],
)
def test_what_is_no_fault_is_told(text: str, said: str):
    with pytest.raises(ValueError, match=said):
        parse_fault(text)


def test_a_file_has_a_fault_a_line_and_all_its_errors_are_told_at_once(tmp_path: Path):
    path = tmp_path / "faults.txt"
    path.write_text("# a bad night\ngarble share=2%  # by the lift\n\nF05\n", "utf-8")
    assert [fault.kind for fault in read_faults([str(path), "lost"])] == ["garble", "zeros", "lost"]
    path.write_text("garble\nloud\nlate by=1\n", "utf-8")
    with pytest.raises(BadFile) as caught:
        read_faults([str(path)])
    assert [str(error).split(": expected")[0] for error in caught.value.args] == [f"{path}:2", f"{path}:3"]
    with pytest.raises(BadInput, match=r"or a file of them, got 'none\.txt'"):
        read_faults(["none.txt"])

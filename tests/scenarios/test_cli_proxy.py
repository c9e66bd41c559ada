"""What ``chargebench proxy`` makes of its options, and what it complains of before anything is opened."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from chargebench.datasheets.errors import Complaint
from chargebench.manager.proxy.config import Before, Behind
from chargebench.scenarios.cli import chargebench, status
from chargebench.scenarios.verbs_proxy import Wish, config_of

LINE = "COM1,9600,8,n,1=/dev/ttyUSB0"


def wish(*lines: str, listen: tuple[str, ...] = (), units: tuple[str, ...] = (), gap: str | None = None) -> Wish:
    return Wish(
        lines,
        listen,
        units,
        (),
        read_only=False,
        answer=None,
        gap=gap,
        echo=False,
        retries=1,
        clients=64,
        idle=None,
        as_json=True,
    )


def kinds(*behind: Behind) -> list[tuple[str, str, str, str]]:
    return [(one.name, one.kind, one.target, str(one.address)) for one in behind]


def test_lines_of_each_kind_are_understood():
    config = config_of(
        wish(
            LINE,
            "COM2,38400,8,e,1,ascii=/dev/ttyUSB1",
            "garage=tcp://192.168.2.151:4701",
            "COM3,19200,8,n,1=rtu-tcp://10.0.0.7:4196",
            "far=rtu-tcp://10.0.0.8:4196",
        )
    )
    assert kinds(*config.lines) == [
        ("COM1", "serial", "/dev/ttyUSB0", "COM1,9600,8,n,1"),
        ("COM2", "serial", "/dev/ttyUSB1", "COM2,38400,8,e,1,ascii"),
        ("garage", "tcp", "192.168.2.151:4701", "None"),
        ("COM3", "rtu-tcp", "10.0.0.7:4196", "COM3,19200,8,n,1"),
        ("far", "rtu-tcp", "10.0.0.8:4196", "None"),
    ]
    assert [(one.host, one.port, one.line) for one in config.listeners] == [
        ("127.0.0.1", 0, one.name) for one in config.lines
    ]
    assert config_of(wish(LINE, gap="0 s")).lines[0].gap_us == 0


def test_who_names_no_host_listens_on_the_loopback_alone():
    config = config_of(wish(LINE, listen=("4701", ":4702=COM1/3", "0.0.0.0:4703=COM1", "[::1]:4704"), units=("101=1",)))
    assert config.listeners == (
        Before("127.0.0.1", 4701, "COM1"),
        Before("127.0.0.1", 4702, "COM1", 3),
        Before("0.0.0.0", 4703, "COM1"),
        Before("::1", 4704, "COM1"),
    )
    assert config.units == {101: 1}


@pytest.mark.parametrize(
    ("options", "complaint"),
    [
        ((), "--line: expected a line and its port, such as COM1,9600,8,n,1=/dev/ttyUSB0"),
        (("--line", "COM1,9600,8,n,1"), "--line: expected a line and its port, such as COM1,9600,8,n,1=/dev/ttyUSB0"),
        (("--line", "COM1=/dev/ttyUSB0"), "--line: expected an address such as"),
        (("--line", "1.2.3.4:502=/dev/ttyUSB0"), "--line: expected a line and its port"),
        (("--line", "box=tcp://1.2.3.4"), "--line: expected an address such as"),
        (("--line", "box=tcp://COM1,9600,8,n,1"), "--line: expected a line and its port"),
        (("--line", LINE, "--line", LINE), "--line: expected each line once, got COM1 twice"),
        (("--line", LINE, "--listen", "70000"), "--listen: expected an address and its line"),
        (("--line", LINE, "--listen", "4701=COM1/256"), "--listen: expected an address and its line"),
        (("--line", LINE, "--listen", "4701=COM2"), "unknown line 'COM2'; did you mean COM1?"),
        (
            ("--line", LINE, "--line", "b=tcp://1.2.3.4:502", "--listen", "4701"),
            "--listen: expected an address and its line",
        ),
        (("--line", LINE, "--unit", "101"), "--unit: expected what clients call a unit and its id, such as 101=1"),
        (("--line", LINE, "--allow", "units=x"), "--allow: expected units such as 1-3,7, got 'x'"),
        (("--line", LINE, "--answer", "5"), "--answer: expected a duration with its unit"),
        (("--line", LINE, "--retries", "11"), "Invalid value for '--retries'"),
        (("--line", LINE, "--every", "10 ms"), "--every: expected 100 ms or more"),
        (
            ("--line", LINE, "--faults", "garbel"),
            "--faults: expected a fault such as 'garble share=1% units=1-3', or a file",
        ),
        (("--line", LINE, "--faults", "late lines=COM2"), "unknown line 'COM2'; did you mean COM1?"),
    ],
)
def test_a_wrong_option_is_told_in_one_sentence(
    options: tuple[str, ...], complaint: str, capsys: pytest.CaptureFixture[str]
):
    assert status(lambda: chargebench.main(["proxy", *options], standalone_mode=False)) == 2
    out, err = capsys.readouterr()
    assert out == ""
    assert complaint in err


SITE = """\
connection: {max_total_power: 14 kW}
evses:
  - {name: garage, device: power-brain, at: "COM1,19200,8,n,1", id: 1, meter: {device: eastron-sdm630, id: 21}}
  - {name: yard, device: power-brain, at: "192.168.2.151:4701"}
  - {name: roof, device: abl-emh1, at: "COM2,38400,8,e,1", id: 1}
"""


def test_of_a_site_the_serial_lines_are_served_where_they_are_said_to_be(tmp_path: Path):
    path = tmp_path / "site.yaml"
    path.write_text(SITE, "utf-8")
    config = config_of(replace(wish("COM1=/dev/ttyUSB0", listen=("4701=COM1", "4702=COM2")), site=path))
    assert kinds(*config.lines) == [
        ("COM1", "serial", "/dev/ttyUSB0", "COM1,19200,8,n,1"),
        ("COM2", "serial", "/dev/COM2", "COM2,38400,8,e,1,ascii"),
    ]
    assert [(one.port, one.line) for one in config.listeners] == [(4701, "COM1"), (4702, "COM2")]


@pytest.mark.parametrize(
    ("text", "complaint"),
    [
        (SITE.replace("COM2,38400,8,e,1", "COM1,38400,8,e,1"), "expected one way to use COM1, got"),
        (
            SITE.replace("COM1,19200,8,n,1", "192.168.2.1:4701").replace("COM2,38400,8,e,1", "192.168.2.2:4701"),
            "a serial line",
        ),
    ],
)
def test_a_site_without_lines_or_with_a_line_that_cannot_be_is_told(text: str, complaint: str, tmp_path: Path):
    path = tmp_path / "site.yaml"
    path.write_text(text, "utf-8")
    with pytest.raises(Complaint, match=complaint):
        config_of(replace(wish(), site=path))

"""What ``chargebench proxy`` makes of its options, and what it complains of before anything is opened."""

from __future__ import annotations

import pytest

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
        ((), "Missing option '--line'"),
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
    ],
)
def test_a_wrong_option_is_told_in_one_sentence(
    options: tuple[str, ...], complaint: str, capsys: pytest.CaptureFixture[str]
):
    assert status(lambda: chargebench.main(["proxy", *options], standalone_mode=False)) == 2
    out, err = capsys.readouterr()
    assert out == ""
    assert complaint in err

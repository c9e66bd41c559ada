"""The site file: what an installer types becomes a site, and every error of it is told at its place."""

import pytest

from chargebench.datasheets.errors import BadFile
from chargebench.manager.site import BoxMeter, SerialAddress, TcpAddress
from chargebench.manager.site_file import parse_address, read_site

CONNECTION = (
    "connection: {max_total_power: 34 kW, reserve: 2.5 kW, house_max: 14 A, fuse: {rating: 50 A, curve: SLS-E}}\n"
)
THIRD_PARTY = '  - {{name: box{0}, device: heidelberg-energy-control, at: "COM1,19200,8,e,1", id: {0}}}\n'
SLAVE = '  - {{name: box{0}, device: power-brain, at: "192.168.2.{0}:4701"}}\n'


@pytest.fixture
def written(tmp_path):
    def write(text):
        path = tmp_path / "site.yaml"
        path.write_text(CONNECTION + text)
        return path

    return write


@pytest.mark.parametrize(
    ("text", "address"),
    [
        ("192.168.2.151:4701", TcpAddress("192.168.2.151", 4701)),
        ("COM1,9600,8,n,1", SerialAddress("COM1", 9600, 8, "N", 1)),
        ("0.0.0.255:1", TcpAddress("0.0.0.255", 1)),
        ("wallbox-2.garage.lan:65535", TcpAddress("wallbox-2.garage.lan", 65_535)),
        ("COM2,19200,8,E,1", SerialAddress("COM2", 19200, 8, "E", 1)),
        ("COM2,38400,7,e,1,ascii", SerialAddress("COM2", 38400, 7, "E", 1, "ascii")),
    ],
)
def test_addresses_are_read_exactly_as_users_write_them(text, address):
    assert parse_address(text) == address


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("192.168.2.151", ""),
        ("192.168.2.151:0", ", with a port from 1 to 65535"),
        ("192.168.2.151:70000", ", with a port from 1 to 65535"),
        ("999.168.2.151:4701", ", with four numbers from 0 to 255 before the port"),
        ("192.168.2.256:4701", ", with four numbers from 0 to 255 before the port"),
        ("192.168.2:4701", ", with four numbers from 0 to 255 before the port"),
        ("192.168.2.151.9:4701", ", with four numbers from 0 to 255 before the port"),
        ("192.168.2.0151:4701", ", with four numbers from 0 to 255 before the port"),
        ("garage..lan:502", ""),
        ("garage-.lan:502", ""),
        (f"{'garage.' * 40}lan:502", ""),
        ("http://garage:502", ""),
        ("COM1,9600,9,n,1", ""),
        ("COM1, 9600, 8, n, 1", ""),
        ("COM1,9600,8,n,1,rtu", ""),
        ("COM1", ""),
        ("", ""),
    ],
)
def test_what_is_no_address_is_refused_with_an_example_and_what_is_wrong_where_it_is_nearly_one(text, why):
    with pytest.raises(ValueError, match="expected") as refused:
        parse_address(text)
    example = "expected an address such as 192.168.2.151:4701 or COM1,9600,8,n,1"
    assert str(refused.value) == f"{example}{why}, got {text[:60]!r}"


def test_the_house_is_counted_per_phase_and_never_rounded_up(written):
    site = read_site(written("evses:\n  - {name: internal, device: power-brain}\n"))
    assert (site.connection.limit_ma, site.connection.reserve_ma) == (49_275, 3_623)
    assert site.boxes[0].internal
    assert site.boxes[0].address == TcpAddress("localhost", 4701)


def test_the_meter_of_a_box_is_at_its_host_or_on_its_line(written):
    site = read_site(
        written(
            "evses:\n"
            '  - {name: a, device: power-brain, at: "192.168.2.151:4701", meter: {device: power-brain-s0, port: 4702, id: 2}}\n'
            '  - {name: b, device: power-brain, at: "COM1,9600,8,n,1", id: 3, meter: {device: eastron-sdm630, id: 20}}\n'
        )
    )
    assert site.boxes[0].meter == BoxMeter("power-brain-s0", TcpAddress("192.168.2.151", 4702), 2)
    assert site.boxes[1].meter == BoxMeter("eastron-sdm630", SerialAddress("COM1", 9600, 8, "N", 1), 20)


def test_a_device_that_speaks_ascii_only_is_reached_so_and_its_address_says_it(written):
    site = read_site(
        written(
            "evses:\n"
            '  - {name: a, device: abl-emh1, at: "COM1,38400,8,e,1", id: 2}\n'
            '  - {name: b, device: abl-emh1, at: "COM1,38400,8,e,1,ascii", id: 3}\n'
            '  - {name: c, device: power-brain, at: "COM2,9600,8,n,1", id: 3, meter: {device: eastron-sdm630, id: 20}}\n'
            '  - {name: d, device: nobodys, at: "COM3,9600,8,n,1", id: 3}\n'
        )
    )
    assert [str(box.address) for box in site.boxes] == [
        "COM1,38400,8,e,1,ascii",
        "COM1,38400,8,e,1,ascii",
        "COM2,9600,8,n,1",
        "COM3,9600,8,n,1",
    ]
    assert all(parse_address(str(box.address)) == box.address for box in site.boxes)


def test_the_26th_slave_is_refused_at_its_line(written):
    read_site(written("evses:\n" + "".join(SLAVE.format(k) for k in range(1, 26))))
    with pytest.raises(BadFile, match=r"site.yaml:28:5: evses\[25\]: expected at most 25 slave EVSEs"):
        read_site(written("evses:\n" + "".join(SLAVE.format(k) for k in range(1, 27))))


@pytest.mark.parametrize(("licences", "allowed"), [(0, [True] * 3 + [False]), (1, [True] * 4)])
def test_the_fourth_box_of_another_maker_needs_a_licence(written, licences, allowed):
    evses = "".join(THIRD_PARTY.format(k) for k in range(1, 5))
    site = read_site(written(f"licences: {licences}\nevses:\n{evses}"))
    assert [box.licensed for box in site.boxes] == allowed


def test_all_errors_of_a_file_are_told_at_once_with_line_and_column(written):
    text = (
        "evses:\n"
        "  - {name: a, device: power-brain, at: 192.168.2.151, id: 300}\n"
        "  - {name: a, device: power-brain, phasen: L1}\n"
        "meters: []\n"
    )
    with pytest.raises(BadFile) as told:
        read_site(written(text))
    lines = str(told.value).splitlines()
    assert [line.split(": ")[1] for line in lines] == ["evses[0].at", "evses[0].id", "evses[1].phasen"]
    assert "did you mean phases?" in lines[2]


@pytest.mark.parametrize(("said", "managed"), [("on", True), ("observation", False), ("off", False)])
def test_a_site_is_managed_only_where_its_load_management_is_on(written, said, managed):
    box = "evses:\n  - {name: internal, device: power-brain}\n"
    assert read_site(written(f"load_management: {said}\n{box}")).management is managed


METER = (
    "evses:\n  - {{name: internal, device: power-brain}}\nmeters:\n"
    '  - {{name: grid, device: eastron-sdm630, at: "192.168.2.9:502", id: 1, role: grid supply{}}}\n'
)


@pytest.mark.parametrize(("said", "factor"), [("", 1), (", factor: -1", -1), (", factor: 50", 50)])
def test_what_a_meter_shows_counts_once_unless_its_factor_says_otherwise(written, said, factor):
    assert read_site(written(METER.format(said))).meters[0].factor == factor


@pytest.mark.parametrize("said", ["0", "1001", "-1001"])
def test_a_factor_that_no_meter_has_is_refused(written, said):
    due = rf"meters\[0\]\.factor: expected a whole number from 1 to 1000, or below 0 to turn signs, got {said}"
    with pytest.raises(BadFile, match=due):
        read_site(written(METER.format(f", factor: {said}")))

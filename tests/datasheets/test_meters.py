"""The datasheets of meters against the facts of their sources: where they are reached, and how each reading is encoded."""

import pytest

from chargebench.datasheets.load import load, names

METERS = [
    "abb-b23",
    "bernecker-mpm3pm",
    "carlo-gavazzi-em24",
    "carlo-gavazzi-em24-ethernet",
    "carlo-gavazzi-em340",
    "chint-dtsu666",
    "dzg-dvh4013",
    "eastron-sdm120",
    "eastron-sdm630",
    "eastron-sdm72",
    "eastron-sdm72-v2",
    "inepro-pro380",
    "janitza-b23",
    "orno-we514",
    "orno-we516",
    "power-brain-s0",
    "siemens-pac2200",
    "sunspec-203",
    "ytl-dts353",
]
PHASES = ("l1", "l2", "l3")


def test_nineteen_meters_are_known():
    assert [name for name in names() if load(name).kind == "meter"] == METERS


@pytest.mark.parametrize(
    ("name", "place", "reads", "most"),
    [
        ("abb-b23", ("rtu", "19200,8,e,1", 1, 0), (3,), 125),
        ("bernecker-mpm3pm", ("rtu", "9600,8,n,1", 5, 0), (4,), 10),
        ("carlo-gavazzi-em24", ("rtu", "9600,8,n,1", 1, 0), (4,), 11),
        ("carlo-gavazzi-em24-ethernet", ("tcp", "", 1, 502), (4,), 50),
        ("carlo-gavazzi-em340", ("rtu", "9600,8,n,1", 1, 0), (4,), 50),
        ("chint-dtsu666", ("rtu", "9600,8,n,1", 1, 0), (3,), 80),
        ("dzg-dvh4013", ("rtu", "9600,8,e,1", 1, 0), (3,), 2),
        ("eastron-sdm120", ("rtu", "2400,8,n,1", 1, 0), (3, 4), 20),
        ("eastron-sdm630", ("rtu tcp", "9600,8,n,1", 1, 502), (3, 4), 80),
        ("eastron-sdm72", ("rtu", "9600,8,n,1", 1, 0), (4,), 50),
        ("eastron-sdm72-v2", ("rtu", "9600,8,n,1", 1, 0), (3, 4), 50),
        ("inepro-pro380", ("rtu", "9600,8,e,1", 1, 0), (3,), 60),
        ("janitza-b23", ("rtu tcp", "9600,8,n,1", 1, 502), (3,), 125),
        ("orno-we514", ("rtu", "9600,8,e,1", 1, 0), (3,), 2),
        ("orno-we516", ("rtu", "9600,8,e,1", 1, 0), (3,), 48),
        ("siemens-pac2200", ("tcp", "", 1, 502), (3, 4), 125),
        ("sunspec-203", ("tcp rtu", "9600,8,n,1", 1, 502), (3,), 125),
        ("ytl-dts353", ("rtu", "9600,8,e,1", 1, 0), (3,), 2),
    ],
)
def test_a_meter_is_reached_as_its_clients_reach_it(name, place, reads, most):
    sheet = load(name)
    assert (" ".join(sheet.transports), sheet.serial, sheet.unit, sheet.port) == place
    assert (sheet.reads, sheet.max_read) == (reads, most)


# Encoding of a quantity, and the addresses of L1, L2, L3, then of all phases (None: there is none).
ENCODED = [
    ("abb-b23", "voltage", "holding u32 big mV 100", (23296, 23298, 23300, None)),
    ("abb-b23", "current", "holding u32 big mA 10", (23308, 23310, 23312, None)),
    ("abb-b23", "power", "holding i32 big W 1/100", (23318, 23320, 23322, 23316)),
    ("abb-b23", "import", "holding u64 big Wh 10", (21600, 21604, 21608, 20480)),
    ("abb-b23", "export", "holding u64 big Wh 10", (21612, 21616, 21620, 20484)),
    ("bernecker-mpm3pm", "voltage", "input u32 big mV 100", (8, 10, 12, None)),
    ("bernecker-mpm3pm", "current", "input u32 big mA 10", (14, 16, 18, None)),
    ("bernecker-mpm3pm", "power", "input i32 big W 1/100", (20, 22, 24, 38)),
    ("bernecker-mpm3pm", "import", "input u32 big Wh 10", (None, None, None, 2)),
    ("bernecker-mpm3pm", "export", "input u32 big Wh 10", (None, None, None, 4)),
    ("carlo-gavazzi-em24", "voltage", "input i32 little mV 100", (0, 2, 4, None)),
    ("carlo-gavazzi-em24", "current", "input i32 little mA 1", (12, 14, 16, None)),
    ("carlo-gavazzi-em24", "power", "input i32 little W 1/10", (18, 20, 22, 40)),
    ("carlo-gavazzi-em24", "import", "input i32 little Wh 100", (70, 72, 74, 66)),
    ("carlo-gavazzi-em24", "export", "input i32 little Wh 100", (None, None, None, 92)),
    ("carlo-gavazzi-em24-ethernet", "power", "input i32 little W 1/10", (18, 20, 22, 40)),
    ("carlo-gavazzi-em24-ethernet", "import", "input i32 little Wh 100", (64, 66, 68, 52)),
    ("carlo-gavazzi-em24-ethernet", "export", "input i32 little Wh 100", (None, None, None, 78)),
    ("carlo-gavazzi-em340", "current", "input i32 little mA 1", (12, 14, 16, None)),
    ("carlo-gavazzi-em340", "power", "input i32 little W 1/10", (18, 20, 22, 40)),
    ("carlo-gavazzi-em340", "import", "input i32 little Wh 100", (64, 66, 68, 52)),
    ("chint-dtsu666", "voltage", "holding f32 big mV 100", (8198, 8200, 8202, None)),
    ("chint-dtsu666", "current", "holding f32 big mA 1", (8204, 8206, 8208, None)),
    ("chint-dtsu666", "power", "holding f32 big W 1/10", (8212, 8214, 8216, 8210)),
    ("chint-dtsu666", "import", "holding f32 big Wh 1000", (4128, 4130, 4132, 4126)),
    ("chint-dtsu666", "export", "holding f32 big Wh 1000", (4138, 4140, 4142, 4136)),
    ("dzg-dvh4013", "voltage", "holding u32 big mV 10", (4, 6, 8, None)),
    ("dzg-dvh4013", "current", "holding u32 big mA 1", (10, 12, 14, None)),
    ("dzg-dvh4013", "import", "holding u32 big Wh 1", (16416, 16448, 16480, 16384)),
    ("dzg-dvh4013", "export", "holding u32 big Wh 1", (16672, 16704, 16736, 16640)),
    ("eastron-sdm120", "import", "input f32 big Wh 1000", (None, None, None, 72)),
    ("eastron-sdm630", "import", "input f32 big Wh 1000", (346, 348, 350, 72)),
    ("eastron-sdm630", "export", "input f32 big Wh 1000", (352, 354, 356, 74)),
    ("eastron-sdm72", "power", "input f32 big W 1", (None, None, None, 52)),
    ("eastron-sdm72", "import", "input f32 big Wh 1000", (None, None, None, 72)),
    ("eastron-sdm72-v2", "voltage", "input f32 big mV 1000", (0, 2, 4, None)),
    ("eastron-sdm72-v2", "current", "input f32 big mA 1000", (6, 8, 10, None)),
    ("eastron-sdm72-v2", "power", "input f32 big W 1", (12, 14, 16, 52)),
    ("inepro-pro380", "voltage", "holding f32 big mV 1000", (20482, 20484, 20486, 20480)),
    ("inepro-pro380", "current", "holding f32 big mA 1000", (20492, 20494, 20496, 20490)),
    ("inepro-pro380", "power", "holding f32 big W 1000", (20500, 20502, 20504, 20498)),
    ("inepro-pro380", "import", "holding f32 big Wh 1000", (24594, 24596, 24598, 24588)),
    ("inepro-pro380", "export", "holding f32 big Wh 1000", (24606, 24608, 24610, 24600)),
    ("janitza-b23", "voltage", "holding f32 big mV 1000", (19000, 19002, 19004, None)),
    ("janitza-b23", "current", "holding f32 big mA 1000", (19012, 19014, 19016, None)),
    ("janitza-b23", "power", "holding f32 big W 1", (19020, 19022, 19024, 19026)),
    ("janitza-b23", "import", "holding f32 big Wh 1", (19062, 19064, 19066, 19068)),
    ("janitza-b23", "export", "holding f32 big Wh 1", (19070, 19072, 19074, 19076)),
    ("orno-we514", "voltage", "holding u16 big mV 10", (None, None, None, 305)),
    ("orno-we514", "current", "holding u32 big mA 1", (None, None, None, 313)),
    ("orno-we514", "power", "holding u32 big W 1", (None, None, None, 320)),
    ("orno-we514", "total", "holding u32 big Wh 10", (None, None, None, 40960)),
    ("orno-we516", "voltage", "holding f32 big mV 1000", (14, 16, 18, None)),
    ("orno-we516", "current", "holding f32 big mA 1000", (22, 24, 26, None)),
    ("orno-we516", "power", "holding f32 big W 1000", (30, 32, 34, 28)),
    ("orno-we516", "import", "holding f32 big Wh 1000", (266, 268, 270, 264)),
    ("orno-we516", "export", "holding f32 big Wh 1000", (274, 276, 278, 272)),
    ("orno-we516", "total", "holding f32 big Wh 1000", (258, 260, 262, 256)),
    ("siemens-pac2200", "voltage", "input f32 big mV 1000", (1, 3, 5, None)),
    ("siemens-pac2200", "current", "input f32 big mA 1000", (13, 15, 17, None)),
    ("siemens-pac2200", "power", "input f32 big W 1", (25, 27, 29, 65)),
    ("siemens-pac2200", "import", "input f64 big Wh 1", (None, None, None, 801)),
    ("siemens-pac2200", "export", "input f64 big Wh 1", (None, None, None, 809)),
    ("sunspec-203", "voltage", "holding i16 big mV 1000 v_sf", (40078, 40079, 40080, 40077)),
    ("sunspec-203", "current", "holding i16 big mA 1000 a_sf", (40073, 40074, 40075, 40072)),
    ("sunspec-203", "power", "holding i16 big W 1 w_sf", (40089, 40090, 40091, 40088)),
    ("sunspec-203", "import", "holding u32 big Wh 1 totwh_sf", (40118, 40120, 40122, 40116)),
    ("sunspec-203", "export", "holding u32 big Wh 1 totwh_sf", (40110, 40112, 40114, 40108)),
    ("ytl-dts353", "voltage", "holding f32 big mV 1000", (14, 16, 18, None)),
    ("ytl-dts353", "current", "holding f32 big mA 1000", (22, 24, 26, None)),
    ("ytl-dts353", "power", "holding f32 big W 1000", (30, 32, 34, 28)),
]


@pytest.mark.parametrize(("name", "quantity", "encoded", "addresses"), ENCODED)
def test_a_reading_stands_where_and_as_its_clients_read_it(name, quantity, encoded, addresses):
    registers = {one.name: one for one in load(name).registers}
    whole = f"{quantity}_energy" if quantity in ("import", "export", "total") else quantity
    found = [registers.get(one) for one in (*(f"{quantity}_{phase}" for phase in PHASES), whole)]
    assert tuple(one and one.at for one in found) == addresses
    assert {_encoding(one) for one in found if one} == {encoded}


def _encoding(one):
    order = "little" if one.little else "big"
    return f"{one.table} {one.type} {order} {one.unit} {one.scale} {one.exponent}".strip()


def meter_of(name):
    meter = load(name).meter
    assert meter is not None
    return meter


def named(name):
    """The registers that the block of a meter names, each once."""
    meter = meter_of(name)
    lists = (meter.voltages, meter.currents, meter.powers, meter.imports, meter.exports)
    single = (meter.power, meter.feed_in, meter.imported, meter.exported, meter.total)
    return [one for one in dict.fromkeys((*sum(lists, ()), *single)) if one]


@pytest.mark.parametrize("name", METERS)
def test_everything_that_a_meter_is_read_for_is_proven(name):
    proven = {one.register for one in load(name).golden}
    assert [one for one in named(name) if one not in proven] == []


@pytest.mark.parametrize("name", [name for name in METERS if name != "power-brain-s0"])
def test_every_line_of_a_meter_has_a_source(name):
    assert [one.name for one in load(name).registers if not one.source] == []


@pytest.mark.parametrize(
    ("name", "phases", "sign", "current_sign", "accuracy"),
    [
        ("abb-b23", 3, "import", "none", "B"),
        ("bernecker-mpm3pm", 3, "import", "none", ""),
        ("carlo-gavazzi-em24", 3, "import", "unknown", ""),
        ("carlo-gavazzi-em24-ethernet", 3, "import", "unknown", ""),
        ("carlo-gavazzi-em340", 3, "import", "unknown", "1"),
        ("chint-dtsu666", 3, "unknown", "unknown", ""),
        ("dzg-dvh4013", 3, "none", "none", ""),
        ("eastron-sdm120", 1, "import", "none", "1"),
        ("eastron-sdm630", 3, "import", "none", "1"),
        ("eastron-sdm72", 3, "import", "unknown", ""),
        ("eastron-sdm72-v2", 3, "import", "none", "1"),
        ("inepro-pro380", 3, "import", "unknown", ""),
        ("janitza-b23", 3, "import", "unknown", ""),
        ("orno-we514", 1, "none", "none", ""),
        ("orno-we516", 3, "import", "unknown", ""),
        ("power-brain-s0", 3, "none", "none", ""),
        ("siemens-pac2200", 3, "import", "unknown", ""),
        ("sunspec-203", 3, "import", "unknown", ""),
        ("ytl-dts353", 3, "unknown", "unknown", ""),
    ],
)
def test_a_meter_tells_directions_as_its_sources_say(name, phases, sign, current_sign, accuracy):
    meter = meter_of(name)
    assert (meter.phases, meter.sign, meter.current_sign, meter.accuracy) == (phases, sign, current_sign, accuracy)


def test_drawn_and_fed_in_power_of_a_dzg_are_two_registers():
    sheet, meter = load("dzg-dvh4013"), meter_of("dzg-dvh4013")
    assert (meter.power, meter.feed_in) == ("import_power", "export_power")
    assert (sheet.register("import_power").at, sheet.register("export_power").at) == (0, 2)


def test_what_nobody_has_verified_is_marked_and_nothing_else():
    doubtful = {name: [one.name for one in load(name).registers if one.unverified] for name in METERS}
    settings = ["pulse_width", "parity_stop", "network_node", "baud_rate"]
    assert {name: found for name, found in doubtful.items() if found} == {
        "bernecker-mpm3pm": ["power_factor_l1"],
        "eastron-sdm630": settings,
        "eastron-sdm72-v2": settings,
        "janitza-b23": ["apparent_l1"],
        "siemens-pac2200": ["frequency"],
        "ytl-dts353": ["frequency", "power_factor", "total_energy", "import_energy", "export_energy"],
    }


def test_nothing_of_an_abb_that_it_does_not_measure_is_taken_for_a_number():
    sheet = load("abb-b23")
    marks = {one.type: hex(one.absent) for one in sheet.registers if one.absent is not None}
    assert marks == {
        "u64": "0xffffffffffffffff",
        "u32": "0xffffffff",
        "i32": "0x7fffffff",
        "u16": "0xffff",
        "i16": "0x7fff",
    }
    assert all(sheet.register(one).absent is not None for one in named("abb-b23"))


def test_a_sunspec_meter_fills_its_two_models_without_a_hole():
    sheet = load("sunspec-203")
    taken = [one.at + offset for one in sheet.registers for offset in range(one.count)]
    assert sorted(taken) == list(range(40_000, 40_179))
    sunspec = sheet.sunspec
    assert sunspec is not None
    assert (sunspec.start(1), sunspec.start(203), sunspec.end) == (40_002, 40_070, 40_177)
    assert sunspec.bases == (40_000, 0, 50_000)


def test_every_exponent_of_a_sunspec_meter_stands_behind_the_values_that_it_scales():
    sheet = load("sunspec-203")
    scaled = {one.exponent for one in sheet.registers if one.exponent}
    assert scaled == {one.name for one in sheet.registers if one.name.endswith("_sf")}
    assert all(sheet.register(one.exponent).at > one.at for one in sheet.registers if one.exponent)


@pytest.mark.parametrize(
    ("name", "quirks"),
    [
        ("eastron-sdm630", ["ten-times-frequency"]),
        ("eastron-sdm72", ["restarts-when-hurried"]),
        ("eastron-sdm72-v2", ["ten-words-a-read", "restarts-when-hurried", "ten-times-frequency"]),
        ("eastron-sdm120", ["leading-zero-byte", "ten-times-frequency"]),
        ("carlo-gavazzi-em24", ["no-export"]),
        ("carlo-gavazzi-em24-ethernet", ["ten-times-frequency"]),
        ("carlo-gavazzi-em340", ["ten-times-frequency"]),
        (
            "sunspec-203",
            [
                "short-common-model",
                "power-of-other-sign",
                "begins-at-0",
                "begins-at-50000",
                "without-phase-powers",
                "one-phase",
                "changing-exponents",
                "exponents-missing-at-times",
            ],
        ),
    ],
)
def test_what_only_some_units_of_a_meter_do_has_a_name_and_is_off(name, quirks):
    named_ones = [one for one in load(name).quirks if one.name]
    assert [one.name for one in named_ones] == quirks
    assert all(one.rare for one in named_ones)

"""What every meter of the catalogue has on the wire for the same currents, word by word: format, order, scale, sign, direction.

For an hour 16 A are drawn on L1 at 230 V, and then for half an hour 16 A are fed in there: 3,680 W, 3,680 Wh, 1,840 Wh.
"""

from __future__ import annotations

from types import SimpleNamespace

import pytest

from chargebench.datasheets.codec import decode, scaled
from chargebench.datasheets.load import names
from chargebench.emulator.devices.measured import meter_device
from chargebench.emulator.devices.registers import Hooks
from chargebench.emulator.devices.sdm630 import sdm630
from chargebench.emulator.flow import ZERO, Flow
from chargebench.emulator.meter import PhaseMeter, Source
from tests.emulator.boxes import sheet_of
from tests.emulator.test_general_meters import resolution
from tests.emulator.worlds import HOUR, grid_meter

A = 1_000_000_000

W_F32 = [0x4566, 0], [0xC566, 0]  # 3680.0 and -3680.0
KW_F32 = [0x406B, 0x851F], [0xC06B, 0x851F]  # 3.68 and -3.68
KWH_F32 = [0x406B, 0x851F], [0x3FEB, 0x851F]  # 3.68 and 1.84
WH_F32 = [0x4566, 0], [0x44E6, 0]  # 3680.0 and 1840.0
TENTH_W_LOW_FIRST = [0x8FC0, 0], [0x7040, 0xFFFF]  # 36800 and -36800
HUNDREDTH_W = [0x0005, 0x9D80], [0xFFFA, 0x6280]  # 368000 and -368000
UNSIGNED_AMPS_F32 = [0x4180, 0], [0x4180, 0]  # 16.0, whatever its direction

FACTS = {
    # sheet: (its power on L1 while 3,680 W are drawn, and fed in), (imported, exported energy in the end), current likewise
    "abb-b23": ("power_l1", HUNDREDTH_W, ([0, 0, 0, 368], [0, 0, 0, 184]), ([0, 1600], [0, 1600])),
    "bernecker-mpm3pm": ("power_l1", HUNDREDTH_W, ([0, 368], [0, 184]), ([0, 1600], [0, 1600])),
    "carlo-gavazzi-em24": ("power_l1", TENTH_W_LOW_FIRST, ([36, 0], [18, 0]), ([16_000, 0], [16_000, 0])),
    "carlo-gavazzi-em24-ethernet": ("power_l1", TENTH_W_LOW_FIRST, ([36, 0], [18, 0]), ([16_000, 0], [16_000, 0])),
    "carlo-gavazzi-em340": ("power_l1", TENTH_W_LOW_FIRST, ([36, 0], [18, 0]), ([16_000, 0], [16_000, 0])),
    "chint-dtsu666": ("power_l1", ([0x470F, 0xC000], [0xC70F, 0xC000]), KWH_F32, ([0x467A, 0], [0x467A, 0])),
    "dzg-dvh4013": ("import_power", ([0, 36_800], [0, 0]), ([0, 3_680], [0, 1_840]), ([0, 16_000], [0, 16_000])),
    "eastron-sdm120": ("power", W_F32, KWH_F32, UNSIGNED_AMPS_F32),
    "eastron-sdm630": ("power_l1", W_F32, KWH_F32, UNSIGNED_AMPS_F32),
    "eastron-sdm72": ("power", W_F32, KWH_F32, None),
    "eastron-sdm72-v2": ("power_l1", W_F32, KWH_F32, UNSIGNED_AMPS_F32),
    "inepro-pro380": ("power_l1", KW_F32, KWH_F32, UNSIGNED_AMPS_F32),
    "janitza-b23": ("power_l1", W_F32, WH_F32, UNSIGNED_AMPS_F32),
    "orno-we514": ("power", ([0, 3_680], [0, 3_680]), ([0, 552], None), ([0, 16_000], [0, 16_000])),
    "orno-we516": ("power_l1", KW_F32, KWH_F32, UNSIGNED_AMPS_F32),
    "siemens-pac2200": ("power_l1", W_F32, ([0x40AC, 0xC000, 0, 0], [0x409C, 0xC000, 0, 0]), UNSIGNED_AMPS_F32),
    "sunspec-203": ("power_l1", ([368], [0xFE90]), ([0, 3_680], [0, 1_840]), ([1_600], [1_600])),
    "ytl-dts353": ("power_l1", KW_F32, None, UNSIGNED_AMPS_F32),
}
PER_PHASE = {
    "both": [
        "abb-b23",
        "chint-dtsu666",
        "dzg-dvh4013",
        "eastron-sdm630",
        "inepro-pro380",
        "janitza-b23",
        "orno-we516",
        "sunspec-203",
    ],
    "imports": ["carlo-gavazzi-em24", "carlo-gavazzi-em24-ethernet", "carlo-gavazzi-em340"],
}


def nobody(*_args):
    """Nobody minds."""


class Wired:
    """One meter on a flow that turns after an hour."""

    def __init__(self, name, factor=1000, **changes):
        self.sheet, self.flow = sheet_of(name), Flow()
        self.clock = SimpleNamespace(now_us=0, advance=lambda _: 1 << 62)
        spec = grid_meter(device=name, wiring=(0, 1, 2)[: self.sheet.meter.phases], **changes)
        self.meter = PhaseMeter(spec, Source(self.flow, 230_000, (0, 1, 2), lambda *_: False))
        make = sdm630 if name == "eastron-sdm630" else meter_device
        self.device = make(self.sheet, self.meter, 1, self.clock, Hooks(nobody, nobody, nobody))
        for at_us, amps in ((0, 16), (HOUR, -16), (3 * HOUR // 2, 0)):
            self.flow.set(at_us, (amps * A, 0, 0), ZERO, ((amps * A * factor // 1000, 0, 0), ZERO))
            if at_us == 0:
                self.drawn = self.all_words(HOUR - 1)
            elif amps:
                self.fed = self.all_words(3 * HOUR // 2 - 1)
        self.last = self.all_words(3 * HOUR // 2)

    def all_words(self, at_us):
        self.clock.now_us = at_us
        return {
            one.name: [*self.device.read(one.table, one.at, one.count)] for one in self.sheet.registers if one.readable
        }


@pytest.mark.parametrize("name", FACTS)
def test_a_meter_has_these_words_for_what_flows(name):
    one, (power, watts, energies, amps) = Wired(name), FACTS[name]
    block = one.sheet.meter
    assert (one.drawn[power], one.fed[power]) == watts
    if block.power:
        assert (one.drawn[block.power], one.fed[block.power]) == watts
    if block.feed_in:
        assert (one.drawn[block.feed_in], one.fed[block.feed_in]) == (watts[1], watts[0])
    if energies is not None:
        assert one.last[block.imported or block.total] == energies[0]
        assert energies[1] is None or one.last[block.exported] == energies[1]
    if amps is not None:
        assert (one.drawn[block.currents[0]], one.fed[block.currents[0]]) == amps
    for registers, words in ((block.imports, energies and energies[0]), (block.exports, energies and energies[1])):
        assert not registers or one.last[registers[0]] == words


def test_the_table_has_every_meter_but_the_one_that_counts_pulses():
    assert {*FACTS, "power-brain-s0"} == {name for name in names() if sheet_of(name).kind == "meter"}


@pytest.mark.parametrize("name", FACTS)
def test_energies_of_single_phases_are_where_the_real_meter_has_them(name):
    block = sheet_of(name).meter
    due = next((what for what, those in PER_PHASE.items() if name in those), "")
    assert (bool(block.imports), bool(block.exports)) == (due in {"both", "imports"}, due == "both")


@pytest.mark.parametrize("name", FACTS)
def test_a_meter_shows_nothing_new_before_its_own_interval_is_over(name):
    one = Wired(name, interval_us=10_000_000, offset_us=3_000_000)
    one.flow.set(2 * HOUR, (5 * A, 5 * A, 5 * A), ZERO)
    before = one.all_words(2 * HOUR + 2_999_999)
    assert before == one.all_words(2 * HOUR)
    assert before != one.all_words(2 * HOUR + 3_000_000)


QUANTITIES = {
    "frequency": 50_000,
    "power_factor": 800,
    "power_factor_l1": 800,
    "power_factor_l2": 1000,
    "apparent": 3_680,
    "apparent_l1": 3_680,
    "apparent_l2": 0,
    "reactive": 2_208,
    "reactive_l1": 2_208,
    "current": 16_000,
    "voltage": 230_000,
    "voltage_ll": 398_371,
    "voltage_l1_l2": 398_371,
    "voltage_l3_l1": 398_371,
    "total_l1": 4_416,
    "total_l2": 0,
    "reactive_import": 2_206,
}
"""At a power factor of 0.8: 2,944 W and 2,208 var of 3,680 VA; energies of both directions in the end, the
reactive one 1 s before the hour is over, of 3,678 VAh and 2,943 Wh."""


@pytest.mark.parametrize("name", FACTS)
def test_what_follows_from_it_is_shown_where_there_is_a_register_for_it(name):
    one, looked = Wired(name, factor=800), 0
    for register in one.sheet.registers:
        if register.name not in QUANTITIES:
            continue
        due, words = QUANTITIES[register.name], one.drawn[register.name]
        words = one.last[register.name] if register.name.startswith("total_") else words
        plain = scaled(register, one.sheet.register(register.exponent).default) if register.exponent else register
        seen = decode(plain, words)
        assert isinstance(seen, int)
        assert abs(seen - due) <= resolution(one.sheet, register.name), (register.name, words)
        looked += 1
    assert looked >= (1 if name != "eastron-sdm72" else 0)

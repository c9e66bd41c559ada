"""SunSpec meters: found wherever their map begins, walked over without trust, and looked for again only when they moved."""

import asyncio
from collections.abc import Callable

import pytest
from hypothesis import given
from hypothesis import strategies as st

from chargebench.datasheets.codec import encode, scaled
from chargebench.datasheets.load import load
from chargebench.manager.drivers.base import Elsewhere, Read, Sought
from chargebench.manager.drivers.registry import meter_driver
from chargebench.manager.drivers.sunspec import MODELS_MOST, SunSpecMeter
from chargebench.manager.meter_poll import MeterPoll
from chargebench.manager.notes import Note, Teller
from chargebench.manager.outcomes import Answer, NoAnswer, Refusal

SHEET = load("sunspec-203")
SUNS = [0x5375, 0x6E53]
COMMON = [1, 66, *[0x2020] * 66]
END = [0xFFFF, 0]
START = SHEET.register("m203_id").at
LENGTH = 105
HEADS_MOST = 3 + MODELS_MOST


def model(number=203, length=LENGTH, **values):
    """The words of a meter's model: 11 A, 2 A and 7 A, 4,600 W, 12,000 Wh, unless told otherwise, in raw words or house units."""
    words = dict.fromkeys(range(length + 2), 0x8000) | {0: number, 1: length}
    exponents = {"a_sf": -2, "w_sf": 1, "v_sf": -1, "totwh_sf": 0}
    shown = {"current_l1": 11_000, "current_l2": 2_000, "current_l3": 7_000, "power": 4_600, "import_energy": 12_000}
    shown |= {"power_l1": 2_530, "power_l2": 460, "power_l3": 1_610}
    for name, value in (exponents | shown | values).items():
        register = SHEET.register(name)
        if isinstance(value, list):
            found = value
        elif register.exponent:
            found = [*encode(scaled(register, exponents[register.exponent]), value)]
        else:
            found = [*encode(register, value)]
        words.update({register.at - START + k: word for k, word in enumerate(found)})
    return [words[k] for k in range(length + 2)]


class Map:
    """What a device has: words from an address on. What lies outside is refused, or, where it is ``dumb``, not answered."""

    def __init__(self, *models, at=40_000, begin=None, dumb=False):
        self.dumb, self.most = dumb, 125
        self.asked: list[Read] = []
        self.words: dict[int, int] = {}
        self.beyond: Callable[[int], int | None] = lambda _: None
        self.put(at, *(models or (COMMON, model(), END)), begin=begin)

    def put(self, at, *models, begin=None):
        self.words = dict(
            enumerate([*(SUNS if begin is None else begin), *(word for one in models for word in one)], at)
        )

    def words_of(self, read):
        self.asked.append(read)
        if read.count > self.most:
            return ()
        at = range(read.address, read.address + read.count)
        found = tuple(self.words.get(one, self.beyond(one)) for one in at)
        return () if None in found or read.table != "holding" else found

    # -- as a link

    async def read(self, _unit, read):
        words = self.words_of(read)
        return Answer(1, words) if words else NoAnswer() if self.dumb else Refusal(2)


def search(device):
    """Every request that a search makes, with the driver that it comes to; ``ValueError``."""
    driver, heard = meter_driver("sunspec-203", load), dict[Read, tuple[int, ...]]()
    assert isinstance(driver, Sought)
    while (read := driver.seek(heard)) is not None:
        assert read not in heard
        assert len(heard) < HEADS_MOST
        heard[read] = device.words_of(read)
    return driver.placed(heard), tuple(heard)


def reading(device):
    driver, _ = search(device)
    return driver.understand(0, {read: device.words_of(read) for read in driver.reads()})


@pytest.mark.parametrize(("at", "bases"), [(40_000, [40_000]), (0, [40_000, 0]), (50_000, [40_000, 0, 50_000])])
def test_a_map_is_found_at_every_base_where_one_may_begin(at, bases):
    device = Map(at=at)
    driver, asked = search(device)
    assert [read.address for read in asked] == [*bases, at + 70]
    assert driver.reads() == (Read("holding", at + 70, 55),)
    assert reading(device).phases_ma == (11_000, 2_000, 7_000)


@pytest.mark.parametrize("common", [COMMON, [1, 65, *[0x2020] * 65]])
@pytest.mark.parametrize("between", [[], [[103, 50, *[7] * 50]], [[103, 50, *[7] * 50], [160, 48, *[0] * 48]]])
def test_a_meter_is_found_behind_any_models(common, between):
    found = reading(Map(common, *between, model(), END))
    assert (found.phases_ma, found.power_w, found.energy_wh) == ((11_000, 2_000, 7_000), 4_600, 12_000)


@pytest.mark.parametrize(("number", "phases"), [(201, 1), (203, 3), (204, 3)])
def test_models_of_the_same_layout_have_their_own_phases(number, phases):
    absent = {f"{what}_l{k}": [0x8000] for what in ("current", "power") for k in (2, 3) if phases == 1}
    assert reading(Map(COMMON, model(number, **absent), END)).phases_ma == (
        11_000,
        2_000 * (phases > 1),
        7_000 * (phases > 2),
    )


def test_what_is_fed_in_is_negative_and_a_phase_without_a_power_counts_as_drawn():
    fed = {"power_l1": -2_530, "power": -2_530}
    assert reading(Map(COMMON, model(**fed), END)).phases_ma == (-11_000, 2_000, 7_000)
    assert reading(Map(COMMON, model(**fed | {"power_l1": [0x8000]}), END)).phases_ma == (11_000, 2_000, 7_000)
    assert reading(Map(COMMON, model(**fed), END)).power_w == -2_530


def test_a_scale_that_changes_counts_with_the_value_that_came_with_it():
    device = Map()
    driver, _ = search(device)
    for scale, words, ma in ((-2, 1_234, 12_340), (-3, 12_340, 12_340), (0, 12, 12_000)):
        device.put(40_000, COMMON, model(a_sf=scale, current_l1=[words]), END)
        answers = {read: device.words_of(read) for read in driver.reads()}
        assert driver.understand(0, answers).phases_ma[0] == ma


@pytest.mark.parametrize("missing", ["import_energy", "totwh_sf"])
def test_an_energy_that_is_not_there_is_none_and_the_rest_counts(missing):
    words = [0xFFFF, 0xFFFF] if missing == "import_energy" else [0x8000]
    found = reading(Map(COMMON, model(**{missing: words}), END))
    assert (found.energy_wh, found.power_w) == (None, 4_600)


@pytest.mark.parametrize(
    ("device", "sentence"),
    [
        (Map(begin=[0, 0]), "no map of SunSpec at 40000, 0 or 50000"),
        (Map(at=10_000), "no map of SunSpec at 40000, 0 or 50000"),
        (Map(begin=[0x6E53, 0x5375]), "no map of SunSpec at 40000, 0 or 50000"),
        (Map(model(), END), "the map at 40000 begins with model 203 of length 105, not with model 1 of 65 or 66"),
        (Map([1, 0], model(), END), "the map at 40000 begins with model 1 of length 0, not with model 1 of 65 or 66"),
        (Map(COMMON, END), "the map at 40000 has no meter that can be read, only model 1"),
        (Map(COMMON, [103, 2, 0, 0], END), "the map at 40000 has no meter that can be read, only models 1, 103"),
        (Map(COMMON, [202, 105, *[0] * 105], END), "has no meter that can be read, only models 1, 202"),
        (
            Map(COMMON, [103, 0], model(), END),
            "model 103 at 40070 has a length of 0, so nobody knows where the next one is",
        ),
        (Map(COMMON, [103, 40_000]), "the map at 40000 leads beyond the last address, after models 1, 103"),
        (Map(COMMON, [103, 9]), "the map at 40000 breaks off at 40081, after models 1, 103"),
        (Map(COMMON), "the map at 40000 breaks off at 40070, after model 1"),
        (Map(COMMON, *[[103, 1, 0]] * 40), "the map at 40000 has no end: 32 models and no meter among them"),
        (Map(COMMON, model(length=60), END), None),
        (Map(COMMON, [203, 20, *[0] * 105], END), "model 203 at 40070 has a length of 20, and 53 words are needed"),
        (
            Map(COMMON, [103, 25_418, *[0] * 25_418], model(length=55)),
            "model 203 at 65490 leads beyond the last address",
        ),
    ],
)
def test_a_map_that_is_wrong_is_refused_with_a_sentence(device, sentence):
    if sentence is None:
        assert reading(device).phases_ma == (11_000, 2_000, 7_000)
        return
    with pytest.raises(ValueError, match=sentence):
        search(device)


@pytest.mark.parametrize(
    ("values", "sentence"),
    [
        ({"a_sf": [11]}, "current_l1 has an exponent from -10 to 10, got 11"),
        ({"a_sf": [0xFFF5]}, "current_l1 has an exponent from -10 to 10, got -11"),
        ({"a_sf": [0x8000]}, "a_sf is 8000, which stands for no value"),
        ({"w_sf": [0x8000]}, "w_sf is 8000, which stands for no value"),
        ({"a_sf": [10]}, "current_l1 is 11000000000000000 mA, beyond"),
        ({"current_l2": [0x8000]}, "current_l2 is 8000, which stands for no value"),
        ({"power": [0x8000]}, "power is 8000, which stands for no value"),
        ({"totwh_sf": [200]}, "import_energy has an exponent from -10 to 10, got 200"),
    ],
)
def test_a_value_that_cannot_be_is_no_reading_and_says_why(values, sentence):
    with pytest.raises(ValueError, match=sentence) as caught:
        reading(Map(COMMON, model(**values), END))
    assert not isinstance(caught.value, Elsewhere)


WORD = st.one_of(st.sampled_from([0, 1, 65, 66, 105, 203, 0x8000, 0xFFFF, *SUNS]), st.integers(0, 0xFFFF))
BEGINS: dict[str, list[int]] = {
    "": [],
    "suns": SUNS,
    "common": [*SUNS, *COMMON],
    "model": [*SUNS, *COMMON, 203, 105],
    "meter": [*SUNS, *COMMON, *model(), *END],
}


def outcome(device):
    """The reading that a device gives, or the sentence that says why there is none."""
    try:
        return reading(device)
    except ValueError as error:
        return str(error)


@given(
    st.lists(WORD, max_size=200), st.sampled_from(sorted(BEGINS)), st.none() | st.lists(WORD, min_size=1, max_size=9)
)
def test_no_map_whatever_makes_a_search_fall_or_go_on_for_ever(words, begins, everywhere):
    """``everywhere``: what stands at all other addresses, again and again; None: nothing."""
    device = Map(words, begin=BEGINS[begins])
    if everywhere is not None:
        device.beyond = lambda at: everywhere[at % len(everywhere)]
    found = outcome(device)
    assert len(device.asked) <= HEADS_MOST + 1
    if isinstance(found, str):
        assert found.isprintable()
        assert 20 < len(found) < 300
    else:
        assert all(abs(ma) <= 1_000_000 for ma in found.phases_ma)


@given(st.dictionaries(st.integers(2, LENGTH + 1), WORD, max_size=12))
def test_no_words_in_the_model_of_a_meter_are_read_beyond_any_house(words):
    device = Map()
    device.words.update({40_070 + k: word for k, word in words.items()})
    found = outcome(device)
    assert isinstance(found, str) or all(abs(ma) <= 1_000_000 for ma in found.phases_ma)
    assert isinstance(found, str) or abs(found.power_w) <= 700_000


# -- rounds -----------------------------------------------------------------------------------------------------------


class Told:
    """A meter that is polled, and what was told of it."""

    def __init__(self, device, factor=1):
        self.device, self.notes = device, list[Note]()
        teller = Teller(self.notes.append, lambda: 5)
        self.poll = MeterPoll("grid", 1, meter_driver("sunspec-203", load), device, teller, factor)

    @property
    def phases_ma(self):
        return None if self.poll.reading is None else self.poll.reading.phases_ma

    def round(self):
        """The requests of one round."""
        self.device.asked.clear()
        asyncio.run(self.poll.round())
        return [read.address for read in self.device.asked]

    @property
    def kinds(self):
        return [note.kind for note in self.notes]


def test_a_meter_is_looked_for_once_and_read_by_one_request_from_then_on():
    one = Told(Map(at=0))
    assert one.round() == [40_000, 0, 70, 70]
    assert one.phases_ma == (11_000, 2_000, 7_000)
    assert [one.round() for _ in range(3)] == [[70]] * 3
    assert one.notes == []


def test_a_meter_that_has_moved_is_looked_for_anew_and_one_that_was_only_silent_is_not():
    one = Told(Map())
    one.round()
    words, one.device.dumb = dict(one.device.words), True
    one.device.words.clear()
    assert one.round() == [40_070]
    one.device.words.update(words)
    assert one.round() == [40_070]
    assert one.kinds == ["silent", "back"]
    one.device.dumb = False
    one.device.put(40_000, COMMON, [103, 4, 0, 0, 0, 0], model(), END)
    assert one.round() == [40_070]
    assert one.round() == [40_000, 40_070, 40_076, 40_076]
    one.device.put(50_000, COMMON, model(), END)
    assert one.round() == [40_076, 40_076]
    assert one.round() == [40_000, 0, 50_000, 50_070, 50_070]
    assert one.kinds == ["silent", "back", "impossible", "silent", "back", "silent", "back"]
    assert "at 40070 stands model 103 of length 4, and model 203 of length 105 stood there" in str(one.notes[2])


def test_a_meter_that_refuses_to_tell_so_much_at_once_is_asked_in_small_requests_from_then_on():
    one = Told(Map())
    one.device.most = 10
    small = [40_070, 40_073, 40_088, 40_116, 40_124]
    assert one.round() == [40_000, 40_070, 40_070, *small]
    assert one.phases_ma == (11_000, 2_000, 7_000)
    assert one.round() == small
    assert one.notes == []
    assert one.poll.reading is not None
    assert (one.poll.reading.power_w, one.poll.reading.energy_wh) == (4_600, 12_000)


def test_a_meter_that_says_nothing_to_an_address_that_it_does_not_have_is_found_round_by_round():
    one = Told(Map(at=50_000, dumb=True))
    assert [one.round() for _ in range(3)] == [[40_000], [0], [50_000, 50_070, 50_070]]
    assert one.poll.reading is not None


def test_a_device_without_a_map_is_told_once_and_asked_anew_every_round():
    one = Told(Map(begin=[0, 0]))
    assert [one.round() for _ in range(2)] == [[40_000, 0, 50_000]] * 2
    assert one.kinds == ["impossible", "silent"]
    one.device.put(40_000, COMMON, model(), END)
    one.round()
    assert one.kinds == ["impossible", "silent", "back"]


@pytest.mark.parametrize(
    ("factor", "amps", "watts", "energy"),
    [(-1, (-11_000, -2_000, -7_000), -4_600, None), (50, (550_000, 100_000, 350_000), 230_000, 600_000)],
)
def test_what_a_meter_shows_counts_as_often_as_its_factor_says(factor, amps, watts, energy):
    one = Told(Map(), factor)
    one.round()
    reading = one.poll.reading
    assert reading is not None
    assert (reading.phases_ma, reading.power_w, reading.energy_wh) == (amps, watts, energy)


def test_what_a_sunspec_meter_reads_before_it_was_found_is_what_its_sheet_has():
    driver = meter_driver("sunspec-203", load)
    assert isinstance(driver, SunSpecMeter)
    assert driver.reads() == (Read("holding", START, 55),)
